"""Signing in: an attempt is counted, then the password is looked at, then a session begins.

The database is not held while a password is hashed, so what was read before is checked again in
the transaction that begins the session.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg
import structlog

from api.access.caller import Caller
from api.access.delays import (
    FREE_BY_ACCOUNT,
    FREE_BY_ADDRESS,
    address_subject,
    remaining_s,
    unknown_subject,
)
from api.access.passwords import hash_password, is_outdated, is_password, require_good_password
from api.access.sessions import close_other_sessions, open_session
from api.access.users import USER_NAME, set_own_password
from api.web.database import RequestDatabase
from api.web.problems import Kind, Problem, WrongField
from jieru.audit import Actor
from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = [
    "Account",
    "Visitor",
    "change_password",
    "checked_account",
    "forget_failures",
    "sign_in",
    "sign_in_by_subject",
    "wrong_name_or_password",
]

_FORGOTTEN_AFTER: Final = timedelta(days=1)

_SELECT_ACCOUNT: Final = """
    SELECT id, password_hash FROM users WHERE name = %s AND disabled_at IS NULL
"""
_SELECT_UNCHANGED: Final = """
    SELECT FROM users WHERE id = %s AND password_hash = %s AND disabled_at IS NULL FOR SHARE
"""
_SELECT_SUBJECT: Final = """
    SELECT id FROM users
    WHERE oidc_issuer = %s AND oidc_subject = %s AND disabled_at IS NULL FOR SHARE
"""
# Locked, in one order, until the attempt is counted: parallel guesses follow one another.
_SELECT_FAILURES: Final = """
    SELECT subject, failures, last_failed_at FROM sign_in_failures
    WHERE subject = ANY(%s) AND last_failed_at > %s
    ORDER BY subject FOR UPDATE
"""
_COUNT_FAILURE: Final = """
    INSERT INTO sign_in_failures (subject, failures, last_failed_at)
    VALUES (%(subject)s, 1, %(now)s)
    ON CONFLICT (subject) DO UPDATE
    SET failures = CASE WHEN sign_in_failures.last_failed_at > %(since)s
                        THEN sign_in_failures.failures + 1 ELSE 1 END,
        last_failed_at = excluded.last_failed_at
"""
_FORGET_FAILURES: Final = "DELETE FROM sign_in_failures WHERE subject = %s"
_FORGET_OLD_FAILURES: Final = """
    DELETE FROM sign_in_failures WHERE subject IN (
        SELECT subject FROM sign_in_failures WHERE last_failed_at < %s FOR UPDATE SKIP LOCKED)
"""

_log = structlog.get_logger()

Reading = Callable[[], AbstractContextManager[psycopg.Connection]]
"""Opens a connection whose statements are committed one by one."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is at the door, as far as we see."""

    origin: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Account:
    """Whose password was right."""

    id: int
    password_hash: str
    subject: str
    """Under what its failures are counted."""


def sign_in(
    database: RequestDatabase, name: str, password: str, visitor: Visitor, *, now: datetime
) -> str:
    """Begin a session for whoever has this account's password; the session's token.

    Raises:
        Problem: the name or the password is wrong, or it is too early for another attempt.
    """
    name = name.strip().lower()
    account = checked_account(database.reading, name, password, visitor.origin, now)
    if account is None:
        raise wrong_name_or_password()
    with _changing_if_outdated(database, name, account, password, visitor) as connection:
        connection.execute(_FORGET_FAILURES, (account.subject,))
        connection.execute(_FORGET_OLD_FAILURES, (now - _FORGOTTEN_AFTER,))
        return open_session(
            connection, account.id, origin=visitor.origin, user_agent=visitor.user_agent
        )


def sign_in_by_subject(
    database: RequestDatabase, issuer: str, subject: str, visitor: Visitor
) -> str | None:
    """Begin a session for whom this OpenID provider vouches; None: no account is theirs."""
    if "\0" in subject:  # PostgreSQL refuses it as a value
        return None
    with database.reading() as connection:
        row = connection.execute(_SELECT_SUBJECT, (issuer, subject)).fetchone()
        if row is None:
            return None
        return open_session(
            connection, row[0], origin=visitor.origin, user_agent=visitor.user_agent
        )


