"""Sparkplug B ends in stored evidence, by a real broker, ingester and database."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
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
from tests.support.sources import declare_ready_made
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
        self, *, prelude: str = "", log: Path | None = None
    ) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """One that reads others' formats."""
        return ingester(self.url, self.broker.url(), log or self.log, "--sources", prelude=prelude)

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
