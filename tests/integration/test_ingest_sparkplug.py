"""Sparkplug B ends in stored evidence, by a real broker, ingester and database."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.message import Message
from ingest.source_rows import RowsRead
from ingest.sources import Sources
from ingest.writer import Writer
from jieru.wire import DeviceStatus, encode_payload
from registry.sources import SourceAddress, end_source
from tests.support.archives import archive, archived_beats, findings, stored_beats
from tests.support.command import jieru
from tests.support.credentials import issue_to
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
from tests.support.roles import VERIFIER, as_role
from tests.support.sources import declare, declare_ready_made
from tests.support.sparkplug import metric, payload

_SERIALS: Final = ("CNC-1", "CNC-2", "edge-7")
_STORED: Final = """
    SELECT d.serial, (extract(epoch FROM h.time) * 1000)::bigint, w.kind, w.name, h.status,
           h.metrics
    FROM heartbeats h JOIN devices d ON d.id = h.device_id
    JOIN publishers w ON w.id = h.publisher_id ORDER BY 1, 2
"""
_MESSAGES: Final = """
    SELECT m.topic, w.kind, w.name, birth.topic
    FROM source_messages m LEFT JOIN publishers w ON w.id = m.publisher_id
    LEFT JOIN source_messages birth ON birth.id = m.birth_id ORDER BY m.id
"""
_REFUSED: Final = """
    SELECT r.reason, r.topic, r.path, r.detail ->> 'message' FROM rejections r ORDER BY r.id
"""
_ROW: Final = """
    SELECT h.time, h.publisher_id, h.seq, h.status, h.metrics, p.month, p.hours, p.late_hours,
           p.live_hours, s.last_seen_at, s.status
    FROM devices d JOIN heartbeats h ON h.device_id = d.id JOIN presence p ON p.device_id = d.id
    JOIN device_states s ON s.device_id = d.id WHERE d.serial = '{}'
"""
_HOURS: Final = """
    SELECT p.code, sum(heartbeats) FROM ingest_hours h JOIN platforms p ON p.id = platform_id
    GROUP BY p.code
"""
_DIE_BEFORE_ACKNOWLEDGING: Final = """
import os, signal
from ingest.mqtt5_subscriber import Mqtt5Subscriber
def acknowledge(self, batch):
    os.kill(os.getpid(), signal.SIGKILL)
Mqtt5Subscriber.acknowledge = acknowledge
"""
_AN_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class _Stage:
    """A platform with devices, Sparkplug declared, its cloud connected, no ingester yet."""

    url: str
    connection: psycopg.Connection
    broker: MosquittoBroker
    cloud: Publisher
    log: Path

    def ingester(
        self, *, prelude: str = "", log: Path | None = None, **settings: str
    ) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """One that reads others' formats."""
        return ingester(
            self.url, self.broker.url(), log or self.log, "--sources", prelude=prelude, **settings
        )

    def wait_until_subscribed(self, log: Path | None = None, times: int = 1) -> None:
        def is_subscribed() -> bool:
            path = log or self.log
            said = path.read_text() if path.exists() else ""
            assert "Traceback" not in said, said
            return said.count('"subscribed"') >= times

        wait_until(is_subscribed, f"the ingester is subscribed (see {self.log})")

    def rows(self, query: str) -> list[tuple[object, ...]]:
        self.connection.rollback()
        return self.connection.execute(query.encode()).fetchall()

    def wait_for(self, query: str, count: int) -> list[tuple[object, ...]]:
        wait_until(lambda: len(self.rows(query)) >= count, f"there are {count} rows")
        return self.rows(query)


@pytest.fixture
def stage(database_url: str, mosquitto: MosquittoBroker, tmp_path: Path) -> Iterator[_Stage]:
    """The devices registered, Sparkplug declared, the cloud connected."""
    with closing(psycopg.connect(database_url)) as connection:
        register_devices(connection, _SERIALS)
        declare_ready_made(connection, "sparkplug-b")
        cloud = Publisher(mosquitto.add_user(PLATFORM))
        try:
            yield _Stage(database_url, connection, mosquitto, cloud, tmp_path / "sources.log")
        finally:
            cloud.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _topic(kind: str, *names: str, group: str = PLATFORM) -> str:
    return "/".join(["spBv1.0", group, kind, *names])