def change_password(
    database: RequestDatabase,
    caller: Caller,
    old: str,
    new: str,
    *,
    session_token: str,
    now: datetime,
) -> None:
    """Give the caller's account another password; all sessions but the caller's end.

    Raises:
        Problem: the old password is wrong, the new one is not good enough, or it is too early
            for another attempt.
    """
    name = caller.actor.name.removeprefix("user:")
    try:
        require_good_password(new, user=name)
    except UserError as error:
        raise Problem(Kind.INVALID_REQUEST, error.message, **error.values).about(
            [WrongField("new", error)]
        ) from None
    account = checked_account(database.reading, name, old, caller.actor.origin, now)
    if account is None:
        raise _wrong_old()
    new_hash = hash_password(new)
    with database.changing(caller.actor) as connection:
        if not set_own_password(
            connection, account.id, before=account.password_hash, password_hash=new_hash
        ):
            raise _wrong_old()
        connection.execute(_FORGET_FAILURES, (account.subject,))
        close_other_sessions(connection, account.id, session_token)


def checked_account(
    reading: Reading, name: str, password: str, origin: str, now: datetime
) -> Account | None:
    """The account that has this name and password, if any; the attempt is counted.

    Raises:
        Problem: it is too early for another attempt.
    """
    is_possible = USER_NAME.fullmatch(name) is not None
    with reading() as connection:
        row = connection.execute(_SELECT_ACCOUNT, (name,)).fetchone() if is_possible else None
        subject = f"user:{name}" if row else unknown_subject(name)
        _require_patience(connection, subject, origin, now)
        # Now, and not when the password turns out to be wrong: guesses may come in parallel.
        _count_failure(connection, subject, now)
    account_id, stored = row or (None, None)
    if is_password(stored, password) and account_id is not None and stored is not None:
        return Account(account_id, stored, subject)
    with reading() as connection:
        _count_failure(connection, address_subject(origin), now)
    _log.warning("sign_in_failed", origin=origin)
    return None


def forget_failures(connection: psycopg.Connection, account: Account) -> None:
    """Let nobody wait any more who has come in; the caller commits."""
    connection.execute(_FORGET_FAILURES, (account.subject,))


def _require_patience(
    connection: psycopg.Connection, subject: str, origin: str, now: datetime
) -> None:
    free = {subject: FREE_BY_ACCOUNT, address_subject(origin): FREE_BY_ADDRESS}
    rows = connection.execute(_SELECT_FAILURES, (list(free), now - _FORGOTTEN_AFTER)).fetchall()
    seconds = max(
        (remaining_s(failures, free[each], last, now) for each, failures, last in rows), default=0
    )
    if seconds:
        _log.warning("sign_in_delayed", origin=origin, seconds=seconds)
        raise Problem(
            Kind.TOO_MANY_ATTEMPTS,
            _("Too many attempts failed. Wait {seconds} seconds, then try again."),
            seconds=seconds,
        ).with_headers({"Retry-After": str(seconds)})


def _count_failure(connection: psycopg.Connection, subject: str, now: datetime) -> None:
    connection.execute(
        _COUNT_FAILURE, {"subject": subject, "now": now, "since": now - _FORGOTTEN_AFTER}
    )


@contextmanager
def _changing_if_outdated(
    database: RequestDatabase, name: str, account: Account, password: str, visitor: Visitor
) -> Iterator[psycopg.Connection]:
    """A transaction in which the account is still what was checked, its hash brought up to date."""
    if is_outdated(account.password_hash):
        new_hash = hash_password(password)
        with database.changing(Actor(f"user:{name}", visitor.origin)) as connection:
            if not set_own_password(
                connection, account.id, before=account.password_hash, password_hash=new_hash
            ):
                raise wrong_name_or_password()
            yield connection
        return
    with database.reading() as connection:
        found = connection.execute(_SELECT_UNCHANGED, (account.id, account.password_hash))
        if found.fetchone() is None:
            raise wrong_name_or_password()
        yield connection


def wrong_name_or_password() -> Problem:
    """One answer, whether nobody has the name or the password is wrong."""
    return Problem(Kind.INVALID_REQUEST, _("The name or the password is wrong."))


def _wrong_old() -> Problem:
    reason = UserError("The present password is wrong.")
    return Problem(Kind.INVALID_REQUEST, reason.message).about([WrongField("old", reason)])
