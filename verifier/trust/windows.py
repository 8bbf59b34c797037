"""Cases with their earliest windows, whatever year these count for. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from verifier.counting.eligibility import Case, waived, window_rule
from verifier.counting.windows import ActiveDays, WindowRule, earliest_windows
from verifier.policy import Policy

__all__ = ["rests_on_late_days", "with_earliest_windows"]


def with_earliest_windows(
    cases: Sequence[Case], days: ActiveDays, as_of: date, policy: Policy
) -> tuple[Case, ...]:
    """Each case with the earliest complete effective window that it has by a day.

    Args:
        cases: in the order of the rows of `days`.
        days: on which each case was active.
        as_of: the last day a window may have.
        policy: what a window takes.
    """
    by_rule: dict[WindowRule, list[int]] = defaultdict(list)
    for number, case in enumerate(cases):
        by_rule[window_rule(waived(policy, case.decisions))].append(number)
    found = list(cases)
    for rule, numbers in by_rule.items():
        windows = earliest_windows(days.rows(np.array(numbers)), rule, as_of)
        for number, window in zip(numbers, windows, strict=True):
            found[number] = replace(found[number], window=window)
    return tuple(found)


def rests_on_late_days(
    case: Case, days: ActiveDays, recorded_on: date, as_of: date, policy: Policy
) -> bool:
    """Whether all that a window takes was there when a case was recorded, and nothing else is.

    Whoever registers late and goes on counts by what is heard from then on: the days before earn
    nothing. Where the machines are gone, or what came after did not suffice, somebody would be paid
    for days of before, were they accepted. Of these there must be as many as a window takes:
    whoever registered before that did not know whether there would be enough.

    Args:
        case: with the window that it has by itself.
        days: its one row, were all that was recorded late accepted.
        recorded_on: when the last of it was recorded.
        as_of: the last day a window may have.
        policy: what a window takes.
    """
    rule = window_rule(waived(policy, case.decisions))
    recorded = recorded_on.toordinal()
    active = days.first_day + np.flatnonzero(days.active[0])
    if int((active < recorded).sum()) < rule.active_days_min:
        return False
    if policy.backdate_days_max is None:  # then these days count by themselves
        return True
    if case.window is not None:
        return False
    goes_on = int(active[-1]) >= recorded
    has_time = recorded_on + timedelta(days=rule.window_days - 1) > as_of
    return not (goes_on and has_time)
