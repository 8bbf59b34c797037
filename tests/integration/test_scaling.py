"""Ingesters come and go while heartbeats are published, and none is lost or stored twice.

Each is a real `jieru ingest` process in one shared subscription at a real Mosquitto.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from ingest.broker_sessions import KnownSession
from jieru.schema import migrate
from tests.support.fleet import (
    PLATFORM,
    Publisher,
    Sent,
    bits_of,
    ingester,
    register_devices,
    stored_heartbeats,
    stored_presence,
    wait_until,
)
from tests.support.ingester_status import metrics_at, said, status_page_of
from tests.support.mosquitto import MosquittoBroker
from tests.support.timescaledb import TimescaleServer

if TYPE_CHECKING:
    import subprocess

_DEVICES = [f"CNC-{number:03}" for number in range(50)]
_PACE = 1_000.0
_BATCHES = {"ingest_batch_size": "200", "ingest_receive_maximum": "1000", "ingest_group": "jieru"}
_EMPTY_LATE = """
import asyncio
from ingest.mqtt5_subscriber import Mqtt5Subscriber
async def never(self):
    await asyncio.sleep(0.1)
    return False
Mqtt5Subscriber.end_if_empty = never
"""
_OTHER_RUNS = """
    INSERT INTO ingest_minutes
    VALUES (%s, date_trunc('minute', now(), 'UTC'), 1, 1, 0, 0, 0, 1, 1, 1, 0, 0)
"""
_SEEN = "SELECT DISTINCT ingester FROM ingest_hours"


@dataclass(frozen=True, slots=True)
class _Stage:
    """A broker, a database with a fleet registered, and the fleet's gateway."""

    url: str
    broker: MosquittoBroker
    gateway: Publisher
    folder: Path

    def log(self, number: int) -> Path:
        """What the ingester of this number says."""
        return self.folder / f"{number}.log"

    def ingester(
        self, number: int, *arguments: str
    ) -> AbstractContextManager["subprocess.Popen[bytes]"]:
        """Start one, or drain what it left."""
        return ingester(
            self.url,
            self.broker.url(),
            self.log(number),
            *arguments,
            **_BATCHES,
            ingest_client_id=f"jieru-ingest-{number}",
        )

    def wait_for(self, number: int, event: str) -> None:
        """Wait until it says so."""
        wait_until(lambda: bool(said(self.log(number), event)), f"{number} says {event}")

    def drain(self, number: int, *arguments: str) -> int:
        """Drain to the end; the exit code."""
        with self.ingester(number, "--drain", *arguments) as process:
            return process.wait(60)

    @contextmanager
    def steady_load(self) -> Iterator[None]:
        """Heartbeats in the background until the block ends; each has a time of its own."""
        ended = threading.Event()

        def publish() -> None:
            while not ended.is_set():
                now_ms = time.time_ns() // 1_000_000
                beats = [Sent(serial, now_ms) for serial in _DEVICES]
                self.gateway.publish(beats, per_second=_PACE)

        thread = threading.Thread(target=publish)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        self.gateway.wait_until_acknowledged()

    def assert_stored_once(self) -> None:
        """Everything that was published is stored, each heartbeat once, and its hours."""
        sent = self.gateway.sent
        with psycopg.connect(self.url) as connection:
            wait_until(lambda: len(stored_heartbeats(connection)) >= len(sent), "all is stored")
            assert stored_heartbeats(connection) == dict.fromkeys(sent, 1)
            assert stored_presence(connection) == bits_of(sent)

    def note_that_it_runs(self, number: int) -> None:
        """What an ingester writes of itself after a minute."""
        with psycopg.connect(self.url) as connection:
            connection.execute(_OTHER_RUNS, (f"jieru-ingest-{number}",))


@contextmanager
def _stage(url: str, broker: MosquittoBroker, folder: Path) -> Iterator[_Stage]:
    with psycopg.connect(url) as connection:
        register_devices(connection, _DEVICES)
    with closing(Publisher(broker.add_user(PLATFORM))) as gateway:
        yield _Stage(url, broker, gateway, folder)


@pytest.fixture
def stage(database_url: str, mosquitto: MosquittoBroker, tmp_path: Path) -> Iterator[_Stage]:
    """No ingester runs yet."""
    with _stage(database_url, mosquitto, tmp_path) as stage:
        yield stage


def _published(stage: _Stage, more: int = 500) -> None:
    """Let some more heartbeats be published."""
    until = len(stage.gateway.sent) + more
    wait_until(lambda: len(stage.gateway.sent) >= until, "more is published")


