"""The fast count against a naive one, on cities of random registries, evidence and rules."""

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.verifier.builders import (
    DeviceLife,
    a_case,
    a_decision,
    a_platform,
    an_enterprise,
    evidence_of,
    policy_with,
    presence_of,
)
from tests.unit.verifier.counting.naive import naive_count
from verifier.counting.determination import Determination, Outcome, determinations
from verifier.counting.eligibility import Case
from verifier.counting.evaluation import cases_with_windows
from verifier.counting.registry import Connection, Decision, Recognition
from verifier.policy import LEVELS, Policy

T = TypeVar("T")

# Around a new year, and over the leap day of 2028, so that every border is near.
_FIRSTS = (date(2026, 12, 1), date(2028, 2, 10))
_DAYS = 50
_YEARS = (2026, 2027, 2028)


def _mostly(usual: T, *others: T) -> st.SearchStrategy[T]:
    """The usual value five times as often as each other."""
    return st.sampled_from([*[usual] * 5, *others])


@st.composite
def _policies(draw: st.DrawFn) -> Policy:
    window_days = draw(st.integers(1, 14))
    first = draw(st.sampled_from(_FIRSTS))
    return policy_with(
        active_hours_per_day_min=draw(st.integers(1, 3)),
        active_devices_min=draw(_mostly(1, 2)),
        window_days=window_days,
        active_days_min=max(1, window_days - draw(st.integers(0, 13))),
        longest_gap_days_max=draw(_mostly(5, 0, 1, 2, 3, 14)),
        count_year_of=draw(st.sampled_from(["window_start", "window_end"])),
        connection_uniqueness=draw(st.sampled_from(["platform", "city"])),
        recognition_on=draw(st.sampled_from(["connected_on", "year_end"])),
        recognition_level_min=draw(_mostly("municipal", "provincial")),
        in_force_from=first + timedelta(days=draw(_mostly(-300, 0, 15))),
        in_force_to=first + timedelta(days=draw(_mostly(300, 30, 16))),
    )


@st.composite
def _recognitions(draw: st.DrawFn, first: date) -> tuple[Recognition, ...]:
    """Some levels, since long before or since the middle of the evidence, for good or not."""
    return tuple(
        Recognition(
            level,
            first + timedelta(days=draw(_mostly(-300, -15, 10, 20))),
            draw(_mostly(None, first + timedelta(days=21), first + timedelta(days=45))),
        )
        for level in LEVELS
        if draw(st.booleans())
    )


@st.composite
def _connections(draw: st.DrawFn, first: date) -> tuple[Connection, ...]:
    """One connection, or two with or without a gap between them."""
    start = first + timedelta(days=draw(st.integers(-30, 10)))
    signed = draw(st.none() | st.sampled_from([date(2026, 1, 1), date(2026, 1, 2)]))
    if draw(st.booleans()):
        return (Connection(start, signed_on=signed),)
    end = start + timedelta(days=draw(st.integers(1, 70)))
    again = end + timedelta(days=draw(st.integers(0, 10)))
    last = again + timedelta(days=draw(st.integers(1, 70)))
    return (
        Connection(start, end, signed_on=signed),
        Connection(again, draw(st.sampled_from([None, last]))),
    )


@st.composite
def _decisions(draw: st.DrawFn) -> tuple[Decision, ...]:
    waivers = {
        "active_hours_per_day_min": st.integers(1, 3),
        "active_devices_min": st.integers(1, 2),
        "window_days": st.integers(1, 14),
        "active_days_min": st.integers(1, 14),
        "longest_gap_days_max": st.integers(0, 14),
    }
    decisions = [
        a_decision("waive", name, draw(values))
        for name, values in waivers.items()
        if draw(_mostly("policy", "waiver")) == "waiver"
    ]
    kind = draw(_mostly(None, "hold", "exclude"))
    if kind == "hold":
        decisions.append(a_decision("hold"))
    elif kind == "exclude":
        decisions.append(a_decision("exclude"))
    return tuple(decisions)


