"""Determinations: the one outcome of each enterprise on each platform in a year's count.

Pure. The precedence of outcomes is that of design section 7.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from verifier.counting.backdated import Backdated
from verifier.counting.eligibility import (
    Case,
    Criterion,
    CriterionName,
    Measure,
    criteria,
    is_in_scope,
    year_counted,
)
from verifier.counting.registry import Enterprise, Platform
from verifier.counting.windows import Window
from verifier.policy import Policy

__all__ = ["Claim", "Determination", "Outcome", "Overlap", "determinations", "overlaps"]


class Outcome(StrEnum):
    """What a count says of one enterprise on one platform."""

    COUNTED = "counted"
    HELD = "held"
    EXCLUDED = "excluded"
    OUT_OF_SCOPE = "out_of_scope"
    PLATFORM_NOT_RECOGNISED = "platform_not_recognised"
    POLICY_NOT_IN_FORCE = "policy_not_in_force"
    CONNECTED_EARLIER = "connected_earlier"
    COUNTED_ELSEWHERE = "counted_elsewhere"
    PENDING = "pending"
    NOT_EFFECTIVE = "not_effective"


_HOLDING: Final = (CriterionName.NOT_HELD, CriterionName.CONFIRMED)
"""What holds a case back without taking its place."""


class Claim(NamedTuple):
    """An enterprise that counts on a platform in some year, compared by who comes first."""

    connected_on: date
    signed_on: date
    platform_code: str
    year: int
    is_held: bool


@dataclass(frozen=True, slots=True)
class Determination:
    """One enterprise's outcome on one platform, with its criteria."""

    platform: Platform
    enterprise: Enterprise
    outcome: Outcome
    window: Window | None
    """The window by which it is connected; None where that counts for a later year."""
    year_counted: int | None
    """The year for which its earliest window counts, later ones included."""
    pending_until: date | None
    """Of a pending one: the earliest last day its window could have."""
    criteria: tuple[Criterion, ...]
    backdated: tuple[Backdated, ...] | None = None
    """What of it was recorded late; None: under a policy of before that was a rule."""

    @property
    def confirmation(self) -> Mapping[str, int | str] | None:
        """What the enterprise says of the connection; None: the policy asks for nothing."""
        for each in self.criteria:
            if each.name is CriterionName.CONFIRMED:
                return each.measured if isinstance(each.measured, Mapping) else {"answer": "none"}
        return None

    @property
    def connected_on(self) -> date | None:
        """The first day of its window."""
        return None if self.window is None else self.window.first_day

    @property
    def live_percent(self) -> dict[str, Measure]:
        """Which share of its window's hours was heard live, as JSON has it.

        Nothing where the policy asks for none, so that counts by it stay what they were.
        """
        for each in self.criteria:
            if each.name is CriterionName.LIVE_SHARE:
                return {"window_live_percent": each.measured}
        return {}

    @property
    def reasons(self) -> list[str]:
        """Names of the criteria that are not met, whatever the outcome."""
        return [each.name.value for each in self.criteria if each.is_met is False]


@dataclass(frozen=True, slots=True)
class Overlap:
    """An enterprise that counts on several platforms, for review."""

    enterprise: Enterprise
    claims: tuple[Claim, ...]


def determinations(cases: Sequence[Case], year: int, policy: Policy) -> list[Determination]:
    """The outcome of every case that a year's count lists.

    Args:
        cases: every case there is, listed or not: under `city` an enterprise may count elsewhere.
        year: the year of the count.
        policy: the rules.

    Returns:
        In the order of the cases; a case is listed when one of its connections overlaps the year,
        or when its window counts for it (it ended in the year, the connection before).
    """
    only_claims: Mapping[str, Claim] = {}
    if policy.connection_uniqueness.value == "city":
        only_claims = {uscc: min(claims) for uscc, claims in _claims(cases, policy).items()}
    return [
        _determination(case, year, policy, only_claims.get(case.enterprise.uscc))
        for case in cases
        if _is_listed(case, year, policy)
    ]


