"""How many of a device's hours rest on heartbeats that had no time but that of their receipt."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Final

import psycopg

from jieru.calendar import HOURS_PER_DAY, bit_index

__all__ = ["read_receipt_hours"]

_SELECT: Final = """
    SELECT devices.serial, month, hours::text FROM receipt_hours
    JOIN devices ON devices.id = device_id JOIN platforms ON platforms.id = platform_id
    WHERE code = %s AND serial = ANY (%s) AND month BETWEEN date_trunc('month', %s::date) AND %s
"""


def read_receipt_hours(
    connection: psycopg.Connection,
    platform: str,
    serials: Collection[str],
    first: date,
    last: date,
) -> dict[str, int]:
    """The marked hours of devices in some days, by serial; who has none is not there.

    Args:
        connection: inside a consistent snapshot.
        platform: its code.
        serials: of the devices.
        first: the first day.
        last: the last day.
    """
    found: dict[str, int] = {}
    for serial, month, hours in connection.execute(_SELECT, (platform, list(serials), first, last)):
        begin = bit_index(max(first, month), 0)
        next_month = (month + timedelta(days=31)).replace(day=1)
        end = bit_index(min(last, next_month - timedelta(days=1)), 0) + HOURS_PER_DAY
        if marked := hours[begin:end].count("1"):
            found[serial] = found.get(serial, 0) + marked
    return found
