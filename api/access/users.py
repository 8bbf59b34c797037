"""Accounts of people: the command line makes them, and they sign in with them.

The functions that change an account run inside the caller's audited transaction.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import psycopg

from api.access.delays import name_subject
from api.access.key_trees import Ended, end_keys_of_user, revoke_credentials
from api.access.known_browsers import forget_browsers
from api.access.passwords import hash_password, require_good_password
from api.access.pending_sign_ins import end_all_pending
from api.access.roles import Role
from api.access.second_factors import end_factor
from jieru.errors import UserError

__all__ = [
    "USER_NAME",
    "User",
    "change_role",
    "count_without_issuer",
    "create_user",
    "disable_user",
    "end_sessions",
    "list_users",
    "require_other_administrator",
    "reset_password",
    "reset_second_factor",
    "revoke_personal_keys",
    "set_issuer",
    "set_own_password",
]

USER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_LONGEST_TEXT: Final = 200

_INSERT: Final = """
    INSERT INTO users (name, display_name, role, platform_id, password_hash, oidc_subject,
                       oidc_issuer)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING RETURNING id
"""
_PLATFORM_ID: Final = "SELECT id FROM platforms WHERE code = %s"
_HAS_NAME: Final = "SELECT FROM users WHERE name = %s"
_SELECT_FOR_CHANGE: Final = "SELECT id, disabled_at FROM users WHERE name = %s FOR UPDATE"
_DISABLE: Final = "UPDATE users SET disabled_at = now() WHERE id = %s AND disabled_at IS NULL"
_SET_PASSWORD: Final = "UPDATE users SET password_hash = %s, disabled_at = NULL WHERE id = %s"  # noqa: S105
_REPLACE_HASH: Final = """
    UPDATE users SET password_hash = %s
    WHERE id = %s AND password_hash = %s AND disabled_at IS NULL
"""
_SET_ISSUER: Final = """
    UPDATE users SET oidc_issuer = %s
    WHERE oidc_subject IS NOT NULL AND oidc_issuer IS NOT DISTINCT FROM %s
"""
_COUNT_WITHOUT_ISSUER: Final = """
    SELECT count(*) FROM users
    WHERE oidc_subject IS NOT NULL AND oidc_issuer IS NULL AND disabled_at IS NULL
"""
_OPEN_ADMINISTRATORS: Final = """
    SELECT name FROM users
    WHERE role = 'admin' AND disabled_at IS NULL
      AND (password_hash IS NOT NULL OR oidc_issuer IS NOT NULL)
    ORDER BY id FOR UPDATE
"""
_SET_ROLE: Final = "UPDATE users SET role = %s, platform_id = %s WHERE id = %s"
_REVOKE_SESSIONS: Final = """
    UPDATE sessions SET revoked_at = now()
    WHERE user_id = %s AND revoked_at IS NULL AND expires_at > now()
