"""Between which days the dates of a record lie that somebody enters. Pure.

A slip of the keyboard is a date as well: 1990 for a connection, 2099 for a signature. What is
registered already is not judged by this, only what is new or changed (decision 0031).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from jieru.errors import UserError
from registry.changes import Changes, Registered
from registry.kinds import Relation
from registry.rows import FileRow, RowError

__all__ = ["implausible_date", "implausible_dates", "implausible_dates_of_row"]


class _Bounds(NamedTuple):
    first: date
    days_ahead: int
    """From today on."""


_A_YEAR: Final = 366
_THIRTY_YEARS: Final = 30 * 366
_CONTRACTS: Final = date(2000, 1, 1)
_CONNECTIONS: Final = date(2015, 1, 1)
"""Industrial internet platforms are no older, and heartbeats count from 2020 on."""

_BOUNDS: Final[Mapping[str, _Bounds]] = {
    # A contract is signed before it is registered; a recognition may be announced ahead.
    "signed_on": _Bounds(_CONTRACTS, 0),
    "recognised_on": _Bounds(_CONTRACTS, _A_YEAR),
    "revoked_on": _Bounds(_CONTRACTS, _A_YEAR),
    "from_date": _Bounds(_CONNECTIONS, _A_YEAR),
    "assigned_from": _Bounds(_CONNECTIONS, _A_YEAR),
    # The end that a contract names lies far ahead.
    "to_date": _Bounds(_CONNECTIONS, _THIRTY_YEARS),
    "assigned_to": _Bounds(_CONNECTIONS, _THIRTY_YEARS),
    "ended_on": _Bounds(_CONNECTIONS, _A_YEAR),
    "recorded_on": _Bounds(_CONNECTIONS, _A_YEAR),
}


def implausible_date(column: str, day: object, today: date | None) -> UserError | None:
    """Why a value is no date that this column takes; None where it is, or is no date at all.

    Args:
        column: as files name it.
        day: its value.
        today: None: nothing is too late, as in a simulation, which knows no today.
    """
    bounds = _BOUNDS.get(column)
    if bounds is None or not isinstance(day, date):
        return None
    if day < bounds.first:
        return UserError(
            "{value} is before {first}, the earliest day that is taken here.",
            value=day.isoformat(),
            first=bounds.first.isoformat(),
        )
    if today is None:
        return None
    last = today + timedelta(days=bounds.days_ahead)
    if day > last:
        return UserError(
            "{value} is after {last}, the latest day that is taken here for the time being.",
            value=day.isoformat(),
            last=last.isoformat(),
        )
    return None


def implausible_dates_of_row(row: FileRow, today: date | None) -> Iterator[RowError]:
    """Every date of a row that its column does not take."""
    yield from _of_columns(row, list(row.values), today)


def implausible_dates(
    relation: Relation, changes: Changes, registered: Registered, today: date | None
) -> Iterator[RowError]:
    """Every date of a file that is new to the registry, and that its column does not take."""
    for row in changes.created:
        yield from _of_columns(row, relation.key + relation.others, today)
    for row in changes.changed:
        before = registered[row.key(relation.key) or ()]
        changed = [
            column
            for column, value in zip(relation.others, before, strict=True)
            if row.values[column] != value
        ]
        yield from _of_columns(row, changed, today)


def _of_columns(row: FileRow, columns: Sequence[str], today: date | None) -> Iterator[RowError]:
    for column in columns:
        reason = implausible_date(column, row.values.get(column), today)
        if reason is not None:
            yield RowError(row.number, column, reason)
