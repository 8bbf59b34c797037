"""Presence to active days: hours, devices, assignments, connections."""

from datetime import date, timedelta

import numpy as np
import pytest

from tests.unit.verifier.builders import (
    DeviceLife,
    a_case,
    a_decision,
    an_enterprise,
    evidence_of,
    policy_with,
    presence_of,
)
from verifier.counting.activity import PresenceRows, merge_publishers
from verifier.counting.eligibility import Case
from verifier.counting.evaluation import activity_of_cases
from verifier.counting.registry import Connection

_DAY = date(2026, 3, 10)
_SINCE = date(2026, 1, 1)
_CASE = a_case(None, connections=(Connection(_SINCE),))
_USCC = _CASE.enterprise.uscc
_POLICY = policy_with(active_hours_per_day_min=4, active_devices_min=2)


def _device(
    *days: date,
    hours: int = 4,
    assigned: list[tuple[str, date, date | None]] | None = None,
    platform: str = "alpha",
) -> DeviceLife:
    return DeviceLife(
        platform,
        {day: range(8, 8 + hours) for day in days},
        assigned or [(_USCC, _SINCE, None)],
    )


def _active(*devices: DeviceLife, case: Case = _CASE, as_of: date = date(2030, 1, 1)) -> list[date]:
    evidence = evidence_of([case], list(devices))
    days = activity_of_cases(evidence, presence_of(devices), as_of, _POLICY).days
    return [date.fromordinal(days.first_day + int(day)) for day in np.flatnonzero(days.active[0])]


def test_enough_devices_for_enough_hours_make_an_active_day() -> None:
    """Two devices, four hours each."""
    assert _active(_device(_DAY), _device(_DAY)) == [_DAY]


def test_one_hour_too_few_and_a_device_is_not_active() -> None:
    """Three of four."""
    assert _active(_device(_DAY), _device(_DAY, hours=3)) == []


def test_one_device_too_few_and_the_enterprise_is_not_active() -> None:
    """Two devices on different days are never two."""
    assert _active(_device(_DAY), _device(_DAY + timedelta(1))) == []


def test_an_hour_that_is_set_counts_whichever_it_is() -> None:
    """The first and the last hour of a day belong to that day and to no other."""
    lives = [DeviceLife("alpha", {_DAY: {0, 1, 22, 23}}, [(_USCC, _SINCE, None)]) for _ in range(2)]
    assert _active(*lives) == [_DAY]


def test_the_last_day_of_a_month_and_the_first_of_the_next_are_neighbours() -> None:
    """Months of every length, the leap day among them."""
    days = [date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1), date(2028, 4, 30)]
    assert _active(_device(*days), _device(*days)) == days


def test_bits_beyond_a_month_s_end_stand_for_no_day() -> None:
    """February has 28 days, whatever a row says."""
    blocks = presence_of([_device(date(2026, 3, 29)), _device(date(2026, 3, 29))])
    for block in blocks:
        block.month[:] -= 1  # the 29th of February 2026
    evidence = evidence_of([_CASE], [_device(_DAY), _device(_DAY)])
    days = activity_of_cases(evidence, blocks, date(2030, 1, 1), _POLICY).days
    assert not days.active.any()


def test_a_device_counts_from_the_first_day_of_its_assignment_to_the_day_before_the_end() -> None:
    """`from_date` inclusive, `to_date` exclusive."""
    days = [_DAY + timedelta(day) for day in range(5)]
    short = _device(*days, assigned=[(_USCC, days[1], days[3])])
    assert _active(_device(*days), short) == days[1:3]


def test_a_device_that_changes_hands_counts_for_each_in_turn() -> None:
    """In the middle of a month."""
    days = [_DAY + timedelta(day) for day in range(4)]
    other = "91350300000000099X"
    moved = _device(*days, assigned=[(other, _SINCE, days[2]), (_USCC, days[2], None)])
    assert _active(_device(*days), moved) == days[2:]


