"""Where each enterprise stands in a year: how far its window is, and by when it can be complete.

Pure. Nothing here knows a rule: what lies ahead is supposed to be active or silent, and the count's
own functions are asked what they would make of it. A promise is therefore what the count itself
will say, should the days come as they are supposed to.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from verifier.counting.determination import Determination, Outcome, determinations
from verifier.counting.eligibility import (
    Case,
    possible_starts,
    speaks_against,
    waived,
    window_rule,
)
from verifier.counting.evaluation import Evaluation
from verifier.counting.windows import (
    ActiveDays,
    IntArray,
    Window,
    WindowRule,
    best_attempts,
    earliest_windows,
)
from verifier.policy import Policy

BoolArray = npt.NDArray[np.bool_]

__all__ = ["Outlook", "Result", "outlooks"]

_FEW_DAYS: Final = 10
"""With less gap left than this, an enterprise that is silent is at risk."""
_SILENT_DAYS: Final = 3
"""More than a weekend."""
_HARDLY_ANY_DAYS: Final = 3
"""With less gap left than this, an enterprise is at risk even while it is heard."""


class Result(StrEnum):
    """Where an enterprise stands in the year, the best first."""

    COUNTED = "counted"
    PENDING = "pending"
    """Its window runs, or is complete and held back."""
    AT_RISK = "at_risk"
    """Its window runs and is about to break."""
    NOT_YET = "not_yet"
    """No window runs; one for this year can still begin."""
    NOT_THIS_YEAR = "not_this_year"
    """Whatever comes, it does not count for this year."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where one enterprise stands on one platform in a year, as of a day."""

    determination: Determination
    result: Result
    expected: Outcome
    """What the count says on `complete_on` if every day until then is active."""
    rule: WindowRule
    """What makes its window effective, waivers honoured."""
    active_days: int
    """So far, in its window or, where none runs, in its best attempt."""
    first_day: date | None
    """Of its window: complete, or running; None: none runs."""
    complete_on: date | None
    """The earliest last day of a window; None: there can be none for this year."""
    silent_days: int
    """Of a running window: since the last active day."""
    gap_left_days: int | None
    """Of a running window: further silent days in a row, from the day after the evidence on, that
    leave `complete_on` as it is; None: no window runs, or it can no longer break."""
    last_start_on: date | None
    """The last day on which a window for this year can begin; None where it makes no difference."""

    @property
    def runs(self) -> bool:
        """Whether its window has begun and is not complete."""
        return self.first_day is not None and self.determination.window is None

    @property
    def key(self) -> tuple[str, str]:
        """Platform and uscc."""
        return self.determination.platform.code, self.determination.enterprise.uscc


def outlooks(evaluation: Evaluation) -> list[Outlook]:
    """Where every enterprise that a count lists stands, in the order of the count."""
    count = evaluation.count
    listed = {_key(each): each for part in count.platforms for each in part.determinations}
    promised = _promised_windows(evaluation)
    ahead = [
        case if case.window is not None else replace(case, window=window, possible_window=None)
        for case, window in zip(evaluation.cases, promised, strict=True)
    ]
    expected = {
        _key(each): each.outcome for each in determinations(ahead, count.year, count.policy)
    }
    running = _running(evaluation, promised)
    attempts = _best_attempts(
        evaluation,
        [
            row
            for row, case in enumerate(evaluation.cases)
            if case.window is None and row not in running and _key(case) in listed
        ],
    )
    last_starts = _LastStarts(count.year, count.policy)
    found = {}
    for row, case in enumerate(evaluation.cases):
        key = _key(case)
        if key not in listed:
            continue
        told = listed[key]
        run = running.get(row)
        outcome = expected.get(key, told.outcome)
        result = _result(told.outcome, outcome, run)
        window = told.window or promised[row]
        can_count = result is not Result.NOT_THIS_YEAR
        has_begun = told.window is not None or run is not None
        found[key] = Outlook(
            determination=told,
            result=result,
            expected=outcome,
            rule=_rule(case, count.policy),
            active_days=run.active_days
            if run
            else told.window.active_days
            if told.window
            else attempts.get(row, 0),
            first_day=window.first_day if window is not None and has_begun else None,
            complete_on=window.last_day
            if window is not None and (can_count or told.window is not None)
            else None,
            silent_days=run.silent_days if run else 0,
            gap_left_days=run.gap_left_days if run and can_count else None,
            last_start_on=last_starts.of(case) if can_count and told.window is None else None,
        )
    return [found[key] for key in listed]


@dataclass(frozen=True, slots=True)
class _Run:
    """A window that has begun and is not complete."""

    active_days: int
    silent_days: int
    gap_left_days: int | None


def _result(outcome: Outcome, expected: Outcome, run: _Run | None) -> Result:
    if outcome is Outcome.COUNTED:
        return Result.COUNTED
    if outcome is Outcome.HELD:
        return Result.PENDING
    if outcome is not Outcome.PENDING or expected not in (Outcome.COUNTED, Outcome.HELD):
        return Result.NOT_THIS_YEAR
    if run is None:
        return Result.NOT_YET
    left = run.gap_left_days
    if left is not None and (
        left < _HARDLY_ANY_DAYS or (left < _FEW_DAYS and run.silent_days >= _SILENT_DAYS)
    ):
        return Result.AT_RISK
    return Result.PENDING


def _key(each: Case | Determination) -> tuple[str, str]:
    return each.platform.code, each.enterprise.uscc


def _rule(case: Case, policy: Policy) -> WindowRule:
    return window_rule(waived(policy, case.decisions))


