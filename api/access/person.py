"""Who somebody is, by name, password and code, where there is no browser: at the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from api.access.attempts import take_back
from api.access.delays import FREE_BY_ACCOUNT, code_subject, name_subject
from api.access.pending_sign_ins import Pending
from api.access.roles import Role
from api.access.second_factors import factor_of
from api.access.second_step import ENROLMENT, MUST_HAVE_IT
from api.access.signing_in import (
    Visitor,
    checked_account,
    checked_code,
    wrong_code,
    wrong_name_or_password,
)
from api.access.totp_key import TotpKey
from api.web.problems import Problem
from jieru.access_entries import AccessKind, write_access_entry
from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = [
    "CodeNeededError",
    "Person",
    "person_of_account",
    "require_second_step",
    "verified_person",
]

_SELECT: Final = """
    SELECT users.name, display_name, role, platforms.code
    FROM users LEFT JOIN platforms ON platforms.id = platform_id WHERE users.id = %s
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
    code: str = "",
    *,
    origin: str = "command line",
    now: datetime,
    totp_key: TotpKey | None,
) -> Person:
    """Whose name and password these are, and whose code, if the account has a second step.

    Attempts are counted as at the console's door, but apart from it: nobody who fails there keeps
    anybody waiting here. Each one that ends leaves an entry in the access log.

    Args:
        connection: in no transaction; what is counted is committed at once.
        name: of the account, as it was typed.
        password: as it was typed.
        code: of the phone, or a recovery code; empty: none was asked for yet.
        origin: from where, as the access log says it.
        now: this moment.
        totp_key: `api.access.totp_key.totp_key_of(settings)`.

    Raises:
        CodeNeededError: everything was right so far; ask for the code, and call again.
        UserError: something is wrong, or it is too early for another attempt.
    """

    @contextmanager
    def reading() -> Iterator[psycopg.Connection]:
        yield connection

    def counted(_user_id: int | None) -> dict[str, int]:
        return {f"command:{name_subject(name.strip().lower())}": FREE_BY_ACCOUNT}

    try:
        with _committed_at_once(connection):
            account = checked_account(reading, name, password, Visitor(origin), counted, now=now)
            if account is None:
                raise wrong_name_or_password()
            with connection.transaction():
                take_back(connection, account.attempt)
            if account.has_second_factor:
                if not code.strip():
                    raise CodeNeededError(_("The account {name} needs a code."), name=account.name)
                pending = Pending(account.id, account.name, is_browser_known=False)
                subject = f"command:{code_subject(account.id, None)}"
                if not checked_code(reading, pending, code, totp_key, origin, subject, now=now):
                    raise wrong_code()
            actor = f"user:{account.name}"
            write_access_entry(connection, AccessKind.SIGN_IN, actor=actor, origin=origin)
            row = connection.execute(_SELECT, (account.id,)).fetchone()
    except Problem as problem:
        raise UserError(problem.message, **problem.values) from None
    assert row is not None  # noqa: S101 - accounts are for good
    shown_name, display_name, role, platform = row
    return Person(account.id, shown_name, display_name, Role(role), platform)


def person_of_account(connection: psycopg.Connection, user_id: int) -> Person | None:
    """Whose account this is; None: it is disabled."""
    row = connection.execute(_SELECT + " AND disabled_at IS NULL", (user_id,)).fetchone()
    if row is None:
        return None
    name, display_name, role, platform = row
    return Person(user_id, name, display_name, Role(role), platform)


def require_second_step(connection: psycopg.Connection, person: Person) -> None:
    """Let nobody act without a second step who must have one, where the settings require it.

    Raises:
        UserError: the account has none, or it was begun and never confirmed.
    """
    factor = factor_of(connection, person.id)
    if person.role in MUST_HAVE_IT and (factor is None or factor.confirmed_at is None):
        raise UserError(
            "{name} cannot act here without a second step: set it up in the console first, on the "
            "page {page}.",
            name=person.name,
            page=ENROLMENT,
        )


@contextmanager
def _committed_at_once(connection: psycopg.Connection) -> Iterator[None]:
    before = connection.autocommit
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed:
            connection.autocommit = before
