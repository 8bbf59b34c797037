"""Programs that ask the API about the registry, in this process and with keys of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import psycopg
from fastapi import FastAPI

from api.access.roles import Role
from tests.support.callers import bearer
from tests.support.registry_builder import RegistryBuilder

__all__ = ["RegistryApi"]

_AUDITED: Final = """
    SELECT action, actor, before, after FROM audit_entries
    WHERE record_kind = %s ORDER BY number DESC LIMIT 1
"""

_OPEN_CREDENTIALS: Final = "SELECT username FROM credentials WHERE revoked_at IS NULL"


@dataclass(slots=True)
class RegistryApi:
    """The application on a database that a test fills."""

    app: FastAPI
    connection: psycopg.Connection
    build: RegistryBuilder
    """What it has built is committed before anything is asked."""
    _headers: dict[tuple[Role, str | None], dict[str, str]] = field(default_factory=dict)

    def header(self, role: Role, platform: str | None = None) -> dict[str, str]:
        """The header of a program with this role."""
        self.connection.commit()
        if (role, platform) not in self._headers:
            self._headers[role, platform] = bearer(self.connection, role, platform)
        return self._headers[role, platform]

    async def ask(
        self,
        method: str,
        path: str,
        *,
        by: Role = Role.ADMIN,
        of: str | None = None,
        json: Mapping[str, Any] | None = None,
        raw: str | None = None,
        revision: int | str | None = None,
        **query: str | int,
    ) -> httpx.Response:
        """One request, in English, under /api/v1.

        Args:
            method: of HTTP.
            path: after /api/v1.
            by: the role of who asks.
            of: an operator's platform.
            json: the body.
            raw: the same as it is sent, for what is no JSON of httpx's.
            revision: for If-Match; a number is put into quotes.
            query: parameters of the address; `from_` stands for `from`.
        """
        headers = {"accept-language": "en", **self.header(by, of)}
        if raw is not None:
            headers["content-type"] = "application/json"
        if revision is not None:
            headers["if-match"] = f'"{revision}"' if isinstance(revision, int) else revision
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
            return await client.request(
                method,
                f"/api/v1{path}",
                headers=headers,
                json=json,
                content=raw,
                params={name.rstrip("_"): value for name, value in query.items()},
            )

    async def listed(self, path: str, key: str, **asked: Any) -> list[Any]:  # noqa: ANN401
        """One field of each record of a list's first page."""
        answer = await self.ask("GET", path, **asked)
        assert answer.status_code == 200, answer.text
        return [each[key] for each in answer.json()["items"]]

    def open_credentials(self) -> list[str]:
        """The usernames that the broker lets in."""
        found = [row[0] for row in self.connection.execute(_OPEN_CREDENTIALS)]
        self.connection.commit()
        return sorted(found)

    def last_audited(self, record_kind: str) -> tuple[str, str, Any, Any]:
        """Action, actor, before and after of the newest entry about a kind of record."""
        row = self.connection.execute(_AUDITED, (record_kind,)).fetchone()
        assert row is not None
        self.connection.commit()
        return row
