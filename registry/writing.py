"""What one record keeps to when it is written, whatever it is: an import's rules, one by one.

A record is locked first, has room beside what is registered, and outlasts nothing that it hangs on;
then it is written by the statements that write a file.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import dict_row

from jieru.errors import UserError
from jieru.i18n import marked as _
from registry.cells import Value
from registry.changes import Changes, Key, outlived, overlaps
from registry.date_bounds import implausible_date
from registry.kinds import KindName, Period, Relation
from registry.records import THE_ROW, read_change, read_record
from registry.refusals import (
    ChangedMeanwhileError,
    ConflictError,
    NotRegisteredError,
    WrongColumn,
    WrongColumnsError,
)
from registry.rows import FileRow, is_over_before_it_begins
from registry.storing import (
    ended_records,
    registered_records,
    today_of,
    write_changes,
    write_created,
)

__all__ = [
    "Revisions",
    "change_record",
    "create_record",
    "end_period",
    "lock_record",
    "require_ended",
    "require_later",
    "require_not_ended",
    "require_plausible_end",
    "require_within",
    "write_new",
]

Revisions = Collection[int] | None
"""Which revisions of a record a change may be made to; None: whichever is the present one."""

_END: Final = "on"
"""Under which name the day is wrong on which somebody ends a record."""


def create_record(
    connection: psycopg.Connection,
    kind: KindName,
    relation: Relation,
    said: Mapping[str, Value],
    *,
    districts: Collection[str] = (),
    own_platform: str | None = None,
) -> tuple[int, FileRow]:
    """Read a new record, look for its place in a table of its kind, and write it; its id.

    Raises:
        WrongColumnsError: columns are wrong.
        ConflictError: it is registered already, meets another one, or hangs on what has ended.
    """
    row = read_record(connection, kind, said, districts=districts, own_platform=own_platform)
    return write_new(connection, relation, row, own_platform=own_platform), row


def write_new(
    connection: psycopg.Connection,
    relation: Relation,
    row: FileRow,
    *,
    own_platform: str | None = None,
) -> int:
    """Write a new record that was read without errors; its id.

    Raises:
        ConflictError: it is registered already, meets another one, or hangs on what has ended.
    """
    _require_room(connection, relation, row, is_new=True)
    require_within(connection, relation, row)
    with _contradictions_refused():
        return write_created(connection, relation, row, own_platform=own_platform)


def change_record(
    connection: psycopg.Connection,
    kind: KindName,
    relation: Relation,
    found: Mapping[str, Value],
    changes: Mapping[str, Value],
    *,
    districts: Collection[str] = (),
    own_platform: str | None = None,
) -> None:
    """Change some columns of a record that is locked.

    Raises:
        WrongColumnsError: columns that change are wrong.
        ConflictError: its period would meet another one, or outlast what it hangs on.
    """
    row = read_change(connection, kind, found, changes, districts=districts)
    if relation.period is not None and relation.period.end in changes:
        _require_room(connection, relation, row, is_new=False)
        require_within(connection, relation, row)
    _write_changed(connection, relation, row, own_platform)


def end_period(
    connection: psycopg.Connection, relation: Relation, found: Mapping[str, Value], on: date
) -> None:
    """End a record that is locked and lasts for a period; `on` is the first day not included.

    Raises:
        WrongColumnsError: the period begins later.
        ConflictError: it has an end already.
    """
    period = _period_of(relation)
    require_not_ended(found[period.end])
    require_later(on, found[period.start])
    require_plausible_end(connection, on, period.end)
    _write_changed(connection, relation, FileRow(THE_ROW, {**found, period.end: on}), None)


def lock_record(
    connection: psycopg.Connection, statement: LiteralString, revisions: Revisions, **key: object
) -> dict[str, Any]:
    """A record's row, which nobody else changes until this transaction ends.

    Raises:
        NotRegisteredError: there is no such record.
        ChangedMeanwhileError: it has another revision by now.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(statement, key).fetchone()
    if found is None:
        raise NotRegisteredError
    if revisions is not None and found["revision"] not in revisions:
        raise ChangedMeanwhileError(found["revision"])
    return found


