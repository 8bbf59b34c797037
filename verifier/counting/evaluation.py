"""From evidence and presence to a count: active days, windows, determinations, awards. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from jieru.i18n import marked
from verifier.counting.activity import PresenceRows, active_days, count_active_devices
from verifier.counting.award import award_lines
from verifier.counting.count import Count, Notice, PlatformCount
from verifier.counting.determination import Determination, Outcome, determinations, overlaps
from verifier.counting.eligibility import Case, possible_starts, waived, window_rule
from verifier.counting.evidence import Evidence, EvidenceRules
from verifier.counting.live_hours import LiveHours, live_share
from verifier.counting.registry import Platform
from verifier.counting.windows import ActiveDays, WindowRule, earliest_windows, possible_windows
from verifier.policy import Policy

__all__ = [
    "Evaluation",
    "active_days_of_cases",
    "cases_with_windows",
    "evaluation_of",
]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A count together with what it was made of."""

    count: Count
    evidence: Evidence
    cases: tuple[Case, ...]
    """Every case of the evidence, in its order, with its window."""
    days: ActiveDays
    """One row per case."""


def evaluation_of(
    evidence: Evidence,
    days: ActiveDays,
    year: int,
    as_of: date,
    policy: Policy,
    platform: str | None = None,
) -> Evaluation:
    """A count of the days on which each case was active, together with what it was made of.

    Args:
        evidence: the registry, the decisions and the rules of evidence.
        days: of its cases, as `active_days_of_cases` gives them.
        year: the year of the count.
        as_of: the last civil day whose evidence is used.
        policy: the rules.
        platform: list this platform only.
    """
    cases = _with_windows(evidence.cases, days, year, as_of, policy)
    by_platform: dict[str, list[Determination]] = defaultdict(list)
    for each in determinations(cases, year, policy):
        by_platform[each.platform.code].append(each)
    count = Count(
        year=year,
        policy=policy,
        as_of=as_of,
        is_simulation=evidence.is_simulation,
        platforms=tuple(
            _platform_count(each, by_platform[each.code], year, as_of, policy)
            for each in evidence.platforms
            if platform in (None, each.code)
        ),
        overlaps=tuple(
            each
            for each in overlaps(cases, year, policy)
            if platform is None or platform in {claim.platform_code for claim in each.claims}
        ),
        notices=tuple(_notices(evidence, year, as_of, policy)),
    )
    return Evaluation(count, evidence, tuple(cases), days)


def cases_with_windows(
    evidence: Evidence,
    presence: Iterable[PresenceRows],
    year: int,
    as_of: date,
    policy: Policy,
) -> list[Case]:
    """Every case with its earliest window or, without one, the window it could still have."""
    days = active_days_of_cases(evidence, presence, as_of, policy)
    return _with_windows(evidence.cases, days, year, as_of, policy)


def active_days_of_cases(
    evidence: Evidence, presence: Iterable[PresenceRows], as_of: date, policy: Policy
) -> ActiveDays:
    """On which days each case was active, one row per case; waivers honoured.

    Where the policy asks for a share of live hours, with the hours that make these days.
    """
    values = [waived(policy, case.decisions) for case in evidence.cases]
    hours_min, devices_min = (
        np.array([each[name] for each in values], dtype=np.int64)
        for name in ("active_hours_per_day_min", "active_devices_min")
    )
    if policy.live_share_min is None:
        counts = count_active_devices(presence, evidence.assignments, hours_min, as_of)
        return active_days(counts, devices_min, evidence.coverage)
    live = LiveHours(evidence.assignments, hours_min, evidence.live_days, as_of)
    counts = count_active_devices(live.passing(presence), evidence.assignments, hours_min, as_of)
    return live.beside(active_days(counts, devices_min, evidence.coverage))


def _with_windows(
    without: Sequence[Case], days: ActiveDays, year: int, as_of: date, policy: Policy
) -> list[Case]:
    by_rule: dict[WindowRule, list[int]] = defaultdict(list)
    for index, case in enumerate(without):
        by_rule[window_rule(waived(policy, case.decisions))].append(index)
    cases = list(without)
    for rule, indices in by_rule.items():
        windows = earliest_windows(days.rows(np.array(indices)), rule, as_of)
        missing = []
        for index, window in zip(indices, windows, strict=True):
            if window is None:
                missing.append(index)
            else:
                share = live_share(days, index, window)
                cases[index] = replace(cases[index], window=window, live_share=share)
        starts = possible_starts(year, rule, policy)
        if not missing or starts[1] + timedelta(days=rule.window_days - 1) <= as_of:
            continue
        possible = possible_windows(days.rows(np.array(missing)), rule, as_of, starts)
        for index, window in zip(missing, possible, strict=True):
            cases[index] = replace(cases[index], possible_window=window)
    return cases


def _platform_count(
    platform: Platform, found: Sequence[Determination], year: int, as_of: date, policy: Policy
) -> PlatformCount:
    counted = sum(each.outcome is Outcome.COUNTED for each in found)
    return PlatformCount(
        platform=platform,
        determinations=tuple(found),
        lines=award_lines(platform, counted, year, as_of, policy),
    )


def _notices(evidence: Evidence, year: int, as_of: date, policy: Policy) -> Iterator[Notice]:
    if as_of < date(year, 1, 1):
        yield Notice(
            "before_the_year",
            marked("The evidence ends on {as_of}, before {year} began."),
            {"as_of": as_of.isoformat(), "year": year},
        )
    agreed = (policy.max_delay_hours.value, policy.max_clock_ahead_minutes.value)
    for rules in evidence.rules:
        if rules[:2] != agreed:
            yield _other_rules(rules, agreed)
    if any(rules.clock == "event" for rules in evidence.rules):
        yield Notice(
            "event_clock",
            marked(
                "Heartbeats were taken as received at their own timestamp (event clock), "
                "so none of those was late."
            ),
            {},
        )


def _other_rules(rules: EvidenceRules, agreed: tuple[int, int]) -> Notice:
    return Notice(
        "evidence_rules_differ",
        marked(
            "Some heartbeats were taken under other rules than this policy's: late after "
            "{delay} hours (policy: {policy_delay}), clock ahead up to {ahead} minutes "
            "(policy: {policy_ahead})."
        ),
        {
            "delay": rules.max_delay_hours,
            "policy_delay": agreed[0],
            "ahead": rules.max_clock_ahead_minutes,
            "policy_ahead": agreed[1],
        },
    )
