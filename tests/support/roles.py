"""Processes under their own roles, as in production: logged in as each of them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from jieru.roles.grants import PROCESSES

__all__ = [
    "API",
    "ARCHIVE",
    "BROKER",
    "INGEST",
    "ROLE_PASSWORDS",
    "VERIFIER",
    "acting_as",
    "as_role",
]

API, INGEST, VERIFIER, BROKER, ARCHIVE = PROCESSES
_PASSWORD: Final = "darf-was-sie-muss"  # noqa: S105 - of test databases
ROLE_PASSWORDS: Final = dict.fromkeys(PROCESSES, _PASSWORD)
"""Of each, once it was let in."""

_IS_SUPERUSER: Final = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
_SELECT_SHUT_OUT: Final = (
    "SELECT rolname FROM pg_authid WHERE rolname = ANY (%s) AND rolpassword IS NULL"
)
_LET_IN: Final = sql.SQL("ALTER ROLE {} PASSWORD {}")


def as_role(database_url: str, role: str) -> str:
    """The address of a migrated database for whoever logs in as a role of processes.

    Where the address is not a superuser's, or no role can be let in, it stays what it is: some
    tests are about owners, and about databases that are away.
    """
    try:
        with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as superuser:
            if superuser.execute(_IS_SUPERUSER).fetchone() != (True,):
                return database_url
            roles = list(PROCESSES)
            for (name,) in superuser.execute(_SELECT_SHUT_OUT, (roles,)).fetchall():
                statement = _LET_IN.format(sql.Identifier(name), sql.Literal(_PASSWORD))
                superuser.execute(statement)
            row = superuser.execute("SELECT to_regrole(%s) IS NOT NULL", (role,)).fetchone()
            if row != (True,):
                return database_url
    except psycopg.OperationalError:
        return database_url
    return make_conninfo(database_url, user=role, password=_PASSWORD)


@contextmanager
def acting_as(connection: psycopg.Connection, role: str) -> Iterator[None]:
    """Have a superuser's connection in autocommit mode do what a process does, with its rights."""
    connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # a connection that a test broke is nobody's any more
            connection.execute("RESET ROLE")
