"""What was heard of one device, and from whom: its heartbeats, and the calendar of its hours."""

import json
import math
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL

from api.access.caller import Caller
from api.registry.devices.answers import HeartbeatAnswer, HeartbeatPage, PublisherAnswer
from api.registry.devices.presence_answers import PresenceAnswer, PresenceDayAnswer
from api.registry.devices.queries import find_device
from api.web.filters import today_of
from api.web.paging import PageRequest, read_cursor, write_cursor
from api.web.periods import days_between, instants_between
from jieru.calendar import HOURS_PER_DAY, bit_index
from jieru.presence import BITS_PER_MONTH
from jieru.wire import PAYLOAD_DEPTH_LIMIT, DeviceAddress, nesting_depth

__all__ = ["HeardFrom", "list_heartbeats", "read_presence", "read_publishers"]

# By the primary key, and within the bounds only: the planner looks at each chunk between them.
_SELECT_HEARTBEATS: Final = SQL("""
    WITH found AS MATERIALIZED (
        SELECT time, received_at, seq, status, metrics::text, publisher_id FROM heartbeats
        WHERE device_id = %(device)s AND time >= %(start)s AND time < %(end)s
        ORDER BY time DESC LIMIT %(limit)s
    )
    SELECT time, received_at, seq, status, metrics, publishers.kind, publishers.name AS gateway,
           has_receipt_time(%(device)s, time, received_at) AS is_time_of_receipt
    FROM found JOIN publishers ON publishers.id = publisher_id
    ORDER BY time DESC
""")
_IS_ARCHIVED: Final = """
    SELECT EXISTS (SELECT FROM heartbeat_archives
                   WHERE dropped_at IS NOT NULL AND range_from < %s AND range_to > %s)
"""
_SELECT_PRESENCE: Final = """
    SELECT month, bit_or(hours)::text, bit_or(late_hours)::text FROM presence
    WHERE device_id = %s AND month BETWEEN %s AND %s
    GROUP BY month
"""

_SELECT_PUBLISHERS: Final = """
    SELECT kind, name, length(replace((hours | late_hours)::text, '0', '')) AS heard
    FROM presence JOIN publishers ON publishers.id = publisher_id
    WHERE device_id = %s AND month = %s
    ORDER BY heard DESC, name
"""

_UNWRITTEN: Final = timedelta(hours=1)
"""Heartbeats may be so much newer than the last one that is noted of a device."""
_SILENCE: Final = "0" * BITS_PER_MONTH


class HeardFrom(NamedTuple):
    """Somebody who published heartbeats of a device in a month."""

    publisher: PublisherAnswer
    hours: int
    """In which there was one, late ones too."""


def list_heartbeats(
    connection: psycopg.Connection,
    caller: Caller,
    address: DeviceAddress,
    start: datetime | None,
    end: datetime | None,
    page: PageRequest,
    *,
    now: datetime,
) -> HeartbeatPage:
    """One page of a device's heartbeats, newest first.

    Args:
        connection: for reading.
        caller: an operator sees devices of the own platform only.
        address: of the device.
        start: the first time stamp; by default seven days before the end.
        end: exclusive; by default after the last heartbeat that is noted of the device.
        page: which.
        now: in place of the last heartbeat where there is none.

    Raises:
        Problem: there is no such device for this caller, the time is wrong, or the cursor is none
            of this list.
    """
    device = find_device(connection, caller, address, now=now)
    newest = (device.last_seen_at or now) + _UNWRITTEN
    wanted = instants_between(start, end, newest=newest)
    after = read_cursor(page.cursor, datetime)
    values = {
        "device": device.id,
        "start": wanted.start,
        "end": min(wanted.end, after[0]) if after else wanted.end,
        "limit": page.limit + 1,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT_HEARTBEATS, values, prepare=False).fetchall()
    archived = connection.execute(_IS_ARCHIVED, (wanted.end, wanted.start)).fetchone()
    next_cursor = None
    if len(rows) > page.limit:
        rows.pop()
        next_cursor = write_cursor((rows[-1]["time"],))
    items = [
        HeartbeatAnswer.model_validate(
            {
                **row,
                "metrics": _metrics(row["metrics"]),
                "publisher": {"kind": row["kind"], "gateway": row["gateway"]},
            }
        )
        for row in rows
    ]
    return HeartbeatPage(items=items, next_cursor=next_cursor, is_archived=archived == (True,))


def read_presence(
    connection: psycopg.Connection,
    caller: Caller,
    address: DeviceAddress,
    first: date | None,
    last: date | None,
    *,
    now: datetime,
) -> PresenceAnswer:
    """A device's calendar: for each day the hours in which it was heard.

    Args:
        connection: for reading.
        caller: an operator sees devices of the own platform only.
        address: of the device.
        first: the first day; by default 90 days in all.
        last: the last day; by default today.
        now: by which today is told.

    Raises:
        Problem: there is no such device for this caller, or the days are wrong.
    """
    device = find_device(connection, caller, address, now=now)
    days = days_between(first, last, today=today_of(now))
    bounds = (days.first.replace(day=1), days.last.replace(day=1))
    months: dict[date, tuple[str, str]] = {
        month: (hours, late_hours)
        for month, hours, late_hours in connection.execute(_SELECT_PRESENCE, (device.id, *bounds))
    }

    def answer(day: date) -> PresenceDayAnswer:
        start = bit_index(day, 0)
        hours, late_hours = (
            bits[start : start + HOURS_PER_DAY]
            for bits in months.get(day.replace(day=1), (_SILENCE, _SILENCE))
        )
        return PresenceDayAnswer(day=day, hours=hours, late_hours=late_hours)

    return PresenceAnswer(days=[answer(day) for day in days])


def read_publishers(
    connection: psycopg.Connection,
    caller: Caller,
    address: DeviceAddress,
    month: date,
    *,
    now: datetime,
) -> list[HeardFrom]:
    """From whom a device was heard in a month, given by its first day; the most hours first.

    Raises:
        Problem: there is no such device for this caller.
    """
    device = find_device(connection, caller, address, now=now)
    return [
        HeardFrom(PublisherAnswer(kind=kind, gateway=gateway), hours)
        for kind, gateway, hours in connection.execute(_SELECT_PUBLISHERS, (device.id, month))
    ]


def _metrics(text: str | None) -> dict[str, Any] | None:
    """Metrics as they can be answered: what was stored before the limit may nest deeper."""
    if text is None or nesting_depth(text.encode()) >= PAYLOAD_DEPTH_LIMIT:
        return None
    metrics: dict[str, Any] = json.loads(text, parse_float=_finite)
    return metrics


def _finite(text: str) -> float | None:
    """A number; None where floating point does not reach so far, for JSON has no infinity."""
    number = float(text)
    return number if math.isfinite(number) else None