def test_a_device_was_heard_whoever_published() -> None:
    """Hours of one month by two publishers add up, and are not counted twice."""
    by_one, of_another = presence_of([_device(_DAY, hours=3), _device(_DAY, hours=2)])
    by_other = presence_of([_device(_DAY, _DAY + timedelta(1), date(2026, 4, 1), hours=4)])[0]
    stored = PresenceRows(
        np.concatenate([of_another.device, by_one.device, by_other.device]),
        np.concatenate([of_another.month, by_one.month, by_other.month]),
        np.concatenate([of_another.hours, by_one.hours, by_other.hours]),
    )
    merged = merge_publishers(stored)
    assert merged.device.tolist() == [1, 1, 2]
    assert merged.month.tolist() == [2026 * 12 + 2, 2026 * 12 + 3, 2026 * 12 + 2]
    assert (merged.hours[:2] == by_other.hours).all()
    assert (merged.hours[2:] == of_another.hours).all()
    assert merge_publishers(by_other) is by_other
    nothing = PresenceRows(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 93), np.uint8))
    assert len(merge_publishers(nothing).device) == 0


def test_a_device_of_another_platform_does_not_count() -> None:
    """Though it is assigned to the same enterprise."""
    assert _active(_device(_DAY), _device(_DAY, platform="beta")) == []


def test_a_device_without_an_assignment_does_not_count() -> None:
    """Whatever it sends."""
    nobodys = DeviceLife("alpha", {_DAY: range(24)}, [])
    assert _active(_device(_DAY), nobodys) == []


def test_only_days_that_a_connection_covers_are_active() -> None:
    """Two connections with a gap between them."""
    days = [_DAY + timedelta(day) for day in range(6)]
    case = a_case(None, connections=(Connection(days[1], days[3]), Connection(days[4], days[5])))
    assert _active(_device(*days), _device(*days), case=case) == [days[1], days[2], days[4]]


def test_connections_that_ended_before_the_evidence_cover_nothing() -> None:
    """Nor do those that begin after it."""
    case = a_case(
        None,
        connections=(
            Connection(date(2020, 1, 1), date(2021, 1, 1)),
            Connection(date(2029, 1, 1)),
        ),
    )
    assert _active(_device(_DAY), _device(_DAY), case=case) == []


def test_evidence_after_as_of_is_not_used() -> None:
    """To the day, in the middle of a month."""
    days = [_DAY, _DAY + timedelta(1), date(2026, 5, 1)]
    devices = (_device(*days), _device(*days))
    assert _active(*devices, as_of=_DAY) == [_DAY]
    assert _active(*devices, as_of=_DAY - timedelta(1)) == []


def test_a_waiver_sets_the_hours_of_one_case_only() -> None:
    """Two enterprises, the same evidence, another threshold."""
    plain = a_case(None, connections=(Connection(_SINCE),))
    waived = a_case(
        None,
        connections=(Connection(_SINCE),),
        enterprise=plain.enterprise.__class__("91350300000000002X", "E2", "licheng", "C18"),
        decisions=(a_decision("waive", "active_hours_per_day_min", 2),),
    )
    lives = [
        DeviceLife("alpha", {_DAY: range(8, 10)}, [(case.enterprise.uscc, _SINCE, None)])
        for case in (plain, plain, waived, waived)
    ]
    evidence = evidence_of([plain, waived], lives)
    days = activity_of_cases(evidence, presence_of(lives), date(2030, 1, 1), _POLICY).days
    assert days.active.any(axis=1).tolist() == [False, True]


def test_a_waiver_sets_the_number_of_devices() -> None:
    """One where the policy asks for two."""
    case = a_case(
        None,
        connections=(Connection(_SINCE),),
        decisions=(a_decision("waive", "active_devices_min", 1),),
    )
    assert _active(_device(_DAY), case=case) == [_DAY]


