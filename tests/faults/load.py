"""A fleet's messages, good and bad, published with exact books of what the broker acknowledged."""

import random
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final, Self
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from jieru.calendar import MILLISECONDS_PER_HOUR
from jieru.wire import PAYLOAD_LIMIT_BYTES, DeviceStatus, RejectionReason, encode_payload
from tests.support.fleet import PLATFORM, wait_until
from tests.support.messages import topic_of

__all__ = ["DEVICES", "LATE_AFTER_MS", "Gateway", "Load", "Message"]

DEVICES: Final = [f"CNC-{number:03}" for number in range(24)]
LATE_AFTER_MS: Final = 72 * MILLISECONDS_PER_HOUR

_PACE: Final = 400.0
"""Messages a second: a batch or two."""
_SPAN_MINUTES: Final = 60 * 60
"""Timestamps lie within so many minutes before the start, none of them late."""
_STRIDE: Final = 1_009
"""Coprime to the span: a device's heartbeats jump through it, each minute once."""
_LATER_BY_HOURS: Final = 100
_LATE_EVERY, _BAD_EVERY = 37, 23
_MINUTE_MS: Final = 60_000
_IN_FLIGHT: Final = 200
_PATIENCE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Message:
    """What was published, and what an ingester has to make of it."""

    topic: str
    payload: bytes
    reason: RejectionReason | None = None
    """Why it must be refused; None for a good heartbeat."""
    serial: str = ""
    ts_ms: int = 0
    seq: int = 0
    status: DeviceStatus | None = None
    is_early: bool = False
    """Published before its device was registered: refused or stored, as it happens."""


