"""Whatever dies under load, every published heartbeat is stored once, and the evidence is the same.

Each test runs real `jieru ingest` processes against a real broker and a real TimescaleDB.
"""

import json
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

import psycopg
import pytest

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
from tests.support.ingester_status import metrics_at, status_page_of
from tests.support.messages import topic_of
from tests.support.mosquitto import MosquittoBroker
from tests.support.timescaledb import TimescaleServer

_DEVICES = [f"CNC-{number:03}" for number in range(20)]
_PACE = 1_500.0
_BATCHES = {"ingest_batch_size": "200", "ingest_receive_maximum": "1000"}
_HOUR_MS = 3_600_000

_DIE_BEFORE_ACKNOWLEDGING = """
import os, signal
from ingest.mqtt5_subscriber import Mqtt5Subscriber
def acknowledge(self, batch):
    os.kill(os.getpid(), signal.SIGKILL)
Mqtt5Subscriber.acknowledge = acknowledge
"""


def _beats(rounds: int) -> list[Sent]:
    """Every device once a round; the rounds five minutes apart, the last one now."""
    now_ms = time.time_ns() // 1_000_000
    first_ms = now_ms - (rounds - 1) * 300_000
    return [
        Sent(serial, first_ms + number * 300_000) for number in range(rounds) for serial in _DEVICES
    ]


@contextmanager
def _publishing(gateway: Publisher, beats: Sequence[Sent]) -> Iterator[None]:
    """Publish in the background while the block does its mischief, then wait for the end."""
    thread = threading.Thread(target=gateway.publish, args=(beats,), kwargs={"per_second": _PACE})
    thread.start()
    try:
        yield
    finally:
        thread.join()
    gateway.wait_until_acknowledged()


def _connected(log: Path, times: int = 1) -> None:
    def is_connected() -> bool:
        said = log.read_text() if log.exists() else ""
        assert "Traceback" not in said, said
        return said.count('"subscribed"') >= times

    wait_until(is_connected, f"the ingester is connected (see {log})")


@dataclass(frozen=True, slots=True)
class _Stage:
    """Everything one heartbeat passes on its way, and whoever sends it."""

    url: str
    connection: psycopg.Connection
    broker: MosquittoBroker
    gateway: Publisher
    log: Path

    def ingester(
        self, *, log: Path | None = None, prelude: str = "", **settings: str
    ) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """A real ingester between the broker and the database, with small batches."""
        return ingester(
            self.url,
            self.broker.url(),
            log or self.log,
            prelude=prelude,
            **_BATCHES,
            **settings,
        )

    def assert_stored_once(self, sent: Sequence[Sent]) -> None:
        """Wait until all is stored; then each heartbeat once, and every hour and no other."""
        with psycopg.connect(self.url) as connection:  # another's may not have survived
            wait_until(
                lambda: len(stored_heartbeats(connection)) >= len(sent),
                "every published heartbeat is stored",
            )
            assert stored_heartbeats(connection) == dict.fromkeys(sent, 1)
            assert stored_presence(connection) == bits_of(sent)
            assert stored_presence(connection, late=True) == {}


@contextmanager
def _stage(url: str, broker: MosquittoBroker, folder: Path) -> Iterator[_Stage]:
    with closing(psycopg.connect(url)) as connection:  # a test may have killed its server
        register_devices(connection, _DEVICES)
        gateway = Publisher(broker.add_user(PLATFORM))
        try:
            yield _Stage(url, connection, broker, gateway, folder / "ingest.log")
        finally:
            gateway.close()


@pytest.fixture
def stage(database_url: str, mosquitto: MosquittoBroker, tmp_path: Path) -> Iterator[_Stage]:
    """The fleet registered, the gateway connected, no ingester yet."""
    with _stage(database_url, mosquitto, tmp_path) as stage:
        yield stage


@pytest.fixture
def fragile_stage(
    own_timescale_server: TimescaleServer, mosquitto: MosquittoBroker, tmp_path: Path
) -> Iterator[_Stage]:
    """The same, on a database server that the test may stop and kill."""
    url = own_timescale_server.create_database()
    migrate(url)
    with _stage(url, mosquitto, tmp_path) as stage:
        yield stage


def test_killed_between_commit_and_acknowledge(stage: _Stage) -> None:
    """The batch is stored, the broker delivers it again, nothing is stored twice."""
    beats = _beats(50)
    with stage.ingester(prelude=_DIE_BEFORE_ACKNOWLEDGING) as process:
        _connected(stage.log)
        stage.gateway.publish(beats)
        stage.gateway.wait_until_acknowledged()
        assert process.wait(30) == -signal.SIGKILL
    committed = len(stored_heartbeats(stage.connection))
    assert 0 < committed < len(beats), "it died after a commit and before the end"
    with stage.ingester():
        stage.assert_stored_once(beats)


