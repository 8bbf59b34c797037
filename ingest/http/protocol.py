"""HTTP/1.1 for strangers: a head must be short and come soon, whoever sends it."""

import asyncio
from typing import Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["BoundedProtocol"]

_HEAD_S: Final = 10.0


class BoundedProtocol(H11Protocol):
    """uvicorn's, which bounds the length of a head and waits for one as long as it takes."""

    _head_task: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first head."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._mind_head()

    def data_received(self, data: bytes) -> None:
        """Take some bytes, and mind whether they end a head or begin one."""
        super().data_received(data)
        self._mind_head()

    def on_response_complete(self) -> None:
        """Mind the next head, if it began to come before the answer went."""
        super().on_response_complete()
        beginning, _is_closed = self.conn.trailing_data
        if beginning:
            self._mind_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        self._forget_head()

    def _mind_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._forget_head()
        elif self._head_task is None:
            self._head_task = self.loop.call_later(_HEAD_S, self.transport.close)

    def _forget_head(self) -> None:
        if self._head_task is not None:
            self._head_task.cancel()
            self._head_task = None
