"""Processes under their own roles, as in production: logged in as each of them."""

from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from jieru.roles.grants import PROCESSES

__all__ = ["API", "ARCHIVE", "BROKER", "INGEST", "VERIFIER", "let_in", "role_address"]

API, INGEST, VERIFIER, BROKER, ARCHIVE = PROCESSES
_PASSWORD: Final = "darf-was-sie-muss"  # noqa: S105 - of test databases


def let_in(connection: psycopg.Connection) -> None:
    """Let every role of a process log in with the tests' password; as a superuser."""
    for role in PROCESSES:
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(_PASSWORD)
            )
        )


def role_address(database_url: str, role: str) -> str:
    """The address of a database for whoever logs in as a role of processes."""
    return make_conninfo(database_url, user=role, password=_PASSWORD)
