"""How long a client is waited for, and how many of them: uvicorn itself waits for ever.

A request's head has to be there within some seconds, its body has to come at some speed, and an
answer has to be taken. Whoever does not keep to it loses the connection, which costs nobody else
anything. Where all places are taken, whoever we wait for longest makes room.
"""

import asyncio
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.doors import Doors, Turned

__all__ = ["USUAL_PATIENCE", "Patience", "patient_protocol"]

_LOOKS: Final = 4
"""So many times within the shortest wait a connection is looked at."""
_TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Patience:
    """What clients are given."""

    head_s: float = 20.0
    """For the line and headers of a request, from the connection or from their first byte on."""
    body_s: float = 20.0
    """For a body, and one second more for every `body_bytes_per_s` that came."""
    body_bytes_per_s: int = 4_096
    """Slower than any line on which a page can be used; 48 MiB may take three hours."""
    unread_s: float = 60.0
    """So long nothing of an answer may be taken."""
    idle_s: int = 75
    """Between requests: longer than the 60 s of nginx and other proxies, which otherwise would
    send a request on a connection that we are just closing."""
    connections: int = 800
    """At once. systemd gives a service 1,024 files, of which the rest is for the database."""


USUAL_PATIENCE: Final = Patience()


def patient_protocol(patience: Patience, doors: Doors | None = None) -> type[asyncio.Protocol]:
    """What uvicorn makes for each connection; `doors` counts them."""
    own = {"patience": patience, "doors": doors or Doors()}
    return type("PatientConnection", (_Connection,), own)


class _Connection(H11Protocol):
    """One connection of a client, which is looked at every now and then until it is gone."""

    patience: ClassVar[Patience] = USUAL_PATIENCE
    doors: ClassVar[Doors]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as uvicorn gives them
        super().__init__(*args, **kwargs)
        self._look: asyncio.TimerHandle | None = None
        self._due: float = inf
        """When what we wait for has to be there; never: we do not wait."""
        self.waiting_since: float = 0
        """When we began to wait."""
        self._unsent_bytes = 0
        self._taken_at: float = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a first request, if there is room."""
        super().connection_made(transport)
        self.doors.came()
        now = self._taken_at = self.waiting_since = self.loop.time()
        self._due = now + self.patience.head_s
        self._look_later()
        if len(self.connections) > self.patience.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        if self._look is not None:
            self._look.cancel()
        self.doors.went()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of a request, and not while one is being answered."""
        cycle_before, state_before = self.cycle, self.conn.their_state
        if self._is_kept_alive and state_before is h11.IDLE:
            self._wait(self.patience.head_s)
        super().data_received(data)
        if self.transport.is_closing():
            return
        their_state = self.conn.their_state
        if their_state is h11.SEND_BODY:
            if self.cycle is not cycle_before:
                self._wait(self.patience.body_s)
            else:
                self._due += len(data) / self.patience.body_bytes_per_s
        elif their_state is not h11.IDLE:
            self._due = inf
        elif state_before is h11.SEND_BODY:
            # The rest of a body that nobody read has come: uvicorn waits for ever from here on.
            self._begin_idling()

    def on_response_complete(self) -> None:
        """Wait for the next request as long as uvicorn was told, or for the rest of this one."""
        super().on_response_complete()
        if self._is_kept_alive and self.conn.their_state is h11.IDLE:
            self.waiting_since, self._due = self.loop.time(), inf

    def resume_writing(self) -> None:
        """Note that something of the answer was taken."""
        self._taken_at = self.loop.time()
        super().resume_writing()

    @property
    def _is_kept_alive(self) -> bool:
        return self.timeout_keep_alive_task is not None

    @property
    def is_waited_for(self) -> bool:
        """Whether the client is to do something, and nobody works for it."""
        return self.conn.their_state in {h11.IDLE, h11.SEND_BODY}

    def _begin_idling(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
        self.waiting_since, self._due = self.loop.time(), inf

    def _wait(self, seconds: float) -> None:
        self.waiting_since = self.loop.time()
        self._due = self.waiting_since + seconds

    def _look_later(self) -> None:
        patience = self.patience
        every_s = min(patience.head_s, patience.body_s, patience.unread_s) / _LOOKS
        self._look = self.loop.call_later(every_s, self._look_now)

    def _look_now(self) -> None:
        now = self.loop.time()
        if self._is_stuck(now):
            self.doors.turned(Turned.UNREAD)
            self.transport.abort()
            return
        if self.flow.read_paused and self._due != inf:
            # It is we who do not read: what was sent lies in the kernel.
            self._wait(self.patience.body_s)
        if now >= self._due and not self.transport.is_closing():
            is_body = self.conn.their_state is h11.SEND_BODY
            self.doors.turned(Turned.SLOW_BODY if is_body else Turned.NO_HEAD)
            self.end(_TOO_SLOW if self._has_begun else b"")
        self._look_later()

    @property
    def _has_begun(self) -> bool:
        """Whether a request began and nothing of its answer was sent."""
        if self.conn.their_state is h11.SEND_BODY:
            return not self.cycle.response_started
        return bool(self.conn.trailing_data[0])

    def _is_stuck(self, now: float) -> bool:
        """Whether nothing of what is to be sent was taken for long, an end included."""
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent < self._unsent_bytes:
            self._taken_at = now
        self._unsent_bytes = unsent
        return now - self._taken_at >= self.patience.unread_s

    def _make_room(self) -> None:
        """End the connection that is waited for longest, those without a request first."""
        staying = [
            each
            for each in self.connections
            if isinstance(each, _Connection) and not each.transport.is_closing()
        ]
        if len(staying) <= self.patience.connections:
            return
        waited_for = [each for each in staying if each is not self and each.is_waited_for]
        if not waited_for:
            self.doors.turned(Turned.FULL)
            self.end(_FULL)
            return
        longest = min(
            waited_for,
            key=lambda each: (each.conn.their_state is h11.SEND_BODY, each.waiting_since),
        )
        self.doors.turned(Turned.DISPLACED)
        longest.end(b"")

    def end(self, last_words: bytes) -> None:
        """Close it, as soon as what is to be sent was taken."""
        if last_words:
            self.transport.write(last_words)
        self.transport.close()