"""
_REVOKE_PERSONAL_KEYS: Final = """
    UPDATE api_keys SET revoked_at = now()
    WHERE user_id = %s AND kind = 'personal' AND revoked_at IS NULL
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
           password_hash IS NOT NULL, oidc_subject, oidc_issuer,
           (SELECT max(sessions.created_at) FROM sessions WHERE user_id = users.id)
    FROM users LEFT JOIN platforms ON platforms.id = platform_id
    ORDER BY users.name
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
    oidc_issuer: str | None
    """Whose name that is; None beside a subject: nobody signs in by it."""
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
    oidc_issuer: str | None = None,
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
        oidc_issuer: which provider's, as it calls itself; needed beside a subject.

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
    if bool(oidc_subject) != bool(oidc_issuer):
        raise UserError(
            "A provider's name for a person says nothing without the provider: name it with "
            "--oidc-issuer, or set JIERU_OIDC_ISSUER."
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
            oidc_issuer or None,
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


def disable_user(
    connection: psycopg.Connection, name: str, *, with_credentials: bool = False
) -> Ended:
    """Let nobody sign in with an account any more; its sessions and all keys from it end now.

    Args:
        connection: inside `jieru.audit.changing`.
        name: the account's.
        with_credentials: let the equipment whose credentials came from it in no more, though the
            account be disabled already.

    Returns:
        What ended, and what goes on that came from it.

    Raises:
        UserError: there is no such account, or it is disabled already.
    """
    user_id, disabled_at = _found(connection, name)
    if disabled_at is not None and not with_credentials:
        raise UserError("The account {name} is disabled already.", name=name)
    sessions = connection.execute(_REVOKE_SESSIONS, (user_id,)).rowcount
    ended = replace(end_keys_of_user(connection, name), sessions=sessions)
    connection.execute(_DISABLE, (user_id,))
    _end_ways_in(connection, user_id)
    if with_credentials:
        revoke_credentials(connection, ended)
    return ended


def require_other_administrator(connection: psycopg.Connection, name: str) -> None:
    """Keep the last administrator: of two who go at the same moment, one stays.

    Args:
        connection: inside `jieru.audit.changing`; the administrators' accounts stay locked.
        name: of the account that shall be an administrator's no more.

    Raises:
        UserError: nobody else could administer.
    """
    names = {found for (found,) in connection.execute(_OPEN_ADMINISTRATORS)}
    if names == {name}:
        raise UserError(
            "{name} is the only administrator who can sign in: add another one first.", name=name
        )


def change_role(
    connection: psycopg.Connection, name: str, role: Role, *, platform: str | None = None
) -> None:
    """Give an account another role; its sessions and all keys from it end now.

    Args:
        connection: inside `jieru.audit.changing`.
        name: the account's.
        role: what its person may do from now on.
        platform: code of the only platform of an operator; nobody else has one.

    Raises:
        UserError: there is no such account or platform, it is disabled, or it is the last
            administrator's.
    """
    if role is not Role.ADMIN:
        require_other_administrator(connection, name)
    user_id, disabled_at = _found(connection, name)
    if disabled_at is not None:
        raise UserError("The account {name} is disabled.", name=name)
    connection.execute(_SET_ROLE, (role.value, _platform_id(connection, role, platform), user_id))
    _end_ways_in(connection, user_id)


def end_sessions(connection: psycopg.Connection, name: str) -> int:
    """End what browsers hold open of an account; how many that were.

    Raises:
        UserError: there is no such account.
    """
    user_id, _disabled_at = _found(connection, name)
    return connection.execute(_REVOKE_SESSIONS, (user_id,)).rowcount


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


def revoke_personal_keys(connection: psycopg.Connection, user_id: int) -> None:
    """End what stands for a person at the command line."""
    connection.execute(_REVOKE_PERSONAL_KEYS, (user_id,))


def set_issuer(connection: psycopg.Connection, issuer: str, *, before: str | None) -> int:
    """Say of which provider the subjects are that were kept as another's, or as nobody's.

    Args:
        connection: inside `jieru.audit.changing`.
        issuer: as the provider calls itself.
        before: as whose they are kept; None: those that an earlier release kept without.

    Returns:
        Of how many accounts.

    Raises:
        UserError: the provider knows somebody else by one of these subjects already.
    """
    try:
        with connection.transaction():
            return connection.execute(_SET_ISSUER, (issuer, before)).rowcount
    except psycopg.errors.UniqueViolation:
        raise UserError(
            "One of these subjects is another account's at {issuer} already.", issuer=issuer
        ) from None


def count_without_issuer(connection: psycopg.Connection) -> int:
    """How many accounts have a provider's name and nobody knows which provider's."""
    row = connection.execute(_COUNT_WITHOUT_ISSUER).fetchone()
    return row[0] if row else 0


def list_users(connection: psycopg.Connection) -> list[User]:
    """All accounts, by name."""
    rows = connection.execute(_SELECT).fetchall()
    return [User(name, shown, Role(role), *others) for name, shown, role, *others in rows]


def _end_ways_in(connection: psycopg.Connection, user_id: int) -> None:
    """End what was opened with the password, personal keys too, and what browsers are known for."""
    connection.execute(_REVOKE_SESSIONS, (user_id,))
    revoke_personal_keys(connection, user_id)
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
