"""What was measured of one case, and over which days: the criteria as a reader sees them. Pure."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

import numpy as np

from verifier.counting.determination import Determination, Outcome
from verifier.counting.eligibility import Case, Measure, possible_starts, waived, window_rule
from verifier.counting.windows import ActiveDays, Window, best_attempts
from verifier.policy import WAIVABLE, Basis, Policy

__all__ = [
    "CriterionRow",
    "Period",
    "PeriodKind",
    "criterion_rows",
    "period_of_case",
]

PeriodKind = Literal["window", "possible", "attempt", "year"]
"""What the measures are taken over: the window by which the enterprise is connected; of a pending
one the window it could still have, so far; else its best attempt; else the year."""


@dataclass(frozen=True, slots=True)
class Period:
    """The days over which a case was measured, both inclusive."""

    kind: PeriodKind
    first_day: date
    last_day: date


class CriterionRow(NamedTuple):
    """One criterion as a reader sees it."""

    name: str
    is_met: bool | None
    """None where it cannot be measured."""
    measured: Measure
    required: Measure
    clause: str | None
    basis: Basis
    waiver_id: int | None = None
    """The decision that set what is required, where one did."""


def period_of_case(
    case: Case,
    determination: Determination,
    days: ActiveDays,
    year: int,
    as_of: date,
    policy: Policy,
) -> tuple[Period, Window]:
    """Over which days to measure a case, and what the enterprise's own days measured there.

    Args:
        case: with its window, or the one it could still have.
        determination: of this case.
        days: of this case alone, one row.
        year: the year of the count.
        as_of: the last day of evidence.
        policy: the rules.
    """
    rule = window_rule(waived(policy, case.decisions))
    if determination.window is not None:
        window = determination.window
        return Period("window", window.first_day, window.last_day), window
    kind: PeriodKind
    if determination.outcome is Outcome.PENDING and case.possible_window is not None:
        kind, first = "possible", case.possible_window.first_day
        last = min(case.possible_window.last_day, as_of)
    else:
        starts = possible_starts(year, rule, policy)
        (attempt,) = best_attempts(days, rule, as_of, starts)
        if attempt is not None:
            return Period("attempt", attempt.first_day, attempt.last_day), attempt
        kind, first, last = "year", date(year, 1, 1), min(date(year, 12, 31), as_of)
    return Period(kind, first, last), _measured(days, first, last)


def _measured(days: ActiveDays, first: date, last: date) -> Window:
    """What the days between two dates hold, whether or not they make a window."""
    inside = days.between(first.toordinal(), last.toordinal())[0]
    active = np.flatnonzero(inside)
    gaps = np.diff(active, prepend=-1, append=len(inside)) - 1
    return Window(first, last, len(active), int(gaps.max(initial=0)))


def criterion_rows(
    case: Case,
    determination: Determination,
    measured: Window,
    most_hours: int,
    devices_at_once: int,
    policy: Policy,
) -> tuple[CriterionRow, ...]:
    """The criteria of a determination, the numeric ones behind the window they make.

    Args:
        case: the case, for its open waivers.
        determination: of this case.
        measured: what its days held in the period, as `period_of_case` gives it.
        most_hours: the most hours any of its devices was heard on one day of the period.
        devices_at_once: the most devices active on one day of it.
        policy: the rules.
    """
    required = waived(policy, case.decisions)
    waivers = {each.criterion: each.id for each in case.decisions if each.kind == "waive"}
    length = max((measured.last_day - measured.first_day).days + 1, 0)
    values = {
        "active_hours_per_day_min": most_hours,
        "active_devices_min": devices_at_once,
        "window_days": length,
        "active_days_min": measured.active_days,
        "longest_gap_days_max": measured.longest_gap_days,
    }
    rows = [CriterionRow(*each) for each in determination.criteria]
    numeric = [
        CriterionRow(
            name=name,
            is_met=values[name] <= required[name]
            if name == "longest_gap_days_max"
            else values[name] >= required[name],
            measured=values[name],
            required=required[name],
            clause=getattr(policy, name).clause,
            basis=getattr(policy, name).basis,
            waiver_id=waivers.get(name),
        )
        for name in WAIVABLE
    ]
    return (rows[0], *numeric, *rows[1:])
