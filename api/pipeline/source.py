"""The pipeline for requests: outlooks are computed when something changed, not at each visit."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Final

import numpy as np
from fastapi import Depends

from api.access.caller import Caller
from api.pipeline.next_step import next_step
from api.pipeline.queries import read_readiness, read_stamp
from api.pipeline.readiness import Readiness
from api.pipeline.rows import Figures, PipelineRow
from api.web.database import RequestDatabase
from api.web.lanes import Lane
from api.web.recent import RecentResults
from api.web.services import service
from jieru.calendar import civil_date
from verifier.counting.active_calendar import CalendarMonth, calendar_of
from verifier.counting.award import award_lines
from verifier.counting.eligibility import Case, waived
from verifier.counting.evaluation import Evaluation
from verifier.counting.measures import Period
from verifier.counting.outlook import Outlook, Result, outlooks
from verifier.counting.registry import Platform
from verifier.counting.run import evaluate
from verifier.policy import Policy

__all__ = ["CurrentPipelines", "EnterpriseYear", "Pipeline", "PipelineSource"]

_KEPT_S: Final = 5.0
"""What the registry has of ten thousand enterprises takes a third of a second to look at."""
_OUTLOOKS_KEPT_S: Final = 600.0
"""Heartbeats of days that are over still arrive, for the days that a policy lets them."""
_PAUSE_S: Final = 10.0
"""Between two computations at least, however much is registered meanwhile."""
_PAUSE_TIMES: Final = 10
"""And so many times as long as the last one took, lest a large city's take all of a processor."""
_WAIT_S: Final = 0.5
"""For outlooks that nobody has computed yet; a page that is shown without them asks again."""
_WAIT_FOR_NEWER_S: Final = 0.3
"""Enough for some hundred enterprises: whoever registers something sees at once what of it."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Every enterprise of a platform, or of all, in a year."""

    year: int
    as_of: date
    """The last day of the evidence of which it speaks."""
    computed_at: datetime | None
    """When the outlooks were; None: they still are."""
    rows: tuple[PipelineRow, ...]
    figures: Figures | None
    """None: not computed yet."""


@dataclass(frozen=True, slots=True)
class EnterpriseYear:
    """One enterprise on one platform in the year, with its calendar."""

    year: int
    as_of: date
    row: PipelineRow
    calendar: tuple[CalendarMonth, ...]


@dataclass(frozen=True, slots=True)
class _City:
    """The outlooks of all enterprises, as of a day."""

    as_of: date
    stamp: int
    computed_at: datetime
    done_s: float
    took_s: float
    outlooks: Mapping[tuple[str, str], Outlook]
    devices_min: Mapping[tuple[str, str], int]
    platforms: Mapping[str, Platform]