def _require_room(
    connection: psycopg.Connection, relation: Relation, row: FileRow, *, is_new: bool
) -> None:
    """Check that no registered record is in the way of this one.

    Args:
        connection: inside the transaction that writes the record.
        relation: the table that the row speaks of.
        row: read without errors.
        is_new: whether a record with the same key is in the way, rather than the changed one.

    Raises:
        ConflictError: one is; the message says which.
    """
    registered = registered_records(connection, relation, [row])
    key = row.key(relation.key)
    if key is not None and is_new and key in registered:
        raise _registered_already(relation, key)
    for other, values in registered.items():
        # One at a time: the rule stays where it is, and we learn which one is met.
        if other != key and overlaps(relation, [row], {other: values}):
            end = values[relation.others.index(_period_of(relation).end)]
            raise _overlapping(other[-1], end)


def require_within(connection: psycopg.Connection, relation: Relation, row: FileRow) -> None:
    """Check that a record is over when that ends on which it hangs.

    Raises:
        ConflictError: it is not over then; the message names what is nearest to it.
    """
    found = list(outlived(relation, row, ended_records(connection, relation, [row])))
    if found:
        nearest = max(found, key=lambda each: len(each.key))
        reason = nearest.reason(str(nearest.key[-1]))
        raise ConflictError(reason.message, **reason.values)


def require_plausible_end(
    connection: psycopg.Connection, on: date, column: str = "ended_on"
) -> None:
    """Check that somebody ends a record on a day that can be meant.

    Raises:
        WrongColumnsError: it lies too far away; it names the field `on`.
    """
    reason = implausible_date(column, on, today_of(connection))
    if reason is not None:
        raise WrongColumnsError([WrongColumn(_END, reason)])


def require_later(on: date, start: Any) -> None:  # noqa: ANN401 - of a column, which is a date
    """Check that an end, exclusive, leaves something of the period.

    Raises:
        WrongColumnsError: it does not; it names the field `on`.
    """
    if is_over_before_it_begins(start, on):
        reason = UserError(
            "{last} is not after {first}, when it begins; an end is the first day that is no "
            "longer included.",
            last=on.isoformat(),
            first=start.isoformat(),
        )
        raise WrongColumnsError([WrongColumn(_END, reason)])


def require_not_ended(ended_on: Value) -> None:
    """Check that a record that somebody ends is open.

    Raises:
        ConflictError: it has an end already.
    """
    if ended_on is not None:
        raise ConflictError(_("It has an end already: {ended_on}."), ended_on=ended_on)


def require_ended(ended_on: Value) -> None:
    """Check that a record that somebody reopens has an end.

    Raises:
        ConflictError: it is open.
    """
    if ended_on is None:
        raise ConflictError(_("It has no end that could be taken back."))


def _period_of(relation: Relation) -> Period:
    assert relation.period is not None, relation.name  # noqa: S101 - asked of those that have one
    return relation.period


def _registered_already(relation: Relation, key: Key) -> ConflictError:
    if relation.period is None:
        return ConflictError(_("It is registered already."))
    return ConflictError(_("One that begins on {start} is registered already."), start=key[-1])


def _overlapping(start: Value, end: Value) -> ConflictError:
    if end is None:
        message = _(
            "Its period overlaps the one registered from {start}, which is open: end that one "
            "first, or choose other dates."
        )
    else:
        message = _(
            "Its period overlaps the one registered from {start} until {end}: choose other dates."
        )
    return ConflictError(message, start=start, end=end)


def _write_changed(
    connection: psycopg.Connection, relation: Relation, row: FileRow, own_platform: str | None
) -> None:
    with _contradictions_refused():
        write_changes(connection, relation, Changes([], [row]), own_platform=own_platform)


@contextmanager
def _contradictions_refused() -> Iterator[None]:
    """Let the database's constraints have the last word.

    Raises:
        ConflictError: what was written contradicts what another one wrote at the same time.
    """
    try:
        yield
    except (psycopg.errors.UniqueViolation, psycopg.errors.ExclusionViolation):
        raise ConflictError(
            _("The change contradicts what is registered, such as a period that overlaps another.")
        ) from None
