"""The same month by MQTT, over HTTPS and in another's format is the same evidence."""

import json
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

from jieru.wire import DeviceStatus, encode_payload
from tests.support.credentials import issue_to
from tests.support.fleet import PLATFORM, Publisher, ingester, register_devices, wait_until
from tests.support.http_ingester import http_ingester
from tests.support.messages import topic_of
from tests.support.mosquitto import MosquittoBroker
from tests.support.sources import declare
from verifier.evidence.verifying import Source, verify_month

_NATIVE, _HTTPS, _SOURCE = _WAYS = ("BY-MQTT", "BY-HTTPS", "BY-SOURCE")
_MONTH: Final = date(2026, 3, 1)
_FORMAT: Final = {
    "format": "json",
    "rows": [
        {
            "each": "$[*]",
            "serial": ["@.id"],
            "ts": {"unit": "s", "at": ["@.t"]},
            "seq": ["@.n"],
            "status": {"at": ["@.state"], "map": {"RUN": "running"}},
            "metrics": {"object": "@.v"},
        }
    ],
}
_HEARTBEATS: Final = """
    SELECT time, received_at, publisher_id, seq, status, metrics, boot, counter
    FROM heartbeats JOIN devices ON devices.id = device_id WHERE serial = %s ORDER BY time
"""
_PRESENCE: Final = """
    SELECT month, publisher_id, hours, late_hours, live_hours, last_seen_at, status
    FROM presence JOIN devices ON devices.id = device_id
    JOIN device_states USING (device_id) WHERE serial = %s ORDER BY month, publisher_id
"""


def _times() -> list[int]:
    """Every forty minutes of the working hours of March."""
    start = datetime(2026, 3, 1, 0, 0, 7, tzinfo=UTC)
    return [
        int((start + timedelta(days=day, minutes=40 * turn)).timestamp())
        for day in range(31)
        for turn in range(12)
    ]


def test_the_same_month_three_ways_is_the_same_evidence(
    simulation_database_url: str, mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    """Heartbeats, presence and states are equal column by column, and all of it stands."""
    times = _times()
    with closing(psycopg.connect(simulation_database_url)) as connection:
        register_devices(connection, _WAYS)
        declare(connection, "plain-json", _FORMAT)
        issued = issue_to(connection, PLATFORM)
        cloud = Publisher(mosquitto.add_user(PLATFORM))
        log = tmp_path / "mqtt.log"
        url = simulation_database_url
        with (
            closing(cloud),
            ingester(url, mosquitto.url(), log, ingest_clock="event"),
            http_ingester(url, tmp_path / "http.log", ingest_clock="event") as posting,
            posting.equipment(issued) as poster,
        ):
            wait_until(lambda: log.exists() and '"subscribed"' in log.read_text(), "it listens")
            for number, second in enumerate(times):
                payload = encode_payload(
                    second * 1000, number, DeviceStatus.RUNNING, {"rpm": number}
                )
                cloud.publish_raw(topic_of(_NATIVE), payload)
            cloud.wait_until_acknowledged(len(times))
            poster.when_known([])
            native = [
                {
                    "serial": _HTTPS,
                    "ts": second * 1000,
                    "seq": number,
                    "status": "running",
                    "metrics": {"rpm": number},
                }
                for number, second in enumerate(times)
            ]
            assert poster.answer(native)["accepted"] == len(times)
            foreign = [
                {"id": _SOURCE, "t": second, "n": number, "state": "RUN", "v": {"rpm": number}}
                for number, second in enumerate(times)
            ]
            answer = poster.answer(json.dumps(foreign).encode(), path="/plain-json")
            assert answer["accepted"] == len(times), answer

            def is_stored() -> bool:
                connection.rollback()
                return len(connection.execute(_HEARTBEATS, (_NATIVE,)).fetchall()) == len(times)

            wait_until(is_stored, "all that was published is stored")
        for query in (_HEARTBEATS, _PRESENCE):
            connection.rollback()
            rows = {each: connection.execute(query, (each,)).fetchall() for each in _WAYS}
            assert rows[_NATIVE]
            assert rows[_NATIVE] == rows[_HTTPS] == rows[_SOURCE]
    found = verify_month(Source(simulation_database_url, None, 72), _MONTH)
    assert found.is_clean
    assert found.heartbeats == 3 * len(times)
    assert found.receipt_hours == 0
