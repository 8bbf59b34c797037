"""From which day on registered periods give evidence: evidence follows registration. Pure.

Whoever is paid by what is heard could write down afterwards for whom a machine stood. So a
connection or an assignment gives evidence from `max(from_date, recorded_on - backdate_days_max)`,
and before that only where people answer for it: a `backdate` decision on the case, or the accepted
opening stock of a registry (design section 7). Neither covers what was recorded after it.

Evidence that nobody answers for may fail to count. It never fails to speak against: otherwise
whoever was connected last year would be new this year by being registered late.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from verifier.counting.activity import Assignments, Coverage, IntArray
from verifier.counting.eligibility import Case
from verifier.counting.evidence import Evidence
from verifier.policy import Policy

__all__ = [
    "Acceptance",
    "BoolArray",
    "Reading",
    "acceptances",
    "earliest_evidence",
    "evidence_under",
    "has_late_records",
    "microseconds_of",
]

Reading: TypeAlias = Literal["ruled", "whole", "strict"]
"""`ruled`: as the rule says; `whole`: as if all that was recorded late were accepted; `strict`: as
if nothing were."""

_NOBODY: Final = 0
"""Ids of decisions and opening stocks begin at 1."""
_NEVER: Final = np.iinfo(np.int64).min
_ALWAYS: Final = np.iinfo(np.int64).max
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)

BoolArray: TypeAlias = npt.NDArray[np.bool_]
_Periods = TypeVar("_Periods", Assignments, Coverage)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """By what each period counts from its first day, recorded late or not; 0: by nothing."""

    decision: IntArray
    opening_stock: IntArray

    @property
    def is_accepted(self) -> BoolArray:
        """Whether somebody answers for the period."""
        accepted: BoolArray = (self.decision != _NOBODY) | (self.opening_stock != _NOBODY)
        return accepted


def evidence_under(
    evidence: Evidence,
    policy: Policy,
    reading: Reading = "ruled",
    against: BoolArray | None = None,
) -> Evidence:
    """The same evidence, its periods beginning where the rule lets them.

    Under a policy of before this rule every period gives evidence from its first day.

    Args:
        evidence: as it was read.
        policy: the rules.
        reading: of all cases but those.
        against: of each case, whether it is read whole, since that speaks against it; None: none.
    """
    return replace(
        evidence,
        assignments=_begun(evidence.assignments, evidence, policy, reading, against),
        coverage=_begun(evidence.coverage, evidence, policy, reading, against),
    )


def earliest_evidence(periods: Assignments | Coverage, policy: Policy) -> IntArray:
    """From which day on periods give evidence by themselves, whoever answers for them; ordinals."""
    if policy.backdate_days_max is None or periods.recorded is None:
        return periods.first
    return np.maximum(periods.first, periods.recorded.on - policy.backdate_days_max.value)


def has_late_records(evidence: Evidence, policy: Policy) -> bool:
    """Whether any period begins before it gives evidence by itself."""
    return any(
        bool((earliest_evidence(each, policy) > each.first).any())
        for each in (evidence.assignments, evidence.coverage)
    )


def acceptances(periods: Assignments | Coverage, evidence: Evidence) -> Acceptance:
    """Who answers for each period, whether or not it needs that."""
    none = np.full(len(periods.case), _NOBODY, dtype=np.int64)
    if periods.recorded is None:
        return Acceptance(none, none)
    recorded_at = periods.recorded.at
    decided_at, decision = _decided(evidence.cases, is_simulation=evidence.is_simulation)
    by_decision = np.where(recorded_at <= decided_at[periods.case], decision[periods.case], _NOBODY)
    by_stock = none.copy()
    codes = np.array([each.platform.code for each in evidence.cases], dtype=np.str_)
    for stock in reversed(evidence.opening_stocks):  # the first that accepts it is the one named
        covered = periods.recorded.on <= stock.stood_on.toordinal()
        if not evidence.is_simulation:
            covered &= recorded_at <= microseconds_of(stock.decided_at)
        if stock.platform_code is not None:
            covered &= (codes == stock.platform_code)[periods.case]
        by_stock[covered] = stock.id
    return Acceptance(by_decision, by_stock)


def _begun(
    periods: _Periods,
    evidence: Evidence,
    policy: Policy,
    reading: Reading,
    against: BoolArray | None,
) -> _Periods:
    if policy.backdate_days_max is None or periods.recorded is None or reading == "whole":
        return replace(periods, evidence_from=None)
    start = earliest_evidence(periods, policy)
    if reading == "ruled":
        accepted = acceptances(periods, evidence).is_accepted
        start = np.where(accepted, periods.first, start)
    if against is not None:
        start = np.where(against[periods.case], periods.first, start)
    # Of what was recorded after its end nothing is left, and never less than nothing.
    return replace(periods, evidence_from=np.minimum(start, np.maximum(periods.end, periods.first)))


def _decided(cases: Sequence[Case], *, is_simulation: bool) -> tuple[IntArray, IntArray]:
    """Until when each case's `backdate` decision accepts what is recorded, and its number."""
    until = np.full(len(cases), _NEVER, dtype=np.int64)
    number = np.full(len(cases), _NOBODY, dtype=np.int64)
    for index, case in enumerate(cases):
        for decision in case.decisions:
            if decision.kind == "backdate":
                # A simulated registry plays another time than those who decide.
                until[index] = _ALWAYS if is_simulation else microseconds_of(decision.decided_at)
                number[index] = decision.id
    return until, number


def microseconds_of(instant: datetime) -> int:
    """An instant as `Recorded` counts it."""
    return (instant - _EPOCH) // timedelta(microseconds=1)
