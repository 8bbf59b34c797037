"""A database with heartbeats as an ingester stores them, on TimescaleDB and as a plain table."""

from collections.abc import Iterator

import psycopg
import pytest

from jieru.database import connect


@pytest.fixture(autouse=True)
def _speak_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture(params=["database_url", "embedded_database_url"])
def url(request: pytest.FixtureRequest) -> str:
    """A database with TimescaleDB, and one without."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection]:
    """A connection of the test's own."""
    with connect(url, autocommit=True) as opened:
        yield opened
