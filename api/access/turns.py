"""Work that is heavy or slow, for people who are not known yet: few at once, in threads of its own.

What waits for its turn holds no thread that other requests need, so however many knock at the
door, the rest of the house goes on.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, TypeVar

from api.web.problems import Kind, Problem
from jieru.i18n import marked as _

__all__ = ["HashingTurns", "ProviderTurns"]

Result = TypeVar("Result")

_RETRY_AFTER_S: Final = "5"


class _Turns:
    at_once = 1
    waiting = 1

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.at_once, thread_name_prefix=type(self).__name__)
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
            run = copy_context().run
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: run(work)
            )
        finally:
            self._inside -= 1


class HashingTurns(_Turns):
    """For what hashes passwords: 64 MiB and all processors for some tens of milliseconds."""

    at_once = 2
    waiting = 100


class ProviderTurns(_Turns):
    """For what asks the OpenID provider, which may take seconds to answer."""

    at_once = 4
    waiting = 50
