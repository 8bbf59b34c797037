"""Which hours were heard live, of days of which that is known."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verifier.builders import (
    DeviceLife,
    a_case,
    evidence_of,
    policy_with,
    presence_of,
)
from verifier.counting.determination import Outcome, determinations
from verifier.counting.evaluation import cases_with_windows
from verifier.counting.evidence import Evidence
from verifier.counting.live_days import LiveDays, RecordedRule, live_days_of
from verifier.counting.live_hours import LiveShare
from verifier.policy import Policy

_MONDAY = date(2026, 3, 2)
_POLICY = policy_with(
    window_days=3,
    active_days_min=2,
    longest_gap_days_max=1,
    active_hours_per_day_min=2,
    active_devices_min=1,
)
_AS_OF = date(2026, 4, 30)


def _rule(day: date, live: int | None, hour: int = 4) -> RecordedRule:
    return RecordedRule(datetime(day.year, day.month, day.day, hour, tzinfo=UTC), live)


def _known(days: LiveDays, *wanted: date) -> list[bool]:
    return [bool(days.among(day, 1)[0]) for day in wanted]


def test_where_no_ingester_ran_nothing_is_known() -> None:
    """Neither in a real database nor in a simulation."""
    assert live_days_of([], is_simulation=False) == LiveDays()
    assert live_days_of([], is_simulation=True) == LiveDays()


def test_hours_of_before_the_rule_are_not_known() -> None:
    """From the second day after the first ingester had it, by when all others were replaced."""
    days = live_days_of([_rule(_MONDAY, None), _rule(_MONDAY, 60)], is_simulation=False)
    assert _known(days, *(_MONDAY + timedelta(days=day) for day in range(-1, 4))) == [
        *(False, False, False),
        *(True, True),
    ]


def test_the_day_of_a_rule_is_that_of_putian() -> None:
    """At 16:00 UTC the next day begins."""
    days = live_days_of([_rule(_MONDAY, 60, hour=16)], is_simulation=False)
    assert _known(days, date(2026, 3, 4), date(2026, 3, 5)) == [False, True]


def test_an_ingester_without_the_rule_ends_what_is_known() -> None:
    """Of the day before hours may still have arrived then; another rule is a rule all the same."""
    rules = [_rule(_MONDAY, 60), _rule(date(2026, 3, 10), 30), _rule(date(2026, 3, 20), None)]
    days = live_days_of([*rules, _rule(date(2026, 3, 25), 60)], is_simulation=False)
    assert _known(days, date(2026, 3, 4), date(2026, 3, 11), date(2026, 3, 18)) == [True] * 3
    assert _known(days, date(2026, 3, 19), date(2026, 3, 22), date(2026, 3, 26)) == [False] * 3
    assert _known(days, date(2026, 3, 27)) == [True]
    of_march = days.of_month(2026 * 12 + 2)
    assert [day + 1 for day in range(31) if of_march[day]] == [*range(4, 19), *range(27, 32)]


def test_a_rule_that_was_withdrawn_at_once_makes_nothing_known() -> None:
    """A stretch without a day is none."""
    rules = [_rule(_MONDAY, 60), _rule(_MONDAY + timedelta(days=2), None)]
    assert live_days_of(rules, is_simulation=False) == LiveDays()


def test_of_a_simulation_all_days_are_known_or_none() -> None:
    """It plays years in minutes; one ingester without the rule spoils them."""
    assert _known(live_days_of([_rule(_MONDAY, 60)], is_simulation=True), date(2020, 1, 1)) == [
        True
    ]
    rules = [_rule(_MONDAY, None), _rule(_MONDAY, 60)]
    assert live_days_of(rules, is_simulation=True) == LiveDays()


def _evidence(lives: list[DeviceLife], live_days: LiveDays | None = None) -> Evidence:
    uscc = a_case().enterprise.uscc
    for each in lives:
        each.assigned.append((uscc, date(2025, 1, 1), None))
    evidence = evidence_of([a_case(None)], lives)
    return evidence if live_days is None else replace(evidence, live_days=live_days)


def _share(
    lives: list[DeviceLife], live_days: LiveDays | None = None, policy: Policy = _POLICY
) -> LiveShare | None:
    evidence = _evidence(lives, live_days)
    (case,) = cases_with_windows(evidence, presence_of(lives), 2026, _AS_OF, policy)
    assert case.window is not None
    return case.live_share


def test_a_share_is_of_the_hours_of_active_devices_on_active_days_of_the_window() -> None:
    """What is short of active, and what lies outside of the window, is left out."""
    working = {_MONDAY + timedelta(days=day): range(8, 12) for day in (0, 1, 4, 5)}
    live = {_MONDAY: range(8, 12), _MONDAY + timedelta(days=1): range(8, 9)}
    idle = DeviceLife("alpha", {_MONDAY: [8]}, live={})
    assert _share([DeviceLife("alpha", working, live=live), idle]) == LiveShare(8, 5)


def test_a_window_over_the_end_of_a_month_is_measured_in_both() -> None:
    """March has 31 days, whatever the months before have."""
    days = [date(2026, 3, 31), date(2026, 4, 1)]
    heard = {day: range(8, 10) for day in days}
    assert _share([DeviceLife("alpha", heard, live={days[1]: [8]})]) == LiveShare(4, 1)


def test_hours_of_which_nobody_knows_are_neither_live_nor_not() -> None:
    """Of the second day alone it is known; of none, and nothing is held against anybody."""
    days = [_MONDAY, _MONDAY + timedelta(days=1)]
    heard = {day: range(8, 12) for day in days}
    life = DeviceLife("alpha", heard, live={days[1]: [8]})
    known = LiveDays(((days[1].toordinal(), days[1].toordinal() + 1),))
    assert _share([life], known) == LiveShare(4, 1)
    nothing = _share([DeviceLife("alpha", heard, live={})], LiveDays())
    assert nothing == LiveShare(0, 0)
    assert nothing.percent is None


def test_a_policy_that_knows_no_share_measures_none() -> None:
    """And so its counts say of it what they said before."""
    policy = _POLICY.model_copy(update={"live_share_min": None})
    heard = {_MONDAY + timedelta(days=day): range(8, 12) for day in (0, 1)}
    life = DeviceLife("alpha", heard)
    assert _share([life], policy=policy) is None
    evidence = _evidence([DeviceLife("alpha", heard)])
    cases = cases_with_windows(evidence, presence_of([life]), 2026, _AS_OF, policy)
    (found,) = determinations(cases, 2026, policy)
    assert found.live_percent == {}
    assert found.outcome is Outcome.COUNTED


@pytest.mark.parametrize(("live", "percent"), [(0, 0), (1, 33), (2, 66), (3, 100)])
def test_percents_are_rounded_down(live: int, percent: int) -> None:
    """So that a share is at least what is required exactly when its percents are."""
    assert LiveShare(3, live).percent == percent


_HOURS = st.dictionaries(st.integers(0, 60), st.sets(st.integers(0, 23), max_size=6), max_size=20)


@given(st.lists(st.tuples(_HOURS, _HOURS), min_size=1, max_size=3), st.sets(st.integers(0, 60)))
def test_a_share_is_what_a_loop_over_hours_gives(
    devices: list[tuple[dict[int, set[int]], dict[int, set[int]]]], known: set[int]
) -> None:
    """Day by day and device by device, in plain sets."""
    lives = [
        DeviceLife(
            "alpha",
            {_MONDAY + timedelta(days=day): hours for day, hours in heard.items()},
            live={
                _MONDAY + timedelta(days=day): hours & heard[day]
                for day, hours in live.items()
                if day in heard
            },
        )
        for heard, live in devices
    ]
    first = _MONDAY.toordinal()
    live_days = LiveDays(tuple((first + day, first + day + 1) for day in sorted(known)))
    evidence = _evidence(lives, live_days)
    (case,) = cases_with_windows(evidence, presence_of(lives), 2026, _AS_OF, _POLICY)
    if case.window is None:
        assert case.live_share is None
        return
    hours = live_hours = 0
    for day in range(61):
        on = _MONDAY + timedelta(days=day)
        if day not in known or not case.window.first_day <= on <= case.window.last_day:
            continue
        for life in lives:
            heard = set(life.heard.get(on, ()))
            if len(heard) >= 2:
                hours += len(heard)
                live_hours += len(set((life.live or {}).get(on, ())))
    assert case.live_share == LiveShare(hours, live_hours)
