"""Every session of ours is alike, whatever the role, the database or the address prefer."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier, Literal

from jieru.database import connect, open_pool
from jieru.database_options import WATCHED_WORK
from jieru.retry import connect_patiently
from tests.support.source_tree import modules, syntax

_SELECT_SETTINGS: Final = "SELECT name, setting FROM pg_settings"
_MIGRATION: Final = "jieru migrate"
_NAMED: Final = {"application_name", "idle_in_transaction_session_timeout"}
"""What sessions may differ in; each is an argument of what begins them."""
_ODD: Final = {
    "timezone": "Asia/Tokyo",
    "datestyle": "German, DMY",
    "intervalstyle": "iso_8601",
    "client_encoding": "LATIN1",
    "standard_conforming_strings": "off",
    "array_nulls": "off",
    "tcp_keepalives_idle": "7200",
    "client_connection_check_interval": "0",
    "idle_in_transaction_session_timeout": "7d",
}
_WAYS: Final = {"psycopg.connect", "Connection.connect", "ConnectionPool"}
_BEGINNINGS: Final = {
    ("jieru.database", "psycopg.connect"),
    ("jieru.database", "ConnectionPool"),
    ("jieru.own_session", "psycopg.connect"),
    ("jieru.retry", "Connection.connect"),
}


@pytest.fixture
def odd_url(timescale_url: str) -> str:
    """A database that prefers everything else than we do."""
    with psycopg.connect(timescale_url, autocommit=True) as connection:
        for name, value in _ODD.items():
            statement = SQL("ALTER DATABASE {} SET {} = {}").format(
                Identifier(connection.info.dbname), Identifier(name), Literal(value)
            )
            connection.execute(statement)
    return timescale_url


@contextmanager
def _of_a_pool(url: str) -> Iterator[psycopg.Connection]:
    with open_pool(url, size=1) as pool, pool.connection() as connection:
        yield connection


async def test_sessions_differ_in_what_is_named_and_in_nothing_else(odd_url: str) -> None:
    """A command's, the console's, a migration's and an ingester's, setting by setting."""
    with (
        connect(odd_url) as command,
        _of_a_pool(odd_url) as pooled,
        connect(odd_url, application_name=_MIGRATION, work=WATCHED_WORK) as migration,
    ):
        found: list[dict[str, str]] = [
            dict(each.execute(_SELECT_SETTINGS).fetchall()) for each in (command, pooled, migration)
        ]
    async with await connect_patiently(odd_url, application_name="jieru-ingest-1") as ingester:
        cursor = await ingester.execute(_SELECT_SETTINGS)
        found.append(dict(await cursor.fetchall()))
    first = found[0]
    for other in found[1:]:
        differing = {name for name in first if first[name] != other[name]}
        assert differing <= _NAMED
    assert [each["idle_in_transaction_session_timeout"] for each in found] == [
        "3600000",
        "3600000",
        "60000",
        "60000",
    ]
    assert [each["application_name"] for each in found] == ["", "", _MIGRATION, "jieru-ingest-1"]
    assert (first["TimeZone"], first["DateStyle"], first["IntervalStyle"]) == (
        "UTC",
        "ISO, MDY",
        "postgres",
    )
    assert (first["standard_conforming_strings"], first["array_nulls"]) == ("on", "on")
    assert (first["client_encoding"], first["client_connection_check_interval"]) == ("UTF8", "5000")


def test_a_session_begins_outside_a_transaction(odd_url: str) -> None:
    """Its settings were no part of one, so a rollback leaves them as they are."""
    for autocommit in (False, True):
        with connect(odd_url, autocommit=autocommit) as connection:
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            assert connection.autocommit is autocommit
            connection.execute("SELECT 1")
            connection.rollback()
            shown = connection.execute("SHOW intervalstyle").fetchone()
            assert shown == ("postgres",)


def test_the_address_names_the_session_where_nothing_else_does(odd_url: str) -> None:
    """Somebody may tell his own sessions apart."""
    with connect(make_conninfo(odd_url, application_name="reader-7")) as connection:
        assert connection.execute("SHOW application_name").fetchone() == ("reader-7",)


def test_options_of_the_address_stay_but_for_what_we_rely_on(odd_url: str) -> None:
    """A database with schemas of several programs, for one, is told which to look into."""
    url = make_conninfo(odd_url, options="-c search_path=public -c timezone=Asia/Tokyo")
    with connect(url) as connection:
        shown = connection.execute(
            "SELECT current_setting('search_path'), current_setting('timezone')"
        ).fetchone()
    assert shown == ("public", "UTC")


def test_no_session_begins_anywhere_else() -> None:
    """Whoever needs one asks `jieru.database`, or `jieru.retry` where the database may be away."""
    beginnings = {
        (module, way)
        for module in modules()
        for node in ast.walk(syntax(module))
        if isinstance(node, ast.Call)
        for way in _WAYS
        if ast.unparse(node.func).endswith(way)
    }
    assert beginnings == _BEGINNINGS
