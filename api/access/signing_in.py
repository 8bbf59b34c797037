"""Signing in: an attempt is counted, then password and code are looked at, then a session begins.

The database is not held while a password is hashed, so what was read before is checked again in
the transaction that begins the session. Nothing of what is answered, counted or done before the
password was right depends on whether the name is an account's: neither words, nor waits, nor work.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import psycopg
import structlog

from api.access.access_log import Reading, note_access
from api.access.attempts import Attempt, TooEarly, enter_attempt, forget_failures, take_back
from api.access.caller import Caller
from api.access.delays import (
    FREE_BY_ACCOUNT,
    FREE_BY_ADDRESS,
    address_subject,
    browser_subject,
    code_subject,
    name_subject,
)
from api.access.known_browsers import BROWSER_KNOWN_FOR, keep_browser
from api.access.passwords import hash_password, is_outdated, is_password, require_good_password
from api.access.pending_sign_ins import Pending, begin_pending, end_pending, find_pending
from api.access.second_factors import used_code
from api.access.sessions import close_other_sessions, open_session
from api.access.totp_key import TotpKey
from api.access.users import USER_NAME, revoke_personal_keys, set_own_password
from api.web.database import RequestDatabase
from api.web.problems import Kind, Problem, WrongField
from jieru.access_entries import AccessKind, write_access_entry
from jieru.audit import Actor
from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = [
    "Account",
    "Admitted",
    "CodeWanted",
    "Visitor",
    "change_password",
    "checked_account",
    "checked_code",
    "confirmed_account",
    "count_code",
    "give_code",
    "sign_in",
    "sign_in_by_subject",
    "wrong_code",
    "wrong_name_or_password",
]

_SELECT_ACCOUNT: Final = """
    SELECT users.id, disabled_at IS NOT NULL, password_hash,
           second_factors.id IS NOT NULL,
           EXISTS (SELECT FROM known_browsers
                   WHERE user_id = users.id AND token_hash = %(browser)s
                     AND last_used_at > now() - %(known_for)s)
    FROM users
    LEFT JOIN second_factors ON user_id = users.id AND ended_at IS NULL
         AND confirmed_at IS NOT NULL
    WHERE users.name = %(name)s
"""
_SELECT_UNCHANGED: Final = """
    SELECT FROM users WHERE id = %s AND password_hash = %s AND disabled_at IS NULL FOR SHARE
"""
_SELECT_ENABLED: Final = "SELECT FROM users WHERE id = %s AND disabled_at IS NULL FOR SHARE"
_SELECT_SUBJECT: Final = """
    SELECT id, name,
           EXISTS (SELECT FROM second_factors WHERE user_id = users.id AND ended_at IS NULL
                   AND confirmed_at IS NOT NULL)
    FROM users
    WHERE oidc_issuer = %s AND oidc_subject = %s AND disabled_at IS NULL FOR SHARE
"""

_log = structlog.get_logger()

Counted = Callable[[int | None], dict[str, int]]
"""Under what an attempt is counted, and how often it may fail for nothing: of an account that
knows the browser, or of None."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is at the door, as far as we see."""

    origin: str
    user_agent: str = ""
    browser: bytes | None = None
    """By what the database may know the browser."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose password was right."""

    id: int
    name: str
    password_hash: str
    has_second_factor: bool
    is_browser_known: bool
    attempt: Attempt
    """To be taken back."""


class Admitted(NamedTuple):
    """What the browser of somebody who came in is given."""

    session: str
    """The token of the session's cookie."""
    browser: str
    """The token by which the browser is known from now on."""


class CodeWanted(NamedTuple):
    """The password was right; now a code is asked for."""

    token: str
    """Of the cookie that says whose."""


def sign_in(
    database: RequestDatabase, name: str, password: str, visitor: Visitor, *, now: datetime
) -> Admitted | CodeWanted:
    """Begin a session for whoever has this account's password, or ask for a code.

    Raises:
        Problem: the name or the password is wrong, or it is too early for another attempt.
    """
    account = checked_account(
        database.reading,
        name,
        password,
        visitor,
        _at_the_door(name, visitor),
        now=now,
    )
    if account is None:
        raise wrong_name_or_password()
    with _changing_if_outdated(database, account, password, visitor) as connection:
        take_back(connection, account.attempt)
        forget_failures(connection, _of_browser(account, visitor), now)
        if account.has_second_factor:
            return CodeWanted(begin_pending(connection, account.id))
        return _admitted(connection, account.id, account.name, visitor)


