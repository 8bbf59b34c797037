"""A server that is about to stop tells the answers that would otherwise never end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Stopping", "told_of_stopping"]

_SCOPE_KEY: Final = "jieru.stopping"


class Stopping:
    """ASGI middleware: each request finds it in its scope, and `begin` tells all that listen."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app
        self._lock = threading.Lock()
        self._has_begun = False
        self._listeners: set[Callable[[], None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app({**scope, _SCOPE_KEY: self}, receive, send)

    def begin(self) -> None:
        """Tell everybody who listens, and at once whoever begins to; from any thread."""
        with self._lock:
            self._has_begun = True
            listeners = list(self._listeners)
        for tell in listeners:
            tell()

    @contextmanager
    def telling(self, tell: Callable[[], None]) -> Iterator[None]:
        """Have `tell` called, in whichever thread, when the server is about to stop."""
        with self._lock:
            self._listeners.add(tell)
            is_late = self._has_begun
        if is_late:
            tell()
        try:
            yield
        finally:
            with self._lock:
                self._listeners.discard(tell)


@contextmanager
def told_of_stopping(scope: Scope, tell: Callable[[], None]) -> Iterator[None]:
    """Have `tell` called when the server of this request is about to stop.

    An application that no server of ours serves is told nothing.
    """
    stopping = scope.get(_SCOPE_KEY)
    if not isinstance(stopping, Stopping):
        yield
        return
    with stopping.telling(tell):
        yield
