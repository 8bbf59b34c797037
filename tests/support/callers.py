"""Callers of the API, for tests: a key for any role."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import psycopg

from api.access.api_keys import KeyMaker, issue_key
from api.access.roles import Role
from api.access.scopes import Scope, scopes_of_role
from jieru.audit import Actor, changing

__all__ = ["bearer"]

_PLATFORM_ID = "SELECT id FROM platforms WHERE code = %s"


def bearer(
    connection: psycopg.Connection,
    role: Role,
    platform: str | None = None,
    *,
    scopes: Collection[Scope] | None = None,
) -> dict[str, str]:
    """The header of a program with this role, and all its scopes unless some are named.

    `platform` is an operator's, and committed.
    """
    platform_id = None
    if platform is not None:
        row = connection.execute(_PLATFORM_ID, (platform,)).fetchone()
        assert row is not None, platform
        platform_id = row[0]
    with changing(connection, Actor("command:tests", "command line")):
        key = issue_key(
            connection,
            name=f"tests {role}",
            role=role,
            platform_id=platform_id,
            scopes=scopes_of_role(role) if scopes is None else scopes,
            maker=KeyMaker("command:tests"),
            expires_at=datetime.now(UTC) + timedelta(days=366),
        )
    connection.commit()
    return {"authorization": f"Bearer {key.text}"}
