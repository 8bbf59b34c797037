"""The count: every determination and award of one year under one policy."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
import psycopg

from jieru.errors import UserError
from jieru.i18n import gettext as _
from jieru.i18n import marked
from verifier.counting.activity import PresenceRows, active_days, count_active_devices
from verifier.counting.award import AwardLine, award_lines
from verifier.counting.determination import (
    Determination,
    Outcome,
    Overlap,
    determinations,
    overlaps,
)
from verifier.counting.eligibility import Case, waived, window_rule
from verifier.counting.evidence import (
    Evidence,
    EvidenceRules,
    consistent_snapshot,
    read_evidence,
    read_presence,
)
from verifier.counting.progress import Phase, Progress, no_progress
from verifier.counting.registry import Platform
from verifier.counting.windows import (
    ActiveDays,
    IntArray,
    WindowRule,
    earliest_windows,
    possible_windows,
)
from verifier.policy import Policy

__all__ = [
    "EARLIEST_YEAR",
    "LATEST_YEAR",
    "Count",
    "Evaluation",
    "Notice",
    "PlatformCount",
    "active_days_of_cases",
    "cases_with_windows",
    "count_year",
    "evaluate",
    "possible_starts",
    "require_countable_year",
    "told_blocks",
]

EARLIEST_YEAR: Final = 2020
"""No heartbeat is older (wire contract)."""
LATEST_YEAR: Final = 2100


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a reader of a count must know."""

    code: str
    message: str
    """Untranslated, with `{named}` values."""
    values: dict[str, object]

    def __str__(self) -> str:
        return _(self.message).format(**self.values)


@dataclass(frozen=True, slots=True)
class PlatformCount:
    """One platform's part of a count."""

    platform: Platform
    determinations: tuple[Determination, ...]
    """By uscc."""
    lines: tuple[AwardLine, ...]

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many enterprises have each outcome."""
        return Counter(each.outcome for each in self.determinations)

    @property
    def award_yuan(self) -> int:
        """What the platform earns in the year."""
        return sum(line.amount_yuan for line in self.lines)


@dataclass(frozen=True, slots=True)
class Count:
    """The result for one year under one policy."""

    year: int
    policy: Policy
    as_of: date
    is_simulation: bool
    platforms: tuple[PlatformCount, ...]
    """By code."""
    overlaps: tuple[Overlap, ...]
    notices: tuple[Notice, ...]

    @property
    def total_yuan(self) -> int:
        """What the listed platforms earn together."""
        return sum(each.award_yuan for each in self.platforms)

    def to_json_object(self) -> dict[str, object]:
        """The count as JSON has it (design section 8)."""
        return {
            "year": self.year,
            "policy": self.policy.name,
            "policy_sha256": self.policy.sha256,
            "as_of": self.as_of.isoformat(),
            "simulation": self.is_simulation,
            "total_yuan": self.total_yuan,
            "platforms": [_platform_object(each) for each in self.platforms],
            "overlaps": [_overlap_object(each) for each in self.overlaps],
            "notices": [{"code": each.code, "message": str(each)} for each in self.notices],
            "parameters": _parameter_objects(self.policy),
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A count together with what it was made of."""

    count: Count
    evidence: Evidence
    cases: tuple[Case, ...]
    """Every case of the evidence, in its order, with its window."""
    days: ActiveDays
    """One row per case."""


def count_year(
    connection: psycopg.Connection,
    year: int,
    *,
    as_of: date,
    policy: Policy,
    platform: str | None = None,
    progress: Progress = no_progress,
) -> Count:
    """Count one year, reading the database in one read-only snapshot.

    Args:
        connection: outside a transaction.
        year: the year of the count, 2020 to 2100.
        as_of: the last civil day whose evidence is used.
        policy: the rules.
        platform: list this platform only; the others are evaluated all the same, because an
            enterprise may be connected to several.
        progress: is told how far the count is.

    Raises:
        UserError: the year is out of range, or there is no such platform.
    """
    with consistent_snapshot(connection):
        return evaluate(
            connection, year, as_of=as_of, policy=policy, platform=platform, progress=progress
        ).count


