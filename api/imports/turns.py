"""Turns of imports: each stands in the line of heavy work, small files in the one of small work."""

from collections.abc import Callable
from typing import Final, TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.access.caller import Caller
from api.web.bounds.bounds import Bounds
from api.web.services import services_of

__all__ = ["in_turn"]

Result = TypeVar("Result")

_LARGE_BYTES: Final = 1 << 20
"""Some 10,000 devices."""


async def in_turn(
    request: Request, caller: Caller, work: Callable[[], Result], *, size_bytes: int
) -> Result:
    """Do the work of an import in a thread, when its sender's turn has come.

    Raises:
        Problem: too much of this sender waits, or its turn does not come.
    """
    bounds = services_of(request).get(Bounds)
    return await bounds.heavily(
        request,
        "small" if size_bytes < _LARGE_BYTES else "large",
        caller.sender,
        lambda: run_in_threadpool(work),
    )
