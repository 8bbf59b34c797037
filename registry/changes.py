"""What a file would change: its rows beside what is registered already. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from jieru.errors import UserError
from registry.cells import Value
from registry.kinds import Period, Relation
from registry.rows import FileRow, RowError, is_over_before_it_begins

__all__ = [
    "Changes",
    "Ends",
    "Key",
    "Outlived",
    "Registered",
    "changes_to",
    "forbidden_changes",
    "outlasting",
    "outlived",
    "overlaps",
]

Key = tuple[Value, ...]
Ends = Mapping[tuple[str, ...], Mapping[Key, date]]
"""Registered records that have ended, by the columns that name them: key -> the first day after."""
Registered = Mapping[Key, tuple[Value, ...]]
"""Records of one table: the relation's key -> its other columns, both in the relation's order."""


class Changes(NamedTuple):
    """The rows of a file that a table does not hold yet, or holds with other values."""

    created: list[FileRow]
    changed: list[FileRow]
    prolonged: Sequence[tuple[FileRow, date]] = ()
    """Of those changed, the ones that go on for longer than registered, and until when that was."""


class Outlived(NamedTuple):
    """Something that has ended, and a row that hangs on it and would go on."""

    column: str
    """In which the row says how long it lasts or, where it says nothing, on what it hangs."""
    key: Key
    """Of what has ended."""
    ended_on: date

    def reason(self, name: str) -> UserError:
        """Why the row cannot be taken; `name` is what has ended."""
        return UserError(
            "{name} ended on {ended_on}: nothing that hangs on it can last longer.",
            name=name,
            ended_on=self.ended_on.isoformat(),
        )


class _Span(NamedTuple):
    start: date
    end: date
    """Exclusive; the last date there is while the period is open."""
    row: int | None
    """None: registered already and not listed in the file."""

    @property
    def is_open(self) -> bool:
        return self.end == date.max


def _rows_by_key(relation: Relation, rows: Iterable[FileRow]) -> dict[Key, FileRow]:
    """The first row of each record that the relation is about."""
    by_key: dict[Key, FileRow] = {}
    for row in rows:
        key = row.key(relation.key)
        if key is not None and None not in key:
            by_key.setdefault(key, row)
    return by_key


def changes_to(relation: Relation, rows: Iterable[FileRow], registered: Registered) -> Changes:
    """Compare rows without errors with what is registered; each record is named once."""
    prolonged: list[tuple[FileRow, date]] = []
    changes = Changes([], [], prolonged)
    for key, row in _rows_by_key(relation, rows).items():
        before = registered.get(key)
        if before is None:
            changes.created.append(row)
        elif _differs(relation, row, before):
            changes.changed.append(row)
            end = _end_outlived(relation, row, before)
            if end is not None:
                prolonged.append((row, end))
    return changes


def _end_outlived(relation: Relation, row: FileRow, before: tuple[Value, ...]) -> date | None:
    """The registered end of a row that goes on for longer."""
    if relation.period is None:
        return None
    registered = before[relation.others.index(relation.period.end)]
    said = row.values[relation.period.end]
    if not isinstance(registered, date) or (isinstance(said, date) and said <= registered):
        return None
    return registered


def _differs(relation: Relation, row: FileRow, before: tuple[Value, ...]) -> bool:
    return any(
        row.values[column] != value
        and not (row.values[column] is None and column in relation.kept_if_empty)
        for column, value in zip(relation.others, before, strict=True)
    )


def forbidden_changes(
    relation: Relation, rows: Iterable[FileRow], registered: Registered
) -> list[RowError]:
    """Rows that would give a registered assignment to another enterprise, and so its evidence."""
    if relation.fixed is None or relation.period is None:
        return []
    column, errors = relation.fixed, []
    for key, row in _rows_by_key(relation, rows).items():
        if key not in registered or row.values.get(column) is None:
            continue
        before = registered[key][relation.others.index(column)]
        if row.values[column] != before:
            errors.append(
                RowError(
                    row.number,
                    column,
                    UserError(
                        "Registered with {before} from this date, and evidence hangs on it: keep "
                        "that row, set its {end}, and add a row with a later {start}.",
                        before=before,
                        end=relation.period.end,
                        start=relation.period.start,
                    ),
                )
            )
    return errors


def outlasting(relation: Relation, rows: Iterable[FileRow], ends: Ends) -> list[RowError]:
    """Rows that would go on when a platform, enterprise or device has ended on which they hang."""
    return [
        RowError(row.number, each.column, each.reason(" ".join(map(str, each.key))))
        for row in rows
        for each in outlived(relation, row, ends)
    ]


def outlived(relation: Relation, row: FileRow, ends: Ends) -> Iterator[Outlived]:
    """Everything on which a row hangs and that ends before the row does."""
    period = relation.period
    end = row.values.get(period.end) if period else None
    for columns, ended in ends.items():
        key = row.key(columns)
        ended_on = None if key is None else ended.get(key)
        if key is None or ended_on is None or (isinstance(end, date) and end <= ended_on):
            continue
        yield Outlived(period.end if period else columns[-1], key, ended_on)


def overlaps(relation: Relation, rows: Sequence[FileRow], registered: Registered) -> list[RowError]:
    """Rows whose period meets another one of the same subject, in the file or registered.

    A registered period that the file lists too counts as the file has it, so a file that ends
    an assignment and begins the next one is right.
    """
    period = relation.period
    if period is None:
        return []
    by_key = _rows_by_key(relation, rows)
    spans: dict[Key, list[_Span]] = defaultdict(list)
    for key, row in by_key.items():
        span = _span(key, row.values.get(period.end), row.number)
        if span and period.end in row.values:
            spans[key[:-1]].append(span)
    end_index = relation.others.index(period.end)
    for key, values in registered.items():
        span = _span(key, values[end_index], None)
        if span and key not in by_key and key[:-1] in spans:
            spans[key[:-1]].append(span)
    return [error for group in spans.values() for error in _overlaps_of_one(period, group)]


def _span(key: Key, end: Value, row: int | None) -> _Span | None:
    start, last = key[-1], date.max if end is None else end
    if not isinstance(start, date) or not isinstance(last, date):
        return None
    if is_over_before_it_begins(start, last):
        return None  # an end before its start is an error of its own
    return _Span(start, last, row)


def _overlaps_of_one(period: Period, spans: list[_Span]) -> list[RowError]:
    """One error for each row that meets an earlier period, or a registered later one."""
    if len(spans) == 1:
        return []
    spans.sort()
    errors: dict[int, RowError] = {}  # a row may meet many others; the first says enough
    longest = spans[0]
    for span in spans[1:]:
        if span.start < longest.end and (error := _overlap(period, longest, span)):
            errors.setdefault(error.row, error)
        longest = max(longest, span, key=lambda candidate: candidate.end)
    return list(errors.values())


def _overlap(period: Period, earlier: _Span, later: _Span) -> RowError | None:
    values: dict[str, object] = {
        "other": earlier.row,
        "other_start": earlier.start.isoformat(),
        "other_end": earlier.end.isoformat(),
        "start": later.start.isoformat(),
        "end_column": period.end,
    }
    if later.row is not None:
        reason = _begins_too_early(earlier, values)
        return RowError(later.row, period.start, reason)
    if earlier.row is not None:
        reason = UserError(
            "Goes on when the one registered from {start} begins: set {end_column} to {start} or "
            "earlier.",
            **values,
        )
        return RowError(earlier.row, period.end, reason)
    return None  # both are registered: the database's constraints answer for them


def _begins_too_early(earlier: _Span, values: dict[str, object]) -> UserError:
    match earlier.row is None, earlier.is_open:
        case False, True:
            return UserError(
                "Begins while row {other} is open: set {end_column} of row {other} to {start} or "
                "earlier.",
                **values,
            )
        case False, False:
            return UserError(
                "Begins on {start}, before row {other} ends on {other_end}: correct one of them.",
                **values,
            )
        case True, True:
            return UserError(
                "Begins while the one registered from {other_start} is open: list that one too, "
                "with {end_column} {start} or earlier.",
                **values,
            )
    return UserError(
        "Begins on {start}, before the one registered from {other_start} ends on {other_end}: "
        "correct one of them.",
        **values,
    )
