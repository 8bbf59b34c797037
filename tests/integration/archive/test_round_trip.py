"""Archived heartbeats are in a file, whole and once, no longer in the database, and come back."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from archive import archiving, parquet_file, ranges
from archive.ranges import (
    Fingerprint,
    HeartbeatRange,
    hold_unchanged,
)
from archive.rows import decode_row
from jieru.database import connect
from jieru.publishers import CLOUD_ID
from tests.support.archives import (
    DAYS,
    Beat,
    archive,
    archived_beats,
    findings,
    insert,
    old_beats,
    restore,
    stored_beats,
)

_END_KEEPING = "UPDATE heartbeat_archives SET kept_until = now() - interval '1 second'"
_ONE_LATE: list[Beat] = [
    (
        1,
        datetime(2025, 3, 2, 10, 0, 3, tzinfo=UTC),
        datetime.now(UTC),
        None,
        "idle",
        None,
        2,
        5,
        1.5,
    )
]


def test_expired_heartbeats_move_into_one_file_a_chunk(
    connection: psycopg.Connection, folder: Path
) -> None:
    """Every column of every row, as another program reads it; nothing of them stays behind."""
    stored = insert(connection, old_beats())
    progress = archive(connection, folder)
    assert archived_beats(folder) == stored
    assert stored_beats(connection) == Counter()
    assert [len(each.written) for each in progress] == [1] * DAYS
    assert sum(each.dropped or 0 for each in progress) == stored.total()
    assert findings(connection, folder) == []


def test_younger_heartbeats_and_all_presence_stay(
    connection: psycopg.Connection, folder: Path
) -> None:
    """Presence is the evidence that is counted."""
    young = insert(connection, old_beats(first=datetime.now(UTC) - timedelta(days=99)))
    connection.execute("INSERT INTO presence (device_id, month) VALUES (1, '2025-03-01')")
    insert(connection, old_beats())
    archive(connection, folder)
    assert stored_beats(connection) == young
    assert connection.execute("SELECT count(*) FROM presence").fetchone() == (1,)


def test_where_nothing_is_expired_nothing_is_written(
    connection: psycopg.Connection, folder: Path
) -> None:
    """Not even a manifest."""
    assert archive(connection, folder) == []
    assert list(folder.iterdir()) == []
    assert findings(connection, folder) == []


def test_restored_heartbeats_are_what_they_were(
    connection: psycopg.Connection, folder: Path
) -> None:
    """The numbers in metrics to the last digit, null as null."""
    stored = insert(connection, old_beats())
    archive(connection, folder)
    restored = restore(connection, folder)
    assert stored_beats(connection) == stored
    assert sum(each.added for each in restored) == stored.total()


def test_restoring_twice_changes_nothing(connection: psycopg.Connection, folder: Path) -> None:
    """What is there already stays as it is."""
    stored = insert(connection, old_beats())
    archive(connection, folder)
    restore(connection, folder)
    assert [each.added for each in restore(connection, folder)] == [0] * DAYS
    assert stored_beats(connection) == stored


def test_a_part_of_the_archive_can_be_restored(
    connection: psycopg.Connection, folder: Path
) -> None:
    """The files with something of that time, whole."""
    insert(connection, old_beats())
    archive(connection, folder)
    noon = datetime(2025, 3, 2, 12, tzinfo=UTC)
    (restored,) = restore(connection, folder, noon, noon + timedelta(minutes=1))
    assert "20250302" in restored.file
    assert {at.day for _device, at, *_rest in stored_beats(connection)} == {2}


def test_restored_heartbeats_are_kept_then_dropped_and_never_archived_twice(
    connection: psycopg.Connection, folder: Path
) -> None:
    """They are in a file already."""
    stored = insert(connection, old_beats())
    archive(connection, folder)
    restore(connection, folder)
    assert archive(connection, folder) == []
    assert stored_beats(connection) == stored
    connection.execute(_END_KEEPING)
    assert [each.written for each in archive(connection, folder)] == [()] * DAYS
    assert stored_beats(connection) == Counter()
    assert archived_beats(folder) == stored
    assert findings(connection, folder) == []


def test_what_comes_late_into_an_archived_range_is_a_further_part(
    connection: psycopg.Connection, folder: Path
) -> None:
    """Also where the earlier part was restored meanwhile; both come back."""
    stored = insert(connection, old_beats())
    archive(connection, folder)
    restore(connection, folder)
    connection.execute(_END_KEEPING)
    both = insert(connection, _ONE_LATE)
    progress = archive(connection, folder)
    assert [len(each.written) for each in progress] == [0, 1, 0]
    assert archived_beats(folder) == both
    assert both.total() == stored.total() + 1
    assert stored_beats(connection) == Counter()
    restore(connection, folder)
    assert stored_beats(connection) == both
    assert findings(connection, folder) == []


@pytest.mark.parametrize("columns", [6, 7])
def test_an_archive_of_before_is_whole_and_comes_back(
    connection: psycopg.Connection, folder: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    """Of before it was kept who published, which was the cloud, or a controller's counter.

    Nothing of it is archived again.
    """
    insert(connection, [(*beat[:6], CLOUD_ID, None, None) for beat in old_beats()])
    stored = stored_beats(connection)
    with monkeypatch.context() as before:
        kept = ranges._COLUMNS.split(", ")[:columns]
        statement = ranges._COPY_ROWS.replace(ranges._COLUMNS, ", ".join(kept))
        before.setattr(ranges, "_COPY_ROWS", statement)
        schema = next(each for each in parquet_file._SCHEMAS if len(each) == columns)
        before.setattr(parquet_file, "_SCHEMA", schema)
        before.setattr(parquet_file, "decode_row", lambda row: decode_row(row)[:columns])
        archive(connection, folder)
    assert findings(connection, folder) == []
    restore(connection, folder)
    assert stored_beats(connection) == stored
    connection.execute(_END_KEEPING)
    insert(connection, _ONE_LATE)
    progress = archive(connection, folder)
    assert [len(each.written) for each in progress] == [0, 1, 0]
    assert progress[1].written[0].heartbeats == 1
    restore(connection, folder)
    assert stored_beats(connection) == stored + Counter(_ONE_LATE)
    assert findings(connection, folder) == []


def test_what_comes_between_file_and_drop_is_neither_lost_nor_dropped(
    connection: psycopg.Connection, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The range is compared once more before it goes; then another part is written."""
    stored = insert(connection, old_beats())
    late = list(_ONE_LATE)

    def write_first(
        connection: psycopg.Connection, wanted: HeartbeatRange, seen: Fingerprint
    ) -> None:
        if late and wanted.start <= late[0][1] < wanted.end:
            with connect(url) as other:
                insert(other, [late.pop()])
        hold_unchanged(connection, wanted, seen)

    monkeypatch.setattr(archiving, "hold_unchanged", write_first)
    monkeypatch.setattr(archiving, "_PAUSE_S", 0)
    progress = archive(connection, folder)
    assert late == []
    assert [len(each.written) for each in progress] == [1, 2, 1]
    assert archived_beats(folder).total() == stored.total() + 1
    assert set(stored) < set(archived_beats(folder))
    assert stored_beats(connection) == Counter()


def test_what_each_file_holds_stands_in_the_database_for_good(
    connection: psycopg.Connection, folder: Path
) -> None:
    """And in the audit, under who archived it."""
    insert(connection, old_beats())
    archive(connection, folder)
    for statement in (
        "DELETE FROM heartbeat_archives",
        "TRUNCATE heartbeat_archives",
        "UPDATE heartbeat_archives SET heartbeats = 1",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(statement)
    entries = connection.execute(
        "SELECT actor, action FROM audit_entries WHERE record_kind = 'heartbeat_archives'"
    ).fetchall()
    assert Counter(entries) == {
        ("command:tests", "create"): DAYS,
        ("command:tests", "change"): DAYS,
    }
