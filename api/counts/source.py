"""Counts from the database, for requests."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from math import inf
from typing import Annotated, Final

import psycopg
from fastapi import Depends

from api.access.caller import Caller
from api.web.bounds.bounds import Bounds
from api.web.bounds.running_work import RunningWork, WorkEndedError, current_work
from api.web.database import RequestDatabase
from api.web.problems import Kind, Problem
from api.web.recent import RecentResults
from api.web.services import service
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.wire import PLATFORM_CODE
from verifier.counting.count import Count
from verifier.counting.explain import explain_in_snapshot
from verifier.counting.explanation import Explanation
from verifier.counting.progress import Phase
from verifier.counting.run import count_year
from verifier.policy import Policy

__all__ = [
    "CountSource",
    "CurrentCounts",
    "DatedCount",
    "RunningCount",
    "require_case",
]

_KEPT_S: Final = 5.0
_UNSEEN_S: Final = 90.0
"""A page that waits asks every second; where it is not shown, browsers let it once a minute."""
_KIND: Final = "GET /counts/{year}"
_NOT_BEGUN: Final = (Phase.REGISTRY, 0.0)


@dataclass(frozen=True, slots=True)
class DatedCount:
    """A count and the moment it was computed."""

    count: Count
    computed_at: datetime


@dataclass(frozen=True, slots=True)
class _Asked:
    year: int
    as_of: date
    platform: str | None


@dataclass(frozen=True, slots=True)
class RunningCount:
    """A count that may not be done yet."""

    future: Future[DatedCount]
    progress: Callable[[], tuple[Phase, float]]
    """How far it is at this moment."""


class CountSource:
    """Computes counts under one policy; a count is at most a few seconds old."""

    def __init__(
        self,
        database: RequestDatabase,
        bounds: Bounds,
        *,
        policy: Policy,
        as_of: Callable[[], date],
        year: int | None,
    ) -> None:
        """Compute nothing yet.

        Args:
            database: where the evidence is.
            bounds: of what is computed at once.
            policy: the rules.
            as_of: the last day of evidence where a request names none.
            year: the year where a request names none; None: that of `as_of`.
        """
        self.policy = policy
        self._database = database
        self._bounds = bounds
        self._as_of = as_of
        self._year = year
        self._counts = RecentResults[_Asked, DatedCount](_KEPT_S)
        self._pages = RecentResults[_Asked, DatedCount](_KEPT_S)
        """Apart: whoever holds a place already must not wait for one who waits for a place."""
        self._progress: dict[_Asked, tuple[Phase, float]] = {}
        self._looked_at_s: dict[_Asked, float] = {}

    def default_as_of(self) -> date:
        """The last day of evidence where a request names none."""
        return self._as_of()

    def default_year(self) -> int:
        """The year where a request names none."""
        return self._year or self._as_of().year

    def count(
        self, caller: Caller, year: int, as_of: date | None, platform: str | None = None
    ) -> DatedCount:
        """A count; everyone who asks for the same one at a time waits for one computation.

        An operator gets the own platform's part, without what it shares with others.

        Raises:
            Problem: the year cannot be counted, or there is no such platform.
        """
        asked = self._asked(caller, year, as_of, platform)
        while True:
            try:
                dated = self._counts.get(asked, lambda: self._compute(asked, current_work()))
            except WorkEndedError:
                # It may have been another one's, who has gone.
                current_work().go_on()
            else:
                return _as_seen(caller, dated)

    def begin(
        self, caller: Caller, year: int, as_of: date | None, platform: str | None = None
    ) -> RunningCount:
        """A count that may not be done yet: a reader of a page is shown how far it is.

        An operator gets the own platform's part.

        Raises:
            Problem: there is no such platform for this caller.
        """
        asked = self._asked(caller, year, as_of, platform)
        self._looked_at_s[asked] = time.monotonic()
        return RunningCount(
            self._pages.begin(asked, lambda: self._compute_in_turn(caller, asked)),
            lambda: self._progress.get(asked, _NOT_BEGUN),
        )

    def finished(self, caller: Caller, running: RunningCount) -> DatedCount:
        """A count that is done, as its reader may see it.

        Raises:
            Problem: the year cannot be counted, or too much waits.
        """
        with self._bounds.refusals():
            return _as_seen(caller, running.future.result())

    def explain(
        self,
        connection: psycopg.Connection,
        caller: Caller,
        year: int,
        platform: str,
        uscc: str,
        as_of: date | None,
    ) -> Explanation:
        """Why an enterprise has its outcome on a platform; always computed anew.

        Args:
            connection: inside a snapshot.
            caller: who asks; an operator may of the own platform alone.
            year: of the count.
            platform: its code.
            uscc: of the enterprise.
            as_of: the last day of evidence; by default that of this source.

        Raises:
            Problem: there is no such year, platform or enterprise, or the two were not connected.
        """
        require_case(caller, platform, uscc)
        try:
            return explain_in_snapshot(
                connection,
                year,
                platform,
                uscc,
                as_of=as_of or self.default_as_of(),
                policy=self.policy,
            )
        except UserError as error:  # it names what there is not
            raise Problem(Kind.NOT_FOUND, error.message, **error.values) from None

    def _asked(self, caller: Caller, year: int, as_of: date | None, platform: str | None) -> _Asked:
        if caller.platform is not None:
            platform = platform or caller.platform.code
            _require_own(caller, platform)
        return _Asked(year, as_of or self.default_as_of(), platform)

    def _compute_in_turn(self, caller: Caller, asked: _Asked) -> DatedCount:
        """Compute for a page that asks again and again, until nobody does."""
        with self._bounds.heavy.place("large", caller.sender, _KIND) as work:
            return self._compute(asked, work, longest_unseen_s=_UNSEEN_S)

    def _compute(
        self, asked: _Asked, work: RunningWork, *, longest_unseen_s: float = inf
    ) -> DatedCount:
        def tell(phase: Phase, fraction: float) -> None:
            self._progress[asked] = (phase, fraction)
            if time.monotonic() - self._looked_at_s.get(asked, inf) > longest_unseen_s:
                work.end()
            work.tell(phase, fraction)

        try:
            with self._database.reading() as connection:
                count = count_year(
                    connection,
                    asked.year,
                    as_of=asked.as_of,
                    policy=self.policy,
                    platform=asked.platform,
                    progress=tell,
                )
        except WorkEndedError:
            raise
        except UserError as error:  # there is no such year or platform
            raise Problem(Kind.NOT_FOUND, error.message, **error.values) from None
        finally:
            self._progress.pop(asked, None)
            self._looked_at_s.pop(asked, None)
        return DatedCount(count, datetime.now(UTC))


def _as_seen(caller: Caller, dated: DatedCount) -> DatedCount:
    """What a platform shares with others does not concern its operator."""
    if caller.platform is None:
        return dated
    return replace(dated, count=replace(dated.count, overlaps=()))


def require_case(caller: Caller, platform: str, uscc: str) -> None:
    """Check that an enterprise on a platform may be asked for.

    Raises:
        Problem: the platform is not the operator's own, or nothing has such a name.
    """
    # Nothing else is in the registry, and PostgreSQL refuses some of it (NUL) as a value.
    if not PLATFORM_CODE.fullmatch(platform) or not uscc.isalnum():
        raise Problem(Kind.NOT_FOUND)
    _require_own(caller, platform)


def _require_own(caller: Caller, platform: str) -> None:
    """Answer to an operator as if no other platform were there.

    Raises:
        Problem: it is another one.
    """
    if caller.platform is not None and platform != caller.platform.code:
        raise Problem(Kind.NOT_FOUND, _("There is no platform {platform}."), platform=platform)


CurrentCounts = Annotated[CountSource, Depends(service(CountSource))]
