"""Browsers in which somebody has signed in before, known by a cookie that outlives the session.

Failures of a known browser for its account are counted apart (OWASP: device cookies), so neither
strangers at the same address nor strangers who try the same name keep its person waiting. The
cookie opens nothing: the password is asked as ever.
"""

import hashlib
from datetime import timedelta
from typing import Final

import psycopg
from starlette.requests import Request
from starlette.responses import Response

from api.access.cookies import SecretCookie, random_secret

__all__ = [
    "BROWSER_KNOWN_FOR",
    "browser_of",
    "forget_browsers",
    "is_browser_known",
    "keep_browser",
    "remember_browser",
]

BROWSER_KNOWN_FOR: Final = timedelta(days=365)
"""After the last time that somebody signed in there."""
_PER_ACCOUNT: Final = 20
_COOKIE: Final = SecretCookie("jieru_browser", max_age_s=int(BROWSER_KNOWN_FOR.total_seconds()))

# Another cookie with each sign-in: one that somebody planted is worth nothing afterwards.
_MOVE: Final = "UPDATE known_browsers SET token_hash = %s WHERE token_hash = %s"
_KEEP: Final = """
    INSERT INTO known_browsers (token_hash, user_id, last_used_at) VALUES (%s, %s, now())
    ON CONFLICT (token_hash, user_id) DO UPDATE SET last_used_at = excluded.last_used_at
"""
_FORGET_OLD: Final = """
    DELETE FROM known_browsers WHERE user_id = %(user_id)s AND (
        last_used_at < now() - %(known_for)s
        OR token_hash NOT IN (SELECT token_hash FROM known_browsers WHERE user_id = %(user_id)s
                              ORDER BY last_used_at DESC LIMIT %(limit)s))
"""
_IS_KNOWN: Final = """
    SELECT EXISTS (SELECT FROM known_browsers WHERE user_id = %s AND token_hash = %s
                   AND last_used_at > now() - %s)
"""
_FORGET: Final = "DELETE FROM known_browsers WHERE user_id = %s"


def browser_of(request: Request) -> bytes | None:
    """What the database knows a request's browser by, if it carries a cookie."""
    token = _COOKIE.read(request)
    return None if token is None else _hash(token)


def keep_browser(connection: psycopg.Connection, user_id: int, browser: bytes | None) -> str:
    """Know a browser from now on as one in which this account signed in; the caller commits.

    Args:
        connection: in a transaction.
        user_id: of the account.
        browser: what it was known by.

    Returns:
        The token for its cookie, which is kept nowhere.
    """
    token = random_secret()
    if browser is not None:
        connection.execute(_MOVE, (_hash(token), browser))
    connection.execute(_KEEP, (_hash(token), user_id))
    values = {"user_id": user_id, "known_for": BROWSER_KNOWN_FOR, "limit": _PER_ACCOUNT}
    connection.execute(_FORGET_OLD, values)
    return token


def is_browser_known(connection: psycopg.Connection, user_id: int, browser: bytes | None) -> bool:
    """Whether this account signed in there; a cookie that somebody made up is none of ours."""
    row = connection.execute(_IS_KNOWN, (user_id, browser, BROWSER_KNOWN_FOR)).fetchone()
    return row is not None and row[0]


def forget_browsers(connection: psycopg.Connection, user_id: int) -> None:
    """Know no browser of an account any more; the caller commits."""
    connection.execute(_FORGET, (user_id,))


def remember_browser(request: Request, response: Response, token: str) -> None:
    """Give the browser the cookie by which it is known the next time."""
    _COOKIE.set(request, response, token)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
