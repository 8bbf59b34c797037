"""Others' formats end in stored evidence, by a real broker, ingester and database."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
import pytest

from jieru.schema import migrate
from jieru.wire import DeviceStatus, encode_payload
from registry.sources import SourceAddress, end_source
from tests.support.credentials import register_gateway
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
from tests.support.messages import topic_of
from tests.support.mosquitto import MosquittoBroker
from tests.support.sources import declare, declare_ready_made, iotda, telegraf, thingsboard
from tests.support.timescaledb import TimescaleServer

_SERIALS: Final = ("CNC-1", "CNC-2", "CNC-3")
_REFUSED: Final = """
    SELECT r.reason, r.topic, r.path, r.detail, m.topic
    FROM rejections r LEFT JOIN source_messages m ON m.id = r.source_message_id ORDER BY r.id
"""
_MESSAGES: Final = """
    SELECT s.name, s.version, m.publisher_id, m.payload, sha256(m.payload) = m.sha256
    FROM source_messages m JOIN sources s ON s.id = m.source_id ORDER BY m.id
"""
_ROW: Final = """
    SELECT h.time, h.publisher_id, h.seq, h.status, h.metrics, p.month, p.hours, p.late_hours,
           p.live_hours, s.last_seen_at, s.status
    FROM devices d JOIN heartbeats h ON h.device_id = d.id JOIN presence p ON p.device_id = d.id
    JOIN device_states s ON s.device_id = d.id WHERE d.serial = %s
"""
_HOURS: Final = """
    SELECT p.code, sum(heartbeats) FROM ingest_hours h JOIN platforms p ON p.id = platform_id
    GROUP BY p.code
"""
_REFUSED_HOURS: Final = """
    SELECT p.code, reason, sum(rejections) FROM rejection_hours
    LEFT JOIN platforms p ON p.id = platform_id GROUP BY p.code, reason ORDER BY reason
"""
_DIE_BEFORE_ACKNOWLEDGING: Final = """
import os, signal
from ingest.mqtt5_subscriber import Mqtt5Subscriber
def acknowledge(self, batch):
    os.kill(os.getpid(), signal.SIGKILL)
Mqtt5Subscriber.acknowledge = acknowledge
"""


@dataclass(frozen=True, slots=True)
class _Stage:
    """A platform with three devices, its cloud connected, no ingester yet."""

    url: str
    connection: psycopg.Connection
    broker: MosquittoBroker
    cloud: Publisher
    log: Path

    def ingester(
        self, *arguments: str, prelude: str = "", log: Path | None = None, **settings: str
    ) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """One that reads others' formats."""
        log = log or self.log
        return ingester(
            self.url,
            self.broker.url(),
            log,
            "--sources",
            *arguments,
            prelude=prelude,
            **settings,
        )

    def wait_until_subscribed(self, log: Path | None = None, times: int = 1) -> None:
        def is_subscribed() -> bool:
            path = log or self.log
            said = path.read_text() if path.exists() else ""
            assert "Traceback" not in said, said
            return said.count('"subscribed"') >= times

        wait_until(is_subscribed, f"the ingester is subscribed (see {self.log})")

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        self.connection.rollback()
        return self.connection.execute(query.encode(), values).fetchall()

    def wait_for(self, query: str, count: int) -> list[tuple[object, ...]]:
        wait_until(lambda: len(self.rows(query)) >= count, f"there are {count} rows")
        return self.rows(query)

    def wait_for_heartbeats(self, sent: list[Sent]) -> None:
        wait_until(lambda: len(stored_heartbeats(self.connection)) >= len(sent), "all is stored")
        assert stored_heartbeats(self.connection) == dict.fromkeys(sent, 1)
        assert stored_presence(self.connection) == bits_of(sent)


@contextmanager
def _stage(url: str, broker: MosquittoBroker, folder: Path) -> Iterator[_Stage]:
    with closing(psycopg.connect(url)) as connection:
        register_devices(connection, _SERIALS)
        cloud = Publisher(broker.add_user(PLATFORM))
        try:
            yield _Stage(url, connection, broker, cloud, folder / "sources.log")
        finally:
            cloud.close()


