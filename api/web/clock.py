"""The moment at which a request is answered: one for all that it says."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends

__all__ = ["Now", "current_instant"]


async def current_instant() -> datetime:
    """This moment, with its zone."""
    return datetime.now(UTC)


Now = Annotated[datetime, Depends(current_instant)]
