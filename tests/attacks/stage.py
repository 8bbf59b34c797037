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
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.attacks.book import Attack, Book
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

__all__ = ["DEVICES", "HOSTILE", "VERSIONS", "Stage", "hostile_client", "opened_stage"]

DEVICES: Final = [f"CNC-{number:03}" for number in range(100)]
HOSTILE: Final = "hostile"
"""Another platform, whose credentials the attacker has."""
VERSIONS: Final = ["5", pytest.param("3.1.1", marks=pytest.mark.nightly)]
"""Of MQTT that an ingester speaks; every run of the suite plays the attacks on one of them."""
_PATIENCE_S: Final = 120.0


class Stage:
    """What all attacks share."""

    def __init__(
        self,
        url: str,
        broker: MosquittoBroker,
        folder: Path,
        connection: psycopg.Connection,
        *,
        book: Book,
        prelude: str,
        patience_s: float,
    ) -> None:
        """Nothing runs yet but the broker and the database."""
        self.book = book
        self.patience_s = patience_s
        self._prelude = prelude
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
        return ingester(
            self.url, self.broker.url(), log or self.log, prelude=self._prelude, **settings
        )

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

    def wait_until_stored(self) -> tuple[int, float]:
        """Wait, not for ever, until all honest heartbeats are stored.

        Returns:
            How many are not, and how many seconds that took.
        """
        began = time.monotonic()
        honest = set(self.gateway.sent)
        while True:
            lost = len(honest - stored_heartbeats(self.connection).keys())
            took_s = time.monotonic() - began
            if not lost or took_s > self.patience_s:
                return lost, took_s
            time.sleep(0.05)

    def settle(self, name: str, tries: str, *, seen: str, delay_s: float = 0.0) -> None:
        """Wait until all honest heartbeats are stored, and enter the attack into the book.

        Args:
            name: of the attack.
            tries: to do what.
            seen: where whoever watches sees it.
            delay_s: the longest that an honest heartbeat took before this.
        """
        lost, took_s = self.wait_until_stored()
        delay_s = max(delay_s, took_s)
        self.book.enter(Attack(name, tries, len(self.gateway.sent), lost, delay_s, seen))

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
def opened_stage(
    url: str,
    broker: MosquittoBroker,
    folder: Path,
    *,
    book: Book,
    prelude: str = "",
    patience_s: float = _PATIENCE_S,
) -> Iterator[Stage]:
    """A stage whose devices are registered.

    Args:
        url: of the database.
        broker: that runs.
        folder: for logs.
        book: takes the attacks.
        prelude: Python that runs in each ingester, to take a protection away from it.
        patience_s: how long heartbeats may take before they are lost.
    """
    with ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(url))
        register_devices(connection, DEVICES)
        register_devices(connection, ["x-1"], HOSTILE)
        stage = Stage(
            url, broker, folder, connection, book=book, prelude=prelude, patience_s=patience_s
        )
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
