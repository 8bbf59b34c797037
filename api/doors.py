"""Books of connections that were not let in or not waited for: numbers, and a line a minute."""

import asyncio
from collections import Counter as Tally
from enum import StrEnum
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

__all__ = ["Doors", "Turned"]

_SAID_EVERY_S: Final = 60.0
"""A flood of connections is no flood of lines."""

_log = structlog.get_logger()


class Turned(StrEnum):
    """Why a connection was refused or ended."""

    NO_HEAD = "no_head"
    """The line and headers of a request did not come."""
    SLOW_BODY = "slow_body"
    UNREAD = "unread"
    """Nobody took the answer."""
    DISPLACED = "displaced"
    """It was waited for longest when all places were taken."""
    FULL = "full"
    """It was refused: all places were taken, and nobody was waited for."""


class Doors:
    """What a server counts of its connections."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """All at zero; `registry` shows it, and unless given is one of its own."""
        self.registry = registry or CollectorRegistry()
        self._open = Gauge(
            "jieru_api_connections", "Connections of clients that are open", registry=self.registry
        )
        self._turned = Counter(
            "jieru_api_connections_turned",
            "Connections that were refused or ended",
            ["reason"],
            registry=self.registry,
        )
        for reason in Turned:
            self._turned.labels(reason.value)
        self._unsaid: Tally[str] = Tally()
        self._is_silent = False

    def came(self) -> None:
        """Count a connection in."""
        self._open.inc()

    def went(self) -> None:
        """Count a connection out, however it ended."""
        self._open.dec()

    def turned(self, reason: Turned) -> None:
        """Count one that was refused or ended by us; on the server's own loop."""
        self._turned.labels(reason.value).inc()
        self._unsaid[reason.value] += 1
        if not self._is_silent:
            self._say()

    def _say(self) -> None:
        """Say what was not said, and nothing more for a minute."""
        self._is_silent = bool(self._unsaid)
        if not self._unsaid:
            return
        _log.warning("connections_turned", **self._unsaid)
        self._unsaid.clear()
        asyncio.get_running_loop().call_later(_SAID_EVERY_S, self._say)
