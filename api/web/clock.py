"""The moment at which a request is answered: one for all that it says."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request

from api.web.services import services_of

__all__ = ["Clock", "Now", "StepsNow"]


def _host_s() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """By what time an application answers."""

    read: Callable[[], datetime] = _host_s
    """This moment, with its zone."""
    steps: Callable[[], datetime] | None = None
    """By what steps of a count are taken, where months shall pass in minutes; None: by the
    database's clock."""


async def _current_instant(request: Request) -> datetime:
    """This moment, with its zone."""
    return services_of(request).get(Clock).read()


Now = Annotated[datetime, Depends(_current_instant)]


async def _instant_of_dues(request: Request, now: Now) -> datetime:
    moved = services_of(request).get(Clock).steps
    return now if moved is None else moved()


StepsNow = Annotated[datetime, Depends(_instant_of_dues)]
"""The moment by which a page says which step is due, whoever may take it."""
