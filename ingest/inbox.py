"""Messages received but not yet taken, and how many are out unacknowledged."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from ingest.message import Batch, Message

__all__ = ["Inbox"]


class Inbox:
    """Collects the messages of one connection at a time and gives them out in batches.

    A new connection begins a new epoch and empties the inbox: whatever was not acknowledged,
    the broker delivers again. Used from one event loop only.
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
        if len(self._messages) >= self._wanted:
            self._arrived.set()

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
        await self._wait_for(size, age_s)
        count = min(size, len(self._messages))
        if count == 0:  # a new connection emptied it meanwhile
            return None
        was_full = self.is_full
        pop = self._messages.popleft
        batch = Batch(self.epoch, [pop() for _ in range(count)])
        if was_full and not self.is_full:
            self._on_room()
        return batch

    async def _wait_for(self, count: int, timeout_s: float) -> bool:
        self._wanted = count
        self._arrived.clear()
        if len(self._messages) < count:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._arrived.wait()
            except TimeoutError:
                return len(self._messages) >= count
        return True
