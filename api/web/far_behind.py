"""What came of late with time stamps of long ago, of devices that were heard rightly before.

What is noted of a device leads to its newest time stamp, which a clock that falls back years does
not change. Presence tells in which months anything came late: there its heartbeats are looked for.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

import psycopg
from psycopg.rows import class_row

from jieru.calendar import SHANGHAI

__all__ = ["FarBehind", "came_from_long_ago"]

_MOST_MONTHS: Final = 12
"""Of each device, from the newest back: a clock that is reset falls back to one and the same."""

# By the primary key, without the months that a device's own backlogs fill.
_SELECT_MONTHS: Final = """
    SELECT device_id, month
    FROM unnest(%s::integer[]) AS wanted (device_id)
    CROSS JOIN LATERAL (
        SELECT month FROM presence
        WHERE presence.device_id = wanted.device_id AND month <= %s AND late_hours <> 0::bit(744)
        ORDER BY month DESC LIMIT %s
    ) AS late
"""
# The bounds stand in the statement as it is sent, so that the planner looks at one month only.
_SELECT_NEWEST: Final = """
    SELECT device_id, "time", received_at FROM heartbeats
    WHERE device_id = %(device)s AND "time" >= %(first)s AND "time" < %(end)s
          AND received_at > %(since)s
    ORDER BY received_at DESC LIMIT 1
"""


class FarBehind(NamedTuple):
    """A heartbeat's own time stamp, and when it came."""

    device_id: int
    time: datetime
    received_at: datetime


def came_from_long_ago(
    connection: psycopg.Connection,
    device_ids: Sequence[int],
    *,
    oldest: datetime,
    since: datetime,
) -> list[FarBehind]:
    """The last heartbeat that each device sent with a time stamp before a moment.

    Args:
        connection: to the database.
        device_ids: few of them: each late month of each costs a look at its chunks.
        oldest: time stamps before it are of long ago.
        since: what came up to then is not told.
    """
    months = (oldest.astimezone(SHANGHAI).date(), _MOST_MONTHS)
    found: dict[int, FarBehind] = {}
    with connection.cursor(row_factory=class_row(FarBehind)) as cursor:
        for device_id, month in connection.execute(
            _SELECT_MONTHS, (list(device_ids), *months)
        ).fetchall():
            values = _bounds(month, oldest) | {"device": device_id, "since": since}
            newest = cursor.execute(_SELECT_NEWEST, values, prepare=False).fetchone()
            if newest is None:
                continue
            known = found.get(device_id)
            if known is None or known.received_at < newest.received_at:
                found[device_id] = newest
    return list(found.values())


def _bounds(month: date, oldest: datetime) -> dict[str, object]:
    first = datetime(month.year, month.month, 1, tzinfo=SHANGHAI)
    following = (first + timedelta(days=31)).replace(day=1)
    return {"first": first, "end": min(following, oldest)}
