"""Honest equipment, an ingester, and the books of what was published and what is stored."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.attacks.book import BOOK, Attack
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
from tests.support.mosquitto import MosquittoBroker

if TYPE_CHECKING:
    from subprocess import Popen

__all__ = ["DEVICES", "HOSTILE", "Stage", "hostile_client", "opened_stage"]

DEVICES: Final = [f"CNC-{number:03}" for number in range(100)]
HOSTILE: Final = "hostile"
"""Another platform, whose credentials the attacker has."""
_PATIENCE_S: Final = 120.0


class Stage:
    """What all attacks share."""

    def __init__(
        self, url: str, broker: MosquittoBroker, folder: Path, connection: psycopg.Connection
    ) -> None:
        """Nothing runs yet but the broker and the database."""
        self.url = url
        self.broker = broker
        self.log = folder / "ingest.log"
        self.connection = connection
        self.gateway = Publisher(broker.add_user(PLATFORM))
        self._clock_ms = time.time_ns() // 1_000_000

    def ingester(
        self, log: Path | None = None, /, **settings: str
    ) -> "AbstractContextManager[Popen[bytes]]":
        """A real ingester."""
        return ingester(self.url, self.broker.url(), log or self.log, **settings)

    def wait_until_subscribed(self, log: Path | None = None, *, times: int = 1) -> None:
        """Until the ingester receives."""
        wait_until(lambda: len(said(log or self.log, "subscribed")) >= times, "it is subscribed")

    def publish(self, count: int, *, per_second: float | None = None) -> None:
        """Honest heartbeats, each of another millisecond, all acknowledged when this returns."""
        beats = []
        for _ in range(count):
            self._clock_ms += 1
            beats.append(Sent(DEVICES[self._clock_ms % len(DEVICES)], self._clock_ms))
        self.gateway.publish(beats, per_second=per_second)
        wait_until(
            lambda: self.gateway.acknowledged >= len(self.gateway.sent),
            "all is acknowledged",
            timeout_s=_PATIENCE_S,
        )

    def settle(self, name: str, tries: str, *, seen: str, patience_s: float = _PATIENCE_S) -> None:
        """Wait until all honest heartbeats are stored, and enter the attack into the book."""
        began = time.monotonic()
        honest = set(self.gateway.sent)
        while True:
            lost = len(honest - stored_heartbeats(self.connection).keys())
            if not lost or time.monotonic() - began > patience_s:
                break
            time.sleep(0.05)
        delay_s = time.monotonic() - began
        BOOK.enter(Attack(name, tries, len(honest), lost, delay_s, seen))

    def metrics(self, log: Path | None = None) -> dict[str, float]:
        """Of the ingester."""
        return metrics_at(status_page_of(log or self.log))

    def health(self, log: Path | None = None) -> dict[str, Any]:
        """Of the ingester, whether it is well or not."""
        try:
            page = f"{status_page_of(log or self.log)}/healthz"
            with urllib.request.urlopen(page, timeout=5) as answer:  # noqa: S310 - http
                text = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read()
        found: dict[str, Any] = json.loads(text)
        return found

    def credential(self, serial: str = "x-1") -> str:
        """The address of the broker with a credential of one hostile device."""
        return self.broker.add_user(f"{HOSTILE}/{serial}")


@contextmanager
def opened_stage(url: str, broker: MosquittoBroker, folder: Path) -> Iterator[Stage]:
    """A stage whose devices are registered."""
    with ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(url))
        register_devices(connection, DEVICES)
        register_devices(connection, ["x-1"], HOSTILE)
        stage = Stage(url, broker, folder, connection)
        stack.callback(stage.gateway.close)
        yield stage


@contextmanager
def hostile_client(
    url: str,
    client_id: str,
    *,
    version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
    is_clean: bool = True,
) -> Iterator[paho.Client]:
    """A client under a name of its choice; connected when the block begins, if it is let in."""
    is_v5 = version is MQTTProtocolVersion.MQTTv5
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=version,
        **({} if is_v5 else {"clean_session": is_clean}),  # type: ignore[arg-type]
    )
    address, _, port = url.rpartition("@")[2].partition(":")
    user, _, password = url.removeprefix("mqtt://").rpartition("@")[0].partition(":")
    client.username_pw_set(user.replace("%2F", "/"), password)
    client.reconnect_delay_set(1, 1)
    client.max_queued_messages_set(0)
    client.max_inflight_messages_set(10_000)
    if is_v5:
        client.connect(address, int(port), clean_start=is_clean)
    else:
        client.connect(address, int(port))
    client.loop_start()
    try:
        wait_until(client.is_connected, "the attacker is let in")
        yield client
    finally:
        client.disconnect()
        client.loop_stop()
