"""Personal keys: what stands for a person at the command line, where a program cannot type.

A key like those of programs, with a person, a scope and an end; the API takes none of them.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import psycopg

from api.access.api_keys import IssuedKey, KeyMaker, find_holder, issue_key
from api.access.person import Person, person_of_account
from api.access.roles import GRANTS, Permission, Role
from api.access.scopes import PERMISSIONS, Scope
from jieru.errors import UserError

__all__ = [
    "LONGEST_PERSONAL_LIFE",
    "PERSONAL_SCOPES",
    "PersonalKey",
    "find_person_of_key",
    "has_use_for_personal_keys",
    "issue_personal_key",
    "list_personal_keys",
    "revoke_personal_key",
]

PERSONAL_SCOPES: Final = frozenset({Scope.PROCEDURE_WRITE, Scope.REQUESTS_WRITE})
"""What commands do in a person's name."""
LONGEST_PERSONAL_LIFE: Final = timedelta(days=92)
"""A quarter: it lies in a file, and nobody is asked for a password."""
_LONGEST_NAME: Final = 100

_PERSON: Final = """
    SELECT role, platform_id FROM users WHERE id = %s AND disabled_at IS NULL FOR SHARE
"""
_SELECT: Final = """
    SELECT key_id, name, created_at, expires_at, revoked_at, last_used_at
    FROM api_keys LEFT JOIN api_key_uses ON api_key_id = api_keys.id
    WHERE user_id = %s AND kind = 'personal' ORDER BY api_keys.id DESC LIMIT 100
"""
_REVOKE: Final = """
    UPDATE api_keys SET revoked_at = now()
    WHERE user_id = %s AND key_id = %s AND kind = 'personal' AND revoked_at IS NULL
"""


class PersonalKey(NamedTuple):
    """A key as it is kept: without its secret."""

    key_id: str
    name: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


def has_use_for_personal_keys(role: Role) -> bool:
    """Whether there is anything that somebody of this role does by command in their own name."""
    return any(PERMISSIONS[each] & GRANTS[role] for each in PERSONAL_SCOPES)


def issue_personal_key(
    connection: psycopg.Connection,
    user_id: int,
    *,
    made_by: str,
    name: str,
    expires_at: datetime,
    now: datetime,
) -> IssuedKey:
    """Make a key that stands for a person, inside the caller's audited transaction.

    Args:
        connection: inside `jieru.audit.changing`.
        user_id: the person's.
        made_by: the same person, as the audit names them.
        name: what it is for.
        expires_at: with its time zone.
        now: this moment.

    Raises:
        UserError: the account is disabled or has no use for such a key, or a value is wrong.
    """
    row = connection.execute(_PERSON, (user_id,)).fetchone()
    if row is None or not has_use_for_personal_keys(Role(row[0])):
        raise UserError("Only verifiers and administrators have a use for a personal key.")
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise UserError(
            "Say what the key is for, in {length} printable characters at most.",
            length=_LONGEST_NAME,
        )
    if not now < expires_at <= now + LONGEST_PERSONAL_LIFE:
        raise UserError(
            "The end must lie in the future, at most {days} days from now.",
            days=LONGEST_PERSONAL_LIFE.days,
        )
    role, platform_id = row
    return issue_key(
        connection,
        name=name.strip(),
        role=Role(role),
        platform_id=platform_id,
        scopes=PERSONAL_SCOPES,
        maker=KeyMaker(made_by, user_id=user_id),
        expires_at=expires_at,
        kind="personal",
    )


def find_person_of_key(
    connection: psycopg.Connection, text: str, permission: Permission, *, origin: str
) -> Person | None:
    """Whose personal key this is, if it has this permission; its use is noted."""
    holder = find_holder(connection, text, origin, kind="personal")
    if holder is None or holder.user_id is None or not holder.may(permission):
        return None
    return person_of_account(connection, holder.user_id)


def list_personal_keys(connection: psycopg.Connection, user_id: int) -> list[PersonalKey]:
    """A person's, the newest first, ended ones too."""
    return [PersonalKey(*row) for row in connection.execute(_SELECT, (user_id,)).fetchall()]


def revoke_personal_key(connection: psycopg.Connection, user_id: int, key_id: str) -> bool:
    """End one of a person's own keys; whether it was open."""
    if "\0" in key_id:  # PostgreSQL refuses it as a value
        return False
    return connection.execute(_REVOKE, (user_id, key_id)).rowcount == 1
