"""Requests on their way to the pipeline: what a subscriber is to a broker, this is to HTTP.

A batch is made of whole requests and never waits to grow: while one is written the next gathers.
"""

import asyncio
from collections import deque
from typing import Final

from ingest.http.outcomes import outcomes
from ingest.http.post import Outcome, Post, PostedBatch
from ingest.http.room import Room
from ingest.message import Batch, Message
from ingest.session_troubles import SessionTroubles
from ingest.writer import Written

__all__ = ["Posts"]

_EPOCH: Final = 0
"""There is one connection to the database and none to a broker."""


class Posts:
    """Holds requests until they are taken, and answers them once they are committed."""

    window: int | None = None

    def __init__(self, *, rows: int) -> None:
        """Hold about so many rows at most, those that are being written included."""
        self.troubles = SessionTroubles()
        self.is_connected = False
        """Whether requests are taken."""
        self._room = Room(rows)
        self._waiting: deque[Post] = deque()
        self._arrived = asyncio.Event()

    @property
    def unacknowledged(self) -> int:
        """Rows that are not answered yet."""
        return self._room.held

    def put(self, post: Post) -> None:
        """Hand a request on.

        Raises:
            FullError: there are too many rows.
        """
        self._room.take(post.platform, post.size)
        self._waiting.append(post)
        self._arrived.set()

    def withdraw(self, post: Post) -> None:
        """Forget a request that nobody waits for, if it was not taken."""
        if post in self._waiting:
            self._waiting.remove(post)
            self._room.give_back(post.platform, post.size)

    async def start(self) -> None:
        """Take requests from now on."""
        self.is_connected = True

    async def receive(self, size: int, age_s: float, idle_s: float) -> Batch | None:  # noqa: ARG002
        """The requests that wait, of about `size` rows; None when none came within `idle_s`."""
        try:
            async with asyncio.timeout(idle_s):
                await self._arrived.wait()
        except TimeoutError:
            return None
        posts: list[Post] = []
        messages: list[Message] = []
        while self._waiting and (not posts or len(messages) + self._waiting[0].size <= size):
            post = self._waiting.popleft()
            posts.append(post)
            messages += post.messages()
        if not self._waiting:
            self._arrived.clear()
        return PostedBatch(_EPOCH, messages, posts) if posts else None

    def acknowledge(self, batch: Batch) -> bool:
        """A batch is durable: there is room again."""
        if isinstance(batch, PostedBatch):
            for post in batch.posts:
                self._room.give_back(post.platform, post.size)
        return True

    def answer(self, batch: Batch, written: Written) -> None:
        """Tell each request what the commit did with it."""
        if not isinstance(batch, PostedBatch):
            return
        for post, outcome in zip(batch.posts, outcomes(batch.posts, written), strict=True):
            _tell(post.answer, outcome)

    async def end_if_empty(self) -> bool:
        """Nothing is kept for us anywhere."""
        return True

    async def close(self) -> None:
        """Take no more."""
        self.is_connected = False


def _tell(answer: "asyncio.Future[Outcome]", outcome: Outcome) -> None:
    if not answer.done():  # nobody may wait any more
        answer.set_result(outcome)
