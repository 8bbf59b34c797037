"""An enterprise's calendar over its devices: what was heard each day; the verifier counts."""

from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg

from api.access.caller import Caller
from api.registry.enterprises.presence_answers import (
    EnterprisePresenceAnswer,
    EnterprisePresenceDayAnswer,
)
from api.registry.enterprises.queries import read_enterprise
from api.web.filters import today_of
from api.web.periods import days_between
from jieru.calendar import days_in_month, months_between
from jieru.presence import BYTES_PER_MONTH, DAYS_PER_ROW, active_hours_by_day

__all__ = ["read_enterprise_presence"]

_SELECT: Final = """
    SELECT from_date, to_date,
           (SELECT substring(bit_send(bit_or(hours)) FROM 5) FROM presence
            WHERE presence.device_id = devices.id AND month = %(month)s)
    FROM assignments
    JOIN devices ON devices.id = assignments.device_id
    JOIN enterprises ON enterprises.id = enterprise_id
    WHERE uscc = %(uscc)s AND from_date < %(end)s AND (to_date IS NULL OR to_date > %(month)s)
      AND (%(own)s::integer IS NULL OR devices.platform_id = %(own)s)
      AND (%(platform)s::text IS NULL
           OR devices.platform_id = (SELECT id FROM platforms WHERE code = %(platform)s))
"""


class _Month(NamedTuple):
    """By day of the month, from 1 to 31."""

    assigned: npt.NDArray[np.int64]
    heard: npt.NDArray[np.int64]
    longest: npt.NDArray[np.int64]


def read_enterprise_presence(
    connection: psycopg.Connection,
    caller: Caller,
    uscc: str,
    platform: str | None,
    first: date | None,
    last: date | None,
    *,
    now: datetime,
) -> EnterprisePresenceAnswer:
    """For each day how many of an enterprise's devices were heard; only those assigned that day.

    Args:
        connection: for reading.
        caller: an operator sees devices of the own platform only.
        uscc: of the enterprise.
        platform: whose devices; None: of every platform.
        first: the first day; by default 90 days in all.
        last: the last day; by default today.
        now: by which today is told.

    Raises:
        Problem: there is no such enterprise for this caller, or the days are wrong.
    """
    read_enterprise(connection, caller, uscc, now=now)
    days = days_between(first, last, today=today_of(now))
    answers = []
    for month in months_between(days.first, days.last):
        end = month + timedelta(days=days_in_month(month))
        values = {"uscc": uscc, "month": month, "end": end, "own": caller.platform_id}
        rows = connection.execute(_SELECT, {**values, "platform": platform}, binary=True)
        found = _month(month, rows.fetchall())
        answers += [
            EnterprisePresenceDayAnswer(
                day=day,
                devices_assigned=found.assigned[day.day - 1],
                devices_heard=found.heard[day.day - 1],
                longest_hours=found.longest[day.day - 1],
            )
            for day in (month + timedelta(days=number) for number in range((end - month).days))
            if days.first <= day <= days.last
        ]
    return EnterprisePresenceAnswer(days=answers)


def _month(month: date, rows: list[tuple[date, date | None, bytes | None]]) -> _Month:
    """The month of all assignments, each with the hours of its device."""
    silence = bytes(BYTES_PER_MONTH)
    packed = b"".join(hours or silence for _first, _end, hours in rows)
    hours = active_hours_by_day(
        np.frombuffer(packed, dtype=np.uint8).reshape(len(rows), BYTES_PER_MONTH)
    )
    day = np.arange(DAYS_PER_ROW)
    first = np.array([(start - month).days for start, _end, _hours in rows], dtype=np.int64)
    end = np.array(
        [(stop - month).days if stop else DAYS_PER_ROW for _first, stop, _hours in rows],
        dtype=np.int64,
    )
    is_assigned = (first[:, None] <= day) & (day < end[:, None])
    heard = np.where(is_assigned, hours, 0)
    return _Month(is_assigned.sum(axis=0), (heard > 0).sum(axis=0), heard.max(axis=0, initial=0))
