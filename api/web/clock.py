"""The moment at which a request is answered: one for all that it says."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

from api.web.services import services_of

__all__ = ["Clock", "Now", "current_instant"]


def _host_s() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """By what time an application answers."""

    read: Callable[[], datetime] = _host_s
    """This moment, with its zone."""
    is_moved: bool = False
    """Whether it is meant to differ from the database's, by which steps are taken otherwise."""


async def current_instant(request: Request) -> datetime:
    """This moment, with its zone."""
    return services_of(request).get(Clock).read()


Now = Annotated[datetime, Depends(current_instant)]
