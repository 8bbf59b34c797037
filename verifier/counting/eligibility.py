"""The criteria of one enterprise on one platform, each measured against what is required.

Pure. Clause 1.2 pays for enterprises newly connected and effectively served; design section 7
names what that takes. Nothing stops at the first failure: an applicant hears all of them at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from verifier.counting.live_hours import LiveShare
from verifier.counting.registry import (
    Confirmation,
    Connection,
    Decision,
    DecisionKind,
    Enterprise,
    Platform,
)
from verifier.counting.windows import Window, WindowRule
from verifier.policy import LEVELS, WAIVABLE, Basis, Policy

__all__ = [
    "Case",
    "Criterion",
    "CriterionName",
    "Measure",
    "criteria",
    "is_in_scope",
    "possible_starts",
    "speaks_against",
    "waived",
    "window_rule",
    "year_counted",
]

Measure: TypeAlias = int | str | Sequence[str] | Mapping[str, int | str] | None
"""What was measured, or is required; goes into JSON as it is."""


class CriterionName(StrEnum):
    """What must hold for an enterprise to count; a failed one is a reason."""

    EFFECTIVE_WINDOW = "effective_window"
    LIVE_SHARE = "live_share_min"
    NEWLY_CONNECTED = "newly_connected"
    PLATFORM_RECOGNISED = "platform_recognised"
    POLICY_IN_FORCE = "policy_in_force"
    DISTRICT = "district"
    INDUSTRY = "industry"
    NOT_OWN_OPERATOR = "not_own_operator"
    NOT_EXCLUDED = "not_excluded"
    NOT_HELD = "not_held"
    CONFIRMED = "confirmed"
    """By the enterprise itself; only where the policy has `confirmation_required`."""
    COUNTED_ONCE = "counted_once"


_SCOPE: Final = (
    CriterionName.DISTRICT,
    CriterionName.INDUSTRY,
    CriterionName.NOT_OWN_OPERATOR,
)


_OF_WINDOW: Final = (
    CriterionName.LIVE_SHARE,
    CriterionName.NEWLY_CONNECTED,
    CriterionName.PLATFORM_RECOGNISED,
    CriterionName.POLICY_IN_FORCE,
)
"""What is measured by the window alone."""


class Criterion(NamedTuple):
    """One criterion as it turned out."""

    name: CriterionName
    is_met: bool | None
    """None where it cannot be measured, because there is no window."""
    measured: Measure
    required: Measure
    clause: str | None
    """None where the verifier decides, not the policy."""
    basis: Basis


@dataclass(frozen=True, slots=True)
class Case:
    """One enterprise on one platform: everything its determination rests on."""

    platform: Platform
    enterprise: Enterprise
    connections: tuple[Connection, ...]
    decisions: tuple[Decision, ...] = ()
    """The open ones."""
    window: Window | None = None
    """The earliest complete effective window, over all history."""
    possible_window: Window | None = None
    """Where none is complete: the earliest that could still count for the year."""
    live_share: LiveShare | None = None
    """Of the hours that make the window's active days; None: the policy asks for none."""
    confirmations: tuple[Confirmation, ...] = ()
    """Of its connections, those that the enterprise answered for; one each."""

    def confirmation_of(self, day: date) -> Confirmation | None:
        """The enterprise's answer about the connection that covers a day; None: there is none."""
        covering = {each.from_date for each in self.connections if each.covers(day)}
        return next((each for each in self.confirmations if each.from_date in covering), None)

    def has_open(self, kind: DecisionKind) -> bool:
        """Whether an open decision of this kind stands against it."""
        return any(decision.kind == kind for decision in self.decisions)


def waived(policy: Policy, decisions: Sequence[Decision]) -> dict[str, int]:
    """The numeric criteria of one case: the policy's values, or what open waivers put there."""
    values: dict[str, int] = {name: getattr(policy, name).value for name in WAIVABLE}
    for decision in decisions:
        if decision.kind == "waive" and decision.criterion in values and decision.value is not None:
            values[decision.criterion] = decision.value
    return values


def window_rule(values: Mapping[str, int]) -> WindowRule:
    """What makes a window effective under these numeric criteria."""
    return WindowRule(
        window_days=values["window_days"],
        active_days_min=values["active_days_min"],
        longest_gap_days_max=values["longest_gap_days_max"],
    )


def year_counted(window: Window, policy: Policy) -> int:
    """The year a window counts for."""
    day = window.first_day if policy.count_year_of.value == "window_start" else window.last_day
    return day.year


