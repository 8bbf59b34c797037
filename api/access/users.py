"""Accounts of people: the command line makes them, and they sign in with them.

The functions that change an account run inside the caller's audited transaction.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from api.access.delays import name_subject
from api.access.known_browsers import forget_browsers
from api.access.passwords import hash_password, require_good_password
from api.access.pending_sign_ins import end_all_pending
from api.access.roles import Role
from api.access.second_factors import end_factor
from jieru.errors import UserError

__all__ = [
    "USER_NAME",
    "User",
    "count_open_keys",
    "create_user",
    "disable_user",
    "list_users",
    "reset_password",
    "reset_second_factor",
    "set_own_password",
]

USER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_LONGEST_TEXT: Final = 200

_INSERT: Final = """
    INSERT INTO users (name, display_name, role, platform_id, password_hash, oidc_subject)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING RETURNING id
"""
_PLATFORM_ID: Final = "SELECT id FROM platforms WHERE code = %s"
_HAS_NAME: Final = "SELECT FROM users WHERE name = %s"
_SELECT_FOR_CHANGE: Final = "SELECT id, disabled_at FROM users WHERE name = %s FOR UPDATE"
_DISABLE: Final = "UPDATE users SET disabled_at = now() WHERE id = %s"
_SET_PASSWORD: Final = "UPDATE users SET password_hash = %s, disabled_at = NULL WHERE id = %s"  # noqa: S105
_REPLACE_HASH: Final = """
    UPDATE users SET password_hash = %s
    WHERE id = %s AND password_hash = %s AND disabled_at IS NULL
"""
_REVOKE_SESSIONS: Final = """
    UPDATE sessions SET revoked_at = now() WHERE user_id = %s AND revoked_at IS NULL
"""
# By name, by browser and by code.
_FORGET_FAILURES: Final = """
    DELETE FROM sign_in_failures
    WHERE subject IN (%(name)s, 'command:' || %(name)s)
       OR subject LIKE 'browser:%%:' || %(id)s
       OR subject LIKE '%%code:' || %(id)s || ':%%'
"""
_SELECT: Final = """
    SELECT users.name, display_name, role, platforms.code, created_at, disabled_at,
           password_hash IS NOT NULL, oidc_subject,
           (SELECT max(sessions.created_at) FROM sessions WHERE user_id = users.id)
    FROM users LEFT JOIN platforms ON platforms.id = platform_id
    ORDER BY users.name
"""
_COUNT_OPEN_KEYS: Final = """
    SELECT count(*) FROM api_keys
    WHERE created_by = 'user:' || %s AND revoked_at IS NULL AND expires_at > now()
"""


@dataclass(frozen=True, slots=True)
class User:
    """An account as administrators see it."""

    name: str
    display_name: str
    role: Role
    platform: str | None
    """Code of an operator's platform."""
    created_at: datetime
    disabled_at: datetime | None
    has_password: bool
    oidc_subject: str | None
    last_signed_in_at: datetime | None


def create_user(
    connection: psycopg.Connection,
    name: str,
    role: Role,
    *,
    platform: str | None = None,
    display_name: str = "",
    password: str | None = None,
    oidc_subject: str | None = None,
) -> int:
    """Make an account; its id.

    Args:
        connection: inside `jieru.audit.changing`.
        name: what is typed to sign in.
        role: what its person may do.
        platform: code of the only platform of an operator; nobody else has one.
        display_name: what pages show; empty: the name.
        password: None for somebody who comes through OpenID Connect only.
        oidc_subject: the provider's name for this person.

    Raises:
        UserError: a value is wrong or taken.
    """
    if not USER_NAME.fullmatch(name):
        raise UserError(
            "“{name}” is no account name: up to 64 lower-case letters, digits, dots, hyphens, "
            "underscores and @, and a letter or digit first.",
            name=name,
        )
    for text in (display_name, oidc_subject or ""):
        if len(text) > _LONGEST_TEXT or not text.isprintable():
            raise UserError(
                "At most {length} printable characters are taken here.", length=_LONGEST_TEXT
            )
    if password is None and not oidc_subject:
        raise ValueError("an account needs a way in")
    if password is not None:
        require_good_password(password, user=name)
    row = connection.execute(
        _INSERT,
        (
            name,
            display_name.strip() or name,
            role.value,
            _platform_id(connection, role, platform),
            None if password is None else hash_password(password),
            oidc_subject or None,
        ),
    ).fetchone()
    if row is None:
        if connection.execute(_HAS_NAME, (name,)).fetchone() is not None:
            raise UserError("There is an account {name} already.", name=name)
        raise UserError(
            "Another account has the OpenID Connect subject {subject}.", subject=oidc_subject
        )
    user_id: int = row[0]
    return user_id