def test_births_and_data_become_heartbeats_and_presence(stage: _Stage) -> None:
    """By the metrics' own times, with the names of the birth; deaths and edge nodes make none."""
    now = _now_ms()
    named = [metric("rpm", 1480, alias=1), metric("on", value=True, alias=2)]
    birth = payload(named, now - 2000, 1)
    data = payload(
        [
            metric(1, -5, datatype=None, timestamp=now - 1000),
            metric(2, value=False, timestamp=now - 1000),
            metric(1, 7, timestamp=now - 2 * _AN_HOUR_MS, is_historical=True),
        ],
        now,
        2,
    )
    with stage.ingester():
        stage.wait_until_subscribed()
        stage.cloud.publish_raw(_topic("NBIRTH", "edge-7"), payload([metric("bdSeq", 0)], now))
        stage.cloud.publish_raw(_topic("DBIRTH", "edge-7", "CNC-1"), birth)
        stage.cloud.publish_raw(_topic("DDATA", "edge-7", "CNC-1"), data)
        stage.cloud.publish_raw(_topic("NDEATH", "edge-7"), payload([metric("bdSeq", 0)]))
        stage.cloud.publish_raw(_topic("DDEATH", "edge-7", "CNC-1"), payload((), now))
        stage.wait_for(_MESSAGES, 5)
    assert stage.rows(_STORED) == [
        ("CNC-1", now - 2 * _AN_HOUR_MS, "cloud", None, None, {"rpm": 7, "is_historical": True}),
        ("CNC-1", now - 2000, "cloud", None, None, {"rpm": 1480, "on": True}),
        ("CNC-1", now - 1000, "cloud", None, None, {"rpm": -5, "on": False}),
    ]
    sent = [Sent("CNC-1", now - each) for each in (2 * _AN_HOUR_MS, 2000, 1000)]
    assert stored_heartbeats(stage.connection) == dict.fromkeys(sent, 1)
    assert stored_presence(stage.connection) == bits_of(sent)
    topic = _topic("DBIRTH", "edge-7", "CNC-1")
    assert [(each[0], each[3]) for each in stage.rows(_MESSAGES) if each[3]] == [
        (_topic("DDATA", "edge-7", "CNC-1"), topic)
    ]
    assert stage.rows(_REFUSED) == []
    assert stage.rows(_HOURS) == [(PLATFORM, 3)]


def test_a_name_is_known_after_a_restart_and_to_another_ingester(stage: _Stage) -> None:
    """The birth is in the database: the newest that came before is used, and is noted."""
    now = _now_ms()
    births, data = _topic("DBIRTH", "edge-7", "CNC-1"), _topic("DDATA", "edge-7", "CNC-1")
    with stage.ingester():
        stage.wait_until_subscribed()
        stage.cloud.publish_raw(births, payload([metric("old", 1, alias=1)], now - 3000))
        stage.cloud.publish_raw(data, payload([metric(1, 2)], now - 2000))
        stage.wait_for(_STORED, 2)
    with stage.ingester(ingest_client_id="another"):
        stage.wait_until_subscribed(times=2)
        stage.cloud.publish_raw(data, payload([metric(1, 3), metric(9, 4)], now - 1500))
        stage.wait_for(_STORED, 3)
        stage.cloud.publish_raw(births, payload([metric("new", 1, alias=1)], now - 1000))
        stage.cloud.publish_raw(data, payload([metric(1, 5)], now))
        stage.wait_for(_STORED, 5)
    assert [row[-1] for row in stage.rows(_STORED)] == [
        {"old": 1},
        {"old": 2},
        {"old": 3, "alias:9": 4},
        {"new": 1},
        {"new": 5},
    ]
    used = stage.rows("SELECT id, birth_id FROM source_messages ORDER BY id")
    first, second = used[0][0], used[3][0]
    assert [row[1] for row in used] == [None, first, first, None, second]
    assert '"sparkplug_aliases_unknown"' in stage.log.read_text()


def test_killed_between_commit_and_acknowledgement_nothing_is_stored_twice(stage: _Stage) -> None:
    """What is delivered again keeps the names that it had, though a later birth is stored."""
    now = _now_ms()
    births, data = _topic("DBIRTH", "edge-7", "CNC-1"), _topic("DDATA", "edge-7", "CNC-1")
    with stage.ingester(prelude=_DIE_BEFORE_ACKNOWLEDGING, ingest_batch_age_ms="1000") as process:
        stage.wait_until_subscribed()
        stage.cloud.publish_raw(births, payload([metric("old", 1, alias=1)], now - 3000))
        stage.cloud.publish_raw(data, payload([metric(1, 2)], now - 2000))
        stage.cloud.publish_raw(births, payload([metric("new", 1, alias=1)], now - 1000))
        assert process.wait(30) == -signal.SIGKILL
    with stage.ingester():
        stage.wait_until_subscribed(times=2)
        stage.cloud.publish_raw(data, payload([metric(1, 5)], now))
        stage.wait_for(_STORED, 4)
    assert [row[-1] for row in stage.rows(_STORED)] == [
        {"old": 1},
        {"old": 2},
        {"new": 1},
        {"new": 5},
    ]
    assert len(stage.rows(_MESSAGES)) == 4