def test_one_of_two_is_drained_under_load(stage: _Stage) -> None:
    """It is stopped, the broker queues its share for a while, and the drain stores that too."""
    with stage.ingester(1) as first, stage.ingester(2) as second:
        stage.wait_for(1, "subscribed")
        stage.wait_for(2, "subscribed")
        stage.note_that_it_runs(1)
        with stage.steady_load():
            _published(stage)
            second.terminate()
            assert second.wait(30) == 0
            _published(stage)
            assert stage.drain(2) == 0
            stage.wait_for(2, "ingester_drained")
            _published(stage)
        stage.assert_stored_once()
        assert first.poll() is None
    with stage.ingester(2):
        wait_until(lambda: len(said(stage.log(2), "subscribed")) == 2, "it is back")
        assert [each["session_present"] for each in said(stage.log(2), "subscribed")] == [False] * 2


def test_another_joins_under_load(stage: _Stage) -> None:
    """From one without a group to two in one: nothing is lost, and both have their share."""
    with ingester(stage.url, stage.broker.url(), stage.log(1), **{**_BATCHES, "ingest_group": ""}):
        stage.wait_for(1, "subscribed")
        with stage.steady_load():
            _published(stage)
            with stage.ingester(1) as first, stage.ingester(2) as second:
                stage.wait_for(2, "subscribed")
                _published(stage, 1_000)
                first.terminate()
                second.terminate()
                assert (first.wait(30), second.wait(30)) == (0, 0)
    with stage.ingester(1), stage.ingester(2):
        stage.assert_stored_once()
    with psycopg.connect(stage.url) as connection:
        assert {row[0] for row in connection.execute(_SEEN)} == {"jieru-ingest-1", "jieru-ingest-2"}


def test_a_drain_waits_for_a_database_that_is_away(
    own_timescale_server: TimescaleServer, mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    """Nothing is given up: told to stop it says that the session is not empty; the next goes on."""
    url = own_timescale_server.create_database()
    migrate(url)
    with _stage(url, mosquitto, tmp_path) as stage:
        with stage.ingester(1) as process:
            stage.wait_for(1, "subscribed")
            process.terminate()
            assert process.wait(30) == 0
        now_ms = time.time_ns() // 1_000_000
        stage.gateway.publish(
            Sent(serial, now_ms + number) for number in range(40) for serial in _DEVICES
        )
        stage.gateway.wait_until_acknowledged()
        with psycopg.connect(url) as connection:
            known = KnownSession.read(connection, "jieru-ingest-1", "", expiry_s=600)
        prelude = (
            "import ingest.run; from ingest.broker_sessions import BrokerNames, KnownSession; "
            f"ingest.run.check_database = lambda *a, **k: {known!r}"
        )
        own_timescale_server.stop()
        with ingester(
            url, mosquitto.url(), stage.log(1), "--drain", "--last", prelude=prelude, **_BATCHES
        ) as process:
            stage.wait_for(1, "registry_look_up_failed")
            assert process.poll() is None
            process.terminate()
            assert process.wait(60) == 3
        assert "not empty" in stage.log(1).read_text()
        own_timescale_server.start()
        assert stage.drain(1, "--last") == 0
        stage.assert_stored_once()


def test_the_last_ingester_is_not_drained_by_accident(stage: _Stage) -> None:
    """Nobody else has shown itself, so what is published afterwards would go nowhere."""
    assert stage.drain(1) == 1
    assert "Start another" in stage.log(1).read_text()
    stage.note_that_it_runs(1)
    assert stage.drain(1) == 1, "it is not its own successor"
    assert stage.drain(1, "--last") == 0
    stage.note_that_it_runs(2)
    assert stage.drain(1) == 0


def test_an_ingester_that_runs_is_not_drained_from_beside(stage: _Stage) -> None:
    """Whoever tries is told to stop it first; it goes on as before."""
    with stage.ingester(1):
        stage.wait_for(1, "subscribed")
        beside = stage.folder / "beside.log"
        with ingester(
            stage.url,
            stage.broker.url(),
            beside,
            "--drain",
            "--last",
            prelude=_EMPTY_LATE,
            **_BATCHES,
        ) as process:
            assert process.wait(60) == 1
        assert "Another process runs as jieru-ingest-1" in beside.read_text()
        stage.gateway.publish([Sent("CNC-000", time.time_ns() // 1_000_000)])
        stage.assert_stored_once()
        page = status_page_of(stage.log(1))
        assert metrics_at(page)["jieru_ingest_committed_total"] == 1