def possible_starts(year: int, rule: WindowRule, policy: Policy) -> tuple[date, date]:
    """The first and the last day on which a window that counts for a year may start."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    if policy.count_year_of.value == "window_start":
        return first, last
    length = timedelta(days=rule.window_days - 1)
    return first - length, last - length


def criteria(case: Case, year: int, policy: Policy) -> tuple[Criterion, ...]:
    """Every criterion of a case in a year's count, met or not.

    A window that counts for a later year is not a window for this one. Whether the enterprise
    counts on another platform already is not known here (`determination`).
    """
    window = case.window
    if window is not None and year_counted(window, policy) > year:
        window = None
    return (
        _effective_window(case, window, policy),
        *_live_share(case, window, policy),
        _newly_connected(window, year, policy),
        _platform_recognised(case.platform, window, year, policy),
        _policy_in_force(window, policy),
        *_scope(case, policy),
        _no_open_decision(CriterionName.NOT_EXCLUDED, "exclude", case),
        _no_open_decision(CriterionName.NOT_HELD, "hold", case),
        *_confirmed(case, window, policy),
    )


def speaks_against(case: Case, year: int, policy: Policy) -> bool:
    """Whether the window of a case shows by itself that it does not count for a year.

    Its first day and how it was heard are facts, whoever wrote down afterwards for whom.
    """
    return any(
        each.is_met is False for each in criteria(case, year, policy) if each.name in _OF_WINDOW
    )


def is_in_scope(results: Sequence[Criterion]) -> bool:
    """Whether district, industry and operator are those the policy is for."""
    return all(each.is_met for each in results if each.name in _SCOPE)


def _effective_window(case: Case, window: Window | None, policy: Policy) -> Criterion:
    return Criterion(
        name=CriterionName.EFFECTIVE_WINDOW,
        is_met=window is not None,
        measured=None
        if window is None
        else {
            "first_day": window.first_day.isoformat(),
            "last_day": window.last_day.isoformat(),
            "active_days": window.active_days,
            "longest_gap_days": window.longest_gap_days,
        },
        required=waived(policy, case.decisions),
        clause=policy.active_days_min.clause,
        basis=_basis(*(getattr(policy, name).basis for name in WAIVABLE)),
    )


def _live_share(case: Case, window: Window | None, policy: Policy) -> tuple[Criterion, ...]:
    """Of hours of which nobody could know it is not held against an enterprise."""
    parameter = policy.live_share_min
    if parameter is None:
        return ()
    measured = case.live_share.percent if window is not None and case.live_share else None
    return (
        Criterion(
            name=CriterionName.LIVE_SHARE,
            is_met=None if window is None else measured is None or measured >= parameter.value,
            measured=measured,
            required=parameter.value,
            clause=parameter.clause,
            basis=parameter.basis,
        ),
    )


def _newly_connected(window: Window | None, year: int, policy: Policy) -> Criterion:
    counted = None if window is None else year_counted(window, policy)
    return Criterion(
        name=CriterionName.NEWLY_CONNECTED,
        is_met=None if counted is None else counted == year,
        measured=counted,
        required=year,
        clause=policy.count_year_of.clause,
        basis=policy.count_year_of.basis,
    )


def _platform_recognised(
    platform: Platform, window: Window | None, year: int, policy: Policy
) -> Criterion:
    if policy.recognition_on.value == "year_end":
        day: date | None = date(year, 12, 31)
    else:
        day = None if window is None else window.first_day
    level = None if day is None else platform.level_on(day)
    lowest = policy.recognition_level_min.value
    high_enough = level is not None and LEVELS.index(level) >= LEVELS.index(lowest)
    return Criterion(
        name=CriterionName.PLATFORM_RECOGNISED,
        is_met=None if day is None else high_enough,
        measured=None if day is None else {"on": day.isoformat(), "level": level or "none"},
        required=lowest,
        clause=policy.recognition_level_min.clause,
        basis=_basis(policy.recognition_level_min.basis, policy.recognition_on.basis),
    )


def _policy_in_force(window: Window | None, policy: Policy) -> Criterion:
    first, last = policy.in_force_from.value, policy.in_force_to.value
    return Criterion(
        name=CriterionName.POLICY_IN_FORCE,
        is_met=None if window is None else first <= window.first_day <= last,
        measured=None if window is None else window.first_day.isoformat(),
        required={"from": first.isoformat(), "to": last.isoformat()},
        clause=policy.in_force_to.clause,
        basis=_basis(policy.in_force_from.basis, policy.in_force_to.basis),
    )


def _scope(case: Case, policy: Policy) -> tuple[Criterion, ...]:
    enterprise, operator = case.enterprise, case.platform.operator_uscc
    section = enterprise.industry_code[:1] if enterprise.industry_code else None
    return (
        Criterion(
            name=CriterionName.DISTRICT,
            is_met=enterprise.district in policy.districts.value,
            measured=enterprise.district,
            required=tuple(policy.districts.value),
            clause=policy.districts.clause,
            basis=policy.districts.basis,
        ),
        Criterion(
            name=CriterionName.INDUSTRY,
            is_met=section in policy.industry_sections.value,
            measured=enterprise.industry_code,
            required=policy.industry_sections.value,
            clause=policy.industry_sections.clause,
            basis=policy.industry_sections.basis,
        ),
        Criterion(
            name=CriterionName.NOT_OWN_OPERATOR,
            is_met=enterprise.uscc != operator,
            measured=enterprise.uscc,
            required=None if operator is None else {"not": operator},
            clause=policy.award_per_enterprise_yuan.clause,
            basis="decision",
        ),
    )


def _no_open_decision(name: CriterionName, kind: DecisionKind, case: Case) -> Criterion:
    against = [str(decision.id) for decision in case.decisions if decision.kind == kind]
    return Criterion(
        name=name,
        is_met=not against,
        measured=against,
        required=(),
        clause=None,
        basis="decision",
    )


def _confirmed(case: Case, window: Window | None, policy: Policy) -> tuple[Criterion, ...]:
    """What the enterprise says of the connection by which it counts; fails only under `hold`."""
    rule = policy.confirmation_required
    if rule is None:
        return ()
    found = None if window is None else case.confirmation_of(window.first_day)
    is_confirmed = found is not None and found.answer == "confirmed"
    measured: Measure = None
    if window is not None:
        measured = (
            {"answer": found.answer, "answered_on": found.answered_on.isoformat()}
            if found
            else {"answer": "none"}
        )
    can_fail = window is not None and rule.value == "hold"
    return (
        Criterion(
            name=CriterionName.CONFIRMED,
            is_met=True if is_confirmed else False if can_fail else None,
            measured=measured,
            required=rule.value,
            clause=rule.clause,
            basis=rule.basis,
        ),
    )


def _basis(*bases: Basis) -> Basis:
    """A criterion rests on the text only where every parameter in it does."""
    return "text" if all(each == "text" for each in bases) else "decision"
