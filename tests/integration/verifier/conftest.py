"""A migrated database, its registry, and the command line on it."""

import sys
from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

import psycopg
import pytest

from command import main
from jieru.database import connect
from tests.support.registry_builder import RegistryBuilder, days_between

__all__ = ["WORKED_EXAMPLE", "Run"]

Run = Callable[..., tuple[int, str, str]]

WORKED_EXAMPLE: Final = [
    day for day in days_between(date(2026, 3, 2), date(2026, 6, 30)) if day.weekday() != 6
]
"""Every day but Sundays: the worked example of design section 7."""


@pytest.fixture
def database(embedded_database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a migrated database."""
    with connect(embedded_database_url) as connection:
        yield connection


@pytest.fixture
def registry(database: psycopg.Connection) -> RegistryBuilder:
    """Fills that database."""
    return RegistryBuilder(database)


@pytest.fixture
def jieru(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    embedded_database_url: str,
) -> Run:
    """Runs the command line on that database, in English: exit code, output, errors."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    monkeypatch.setenv("JIERU_DATABASE_URL", embedded_database_url)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["jieru", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run
