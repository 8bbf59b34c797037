"""A registered fleet, its heartbeats published with bookkeeping, and what must be stored."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from jieru.calendar import civil_hour_of
from jieru.wire import encode_payload
from tests.support.messages import topic_of
from tests.support.roles import INGEST, as_role

__all__ = [
    "PLATFORM",
    "Publisher",
    "Sent",
    "bits_of",
    "ingester",
    "register_devices",
    "stored_heartbeats",
    "stored_presence",
    "wait_until",
]

PLATFORM = "xielian"

_INSERT_PLATFORM = """
    INSERT INTO platforms (code, name) VALUES (%s, %s) ON CONFLICT DO NOTHING
"""
_INSERT_DEVICES = """
    INSERT INTO devices (platform_id, serial)
    SELECT p.id, serial FROM platforms p, unnest(%s::text[]) AS serial WHERE p.code = %s
"""
_SELECT_IDS = "SELECT serial, id FROM devices"
_SELECT_HEARTBEATS = """
    SELECT d.serial, (extract(epoch FROM h.time) * 1000)::bigint, count(*)
    FROM heartbeats h JOIN devices d ON d.id = h.device_id GROUP BY 1, 2
"""
_SELECT_PRESENCE = """
    SELECT d.serial, p.month, p.hours::text, p.late_hours::text
    FROM presence p JOIN devices d ON d.id = p.device_id
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """One heartbeat as a device sent it."""

    serial: str
    ts_ms: int


class Publisher:
    """A platform's gateway: publishes at QoS 1 and knows what the broker acknowledged."""

    def __init__(self, url: str) -> None:
        """Connect and wait until the broker says yes."""
        self.sent: list[Sent] = []
        self.acknowledged = 0
        parts = urlsplit(url)
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"gateway-{id(self)}",
            protocol=paho.MQTTv311,
            clean_session=False,
        )
        self._client.max_queued_messages_set(0)
        self._client.max_inflight_messages_set(100)
        self._client.reconnect_delay_set(1, 1)
        if parts.username:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        self._client.on_publish = self._on_publish
        self._client.connect(parts.hostname or "", parts.port or 1883)
        self._client.loop_start()
        wait_until(self._client.is_connected, "the publisher is connected")

    def _on_publish(
        self,
        _client: paho.Client,
        _userdata: object,
        _packet_id: int,
        _reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        self.acknowledged += 1

    def publish(self, heartbeats: Iterable[Sent], *, per_second: float | None = None) -> None:
        """Publish in order, paced where asked."""
        for heartbeat in heartbeats:
            self.publish_raw(topic_of(heartbeat.serial, PLATFORM), encode_payload(heartbeat.ts_ms))
            self.sent.append(heartbeat)
            if per_second is not None:
                time.sleep(1 / per_second)

    def publish_raw(self, topic: str, payload: bytes, *, is_retained: bool = False) -> None:
        """Publish any bytes on any topic."""
        self._client.publish(topic, payload, qos=1, retain=is_retained)

    def wait_until_acknowledged(self, count: int | None = None) -> None:
        """Wait until the broker has taken everything that was published."""
        wanted = len(self.sent) if count is None else count
        wait_until(lambda: self.acknowledged >= wanted, f"{wanted} messages are acknowledged")

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


def wait_until(is_true: Callable[[], bool], what: str, *, timeout_s: float = 30) -> None:
    """Poll until something holds; a timeout says what did not."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it never came true that {what}")
        time.sleep(0.02)


def register_devices(
    connection: psycopg.Connection, serials: Sequence[str], platform: str = PLATFORM
) -> dict[str, int]:
    """Register devices of one platform; their ids by serial."""
    connection.execute(_INSERT_PLATFORM, (platform, platform))
    connection.execute(_INSERT_DEVICES, (list(serials), platform))
    connection.commit()
    return dict(connection.execute(_SELECT_IDS).fetchall())


def stored_heartbeats(connection: psycopg.Connection) -> dict[Sent, int]:
    """How often each heartbeat is stored."""
    connection.rollback()
    rows = connection.execute(_SELECT_HEARTBEATS).fetchall()
    return {Sent(serial, ts_ms): count for serial, ts_ms, count in rows}


def bits_of(heartbeats: Iterable[Sent]) -> dict[tuple[str, date], set[int]]:
    """The bits that these heartbeats must set, worked out one by one."""
    bits: dict[tuple[str, date], set[int]] = {}
    for heartbeat in heartbeats:
        month, bit = civil_hour_of(heartbeat.ts_ms)
        bits.setdefault((heartbeat.serial, month), set()).add(bit)
    return bits


def stored_presence(
    connection: psycopg.Connection, *, late: bool = False
) -> dict[tuple[str, date], set[int]]:
    """The bits that are set in `hours`, or in `late_hours`."""
    connection.rollback()
    return {
        (serial, month): {index for index, bit in enumerate(bits) if bit == "1"}
        for serial, month, *kinds in connection.execute(_SELECT_PRESENCE)
        if "1" in (bits := kinds[late])
    }


@contextmanager
def ingester(
    database_url: str,
    mqtt_url: str,
    log: Path,
    *arguments: str,
    prelude: str = "",
    **settings: str,
) -> Iterator["subprocess.Popen[bytes]"]:
    """A real `jieru ingest` in a process of its own, ended with the block.

    Args:
        database_url: where it writes, under its own role where this is a superuser's address.
        mqtt_url: where it reads.
        log: takes what it says.
        arguments: of the command.
        prelude: Python that runs in the process before the command: to make it die at a point.
        settings: further settings, without `JIERU_` and in lower case.
    """
    environment = {
        "PATH": "/usr/bin:/bin",
        "JIERU_LANGUAGE": "en",
        "JIERU_DATABASE_URL": as_role(database_url, INGEST),
        "JIERU_MQTT_URL": mqtt_url,
        "JIERU_INGEST_HTTP_PORT": "0",
        # Tests compare every single one with the books, unless they ask for the sample.
        "JIERU_REJECTIONS_KEPT_PER_TOPIC": "0",
        "JIERU_REJECTIONS_KEPT_PER_PLATFORM": "0",
        **{f"JIERU_{name.upper()}": value for name, value in settings.items()},
    }
    argv = ["jieru", "ingest", *arguments]
    command = f"import sys; sys.argv = {argv}; from command import main; main()"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", f"{prelude}\n{command}"],
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
