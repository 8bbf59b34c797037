"""The mark of heartbeats that have the time of their receipt, in the caller's transaction."""

from collections.abc import Sequence
from typing import Final

from psycopg import AsyncConnection

from ingest.decode import Heartbeat
from ingest.receipt_rows import ReceiptRow
from jieru.calendar import civil_hour_of

__all__ = ["mark_receipt_hours"]

# Sorted by key, so that two ingesters cannot deadlock.
_UPSERT: Final = """
    INSERT INTO receipt_hours AS r (device_id, month, hours)
    SELECT device_id, month, bit_or(set_bit(0::bit(744), bit, 1))
    FROM unnest(%s::integer[], %s::date[], %s::integer[]) AS heard (device_id, month, bit)
    GROUP BY device_id, month
    ORDER BY device_id, month
    ON CONFLICT (device_id, month) DO UPDATE SET hours = r.hours | excluded.hours
    WHERE r.hours | excluded.hours <> r.hours
"""


async def mark_receipt_hours(connection: AsyncConnection, heartbeats: Sequence[Heartbeat]) -> None:
    """Mark the hours of those of some heartbeats that had no time of their own."""
    marked = sorted(
        {
            (each.device_id, *civil_hour_of(each.ts_ms))
            for each in heartbeats
            if isinstance(each.message, ReceiptRow)
        }
    )
    if marked:
        devices, months, bits = zip(*marked, strict=True)
        await connection.execute(_UPSERT, (list(devices), list(months), list(bits)))
