"""What each ingester did minute by minute, as panels and alerts read it."""

import signal
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import AsyncConnection

from ingest import minute_writer
from ingest.minute_writer import MinuteWriter, delete_old_minutes
from ingest.minutes import IngestMinutes
from tests.support.fleet import (
    PLATFORM,
    Publisher,
    Sent,
    ingester,
    register_devices,
    stored_heartbeats,
    wait_until,
)
from tests.support.messages import topic_of
from tests.support.mosquitto import MosquittoBroker

_NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)
_NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"
_SELECT = """
    SELECT ingester, minute, received, committed, duplicates, late, rejected, batches,
           commit_ms_sum, commit_ms_max, behind_s_max, unacknowledged_max, session_troubles
    FROM ingest_minutes ORDER BY ingester, minute
"""
_SUMS = """
    SELECT sum(received), sum(committed), sum(duplicates), sum(late), sum(rejected)
    FROM ingest_minutes WHERE ingester = 'jieru-ingest-1'
"""

_HURRY = """
import ingest.minute_writer, ingest.minutes
ingest.minute_writer._INTERVAL_S = 0.1
ingest.minute_writer._DELAY_S = 0.0
ingest.minutes._SECONDS_PER_MINUTE = 1
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """Another's look at the same database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def _busy_minute(minutes: IngestMinutes, *, received: int = 10) -> None:
    now_s = _NOON.timestamp()
    minutes.receive(now_s, received)
    minutes.commit(now_s, heartbeats=7, duplicates=2, late=1, rejected=3, seconds=0.5)
    minutes.sample(now_s, behind_s=2.5, unacknowledged=received)
    minutes.note_troubles(now_s, 1)
    minutes.end()


def _received(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT coalesce(sum(received), 0) FROM ingest_minutes").fetchone()
    assert row
    return int(row[0])


async def test_two_runs_in_one_minute_are_added_up(
    database_url: str, connection: psycopg.Connection
) -> None:
    """An ingester that restarts within a minute neither loses nor doubles; another is apart."""
    for name, received in (("one", 10), ("one", 30), ("two", 5)):
        minutes = IngestMinutes()
        writer = MinuteWriter(database_url, minutes, ingester=name)
        _busy_minute(minutes, received=received)
        await writer.write()
        await writer.write()
        assert minutes.ended() == []
    assert connection.execute(_SELECT).fetchall() == [
        ("one", _NOON, 40, 14, 4, 2, 6, 2, 1000, 500, 2.5, 30, 2),
        ("two", _NOON, 5, 7, 2, 1, 3, 1, 500, 500, 2.5, 5, 1),
    ]


async def test_a_database_that_is_away_is_tried_again_later(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Nothing is raised, nothing forgotten."""
    minutes = IngestMinutes()
    _busy_minute(minutes)
    await MinuteWriter(_NOWHERE, minutes, ingester="one").write()
    assert len(minutes.ended()) == 1
    await MinuteWriter(database_url, minutes, ingester="one").write()
    assert _received(connection) == 10


@pytest.mark.parametrize("is_committed", [True, False])
async def test_an_answer_that_is_lost_at_the_commit_doubles_nothing(
    database_url: str,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    is_committed: bool,
) -> None:
    """The database is asked what became of the transaction before anything is written again."""

    @asynccontextmanager
    async def transaction_whose_answer_is_lost(own: AsyncConnection):  # type: ignore[no-untyped-def] # noqa: ANN202
        await own.execute("BEGIN")
        yield
        await own.execute("COMMIT" if is_committed else "ROLLBACK")
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    minutes = IngestMinutes()
    writer = MinuteWriter(database_url, minutes, ingester="one")
    _busy_minute(minutes)
    with monkeypatch.context() as patched:
        patched.setattr(AsyncConnection, "transaction", transaction_whose_answer_is_lost)
        await writer.write()
    assert len(minutes.ended()) == 1, "nobody knows yet"
    await writer.write()
    assert minutes.ended() == []
    assert _received(connection) == 10


async def test_a_database_that_does_not_answer_holds_up_no_leaving(
    database_url: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has locked the table; the ingester leaves without."""
    monkeypatch.setattr(minute_writer, "_LEAVING_TIMEOUT_S", 0.2)
    minutes = IngestMinutes()
    minutes.receive(_NOON.timestamp(), 1)
    with connection.transaction():
        connection.execute("LOCK TABLE ingest_minutes")
        await MinuteWriter(database_url, minutes, ingester="one").leave()
    assert _received(connection) == 0


def test_minutes_are_kept_for_a_year_and_a_month(connection: psycopg.Connection) -> None:
    """Older ones are deleted, younger ones stay."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    for days in (401, 399):
        connection.execute(
            "INSERT INTO ingest_minutes VALUES ('one', %s, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0)",
            (now - timedelta(days=days),),
        )
    assert delete_old_minutes(connection) == 1
    assert [row[1] for row in connection.execute(_SELECT)] == [now - timedelta(days=399)]


def test_an_ingester_leaves_its_figures_behind(
    database_url: str,
    connection: psycopg.Connection,
    mosquitto: MosquittoBroker,
    tmp_path: Path,
) -> None:
    """SIGTERM in the middle of a minute, twice: every message is in the sums, once."""
    register_devices(connection, ["A"])
    gateway = Publisher(mosquitto.add_user(PLATFORM))
    now_ms = time.time_ns() // 1_000_000
    for run in (1, 2):
        log = tmp_path / f"{run}.log"
        with ingester(database_url, mosquitto.url(), log) as process:
            wait_until(lambda: "subscribed" in log.read_text(), "it is connected")  # noqa: B023
            gateway.publish([Sent("A", now_ms + number) for number in range(10 * run)])
            gateway.publish_raw(topic_of("A"), b"junk")
            wait_until(lambda: _everything_is_in(connection, run), "all is stored")  # noqa: B023
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    gateway.close()
    assert connection.execute(_SUMS).fetchone() == (32, 30, 10, 0, 2)


def _everything_is_in(connection: psycopg.Connection, run: int) -> bool:
    refused = connection.execute("SELECT count(*) FROM rejections").fetchone()
    return len(stored_heartbeats(connection)) == 10 * run and refused == (run,)


def test_an_ingester_works_without_its_figures(
    database_url: str,
    connection: psycopg.Connection,
    mosquitto: MosquittoBroker,
    tmp_path: Path,
) -> None:
    """Here their table takes nothing: it says so, stores heartbeats, and catches up later."""
    register_devices(connection, ["A"])
    connection.execute("ALTER TABLE ingest_minutes ADD CONSTRAINT broken CHECK (false)")
    log = tmp_path / "ingest.log"
    gateway = Publisher(mosquitto.add_user(PLATFORM))
    with ingester(database_url, mosquitto.url(), log, prelude=_HURRY) as process:
        wait_until(lambda: "subscribed" in log.read_text(), "it is connected")
        gateway.publish([Sent("A", time.time_ns() // 1_000_000)])
        wait_until(lambda: len(stored_heartbeats(connection)) == 1, "it is stored")
        wait_until(lambda: "minutes_not_written" in log.read_text(), "the failure is logged")
        assert process.poll() is None
        connection.execute("ALTER TABLE ingest_minutes DROP CONSTRAINT broken")
        wait_until(lambda: _received(connection) == 1, "nothing was forgotten meanwhile")
    gateway.close()