def test_a_gateway_publishes_as_itself_and_the_cloud_as_the_cloud(stage: _Stage) -> None:
    """Whatever the cloud's edge node is called; and neither reaches the other's topics."""
    now = _now_ms()
    issue_to(stage.connection, f"{PLATFORM}/via/hall-2")
    gateway = Publisher(stage.broker.add_user(f"{PLATFORM}/via/hall-2"))
    via = f"{PLATFORM}.via"
    with closing(gateway), stage.ingester():
        stage.wait_until_subscribed()
        # Neither is taken, though both are acknowledged.
        stage.cloud.publish_raw(
            _topic("DDATA", "hall-2", "CNC-1", group=via), payload((), now - 4000)
        )
        gateway.publish_raw(_topic("DDATA", "hall-2", "CNC-1"), payload((), now - 3000))
        gateway.publish_raw(_topic("DDATA", "hall-3", "CNC-1", group=via), payload((), now - 2000))
        gateway.publish_raw(_topic("DDATA", "hall-2", "CNC-1", group=via), payload((), now - 1000))
        stage.cloud.publish_raw(_topic("DDATA", "hall-2", "CNC-2"), payload((), now))
        stage.wait_for(_STORED, 2)
    assert [row[:4] for row in stage.rows(_STORED)] == [
        ("CNC-1", now - 1000, "gateway", "hall-2"),
        ("CNC-2", now, "cloud", None),
    ]
    assert {row[:3] for row in stage.rows(_MESSAGES)} == {
        (_topic("DDATA", "hall-2", "CNC-1", group=via), "gateway", "hall-2"),
        (_topic("DDATA", "hall-2", "CNC-2"), "cloud", None),
    }


def test_what_is_not_taken_says_why(stage: _Stage) -> None:
    """An unknown device, a wrong topic, bytes that are none, no time, a clock far ahead."""
    now = _now_ms()
    device = _topic("DDATA", "edge-7", "CNC-1")
    with stage.ingester():
        stage.wait_until_subscribed()
        stage.cloud.publish_raw(_topic("DDATA", "edge-7", "CNC-9"), payload((), now))
        stage.cloud.publish_raw(_topic("DDATA", "NDATA", "CNC-1"), payload((), now))
        stage.cloud.publish_raw(device, b"\xff")
        stage.cloud.publish_raw(device, payload([metric("rpm", 1)]))
        stage.cloud.publish_raw(device, payload((), now + 86_400_000))
        stage.cloud.publish_raw(_topic("DBIRTH", "edge-7", "no serial"), payload((), now))
        stage.cloud.publish_raw(f"jieru/v1/{PLATFORM}/in/sparkplug-b", payload((), now))
        refused = stage.wait_for(_REFUSED, 7)
    native = topic_of("CNC-1", PLATFORM)
    assert {(reason, topic, path) for reason, topic, path, _said in refused} == {
        ("unknown_device", topic_of("CNC-9", PLATFORM), "$"),
        ("bad_topic", _topic("DDATA", "NDATA", "CNC-1"), "$"),
        ("malformed_payload", device, "$"),
        ("no_timestamp", native, "$.metrics[0]"),
        ("future_timestamp", native, "$"),
        ("malformed_payload", _topic("DBIRTH", "edge-7", "no serial"), "$"),
        ("bad_topic", f"jieru/v1/{PLATFORM}/in/sparkplug-b", "$"),
    }
    hours = "SELECT sum(rejections) FROM rejection_hours WHERE platform_id IS NOT NULL"
    assert stage.rows(hours) == [(6,)], "a topic that breaks the contract is nobody's"
    assert stage.rows(_STORED) == []


def test_a_platform_that_has_not_declared_it_is_told(stage: _Stage) -> None:
    """And once it has ended, likewise."""
    end_source(stage.connection, SourceAddress(PLATFORM, "sparkplug-b"), ended_by="tests")
    stage.connection.commit()
    topic = _topic("DDATA", "edge-7", "CNC-1")
    with stage.ingester():
        stage.wait_until_subscribed()
        stage.cloud.publish_raw(topic, payload((), _now_ms()))
        stage.wait_for(_REFUSED, 1)
    assert [row[:3] for row in stage.rows(_REFUSED)] == [("unknown_source", topic, "$")]
    assert stage.rows(_MESSAGES) == []


