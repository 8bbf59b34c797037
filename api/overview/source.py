"""Overviews for requests: everybody who asks at a time is shown the same one."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Depends

from api.access.caller import Caller
from api.overview.queries import Overview, read_overview
from api.web.database import RequestDatabase
from api.web.recent import RecentResults
from api.web.services import service

__all__ = ["CurrentOverviews", "OverviewSource"]

_KEPT_S: Final = 2.0
"""A city of 100,000 devices takes a seventh of a second to look at."""


class OverviewSource:
    """Reads overviews; one is at most a few seconds old."""

    def __init__(self, database: RequestDatabase) -> None:
        """Read nothing yet."""
        self._database = database
        self._recent = RecentResults[int | None, Overview](_KEPT_S)

    def overview(self, caller: Caller) -> Overview:
        """How things stand: on an operator's own platform, on all of them for everybody else."""
        own = caller.platform_id
        return self._recent.get(own, lambda: self._read(own))

    def _read(self, platform_id: int | None) -> Overview:
        with self._database.snapshot() as connection:
            return read_overview(connection, platform_id, datetime.now(UTC))


CurrentOverviews = Annotated[OverviewSource, Depends(service(OverviewSource))]
