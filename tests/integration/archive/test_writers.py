"""Ingesters write while chunks go: none of them fails, and nothing of theirs is lost."""

import threading
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest

from archive import archiving
from archive.ranges import (
    Fingerprint,
    HeartbeatRange,
    drop_rows,
)
from ingest.run import _drop_expired
from jieru.database import connect
from jieru.errors import WorldError
from jieru.settings import Settings
from jieru.timescale import drop_expired_heartbeats
from tests.support.archives import (
    Beat,
    archive,
    archived_beats,
    insert,
    old_beats,
    stored_beats,
)
from tests.support.fleet import wait_until

_ROUNDS: Final = 8
_FIRST_NOON: Final = datetime(2025, 3, 1, 12, tzinfo=UTC)
_NOON: Final = _FIRST_NOON + timedelta(days=1)


def _late(device: int, noon: datetime = _NOON) -> Beat:
    at = noon + timedelta(seconds=device)
    return (device, at, datetime.now(UTC), device, None, None, 1, None, None)


def test_nothing_that_is_written_meanwhile_is_lost(
    connection: psycopg.Connection,
    folder: Path,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One writes old heartbeats, now and then with a pause, while others are archived and go."""
    monkeypatch.setattr(archiving, "_PAUSE_S", 0.05)
    written: Counter[Beat] = insert(connection, old_beats())
    enough = threading.Event()
    failures: list[psycopg.Error] = []

    def write() -> None:
        device = 100
        with connect(url, autocommit=True) as writer:
            while not enough.is_set():
                beat = _late(device)
                try:
                    with writer.transaction():
                        writer.execute(
                            "INSERT INTO heartbeats VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                            beat,
                        )
                except psycopg.errors.DeadlockDetected:
                    continue  # an ingester tries the same batch again
                except psycopg.Error as error:
                    failures.append(error)
                    return
                written[beat] += 1
                device += 1
                enough.wait(0.01 if device % 10 else 0.5)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(_ROUNDS):
            with suppress(WorldError):  # the writer goes on writing there
                archive(connection, folder)
    finally:
        enough.set()
        thread.join()
    assert failures == []
    assert archived_beats(folder) + stored_beats(connection) == written
    assert archived_beats(folder).total() > len(old_beats())
    assert {at.day for _device, at, *_rest in stored_beats(connection)} <= {_NOON.day}


def test_a_writer_that_does_not_end_postpones_the_drop(
    database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run says so and ends, nobody fails, and the next run drops what it finds."""
    monkeypatch.setattr(archiving, "_PAUSE_S", 0)
    for name in ("_WAIT_FOR_CHUNK", "_WAIT_FOR_TABLE"):
        monkeypatch.setattr(f"archive.ranges.{name}", "SET LOCAL lock_timeout = '50ms'")
    with connect(database_url, autocommit=True) as connection, connect(database_url) as writer:
        stored = insert(connection, old_beats())
        insert(writer, [_late(50)])
        with pytest.raises(WorldError, match="run it again later"):
            archive(connection, folder)
        writer.commit()
        archive(connection, folder)
        assert archived_beats(folder).total() == stored.total() + 1
        assert stored_beats(connection) == Counter()


def test_a_writer_that_waits_for_a_chunk_goes_first(
    database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would fail if the chunk went; so the chunk stays until the heartbeat is in a file too."""
    monkeypatch.setattr(archiving, "_PAUSE_S", 0.2)
    threads: list[threading.Thread] = []
    failures: list[psycopg.Error] = []
    with connect(database_url, autocommit=True) as connection, connect(database_url) as writer:

        def write() -> None:
            try:
                insert(writer, [_late(60, _FIRST_NOON)])
                writer.commit()
            except psycopg.Error as error:
                failures.append(error)

        def drop_while_one_waits(
            connection: psycopg.Connection, wanted: HeartbeatRange, seen: Fingerprint
        ) -> None:
            if not threads and wanted.start <= _FIRST_NOON < wanted.end:
                threads.append(threading.Thread(target=write))
                threads[0].start()
                wait_until(lambda: _is_anybody_waiting(database_url), "the writer waits")
            drop_rows(connection, wanted, seen)

        monkeypatch.setattr(archiving, "drop_rows", drop_while_one_waits)
        stored = insert(connection, old_beats())
        insert(writer, [_late(59, _FIRST_NOON)])  # so that it need not look for the chunk again
        writer.commit()
        archive(connection, folder)
        threads[0].join()
        assert failures == []
        assert archived_beats(folder).total() == stored.total() + 2
        assert stored_beats(connection) == Counter()


def _is_anybody_waiting(url: str) -> bool:
    with connect(url) as other:
        row = other.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
        return row != (0,)


def test_where_heartbeats_are_archived_nobody_else_drops_them(
    connection: psycopg.Connection, folder: Path
) -> None:
    """Not even an ingester whose settings do not name the folder, nor before the first file."""
    archive(connection, folder)
    late = insert(connection, [_late(70)])
    assert drop_expired_heartbeats(connection, retention_days=100) == 0
    assert stored_beats(connection) == late


def test_an_ingester_whose_settings_name_the_folder_drops_nothing(
    connection: psycopg.Connection, folder: Path, url: str
) -> None:
    """Also before the archive ran for the first time."""
    stored = insert(connection, old_beats())
    kept = Settings(database_url=url, archive_dir=str(folder), heartbeat_retention_days=100)
    assert _drop_expired(kept) == 0
    assert stored_beats(connection) == stored


def test_dropping_without_an_archive_fails_no_writer(database_url: str) -> None:
    """Whoever writes into an expired chunk ends first; the drop waits for another hour."""
    with connect(database_url, autocommit=True) as connection, connect(database_url) as writer:
        insert(connection, old_beats())
        insert(writer, [_late(80)])
        with pytest.raises(psycopg.errors.LockNotAvailable):
            drop_expired_heartbeats(connection, retention_days=100)
        writer.commit()
        assert drop_expired_heartbeats(connection, retention_days=100) > 0
        assert stored_beats(connection) == Counter()
