"""What every session of ours with the database is like, whichever part of the program begins it.

It is told to a session at once after its beginning: a pooler refuses to begin one with what it does
not know. What differs between sessions is an argument here.
"""

from typing import Final, LiteralString

from psycopg.conninfo import make_conninfo

__all__ = ["LONG_THOUGHT", "SHORT_THOUGHT", "session_address", "session_settings"]

LONG_THOUGHT: Final = "1h"
"""For how long a transaction may stand still while the program computes, or a person decides."""
SHORT_THOUGHT: Final = "60s"
"""For how long where others soon wait for what the transaction locked: heartbeats, migrations."""

_CONNECT_TIMEOUT_S: Final = 10
# A server whose machine is gone is noticed within half a minute, not after hours.
_NOTICE_THEIR_END: Final = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# Instants travel as UTC; civil dates are computed explicitly, never by a session's zone. What is
# written as text is read by its form, whatever form the role or the database prefer.
_FORMS: Final = """
    SET timezone = 'UTC';
    SET datestyle = 'ISO, MDY';
    SET intervalstyle = 'postgres';
    SET client_encoding = 'UTF8';
    SET standard_conforming_strings = on;
    SET array_nulls = on;
"""
# So that the server, too, notices soon when we are gone, and lets go of what we locked.
_NOTICE_OUR_END: Final = """
    SET tcp_keepalives_idle = 10;
    SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 3;
    SET client_connection_check_interval = '5s';
"""


def session_address(url: str, *, application_name: str | None = None) -> str:
    """What to begin a session with.

    Args:
        url: a PostgreSQL address.
        application_name: what other sessions see; None: what the address says.

    Raises:
        psycopg.ProgrammingError: the address is malformed.
    """
    return make_conninfo(
        url,
        connect_timeout=_CONNECT_TIMEOUT_S,
        application_name=application_name,
        **_NOTICE_THEIR_END,
    )


def session_settings(*, thought: LiteralString = LONG_THOUGHT) -> LiteralString:
    """What to tell a session once it has begun, outside a transaction: statements.

    The first answers with the id of the server's process, for `jieru.own_session`.

    Args:
        thought: for how long a transaction may stand still; then the server ends the session.
    """
    return (
        f"SELECT pg_backend_pid(); {_FORMS} {_NOTICE_OUR_END}"
        f" SET idle_in_transaction_session_timeout = '{thought}'"
    )