def test_the_days_reach_from_the_first_to_the_last_month_that_was_heard() -> None:
    """And not further: a province's days are held in memory."""
    devices = [_device(_DAY), _device(date(2026, 5, 2))]
    evidence = evidence_of([_CASE], devices)
    days = activity_of_cases(evidence, presence_of(devices), date(2030, 1, 1), _POLICY).days
    assert date.fromordinal(days.first_day) == date(2026, 3, 1)
    assert days.active.shape == (1, 31 + 30 + 31)


def test_cases_heard_in_different_months_are_kept_apart_in_one_block() -> None:
    """Though neighbours in it are of another case and two months later."""
    other = a_case(None, enterprise=an_enterprise(2), connections=(Connection(_SINCE),))
    uscc = other.enterprise.uscc
    in_may = date(2026, 5, 2)
    devices = [
        _device(_DAY, assigned=[(uscc, _SINCE, None)]),
        _device(_DAY, assigned=[(uscc, _SINCE, None)]),
        _device(in_may),
        _device(in_may),
    ]
    blocks = presence_of(devices)
    whole = PresenceRows(
        np.concatenate([each.device for each in blocks]),
        np.concatenate([each.month for each in blocks]),
        np.concatenate([each.hours for each in blocks]),
    )
    evidence = evidence_of([_CASE, other], devices)
    days = activity_of_cases(evidence, [whole], date(2030, 1, 1), _POLICY).days
    found = [
        [date.fromordinal(days.first_day + int(day)) for day in np.flatnonzero(row)]
        for row in days.active
    ]
    assert found == [[in_may], [_DAY]]


@pytest.mark.parametrize("year", [2024, 2028, 2032])
def test_a_leap_day_is_a_day_like_any_other(year: int) -> None:
    """And the first of March the one after it."""
    days = [date(year, 2, 29), date(year, 3, 1)]
    case = a_case(None, connections=(Connection(date(2020, 1, 1)),))
    assigned: list[tuple[str, date, date | None]] = [(_USCC, date(2020, 1, 1), None)]
    devices = [_device(*days, assigned=assigned) for _ in range(2)]
    assert _active(*devices, case=case, as_of=date(2040, 1, 1)) == days


def test_a_connection_that_ended_covers_not_even_the_first_day_of_the_evidence() -> None:
    """The first of a month, where the days of the evidence begin."""
    first = date(2026, 3, 1)
    ended = a_case(None, connections=(Connection(_SINCE, date(2026, 2, 1)),))
    assert _active(_device(first), _device(first), case=ended) == []
    assert _active(_device(first), _device(first)) == [first]


def test_a_device_counts_from_the_second_of_a_month_if_that_is_its_first_day() -> None:
    """Not from the first."""
    days = [date(2026, 3, 1), date(2026, 3, 2)]
    assigned: list[tuple[str, date, date | None]] = [(_USCC, days[1], None)]
    devices = [_device(*days, assigned=assigned) for _ in range(2)]
    assert _active(*devices) == days[1:]


def test_each_assignment_of_a_later_device_is_its_own() -> None:
    """Two devices that change hands on different days, the second one back again."""
    change, back = date(2026, 3, 12), date(2026, 3, 14)
    other = an_enterprise(2).uscc
    days = [date(2026, 3, day) for day in range(10, 17)]
    first: list[tuple[str, date, date | None]] = [(_USCC, _SINCE, back), (other, back, None)]
    second: list[tuple[str, date, date | None]] = [
        (_USCC, _SINCE, change),
        (other, change, back),
        (_USCC, back, None),
    ]
    steady = _device(*days)
    devices = [_device(*days, assigned=first), _device(*days, assigned=second), steady]
    assert _active(*devices) == days
    assert _active(*devices[:2]) == days[:2]
    assert _active(*devices[1:]) == [*days[:2], *days[4:]]