class PipelineSource:
    """Keeps the outlooks of a city; whoever asks is shown them, and the registry of this moment.

    They are computed once in a thread of their own when the day, the registry or a decision has
    changed, or after some minutes for heartbeats that came late. Until then, and until they are
    done, the ones before are shown with the day of which they speak.
    """

    def __init__(
        self,
        database: RequestDatabase,
        *,
        policy: Policy,
        as_of: Callable[[], date],
        year: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Compute nothing yet.

        Args:
            database: where the evidence is.
            policy: the rules.
            as_of: the last day of evidence.
            year: which is shown; None: that of `as_of`.
            clock: gives seconds that never go back.
        """
        self.policy = policy
        self._database = database
        self._as_of = as_of
        self._year = year
        self._clock = clock
        self._ready = RecentResults[tuple[int | None, int], list[Readiness]](_KEPT_S, clock=clock)
        self._lock = threading.Lock()
        self._city: _City | None = None
        self._computing: Future[_City] | None = None

    def pipeline(self, caller: Caller, now: datetime, *, wait_s: float | None = None) -> Pipeline:
        """Every enterprise of an operator's own platform, or of all for everybody else.

        Args:
            caller: who asks.
            now: this moment.
            wait_s: for outlooks that are being computed; None: a moment.
        """
        as_of = self._as_of()
        year = self._year or as_of.year
        own = caller.platform_id
        # First, for outlooks that are computed beside it take their part of the processor.
        ready = self._ready.get((own, year), lambda: self._read(own, year, now))
        city = self._newest(as_of, wait_s)
        rows = tuple(_row(each, city, self.policy, civil_date(now)) for each in ready)
        return Pipeline(
            year=year,
            as_of=city.as_of if city else as_of,
            computed_at=city.computed_at if city else None,
            rows=rows,
            figures=_figures(caller, rows, city, year, self.policy) if city else None,
        )

    def enterprise(self, caller: Caller, uscc: str, now: datetime) -> list[EnterpriseYear]:
        """One enterprise on each platform that the caller may see; always computed anew."""
        as_of = self._as_of()
        year = self._year or as_of.year
        with self._database.snapshot() as connection:
            ready = read_readiness(connection, caller.platform_id, year, now, uscc)
            if not ready:
                return []
            evaluation = evaluate(connection, year, as_of=as_of, policy=self.policy, uscc=uscc)
        city = _city_of(evaluation, 0, now, 0.0, 0.0)
        return [
            EnterpriseYear(year, as_of, row, _calendar(evaluation, row, year, as_of))
            for row in (_row(each, city, self.policy, civil_date(now)) for each in ready)
        ]

    def _read(self, platform_id: int | None, year: int, now: datetime) -> list[Readiness]:
        with self._database.reading() as connection:
            return read_readiness(connection, platform_id, year, now)

    def _newest(self, as_of: date, wait_s: float | None) -> _City | None:
        """The outlooks there are; where something changed, newer ones are begun."""
        with self._database.reading() as connection:
            stamp = read_stamp(connection)
        with self._lock:
            city, running = self._city, self._computing
            if running is None and self._is_old(city, as_of, stamp):
                running = self._computing = Future()
                threading.Thread(
                    target=self._compute, args=(running, as_of), name="outlooks", daemon=True
                ).start()
        if running is not None and (city is None or city.stamp != stamp or city.as_of != as_of):
            # Whoever has just registered something is shown it, where that takes no longer.
            with contextlib.suppress(NotYetError):
                usual_s = _WAIT_S if city is None else _WAIT_FOR_NEWER_S
                return running.result(timeout=usual_s if wait_s is None else wait_s)
        return city

    def _is_old(self, city: _City | None, as_of: date, stamp: int) -> bool:
        if city is None or city.as_of != as_of:
            return True
        age_s = self._clock() - city.done_s
        return age_s > _OUTLOOKS_KEPT_S or (
            city.stamp != stamp and age_s > max(_PAUSE_S, _PAUSE_TIMES * city.took_s)
        )

    def _compute(self, told: Future[_City], as_of: date) -> None:
        began_s = self._clock()
        try:
            with self._database.snapshot(Lane.HEAVY) as connection:
                stamp = read_stamp(connection)
                evaluation = evaluate(
                    connection, self._year or as_of.year, as_of=as_of, policy=self.policy
                )
            city = _city_of(evaluation, stamp, datetime.now(UTC), began_s, self._clock())
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            with self._lock:
                self._computing = None
            told.set_exception(error)
            return
        with self._lock:
            self._city, self._computing = city, None
        told.set_result(city)


def _city_of(
    evaluation: Evaluation, stamp: int, at: datetime, began_s: float, done_s: float
) -> _City:
    policy = evaluation.count.policy
    return _City(
        as_of=evaluation.count.as_of,
        stamp=stamp,
        computed_at=at,
        done_s=done_s,
        took_s=done_s - began_s,
        outlooks={each.key: each for each in outlooks(evaluation)},
        devices_min={
            (case.platform.code, case.enterprise.uscc): _devices_min(case, policy)
            for case in evaluation.cases
        },
        platforms={each.code: each for each in evaluation.evidence.platforms},
    )


def _devices_min(case: Case, policy: Policy) -> int:
    return waived(policy, case.decisions)["active_devices_min"]


def _row(ready: Readiness, city: _City | None, policy: Policy, today: date) -> PipelineRow:
    key = ready.platform, ready.uscc
    outlook = city.outlooks.get(key) if city else None
    usual = policy.active_devices_min.value
    devices_min = city.devices_min.get(key, usual) if city else usual
    step = next_step(ready, outlook, devices_min=devices_min, today=today)
    return PipelineRow(ready, outlook, devices_min, step)


def _figures(
    caller: Caller, rows: tuple[PipelineRow, ...], city: _City, year: int, policy: Policy
) -> Figures:
    """By the award's own lines, which know the cap and what else a platform earns."""
    counted: Counter[str] = Counter()
    hoped: Counter[str] = Counter()
    for row in rows:
        if row.result is Result.COUNTED:
            counted[row.ready.platform] += 1
        elif row.result in (Result.PENDING, Result.AT_RISK):
            hoped[row.ready.platform] += 1
    own = caller.platform
    codes = [own.code] if own is not None else sorted({row.ready.platform for row in rows})
    clause = policy.award_per_enterprise_yuan.clause

    def lines(code: str, number: int) -> tuple[int, int]:
        found = award_lines(city.platforms[code], number, year, city.as_of, policy)
        newly = next(line for line in found if line.clause == clause)
        return newly.amount_yuan, newly.uncapped_yuan

    known = [code for code in codes if code in city.platforms]
    return Figures(
        award_yuan=sum(lines(code, counted[code])[0] for code in known),
        award_if_all_hold_yuan=sum(lines(code, counted[code] + hoped[code])[0] for code in known),
        uncapped_if_all_hold_yuan=sum(
            lines(code, counted[code] + hoped[code])[1] for code in known
        ),
        cap_yuan=policy.award_cap_yuan.value * len(known),
        platforms=len(known),
    )


def _calendar(
    evaluation: Evaluation, row: PipelineRow, year: int, as_of: date
) -> tuple[CalendarMonth, ...]:
    key = row.ready.platform, row.ready.uscc
    for place, case in enumerate(evaluation.cases):
        if (case.platform.code, case.enterprise.uscc) == key:
            outlook = row.outlook
            first = (outlook.first_day if outlook else None) or date(year, 1, 1)
            period = Period("year", first, as_of)
            days = evaluation.days.rows(np.array([place]))
            return calendar_of(case.connections, days, period, year, as_of)
    return ()


CurrentPipelines = Annotated[PipelineSource, Depends(service(PipelineSource))]
