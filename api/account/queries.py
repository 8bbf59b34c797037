"""API keys as callers see, make and revoke them."""

from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import class_row

from api.access.api_keys import issue_key
from api.access.caller import Caller
from api.access.roles import Role
from api.account.answers import ApiKey, NewApiKey, NewApiKeyAnswer
from api.web.problems import Kind, Problem, wrong_value
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.wire import PLATFORM_CODE

__all__ = ["LONGEST_LIFE", "create_key", "grantable_roles", "list_keys", "revoke_key"]

LONGEST_LIFE: Final = timedelta(days=366)

_SELECT: Final = """
    SELECT key_id, api_keys.name, role, platforms.code AS platform, created_by, created_at,
           expires_at, revoked_at, last_used_at, origin AS last_origin
    FROM api_keys
    LEFT JOIN platforms ON platforms.id = platform_id
    LEFT JOIN api_key_uses ON api_key_id = api_keys.id
    WHERE (%(own)s::integer IS NULL OR platform_id = %(own)s)
      AND (%(key_id)s::text IS NULL OR key_id = %(key_id)s)
    ORDER BY api_keys.id DESC LIMIT %(limit)s
"""
_REVOKE: Final = "UPDATE api_keys SET revoked_at = now() WHERE key_id = %s AND revoked_at IS NULL"
_PLATFORM_ID: Final = """
    SELECT id FROM platforms WHERE code = %(code)s AND (%(own)s::integer IS NULL OR id = %(own)s)
"""


def grantable_roles(caller: Caller) -> list[Role]:
    """The roles that a key may have which this caller makes."""
    return [Role.OPERATOR] if caller.role is Role.OPERATOR else list(Role)


def list_keys(connection: psycopg.Connection, caller: Caller, *, limit: int = 100) -> list[ApiKey]:
    """The keys that the caller may see, the newest first, ended ones too."""
    return _select(connection, caller, limit=limit)


def create_key(
    connection: psycopg.Connection, caller: Caller, wanted: NewApiKey, *, now: datetime
) -> NewApiKeyAnswer:
    """Make a key; its text is in the answer and nowhere else.

    Raises:
        Problem: the caller may not grant this, or a value is wrong.
    """
    if wanted.role not in grantable_roles(caller):
        raise wrong_value(
            "role", UserError("An operator may only make keys with the role operator.")
        )
    if (wanted.role is Role.OPERATOR) != (wanted.platform is not None):
        raise wrong_value(
            "platform", UserError("An operator has a platform, and nobody else has one.")
        )
    if "\0" in wanted.name:
        raise wrong_value(
            "name", UserError("At most {length} printable characters are taken here.", length=100)
        )
    if not now < wanted.expires_at <= now + LONGEST_LIFE:
        raise wrong_value(
            "expires_at",
            UserError(
                "The end must lie in the future, at most {days} days from now.",
                days=LONGEST_LIFE.days,
            ),
        )
    issued = issue_key(
        connection,
        name=wanted.name,
        role=wanted.role,
        platform_id=_platform_id(connection, caller, wanted.platform),
        created_by=caller.actor.name,
        expires_at=wanted.expires_at.astimezone(UTC),
    )
    (key,) = _select(connection, caller, key_id=issued.key_id)
    return NewApiKeyAnswer(**key.model_dump(), text=issued.text)


def revoke_key(connection: psycopg.Connection, caller: Caller, key_id: str) -> ApiKey:
    """End a key for good; one that was revoked before stays as it is.

    Raises:
        Problem: there is no such key that the caller may see.
    """
    # Nothing else is in the table, and PostgreSQL refuses some of it (NUL) as a value.
    found = _select(connection, caller, key_id=key_id) if "\0" not in key_id else []
    if not found:
        raise Problem(Kind.NOT_FOUND, _("There is no API key {key_id}."), key_id=key_id)
    connection.execute(_REVOKE, (key_id,))
    (key,) = _select(connection, caller, key_id=key_id)
    return key


def _select(
    connection: psycopg.Connection, caller: Caller, *, key_id: str | None = None, limit: int = 1
) -> list[ApiKey]:
    values = {"own": caller.platform_id, "key_id": key_id, "limit": limit}
    with connection.cursor(row_factory=class_row(ApiKey)) as cursor:
        return cursor.execute(_SELECT, values).fetchall()


def _platform_id(connection: psycopg.Connection, caller: Caller, code: str | None) -> int | None:
    if code is None:
        return None
    values = {"code": code, "own": caller.platform_id}
    row = (
        connection.execute(_PLATFORM_ID, values).fetchone()
        if PLATFORM_CODE.fullmatch(code)
        else None
    )
    if row is None:
        raise wrong_value("platform", UserError("There is no platform {platform}.", platform=code))
    platform_id: int = row[0]
    return platform_id