def disable_user(connection: psycopg.Connection, name: str) -> None:
    """Let nobody sign in with an account any more; its open sessions end now.

    Raises:
        UserError: there is no such account, or it is disabled already.
    """
    user_id, disabled_at = _found(connection, name)
    if disabled_at is not None:
        raise UserError("The account {name} is disabled already.", name=name)
    connection.execute(_DISABLE, (user_id,))
    _end_ways_in(connection, user_id)


def reset_password(
    connection: psycopg.Connection, name: str, password: str, *, enable: bool = False
) -> None:
    """Give an account another password; its open sessions and the wait after failures end now.

    Args:
        connection: inside `jieru.audit.changing`.
        name: the account's.
        password: the new one.
        enable: take back that the account was disabled.

    Raises:
        UserError: there is no such account, it is disabled, or the password is not good enough.
    """
    user_id, disabled_at = _found(connection, name)
    if disabled_at is not None and not enable:
        raise UserError(
            "The account {name} is disabled: --enable lets its person in again.", name=name
        )
    require_good_password(password, user=name)
    connection.execute(_SET_PASSWORD, (hash_password(password), user_id))
    _end_ways_in(connection, user_id)
    _forget_failures(connection, user_id, name)


def reset_second_factor(connection: psycopg.Connection, name: str) -> None:
    """Ask an account for no code any more until it sets one up; its open sessions end now.

    Args:
        connection: inside `jieru.audit.changing`.
        name: the account's.

    Raises:
        UserError: there is no such account, or it is asked for none.
    """
    user_id, _disabled_at = _found(connection, name)
    if not end_factor(connection, user_id):
        raise UserError("The account {name} has no second step.", name=name)
    _end_ways_in(connection, user_id)
    _forget_failures(connection, user_id, name)


def set_own_password(
    connection: psycopg.Connection, user_id: int, *, before: str, password_hash: str
) -> bool:
    """Replace the hash `before`; false when it is no longer the account's."""
    cursor = connection.execute(_REPLACE_HASH, (password_hash, user_id, before))
    end_all_pending(connection, user_id)
    return cursor.rowcount == 1


def list_users(connection: psycopg.Connection) -> list[User]:
    """All accounts, by name."""
    rows = connection.execute(_SELECT).fetchall()
    return [User(name, shown, Role(role), *others) for name, shown, role, *others in rows]


def count_open_keys(connection: psycopg.Connection, name: str) -> int:
    """How many API keys that this account made still open the door."""
    row = connection.execute(_COUNT_OPEN_KEYS, (name,)).fetchone()
    return row[0] if row else 0


def _end_ways_in(connection: psycopg.Connection, user_id: int) -> None:
    """End what was opened with the password, and what browsers are known for."""
    connection.execute(_REVOKE_SESSIONS, (user_id,))
    end_all_pending(connection, user_id)
    forget_browsers(connection, user_id)


def _forget_failures(connection: psycopg.Connection, user_id: int, name: str) -> None:
    connection.execute(_FORGET_FAILURES, {"name": name_subject(name), "id": user_id})


def _found(connection: psycopg.Connection, name: str) -> tuple[int, datetime | None]:
    is_possible = USER_NAME.fullmatch(name) is not None
    row = connection.execute(_SELECT_FOR_CHANGE, (name,)).fetchone() if is_possible else None
    if row is None:
        raise UserError("There is no account {name}.", name=name)
    return row[0], row[1]


def _platform_id(connection: psycopg.Connection, role: Role, platform: str | None) -> int | None:
    if (role is Role.OPERATOR) != bool(platform):
        raise UserError("An operator has a platform, and nobody else has one.")
    if not platform:
        return None
    row = connection.execute(_PLATFORM_ID, (platform,)).fetchone() if "\0" not in platform else None
    if row is None:
        raise UserError("There is no platform {platform}.", platform=platform)
    platform_id: int = row[0]
    return platform_id
