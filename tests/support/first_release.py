"""The first release as the database saw it: its schema, its content, its ingester's writes."""

import shutil
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import psycopg

from jieru.calendar import civil_hour_of
from jieru.migrating import (
    MIGRATIONS,
    Migration,
    apply_migration,
    find_pending,
    prepare_records,
    read_applied,
    read_migrations,
)
from jieru.retry import is_worth_retrying
from jieru.timescale import create_extension
from tests.support.registry_builder import RegistryBuilder, days_between
from tests.support.registry_files import uscc_of

__all__ = [
    "LAST_MIGRATION",
    "OldIngester",
    "fill",
    "later_migrations",
    "migrate_to",
    "old_ingester",
]

LAST_MIGRATION: Final = "0003_decisions"

_LAST_OF_YOYO: Final = "0034_heartbeat_archives"
"""Releases up to this migration applied them with yoyo."""
_YOYO_RECORD: Final = Path(__file__).with_name("yoyo_record.sql")
_INSERT_YOYO_RECORD: Final = """
    INSERT INTO schema_migrations VALUES (%s, %s, clock_timestamp() AT TIME ZONE 'UTC')
"""
_INSERT_YOYO_LOG: Final = """
    INSERT INTO _yoyo_log
    VALUES (%s, %s, %s, 'apply', 'root', 'localhost', NULL, clock_timestamp() AT TIME ZONE 'UTC')
"""

_INSERT_INSTALLATION: Final = "INSERT INTO installation (is_simulation) VALUES (false)"
_INSERT_DECISION: Final = """
    INSERT INTO decisions (kind, platform_id, enterprise_id, reason, decided_by)
    SELECT %s, p.id, e.id, '现场核查', '林核验' FROM platforms p, enterprises e
    WHERE p.code = %s AND e.uscc = %s
"""
_INSERT_HEARTBEATS: Final = """
    INSERT INTO heartbeats (device_id, "time", received_at, seq, status, metrics)
    SELECT d.id, t, t + interval '0.2 s', extract(epoch FROM t)::bigint / 300, 'running',
           jsonb_build_object('temperature', 40 + d.id)
    FROM devices d, generate_series(timestamptz '2026-03-02Z', timestamptz '2026-03-04Z',
                                    interval '2 hours') t
"""
_INSERT_REJECTIONS: Final = """
    INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes)
    SELECT timestamptz '2026-03-02Z' + number * interval '1 s', 'unknown_device',
           'jieru/v1/alpha/m' || number || '/heartbeat', '{}', 2
    FROM generate_series(1, %s) number
"""
_INSERT_RULES: Final = """
    INSERT INTO evidence_rules (policy, max_delay_hours, max_clock_ahead_minutes, clock)
    VALUES ('putian-2026', 72, 10, 'receipt')
"""

# The writes of the first release's ingester, statement by statement.
_COPY_HEARTBEATS: Final = """
    COPY heartbeats (device_id, "time", received_at, seq, status, metrics) FROM STDIN
"""
_UPSERT_PRESENCE: Final = """
    INSERT INTO presence AS p (device_id, month, hours, late_hours)
    SELECT device_id, month,
           bit_or(CASE WHEN is_late THEN 0::bit(744) ELSE set_bit(0::bit(744), bit, 1) END),
           bit_or(CASE WHEN is_late THEN set_bit(0::bit(744), bit, 1) ELSE 0::bit(744) END)
    FROM unnest(%s::integer[], %s::date[], %s::integer[], %s::boolean[])
         AS heard (device_id, month, bit, is_late)
    GROUP BY device_id, month
    ORDER BY device_id, month
    ON CONFLICT (device_id, month) DO UPDATE
    SET hours = p.hours | excluded.hours, late_hours = p.late_hours | excluded.late_hours
    WHERE (p.hours | excluded.hours, p.late_hours | excluded.late_hours)
          IS DISTINCT FROM (p.hours, p.late_hours)
"""
_UPSERT_STATES: Final = """
    INSERT INTO device_states AS s (device_id, last_seen_at, status)
    SELECT device_id, to_timestamp(seen_ms / 1000.0), status
    FROM unnest(%s::integer[], %s::bigint[], %s::device_status[])
         AS seen (device_id, seen_ms, status)
    ORDER BY device_id
    ON CONFLICT (device_id) DO UPDATE
    SET last_seen_at = excluded.last_seen_at, status = excluded.status
    WHERE s.last_seen_at < excluded.last_seen_at
"""
_INSERT_REJECTION: Final = """
    INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes)
    SELECT to_timestamp(received_ms / 1000.0), reason, topic, payload, payload_bytes
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bytea[], %s::integer[])
         AS refused (received_ms, reason, topic, payload, payload_bytes)
"""
_STEP_MS: Final = 60_000


def later_migrations() -> list[str]:
    """The names of all migrations after the first release, in their order."""
    return [each.name for each in read_migrations() if each.name > LAST_MIGRATION]