def sign_in_by_subject(
    database: RequestDatabase, issuer: str, subject: str, visitor: Visitor
) -> Admitted | CodeWanted | None:
    """Let in whom the OpenID provider vouches for, or ask for a code; None: nobody's account."""
    if "\0" in subject:  # PostgreSQL refuses it as a value
        return None
    with database.reading() as connection, connection.transaction():
        row = connection.execute(_SELECT_SUBJECT, (issuer, subject)).fetchone()
        if row is None:
            return None
        user_id, name, has_second_factor = row
        if has_second_factor:
            return CodeWanted(begin_pending(connection, user_id))
        return _admitted(connection, user_id, name, visitor)


def give_code(
    database: RequestDatabase,
    token: str,
    code: str,
    visitor: Visitor,
    key: TotpKey | None,
    *,
    now: datetime,
) -> Admitted | None:
    """Begin a session for whoever has given the password before and gives the code now.

    Returns:
        None where the password was given too long ago, or to somebody else.

    Raises:
        Problem: the code is wrong, or it is too early for another one.
        UserError: codes cannot be checked here.
    """
    with database.reading() as connection:
        pending = find_pending(connection, token, visitor.browser)
    if pending is None:
        return None
    browser = visitor.browser if pending.is_browser_known else None
    subject = code_subject(pending.user_id, browser)
    if not checked_code(database.reading, pending, code, key, visitor.origin, subject, now=now):
        raise wrong_code()
    with database.reading() as connection, connection.transaction():
        # The account first, as whoever disables it or changes its password takes it: otherwise each
        # of the two could wait for the other.
        if connection.execute(_SELECT_ENABLED, (pending.user_id,)).fetchone() is None:
            return None
        if not end_pending(connection, token):
            return None
        return _admitted(connection, pending.user_id, pending.name, visitor)


def change_password(
    database: RequestDatabase,
    caller: Caller,
    old: str,
    new: str,
    visitor: Visitor,
    *,
    session_token: str,
    now: datetime,
) -> None:
    """Give the caller's account another password; personal keys and all other sessions end.

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
    account = confirmed_account(database, caller, old, visitor, now=now)
    new_hash = hash_password(new)
    with database.changing(caller.actor) as connection:
        if not set_own_password(
            connection, account.id, before=account.password_hash, password_hash=new_hash
        ):
            raise _wrong_old("old")
        close_other_sessions(connection, account.id, session_token)
        revoke_personal_keys(connection, account.id)


def confirmed_account(
    database: RequestDatabase,
    caller: Caller,
    password: str,
    visitor: Visitor,
    *,
    now: datetime,
    field: str = "old",
) -> Account:
    """The account of a caller who gives its password once more.

    Raises:
        Problem: it is wrong, which `field` is told, or it is too early for another attempt.
    """
    name = caller.actor.name.removeprefix("user:")
    counted = _at_the_door(name, visitor)
    account = checked_account(database.reading, name, password, visitor, counted, now=now)
    if account is None:
        raise _wrong_old(field)
    with database.reading() as connection, connection.transaction():
        take_back(connection, account.attempt)
        forget_failures(connection, _of_browser(account, visitor), now)
    return account


def checked_account(
    reading: Reading,
    name: str,
    password: str,
    visitor: Visitor,
    counted: Counted,
    *,
    now: datetime,
) -> Account | None:
    """The account that has this name and password, if any; the attempt is counted.

    Raises:
        Problem: it is too early for another attempt.
    """
    name = _normal(name)
    with reading() as connection:
        row = _account_row(connection, name, visitor.browser)
        user_id, is_disabled, stored, has_factor, is_known = row or (None, True, None, False, False)
        subjects = counted(user_id if is_known else None)
        attempt = _entered(connection, subjects, visitor.origin, now)
    # An account that is disabled, or has no password, costs the same work as none at all.
    usable = None if is_disabled else stored
    if is_password(usable, password) and user_id is not None and usable is not None:
        return Account(user_id, name, usable, has_factor, is_known, attempt)
    _log.warning("sign_in_failed", origin=visitor.origin)
    actor = None if row is None else f"user:{name}"
    note_access(reading, AccessKind.SIGN_IN_FAILED, actor=actor, origin=visitor.origin)
    return None


def checked_code(
    reading: Reading,
    pending: Pending,
    code: str,
    key: TotpKey | None,
    origin: str,
    subject: str,
    *,
    now: datetime,
) -> bool:
    """Whether this is a code of the account, which is worth nothing afterwards; it is counted.

    Raises:
        Problem: it is too early for another one.
        UserError: codes cannot be checked here.
    """
    actor = f"user:{pending.name}"
    with reading() as connection:
        _entered(connection, {subject: FREE_BY_ACCOUNT}, origin, now)
        with connection.transaction():
            use = used_code(connection, key, pending.user_id, code, now)
            if use is not None:
                forget_failures(connection, subject, now)
            if use is not None and use.is_recovery:
                kind = AccessKind.RECOVERY_CODE_USED
                write_access_entry(connection, kind, actor=actor, origin=origin)
    if use is None:
        _log.warning("sign_in_failed", origin=origin)
        note_access(reading, AccessKind.CODE_FAILED, actor=actor, origin=origin)
    return use is not None


def count_code(reading: Reading, origin: str, subject: str, *, now: datetime) -> None:
    """Count an attempt to give a code, before it is looked at.

    Raises:
        Problem: it is too early for another one.
    """
    with reading() as connection:
        _entered(connection, {subject: FREE_BY_ACCOUNT}, origin, now)


def _at_the_door(name: str, visitor: Visitor) -> Counted:
    def counted(user_id: int | None) -> dict[str, int]:
        if user_id is not None and visitor.browser is not None:
            return {browser_subject(visitor.browser, user_id): FREE_BY_ACCOUNT}
        return {
            name_subject(_normal(name)): FREE_BY_ACCOUNT,
            address_subject(visitor.origin): FREE_BY_ADDRESS,
        }

    return counted


def _normal(name: str) -> str:
    return name.strip().lower()


def _account_row(
    connection: psycopg.Connection, name: str, browser: bytes | None
) -> tuple[int, bool, str | None, bool, bool] | None:
    if USER_NAME.fullmatch(name) is None:
        return None
    values = {"name": name, "browser": browser, "known_for": BROWSER_KNOWN_FOR}
    row: tuple[int, bool, str | None, bool, bool] | None
    row = connection.execute(_SELECT_ACCOUNT, values).fetchone()
    return row


def _entered(
    connection: psycopg.Connection, subjects: dict[str, int], origin: str, now: datetime
) -> Attempt:
    try:
        return enter_attempt(connection, subjects, now)
    except TooEarly as early:
        _log.warning("sign_in_delayed", origin=origin, seconds=early.seconds)
        raise _too_early(early.seconds) from None


def _of_browser(account: Account, visitor: Visitor) -> str | None:
    """Under what failures are counted that only the browser's own people can have made."""
    if not account.is_browser_known or visitor.browser is None:
        return None
    return browser_subject(visitor.browser, account.id)


