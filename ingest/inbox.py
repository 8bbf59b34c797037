"""Messages received but not yet taken, and how many are out unacknowledged."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from ingest.message import Batch, Message

__all__ = ["Inbox"]

_STALLS: Final = 3
"""Batches in a row that waited in vain at the same number of messages before that is believed."""


class Inbox:
    """Collects the messages of one connection at a time and gives them out in batches.

    A new connection begins a new epoch and empties the inbox: whatever was not acknowledged,
    the broker delivers again. Used from one event loop only.

    A broker may send fewer messages before it wants one acknowledged than we would take: Mosquitto
    20, EMQX 32, unless told otherwise. To no client does it say so, and a batch that waits for more
    waits in vain; so the inbox learns at how many the stream stands still, and from then on closes
    a batch there.
    """

    def __init__(self, *, limit: int, on_room: Callable[[], None]) -> None:
        """Hold at most about `limit` messages; `on_room` is called when there is room again.

        The broker's Receive Maximum keeps QoS 1 within the limit; it is QoS 0, which no window
        bounds, that needs this one.
        """
        self.epoch = 0
        self.unacknowledged = 0
        self._limit = limit
        self._on_room = on_room
        self._messages: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self._wanted = 1
        self.window: int | None = None
        """Messages that the broker leaves unacknowledged at most, if that was learned."""
        self._stalled_at = 0
        self._stalls = 0
        self._last_put_s = 0.0

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def is_full(self) -> bool:
        """Whether the connection should stop reading for now."""
        return len(self._messages) >= self._limit

    def begin_epoch(self) -> None:
        """A new connection: forget what the old one delivered."""
        self.epoch += 1
        self.unacknowledged = 0
        self._messages.clear()

    def put(self, messages: Sequence[Message]) -> None:
        """Take in what was just received, in order."""
        self._messages.extend(messages)
        self.unacknowledged += len(messages)
        self._last_put_s = time.monotonic()
        if self.unacknowledged > max(self._stalled_at, self.window or 0):
            self._stalled_at, self._stalls, self.window = 0, 0, None
        if len(self._messages) >= self._wanted or self._is_all_that_may_come:
            self._arrived.set()

    @property
    def _is_all_that_may_come(self) -> bool:
        return self.window is not None and self.unacknowledged >= self.window

    def settle(self, batch: Batch) -> bool:
        """Note that a batch is done; False when its connection is gone and no one waits for it."""
        if batch.epoch != self.epoch:
            return False
        self.unacknowledged -= len(batch.messages)
        return True

    async def take(self, size: int, age_s: float, idle_s: float) -> Batch | None:
        """Wait for `size` messages, or until the first has waited `age_s` seconds.

        Returns:
            None when nothing came within `idle_s` seconds.
        """
        if not await self._wait_for(1, idle_s):
            return None
        if not await self._wait_for(size, age_s):
            self._note_stall(age_s)
        count = min(size, len(self._messages))
        if count == 0:  # a new connection emptied it meanwhile
            return None
        was_full = self.is_full
        pop = self._messages.popleft
        batch = Batch(self.epoch, [pop() for _ in range(count)])
        if was_full and not self.is_full:
            self._on_room()
        return batch

    def _note_stall(self, age_s: float) -> None:
        """A batch grew old without being full: whether the broker could not send any more."""
        if time.monotonic() - self._last_put_s < age_s / 2:
            return  # messages still came
        if self.unacknowledged == self._stalled_at:
            self._stalls += 1
        else:
            self._stalled_at, self._stalls = self.unacknowledged, 1
        if self._stalls >= _STALLS:
            self.window = self._stalled_at

    async def _wait_for(self, count: int, timeout_s: float) -> bool:
        self._wanted = count
        self._arrived.clear()
        if len(self._messages) < count and not (self._messages and self._is_all_that_may_come):
            try:
                async with asyncio.timeout(timeout_s):
                    await self._arrived.wait()
            except TimeoutError:
                return len(self._messages) >= count
        return True
