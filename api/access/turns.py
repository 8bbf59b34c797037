"""Work that is heavy or slow, for people who are not known yet: few at once, in threads of its own.

What waits for its turn holds no thread that other requests need, so however many knock at the
door, the rest of the house goes on.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from api.web.lanes import SIZES, Lane
from api.web.problems import Kind, Problem
from jieru.i18n import marked as _

__all__ = ["HashingTurns", "ProviderTurns"]

Result = TypeVar("Result")

_RETRY_AFTER_S: Final = "5"


class _Turns:
    at_once = 1
    waiting = 1

    def __init__(self) -> None:
        self._limiter: CapacityLimiter | None = None
        """Of the event loop in which the first turn is taken."""
        self._inside = 0

    async def take(self, work: Callable[[], Result]) -> Result:
        """Do this work when its turn has come.

        Raises:
            Problem: too many wait already.
        """
        if self._inside >= self.at_once + self.waiting:
            raise Problem(
                Kind.TOO_MANY_ATTEMPTS,
                _("Too many people are signing in just now. Try again in a few seconds."),
            ).with_headers({"Retry-After": _RETRY_AFTER_S})
        self._inside += 1
        try:
            if self._limiter is None:
                self._limiter = CapacityLimiter(self.at_once)
            return await run_sync(work, limiter=self._limiter)
        finally:
            self._inside -= 1


class HashingTurns(_Turns):
    """For what hashes passwords: 64 MiB and all processors for some tens of milliseconds."""

    at_once, waiting = SIZES[Lane.HASHING]


class ProviderTurns(_Turns):
    """For what asks the OpenID provider, which may take seconds to answer."""

    at_once = 4
    waiting = 50
