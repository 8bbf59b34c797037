"""The civil calendar: every date that is counted is an Asia/Shanghai date. Pure.

China has kept UTC+8 without summer time since 1991-09-15, so a fixed offset is exact for every
instant the wire contract admits (2020 and later) and needs no time-zone look-up per heartbeat.
"""

import calendar
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

__all__ = [
    "HOURS_PER_DAY",
    "MILLISECONDS_PER_HOUR",
    "SHANGHAI",
    "CivilHour",
    "bit_index",
    "civil_date",
    "civil_hour_of",
    "date_text",
    "days_in_month",
    "epoch_milliseconds",
    "hours_since_epoch",
    "months_between",
    "parse_date",
]

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
HOURS_PER_DAY = 24
MILLISECONDS_PER_HOUR = 3_600_000
_HOURS_AHEAD_OF_UTC = 8
_EPOCH_DAY = date(1970, 1, 1).toordinal()


class CivilHour(NamedTuple):
    """One civil hour as presence stores it."""

    month: date
    """First day of the civil month."""
    bit: int
    """As `bit_index` gives it, 0 to 743."""


def bit_index(day: date, hour: int) -> int:
    """Which bit of its month's row of presence stands for an hour (0 to 23) of a civil day."""
    return (day.day - 1) * HOURS_PER_DAY + hour


@lru_cache(maxsize=65_536)
def _civil_hour(hours_since_epoch: int) -> CivilHour:
    local = datetime.fromtimestamp(hours_since_epoch * 3600, UTC) + timedelta(hours=8)
    return CivilHour(date(local.year, local.month, 1), bit_index(local, local.hour))


def civil_hour_of(epoch_ms: int) -> CivilHour:
    """The Asia/Shanghai civil hour that holds an instant in milliseconds since the Unix epoch."""
    return _civil_hour(epoch_ms // MILLISECONDS_PER_HOUR)


def hours_since_epoch(month: date, bit: int) -> int:
    """Whole hours from the Unix epoch to a civil hour as presence stores it."""
    return (month.toordinal() - _EPOCH_DAY) * HOURS_PER_DAY + bit - _HOURS_AHEAD_OF_UTC


def civil_date(instant: datetime) -> date:
    """The Asia/Shanghai date of an instant that carries a time zone."""
    if instant.tzinfo is None:
        raise ValueError("an instant must carry its time zone")
    return instant.astimezone(SHANGHAI).date()


def epoch_milliseconds(day: date, hour: int = 0, minute: int = 0) -> int:
    """Milliseconds since the Unix epoch at a civil date and time in Asia/Shanghai."""
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI)
    return int(local.timestamp() * 1000)


def days_in_month(month: date) -> int:
    """How many days the month of this date has."""
    return calendar.monthrange(month.year, month.month)[1]


def months_between(first: date, last: date) -> list[date]:
    """First days of every civil month from the month of `first` to the month of `last`."""
    start, end = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    return [date(index // 12, index % 12 + 1, 1) for index in range(start, end + 1)]


def date_text(day: date | None) -> str | None:
    """A civil date written as `2026-03-02`; None where there is none."""
    return day.isoformat() if day else None


def parse_date(text: str) -> date:
    """Read a date written as `2026-03-02`.

    Raises:
        ValueError: the text is not such a date.
    """
    parsed = date.fromisoformat(text)
    if text != parsed.isoformat():  # 20260302 and 2026-W10-1 are ISO 8601 too, but not our form
        raise ValueError(f"not a date of the form YYYY-MM-DD: {text!r}")
    return parsed
