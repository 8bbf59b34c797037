"""API keys of programs: shown once, kept as a hash, with a role, scopes, a maker and an end."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import psycopg

from api.access.caller import Caller, KeyHeld, OwnPlatform
from api.access.roles import Role
from api.access.scopes import Scope
from api.web.database import RequestDatabase
from jieru.audit import Actor

__all__ = ["IssuedKey", "KeyKind", "KeyMaker", "find_holder", "find_key_holder", "issue_key"]

KeyKind = Literal["program", "personal"]
"""A personal key stands for its person at the command line; the API takes programs' keys only."""

_BEGINNINGS: Final[dict[KeyKind, str]] = {"program": "jieru_", "personal": "jieru_personal_"}
_KEY: Final = re.compile(r"([0-9a-z]{8})_([A-Za-z0-9_-]{43})")
_ID_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_LENGTH: Final = 8
_SECRET_BYTES: Final = 32

_INSERT: Final = """
    INSERT INTO api_keys (key_id, secret_hash, name, role, platform_id, created_by, expires_at,
                          kind, scopes, parent_id, user_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
# A person's account is asked for each time, though disabling it revokes its keys: one look-up more
# by a primary key, and no key survives its person whatever was done to the table.
_SELECT: Final = """
    SELECT api_keys.id, api_keys.secret_hash, api_keys.name, api_keys.role, platforms.id,
           platforms.code, array_to_string(scopes, ' '), expires_at, user_id,
           coalesce(last_used_at < now() - interval '1 minute', true)
    FROM api_keys
    LEFT JOIN platforms ON platforms.id = api_keys.platform_id
    LEFT JOIN users ON users.id = user_id
    LEFT JOIN api_key_uses ON api_key_id = api_keys.id
    WHERE key_id = %s AND kind = %s AND revoked_at IS NULL AND expires_at > now()
      AND disabled_at IS NULL
"""
_TOUCH: Final = """
    INSERT INTO api_key_uses (api_key_id, last_used_at, origin) VALUES (%s, now(), %s)
    ON CONFLICT (api_key_id) DO UPDATE
    SET last_used_at = excluded.last_used_at, origin = excluded.origin
"""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key; its text is kept nowhere."""

    id: int
    key_id: str
    text: str


@dataclass(frozen=True, slots=True)
class KeyMaker:
    """Who makes a key, and so ends it with their own end."""

    name: str
    """As the audit names them."""
    key_id: int | None = None
    """The row of the key that makes it; None: no key does."""
    user_id: int | None = None
    """Of the person who makes it, or who answers for the key that does; None: a command does."""


def issue_key(
    connection: psycopg.Connection,
    *,
    name: str,
    role: Role,
    platform_id: int | None,
    scopes: Collection[Scope],
    maker: KeyMaker,
    expires_at: datetime,
    kind: KeyKind = "program",
) -> IssuedKey:
    """Make a key inside the caller's audited transaction.

    The database refuses one that would be more, or last longer, than the key that makes it.

    Args:
        connection: inside `jieru.audit.changing`.
        name: what it is for.
        role: what it may do at most.
        platform_id: an operator's.
        scopes: what it may do of that.
        maker: who makes it.
        expires_at: with its time zone.
        kind: what it opens.
    """
    key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    values = (key_id, _hash(secret), name, role.value, platform_id, maker.name, expires_at)
    row = connection.execute(
        _INSERT, (*values, kind, sorted(each.value for each in scopes), maker.key_id, maker.user_id)
    ).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING
    return IssuedKey(row[0], key_id, f"{_BEGINNINGS[kind]}{key_id}_{secret}")


def find_key_holder(database: RequestDatabase, key: str, origin: str) -> Caller | None:
    """Whose key of a program this is, or None when it is no such key (any more)."""
    if _parts(key, "program") is None:
        return None
    with database.reading() as connection:
        return find_holder(connection, key, origin, kind="program")


def find_holder(
    connection: psycopg.Connection, key: str, origin: str, *, kind: KeyKind
) -> Caller | None:
    """Whose key of this kind this is, or None; its use is noted."""
    parts = _parts(key, kind)
    if parts is None:
        return None
    key_id, secret = parts
    row = connection.execute(_SELECT, (key_id, kind)).fetchone()
    if row is None or not hmac.compare_digest(row[1], _hash(secret)):
        return None
    row_id, _secret_hash, name, role, platform_id, platform_code, *held, is_stale = row
    scopes, expires_at, user_id = held
    if is_stale:
        connection.execute(_TOUCH, (row_id, origin))
    return Caller(
        actor=Actor(f"key:{key_id}", origin),
        display_name=name,
        role=Role(role),
        platform=OwnPlatform(platform_id, platform_code) if platform_id else None,
        user_id=user_id,
        key=KeyHeld(row_id, frozenset(map(Scope, scopes.split())), expires_at),
    )


def _parts(key: str, kind: KeyKind) -> tuple[str, str] | None:
    """Number and secret of what looks like a key of this kind."""
    beginning = _BEGINNINGS[kind]
    match = _KEY.fullmatch(key.removeprefix(beginning)) if key.startswith(beginning) else None
    return None if match is None else (match[1], match[2])


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
