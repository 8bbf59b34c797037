"""A real `jieru ingest --http`, and equipment that posts to it."""

import base64
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from jieru.credentials.records import IssuedCredential
from tests.support.fleet import ingester, wait_until

__all__ = ["Poster", "basic", "http_ingester"]

_NO_BROKER: Final = "mqtt://127.0.0.1:1"


def basic(username: str, secret: str) -> str:
    """The header's value."""
    return "Basic " + base64.b64encode(f"{username}:{secret}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Poster:
    """One piece of equipment with a connection that stays open."""

    client: httpx.Client
    platform: str

    def post(
        self,
        content: object,
        *,
        path: str = "",
        platform: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Post bytes as they are, or anything else as JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.client.post(
            f"/ingest/v1/{platform or self.platform}{path}",
            content=body,
            headers={"Content-Type": "application/json", **(headers or {})},
        )

    def when_known(self, content: object, *, path: str = "") -> httpx.Response:
        """The first answer other than 401: a new credential is known within some seconds."""
        found: list[httpx.Response] = []

        def is_known() -> bool:
            time.sleep(0.3)  # twenty failures at once would have it wait for a minute
            found.append(self.post(content, path=path))
            return found[-1].status_code not in (401, 503)

        wait_until(is_known, "the credential is known")
        return found[-1]

    def answer(self, content: object, *, path: str = "") -> dict[str, Any]:
        """The answer's document; it must be a 200."""
        response = self.post(content, path=path)
        assert response.status_code == 200, response.text
        document: dict[str, Any] = response.json()
        return document


@dataclass(frozen=True, slots=True)
class HttpIngester:
    """Where it listens."""

    url: str
    status_url: str
    pid: int

    @contextmanager
    def equipment(
        self, issued: IssuedCredential | tuple[str, str], *, language: str = "en"
    ) -> Iterator[Poster]:
        """Equipment with a credential."""
        username, secret = issued if isinstance(issued, tuple) else (issued.username, issued.secret)
        headers = {"Authorization": basic(username, secret), "Accept-Language": language}
        with httpx.Client(base_url=self.url, headers=headers, timeout=60) as client:
            yield Poster(client, username.split("/")[0])


@contextmanager
def http_ingester(database_url: str, log: Path, **settings: str) -> Iterator[HttpIngester]:
    """A process of its own, which takes requests when this yields."""
    start = log.stat().st_size if log.exists() else 0
    given = {"ingest_post_port": "0", **settings}
    with ingester(database_url, _NO_BROKER, log, "--http", **given) as process:

        def started() -> dict[str, Any] | None:
            said = log.read_text()[start:]
            assert "Traceback" not in said, said
            lines = [json.loads(each) for each in said.splitlines() if each.startswith("{")]
            return next((each for each in lines if each["event"] == "http_ingester_started"), None)

        wait_until(lambda: started() is not None, f"it listens (see {log})")
        line = started() or {}
        yield HttpIngester(
            f"http://127.0.0.1:{line['port']}",
            f"http://127.0.0.1:{line['status_port']}",
            process.pid,
        )
