"""What every session of ours with the database is like, whichever part of the program begins it.

It is told to a session at once after its beginning: a pooler refuses to begin one with what it does
not know. What differs between sessions is an argument here.
"""

from typing import Final, LiteralString, NamedTuple

from psycopg.conninfo import make_conninfo

__all__ = [
    "LONG_WORK",
    "SHORT_WORK",
    "UNBOUNDED_WORK",
    "WATCHED_WORK",
    "Work",
    "session_address",
    "session_settings",
]

_LONG_THOUGHT: Final = "1h"
"""For how long a transaction may stand still while the program computes, or a person decides."""
_SHORT_THOUGHT: Final = "60s"
"""For how long where others soon wait for what the transaction locked."""


class Work(NamedTuple):
    """For how long a session may be at something; None: as its role or the server says."""

    thought: LiteralString
    """In a transaction that stands still."""
    statement: LiteralString | None = None
    lock: LiteralString | None = None
    """Waiting for what another transaction holds."""
    check: LiteralString = "5s"
    """Between two looks, in a statement, whether whoever asked is still there."""

    @property
    def statements(self) -> LiteralString:
        """What a session is told, outside a transaction."""
        said = (
            f"SET client_connection_check_interval = '{self.check}';"
            f" SET idle_in_transaction_session_timeout = '{self.thought}'"
        )
        if self.statement is not None:
            said += f"; SET statement_timeout = '{self.statement}'"
        if self.lock is not None:
            said += f"; SET lock_timeout = '{self.lock}'"
        return said


UNBOUNDED_WORK: Final = Work(_LONG_THOUGHT)
"""Of commands, whose people see that they wait and may end them."""
WATCHED_WORK: Final = Work(_SHORT_THOUGHT)
"""Of what others soon wait for, and what is tried again: heartbeats, migrations."""
SHORT_WORK: Final = Work(_SHORT_THOUGHT, statement="30s", lock="3s", check="1s")
"""Of what a browser waits for: others wait behind it."""
LONG_WORK: Final = Work("10min", statement="10min", lock="20s", check="1s")
"""Of what stands in the line of heavy work."""

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


def session_settings(work: Work = UNBOUNDED_WORK) -> LiteralString:
    """What to tell a session once it has begun, outside a transaction: statements.

    The first answers with the id of the server's process, for `jieru.own_session`.

    Args:
        work: for how long it may be at something.
    """
    return f"SELECT pg_backend_pid(); {_FORMS} {_NOTICE_OUR_END} {work.statements}"
