"""The queue that Mosquitto keeps while the database is away: it fills, the ingester says so."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from jieru.schema import migrate
from jieru.settings import Settings
from tests.support.debian_root import DebianRoot
from tests.support.fleet import (
    PLATFORM,
    Publisher,
    Sent,
    ingester,
    register_devices,
    stored_heartbeats,
    wait_until,
)
from tests.support.ingester_status import metrics_at, said, status_page_of
from tests.support.mosquitto import MosquittoBroker, deployed_settings
from tests.support.timescaledb import TimescaleServer

_ROOM = 6_000
_WINDOW = 200
_PAYLOAD_BYTES = len(b'{"ts":1772424000000}')
_DEVICES = [f"CNC-{number:03}" for number in range(100)]
_PACE = 1_000.0
_DROPS = "Outgoing messages are being dropped for client jieru-ingest-1-"
_BATCHES = {"ingest_batch_size": "100", "ingest_receive_maximum": str(_WINDOW)}
_LOOK_OFTEN = "import ingest.pipeline; ingest.pipeline._LOOK_INTERVAL_S = 0.2"

_LIMITS = {
    "by their number": ("max_queued_messages", "broker_queue_messages", _ROOM),
    "by their payload": ("max_queued_bytes", "broker_queue_bytes", _ROOM * _PAYLOAD_BYTES),
}


@pytest.fixture(params=list(_LIMITS))
def limit(request: pytest.FixtureRequest) -> tuple[str, str, int]:
    """Mosquitto's setting, ours, and a value at which the queue takes a few thousand."""
    return _LIMITS[request.param]


@pytest.fixture
def broker(debian_root: DebianRoot, limit: tuple[str, str, int]) -> Iterator[MosquittoBroker]:
    """A broker whose queue is short."""
    with MosquittoBroker(debian_root, settings={limit[0]: str(limit[2])}) as broker:
        yield broker


@contextmanager
def _steadily(gateway: Publisher) -> Iterator[None]:
    """Heartbeats of this moment in the background, until the block ends."""
    ended = threading.Event()

    def publish() -> None:
        while not ended.is_set():
            now_ms = time.time_ns() // 1_000_000
            gateway.publish([Sent(serial, now_ms) for serial in _DEVICES], per_second=_PACE)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_the_alarm_comes_before_the_first_drop(
    own_timescale_server: TimescaleServer,
    broker: MosquittoBroker,
    limit: tuple[str, str, int],
    tmp_path: Path,
) -> None:
    """The database is stopped; at the alarm nothing is lost yet, and some time is left.

    What was published until then is stored once the database is back, and all is well again.
    Without it, the queue overflows where its size says.
    """
    url = own_timescale_server.create_database()
    migrate(url)
    log = tmp_path / "ingest.log"
    settings = {**_BATCHES, limit[1]: str(limit[2])}
    with (
        closing(Publisher(broker.add_user(PLATFORM))) as gateway,
        ingester(url, broker.url(), log, prelude=_LOOK_OFTEN, **settings) as process,
    ):
        with psycopg.connect(url) as connection:
            register_devices(connection, _DEVICES)
        wait_until(lambda: "subscribed" in log.read_text(), "it is connected")
        with _steadily(gateway):
            page = status_page_of(log)
            wait_until(
                lambda: math.isfinite(metrics_at(page)["jieru_ingest_broker_queue_seconds_left"]),
                "it knows how many arrive",
            )
            assert said(log, "broker_queue_filling") == []
            own_timescale_server.stop()
            wait_until(lambda: bool(said(log, "broker_queue_filling")), "it alarms")
            metrics = metrics_at(page)
        gateway.wait_until_acknowledged()
        assert _DROPS not in broker.log.read_text(), "nothing is lost"
        (alarm, *_more) = said(log, "broker_queue_filling")
        assert alarm["level"] == "warning"
        assert 0.5 <= alarm["share"] < 1
        assert alarm["seconds_left"] > 0
        assert 0 < metrics["jieru_ingest_broker_queue"] < _ROOM
        assert metrics["jieru_ingest_broker_queue_share"] >= 0.5
        own_timescale_server.start()
        with psycopg.connect(url) as connection:
            wait_until(lambda: len(stored_heartbeats(connection)) >= len(gateway.sent), "all is in")
            assert stored_heartbeats(connection) == dict.fromkeys(gateway.sent, 1)
        wait_until(lambda: bool(said(log, "broker_queue_relieved")), "all is well again")
        assert process.poll() is None

        own_timescale_server.stop()
        before = len(gateway.sent)
        while _DROPS not in broker.log.read_text():
            gateway.publish(_next_beats(gateway))
            gateway.wait_until_acknowledged()
        # What is in flight takes no room, and by number Mosquitto allows as many again.
        assert _ROOM < len(gateway.sent) - before <= _ROOM + 2 * _WINDOW + len(_DEVICES)


def _next_beats(gateway: Publisher) -> list[Sent]:
    ts_ms = gateway.sent[-1].ts_ms + 1
    return [Sent(serial, ts_ms) for serial in _DEVICES]


def test_the_recommended_limits_are_those_that_an_ingester_expects() -> None:
    """Whoever changes one of mosquitto.conf and the settings must change the other."""
    deployed, settings = deployed_settings(), Settings()
    assert deployed["max_queued_messages"] == str(settings.broker_queue_messages)
    assert deployed["max_queued_bytes"] == str(settings.broker_queue_bytes)
    assert int(deployed["max_inflight_messages"]) >= settings.ingest_receive_maximum
