"""What archiving a day of heartbeats costs: time, memory, and bytes in the file.

A day of one heartbeat every five minutes from each device, with a clock's jitter, a delay on the
way, and no, two or ten metrics that vary. Each day is archived (read, written, read back, compared,
dropped), verified and restored.
"""

import resource
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

import psycopg

from archive.archiving import Progress, archive_expired
from archive.restoring import restore_heartbeats
from archive.verifying import verify_archive
from benchmarks.results import print_table, save
from jieru.audit import command_actor
from jieru.database import connect

__all__ = ["run"]

DEVICES: Final = 3_500
BEATS_A_DAY: Final = 288
HEARTBEATS: Final = DEVICES * BEATS_A_DAY
TARGET_BYTES: Final = 40.0
"""Of a heartbeat with two metrics."""

_METRICS: Final = {
    "no metrics": "NULL",
    "two metrics": """
        jsonb_build_object('spindle_rpm', (1400 + 100 * random())::integer,
                           'temperature_c', round((40 + 5 * random())::numeric, 1))
    """,
    "ten metrics": """
        (SELECT jsonb_object_agg('channel_' || number,
                                 round((1000 * random() + 0 * beat)::numeric, 1))
         FROM generate_series(1, 10) number)
    """,
}
_FILL: Final = """
    INSERT INTO heartbeats (device_id, "time", received_at, seq, status, metrics)
    SELECT device, at, at + (20 + 200 * random()) * interval '1 ms', beat, 'running', {metrics}
    FROM generate_series(1, {devices}) device, generate_series(0, {beats} - 1) beat,
         LATERAL (SELECT date_trunc('milliseconds', timestamptz '{day}'
                         + beat * interval '5 min' + device % 300 * interval '1 s'
                         + (beat + random()) * interval '1 ms') AS at) AS clock
    WHERE at < timestamptz '{day}' + interval '24 hours'
"""
_SIZE: Final = """
    SELECT count(*), max(pg_total_relation_size(tableoid)) FROM heartbeats WHERE "time" >= %s
"""


def run(database_url: str) -> dict[str, object]:
    """Fill a day for each kind of metrics, archive, verify and restore it.

    Args:
        database_url: an empty, migrated database.

    Returns:
        Figures as JSON has them.
    """
    results = []
    with connect(database_url, autocommit=True) as connection:
        for number, (name, metrics) in enumerate(_METRICS.items()):
            with tempfile.TemporaryDirectory() as folder:
                # Each its own archive: so each begins without a record.
                results.append(_measure(connection, Path(folder), name, metrics, number))
                connection.execute("ALTER TABLE heartbeat_archives DISABLE TRIGGER USER")
                connection.execute("DELETE FROM heartbeat_archives")
                connection.execute("ALTER TABLE heartbeat_archives ENABLE TRIGGER USER")
                connection.execute("TRUNCATE heartbeats")
    print_table(
        f"Archive of a day, {HEARTBEATS:,} heartbeats",
        ("", *_METRICS),
        [
            [label, *(f"{result[key]:,}" for result in results)]
            for key, label in (
                ("archived_a_second", "archived a second"),
                ("archive_cpu_us", "CPU of the command, µs a heartbeat"),
                ("bytes_in_table", "bytes in table and index"),
                ("bytes_in_file", "bytes in the file"),
                ("verified_a_second", "verified a second"),
                ("restored_a_second", "restored a second"),
                ("memory_mib", "memory at the peak, MiB"),
            )
        ],
    )
    result: dict[str, object] = {
        "heartbeats": HEARTBEATS,
        "kinds": dict(zip(_METRICS, results, strict=True)),
        "is_within_target": results[1]["bytes_in_file"] <= TARGET_BYTES,
    }
    save("archive", result)
    return result


def _measure(
    connection: psycopg.Connection, folder: Path, name: str, metrics: str, number: int
) -> dict[str, float]:
    day = f"2025-03-{number + 1:02}Z"
    fill = _FILL.format(metrics=metrics, devices=DEVICES, beats=BEATS_A_DAY, day=day)
    connection.execute(fill.encode())
    row = connection.execute(_SIZE, (day,)).fetchone()
    if row is None:
        raise TypeError("an aggregate gives one row")
    heartbeats, table_bytes = row
    done: list[Progress] = []
    started, computed = time.perf_counter(), time.process_time()
    archive_expired(
        connection, folder, command_actor(), older_than=timedelta(days=30), report=done.append
    )
    archived_s, archived_cpu_s = time.perf_counter() - started, time.process_time() - computed
    if [each.dropped for each in done] != [heartbeats]:
        raise AssertionError(f"{name}: not all were archived: {done}")
    findings: list[str] = []
    started = time.perf_counter()
    verify_archive(connection, folder, lambda finding: findings.append(str(finding)))
    verified_s = time.perf_counter() - started
    if findings:
        raise AssertionError(f"{name}: {findings}")
    started = time.perf_counter()
    restore_heartbeats(
        connection,
        folder,
        command_actor(),
        start=None,
        end=None,
        kept_for=timedelta(days=1),
        report=lambda _restored: None,
    )
    restored_s = time.perf_counter() - started
    return {
        "archived_a_second": round(heartbeats / archived_s),
        "archive_cpu_us": round(archived_cpu_s / heartbeats * 1e6, 1),
        "bytes_in_table": round(table_bytes / heartbeats, 1),
        "bytes_in_file": round(done[0].written[0].file_bytes / heartbeats, 1),
        "verified_a_second": round(heartbeats / verified_s),
        "restored_a_second": round(heartbeats / restored_s),
        "memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
