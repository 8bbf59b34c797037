"""What a scenario must count to, worked out by a naive model of design section 7.

Day by day and enterprise by enterprise, in plain Python, from what every machine really sends.
It shares no line with the verifier and sees no database, so that the one can be held against
the other. It assumes the decisions `window_start`, `platform` and recognition at `connected_on`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from jieru.calendar import MILLISECONDS_PER_HOUR, SHANGHAI
from jieru.wire import EARLIEST_TIMESTAMP_MS, RejectionReason
from simulators.beats import Beat, beats_of_device
from simulators.evidence.cheats import CHEATS, SEEN_IN_HOURS
from simulators.fleet import Device, Fleet, ServedConnection
from simulators.garbling import REASONS
from simulators.scenario import LEVELS, Clock, Platform, PolicyAssumptions

__all__ = ["Expectation", "ExpectedAward", "ExpectedDetermination", "ExpectedMessages", "expect"]

_ONE_DAY: Final = timedelta(days=1)
_MILLISECONDS_PER_MINUTE: Final = 60_000

_HoursHeard = dict[date, set[int]]
"""By civil day, the hours in which one device was heard in time."""


@dataclass(frozen=True, slots=True)
class ExpectedDetermination:
    """What becomes of one enterprise on one platform."""

    outcome: str
    connected_on: date | None
    """Where the enterprise is counted; else None."""


@dataclass(frozen=True, slots=True)
class ExpectedAward:
    """What a platform earns in the year, by clause."""

    counted: int
    enterprises_yuan: int
    """Clause 1.2, capped."""
    national_title_yuan: int
    """Clause 1.1."""

    @property
    def award_yuan(self) -> int:
        """Both clauses together."""
        return self.enterprises_yuan + self.national_title_yuan


@dataclass(slots=True)
class ExpectedMessages:
    """What becomes of the messages: sent = heartbeats + duplicates + all rejections."""

    sent: int = 0
    heartbeats: int = 0
    """Rows of `heartbeats`: different instants of registered devices, late ones too."""
    duplicates: int = 0
    late: int = 0
    """Of `heartbeats`, those received more than `max_delay_hours` after their `ts`."""
    rejections: Counter[RejectionReason] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a scenario must count to."""

    year: int
    as_of: date
    clock: Clock
    determinations: dict[tuple[str, str], ExpectedDetermination]
    """By platform code and uscc: every enterprise that the count must list."""
    awards: dict[str, ExpectedAward]
    """By platform code."""
    messages: ExpectedMessages
    signals: dict[tuple[str, str], frozenset[str]]
    """By platform code and uscc of an enterprise that is found out: kinds of signals of which at
    least one is there for it."""


def expect(fleet: Fleet, *, clock: Clock, received_at: datetime | None = None) -> Expectation:
    """Work out what must come of a scenario.

    Args:
        fleet: the scenario, worked out.
        clock: `event`: every message is received at its `ts`, so nothing is late or early.
        received_at: under the clock `receipt`, the instant at which all messages arrive, as when
            they are played at full speed; None: each arrives when the scenario has it sent.
    """
    messages = ExpectedMessages()
    evidence: dict[tuple[str, str], list[tuple[ServedConnection, list[_HoursHeard]]]]
    evidence = defaultdict(list)
    for served in fleet.connections:
        hours = [
            _hours_heard(fleet, served, device, messages, clock, received_at)
            for device in served.devices
        ]
        evidence[served.platform, served.company.uscc].append((served, hours))
    determinations = {
        (platform, uscc): _determine(fleet, platform, uscc, served)
        for (platform, uscc), served in evidence.items()
        if any(_overlaps_year(connection, fleet.scenario.year) for connection, _ in served)
    }
    return Expectation(
        year=fleet.scenario.year,
        as_of=fleet.scenario.as_of,
        clock=clock,
        determinations=determinations,
        awards={
            platform.code: _award(fleet, platform, determinations)
            for platform in fleet.scenario.platforms
        },
        messages=messages,
        signals={
            (served.platform, served.company.uscc): found_by
            for served in fleet.connections
            if (found_by := _found_by(served))
        },
    )


def _found_by(served: ServedConnection) -> frozenset[str]:
    """Signals by which an enterprise is found out.

    There is a heartbeat an hour, and each is received when it is sent.
    """
    cheat = CHEATS.get(served.cheat or "")
    return frozenset() if cheat is None else cheat.found_by & SEEN_IN_HOURS


