"""Databases of their own for single tests, on whatever PostgreSQL server."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Final
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

__all__ = ["DatabaseServer"]

_DISCONNECT: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}"


class DatabaseServer:
    """A PostgreSQL server that somebody else started, on which we may create databases."""

    is_ours: ClassVar[bool] = False
    """Whether it may be stopped and killed."""
    tablespace: ClassVar[str] = "pg_default"
    """Where its databases lie."""

    def __init__(self, url: str) -> None:
        """Name the server by the address of one of its databases."""
        self._url = url

    def url(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return urlsplit(self._url)._replace(path=f"/{database}").geturl()

    def create_database(self, *, template: str | None = None) -> str:
        """Create a database, empty or a copy of the sealed one at `template`; its address."""
        name = f"jieru_{secrets.token_hex(6)}"
        like = urlsplit(template).path[1:] if template else "template0"
        # A copy of the files, for a fresh database holds more catalogue than a log should carry.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy TABLESPACE {}")
        names = (name, like, self.tablespace)
        self._execute(statement.format(*map(sql.Identifier, names)))
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is still connected to it."""
        name = sql.Identifier(urlsplit(url).path[1:])
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def seal(self, url: str) -> None:
        """Let nobody connect to a database any more, so that it can be copied.

        PostgreSQL copies no database that somebody uses, and TimescaleDB's scheduler uses each one
        that it can connect to.
        """
        name = urlsplit(url).path[1:]
        statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false")
        self._execute(statement.format(sql.Identifier(name)))
        self._execute(sql.SQL(_DISCONNECT).format(sql.Literal(name)))

    @contextmanager
    def database(self, *, template: str | None = None) -> Iterator[str]:
        """The address of a database of one's own, dropped at the end."""
        url = self.create_database(template=template)
        try:
            yield url
        finally:
            self.drop_database(url)

    def _execute(self, statement: sql.Composed) -> None:
        # `_url` itself, for an existing server may have no database named postgres.
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement)