class Gateway:
    """A platform's gateway: publishes at QoS 1 and knows what the broker acknowledged."""

    def __init__(self, url: str) -> None:
        """Connect and wait until the broker says yes."""
        self._lock = threading.Lock()
        self._under_way: dict[int, Message] = {}
        self._arrived: deque[tuple[int, float]] = deque()
        self._acknowledged: dict[Message, float] = {}
        self._published: dict[Message, float] = {}
        parts = urlsplit(url)
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id="gateway",
            protocol=paho.MQTTv311,
            clean_session=False,
        )
        self._client.max_queued_messages_set(0)
        self._client.max_inflight_messages_set(_IN_FLIGHT)
        self._client.reconnect_delay_set(1, 1)
        self._client.username_pw_set(unquote(parts.username or ""), unquote(parts.password or ""))
        self._client.on_publish = self._on_publish
        self._client.connect(parts.hostname or "", parts.port or 1883)
        self._client.loop_start()
        wait_until(self._client.is_connected, "the gateway is connected")

    def _on_publish(
        self,
        _client: paho.Client,
        _userdata: object,
        packet_id: int,
        _reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        # paho holds a lock of its own here, so ours must not be waited for.
        self._arrived.append((packet_id, time.time()))

    def publish(self, message: Message) -> None:
        """Publish once more, until the broker has acknowledged it."""
        with self._lock:
            self._settle()  # before its packet id is given again
            self._published.setdefault(message, time.time())
            info = self._client.publish(message.topic, message.payload, qos=1)
            self._under_way[info.mid] = message

    def publish_again(self, since_s: float) -> None:
        """Publish what the broker acknowledged since then: it was killed and may have lost it."""
        with self._lock:
            self._settle()
            doubtful = [each for each, at_s in self._acknowledged.items() if at_s >= since_s]
        for message in doubtful:
            self.publish(message)

    @property
    def acknowledged(self) -> frozenset[Message]:
        """What the broker has acknowledged, and is not being published again."""
        with self._lock:
            self._settle()
            return frozenset(self._acknowledged) - frozenset(self._under_way.values())

    @property
    def published_s(self) -> dict[Message, float]:
        """When each message was published first."""
        with self._lock:
            return dict(self._published)

    def _settle(self) -> None:
        while self._arrived:
            packet_id, at_s = self._arrived.popleft()
            self._acknowledged[self._under_way.pop(packet_id)] = at_s

    def _is_settled(self) -> bool:
        with self._lock:
            self._settle()
            return not self._under_way

    def wait_until_acknowledged(self) -> None:
        """Wait until the broker has taken everything."""
        wait_until(self._is_settled, "the broker takes everything", timeout_s=_PATIENCE_S)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


class Load:
    """Publishes in a thread of its own for as long as the block runs."""

    def __init__(self, gateway: Gateway, seed: int) -> None:
        """Choose what will be published; nothing is yet."""
        self._gateway = gateway
        self._chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._start_ms = time.time_ns() // 1_000_000
        self._numbers = count()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._publish, name="load")
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Publish no more.

        Raises:
            BaseException: what ended the load too early.
        """
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def flood(self, messages: int) -> None:
        """Many bad messages at once, in between."""
        for _ in range(messages):
            self._gateway.publish(self._bad(next(self._numbers)))

    def newcomer(self, serial: str, *, is_early: bool, messages: int = 20) -> None:
        """Heartbeats of a device that is not registered yet, or just has been."""
        for number in range(messages):
            ts_ms = self._start_ms - (number + messages * is_early) * _MINUTE_MS
            self._gateway.publish(self._heartbeat(serial, ts_ms, is_early=is_early))

    def last_round(self, serials: Iterable[str]) -> None:
        """The newest heartbeat of each device."""
        now_ms = time.time_ns() // 1_000_000
        for serial in serials:
            self._gateway.publish(self._heartbeat(serial, now_ms))

    def _publish(self) -> None:
        try:
            due = time.monotonic()
            for message in self._messages():
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    return
                due += 1 / _PACE
                self._gateway.publish(message)
        except BaseException as error:  # noqa: BLE001 - raised anew by `stop`
            self._error = error

    def _messages(self) -> Iterator[Message]:
        for number in count():
            if number % _BAD_EVERY == 0:
                yield self._bad(next(self._numbers))
            turn, device = divmod(number, len(DEVICES))
            minutes = turn * _STRIDE % _SPAN_MINUTES + 1
            if number % _LATE_EVERY == 0:
                minutes += _LATER_BY_HOURS * 60
            # Another millisecond for another turn through the span.
            ts_ms = self._start_ms - minutes * _MINUTE_MS + turn // _SPAN_MINUTES
            yield self._heartbeat(DEVICES[device], ts_ms)

    def _heartbeat(self, serial: str, ts_ms: int, *, is_early: bool = False) -> Message:
        seq = self._chance.randrange(1_000_000)
        status = self._chance.choice([None, *DeviceStatus])
        payload = encode_payload(ts_ms, seq, status, {"spindle": seq % 7})
        return Message(
            topic_of(serial),
            payload,
            serial=serial,
            ts_ms=ts_ms,
            seq=seq,
            status=status,
            is_early=is_early,
        )

    def _bad(self, number: int) -> Message:
        """One message of each kind in turn, no two alike."""
        topic, ts_ms = topic_of(DEVICES[number % len(DEVICES)]), self._start_ms
        good = encode_payload(ts_ms, number)
        kinds = [
            (RejectionReason.BAD_TOPIC, f"jieru/v1/{PLATFORM}/数控 {number}/heartbeat", good),
            (RejectionReason.MALFORMED_PAYLOAD, topic, b"\x00\xff junk %d" % number),
            # JSON to the decoder; only the database finds out. Old enough for any clock.
            (
                RejectionReason.MALFORMED_PAYLOAD,
                topic,
                rb'{"ts": %d, "metrics": {"a": "\u0000"}}' % (ts_ms - LATE_AFTER_MS + number),
            ),
            (
                RejectionReason.PAYLOAD_TOO_LARGE,
                topic,
                b"%d " % number + b"x" * PAYLOAD_LIMIT_BYTES,
            ),
            (RejectionReason.UNKNOWN_DEVICE, topic_of(f"nobody-{number}"), good),
            (RejectionReason.FUTURE_TIMESTAMP, topic, encode_payload(4_102_444_800_000 + number)),
            (RejectionReason.BEFORE_EPOCH, topic, encode_payload(number)),
        ]
        reason, topic, payload = kinds[number % len(kinds)]
        return Message(topic, payload, reason)
