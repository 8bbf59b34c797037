"""One enterprise's year as its page shows it: where it stands, and its calendar with the window."""

from datetime import date, timedelta
from typing import Final, NamedTuple

from api.console.visit import Visit
from api.pipeline.source import EnterpriseYear, PipelineSource
from api.pipeline.view import ShownRow, shown_row
from jieru.calendar import days_in_month, months_between

__all__ = ["ShownDay", "ShownMonth", "ShownYear", "shown_years"]

_TONES: Final = {"#": "active", ".": "idle", "-": "outside"}
"""Of a calendar's marks, classes of the style sheet."""
_AHEAD: Final = "ahead"


class ShownDay(NamedTuple):
    """A day of the calendar."""

    day: date
    tone: str
    is_in_window: bool


class ShownMonth(NamedTuple):
    """A month of the calendar."""

    label: str
    days: list[ShownDay]
    active_days: int


class ShownYear(NamedTuple):
    """Where an enterprise stands on one platform."""

    found: EnterpriseYear
    row: ShownRow
    months: list[ShownMonth]


def shown_years(visit: Visit, source: PipelineSource, uscc: str) -> list[ShownYear]:
    """Where an enterprise stands on each platform of its that the caller may see."""
    return [
        ShownYear(found, shown_row(found.row, visit), _months(found))
        for found in source.enterprise(visit.caller, uscc, visit.now)
    ]


def _months(found: EnterpriseYear) -> list[ShownMonth]:
    """The months with evidence, and those ahead into which the window reaches."""
    outlook = found.row.outlook
    window = (outlook.first_day, outlook.complete_on) if outlook else (None, None)
    marks = {each.month: each.days for each in found.calendar}
    if not marks:
        return []
    last = max([*marks, *([window[1].replace(day=1)] if window[0] and window[1] else [])])
    return [
        _month(month, marks.get(month, ""), window) for month in months_between(min(marks), last)
    ]


def _month(month: date, marks: str, window: tuple[date | None, date | None]) -> ShownMonth:
    first, last = window
    days = []
    for offset in range(days_in_month(month)):
        day = month + timedelta(days=offset)
        tone = _TONES[marks[offset]] if offset < len(marks) else _AHEAD
        is_in = first is not None and last is not None and first <= day <= last
        days.append(ShownDay(day, tone, is_in))
    return ShownMonth(f"{month:%Y-%m}", days, marks.count("#"))
