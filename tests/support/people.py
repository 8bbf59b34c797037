"""People of the console and the command line, for tests: signed in without the door."""

from pathlib import Path

import psycopg

from api.access.personal_keys import PERSONAL_SCOPES
from api.access.roles import Role
from api.access.sessions import open_session
from tests.support.callers import key_of
from tests.support.visiting import add_person

__all__ = ["personal_key_file", "session_of"]

_USER_ID = "SELECT id FROM users WHERE name = %s"


def session_of(connection: psycopg.Connection, name: str) -> str:
    """The cookie of a new session of an account, committed."""
    row = connection.execute(_USER_ID, (name,)).fetchone()
    assert row is not None, name
    token = open_session(connection, row[0], origin="127.0.0.1", user_agent="tests")
    connection.commit()
    return token


def personal_key_file(
    connection: psycopg.Connection, folder: Path, name: str, role: Role = Role.VERIFIER
) -> Path:
    """The file NAME.key of a new account's personal key, for `--key-file`; committed."""
    add_person(connection, name, role)
    key = key_of(connection, name, kind="personal", scopes=PERSONAL_SCOPES)
    file = folder / f"{name}.key"
    file.touch(mode=0o600)
    file.write_text(f"{key.text}\n", encoding="utf-8")
    return file
