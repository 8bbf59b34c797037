"""A database with old heartbeats, on TimescaleDB and as a plain table, and an empty folder."""

from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the archive goes."""
    made = tmp_path / "archive"
    made.mkdir()
    return made