# --- From messages to hours -----------------------------------------------------------------------


def _hours_heard(
    fleet: Fleet,
    served: ServedConnection,
    device: Device,
    messages: ExpectedMessages,
    clock: Clock,
    received_at: datetime | None,
) -> _HoursHeard:
    """The hours of one device that count; keeps the books of its messages."""
    policy = fleet.scenario.policy
    hours: _HoursHeard = defaultdict(set)
    seen: set[int] = set()
    for beat in beats_of_device(served, device, fleet.scenario.heartbeats_per_hour):
        messages.sent += 1
        received_at_ms = _received_at_ms(beat, clock, received_at)
        reason = _reason_to_reject(beat, received_at_ms, policy)
        if reason is not None:
            messages.rejections[reason] += 1
            continue
        if beat.ts in seen:
            messages.duplicates += 1
            continue
        seen.add(beat.ts)
        messages.heartbeats += 1
        if received_at_ms - beat.ts > policy.max_delay_hours * MILLISECONDS_PER_HOUR:
            messages.late += 1
            continue
        heard_at = datetime.fromtimestamp(beat.ts / 1000, SHANGHAI)
        hours[heard_at.date()].add(heard_at.hour)
    return hours


def _received_at_ms(beat: Beat, clock: Clock, received_at: datetime | None) -> int:
    if clock == "event":
        return beat.ts
    return beat.sent_at_ms if received_at is None else round(received_at.timestamp() * 1000)


def _reason_to_reject(
    beat: Beat, received_at_ms: int, policy: PolicyAssumptions
) -> RejectionReason | None:
    """The first reason, in the order of the wire contract, not to take a message."""
    damage = None if beat.garbling is None else REASONS[beat.garbling]
    if damage in {RejectionReason.PAYLOAD_TOO_LARGE, RejectionReason.MALFORMED_PAYLOAD}:
        return damage
    if not beat.device.is_registered:
        return RejectionReason.UNKNOWN_DEVICE
    if beat.ts < EARLIEST_TIMESTAMP_MS:
        return RejectionReason.BEFORE_EPOCH
    if beat.ts - received_at_ms > policy.max_clock_ahead_minutes * _MILLISECONDS_PER_MINUTE:
        return RejectionReason.FUTURE_TIMESTAMP
    return damage


# --- From hours to an outcome ---------------------------------------------------------------------


def _determine(
    fleet: Fleet,
    platform_code: str,
    uscc: str,
    evidence: list[tuple[ServedConnection, list[_HoursHeard]]],
) -> ExpectedDetermination:
    """The first outcome of design section 7 that applies."""
    scenario = fleet.scenario
    platform = next(each for each in scenario.platforms if each.code == platform_code)
    company = evidence[0][0].company
    decisions = [
        recorded.decision
        for recorded in fleet.decisions
        if (recorded.decision.platform, recorded.uscc) == (platform_code, uscc)
    ]
    decided = {decision.kind for decision in decisions}
    policy = scenario.policy.model_copy(
        update={str(each.criterion): each.value for each in decisions if each.kind == "waive"}
    )
    active = _active_days(evidence, policy, scenario.as_of)
    connected_on = _connected_on(active, policy, scenario.as_of)
    shown = _connected_on(
        _active_days(evidence, policy, scenario.as_of, is_registration_asked=False),
        policy,
        scenario.as_of,
    )
    # What was recorded late earns nothing, and speaks against all the same.
    if shown is not None and _speaks_against(shown, platform, policy, scenario.year):
        connected_on = shown

    is_out_of_scope = (
        company.district not in policy.districts
        or company.industry_code[0] not in policy.industry_sections
        or uscc == fleet.operator_usccs[platform_code]
    )
    if connected_on is None or connected_on.year > scenario.year:
        candidates = {
            "out_of_scope": is_out_of_scope,
            "excluded": "exclude" in decided,
            "pending": _would_be_connected(active, policy, scenario.as_of, scenario.year),
            "not_effective": True,
        }
    else:
        candidates = {
            "out_of_scope": is_out_of_scope,
            "excluded": "exclude" in decided,
            "connected_earlier": connected_on.year < scenario.year,
            "platform_not_recognised": not _is_recognised(platform, policy, connected_on),
            "policy_not_in_force": not (policy.in_force_from <= connected_on <= policy.in_force_to),
            "held": "hold" in decided,
            "counted": True,
        }
    outcome = next(outcome for outcome, applies in candidates.items() if applies)
    return ExpectedDetermination(outcome, connected_on if outcome == "counted" else None)


