"""Counts from the database, for requests."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from fastapi import Request
from psycopg_pool import ConnectionPool

from api.counts.recent import RecentResults
from api.web.problems import Kind, Problem
from jieru.errors import UserError
from jieru.wire import PLATFORM_CODE
from verifier.count import Count, count_year
from verifier.explain import Explanation, explain
from verifier.policy import Policy

__all__ = ["CountSource", "DatedCount", "count_source"]

_KEPT_S: Final = 5.0
_WAIT_FOR_DATABASE_S: Final = 5.0


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


class CountSource:
    """Computes counts under one policy; a count is at most a few seconds old."""

    def __init__(
        self,
        pool: ConnectionPool,
        *,
        policy: Policy,
        as_of: Callable[[], date],
        year: int | None,
    ) -> None:
        """Compute nothing yet.

        Args:
            pool: the database.
            policy: the rules.
            as_of: the last day of evidence where a request names none.
            year: the year where a request names none; None: that of `as_of`.
        """
        self.policy = policy
        self._pool = pool
        self._as_of = as_of
        self._year = year
        self._counts = RecentResults[_Asked, DatedCount](_KEPT_S)

    def default_as_of(self) -> date:
        """The last day of evidence where a request names none."""
        return self._as_of()

    def default_year(self) -> int:
        """The year where a request names none."""
        return self._year or self._as_of().year

    def count(self, year: int, as_of: date | None, platform: str | None = None) -> DatedCount:
        """A count; everyone who asks for the same one at a time waits for one computation.

        Raises:
            Problem: the year cannot be counted, or there is no such platform.
        """
        asked = _Asked(year, as_of or self.default_as_of(), platform)
        return self._counts.get(asked, lambda: self._compute(asked))

    def explain(self, year: int, platform: str, uscc: str, as_of: date | None) -> Explanation:
        """Why an enterprise has its outcome on a platform; always computed anew.

        Raises:
            Problem: there is no such year, platform or enterprise, or the two were not connected.
        """
        # Nothing else is in the registry, and PostgreSQL refuses some of it (NUL) as a value.
        if not PLATFORM_CODE.fullmatch(platform) or not uscc.isalnum():
            raise Problem(Kind.NOT_FOUND, Kind.NOT_FOUND.value.meaning)
        try:
            with self._pool.connection(timeout=_WAIT_FOR_DATABASE_S) as connection:
                return explain(
                    connection,
                    year,
                    platform,
                    uscc,
                    as_of=as_of or self.default_as_of(),
                    policy=self.policy,
                )
        except UserError as error:  # it names what there is not
            raise Problem(Kind.NOT_FOUND, error.message, **error.values) from None

    def _compute(self, asked: _Asked) -> DatedCount:
        try:
            with self._pool.connection(timeout=_WAIT_FOR_DATABASE_S) as connection:
                count = count_year(
                    connection,
                    asked.year,
                    as_of=asked.as_of,
                    policy=self.policy,
                    platform=asked.platform,
                )
        except UserError as error:  # there is no such year or platform
            raise Problem(Kind.NOT_FOUND, error.message, **error.values) from None
        return DatedCount(count, datetime.now(UTC))


def count_source(request: Request) -> CountSource:
    """The application's source of counts."""
    source = request.app.state.counts
    assert isinstance(source, CountSource)  # noqa: S101 - set by create_app
    return source
