"""Messages: what one device sends must neither stall the others nor be lost without a word."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import psycopg
import pytest

from jieru.wire import encode_payload
from tests.attacks.book import Book
from tests.attacks.stage import DEVICES, HOSTILE, VERSIONS, Stage, hostile_client, opened_stage
from tests.support.debian_root import DebianRoot
from tests.support.fleet import Sent, wait_until
from tests.support.ingester_status import said
from tests.support.messages import topic_of
from tests.support.mosquitto import MosquittoBroker
from tests.support.raw_mqtt import let_in, push

_DAY_MS = 86_400_000
_SAMPLED = {"rejections_kept_per_topic": "20", "rejections_kept_per_platform": "1500"}
_TOPIC = topic_of("x-1", HOSTILE)
_TRICKLE_A_SECOND = 500
_FEWEST_ROUNDS = 10
"""Of ten heartbeats after one another while the trickle runs: sixty are usual beside much other
work, and four were left where the decoder did not look for what the database refuses."""
_BOUND_S = 30
"""For what takes a tenth of a second where nobody else works; it took 74 s, and ever longer."""


def _flood(stage: Stage, payloads: Iterator[bytes]) -> int:
    """Publish as the hostile device, as fast as the broker takes it; how many it acknowledged."""
    acknowledged = 0

    def count(*_arguments: object) -> None:
        nonlocal acknowledged
        acknowledged += 1

    with hostile_client(stage.credential(), "flood") as client:
        client.on_publish = count
        sent = 0
        for payload in payloads:
            client.publish(_TOPIC, payload, qos=1)
            sent += 1
        wait_until(lambda: acknowledged >= sent, "the flood is taken", timeout_s=120)
    return sent


def _rejected(stage: Stage) -> int:
    stage.connection.rollback()
    row = stage.connection.execute(
        "SELECT count(*) FROM rejections WHERE topic = %s", (_TOPIC,)
    ).fetchone()
    assert row
    return int(row[0])


def _counted(stage: Stage) -> int:
    stage.connection.rollback()
    (count,) = stage.connection.execute(
        "SELECT coalesce(sum(rejections), 0) FROM rejection_hours"
    ).fetchone() or (0,)
    return int(count)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "metrics",
    [rb'{"a":"\u0000"}', b'{"a":1e131072}'],
    ids=["U+0000", "number beyond bounds"],
)
def test_what_the_database_refuses_stalls_nobody(stage: Stage, metrics: bytes) -> None:
    """Twenty thousand messages of some fifty bytes (finding S8)."""
    now_ms = time.time_ns() // 1_000_000
    with stage.ingester(None, **_SAMPLED):
        stage.wait_until_subscribed()
        sent = _flood(
            stage, (b'{"ts":%d,"metrics":%b}' % (now_ms + each, metrics) for each in range(20_000))
        )
        stage.publish(100)
        stage.settle(
            f"refused metrics ({metrics.decode()})",
            "to have a batch taken to pieces row by row",
            seen="rejections, by device and reason",
        )
        wait_until(lambda: _counted(stage) == sent, "each is counted as a rejection", timeout_s=120)
        assert _rejected(stage) == 20, "a sample of them is kept"
        assert not said(stage.log, "rows_refused"), "the database was not asked"


class _Trickle(threading.Thread):
    """A hostile device that sends what no ingester may take, at an even pace, until it is told."""

    def __init__(self, url: str) -> None:
        super().__init__(name="trickle")
        self.sent = 0
        self.acknowledged = 0
        self._url = url
        self._enough = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._enough.set()
        self.join()

    def run(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        with hostile_client(self._url, "trickle") as client:
            client.on_publish = self._count
            due = time.monotonic()
            while not self._enough.wait(max(0.0, due - time.monotonic())):
                due += 1 / _TRICKLE_A_SECOND
                ts_ms = now_ms + self.sent
                client.publish(_TOPIC, rb'{"ts":%d,"metrics":{"a":"\u0000"}}' % ts_ms, qos=1)
                self.sent += 1
            wait_until(lambda: self.acknowledged >= self.sent, "the trickle is taken")

    def _count(self, *_arguments: object) -> None:
        self.acknowledged += 1


def test_a_trickle_that_never_ends_delays_nobody(stage: Stage) -> None:
    """Five hundred messages a second, 22 kB, and others meanwhile as ever (finding S8)."""
    longest_s, rounds, most_passed = 0.0, 0, 0
    with stage.ingester(None, **_SAMPLED):
        stage.wait_until_subscribed()
        with _Trickle(stage.credential()) as trickle:
            while trickle.sent < 15 * _TRICKLE_A_SECOND:
                assert trickle.is_alive()
                before = trickle.sent
                stage.publish(10)
                lost, took_s = stage.wait_until_stored()
                assert not lost
                rounds += 1
                most_passed = max(most_passed, trickle.sent - before)
                longest_s = max(longest_s, took_s)
        assert rounds >= _FEWEST_ROUNDS
        assert most_passed < _BOUND_S * _TRICKLE_A_SECOND
        wait_until(lambda: _counted(stage) == trickle.sent, "each is counted", timeout_s=_BOUND_S)

        def is_empty() -> bool:
            metrics = stage.metrics()
            waiting = ("jieru_ingest_unacknowledged", "jieru_ingest_broker_queue")
            return not any(metrics[name] for name in waiting)

        wait_until(is_empty, "nothing waits any more", timeout_s=_BOUND_S)
        assert not said(stage.log, "rows_refused"), "the database was not asked"
        stage.settle(
            "steady trickle",
            "to have the ingester fall behind for good",
            seen="rejections, by device and reason",
            delay_s=longest_s,
        )


@pytest.mark.nightly
def test_years_of_backlog_in_one_batch_stall_nobody(stage: Stage) -> None:
    """One heartbeat a day since 2020, of one device, at once (finding B1)."""
    now_ms = time.time_ns() // 1_000_000
    days = range(4, 2_504)
    with stage.ingester():
        stage.wait_until_subscribed()
        _flood(stage, (encode_payload(now_ms - day * _DAY_MS) for day in days))
        stage.publish(100)
        stage.settle(
            "2,500 days of one device",
            "to need more locks than the database has",
            seen="metric jieru_ingest_set_apart; the device's late hours",
        )

        def stored() -> int:
            stage.connection.rollback()
            row = stage.connection.execute(
                "SELECT sum(length(replace(late_hours::text, '0', ''))) FROM presence"
                " JOIN devices ON devices.id = device_id WHERE serial = 'x-1'"
            ).fetchone()
            return int((row and row[0]) or 0)

        wait_until(lambda: stored() == len(days), "the backlog is stored too", timeout_s=240)
        assert stage.metrics()["jieru_ingest_set_apart_total"] > 0


@pytest.mark.parametrize("protocol", VERSIONS)
def test_a_broker_that_sends_few_at_a_time_is_kept_up_with(
    debian_root: DebianRoot, database_url: str, tmp_path: Path, book: Book, protocol: str
) -> None:
    """Mosquitto has twenty in flight unless told otherwise (finding B2)."""
    with (
        MosquittoBroker(debian_root, settings={"max_inflight_messages": "20"}) as broker,
        opened_stage(database_url, broker, tmp_path, book=book) as stage,
        stage.ingester(None, mqtt_protocol=protocol),
    ):
        stage.wait_until_subscribed()
        stage.publish(6_000)
        stage.settle(
            f"in flight 20 ({protocol})",
            "a broker left at its default",
            seen="log: broker_sends_few_at_a_time; metric jieru_ingest_broker_window",
        )
        stage.publish(200)
        stage.settle(
            f"in flight 20 ({protocol}), later",
            "the same, once the window is known",
            seen="log: broker_sends_few_at_a_time; metric jieru_ingest_broker_window",
        )
        if protocol == "3.1.1":  # of MQTT 5 Mosquitto asks the client
            wait_until(lambda: bool(said(stage.log, "broker_sends_few_at_a_time")), "it says so")
            assert stage.metrics()["jieru_ingest_broker_window"] == 20


def test_huge_packets_are_cut_off_before_they_are_held(stage: Stage) -> None:
    """Eight unfinished publishes of 250 MB each (finding S15)."""
    with ExitStack() as stack:
        stack.enter_context(stage.ingester())
        stage.wait_until_subscribed()
        before_kb = stage.broker.memory_kb()
        for number in range(8):
            user = f"big-{number}"
            plug = stack.enter_context(let_in(stage.credential(user), user))
            assert push(plug, topic_of("x-1", HOSTILE), 250_000_000) < 30_000_000
        assert stage.broker.memory_kb() - before_kb < 60_000
        stage.publish(100)
        stage.settle(
            "huge packets", "to fill the broker's memory", seen="the broker's log: packet too large"
        )


@pytest.mark.parametrize("protocol", VERSIONS)
def test_heartbeats_at_qos_0_wait_for_an_ingester_too(stage: Stage, protocol: str) -> None:
    """Most libraries publish so unless told otherwise (finding E5)."""
    with stage.ingester(None, mqtt_protocol=protocol) as process:
        stage.wait_until_subscribed()
        process.terminate()
        assert process.wait(60) == 0
    now_ms = time.time_ns() // 1_000_000
    client = stage.gateway._client
    for number in range(200):
        beat = Sent(DEVICES[number % 100], now_ms + number)
        client.publish(topic_of(beat.serial), encode_payload(beat.ts_ms), qos=0)
        stage.gateway.sent.append(beat)
    stage.publish(1)  # behind them on the same connection
    with stage.ingester(None, mqtt_protocol=protocol):
        stage.settle(f"QoS 0 ({protocol})", "nothing: a default", seen="nobody need: it is stored")

        def stored() -> int:
            stage.connection.rollback()
            row = stage.connection.execute("SELECT count(*) FROM heartbeats").fetchone()
            assert row
            return int(row[0])

        wait_until(lambda: stored() == 201, "all are stored")


@pytest.mark.parametrize("protocol", VERSIONS)
def test_a_retained_heartbeat_counts_as_any_other_does(stage: Stage, protocol: str) -> None:
    """Live and sent again at each subscription: it is stored once (finding E6)."""
    now_ms = time.time_ns() // 1_000_000
    with stage.ingester(None, mqtt_protocol=protocol) as process:
        stage.wait_until_subscribed()
        stage.gateway.publish_raw(topic_of(DEVICES[0]), encode_payload(now_ms), is_retained=True)
        stage.gateway.sent.append(Sent(DEVICES[0], now_ms))
        stage.publish(10)
        process.terminate()
        assert process.wait(60) == 0
    with stage.ingester(None, mqtt_protocol=protocol):
        stage.publish(10)
        stage.settle(
            f"retained ({protocol})", "nothing: bridges do it", seen="nobody need: it is stored"
        )
        rows = stage.connection.execute(
            "SELECT count(*) FROM heartbeats WHERE time = to_timestamp(%s / 1000.0)", (now_ms,)
        ).fetchone()
        assert rows is not None
        assert rows[0] >= 1
        assert _rejections(stage.connection) == 0


def _rejections(connection: psycopg.Connection) -> int:
    (count,) = connection.execute("SELECT count(*) FROM rejections").fetchone() or (0,)
    return int(count)
