"""Old heartbeats of every kind, and all places where they may be after a run of the archive."""

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
import pyarrow.parquet as pq

from archive.archiving import Progress, archive_expired
from archive.restoring import Restored, restore_heartbeats
from archive.verifying import verify_archive
from jieru.audit import Actor
from tests.support.command import clean_environment
from tests.support.fleet import wait_until
from tests.support.roles import ARCHIVE, acting_as, as_role

__all__ = [
    "ACTOR",
    "DAYS",
    "Beat",
    "archive",
    "archived_beats",
    "findings",
    "insert",
    "jieru_archive",
    "old_beats",
    "restore",
    "stored_beats",
    "wait_until_free",
]

ACTOR: Final = Actor("command:tests", "command line")
DAYS: Final = 3
"""How many days of old heartbeats there are: each its own chunk and file."""

_A_DAY: Final = 4
_FIRST: Final = datetime(2025, 3, 1, tzinfo=UTC)
_AGE: Final = timedelta(days=100)
_METRICS: Final = (
    None,
    '{"temperature": 41.50, "spindle_rpm": 1200}',
    '{"名": "机床\\n一号", "empty": {}, "list": [1, null, true, 1e400, -0.0]}',
    "{}",
)
_STATUS: Final = ("running", None, "idle", "fault", "stopped", "maintenance")
_SEQ: Final = (0, None, 2**63 - 1, 17)
_BOOT: Final = (None, -(2**63), 7)
_COUNTER: Final = (None, 0.1, 2.0**70, 0.0, -1.5)

_INSERT: Final = """
    INSERT INTO heartbeats (device_id, "time", received_at, seq, status, metrics, publisher_id,
                            boot, counter)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_SELECT: Final = """
    SELECT device_id, "time", received_at, seq, status::text, metrics::text, publisher_id, boot,
           counter
    FROM heartbeats
"""
_SELECT_HOLDERS: Final = """
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database
                                                WHERE datname = current_database())
"""

Beat = tuple[
    *tuple[int, datetime, datetime, int | None, str | None, str | None, int],
    *tuple[int | None, float | None],
]


def old_beats(devices: int = 7, *, first_device: int = 1, first: datetime = _FIRST) -> list[Beat]:
    """Heartbeats of some days long ago; the last of each day just before its end."""
    beats: list[Beat] = []
    for device in range(first_device, first_device + devices):
        for day in range(DAYS):
            for place in range(_A_DAY):
                number = len(beats)
                at = first + timedelta(days=day, hours=5 * place, milliseconds=device)
                if place == _A_DAY - 1:
                    at = first + timedelta(days=day + 1, milliseconds=-device)
                beats.append(
                    (
                        device,
                        at,
                        at + timedelta(milliseconds=180 + number),
                        _SEQ[number % len(_SEQ)],
                        _STATUS[number % len(_STATUS)],
                        _METRICS[number % len(_METRICS)],
                        1 + number % 3,
                        _BOOT[number % len(_BOOT)],
                        _COUNTER[number % len(_COUNTER)],
                    )
                )
    return beats


def insert(connection: psycopg.Connection, beats: list[Beat]) -> Counter[Beat]:
    """Store heartbeats; all that is stored then, as `stored_beats`."""
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, beats)
    return stored_beats(connection)


def stored_beats(connection: psycopg.Connection) -> Counter[Beat]:
    """How often each heartbeat is in the database, with its metrics as the database writes them."""
    return Counter(connection.execute(_SELECT).fetchall())


def archived_beats(folder: Path) -> Counter[Beat]:
    """How often each heartbeat is in a file, as pyarrow alone reads it."""
    found: Counter[Beat] = Counter()
    for path in sorted(folder.glob("*.parquet")):
        found.update(tuple(row.values()) for row in pq.read_table(path).to_pylist())
    return found


def archive(connection: psycopg.Connection, folder: Path) -> list[Progress]:
    """Archive what is older than a hundred days."""
    progress: list[Progress] = []
    with acting_as(connection, ARCHIVE):
        archive_expired(connection, folder, ACTOR, older_than=_AGE, report=progress.append)
    return progress


def restore(
    connection: psycopg.Connection,
    folder: Path,
    start: datetime | None = None,
    end: datetime | None = None,
) -> list[Restored]:
    """Restore a time, or everything."""
    restored: list[Restored] = []
    with acting_as(connection, ARCHIVE):
        restore_heartbeats(
            connection,
            folder,
            ACTOR,
            start=start,
            end=end,
            kept_for=timedelta(days=30),
            report=restored.append,
        )
    return restored


def findings(connection: psycopg.Connection, folder: Path) -> list[str]:
    """What `jieru archive verify` finds."""
    found: list[str] = []
    with acting_as(connection, ARCHIVE):
        verify_archive(connection, folder, lambda finding: found.append(str(finding)))
    return found


def wait_until_free(connection: psycopg.Connection) -> None:
    """Wait until the server has noticed that who held the archive was killed."""
    wait_until(
        lambda: connection.execute(_SELECT_HOLDERS).fetchone() == (0,), "nobody holds the archive"
    )


def jieru_archive(
    *arguments: str,
    database_url: str,
    folder: Path | None,
    prelude: str = "",
    within: Sequence[str] = (),
) -> "subprocess.CompletedProcess[str]":
    """Run `jieru archive ...` in a process of its own, after a prelude that may make it fail.

    Args:
        arguments: of the command.
        database_url: of its owner.
        folder: of the archive.
        prelude: Python that is run first.
        within: a command that runs another one, which is put before.
    """
    command = f"import sys; sys.argv = ['jieru', 'archive', *{arguments!r}]"
    return subprocess.run(
        [*within, sys.executable, "-c", f"{prelude}\n{command}\nfrom command import main; main()"],
        env=clean_environment(
            language="en",
            database_url=as_role(database_url, ARCHIVE),
            archive_dir=str(folder or ""),
            heartbeat_retention_days="100",
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
