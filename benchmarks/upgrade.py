"""How long the ingester of an earlier release waits while its database is migrated.

A database of the first release with much in it; an ingester of that release writes a batch of 200
heartbeats, with one rejection, over and over while `jieru migrate` runs.
"""

import tempfile
import time
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.results import print_table, save
from jieru.schema import migrate
from tests.support.first_release import LAST_MIGRATION, fill, migrate_to, old_ingester
from tests.support.fleet import wait_until

__all__ = ["run"]

REJECTIONS: Final = 1_000_000
DEVICES: Final = 100_000
HEARTBEATS: Final = 2_000_000
PRESENCE: Final = 12 * DEVICES
"""Rows: of each device a year."""
TARGET_WAIT_S: Final = 60.0
"""Less than what a broker keeps for an ingester by far."""

_FLEET: Final = list(range(500_001, 500_201))
_BATCHES: Final = 50
_MORE_DEVICES: Final = """
    WITH made AS (
        INSERT INTO devices (platform_id, serial)
        SELECT 1, 'more-' || number FROM generate_series(1, %s) number RETURNING id)
    INSERT INTO assignments (device_id, enterprise_id, from_date)
    SELECT id, 1, '2026-01-01' FROM made
"""
_MORE_HEARTBEATS: Final = """
    INSERT INTO heartbeats (device_id, "time", received_at)
    SELECT 600000 + number %% 1000, timestamptz '2026-05-01Z' + number / 1000 * interval '1 min',
           now()
    FROM generate_series(1, %s) number
"""
_MORE_PRESENCE: Final = """
    INSERT INTO presence (device_id, month, hours)
    SELECT device, date '2025-01-01' + month * interval '1 month', hours
    FROM generate_series(1000001, 1000000 + %s) device, generate_series(0, 11) month,
         (SELECT hours FROM presence LIMIT 1) AS heard
"""


def run(database_url: str) -> dict[str, object]:
    """Make the old database, migrate it under load and say how long a batch took.

    Args:
        database_url: an empty database.

    Returns:
        Figures as JSON has them, in seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        migrate_to(database_url, LAST_MIGRATION, Path(folder))
    with psycopg.connect(database_url) as connection:
        fill(connection, rejections=REJECTIONS)
        connection.execute(_MORE_DEVICES, (DEVICES,))
        connection.execute(_MORE_HEARTBEATS, (HEARTBEATS,))
        connection.execute(_MORE_PRESENCE, (DEVICES,))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    with old_ingester(database_url, _FLEET) as ingester:
        wait_until(lambda: ingester.batches >= _BATCHES, "the old ingester writes")
        usual_s = ingester.longest_s
        started = time.perf_counter()
        migrate(database_url)
        migrated_s = time.perf_counter() - started
    if ingester.failure is not None:
        raise ingester.failure
    result: dict[str, object] = {
        "rejections": REJECTIONS,
        "devices": DEVICES,
        "heartbeats": HEARTBEATS,
        "presence": PRESENCE,
        "longest_batch_before_s": round(usual_s, 2),
        "longest_batch_during_s": round(ingester.longest_s, 2),
        "migrated_s": round(migrated_s, 2),
        "is_within_target": ingester.longest_s <= TARGET_WAIT_S,
    }
    print_table(
        f"Migration under load: {DEVICES:,} devices, {REJECTIONS:,} rejections, "
        f"{HEARTBEATS:,} heartbeats, {PRESENCE:,} rows of presence",
        ("", "s"),
        [
            ["longest batch before it", f"{usual_s:.2f}"],
            ["longest batch while it ran", f"{ingester.longest_s:.2f}"],
            ["the migration", f"{migrated_s:.2f}"],
        ],
    )
    save("upgrade", result)
    return result
