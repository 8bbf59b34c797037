"""Clients of another platform that do with their credentials what they can, against all others.

What they publish on their own topics and the broker takes is in books, as the honest gateway's is:
it has to be stored or refused as well. What they try besides must come to nothing.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count, cycle
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from jieru.wire import (
    HEARTBEAT_TOPIC_FILTERS,
    PAYLOAD_LIMIT_BYTES,
    RejectionReason,
    encode_payload,
)
from tests.faults.load import DEVICES, LATE_AFTER_MS, Gateway, Message
from tests.faults.schedule import Fault, Kind
from tests.support.messages import topic_of
from tests.support.raw_mqtt import connect_packet, let_in, opened, push

if TYPE_CHECKING:
    import socket

__all__ = ["HOSTILE_PLATFORM", "Hostile"]

HOSTILE_PLATFORM: Final = "hostile"

_NAMES: Final = ("jieru-ingest-1", "jieru-ingest-2", "gateway")
"""What everybody can read in the settings' documentation, or see at the gateway."""
_FILTERS: Final = (
    *(
        f"{group}{each}"
        for group in ("", "$share/jieru/", "$share/other/")
        for each in (*HEARTBEAT_TOPIC_FILTERS, "#")
    ),
    "$SYS/#",
)
_STAY_S: Final = 0.5
_PACE: Final = 300.0
"""Messages a second."""
_HUGE: Final = 50_000_000
"""Bytes; far more than the broker allows, and than the sockets on the way hold."""
_MOST_CONNECTIONS: Final = 150
_PATIENCE_S: Final = 2.0
_PAUSE_S: Final = 0.01
_DAY_MS: Final = 86_400_000