def _speaks_against(
    connected_on: date, platform: Platform, policy: PolicyAssumptions, year: int
) -> bool:
    """Whether this day shows by itself that an enterprise does not count for a year."""
    if connected_on.year != year:
        return connected_on.year < year
    is_in_force = policy.in_force_from <= connected_on <= policy.in_force_to
    return not is_in_force or not _is_recognised(platform, policy, connected_on)


def _active_days(
    evidence: list[tuple[ServedConnection, list[_HoursHeard]]],
    policy: PolicyAssumptions,
    as_of: date,
    *,
    is_registration_asked: bool = True,
) -> set[date]:
    """Days until `as_of` on which enough of the enterprise's devices were active.

    Whether or not they were heard long before they were registered, if that is not asked.
    """
    devices_active = Counter(
        day
        for served, devices in evidence
        for hours_heard in devices
        for day, hours in hours_heard.items()
        if len(hours) >= policy.active_hours_per_day_min
        and served.covers(day)
        and (not is_registration_asked or _evidence_from(served, policy) <= day)
        and day <= as_of
    )
    return {day for day, devices in devices_active.items() if devices >= policy.active_devices_min}


def _evidence_from(served: ServedConnection, policy: PolicyAssumptions) -> date:
    """The first day that counts: evidence follows registration."""
    if served.recorded_on is None:
        return served.from_date
    return max(served.from_date, served.recorded_on - policy.backdate_days_max * _ONE_DAY)


def _days(first: date, number: int) -> Iterator[date]:
    return (first + timedelta(days=place) for place in range(number))


def _starts_effective_window(first: date, active: set[date], policy: PolicyAssumptions) -> bool:
    """Whether the window from this active day has its active days and no gap too long."""
    active_days = gap = longest_gap = 0
    for day in _days(first, policy.window_days):
        if day in active:
            active_days += 1
            gap = 0
        else:
            gap += 1
            longest_gap = max(longest_gap, gap)
    return active_days >= policy.active_days_min and longest_gap <= policy.longest_gap_days_max


def _connected_on(active: set[date], policy: PolicyAssumptions, as_of: date) -> date | None:
    """The start of the earliest effective window that is complete as of a day."""
    for first in sorted(active):
        last = first + (policy.window_days - 1) * _ONE_DAY
        if last <= as_of and _starts_effective_window(first, active, policy):
            return first
    return None


def _would_be_connected(
    active: set[date], policy: PolicyAssumptions, as_of: date, year: int
) -> bool:
    """Whether a window would count for the year if every day after `as_of` were active."""
    end_of_year = date(year, 12, 31)
    last = max(as_of, end_of_year) + policy.window_days * _ONE_DAY
    hoped_for = active | set(_days(as_of + _ONE_DAY, (last - as_of).days))
    return any(
        _starts_effective_window(first, hoped_for, policy)
        for first in hoped_for
        if first.year == year
    )


def _overlaps_year(served: ServedConnection, year: int) -> bool:
    return any(served.covers(day) for day in _days(date(year, 1, 1), 366) if day.year == year)


# --- From outcomes to an award --------------------------------------------------------------------


def _is_recognised(platform: Platform, policy: PolicyAssumptions, day: date) -> bool:
    enough = LEVELS[LEVELS.index(policy.recognition_level_min) :]
    return any(
        each.level in enough
        and each.recognised_on <= day
        and (each.revoked_on is None or day < each.revoked_on)
        for each in platform.recognitions
    )


def _award(
    fleet: Fleet,
    platform: Platform,
    determinations: dict[tuple[str, str], ExpectedDetermination],
) -> ExpectedAward:
    policy = fleet.scenario.policy
    counted = sum(
        code == platform.code and determination.outcome == "counted"
        for (code, _), determination in determinations.items()
    )
    titles = [each.recognised_on for each in platform.recognitions if each.level == "national"]
    is_newly_national = bool(titles) and (
        min(titles).year == fleet.scenario.year
        and policy.in_force_from <= min(titles) <= policy.in_force_to
    )
    return ExpectedAward(
        counted=counted,
        enterprises_yuan=min(counted * policy.award_per_enterprise_yuan, policy.award_cap_yuan),
        national_title_yuan=policy.national_title_award_yuan if is_newly_national else 0,
    )
