"""What no migration can change is said before anything is made (finding B3)."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from jieru.errors import UserError
from jieru.schema import migrate
from tests.support.databases import DatabaseServer


@contextmanager
def _database(server: DatabaseServer, name: str, encoding: str) -> Iterator[str]:
    statement = SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LOCALE 'C'")
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(statement.format(Identifier(name), encoding))
        try:
            yield server.url(name)
        finally:
            connection.execute(SQL("DROP DATABASE {}").format(Identifier(name)))


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "EUC_CN", "LATIN1"])
def test_a_database_of_another_encoding_is_refused(
    timescale_server: DatabaseServer, encoding: str
) -> None:
    """And is told how to make one that will do; nothing was made in this one."""
    name = f"in_{encoding.lower()}"
    with _database(timescale_server, name, encoding) as url:
        with pytest.raises(UserError, match=f"CREATE DATABASE {name} ENCODING 'UTF8'"):
            migrate(url)
        with psycopg.connect(url) as connection:
            made = connection.execute("SELECT to_regclass('schema_migrations')").fetchone()
    assert made == (None,)