def _rows_by_rule(
    evaluation: Evaluation, rows: Sequence[int]
) -> Iterator[tuple[WindowRule, IntArray]]:
    by_rule: dict[WindowRule, list[int]] = defaultdict(list)
    for row in rows:
        by_rule[_rule(evaluation.cases[row], evaluation.count.policy)].append(row)
    for rule, chosen in by_rule.items():
        yield rule, np.array(chosen, dtype=np.int64)


def _promised_windows(evaluation: Evaluation) -> list[Window | None]:
    """The first window of each case if every day after the evidence is active.

    Over all history, as the count looks: it may turn out to be one of the year before.
    """
    count = evaluation.count
    promised: list[Window | None] = [case.window for case in evaluation.cases]
    open_rows = [row for row, case in enumerate(evaluation.cases) if case.possible_window]
    as_of = count.as_of.toordinal()
    for rule, rows in _rows_by_rule(evaluation, open_rows):
        end = possible_starts(count.year, rule, count.policy)[1] + timedelta(rule.window_days - 1)
        # None is complete, so none that began so long ago can be.
        first = as_of - rule.window_days + 1
        days = evaluation.days.rows(rows).between(first, max(end.toordinal(), as_of))
        days[:, as_of + 1 - first :] = True
        for row, window in zip(
            rows.tolist(), earliest_windows(ActiveDays(first, days), rule, end), strict=True
        ):
            promised[row] = window
    return promised


def _running(evaluation: Evaluation, promised: Sequence[Window | None]) -> dict[int, _Run]:
    """The windows that have begun and are not complete, by the row of their case."""
    as_of = evaluation.count.as_of
    begun = {
        row: window.first_day
        for row, window in enumerate(promised)
        if window is not None and evaluation.cases[row].window is None and window.first_day <= as_of
    }
    found = {}
    for rule, rows in _rows_by_rule(evaluation, list(begun)):
        # Each row begins with its own window, so that nothing but this window is asked about.
        firsts = np.array([begun[row].toordinal() for row in rows.tolist()], dtype=np.int64)
        inside = _from_own_days(evaluation.days, rows, firsts, rule.window_days)
        known = as_of.toordinal() - firsts
        left = _gaps_left(inside, known, rule)
        day = np.arange(rule.window_days)
        inside &= day <= known[:, None]
        silent = known - np.where(inside, day, 0).max(axis=1)
        ahead = rule.window_days - 1 - known
        for row, active_days, silent_days, gap, most in zip(
            rows.tolist(),
            inside.sum(axis=1).tolist(),
            silent.tolist(),
            left.tolist(),
            ahead.tolist(),
            strict=True,
        ):
            found[row] = _Run(active_days, silent_days, gap if gap < most else None)
    return found


def _from_own_days(days: ActiveDays, rows: IntArray, firsts: IntArray, length: int) -> BoolArray:
    """So many days of each row from its own first day on."""
    start = int(firsts.min())
    block = days.rows(rows).between(start, int(firsts.max()) + length - 1)
    places = (firsts - start)[:, None] + np.arange(length)
    return np.take_along_axis(block, places, axis=1)


def _gaps_left(inside: BoolArray, known: IntArray, rule: WindowRule) -> IntArray:
    """The most silent days after the known ones that leave each window effective.

    One more silent day never makes a window effective, so halving finds the border.
    """
    day = np.arange(rule.window_days)
    end = date.fromordinal(rule.window_days)
    low = np.zeros(len(known), dtype=np.int64)
    high = rule.window_days - 1 - known
    while (low < high).any():
        tried = (low + high + 1) // 2
        active = np.where(day <= known[:, None], inside, day > (known + tried)[:, None])
        holds = np.array(
            [each is not None for each in earliest_windows(ActiveDays(1, active), rule, end)]
        )
        low, high = np.where(holds, tried, low), np.where(holds, high, tried - 1)
    return low


def _best_attempts(evaluation: Evaluation, wanted: Sequence[int]) -> dict[int, int]:
    """The most active days that a window of the year has, were no further day active."""
    count = evaluation.count
    found = {}
    for rule, rows in _rows_by_rule(evaluation, wanted):
        starts = possible_starts(count.year, rule, count.policy)
        end = starts[1] + timedelta(days=rule.window_days - 1)
        attempts = best_attempts(evaluation.days.rows(rows), rule, end, starts)
        for row, attempt in zip(rows.tolist(), attempts, strict=True):
            if attempt is not None:
                found[row] = attempt.active_days
    return found


class _LastStarts:
    """The last day on which a window can begin that counts; the same for most of a platform."""

    def __init__(self, year: int, policy: Policy) -> None:
        self._year = year
        self._policy = policy
        self._known: dict[tuple[str, WindowRule], date | None] = {}

    def of(self, case: Case) -> date | None:
        """Of one case."""
        rule = _rule(case, self._policy)
        key = case.platform.code, rule
        if key not in self._known:
            self._known[key] = self._latest(case, rule)
        return self._known[key]

    def _latest(self, case: Case, rule: WindowRule) -> date | None:
        """The latest of the days on which anything can change that still counts."""
        first, last = possible_starts(self._year, rule, self._policy)
        ends = [self._policy.in_force_to.value] + [
            each.revoked_on - timedelta(days=1)
            for each in case.platform.recognitions
            if each.revoked_on is not None
        ]
        candidates = {last} | {day for day in ends if first <= day <= last}
        for day in sorted(candidates, reverse=True):
            window = Window(day, day + timedelta(days=rule.window_days - 1), rule.window_days, 0)
            begun = replace(case, window=window, possible_window=None, live_share=None)
            if not speaks_against(begun, self._year, self._policy):
                return day
        return None
