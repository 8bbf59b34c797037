"""Turns of imports: each sender has one, and small files do not wait for large ones."""

from collections.abc import Callable
from typing import Final, TypeVar

import anyio
from anyio.to_thread import run_sync

from api.access.caller import Caller

__all__ = ["in_turn"]

Result = TypeVar("Result")

_LARGE_BYTES: Final = 1 << 20
"""Some 10,000 devices."""
_SMALL_TURNS: Final = anyio.CapacityLimiter(1)
_LARGE_TURNS: Final = anyio.CapacityLimiter(2)
"""Two at once are no faster, but the second one's sender does not wait for the first one's file.
More would take their memory at the same time."""
_TURNS_OF: Final[dict[str, anyio.CapacityLimiter]] = {}
"""By sender: who sends many files stands in the line once."""


async def in_turn(caller: Caller, work: Callable[[], Result], *, size_bytes: int) -> Result:
    """Do the work of an import in a thread, when its sender's turn has come.

    Others wait for one import of each sender before them at most, however many that sender has
    sent; an operator's platform is one sender.
    """
    sender = caller.platform_code or caller.actor.name
    turns = _SMALL_TURNS if size_bytes < _LARGE_BYTES else _LARGE_TURNS
    async with _TURNS_OF.setdefault(sender, anyio.CapacityLimiter(1)):
        return await run_sync(work, limiter=turns)
