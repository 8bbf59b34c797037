"""What is registered later than it begins, which its sender is told before it is written. Pure.

How much evidence it costs is decided by the count, under the policy's number of days.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from jieru.errors import UserError
from jieru.i18n import marked as _
from registry.kinds import Relation
from registry.rows import FileRow, RowError

__all__ = [
    "backdated_rows",
    "evidence_from",
    "late_warning",
    "prolonged_rows",
    "refused_recording_days",
]

_RECORDED_ON = "recorded_on"


def evidence_from(from_date: date, recorded_on: date, days_max: int) -> date:
    """From which day on a period gives evidence by itself.

    Args:
        from_date: its first day.
        recorded_on: the civil day on which the server is told.
        days_max: how many days before that may count.
    """
    return max(from_date, recorded_on - timedelta(days=days_max))


def late_warning(from_date: date, today: date | None, days_max: int | None) -> UserError | None:
    """What registering a period of this first day means today; None where it costs nothing.

    Args:
        from_date: its first day.
        today: None: a simulation, which knows no today.
        days_max: None: under a policy of before that was a rule.
    """
    if today is None or days_max is None:
        return None
    counts_from = evidence_from(from_date, today, days_max)
    if counts_from == from_date:
        return None
    return UserError(
        _(
            "{from_date} lies {days} days back. Evidence counts only from {evidence_from} on; what "
            "was heard before counts only after a decision of two people of the bureau. If you "
            "know that, send the form once more."
        ),
        from_date=from_date.isoformat(),
        days=(today - from_date).days,
        evidence_from=counts_from.isoformat(),
    )


def prolonged_rows(
    prolonged: Iterable[tuple[FileRow, date]], today: date | None, days_max: int | None
) -> Iterator[int]:
    """The numbers of the rows that go on after an end long past, and so lose evidence."""
    if today is None or days_max is None:
        return
    first = today - timedelta(days=days_max)
    for row, end in prolonged:
        if end < first:
            yield row.number


def backdated_rows(
    relation: Relation, rows: Iterable[FileRow], today: date | None, days_max: int | None
) -> Iterator[int]:
    """The numbers of the new rows whose evidence does not count from their first day."""
    if relation.period is None or not relation.told or today is None or days_max is None:
        return
    first = today - timedelta(days=days_max)
    for row in rows:
        start = row.values[relation.period.start]
        if isinstance(start, date) and start < first:
            yield row.number


def refused_recording_days(rows: Iterable[FileRow], today: date | None) -> Iterator[RowError]:
    """Rows of a real database's file that would say when they were recorded."""
    if today is None:
        return
    for row in rows:
        if row.values.get(_RECORDED_ON) is not None:
            reason = UserError(
                _("A real database records by its own clock: leave this column out.")
            )
            yield RowError(row.number, _RECORDED_ON, reason)
