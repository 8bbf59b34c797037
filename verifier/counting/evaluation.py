"""From evidence and presence to a count: active days, windows, determinations, awards. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from jieru.i18n import marked
from verifier.counting.activity import (
    IntArray,
    PresenceRows,
    active_days,
    count_active_devices,
)
from verifier.counting.award import award_lines
from verifier.counting.backdated import backdated_by_case
from verifier.counting.backdating import BoolArray, evidence_under, has_late_records
from verifier.counting.count import Count, Notice, PlatformCount
from verifier.counting.determination import Determination, Outcome, determinations, overlaps
from verifier.counting.eligibility import (
    Case,
    possible_starts,
    speaks_against,
    waived,
    window_rule,
)
from verifier.counting.evidence import Evidence, EvidenceRules
from verifier.counting.late_notices import late_record_notices
from verifier.counting.live_hours import LiveHours, live_share
from verifier.counting.registry import Platform
from verifier.counting.windows import ActiveDays, WindowRule, earliest_windows, possible_windows
from verifier.policy import Policy

__all__ = [
    "CaseActivity",
    "Evaluation",
    "activity_of_cases",
    "cases_with_windows",
    "evaluation_of",
]


@dataclass(frozen=True, slots=True)
class LateActivity:
    """The active days, were all that was recorded late accepted, and were nothing of it."""

    whole: ActiveDays
    strict: ActiveDays
    days_before: IntArray
    """Of each assignment: the active days of its device before it counts by itself."""


@dataclass(frozen=True, slots=True)
class CaseActivity:
    """On which days each case was active, one row per case."""

    days: ActiveDays
    late: LateActivity | None = None
    """None where nothing was recorded late."""


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
    activity: CaseActivity,
    year: int,
    as_of: date,
    policy: Policy,
    platform: str | None = None,
) -> Evaluation:
    """A count of the days on which each case was active, together with what it was made of.

    Args:
        evidence: the registry, the decisions and the rules of evidence.
        activity: of its cases, as `activity_of_cases` gives it.
        year: the year of the count.
        as_of: the last civil day whose evidence is used.
        policy: the rules.
        platform: list this platform only.
    """
    days, late = activity.days, activity.late
    against = None
    if late is not None:
        against = _against(evidence, late, year, as_of, policy)
        days = days.with_rows_of(late.whole, against)
        late = replace(late, strict=late.strict.with_rows_of(late.whole, against))
    cases = _with_windows(evidence.cases, days, year, as_of, policy)
    found = determinations(cases, year, policy)
    if policy.backdate_days_max is not None:
        found = _with_backdated(found, evidence, late, against, year, as_of, policy)
    by_platform: dict[str, list[Determination]] = defaultdict(list)
    for each in found:
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
        notices=tuple(
            _notices(
                evidence,
                # Whoever is shown one platform hears nothing of the others.
                [each for each in found if platform in (None, each.platform.code)],
                year,
                as_of,
                policy,
            )
        ),
    )
    return Evaluation(count, evidence_under(evidence, policy, against=against), tuple(cases), days)


def cases_with_windows(
    evidence: Evidence,
    presence: Iterable[PresenceRows],
    year: int,
    as_of: date,
    policy: Policy,
) -> list[Case]:
    """Every case with its earliest window or, without one, the window it could still have."""
    activity = activity_of_cases(evidence, presence, as_of, policy)
    return _with_windows(evidence.cases, activity.days, year, as_of, policy)


def activity_of_cases(
    evidence: Evidence, presence: Iterable[PresenceRows], as_of: date, policy: Policy
) -> CaseActivity:
    """On which days each case was active; waivers honoured, evidence following registration.

    Where the policy asks for a share of live hours, with the hours that make these days.
    """
    values = [waived(policy, case.decisions) for case in evidence.cases]
    hours_min, devices_min = (
        np.array([each[name] for each in values], dtype=np.int64)
        for name in ("active_hours_per_day_min", "active_devices_min")
    )
    readings = [evidence_under(evidence, policy)]
    if has_late_records(evidence, policy):
        readings += [evidence_under(evidence, policy, each) for each in ("strict", "whole")]
    lives = []
    if policy.live_share_min is not None:
        lives = [
            LiveHours(each.assignments, hours_min, evidence.live_days, as_of) for each in readings
        ]
    for live in lives:
        presence = live.passing(presence)
    found = count_active_devices(
        presence, [each.assignments for each in readings], hours_min, as_of
    )
    active = [
        active_days(counts, devices_min, each.coverage)
        for counts, each in zip(found.counts, readings, strict=True)
    ]
    ruled, *others = (
        [live.beside(days) for live, days in zip(lives, active, strict=True)] if lives else active
    )
    if not others:
        return CaseActivity(ruled)
    strict, whole = others
    return CaseActivity(ruled, LateActivity(whole, strict, found.days_before))


def _against(
    evidence: Evidence, late: LateActivity, year: int, as_of: date, policy: Policy
) -> BoolArray:
    """Which cases are read whole, because that shows that they do not count for the year."""
    whole = _with_windows(evidence.cases, late.whole, year, as_of, policy)
    return np.array([speaks_against(each, year, policy) for each in whole], dtype=np.bool_)


def _with_backdated(
    found: Sequence[Determination],
    evidence: Evidence,
    late: LateActivity | None,
    against: BoolArray | None,
    year: int,
    as_of: date,
    policy: Policy,
) -> list[Determination]:
    """Determinations with what of them was recorded late, and whether it decides them."""
    if late is None or against is None:
        return [replace(each, backdated=()) for each in found]
    whole, strict = (
        {
            (each.platform.code, each.enterprise.uscc): each.outcome
            for each in determinations(
                _with_windows(evidence.cases, days, year, as_of, policy), year, policy
            )
        }
        for days in (late.whole, late.strict)
    )
    listed = backdated_by_case(evidence, late.whole, late.days_before, policy)
    by_case = {
        (case.platform.code, case.enterprise.uscc): (listed.get(index, ()), bool(against[index]))
        for index, case in enumerate(evidence.cases)
    }
    told = []
    for each in found:
        key = each.platform.code, each.enterprise.uscc
        changes = whole.get(key) != strict.get(key)
        own, is_read_against = by_case[key]
        backdated = tuple(
            one.changing(outcome=changes, against=is_read_against and not one.is_accepted)
            for one in own
        )
        told.append(replace(each, backdated=backdated))
    return told


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


def _notices(
    evidence: Evidence,
    found: Sequence[Determination],
    year: int,
    as_of: date,
    policy: Policy,
) -> Iterator[Notice]:
    if as_of < date(year, 1, 1):
        yield Notice(
            "before_the_year",
            marked("The evidence ends on {as_of}, before {year} began."),
            {"as_of": as_of.isoformat(), "year": year},
        )
    yield from late_record_notices(evidence.opening_stocks, found)
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