class Hostile:
    """One of them, with a credential of a device of its own."""

    def __init__(self, fault: Fault, url: str) -> None:
        """Take the credential; whoever is to publish connects at once.

        Args:
            fault: what it does, and in which way.
            url: the address of the broker, with its credential.
        """
        self.gateway: Gateway | None = None
        """Its books; None where it publishes nothing that the broker takes."""
        self.findings: list[str] = []
        """What it was not refused, though it should have been."""
        self.deeds = 0
        """How often it got as far as the broker; one that never did proves little."""
        self._url = url
        self._detail = fault.detail
        self._days = fault.amount if fault.kind is Kind.HOSTILE_BACKLOG else 0
        self._serial = self.serial_of(fault.kind)
        self._topic = topic_of(self._serial, HOSTILE_PLATFORM)
        self._start_ms = time.time_ns() // 1_000_000
        self._stop = threading.Event()
        self._act = self._act_of(fault)
        # With a second connection of the credential it would take its own place.
        if self._act in (self._flood, self._send_backlog):
            self.gateway = Gateway(url)

    @staticmethod
    def serial_of(kind: Kind) -> str:
        """The device that does this."""
        return kind.value.replace("_", "-")

    @classmethod
    def username_of(cls, kind: Kind) -> str:
        """The name of its credential."""
        return f"{HOSTILE_PLATFORM}/{cls.serial_of(kind)}"

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let it do its worst while the block runs."""
        thread = threading.Thread(target=self._act, name=self._serial)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def close(self) -> None:
        """Disconnect."""
        if self.gateway is not None:
            self.gateway.close()

    def _act_of(self, fault: Fault) -> Callable[[], None]:
        return {
            (Kind.HOSTILE_NAMES, "clean"): self._come_under_names,
            (Kind.HOSTILE_NAMES, "persistent"): self._come_under_names,
            (Kind.HOSTILE_MESSAGES, "nul"): self._flood,
            (Kind.HOSTILE_MESSAGES, "malformed"): self._flood,
            (Kind.HOSTILE_MESSAGES, "too_large"): self._flood,
            (Kind.HOSTILE_MESSAGES, "beyond_packets"): self._push_huge_packets,
            (Kind.HOSTILE_CONNECTIONS, "reconnecting"): self._reconnect,
            (Kind.HOSTILE_CONNECTIONS, "half_open"): self._open_by_half,
            (Kind.HOSTILE_CONNECTIONS, "many"): self._connect_many,
        }.get((fault.kind, fault.detail), self._send_backlog)

    def _come_under_names(self) -> None:
        """Connect under others' names in turn, subscribe to everything, speak for their devices."""
        for number, name in enumerate(cycle(_NAMES)):
            if self._stop.wait(_PAUSE_S):
                return
            with suppress(OSError):
                self._come_under(name, number)

    def _come_under(self, name: str, number: int) -> None:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
        )
        parts = urlsplit(self._url)
        client.username_pw_set(unquote(parts.username or ""), unquote(parts.password or ""))
        client.connect_timeout = _PATIENCE_S
        is_clean = self._detail == "clean"
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0 if is_clean else 3_600
        client.connect(
            parts.hostname or "", parts.port or 1883, clean_start=is_clean, properties=properties
        )
        client.loop_start()
        try:
            deadline = time.monotonic() + _PATIENCE_S
            while not client.is_connected():
                if self._stop.wait(_PAUSE_S) or time.monotonic() > deadline:
                    return
            for each in _FILTERS:
                client.subscribe(each, qos=1)
            forged = topic_of(DEVICES[number % len(DEVICES)])
            client.publish(forged, encode_payload(self._start_ms - LATE_AFTER_MS + number), qos=1)
            self.deeds += 1
            self._stop.wait(_STAY_S)
        finally:
            client.disconnect()
            client.loop_stop()

    def _flood(self) -> None:
        """What no ingester may take, no two alike, at an even pace."""
        assert self.gateway is not None
        due = time.monotonic()
        for number in count():
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            due += 1 / _PACE
            self.gateway.publish(self._bad(number))
            self.deeds += 1

    def _bad(self, number: int) -> Message:
        reason, payload = {
            # JSON to the decoder; only the database finds out. Old enough for any clock.
            "nul": (
                RejectionReason.MALFORMED_PAYLOAD,
                rb'{"ts": %d, "metrics": {"a": "\u0000"}}'
                % (self._start_ms - LATE_AFTER_MS + number),
            ),
            "malformed": (RejectionReason.MALFORMED_PAYLOAD, b"\x00\xff[{ %d" % number),
            "too_large": (
                RejectionReason.PAYLOAD_TOO_LARGE,
                b"%d " % number + b"x" * PAYLOAD_LIMIT_BYTES,
            ),
        }[self._detail]
        return Message(self._topic, payload, reason)

    def _push_huge_packets(self) -> None:
        """More than the broker may hold of anybody."""
        while not self._stop.wait(_PAUSE_S):
            with suppress(OSError), let_in(self._url, "huge", timeout_s=_PATIENCE_S) as plug:
                self.deeds += 1
                if push(plug, self._topic, _HUGE) == _HUGE:
                    self.findings.append(f"the broker took a packet of {_HUGE} bytes")

    def _send_backlog(self) -> None:
        """A heartbeat of each of many days, all at once."""
        assert self.gateway is not None
        for day in range(self._days):
            ts_ms = self._start_ms - LATE_AFTER_MS - (day + 5) * _DAY_MS
            message = Message(
                self._topic, encode_payload(ts_ms, day), serial=self._serial, ts_ms=ts_ms, seq=day
            )
            self.gateway.publish(message)
            self.deeds += 1

    def _reconnect(self) -> None:
        """Come and go as fast as the broker lets it in."""
        for name in cycle(_NAMES):
            if self._stop.is_set():
                return
            with suppress(OSError):
                let_in(self._url, name, timeout_s=_PATIENCE_S).close()
                self.deeds += 1

    def _open_by_half(self) -> None:
        """Many connections that say half of what they want, or nothing."""
        packet = connect_packet(self._url, "half")
        with ExitStack() as plugs:
            for number in range(_MOST_CONNECTIONS):
                with suppress(OSError):
                    plug = plugs.enter_context(opened(self._url, timeout_s=_PATIENCE_S))
                    plug.sendall(packet[: len(packet) // 2 * (number % 2)])
                    self.deeds += 1
                if self._stop.is_set():
                    return
            self._stop.wait()

    def _connect_many(self) -> None:
        """Many connections at once with one credential, over and over."""
        packet = connect_packet(self._url, "many")
        while not self._stop.wait(_PAUSE_S):
            plugs: list[socket.socket] = []
            try:
                with suppress(OSError):
                    for _ in range(_MOST_CONNECTIONS):
                        plugs.append(opened(self._url, timeout_s=_PATIENCE_S))
                        plugs[-1].sendall(packet)
                        self.deeds += 1
            finally:
                for plug in plugs:
                    plug.close()
