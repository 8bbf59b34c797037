"""Equipment that posts its heartbeats: a 200 is the promise, and anything else is sent again."""

import random
import threading
import time
from itertools import count
from typing import Final

import httpx

from jieru.calendar import MILLISECONDS_PER_HOUR
from jieru.credentials.records import IssuedCredential
from jieru.wire import DeviceStatus, RejectionReason, encode_payload
from tests.faults.load import Message
from tests.faults.mqtt_tap import Acknowledged
from tests.support.fleet import PLATFORM
from tests.support.messages import topic_of

__all__ = ["POSTING", "Poster"]

POSTING: Final = [f"POST-{number:02}" for number in range(6)]
"""Devices of which nobody else sends anything."""

_BAD_EVERY: Final = 7
_PAUSE_S: Final = 0.1
_AGAIN_S: Final = 0.2
_LATE_HOURS: Final = 100


class Poster:
    """Posts in a thread of its own, one request after the other, until it is stopped."""

    def __init__(self, port: int, issued: IssuedCredential, seed: int) -> None:
        """Begin."""
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            auth=(issued.username, issued.secret),
            timeout=60,
        )
        self._chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._start_ms = time.time_ns() // 1_000_000
        self._lock = threading.Lock()
        self._published: dict[Message, float] = {}
        self._promised: dict[Message, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._post, name="poster")
        self._thread.start()

    @property
    def acknowledged(self) -> frozenset[Message]:
        """What was answered with 200."""
        with self._lock:
            return frozenset(self._promised)

    @property
    def published_s(self) -> dict[Message, float]:
        """When each message was sent first."""
        with self._lock:
            return dict(self._published)

    @property
    def promises(self) -> list[Acknowledged]:
        """Each 200, by message."""
        with self._lock:
            return [Acknowledged(each.topic, each.payload, s) for each, s in self._promised.items()]

    def stop(self) -> None:
        """Send no more, once the last request has its 200."""
        self._stop.set()
        self._thread.join()

    def close(self) -> None:
        """Hang up."""
        self._stop.set()
        self._client.close()
        self._thread.join()

    def _post(self) -> None:
        for number in count():
            messages = self._messages(number)
            body = b"[" + b",".join(each.payload for each in messages) + b"]"
            with self._lock:
                self._published.update(dict.fromkeys(messages, time.time()))
            while not self._is_taken(body):
                if self._client.is_closed:
                    return
                time.sleep(_AGAIN_S)
            with self._lock:
                self._promised.update(dict.fromkeys(messages, time.time()))
            if self._stop.wait(_PAUSE_S):
                return

    def _is_taken(self, body: bytes) -> bool:
        try:
            response = self._client.post(
                f"/ingest/v1/{PLATFORM}",
                content=body,
                headers={"Content-Type": "application/json"},
            )
        except (httpx.HTTPError, RuntimeError):  # the process is away, or we are closed
            return False
        return response.status_code == 200

    def _messages(self, number: int) -> list[Message]:
        """One heartbeat of each device, now and then a late one, and one that must be refused."""
        late = _LATE_HOURS * MILLISECONDS_PER_HOUR * (number % 11 == 5)
        first = self._start_ms - 60_000 * (number + 1) - late
        messages = [self._heartbeat(serial, first) for serial in POSTING]
        if number % _BAD_EVERY == 0:
            serial = f"post-nobody-{number}"
            payload = _with_serial(encode_payload(first, number), serial)
            messages.append(Message(topic_of(serial), payload, RejectionReason.UNKNOWN_DEVICE))
        return messages

    def _heartbeat(self, serial: str, ts_ms: int) -> Message:
        seq = self._chance.randrange(1_000_000)
        status = self._chance.choice([None, *DeviceStatus])
        payload = _with_serial(encode_payload(ts_ms, seq, status), serial)
        return Message(
            topic_of(serial), payload, serial=serial, ts_ms=ts_ms, seq=seq, status=status
        )


def _with_serial(payload: bytes, serial: str) -> bytes:
    return b'{"serial":"%s",' % serial.encode() + payload[1:]
