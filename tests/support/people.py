"""People of the console, for tests: signed in without the door."""

import psycopg

from api.access.sessions import open_session

__all__ = ["session_of"]

_USER_ID = "SELECT id FROM users WHERE name = %s"


def session_of(connection: psycopg.Connection, name: str) -> str:
    """The cookie of a new session of an account, committed."""
    row = connection.execute(_USER_ID, (name,)).fetchone()
    assert row is not None, name
    token = open_session(connection, row[0], origin="127.0.0.1", user_agent="tests")
    connection.commit()
    return token