@st.composite
def _cities(draw: st.DrawFn) -> tuple[list[Case], list[DeviceLife], date]:
    """Two platforms, two enterprises, up to five devices that may change hands."""
    first = draw(st.sampled_from(_FIRSTS))
    enterprises = [
        an_enterprise(1, district=draw(_mostly("beian", "licheng", "other"))),
        an_enterprise(2, industry_code=draw(_mostly("C1810", "C", "I65", None))),
    ]
    platforms = [
        a_platform(
            code,
            operator_uscc=draw(_mostly(None, enterprises[0].uscc)),
            recognitions=draw(_recognitions(first)),
        )
        for code in ("alpha", "beta")
    ]
    cases = [
        a_case(
            None,
            platform=platform,
            enterprise=enterprise,
            connections=draw(_connections(first)),
            decisions=draw(_decisions()),
        )
        for platform in platforms
        for enterprise in enterprises
        if draw(_mostly("connected", "not")) == "connected"
    ]
    devices = []
    for number in range(draw(st.integers(4, 6))):
        # Mostly heard long enough, or nothing would ever be effective.
        days = draw(st.lists(_mostly(3, 2, 1, 0), min_size=_DAYS, max_size=_DAYS))
        heard = {first + timedelta(days=day): range(8, 8 + hours) for day, hours in enumerate(days)}
        owners = draw(st.permutations([each.uscc for each in enterprises]))
        moved = first + timedelta(days=draw(st.integers(1, 60)))
        assigned: list[tuple[str, date, date | None]] = [(owners[0], date(2026, 1, 1), moved)]
        if draw(st.booleans()):
            assigned.append((owners[1], moved, None))
        devices.append(DeviceLife("beta" if number % 2 else "alpha", heard, assigned))
    return cases, devices, first


def _fast(
    cases: list[Case], devices: list[DeviceLife], policy: Policy, year: int, as_of: date
) -> list[Determination]:
    evidence = evidence_of(cases, devices)
    with_windows = cases_with_windows(evidence, presence_of(devices), year, as_of, policy)
    return determinations(with_windows, year, policy)


@settings(max_examples=300, deadline=None)
@given(_cities(), _policies(), st.sampled_from(_YEARS), st.integers(-10, 90))
def test_a_count_agrees_with_the_naive_model(
    city: tuple[list[Case], list[DeviceLife], date], policy: Policy, year: int, days_later: int
) -> None:
    """Same cases listed, same outcome, same window, whatever the registry and the rules."""
    cases, devices, first = city
    as_of = first + timedelta(days=days_later)
    found = {
        (each.platform.code, each.enterprise.uscc): (
            each.outcome.value,
            each.window
            and (
                each.window.first_day,
                each.window.last_day,
                each.window.active_days,
                each.window.longest_gap_days,
            ),
        )
        for each in _fast(cases, devices, policy, year, as_of)
    }
    assert found == naive_count(cases, devices, policy, year, as_of)


@settings(max_examples=80, deadline=None)
@given(_cities(), _policies(), st.sampled_from(_YEARS), st.integers(-10, 90), st.integers(1, 60))
def test_what_is_not_effective_stays_so(
    city: tuple[list[Case], list[DeviceLife], date],
    policy: Policy,
    year: int,
    days_later: int,
    more_days: int,
) -> None:
    """More days of evidence can settle what is pending, and unsettle nothing else."""
    cases, devices, first = city
    cases = [replace(case, decisions=()) for case in cases]
    as_of = first + timedelta(days=days_later)
    before = _fast(cases, devices, policy, year, as_of)
    after = _fast(cases, devices, policy, year, as_of + timedelta(days=more_days))
    later = {(each.platform.code, each.enterprise.uscc): each.outcome for each in after}
    for each in before:
        outcome = later[each.platform.code, each.enterprise.uscc]
        if each.outcome is Outcome.NOT_EFFECTIVE:
            # A window of an earlier year, complete only now, is no better.
            assert outcome in {Outcome.NOT_EFFECTIVE, Outcome.CONNECTED_EARLIER}
        elif each.outcome is Outcome.COUNTED:
            assert outcome is Outcome.COUNTED or policy.connection_uniqueness.value == "city"


@settings(max_examples=40, deadline=None)
@given(_cities(), _policies(), st.sampled_from(_YEARS), st.integers(-10, 90), st.randoms())
def test_the_order_and_batching_of_presence_change_nothing(
    city: tuple[list[Case], list[DeviceLife], date],
    policy: Policy,
    year: int,
    days_later: int,
    random: Random,
) -> None:
    """Blocks may come in any order."""
    cases, devices, first = city
    as_of = first + timedelta(days=days_later)
    evidence, blocks = evidence_of(cases, devices), presence_of(devices)
    before = cases_with_windows(evidence, blocks, year, as_of, policy)
    random.shuffle(blocks)
    assert cases_with_windows(evidence, blocks, year, as_of, policy) == before
