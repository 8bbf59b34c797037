"""Equipment that connects to a real broker, and everything behind that broker."""

import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from jieru.credentials.usernames import parse_username
from jieru.wire import DeviceStatus, encode_payload
from tests.support.command import clean_environment
from tests.support.debian_root import DebianRoot
from tests.support.fleet import ingester, wait_until
from tests.support.mosquitto import MosquittoBroker
from tests.support.processes import StartError
from tests.support.roles import BROKER, as_role

__all__ = ["Equipment", "EquipmentSide", "broker_sync", "equipment_side"]

_REFUSED: Final = "not authorised"
_PATIENCE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class EquipmentSide:
    """A broker, the sync that tells it of credentials, and an ingester, on one database."""

    broker: MosquittoBroker
    log: Path
    """What the sync says."""

    def publish_heartbeat(
        self,
        username: str,
        secret: str,
        *,
        serial: str | None = None,
        status: DeviceStatus = DeviceStatus.RUNNING,
    ) -> None:
        """Publish a heartbeat of this moment with `mosquitto_pub`, as whoever has the credential.

        A credential that was just issued is known to the broker within some seconds; until then
        this tries again.

        Args:
            username: of any kind; a cloud's and a gateway's together with `serial`.
            secret: the credential's.
            serial: of the device that a cloud or a gateway speaks for.
            status: what the device says of itself.

        Raises:
            StartError: the broker does not let the user in.
        """
        user = parse_username(username)
        assert user is not None, username
        topic = user.topic(serial or "")
        payload = encode_payload(time.time_ns() // 1_000_000, status=status).decode()
        self.broker.remember(username, secret)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self.broker.publish(topic, payload, user=username)
            except StartError as error:
                if _REFUSED not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return


@contextmanager
def equipment_side(root: DebianRoot, database_url: str) -> Iterator[EquipmentSide]:
    """Run a broker, `jieru broker sync --watch` and `jieru ingest` on a migrated database."""
    with TemporaryDirectory() as folder, MosquittoBroker(root) as broker:
        log, ingest_log = Path(folder) / "sync.log", Path(folder) / "ingest.log"
        with (
            broker_sync(database_url, broker, log),
            ingester(database_url, broker.url(), ingest_log),
        ):
            # What is published before nobody would keep.
            wait_until(
                lambda: '"subscribed"' in ingest_log.read_text(encoding="utf-8"),
                "the ingester is subscribed",
            )
            yield EquipmentSide(broker, log)


@contextmanager
def broker_sync(
    database_url: str, broker: MosquittoBroker, log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """A real `jieru broker sync --watch` in a process of its own, ended with the block."""
    settings = {
        "database_url": as_role(database_url, BROKER),
        "language": "en",
        **broker.sync_settings,
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jieru", "broker", "sync", "--watch"],
            env=clean_environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


class Equipment:
    """One client that stays connected, and remembers what happened to it; a context manager."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        """Take the broker's address, user and password included, and how to trust it."""
        parts = urlsplit(url)
        self._address = parts.hostname or "", parts.port or 1883
        self.received: list[str] = []
        """Topics of what the broker delivered."""
        self.acknowledged = 0
        self.connections = 0
        self.refusal = ""
        """Why it was not let in."""
        self.is_subscribed = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if parts.username:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.on_disconnect = self._on_disconnect
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe

    def __enter__(self) -> Self:
        self._client.connect(*self._address)
        self._client.loop_start()
        wait_until(lambda: bool(self.connections or self.refusal), "the broker has answered")
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def is_connected(self) -> bool:
        """Whether the broker holds the connection still."""
        return self._client.is_connected()

    def publish(self, topic: str, payload: str) -> None:
        """Publish at QoS 1; returns when the broker has acknowledged."""
        wanted = self.acknowledged + 1
        self._client.publish(topic, payload, qos=1)
        wait_until(lambda: self.acknowledged >= wanted, f"{topic} is acknowledged")

    def subscribe(self, topic_filter: str) -> None:
        """Subscribe; returns when the broker has answered, whatever it says."""
        self.is_subscribed = False
        self._client.subscribe(topic_filter, qos=1)
        wait_until(lambda: self.is_subscribed, f"the subscription to {topic_filter} is answered")

    def _on_connect(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self.refusal = str(reason)
        else:
            self.connections += 1

    def _on_disconnect(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        # With TLS 1.3 the server looks at our certificate after we took the connection for made.
        if not self.connections:
            self.refusal = self.refusal or str(reason)

    def _on_message(
        self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage
    ) -> None:
        self.received.append(message.topic)

    def _on_publish(
        self,
        _client: paho.Client,
        _userdata: object,
        _packet_id: int,
        _reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        self.acknowledged += 1

    def _on_subscribe(
        self,
        _client: paho.Client,
        _userdata: object,
        _packet_id: int,
        _reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        self.is_subscribed = True
