"""For how many hours each device of an enterprise was heard in a period."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import psycopg

from jieru.calendar import HOURS_PER_DAY
from verifier.counting.explanation import DeviceActivity
from verifier.counting.measures import Period

__all__ = ["hours_heard"]

_SELECT: Final = """
    SELECT devices.serial, presence.month, presence.hours::text
    FROM presence
    JOIN devices ON devices.id = presence.device_id
    JOIN platforms ON platforms.id = devices.platform_id
    WHERE platforms.code = %s AND devices.serial = ANY(%s) AND presence.month BETWEEN %s AND %s
"""


def hours_heard(
    connection: psycopg.Connection,
    platform: str,
    devices: Sequence[DeviceActivity],
    period: Period,
) -> dict[str, int]:
    """Hours heard by serial, of the days of the period on which the device was assigned."""
    months = period.first_day.replace(day=1), period.last_day
    serials = [each.serial for each in devices]
    assigned = {each.serial: each.assigned for each in devices}
    hours: Counter[str] = Counter(dict.fromkeys(serials, 0))
    for serial, month, bits in connection.execute(_SELECT, (platform, serials, *months)):
        for first, end in assigned[serial]:
            hours[serial] += _between(
                month,
                bits,
                max(first, period.first_day),
                min(end or date.max, period.last_day + timedelta(days=1)),
            )
    return dict(hours)


def _between(month: date, bits: str, first: date, end: date) -> int:
    """The bits that are set from one day to another, exclusive, within a month's row."""
    start = max(0, (first - month).days) * HOURS_PER_DAY
    stop = max(0, (end - month).days) * HOURS_PER_DAY
    return bits[start:stop].count("1")