def test_a_heartbeat_of_sparkplug_is_equal_to_a_native_one(stage: _Stage) -> None:
    """Every column of evidence is the same, so whatever reads evidence tells the same of both."""
    now = _now_ms()
    declared = {
        "format": "sparkplug_b",
        "sparkplug": {
            "messages": ["NDATA"],
            "serials": {"车床 1": "CNC-1"},
            "status": {"at": ["State"], "map": {"2": "running"}},
            "metrics": ["rpm", "名"],
        },
    }
    declare(stage.connection, "sparkplug-b", declared)
    native_log = stage.log.with_name("native.log")
    with stage.ingester(), ingester(stage.url, stage.broker.url(), native_log):
        stage.wait_until_subscribed()
        stage.wait_until_subscribed(native_log)
        content = [metric("rpm", 1480), metric("State", 2), metric("名", "主轴")]
        stage.cloud.publish_raw(_topic("NDATA", "车床 1"), payload(content, now))
        stage.cloud.publish_raw(
            topic_of("CNC-2", PLATFORM),
            encode_payload(now, None, DeviceStatus.RUNNING, {"rpm": 1480, "名": "主轴"}),
        )
        stage.wait_for(_ROW.format("CNC-1"), 1)
        stage.wait_for(_ROW.format("CNC-2"), 1)
    assert stage.rows(_ROW.format("CNC-1")) == stage.rows(_ROW.format("CNC-2"))


def test_a_client_that_subscribes_to_commands_is_not_cut_off(stage: _Stage) -> None:
    """It is told nothing, for nobody commands; its last will is kept, and is no heartbeat."""
    will = _topic("NDEATH", "edge-7")
    edge = paho.Client(CallbackAPIVersion.VERSION2, client_id="edge-7", protocol=paho.MQTTv311)
    parts = urlsplit(stage.broker.url(PLATFORM))
    edge.username_pw_set(unquote(parts.username or ""), unquote(parts.password or ""))
    edge.will_set(will, payload([metric("bdSeq", 0)]), qos=1)
    answered: list[object] = []
    edge.on_subscribe = lambda *said: answered.append(said)
    with stage.ingester():
        stage.wait_until_subscribed()
        stage.cloud.close()
        edge.connect(parts.hostname or "", parts.port or 1883)
        edge.loop_start()
        wait_until(edge.is_connected, "the edge node is connected")
        edge.subscribe([(_topic("NCMD", "edge-7"), 1), ("spBv1.0/STATE/+", 1)])
        wait_until(lambda: bool(answered), "the broker answered")
        edge.publish(_topic("DDATA", "edge-7", "CNC-1"), payload((), _now_ms()), qos=1)
        stage.wait_for(_STORED, 1)
        assert edge.is_connected()
        sock = edge.socket()
        assert sock is not None
        edge.loop_stop()
        sock.close()  # without a word
        stage.wait_for(_MESSAGES, 2)
    assert [row[0] for row in stage.rows(_MESSAGES)][1] == will
    assert len(stage.rows(_STORED)) == 1


async def test_of_births_that_came_at_once_the_last_is_the_newest(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Also for a process that did not receive them itself."""
    register_devices(connection, ["CNC-1"])
    declare_ready_made(connection, "sparkplug-b")
    now = _now_ms()
    births, data = _topic("DBIRTH", "edge-7", "CNC-1"), _topic("DDATA", "edge-7", "CNC-1")

    async def read(*messages: tuple[str, bytes]) -> RowsRead:
        sources = Sources(database_url)
        came = [Message(topic, each, len(each), now, None) for topic, each in messages]
        rows = await sources.read(came, is_leaving=lambda: False)
        await sources.close()
        return rows

    many = [(births, payload([metric(f"name {n}", n, alias=1)], now + n)) for n in range(12)]
    writer = Writer(database_url, ingester="tests", state_interval_s=30, is_leaving=lambda: False)
    kept = (await read(*many)).kept
    await writer.write((), (), source_messages=kept)
    await writer.close()
    (row,) = (await read((data, payload([metric(1, 5)], now)))).rows
    assert b'"name 11":5' in row.payload


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A database that nothing writes to yet."""
    with closing(psycopg.connect(database_url)) as connection:
        yield connection


def test_heartbeats_of_sparkplug_are_archived_and_verified(stage: _Stage, tmp_path: Path) -> None:
    """Late ones that waited at the edge for months, and those of now, as native ones are."""
    now = _now_ms()
    old = now - 200 * 24 * _AN_HOUR_MS
    topic = _topic("DDATA", "edge-7", "CNC-1")
    waited = [
        metric("rpm", number, timestamp=old + number * _AN_HOUR_MS, is_historical=True)
        for number in range(30)
    ]
    with stage.ingester():
        stage.wait_until_subscribed()
        stage.cloud.publish_raw(topic, payload([*waited, metric("rpm", 1480)], now))
        stage.wait_for(_STORED, 31)
    verified = jieru("verify-evidence", database_url=as_role(stage.url, VERIFIER))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    before = stored_beats(stage.connection)
    folder = tmp_path / "archive"
    folder.mkdir()
    stage.connection.rollback()
    with closing(psycopg.connect(stage.url, autocommit=True)) as connection:
        archive(connection, folder)
        assert findings(connection, folder) == []
    archived = archived_beats(folder)
    assert archived.total() == 30
    stage.connection.rollback()
    assert archived + stored_beats(stage.connection) == before
