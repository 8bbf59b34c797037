"""API keys of programs: shown once, kept as a hash, with a role and an end."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from api.access.caller import Caller, OwnPlatform
from api.access.roles import Role
from api.web.database import RequestDatabase
from jieru.audit import Actor

__all__ = ["IssuedKey", "find_key_holder", "issue_key"]

_KEY: Final = re.compile(r"jieru_([0-9a-z]{8})_([A-Za-z0-9_-]{43})")
_ID_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_LENGTH: Final = 8
_SECRET_BYTES: Final = 32

_INSERT: Final = """
    INSERT INTO api_keys (key_id, secret_hash, name, role, platform_id, created_by, expires_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
_SELECT: Final = """
    SELECT api_keys.id, api_keys.secret_hash, api_keys.name, role, platforms.id, platforms.code,
           coalesce(last_used_at < now() - interval '1 minute', true)
    FROM api_keys
    LEFT JOIN platforms ON platforms.id = platform_id
    LEFT JOIN api_key_uses ON api_key_id = api_keys.id
    WHERE key_id = %s AND revoked_at IS NULL AND expires_at > now()
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


def issue_key(
    connection: psycopg.Connection,
    *,
    name: str,
    role: Role,
    platform_id: int | None,
    created_by: str,
    expires_at: datetime,
) -> IssuedKey:
    """Make a key inside the caller's audited transaction."""
    key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    row = connection.execute(
        _INSERT, (key_id, _hash(secret), name, role.value, platform_id, created_by, expires_at)
    ).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING
    return IssuedKey(row[0], key_id, f"jieru_{key_id}_{secret}")


def find_key_holder(database: RequestDatabase, key: str, origin: str) -> Caller | None:
    """Whose key this is, or None when it is no key (any more)."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    key_id, secret = match.groups()
    with database.reading() as connection:
        row = connection.execute(_SELECT, (key_id,)).fetchone()
        if row is None or not hmac.compare_digest(row[1], _hash(secret)):
            return None
        row_id, _secret_hash, name, role, platform_id, platform_code, is_stale = row
        if is_stale:
            connection.execute(_TOUCH, (row_id, origin))
    return Caller(
        actor=Actor(f"key:{key_id}", origin),
        display_name=name,
        role=Role(role),
        platform=OwnPlatform(platform_id, platform_code) if platform_id else None,
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