def _admitted(
    connection: psycopg.Connection, user_id: int, name: str, visitor: Visitor
) -> Admitted:
    write_access_entry(connection, AccessKind.SIGN_IN, actor=f"user:{name}", origin=visitor.origin)
    session = open_session(
        connection, user_id, origin=visitor.origin, user_agent=visitor.user_agent
    )
    return Admitted(session, keep_browser(connection, user_id, visitor.browser))


@contextmanager
def _changing_if_outdated(
    database: RequestDatabase, account: Account, password: str, visitor: Visitor
) -> Iterator[psycopg.Connection]:
    """A transaction in which the account is still what was checked, its hash brought up to date."""
    if is_outdated(account.password_hash):
        new_hash = hash_password(password)
        with database.changing(Actor(f"user:{account.name}", visitor.origin)) as connection:
            if not set_own_password(
                connection, account.id, before=account.password_hash, password_hash=new_hash
            ):
                raise wrong_name_or_password()
            yield connection
        return
    with database.reading() as connection, connection.transaction():
        found = connection.execute(_SELECT_UNCHANGED, (account.id, account.password_hash))
        if found.fetchone() is None:
            raise wrong_name_or_password()
        yield connection


def _too_early(seconds: int) -> Problem:
    """The answer to an attempt that comes too early, whoever made it."""
    return Problem(
        Kind.TOO_MANY_ATTEMPTS,
        _("Too many attempts failed. Wait {seconds} seconds, then try again."),
        seconds=seconds,
    ).with_headers({"Retry-After": str(seconds)})


def wrong_name_or_password() -> Problem:
    """One answer, whether nobody has the name or the password is wrong."""
    return Problem(Kind.INVALID_REQUEST, _("The name or the password is wrong."))


def wrong_code() -> Problem:
    """The answer to a code that is wrong, or was used before."""
    return Problem(
        Kind.INVALID_REQUEST,
        _("The code is wrong or was used before. Wait for the next one, then try again."),
    )


def _wrong_old(field: str) -> Problem:
    reason = UserError("The present password is wrong.")
    return Problem(Kind.INVALID_REQUEST, reason.message).about([WrongField(field, reason)])