def overlaps(cases: Sequence[Case], year: int, policy: Policy) -> list[Overlap]:
    """Enterprises that count in this year and, this year or earlier, on another platform too."""
    if policy.connection_uniqueness.value == "city":
        return []
    enterprises = {case.enterprise.uscc: case.enterprise for case in cases}
    found = []
    for uscc, all_claims in _claims(cases, policy).items():
        claims = sorted(each for each in all_claims if each.year <= year and not each.is_held)
        if len(claims) > 1 and any(each.year == year for each in claims):
            found.append(Overlap(enterprises[uscc], tuple(claims)))
    return sorted(found, key=lambda overlap: overlap.enterprise.uscc)


def _is_listed(case: Case, year: int, policy: Policy) -> bool:
    if any(connection.overlaps_year(year) for connection in case.connections):
        return True
    return case.window is not None and year_counted(case.window, policy) == year


def _claims(cases: Iterable[Case], policy: Policy) -> dict[str, list[Claim]]:
    """Where each enterprise on several platforms would count if no other had it; by uscc.

    A held case keeps its place: a hold is lifted later, and nothing may be paid twice by then.
    """
    platforms = Counter(case.enterprise.uscc for case in cases)
    claims: dict[str, list[Claim]] = defaultdict(list)
    for case in cases:
        if case.window is None or platforms[case.enterprise.uscc] == 1:
            continue
        year = year_counted(case.window, policy)
        results = criteria(case, year, policy)
        if all(each.is_met for each in results if each.name not in _HOLDING):
            claims[case.enterprise.uscc].append(
                Claim(
                    connected_on=case.window.first_day,
                    signed_on=_signed_on(case, case.window.first_day),
                    platform_code=case.platform.code,
                    year=year,
                    is_held=any(each.is_met is False for each in results if each.name in _HOLDING),
                )
            )
    return claims


def _signed_on(case: Case, connected_on: date) -> date:
    """The date of the contract under which a case was connected; an unknown one comes last."""
    signed = (each.signed_on for each in case.connections if each.covers(connected_on))
    return next(signed, None) or date.max


def _determination(
    case: Case, year: int, policy: Policy, only_claim: Claim | None
) -> Determination:
    results = criteria(case, year, policy)
    counted = None if case.window is None else year_counted(case.window, policy)
    window = case.window if counted is not None and counted <= year else None
    if policy.connection_uniqueness.value == "city":
        results = (*results, _counted_once(case, window, policy, only_claim))
    outcome = _outcome(case, window, results)
    return Determination(
        platform=case.platform,
        enterprise=case.enterprise,
        outcome=outcome,
        window=window,
        year_counted=counted,
        pending_until=case.possible_window.last_day
        if outcome is Outcome.PENDING and case.possible_window
        else None,
        criteria=results,
    )


def _counted_once(
    case: Case, window: Window | None, policy: Policy, only_claim: Claim | None
) -> Criterion:
    """Under `city`: no other platform connected the enterprise first."""
    elsewhere = only_claim is not None and only_claim.platform_code != case.platform.code
    return Criterion(
        name=CriterionName.COUNTED_ONCE,
        is_met=None if window is None else not elsewhere,
        measured=only_claim.platform_code if only_claim else None,
        required=case.platform.code,
        clause=policy.connection_uniqueness.clause,
        basis=policy.connection_uniqueness.basis,
    )


def _outcome(case: Case, window: Window | None, results: Sequence[Criterion]) -> Outcome:
    """The first outcome that applies, in the order of design section 7."""
    if not is_in_scope(results):
        return Outcome.OUT_OF_SCOPE
    if case.has_open("exclude"):
        return Outcome.EXCLUDED
    if window is None:
        return Outcome.NOT_EFFECTIVE if case.possible_window is None else Outcome.PENDING
    failed = {each.name for each in results if not each.is_met}
    order = {
        CriterionName.NEWLY_CONNECTED: Outcome.CONNECTED_EARLIER,
        CriterionName.PLATFORM_RECOGNISED: Outcome.PLATFORM_NOT_RECOGNISED,
        CriterionName.POLICY_IN_FORCE: Outcome.POLICY_NOT_IN_FORCE,
        CriterionName.LIVE_SHARE: Outcome.NOT_EFFECTIVE,
        CriterionName.COUNTED_ONCE: Outcome.COUNTED_ELSEWHERE,
        CriterionName.NOT_HELD: Outcome.HELD,
    }
    if any(each.name is CriterionName.CONFIRMED and each.is_met is False for each in results):
        order[CriterionName.CONFIRMED] = Outcome.HELD
    return next((order[name] for name in order if name in failed), Outcome.COUNTED)
