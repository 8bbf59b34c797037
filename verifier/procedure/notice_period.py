"""The public notice: how long it lasts, in Chinese working days. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from jieru.i18n import marked
from verifier.procedure.holidays import Holidays

__all__ = [
    "NOTICE_OUTLOOK",
    "UNKNOWN_HOLIDAYS",
    "NoticeEnd",
    "earliest_notice_end",
    "notice_end",
]

NOTICE_OUTLOOK: Final = marked(
    "If the count is published today, its public notice ends on {day}: {days} working days."
)
UNKNOWN_HOLIDAYS: Final = marked("Holidays of {year} not known yet: check the last day.")


@dataclass(frozen=True, slots=True)
class NoticeEnd:
    """When a notice ends, and what that rests on."""

    last_day: date
    """Belongs to the notice."""
    unknown_years: tuple[int, ...]
    """Years within the notice of which only the weekends are known: a person must check the day."""


def notice_end(published_on: date, working_days: int, holidays: Holidays) -> NoticeEnd:
    """The end of a notice, which counts from the day after publication.

    Args:
        published_on: the civil day of publication.
        working_days: how many; weekends and public holidays do not count, worked weekends do.
        holidays: what is known of them; where nothing is, every Monday to Friday counts.
    """
    last_day = _nth_day(published_on, working_days, holidays.is_working_day)
    unknown: set[int] = set()
    for number in range(1, (last_day - published_on).days + 1):
        unknown |= holidays.unknown_years(published_on + timedelta(days=number))
    return NoticeEnd(last_day, tuple(sorted(unknown)))


def earliest_notice_end(published_on: date, working_days: int, holidays: Holidays) -> date:
    """The first day on which a notice may end, whatever is announced of years not known yet.

    Any weekend of such a year may turn out to be worked; of known years nothing changes, so there
    it is the end of the notice itself. Arguments as for `notice_end`.
    """
    return _nth_day(
        published_on,
        working_days,
        lambda day: holidays.is_working_day(day) or bool(holidays.unknown_years(day)),
    )


def _nth_day(after: date, number: int, is_counted: Callable[[date], bool]) -> date:
    day, left = after, number
    while left > 0:
        day += timedelta(days=1)
        left -= is_counted(day)
    return day
