"""Callers of the API, for tests: a key for any role."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import psycopg

from api.access.api_keys import IssuedKey, KeyKind, KeyMaker, issue_key
from api.access.roles import Role
from api.access.scopes import Scope, scopes_of_role
from jieru.audit import Actor, changing

__all__ = ["bearer", "key_of"]

_USER = "SELECT id, role, platform_id FROM users WHERE name = %s"
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


def key_of(
    connection: psycopg.Connection,
    user: str,
    *,
    name: str = "sync",
    kind: KeyKind = "program",
    scopes: Collection[Scope] | None = None,
) -> IssuedKey:
    """A key that this person made, with the role of the account, committed."""
    row = connection.execute(_USER, (user,)).fetchone()
    assert row is not None, user
    user_id, role, platform_id = row
    with changing(connection, Actor(f"user:{user}", "127.0.0.1")):
        key = issue_key(
            connection,
            name=name,
            role=Role(role),
            platform_id=platform_id,
            scopes=scopes_of_role(Role(role)) if scopes is None else scopes,
            maker=KeyMaker(f"user:{user}", user_id=user_id),
            expires_at=datetime.now(UTC) + timedelta(days=30),
            kind=kind,
        )
    connection.commit()
    return key
