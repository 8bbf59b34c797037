"""Heartbeats and their presence put into a database exactly as an ingester stores them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import psycopg

from jieru.calendar import civil_hour_of
from jieru.publishers import CLOUD_ID
from verifier.evidence.stored_hours import months_of_evidence, read_presence_of

__all__ = ["MAX_DELAY", "hear", "run_ingester", "vouch_for_evidence"]

MAX_DELAY: Final = timedelta(hours=72)

_INSERT: Final = """
    INSERT INTO heartbeats (device_id, "time", received_at, publisher_id) VALUES (%s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""
_UPSERT: Final = """
    INSERT INTO {table} AS p (device_id, month, publisher_id, hours, late_hours, live_hours)
    VALUES (%(device)s, %(month)s, %(publisher)s,
            CASE WHEN %(late)s THEN 0::bit(744) ELSE set_bit(0::bit(744), %(bit)s, 1) END,
            CASE WHEN %(late)s THEN set_bit(0::bit(744), %(bit)s, 1) ELSE 0::bit(744) END,
            CASE WHEN %(live)s THEN set_bit(0::bit(744), %(bit)s, 1) ELSE 0::bit(744) END)
    ON CONFLICT ({key}) DO UPDATE
    SET hours = p.hours | excluded.hours, late_hours = p.late_hours | excluded.late_hours,
        live_hours = p.live_hours | excluded.live_hours
"""
_RULES: Final = """
    INSERT INTO evidence_rules (applied_at, policy, max_delay_hours, max_clock_ahead_minutes, clock,
                                live_within_minutes)
    VALUES (coalesce(%s, now()), 'putian-2026', %s, 10, 'receipt', %s)
"""
_VOUCH: Final = """
    INSERT INTO evidence_verifications
        (month, verified_by, code_version, presence_sha256, heartbeats, archives, differences,
         unprovable, unverifiable_days)
    VALUES (%s, 'command:tests', 'tests', %s, 0, '[]', 0, 0, '{}')
"""


def run_ingester(
    connection: psycopg.Connection,
    max_delay_hours: int = 72,
    *,
    live_within_minutes: int | None = None,
    at: datetime | None = None,
) -> None:
    """Note by which rules an ingester tells late from in time, and what is live."""
    connection.execute(_RULES, (at, max_delay_hours, live_within_minutes))


def hear(
    connection: psycopg.Connection,
    device_id: int,
    times: Iterable[datetime],
    *,
    after: timedelta = timedelta(seconds=1),
    publisher_id: int = CLOUD_ID,
    is_live: bool = False,
) -> None:
    """Heartbeats of a device, each received so long after its time, live by the rule or not."""
    is_cloud = publisher_id == CLOUD_ID
    statement = _UPSERT.format(
        table="presence" if is_cloud else "presence_by_others",
        key="device_id, month" if is_cloud else "device_id, month, publisher_id",
    )
    for at in times:
        month, bit = civil_hour_of(round(at.timestamp() * 1000))
        connection.execute(_INSERT, (device_id, at, at + after, publisher_id))
        connection.execute(
            statement.encode(),
            {
                "device": device_id,
                "month": month,
                "publisher": publisher_id,
                "bit": bit,
                "late": after > MAX_DELAY,
                "live": is_live,
            },
        )


def vouch_for_evidence(connection: psycopg.Connection) -> None:
    """Record every month of presence as verified: for tests whose presence has no heartbeats."""
    with connection.transaction():
        for month in months_of_evidence(connection):
            connection.execute(_VOUCH, (month, read_presence_of(connection, month).sha256()))
