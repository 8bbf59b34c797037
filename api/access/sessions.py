"""Sessions of people: a random cookie, of which the database keeps only a hash."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import psycopg
from starlette.requests import Request
from starlette.responses import Response

from api.access.caller import Caller, OwnPlatform
from api.access.cookies import SecretCookie, derived, random_secret
from api.access.roles import Role
from api.web.database import RequestDatabase
from jieru.audit import Actor

__all__ = [
    "LONGEST_IDLE",
    "close_other_sessions",
    "close_session",
    "find_session_holder",
    "forget_session_cookie",
    "open_session",
    "session_cookie_of",
    "set_session_cookie",
    "still_signed_in",
]

LONGEST: Final = timedelta(hours=12)
LONGEST_IDLE: Final = timedelta(hours=2)

KEPT_AFTER_THE_END: Final = timedelta(days=90)
"""For whoever asks later from where an account was used."""

_COOKIE: Final = SecretCookie("jieru_session")
_USER_AGENT_LENGTH: Final = 200

_INSERT: Final = """
    INSERT INTO sessions (token_hash, user_id, created_at, last_used_at, expires_at, origin,
                          user_agent)
    VALUES (%s, %s, now(), now(), now() + %s, %s, %s)
"""
_SELECT: Final = """
    SELECT users.id, users.name, users.display_name, users.role, platforms.id, platforms.code,
           sessions.last_used_at < now() - interval '1 minute',
           NOT EXISTS (SELECT FROM second_factors WHERE second_factors.user_id = users.id
                       AND ended_at IS NULL AND confirmed_at IS NOT NULL)
    FROM sessions
    JOIN users ON users.id = user_id
    LEFT JOIN platforms ON platforms.id = users.platform_id
    WHERE token_hash = %s AND revoked_at IS NULL AND expires_at > now()
      AND last_used_at > now() - %s AND users.disabled_at IS NULL
"""
_SELECT_OPEN: Final = """
    SELECT token_hash, users.role, users.platform_id
    FROM sessions JOIN users ON users.id = user_id
    WHERE token_hash = ANY (%s) AND revoked_at IS NULL AND expires_at > now()
      AND last_used_at > now() - %s AND users.disabled_at IS NULL
"""
_TOUCH: Final = "UPDATE sessions SET last_used_at = now() WHERE token_hash = %s"
_REVOKE: Final = """
    UPDATE sessions SET revoked_at = now() WHERE token_hash = %s AND revoked_at IS NULL
"""
_REVOKE_OTHERS: Final = """
    UPDATE sessions SET revoked_at = now()
    WHERE user_id = %s AND token_hash <> %s AND revoked_at IS NULL
"""
_FORGET_OLD: Final = "DELETE FROM sessions WHERE user_id = %s AND expires_at < now() - %s"


def open_session(
    connection: psycopg.Connection, user_id: int, *, origin: str, user_agent: str
) -> str:
    """Begin a session; the caller commits.

    Returns:
        The token for the cookie, which is kept nowhere.
    """
    token = random_secret()
    connection.execute(_FORGET_OLD, (user_id, KEPT_AFTER_THE_END))
    connection.execute(
        _INSERT, (_hash(token), user_id, LONGEST, origin, user_agent[:_USER_AGENT_LENGTH])
    )
    return token


def close_session(connection: psycopg.Connection, token: str) -> None:
    """End a session for good; the caller commits."""
    connection.execute(_REVOKE, (_hash(token),))


def close_other_sessions(connection: psycopg.Connection, user_id: int, token: str) -> None:
    """End all sessions of a person but this one; the caller commits."""
    connection.execute(_REVOKE_OTHERS, (user_id, _hash(token)))


def find_session_holder(database: RequestDatabase, token: str, origin: str) -> Caller | None:
    """Who has this session, or None when there is no such session (any more)."""
    with database.reading() as connection:
        row = connection.execute(_SELECT, (_hash(token), LONGEST_IDLE)).fetchone()
        if row is None:
            return None
        user_id, name, display_name, role, platform_id, platform_code, is_stale, lacks_factor = row
        if is_stale:
            connection.execute(_TOUCH, (_hash(token),))
    return Caller(
        actor=Actor(f"user:{name}", origin),
        display_name=display_name,
        role=Role(role),
        platform=OwnPlatform(platform_id, platform_code) if platform_id else None,
        form_token=derived(token, "form"),
        user_id=user_id,
        lacks_second_factor=lacks_factor,
    )


def still_signed_in(
    connection: psycopg.Connection, callers: Mapping[str, Caller]
) -> frozenset[str]:
    """Of sessions by their tokens those that go on as the callers that they were found to be.

    One that has ended, whose person is disabled, or has another role or platform, is not there.
    Asking is no use of a session: it does not keep one from ending of idleness.
    """
    tokens = {_hash(token): token for token in callers}
    found = connection.execute(_SELECT_OPEN, (list(tokens), LONGEST_IDLE))
    return frozenset(
        tokens[token_hash]
        for token_hash, role, platform_id in found
        if (callers[tokens[token_hash]].role, callers[tokens[token_hash]].platform_id)
        == (Role(role), platform_id)
    )


def session_cookie_of(request: Request) -> str | None:
    """The session's token, if the request carries what looks like one."""
    return _COOKIE.read(request)


def set_session_cookie(request: Request, response: Response, token: str) -> None:
    """Give the browser its session; it ends with the browser at the latest."""
    _COOKIE.set(request, response, token)


def forget_session_cookie(request: Request, response: Response) -> None:
    """Take the session away from the browser."""
    _COOKIE.forget(request, response)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
