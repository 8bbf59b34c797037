"""Grafana's words for instants: `now-24h`, `now/y`, milliseconds since the epoch. Pure."""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Final

from dashboards.grafana_sql import TimeRange
from jieru.calendar import SHANGHAI

__all__ = ["time_range"]

_RELATIVE: Final = re.compile(r"now((?:[+-]\d+[smhdwMy])*)(?:/([hdwMy]))?", re.ASCII)
_STEP: Final = re.compile(r"([+-]\d+)([smhdwMy])", re.ASCII)
_ABSOLUTE: Final = re.compile(r"\d{1,15}", re.ASCII)
_LENGTHS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_MONTHS: Final = {"M": 1, "y": 12}
_MONTHS_PER_YEAR: Final = 12


def time_range(begins: str, ends: str, now: datetime) -> TimeRange:
    """What two such words stand for; a rounded end is the last moment of its unit.

    Units are rounded in the time zone of the dashboards, the city's; weeks begin on Monday.

    Raises:
        ValueError: a word is none, or the range ends before it begins.
    """
    found = TimeRange(_instant(begins, now, is_end=False), _instant(ends, now, is_end=True))
    if found.ends_at < found.begins_at:
        raise ValueError(f"{begins} is after {ends}")
    return found


def _instant(word: str, now: datetime, *, is_end: bool) -> datetime:
    if _ABSOLUTE.fullmatch(word):
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(word))
    match = _RELATIVE.fullmatch(word)
    if match is None:
        raise ValueError(f"no instant: {word}")
    moment = now.astimezone(SHANGHAI)
    for number, unit in _STEP.findall(match[1]):
        moment = _moved(moment, int(number), unit)
    if unit := match[2]:
        moment = _beginning(moment, unit)
        if is_end:
            moment = _moved(moment, 1, unit) - timedelta(milliseconds=1)
    return moment


def _moved(moment: datetime, number: int, unit: str) -> datetime:
    if unit in _LENGTHS:
        return moment + number * _LENGTHS[unit]
    months = moment.year * _MONTHS_PER_YEAR + moment.month - 1 + number * _MONTHS[unit]
    year, month = divmod(months, _MONTHS_PER_YEAR)
    # The 31st of a month without one is its last day.
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _beginning(moment: datetime, unit: str) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    beginnings = {
        "h": hour,
        "d": day,
        "w": day - timedelta(days=day.weekday()),
        "M": day.replace(day=1),
        "y": day.replace(month=1, day=1),
    }
    return beginnings[unit]