def evaluate(
    connection: psycopg.Connection,
    year: int,
    *,
    as_of: date,
    policy: Policy,
    platform: str | None = None,
    progress: Progress = no_progress,
) -> Evaluation:
    """Count one year and keep what the count was made of; see `count_year`.

    Args:
        connection: inside a consistent snapshot.
        year: see `count_year`, as of all that follow.
        as_of: the same.
        policy: the same.
        platform: the same.
        progress: the same.

    Raises:
        UserError: the year is out of range, or there is no such platform.
    """
    require_countable_year(year)
    progress(Phase.REGISTRY, 0.0)
    evidence = read_evidence(connection)
    codes = [each.code for each in evidence.platforms]
    if platform is not None and platform not in codes:
        raise UserError("There is no platform {platform}.", platform=platform)
    devices = np.unique(evidence.assignments.device)
    blocks = read_presence(connection, devices, as_of)
    told = told_blocks(blocks, devices, lambda done: progress(Phase.PRESENCE, done))
    days = active_days_of_cases(evidence, told, as_of, policy)
    progress(Phase.WINDOWS, 0.0)
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
    progress(Phase.WINDOWS, 1.0)
    return Evaluation(count, evidence, tuple(cases), days)


def told_blocks(
    blocks: Iterable[PresenceRows], devices: IntArray, tell: Callable[[float], None]
) -> Iterator[PresenceRows]:
    """The same blocks; tells after each how much of the devices (sorted) it brings."""
    for block in blocks:
        yield block
        if len(block.device):
            tell(float(np.searchsorted(devices, block.device.max(), side="right") / len(devices)))


def require_countable_year(year: int) -> None:
    """Check that a count of this year makes sense.

    Raises:
        UserError: it is before 2020 or after 2100.
    """
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise UserError(
            "The year {year} cannot be counted: only {first} to {last} can.",
            year=year,
            first=EARLIEST_YEAR,
            last=LATEST_YEAR,
        )


def cases_with_windows(
    evidence: Evidence,
    presence: Iterable[PresenceRows],
    year: int,
    as_of: date,
    policy: Policy,
) -> list[Case]:
    """Every case with its earliest window or, without one, the window it could still have. Pure."""
    days = active_days_of_cases(evidence, presence, as_of, policy)
    return _with_windows(evidence.cases, days, year, as_of, policy)


def active_days_of_cases(
    evidence: Evidence, presence: Iterable[PresenceRows], as_of: date, policy: Policy
) -> ActiveDays:
    """On which days each case was active, one row per case; waivers honoured. Pure."""
    values = [waived(policy, case.decisions) for case in evidence.cases]
    hours_min, devices_min = (
        np.array([each[name] for each in values], dtype=np.int64)
        for name in ("active_hours_per_day_min", "active_devices_min")
    )
    counts = count_active_devices(presence, evidence.assignments, hours_min, as_of)
    return active_days(counts, devices_min, evidence.coverage)


def possible_starts(year: int, rule: WindowRule, policy: Policy) -> tuple[date, date]:
    """The first and the last day on which a window that counts for a year may start."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    if policy.count_year_of.value == "window_start":
        return first, last
    length = timedelta(days=rule.window_days - 1)
    return first - length, last - length


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
                cases[index] = replace(cases[index], window=window)
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


def _platform_object(count: PlatformCount) -> dict[str, object]:
    outcomes = count.outcomes
    return {
        "platform": count.platform.code,
        "name": count.platform.name,
        "counted": outcomes[Outcome.COUNTED],
        "pending": outcomes[Outcome.PENDING],
        "outcomes": {outcome.value: outcomes[outcome] for outcome in Outcome},
        "award_yuan": count.award_yuan,
        "lines": [
            {
                "clause": line.clause,
                "count": line.count,
                "uncapped_yuan": line.uncapped_yuan,
                "amount_yuan": line.amount_yuan,
            }
            for line in count.lines
        ],
        "enterprises": [_enterprise_object(each) for each in count.determinations],
    }


def _enterprise_object(determination: Determination) -> dict[str, object]:
    window, until = determination.window, determination.pending_until
    return {
        "uscc": determination.enterprise.uscc,
        "name": determination.enterprise.name,
        "outcome": determination.outcome.value,
        "connected_on": window.first_day.isoformat() if window else None,
        "window_last_day": window.last_day.isoformat() if window else None,
        "window_active_days": window.active_days if window else None,
        "window_longest_gap_days": window.longest_gap_days if window else None,
        "year_counted": determination.year_counted,
        "pending_until": until.isoformat() if until else None,
        "reasons": determination.reasons,
    }


def _overlap_object(overlap: Overlap) -> dict[str, object]:
    return {
        "uscc": overlap.enterprise.uscc,
        "name": overlap.enterprise.name,
        "platforms": [
            {
                "platform": claim.platform_code,
                "connected_on": claim.connected_on.isoformat(),
                "year": claim.year,
            }
            for claim in overlap.claims
        ],
    }


def _parameter_objects(policy: Policy) -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "value": parameter.model_dump(mode="json")["value"],
            "unit": parameter.unit,
            "clause": parameter.clause,
            "basis": parameter.basis,
        }
        for name, parameter in policy.parameters().items()
    ]
