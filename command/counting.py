"""What the commands about counts have in common: their arguments, and the way to the database."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import click
import psycopg

from jieru.calendar import civil_date, parse_date
from jieru.database import connect
from jieru.errors import UserError
from jieru.schema import require_current_schema
from jieru.settings import Settings

__all__ = [
    "now",
    "open_database",
    "parse_as_of",
    "parse_day",
    "parse_year",
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


def parse_year(text: str) -> int:
    """Read a year.

    Raises:
        UserError: it is no number of four digits.
    """
    if len(text) == len("2026") and text.isascii() and text.isdigit():
        return int(text)
    raise UserError("{text} is not a year such as 2026.", text=text)


def parse_as_of(text: str | None) -> date:
    """Read the last day of evidence; yesterday if none is given, for today is not over.

    Raises:
        UserError: it is no date of the form YYYY-MM-DD.
    """
    return today() - timedelta(days=1) if text is None else parse_day(text)


def parse_day(text: str) -> date:
    """Read a civil date.

    Raises:
        UserError: it is no date of the form YYYY-MM-DD.
    """
    try:
        return parse_date(text)
    except ValueError:
        raise UserError("{text} is not a date of the form YYYY-MM-DD.", text=text) from None


def print_json(value: object) -> None:
    """Print for a program."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def width_of_output() -> int:
    """Columns for a report: the terminal's, or enough for a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH_OF_A_FILE
