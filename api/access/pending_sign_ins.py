"""Sign-ins that wait for the code: the password was given, and a short cookie says to whom."""

import hashlib
from datetime import timedelta
from typing import Final, NamedTuple

import psycopg
from starlette.requests import Request
from starlette.responses import Response

from api.access.cookies import SecretCookie, random_secret
from api.access.known_browsers import BROWSER_KNOWN_FOR

__all__ = [
    "Pending",
    "begin_pending",
    "end_all_pending",
    "end_pending",
    "find_pending",
    "forget_pending_cookie",
    "pending_cookie_of",
    "set_pending_cookie",
]

_PATIENCE: Final = timedelta(minutes=5)
_COOKIE: Final = SecretCookie("jieru_code", max_age_s=int(_PATIENCE.total_seconds()))

_FORGET_OLD: Final = "DELETE FROM pending_sign_ins WHERE expires_at < now()"
_INSERT: Final = """
    INSERT INTO pending_sign_ins (token_hash, user_id, expires_at) VALUES (%s, %s, now() + %s)
"""
_SELECT: Final = """
    SELECT users.id, users.name,
           EXISTS (SELECT FROM known_browsers
                   WHERE known_browsers.user_id = users.id AND token_hash = %(browser)s
                     AND last_used_at > now() - %(known_for)s)
    FROM pending_sign_ins JOIN users ON users.id = user_id
    WHERE pending_sign_ins.token_hash = %(token)s AND expires_at > now() AND disabled_at IS NULL
"""
_END: Final = "DELETE FROM pending_sign_ins WHERE token_hash = %s AND expires_at > now()"
_END_OF_USER: Final = "DELETE FROM pending_sign_ins WHERE user_id = %s"


class Pending(NamedTuple):
    """Whose code is waited for."""

    user_id: int
    name: str
    is_browser_known: bool


def begin_pending(connection: psycopg.Connection, user_id: int) -> str:
    """Wait some minutes for a code; the caller commits.

    Returns:
        The token for the cookie, which is kept nowhere.
    """
    token = random_secret()
    connection.execute(_FORGET_OLD)
    connection.execute(_INSERT, (_hash(token), user_id, _PATIENCE))
    return token


def find_pending(
    connection: psycopg.Connection, token: str, browser: bytes | None
) -> Pending | None:
    """Whose code is waited for in this browser, if one still is."""
    values = {"token": _hash(token), "browser": browser, "known_for": BROWSER_KNOWN_FOR}
    row = connection.execute(_SELECT, values).fetchone()
    return None if row is None else Pending(*row)


def end_pending(connection: psycopg.Connection, token: str) -> bool:
    """Wait no longer; false where nobody did any more. The caller commits."""
    return connection.execute(_END, (_hash(token),)).rowcount == 1


def end_all_pending(connection: psycopg.Connection, user_id: int) -> None:
    """Wait for no code of an account; the caller commits."""
    connection.execute(_END_OF_USER, (user_id,))


def pending_cookie_of(request: Request) -> str | None:
    """The token of the sign-in that waits for a code, if the request carries one."""
    return _COOKIE.read(request)


def set_pending_cookie(request: Request, response: Response, token: str) -> None:
    """Let the browser say whose code it brings."""
    _COOKIE.set(request, response, token)


def forget_pending_cookie(request: Request, response: Response) -> None:
    """Take it away from the browser."""
    _COOKIE.forget(request, response)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
