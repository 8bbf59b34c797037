"""One device that floods: it must not fill the disk, stall the others, or lose an hour."""

import time
from typing import Final

from jieru.calendar import MILLISECONDS_PER_HOUR
from jieru.wire import encode_payload
from tests.attacks.stage import HOSTILE, Stage, hostile_client
from tests.support.fleet import Sent, bits_of, stored_presence, wait_until
from tests.support.ingester_status import said
from tests.support.messages import topic_of

_SENT: Final = 20_000
_HOURS: Final = 3
_BURST, _RATE = 10_000, 60
"""The defaults."""
_BETWEEN_LOOKS: Final = 1_000
_TOPIC: Final = topic_of("x-1", HOSTILE)

_SELECT_BOOKS: Final = """
    SELECT (SELECT count(*) FROM heartbeats JOIN devices ON devices.id = device_id
            WHERE serial = 'x-1'),
           (SELECT coalesce(sum(heartbeats), 0)::bigint FROM device_excess
            JOIN devices ON devices.id = device_id WHERE serial = 'x-1'),
           (SELECT count(*) FROM device_excess JOIN devices ON devices.id = device_id
            WHERE serial <> 'x-1')
"""


def _flood(stage: Stage, times_ms: list[int]) -> None:
    """Publish as the hostile device, as fast as the broker takes it, while the others go on."""
    acknowledged = 0

    def count(*_arguments: object) -> None:
        nonlocal acknowledged
        acknowledged += 1

    with hostile_client(stage.credential(), "flood") as client:
        client.on_publish = count
        for number, ts_ms in enumerate(times_ms):
            client.publish(_TOPIC, encode_payload(ts_ms), qos=1)
            if number % 4_000 == 0:
                stage.publish(10)
        wait_until(lambda: acknowledged >= len(times_ms), "the flood is taken", timeout_s=120)


def _books(stage: Stage) -> tuple[int, int, int]:
    """Stored and counted of the hostile device, and hours counted of others."""
    stage.connection.rollback()
    stored, excess, others = stage.connection.execute(_SELECT_BOOKS).fetchone() or (0, 0, 0)
    return stored, excess, others


def test_a_device_that_floods_fills_no_disk(stage: Stage) -> None:
    """Twenty thousand good heartbeats over three hours' time stamps (finding S8)."""
    now_ms = time.time_ns() // 1_000_000
    times_ms = [
        now_ms - number % _HOURS * MILLISECONDS_PER_HOUR - number // _HOURS
        for number in range(_SENT)
    ]
    with stage.ingester():
        stage.wait_until_subscribed()
        began_s = time.monotonic()
        _flood(stage, times_ms)
        stage.publish(100)
        stage.settle(
            "20,000 good heartbeats",
            "to fill the database's disk",
            seen="metric jieru_ingest_excess_total; log: device_over_rate; the device's page",
        )
        wait_until(lambda: sum(_books(stage)) >= _SENT, "all is in the books", timeout_s=120)
        minutes = 2 + int((time.monotonic() - began_s) // 60)
        stored, excess, others = _books(stage)
        assert stored + excess == _SENT, "stored or counted, and nothing twice"
        assert stored <= _BURST + minutes * _RATE + _BETWEEN_LOOKS + _HOURS
        assert others == 0, "nobody else was counted so"
        present = {
            key: bits for key, bits in stored_presence(stage.connection).items() if key[0] == "x-1"
        }
        assert present == bits_of(Sent("x-1", ts_ms) for ts_ms in times_ms)
        wait_until(
            lambda: stage.metrics()["jieru_ingest_excess_total"] == excess, "the metric agrees"
        )
        wait_until(lambda: bool(said(stage.log, "device_over_rate")), "it is said")
        (line,) = said(stage.log, "device_over_rate")
        assert (line["devices"], line["topics"]) == (1, [_TOPIC])