def test_ingester_killed_under_load(stage: _Stage) -> None:
    """SIGKILL wherever it happens to be; the next one goes on under the same client id."""
    beats = _beats(150)
    with stage.ingester() as process:
        _connected(stage.log)
        with _publishing(stage.gateway, beats):
            wait_until(lambda: bool(stored_heartbeats(stage.connection)), "something is stored")
            process.kill()
            process.wait()
            with stage.ingester():
                stage.assert_stored_once(beats)


def test_database_killed_and_restarted_under_load(
    fragile_stage: _Stage, own_timescale_server: TimescaleServer
) -> None:
    """The same ingester waits, unacknowledged, and goes on."""
    beats = _beats(150)
    with fragile_stage.ingester() as process:
        _connected(fragile_stage.log)
        with _publishing(fragile_stage.gateway, beats):
            time.sleep(0.5)
            own_timescale_server.kill()
            time.sleep(1)
            own_timescale_server.start()
        fragile_stage.assert_stored_once(beats)
        assert process.poll() is None
        assert '"write_failed"' in fragile_stage.log.read_text(), "the outage was noticed"


def test_broker_restarted_under_load(stage: _Stage) -> None:
    """Both sides find the broker again; what was on its way is sent again.

    By a plain subscription, which Mosquitto keeps over its restart; a shared one it forgets
    (docs/decisions/0008).
    """
    beats = _beats(150)
    with stage.ingester() as process:
        _connected(stage.log)
        with _publishing(stage.gateway, beats):
            wait_until(lambda: bool(stored_heartbeats(stage.connection)), "something is stored")
            stage.broker.restart()
        stage.assert_stored_once(beats)
        _connected(stage.log, times=2)
        assert process.poll() is None


def test_one_of_two_ingesters_killed(stage: _Stage) -> None:
    """Its share is delivered again when it is back under its name."""
    beats = _beats(150)
    first = {"ingest_client_id": "jieru-ingest-1", "ingest_group": "jieru"}
    second = {"ingest_client_id": "jieru-ingest-2", "ingest_group": "jieru"}
    other_log = stage.log.with_name("other.log")
    with (
        stage.ingester(log=stage.log, **first) as killed,
        stage.ingester(log=other_log, **second) as other,
    ):
        _connected(stage.log)
        _connected(other_log)
        with _publishing(stage.gateway, beats):
            wait_until(lambda: bool(stored_heartbeats(stage.connection)), "something is stored")
            killed.kill()
            killed.wait()
        with stage.ingester(log=stage.log, **first):
            stage.assert_stored_once(beats)
        assert other.poll() is None


def test_sigterm_under_load_leaves_nothing_half_done(stage: _Stage) -> None:
    """It commits, acknowledges and leaves with 0; the broker keeps the rest for the next."""
    beats = _beats(150)
    with stage.ingester() as process:
        _connected(stage.log)
        with _publishing(stage.gateway, beats):
            wait_until(lambda: bool(stored_heartbeats(stage.connection)), "something is stored")
            process.terminate()
            assert process.wait(20) == 0
    assert '"ingester_stopped"' in stage.log.read_text()
    before = stored_heartbeats(stage.connection)
    assert 0 < len(before) < len(beats)
    with stage.ingester():
        stage.assert_stored_once(beats)


def test_sigterm_while_the_database_is_away_leaves_with_0(
    fragile_stage: _Stage, own_timescale_server: TimescaleServer
) -> None:
    """What could not be stored is not acknowledged, so the next ingester gets it."""
    beats = _beats(10)
    with fragile_stage.ingester() as process:
        _connected(fragile_stage.log)
        fragile_stage.gateway.publish(beats[:1])
        fragile_stage.assert_stored_once(beats[:1])
        own_timescale_server.stop()
        fragile_stage.gateway.publish(beats[1:])
        fragile_stage.gateway.wait_until_acknowledged()
        wait_until(
            lambda: '"write_failed"' in fragile_stage.log.read_text(), "the outage was noticed"
        )
        metrics = metrics_at(status_page_of(fragile_stage.log))
        assert metrics["jieru_ingest_unacknowledged"] == len(beats) - 1
        assert metrics["jieru_ingest_seconds_behind"] > 0
        process.terminate()
        assert process.wait(30) == 0
    own_timescale_server.start()
    with fragile_stage.ingester():
        fragile_stage.assert_stored_once(beats)


