"""A day's backlog of devices that were cut off, flushed at once by each way in, is kept whole."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg
import pytest

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
from tests.support.mosquitto import MosquittoBroker
from tests.support.sources import declare_ready_made, thingsboard

_MINUTES: Final = 1_440
_MINUTE_MS: Final = 60_000
_SERIALS: Final = ("CNC-1", "CNC-2", "CNC-3")
_EXCESS: Final = "SELECT count(*) FROM device_excess"
_COUNTED: Final = "SELECT sum(heartbeats) FROM ingest_hours"
_ROWS_IN_A_MESSAGE: Final = 1_000


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """The devices registered, and a source declared."""
    with psycopg.connect(database_url) as connection:
        register_devices(connection, _SERIALS)
        connection.commit()
        declare_ready_made(connection, "thingsboard-gateway")
        yield connection


@pytest.mark.parametrize("is_native", [True, False])
def test_a_day_of_heartbeats_at_once_is_no_flood(
    database_url: str,
    connection: psycopg.Connection,
    mosquitto: MosquittoBroker,
    tmp_path: Path,
    *,
    is_native: bool,
) -> None:
    """All of it is stored once, in its hours, and no device is taken to exceed its rate."""
    now_ms = time.time_ns() // 1_000_000
    sent = [
        Sent(serial, now_ms - _MINUTE_MS * minute)
        for serial in _SERIALS
        for minute in range(_MINUTES, 0, -1)
    ]
    log = tmp_path / "ingester.log"
    arguments = [] if is_native else ["--sources"]
    publisher = Publisher(mosquitto.add_user(PLATFORM))
    with closing(publisher), ingester(database_url, mosquitto.url(), log, *arguments):
        wait_until(lambda: log.exists() and '"subscribed"' in log.read_text(), "it has subscribed")
        if is_native:
            publisher.publish(sent)
        else:
            for serial in _SERIALS:
                times = [each.ts_ms for each in sent if each.serial == serial]
                for start in range(0, _MINUTES, _ROWS_IN_A_MESSAGE):
                    rows = {serial: times[start : start + _ROWS_IN_A_MESSAGE]}
                    topic = f"jieru/v1/{PLATFORM}/in/thingsboard-gateway"
                    publisher.publish_raw(topic, thingsboard(rows))

        def is_stored() -> bool:
            connection.rollback()
            return len(stored_heartbeats(connection)) >= len(sent)

        wait_until(is_stored, "all is stored", timeout_s=120)
    connection.rollback()
    assert stored_heartbeats(connection) == dict.fromkeys(sent, 1)
    assert stored_presence(connection) == bits_of(sent)
    assert connection.execute(_COUNTED).fetchone() == (len(sent),)
    assert connection.execute(_EXCESS).fetchone() == (0,)