def migrate_to(database_url: str, last: str, folder: Path) -> None:
    """Apply the migrations up to one of them, as a release did for which it was the last.

    Args:
        database_url: an empty database, or one that an earlier release made.
        last: the name of the last migration.
        folder: an empty one, to be used for the migrations of that release.
    """
    for path in MIGRATIONS.glob("*.sql"):
        if path.stem <= last:
            shutil.copy(path, folder)
    with psycopg.connect(database_url, autocommit=True) as connection:
        create_extension(connection)
        _apply_as_yoyo(connection, read_migrations(folder))
        if last > _LAST_OF_YOYO:
            prepare_records(connection, database_url)
            for migration in find_pending(connection, folder):
                apply_migration(connection, database_url, migration)
        connection.execute(f"{_INSERT_INSTALLATION} ON CONFLICT DO NOTHING".encode())


def _apply_as_yoyo(connection: psycopg.Connection, migrations: Sequence[Migration]) -> None:
    applied = read_applied(connection)
    if applied is None:
        connection.execute(_YOYO_RECORD.read_bytes())
    for migration in migrations:
        if migration.name <= _LAST_OF_YOYO and migration.name not in (applied or ()):
            # It knew a migration by the digest of its name.
            known_by = sha256(migration.name.encode()).hexdigest()
            with connection.transaction():
                connection.execute(migration.statements)
                connection.execute(_INSERT_YOYO_RECORD, (known_by, migration.name))
                connection.execute(_INSERT_YOYO_LOG, (uuid.uuid1(), known_by, migration.name))


def fill(connection: psycopg.Connection, *, enterprises: int = 4, rejections: int = 50) -> None:
    """Put a small city's year into a database of any release."""
    city = RegistryBuilder(connection)
    city.platform("alpha")
    city.platform("beta", level="national", recognised_on=date(2026, 5, 20))
    for number in range(1, enterprises + 1):
        platform = "alpha" if number % 2 else "beta"
        days = days_between(date(2026, 3, 2), date(2026, 3 + number % 9, 28))
        city.served_enterprise(number, platform, days)
    connection.execute(_INSERT_DECISION, ("hold", "alpha", uscc_of(1)))
    connection.execute(_INSERT_DECISION, ("exclude", "beta", uscc_of(2)))
    connection.execute(_INSERT_HEARTBEATS)
    connection.execute(_INSERT_REJECTIONS, (rejections,))
    connection.execute(_INSERT_RULES)
    connection.commit()


@dataclass(slots=True)
class OldIngester:
    """A running ingester of the first release, in a thread."""

    url: str
    device_ids: Sequence[int]
    committed: set[tuple[int, int]] = field(default_factory=set)
    """Devices and time stamps of heartbeats that are stored."""
    rejected: int = 0
    batches: int = 0
    longest_s: float = 0.0
    """The longest that a batch took, all tries together."""
    failure: BaseException | None = None

    def run(self, stop: threading.Event) -> None:
        """Write batch after batch until told to stop."""
        at_ms = int(datetime(2026, 11, 2, tzinfo=UTC).timestamp()) * 1000
        try:
            while not stop.is_set():
                started = time.monotonic()
                self._write_patiently(at_ms)
                self.longest_s = max(self.longest_s, time.monotonic() - started)
                self.committed.update((device_id, at_ms) for device_id in self.device_ids)
                self.rejected += 1
                self.batches += 1
                at_ms += _STEP_MS
        except BaseException as error:  # noqa: BLE001 - told to who waits for this thread
            self.failure = error

    def _write_patiently(self, at_ms: int) -> None:
        while True:
            try:
                with psycopg.connect(self.url) as connection:
                    self._write(connection, at_ms)
            except psycopg.Error as error:
                if not is_worth_retrying(error):
                    raise
                time.sleep(0.1)
            else:
                return

    def _write(self, connection: psycopg.Connection, at_ms: int) -> None:
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        month, bit = civil_hour_of(at_ms)
        count = len(self.device_ids)
        ids = list(self.device_ids)
        with connection.cursor() as cursor, cursor.copy(_COPY_HEARTBEATS) as copy:
            for device_id in ids:
                received = at + timedelta(milliseconds=200)
                copy.write_row((device_id, at, received, None, "running", None))
        connection.execute(_UPSERT_PRESENCE, (ids, [month] * count, [bit] * count, [False] * count))
        connection.execute(_UPSERT_STATES, (ids, [at_ms] * count, ["running"] * count))
        connection.execute(_INSERT_REJECTION, ([at_ms], ["malformed_payload"], ["x"], [b"{"], [1]))


@contextmanager
def old_ingester(url: str, device_ids: Sequence[int]) -> Iterator[OldIngester]:
    """An ingester of the first release that runs until the block ends."""
    ingester = OldIngester(url, device_ids)
    stop = threading.Event()
    thread = threading.Thread(target=ingester.run, args=(stop,), name="old-ingester")
    thread.start()
    try:
        yield ingester
    finally:
        stop.set()
        thread.join()