_BAD = {
    "bad_topic": [
        (f"jieru/v1/{PLATFORM}/数控/heartbeat", b'{"ts": %d}'),
        (f"jieru/v1/{PLATFORM}/'; DROP TABLE devices; --/heartbeat", b'{"ts": %d}'),
    ],
    "malformed_payload": [
        (topic_of("CNC-000"), b"\x00\xff binary junk \x80"),
        (topic_of("CNC-001"), b""),
        (topic_of("CNC-001"), b'{"ts": "%d"}'),
        (topic_of("CNC-001"), b'{"ts": %d, "seq": -1}'),
        (topic_of("CNC-002"), b'{"ts": %d, "seq": 99999999999999999999}'),
        (topic_of("CNC-002"), b'{"ts": %d, "metrics": ' + b"[" * 1500 + b"]" * 1500 + b"}"),
        (topic_of("CNC-003"), rb'{"ts": %d, "metrics": {"a": "\u0000"}}'),
        (topic_of("CNC-003"), b'{"ts": %d, "metrics": {"a": 1e300000}}'),
    ],
    "payload_too_large": [(topic_of("CNC-004"), b"x" * 1_000_000)],
    "unknown_device": [(topic_of("nobody-knows-me"), b'{"ts": %d}')],
    "future_timestamp": [
        (topic_of("CNC-005"), b'{"ts": 9999999999999999999999}'),
        (topic_of("CNC-005"), b'{"ts": 4102444800000}'),
    ],
    "before_epoch": [(topic_of("CNC-006"), b'{"ts": -1}'), (topic_of("CNC-006"), b'{"ts": 0}')],
}


def test_a_flood_of_bad_messages_among_good_ones(stage: _Stage) -> None:
    """Each is stored with its reason, the good ones are all kept, the ingester lives."""
    beats = _beats(20)
    bad = [
        (topic, payload.replace(b"%d", str(beats[0].ts_ms).encode()))
        for messages in _BAD.values()
        for topic, payload in messages
    ]
    with stage.ingester() as process:
        _connected(stage.log)
        for start in range(0, len(beats), 40):
            stage.gateway.publish(beats[start : start + 40])
            for topic, payload in bad:
                stage.gateway.publish_raw(topic, payload)
        stage.assert_stored_once(beats)
        expected = {reason: 10 * len(messages) for reason, messages in _BAD.items()}
        count = sum(expected.values())
        wait_until(lambda: sum(_refused(stage.connection).values()) >= count, "all are refused")
        assert _refused(stage.connection) == expected
        assert process.poll() is None


def test_a_device_registered_while_running_is_taken_at_once(stage: _Stage) -> None:
    """Before its registration it is refused, after it is stored; nobody restarts anything."""
    now_ms = time.time_ns() // 1_000_000
    with stage.ingester():
        _connected(stage.log)
        stage.gateway.publish_raw(topic_of("new-one"), b'{"ts": %d}' % (now_ms - 1))
        wait_until(lambda: _refused(stage.connection) == {"unknown_device": 1}, "it is refused")
        register_devices(stage.connection, ["new-one"])
        stage.gateway.publish([Sent("new-one", now_ms)])
        stage.assert_stored_once([Sent("new-one", now_ms)])


def test_health_and_metrics_tell_what_happened(stage: _Stage) -> None:
    """Prometheus sees every figure; health turns bad with the broker and good again."""
    beats = _beats(5)
    with stage.ingester():
        _connected(stage.log)
        base = status_page_of(stage.log)
        stage.gateway.publish([*beats, beats[0]])
        stage.gateway.publish_raw(topic_of("CNC-000"), b"junk")
        late = Sent("CNC-000", beats[0].ts_ms - 100 * _HOUR_MS)
        stage.gateway.publish([late])
        wait_until(
            lambda: metrics_at(base)["jieru_ingest_committed_total"] >= len(beats) + 2, "all is in"
        )
        metrics = metrics_at(base)
        assert metrics["jieru_ingest_received_total"] == len(beats) + 3
        assert metrics["jieru_ingest_duplicates_total"] == 1
        assert metrics["jieru_ingest_late_total"] == 1
        assert metrics['jieru_ingest_rejected_total{reason="malformed_payload"}'] == 1
        assert metrics['jieru_ingest_rejected_total{reason="unknown_device"}'] == 0
        assert metrics["jieru_ingest_commit_seconds_count"] > 0
        assert metrics["jieru_ingest_batch_size_sum"] == len(beats) + 3
        assert metrics["jieru_ingest_unacknowledged"] == 0
        assert metrics["jieru_ingest_seconds_behind"] == 0, "nothing waits"
        assert stored_presence(stage.connection, late=True) == bits_of([late])
        assert _health(base)["status"] == "ok"
        stage.broker.stop()
        wait_until(lambda: _health(base)["broker"] == "away", "health notices the broker")
        assert _health(base)["status"] == "degraded"
        stage.broker.start()
        wait_until(lambda: _health(base)["status"] == "ok", "health is good again")


def _refused(connection: psycopg.Connection) -> dict[str, int]:
    connection.rollback()
    rows = connection.execute("SELECT reason, count(*) FROM rejections GROUP BY 1").fetchall()
    return dict(rows)


def _health(base: str) -> dict[str, object]:
    try:
        with urllib.request.urlopen(f"{base}/healthz", timeout=5) as answer:  # noqa: S310 - http
            code, state = 200, json.load(answer)
    except HTTPError as error:
        with error:
            code, state = error.code, json.load(error)
    assert code == (200 if state["status"] == "ok" else 503)
    return dict(state)
