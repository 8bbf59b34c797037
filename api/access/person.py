"""Who somebody is, by name and password, where there is no browser: at the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from api.access.roles import Role
from api.access.signing_in import checked_account, forget_failures, wrong_name_or_password
from api.web.problems import Problem
from jieru.errors import UserError

__all__ = ["CodeNeededError", "Person", "person_of_account", "verified_person"]

_SELECT: Final = """
    SELECT users.id, users.name, display_name, role, platforms.code
    FROM users LEFT JOIN platforms ON platforms.id = platform_id
    WHERE users.id = %s AND disabled_at IS NULL
"""


class CodeNeededError(UserError):
    """The password is right; the account has a second step, and no code was given."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has shown who they are."""

    id: int
    name: str
    """Of the account; the audit calls it `user:NAME`."""
    display_name: str
    role: Role
    platform: str | None
    """Code of an operator's platform."""


def verified_person(
    connection: psycopg.Connection,
    name: str,
    password: str,
    *,
    origin: str = "command line",
    now: datetime,
) -> Person:
    """Whose name and password these are; each attempt is counted, as at the console's door.

    Args:
        connection: in no transaction; what is counted is committed at once.
        name: of the account, as it was typed.
        password: as it was typed.
        origin: from where.
        now: this moment.

    Raises:
        UserError: something is wrong, or it is too early for another attempt.
    """

    @contextmanager
    def reading() -> Iterator[psycopg.Connection]:
        yield connection

    before = connection.autocommit
    connection.autocommit = True
    try:
        account = checked_account(reading, name.strip().lower(), password, origin, now)
        person = None if account is None else person_of_account(connection, account.id)
        if account is None or person is None:
            raise wrong_name_or_password()
        forget_failures(connection, account)
    except Problem as problem:
        raise UserError(problem.message, **problem.values) from None
    finally:
        connection.autocommit = before
    return person


def person_of_account(connection: psycopg.Connection, user_id: int) -> Person | None:
    """Whose account this is; None: it is disabled."""
    row = connection.execute(_SELECT, (user_id,)).fetchone()
    if row is None:
        return None
    found_id, name, display_name, role, platform = row
    return Person(found_id, name, display_name, Role(role), platform)
