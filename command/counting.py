"""What commands have in common: the clock, the way to the database, how they print."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

import click
import psycopg

from jieru.calendar import civil_date
from jieru.database import connect
from jieru.schema import require_current_schema
from jieru.settings import Settings

__all__ = [
    "now",
    "open_database",
    "print_json",
    "today",
    "width_of_output",
]

_WIDTH_OF_A_FILE = 140
"""Columns of a report that goes to a file or a pipe."""


@contextmanager
def open_database(settings: Settings) -> Iterator[psycopg.Connection]:
    """The database of these settings, with the schema this program was written for."""
    with connect(settings.require_database_url()) as connection:
        require_current_schema(connection)
        yield connection


def now() -> datetime:
    """This instant: the one place where a count's commands look at the clock."""
    return datetime.now(UTC)


def today() -> date:
    """Today in Asia/Shanghai."""
    return civil_date(now())


def print_json(value: object) -> None:
    """Print for a program."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def width_of_output() -> int:
    """Columns for a report: the terminal's, or enough for a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH_OF_A_FILE
