"""Cases with their earliest windows, whatever year these count for. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from verifier.counting.eligibility import Case, waived, window_rule
from verifier.counting.windows import ActiveDays, WindowRule, earliest_windows
from verifier.policy import Policy

__all__ = ["with_earliest_windows"]


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
