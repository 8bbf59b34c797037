"""How long it takes to hold a month of 100,000 devices against its heartbeats, and to state it.

Each device sends one heartbeat an hour, day and night: 72 million in the 30 days of a month, in the
order of time as they are stored, one device in twenty through a gateway. One bit is invented and
one taken away, which must be found. What is measured are the functions that `jieru verify-evidence`
and `jieru checkpoint` call; the digests are what freezing reads once more.
"""

import resource
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Final

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.results import print_table, save
from jieru.database import connect
from verifier.checkpoints.folder import CheckpointFolder
from verifier.checkpoints.writing import write_checkpoint
from verifier.evidence.differences import DifferenceKind
from verifier.evidence.stored_hours import month_digests
from verifier.evidence.verifying import Source, verify_month
from verifier.procedure.signing import SigningKey

__all__ = ["run"]

DEVICES: Final = 100_000
DAYS: Final = 30
BEATS_A_DAY: Final = 24
TARGET_S: Final = 120.0

_MONTH: Final = date(2026, 4, 1)
_FILL_DAY: Final = """
    INSERT INTO heartbeats (device_id, "time", received_at, seq, status, publisher_id)
    SELECT device, at, at + random() * interval '3 s', beat, 'running',
           CASE WHEN device %% 20 = 0 THEN 3 ELSE 1 END
    FROM generate_series(0, %s - 1) beat, generate_series(1, %s) device,
         LATERAL (SELECT timestamptz '2026-03-31 16:00Z' + %s * interval '1 day'
                         + beat * (interval '1 day' / %s) + device %% 3600 * interval '1 s' AS at
                 ) AS clock
"""
_FILL_PRESENCE: Final = (
    """
    INSERT INTO presence (device_id, month, hours)
    SELECT device, '2026-04-01', (repeat('1', 720) || repeat('0', 24))::bit(744)
    FROM generate_series(1, %s) device WHERE device %% 20 <> 0
    """,
    """
    INSERT INTO presence_by_others (device_id, month, publisher_id, hours)
    SELECT device, '2026-04-01', 3, (repeat('1', 720) || repeat('0', 24))::bit(744)
    FROM generate_series(1, %s) device WHERE device %% 20 = 0
    """,
)
_CHANGE: Final = (
    "UPDATE presence SET hours = set_bit(hours, 743, 1) WHERE device_id = 77",
    "UPDATE presence SET hours = set_bit(hours, 100, 0) WHERE device_id = 78",
)


def run(database_url: str) -> dict[str, object]:
    """Fill a month, verify it twice, state it.

    Args:
        database_url: an empty, migrated database.

    Returns:
        Figures as JSON has them.
    """
    started = time.perf_counter()
    with psycopg.connect(database_url, autocommit=True) as connection:
        for day in range(DAYS):
            values = (BEATS_A_DAY, DEVICES, day, BEATS_A_DAY)
            connection.execute(_FILL_DAY, values)
        for statement in _FILL_PRESENCE:
            connection.execute(statement.encode(), (DEVICES,))
        connection.execute("VACUUM (ANALYZE) presence, presence_by_others")
        for statement in _CHANGE:
            connection.execute(statement.encode())
    filled_s = time.perf_counter() - started
    source = Source(database_url, None, max_delay_hours=72)
    runs = []
    verified = verify_month(source, _MONTH)  # from now on the month is in memory
    for _run in range(2):
        started = time.perf_counter()
        verified = verify_month(source, _MONTH)
        runs.append(time.perf_counter() - started)
        found = [(each.kind, each.device_id, each.bit) for each in verified.compared.listed()]
        if found != [(DifferenceKind.INVENTED, 77, 743), (DifferenceKind.LOST, 78, 100)]:
            raise AssertionError(f"found otherwise: {found[:5]}")
    with (
        connect(database_url, autocommit=True) as connection,
        tempfile.TemporaryDirectory() as path,
    ):
        started = time.perf_counter()
        digests = month_digests(connection, [_MONTH])
        digest_s = time.perf_counter() - started
        if digests[_MONTH] != verified.presence_sha256:
            raise AssertionError("two digests of one month")
        key = SigningKey(Ed25519PrivateKey.generate())
        started = time.perf_counter()
        write_checkpoint(connection, CheckpointFolder(Path(path)), key, max_delay_hours=72)
        checkpoint_s = time.perf_counter() - started
        beside = sum(each.stat().st_size for each in Path(path).rglob("*.rows"))
    result: dict[str, object] = {
        "devices": DEVICES,
        "heartbeats": verified.heartbeats,
        "filled_s": round(filled_s, 1),
        "verified_s": [round(each, 1) for each in runs],
        "heartbeats_a_second": round(verified.heartbeats / min(runs)),
        "digest_s": round(digest_s, 2),
        "first_checkpoint_s": round(checkpoint_s, 2),
        "bytes_of_rows_a_day": round(beside / DAYS),
        "memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "is_within_target": max(runs) <= TARGET_S,
    }
    print_table(
        f"evidence of a month, {verified.heartbeats:,} heartbeats of {DEVICES:,} devices",
        ("", "measured", "target"),
        (
            ("verified, s", ", ".join(f"{each:.1f}" for each in runs), f"{TARGET_S:g}"),
            ("heartbeats a second", f"{verified.heartbeats / min(runs):,.0f}", ""),
            ("digest of presence, s", f"{digest_s:.2f}", ""),
            ("first checkpoint, s", f"{checkpoint_s:.2f}", ""),
            ("rows of a day beside it, bytes", f"{beside / DAYS:,.0f}", ""),
            ("memory of the command, MiB", f"{result['memory_mib']}", ""),
        ),
    )
    save("evidence", result)
    return result
