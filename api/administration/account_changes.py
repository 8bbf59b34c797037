"""Changes that give somebody a way in or other rights: one proposes, another confirms.

On a database of simulated data one name suffices, as for every other step there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple

import psycopg
from psycopg.rows import kwargs_row

from api.access.passwords import random_password
from api.access.roles import Role
from api.access.users import (
    USER_NAME,
    change_role,
    create_user,
    reset_password,
    reset_second_factor,
)
from api.web.problems import Kind, Problem
from jieru.database import read_installation
from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = [
    "AccountChange",
    "ChangeKind",
    "Outcome",
    "confirm_change",
    "open_changes",
    "propose_change",
    "refusing",
    "withdraw_change",
]


class ChangeKind(StrEnum):
    """What is done to an account."""

    ADD = "add"
    ROLE = "role"
    RESET = "reset"
    """Another password; a disabled account is let in again."""
    SECOND_STEP = "second_step"
    """Ask for no code any more, as when a phone is lost."""


class AccountChange(NamedTuple):
    """A change that waits."""

    id: int
    kind: ChangeKind
    name: str
    display_name: str
    role: Role | None
    platform: str | None
    proposed_by: str
    proposed_at: datetime


class Outcome(NamedTuple):
    """What became of a change."""

    is_done: bool
    name: str
    password: str | None = None
    """Shown this once; None: the change makes none."""


_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_INSERT: Final = """
    INSERT INTO account_changes (kind, name, display_name, role, platform, proposed_by)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id
"""
_SELECT: Final = """
    SELECT id, kind, name, display_name, role, platform, proposed_by, proposed_at
    FROM account_changes WHERE confirmed_at IS NULL AND withdrawn_at IS NULL ORDER BY id
"""
_SELECT_ONE: Final = """
    SELECT id, kind, name, display_name, role, platform, proposed_by, proposed_at
    FROM account_changes
    WHERE id = %s AND confirmed_at IS NULL AND withdrawn_at IS NULL FOR UPDATE
"""
_CONFIRM: Final = """
    UPDATE account_changes SET confirmed_by = %s, confirmed_at = now() WHERE id = %s
"""
_WITHDRAW: Final = """
    UPDATE account_changes SET withdrawn_by = %s, withdrawn_at = now() WHERE id = %s
"""
_HAS_ACCOUNT: Final = "SELECT FROM users WHERE name = %s"


@contextmanager
def refusing() -> Iterator[None]:
    """Answer what a user can mend as a conflict, in the reader's language."""
    try:
        yield
    except UserError as error:
        raise Problem(Kind.CONFLICT, error.message, **error.values) from None


def open_changes(connection: psycopg.Connection) -> list[AccountChange]:
    """What waits for another administrator, the oldest first."""
    with connection.cursor(row_factory=kwargs_row(_typed)) as cursor:
        return cursor.execute(_SELECT).fetchall()


def propose_change(
    connection: psycopg.Connection,
    kind: ChangeKind,
    name: str,
    *,
    by: str,
    display_name: str = "",
    role: Role | None = None,
    platform: str | None = None,
) -> Outcome:
    """Propose a change; on simulated data it is done at once.

    Args:
        connection: inside `jieru.audit.changing`.
        kind: what shall be done.
        name: the account's.
        by: who proposes it.
        display_name: of a new account.
        role: of a new account, or the other role of one.
        platform: code of the only platform of an operator.

    Raises:
        UserError: there is such an account already or none, the same waits already, or a value is
            wrong.
    """
    is_there = (
        USER_NAME.fullmatch(name) is not None
        and connection.execute(_HAS_ACCOUNT, (name,)).fetchone() is not None
    )
    if kind is ChangeKind.ADD and is_there:
        raise UserError("There is an account {name} already.", name=name)
    if kind is not ChangeKind.ADD and not is_there:
        raise UserError("There is no account {name}.", name=name)
    # What cannot be done is refused now, and not when somebody confirms it.
    with connection.transaction(force_rollback=True):
        _do(connection, AccountChange(0, kind, name, display_name, role, platform, by, _NEVER))
    row = connection.execute(
        _INSERT, (kind.value, name, display_name, role and role.value, platform or None, by)
    ).fetchone()
    if row is None:
        raise UserError("The same change of {name} waits already.", name=name)
    if read_installation(connection).is_simulation:
        return confirm_change(connection, row[0], by=by)
    return Outcome(is_done=False, name=name)


def confirm_change(connection: psycopg.Connection, change_id: int, *, by: str) -> Outcome:
    """Do what another administrator proposed.

    Args:
        connection: inside `jieru.audit.changing`.
        change_id: of the proposal.
        by: who confirms it.

    Raises:
        Problem: nothing of this number waits.
        UserError: the same person proposed it, or it cannot be done any more.
    """
    change = _waiting(connection, change_id)
    try:
        with connection.transaction():
            connection.execute(_CONFIRM, (by, change_id))
    except psycopg.errors.RestrictViolation:
        raise UserError(
            "You proposed this change yourself: another administrator must confirm it."
        ) from None
    return Outcome(is_done=True, name=change.name, password=_do(connection, change))


def withdraw_change(connection: psycopg.Connection, change_id: int, *, by: str) -> None:
    """Drop a proposal; any administrator may.

    Raises:
        Problem: nothing of this number waits.
    """
    _waiting(connection, change_id)
    connection.execute(_WITHDRAW, (by, change_id))


def _waiting(connection: psycopg.Connection, change_id: int) -> AccountChange:
    with connection.cursor(row_factory=kwargs_row(_typed)) as cursor:
        change = cursor.execute(_SELECT_ONE, (change_id,)).fetchone()
    if change is None:
        raise Problem(Kind.NOT_FOUND, _("This change waits no more."))
    return change


def _do(connection: psycopg.Connection, change: AccountChange) -> str | None:
    """Change the account; the password that was made, if any was."""
    if change.kind is ChangeKind.ADD and change.role is not None:
        password = random_password()
        create_user(
            connection,
            change.name,
            change.role,
            platform=change.platform,
            display_name=change.display_name,
            password=password,
        )
        return password
    if change.kind is ChangeKind.RESET:
        password = random_password()
        reset_password(connection, change.name, password, enable=True)
        return password
    if change.kind is ChangeKind.ROLE and change.role is not None:
        change_role(connection, change.name, change.role, platform=change.platform)
    elif change.kind is ChangeKind.SECOND_STEP:
        reset_second_factor(connection, change.name)
    return None


def _typed(
    *,
    id: int,  # noqa: A002 - the column's name
    kind: str,
    name: str,
    display_name: str,
    role: str | None,
    platform: str | None,
    proposed_by: str,
    proposed_at: datetime,
) -> AccountChange:
    return AccountChange(
        id,
        ChangeKind(kind),
        name,
        display_name,
        Role(role) if role else None,
        platform,
        proposed_by,
        proposed_at,
    )