@pytest.fixture
def stage(database_url: str, mosquitto: MosquittoBroker, tmp_path: Path) -> Iterator[_Stage]:
    """The devices registered, the cloud connected."""
    with _stage(database_url, mosquitto, tmp_path) as stage:
        yield stage


def _now_ms() -> int:
    """A whole second, for some formats have no parts of one."""
    return time.time_ns() // 1_000_000_000 * 1_000


def test_three_well_known_formats_become_heartbeats_and_presence(stage: _Stage) -> None:
    """Each row is a heartbeat, each hour is set, and every message is kept whole."""
    now = _now_ms()
    hour = 3_600_000
    declare_ready_made(stage.connection, "thingsboard-gateway", "iotda-gateway", "telegraf")
    first = thingsboard({"CNC-1": [now - hour, now], "CNC-2": [now]})
    moment = datetime.fromtimestamp((now - 2 * hour) / 1000, UTC)
    second = iotda({"CNC-3": f"{moment:%Y%m%dT%H%M%SZ}"})
    third = telegraf([("CNC-2", (now - hour) // 1000), ("CNC-3", now // 1000)])
    with stage.ingester():
        stage.wait_until_subscribed()
        stage.cloud.publish_raw(f"jieru/v1/{PLATFORM}/in/thingsboard-gateway", first)
        stage.cloud.publish_raw(f"jieru/v1/{PLATFORM}/in/iotda-gateway", second)
        stage.cloud.publish_raw(f"jieru/v1/{PLATFORM}/in/telegraf", third)
        stage.wait_for_heartbeats(
            [
                Sent("CNC-1", now - hour),
                Sent("CNC-1", now),
                Sent("CNC-2", now),
                Sent("CNC-2", now - hour),
                Sent("CNC-3", now - 2 * hour),
                Sent("CNC-3", now),
            ]
        )
    assert set(stage.rows(_MESSAGES)) == {
        ("thingsboard-gateway", 1, 1, first, True),
        ("iotda-gateway", 1, 1, second, True),
        ("telegraf", 1, 1, third, True),
    }
    assert stage.rows(_REFUSED) == []
    assert stage.rows(_HOURS) == [(PLATFORM, 6)]


def test_a_heartbeat_through_a_source_is_equal_to_a_native_one(stage: _Stage) -> None:
    """Every column of evidence is the same, so whatever reads evidence tells the same of both."""
    now = _now_ms()
    declare(
        stage.connection,
        "line-3",
        {
            "format": "json",
            "rows": [
                {
                    "each": "$",
                    "serial": ["topic"],
                    "ts": {"unit": "s", "at": ["$.at"]},
                    "status": {"at": ["$.state"], "map": {"RUN": "running"}},
                    "seq": ["$.n"],
                    "metrics": {"object": "$.data"},
                }
            ],
        },
    )
    native_log = stage.log.with_name("native.log")
    with (
        stage.ingester(),
        ingester(stage.url, stage.broker.url(), native_log),
    ):
        stage.wait_until_subscribed()
        stage.wait_until_subscribed(native_log)
        body = {"at": now // 1000, "state": "RUN", "n": 7, "data": {"rpm": 1480, "名": "主轴"}}
        stage.cloud.publish_raw(
            f"jieru/v1/{PLATFORM}/in/line-3/CNC-1", json.dumps(body, ensure_ascii=False).encode()
        )
        stage.cloud.publish_raw(
            topic_of("CNC-2", PLATFORM),
            encode_payload(now, 7, DeviceStatus.RUNNING, {"rpm": 1480, "名": "主轴"}),
        )
        wait_until(lambda: len(stage.rows(_ROW, "CNC-1")) == 1, "the one is stored")
        wait_until(lambda: len(stage.rows(_ROW, "CNC-2")) == 1, "the other is stored")
    assert stage.rows(_ROW, "CNC-1") == stage.rows(_ROW, "CNC-2")


def test_bad_rows_name_their_place_and_good_ones_beside_them_are_taken(stage: _Stage) -> None:
    """A message has one fate, and each of its rows its own."""
    now = _now_ms()
    declare_ready_made(stage.connection, "thingsboard-gateway")
    document = {
        "CNC-1": [{"ts": now, "values": {"rpm": 1}}, {"ts": "noon", "values": {}}],
        "CNC-9": [{"ts": now, "values": {}}],
        "CNC-2": [{"ts": now + 86_400_000, "values": {}}],
        "no serial": [{"ts": now, "values": {}}],
    }
    topic = f"jieru/v1/{PLATFORM}/in/thingsboard-gateway"
    with stage.ingester():
        stage.wait_until_subscribed()
        stage.cloud.publish_raw(topic, json.dumps(document).encode())
        refused = stage.wait_for(_REFUSED, 4)
    assert stored_heartbeats(stage.connection) == {Sent("CNC-1", now): 1}
    assert {
        (reason, path): (row_topic, message) for reason, row_topic, path, _said, message in refused
    } == {
        ("malformed_payload", "$.CNC-1[1]"): (topic_of("CNC-1", PLATFORM), topic),
        ("malformed_payload", "$.no serial[0]"): (topic, topic),
        ("unknown_device", "$.CNC-9[0]"): (topic_of("CNC-9", PLATFORM), topic),
        ("future_timestamp", "$.CNC-2[0]"): (topic_of("CNC-2", PLATFORM), topic),
    }
    details = {path: said for _reason, _topic, path, said, _message in refused}
    assert details["$.CNC-1[1]"] == {
        "message": "{found} is not a time as its source writes them.",
        "values": {"found": "noon"},
    }
    assert details["$.CNC-9[0]"] is None, "its topic and payload tell"
    assert stage.rows(_REFUSED_HOURS) == [
        (PLATFORM, "future_timestamp", 1),
        (PLATFORM, "malformed_payload", 2),
        (PLATFORM, "unknown_device", 1),
    ]


def test_what_no_source_reads_is_refused_with_its_reason(stage: _Stage) -> None:
    """No such source, one that has ended, a topic with a slash too many, a message too long."""
    declare_ready_made(stage.connection, "telegraf", "iotda-gateway")
    end_source(stage.connection, SourceAddress(PLATFORM, "iotda-gateway"), ended_by="tests")
    stage.connection.commit()
    begin = f"jieru/v1/{PLATFORM}/in"
    with stage.ingester():
        stage.wait_until_subscribed()
        stage.cloud.publish_raw(f"{begin}/jetlinks", b"{}")
        stage.cloud.publish_raw(f"{begin}/iotda-gateway", b"{}")
        stage.cloud.publish_raw(f"{begin}/Telegraf", b"{}")
        stage.cloud.publish_raw(f"{begin}/telegraf", b"[" + b" " * 262_144)
        refused = stage.wait_for(_REFUSED, 4)
    assert sorted((reason, topic, path) for reason, topic, path, *_rest in refused) == [
        ("bad_topic", f"{begin}/Telegraf", "$"),
        ("payload_too_large", f"{begin}/telegraf", "$"),
        ("unknown_source", f"{begin}/iotda-gateway", "$"),
        ("unknown_source", f"{begin}/jetlinks", "$"),
    ]
    assert stage.rows(_MESSAGES) == []


def test_usual_mistakes_in_topics_are_told_to_their_owner(stage: _Stage) -> None:
    """A wrong word, a slash at the end, no serial: each counted for the platform."""
    own = f"jieru/v1/{PLATFORM}"
    topics = [
        f"{own}/CNC-1/telemetry",
        f"{own}/CNC-1/heartbeat/",
        f"{own}/heartbeat",
        f"{own}/data",
    ]
    with stage.ingester():
        stage.wait_until_subscribed()
        for topic in topics:
            stage.cloud.publish_raw(topic, b"{}")
        refused = stage.wait_for(_REFUSED, len(topics))
        wait_until(
            lambda: stage.rows(_REFUSED_HOURS) == [(PLATFORM, "bad_topic", len(topics))],
            "they are counted",
        )
    assert [(reason, topic) for reason, topic, *_rest in refused] == [
        ("bad_topic", topic) for topic in topics
    ]


def test_killed_between_commit_and_acknowledgement_nothing_is_stored_twice(stage: _Stage) -> None:
    """The broker delivers the message again: no second heartbeat, message or rejection."""
    now = _now_ms()
    declare_ready_made(stage.connection, "thingsboard-gateway")
    payload = thingsboard({"CNC-1": [now], "CNC-9": [now]})
    with stage.ingester(prelude=_DIE_BEFORE_ACKNOWLEDGING) as process:
        stage.wait_until_subscribed()
        stage.cloud.publish_raw(f"jieru/v1/{PLATFORM}/in/thingsboard-gateway", payload)
        assert process.wait(30) == -signal.SIGKILL
    assert len(stage.rows(_MESSAGES)) == 1
    with stage.ingester():
        stage.wait_until_subscribed(times=2)
        # What comes after it is stored after it.
        stage.cloud.publish_raw(
            f"jieru/v1/{PLATFORM}/in/thingsboard-gateway", thingsboard({"CNC-2": [now]})
        )
        stage.wait_for_heartbeats([Sent("CNC-1", now), Sent("CNC-2", now)])
    assert len(stage.rows(_MESSAGES)) == 2
    assert [reason for reason, *_rest in stage.rows(_REFUSED)] == ["unknown_device"]


def test_a_database_that_is_killed_costs_no_message(
    own_timescale_server: TimescaleServer, mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    """The same ingester keeps what came unacknowledged, and stores it when the database is back."""
    url = own_timescale_server.create_database()
    migrate(url)
    now = _now_ms()
    topic = f"jieru/v1/{PLATFORM}/in/thingsboard-gateway"
    sent = [Sent("CNC-1", now), Sent("CNC-2", now), Sent("CNC-3", now - 60_000)]
    with _stage(url, mosquitto, tmp_path) as stage:
        declare_ready_made(stage.connection, "thingsboard-gateway")
        with stage.ingester() as process:
            stage.wait_until_subscribed()
            stage.cloud.publish_raw(topic, thingsboard({"CNC-1": [now]}))
            stage.wait_for(_MESSAGES, 1)
            own_timescale_server.kill()
            stage.cloud.publish_raw(topic, thingsboard({"CNC-2": [now], "CNC-9": [now]}))
            stage.cloud.publish_raw(topic, thingsboard({"CNC-3": [now - 60_000]}))
            stage.cloud.wait_until_acknowledged(3)
            wait_until(
                lambda: "_failed" in stage.log.read_text(), "the ingester noticed the outage"
            )
            own_timescale_server.start()
            with psycopg.connect(url) as connection:
                wait_until(lambda: len(stored_heartbeats(connection)) >= len(sent), "all is stored")
                assert stored_heartbeats(connection) == dict.fromkeys(sent, 1)
                assert stored_presence(connection) == bits_of(sent)
                assert len(connection.execute(_MESSAGES).fetchall()) == 3
                assert len(connection.execute(_REFUSED).fetchall()) == 1
            assert process.poll() is None


def test_a_message_sent_again_once_its_device_is_registered_is_taken(stage: _Stage) -> None:
    """The bytes are kept once; the heartbeat that was refused is stored."""
    now = _now_ms()
    declare_ready_made(stage.connection, "thingsboard-gateway")
    topic, payload = f"jieru/v1/{PLATFORM}/in/thingsboard-gateway", thingsboard({"CNC-9": [now]})
    with stage.ingester():
        stage.wait_until_subscribed()
        stage.cloud.publish_raw(topic, payload)
        stage.wait_for(_REFUSED, 1)
        register_devices(stage.connection, ["CNC-9"])
        stage.cloud.publish_raw(topic, payload)
        stage.wait_for_heartbeats([Sent("CNC-9", now)])
    assert len(stage.rows(_MESSAGES)) == 1


def test_a_new_version_is_in_force_for_the_next_message(stage: _Stage) -> None:
    """Every message says by which version it was read."""
    now = _now_ms()

    def version(key: str) -> dict[str, object]:
        rows = {"each": "$", "serial": ["$.id"], "ts": {"unit": "ms", "at": [f"$.{key}"]}}
        return {"format": "json", "rows": [rows]}

    topic = f"jieru/v1/{PLATFORM}/in/own-format"
    declare(stage.connection, "own-format", version("t"))
    with stage.ingester():
        stage.wait_until_subscribed()
        stage.cloud.publish_raw(topic, json.dumps({"id": "CNC-1", "t": now}).encode())
        stage.wait_for(_MESSAGES, 1)
        declare(stage.connection, "own-format", version("time"))
        stage.cloud.publish_raw(topic, json.dumps({"id": "CNC-2", "time": now}).encode())
        stage.wait_for_heartbeats([Sent("CNC-1", now), Sent("CNC-2", now)])
    assert [version for _name, version, *_rest in stage.rows(_MESSAGES)] == [1, 2]


def test_who_published_is_told_and_a_device_speaks_for_itself_alone(stage: _Stage) -> None:
    """A gateway's rows are its own; a row of another device with a device's credential is none."""
    now = _now_ms()
    declare_ready_made(stage.connection, "thingsboard-gateway")
    (platform_id,) = stage.rows("SELECT id FROM platforms")[0]
    assert isinstance(platform_id, int)
    gateway_id = register_gateway(stage.connection, platform_id, "hall-2")
    stage.connection.commit()
    gateway = Publisher(stage.broker.add_user(f"{PLATFORM}/via/hall-2"))
    device = Publisher(stage.broker.add_user(f"{PLATFORM}/own/CNC-2"))
    with closing(gateway), closing(device), stage.ingester():
        stage.wait_until_subscribed()
        gateway.publish_raw(
            f"jieru/v1/{PLATFORM}/via/hall-2/in/thingsboard-gateway",
            thingsboard({"CNC-1": [now]}),
        )
        device.publish_raw(
            f"jieru/v1/{PLATFORM}/own/CNC-2/in/thingsboard-gateway",
            thingsboard({"CNC-2": [now], "CNC-3": [now]}),
        )
        # Neither reaches the topic of another.
        gateway.publish_raw(
            f"jieru/v1/{PLATFORM}/in/thingsboard-gateway", thingsboard({"CNC-3": [now]})
        )
        device.publish_raw(
            f"jieru/v1/{PLATFORM}/own/CNC-3/in/thingsboard-gateway", thingsboard({"CNC-3": [now]})
        )
        stage.wait_for_heartbeats([Sent("CNC-1", now), Sent("CNC-2", now)])
        refused = stage.wait_for(_REFUSED, 1)
    assert [(reason, path) for reason, _topic, path, *_rest in refused] == [
        ("unknown_publisher", "$.CNC-3[0]")
    ]
    publishers = "SELECT d.serial, publisher_id FROM heartbeats JOIN devices d ON d.id = device_id"
    assert set(stage.rows(publishers)) == {("CNC-1", gateway_id), ("CNC-2", 2)}
    assert {row[2] for row in stage.rows(_MESSAGES)} == {gateway_id, 2}


def test_the_same_by_mqtt_3_1_1(stage: _Stage) -> None:
    """The other subscriber hands on long messages too."""
    now = _now_ms()
    declare_ready_made(stage.connection, "thingsboard-gateway")
    sent = [Sent("CNC-1", now - 1_000 * number) for number in range(300)]
    payload = thingsboard({"CNC-1": [each.ts_ms for each in sent]})
    assert len(payload) > 3 * 4_096
    with stage.ingester(mqtt_protocol="3.1.1"):
        stage.wait_until_subscribed()
        stage.cloud.publish_raw(f"jieru/v1/{PLATFORM}/in/thingsboard-gateway", payload)
        stage.wait_for_heartbeats(sent)
