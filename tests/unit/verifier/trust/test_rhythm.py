"""Devices of different enterprises that depart from their rhythms together."""

import numpy as np
import numpy.typing as npt
import pytest

from tests.unit.verifier.trust.drawn_city import FIRST_DAY, drawn_hours, fleet_of
from verifier.trust.rhythm import Likeness, RhythmRules, find_alike

_DEVICES, _DAYS = 4, 200
_THIEF, _VICTIM = 20, 7
_RULES = RhythmRules()

Hours = npt.NDArray[np.bool_]


@pytest.fixture(scope="module")
def honest() -> Hours:
    """Sixty enterprises with four machines each."""
    return drawn_hours(60, _DEVICES, _DAYS, seed=11)


def _of(enterprise: int) -> slice:
    return slice(enterprise * _DEVICES, (enterprise + 1) * _DEVICES)


def _alike(hours: Hours, rules: RhythmRules = _RULES) -> list[Likeness]:
    return find_alike(fleet_of(hours, _DEVICES), rules)


def _pairs(found: list[Likeness]) -> set[tuple[int, int]]:
    """Whose devices are alike, by enterprise."""
    return {(each.member // _DEVICES, each.other // _DEVICES) for each in found}


def test_no_two_honest_enterprises_are_alike(honest: Hours) -> None:
    """Though many work the same shifts, keep the same holidays and sit in the same dark."""
    assert _alike(honest) == []


def test_no_fleet_has_no_likeness() -> None:
    """Nor has one that was never heard."""
    nothing = np.zeros((0, 90, 24), dtype=np.bool_)
    assert _alike(nothing) == []
    assert _alike(np.zeros((8, 90, 24), dtype=np.bool_)) == []


def test_a_bank_of_machines_that_is_shown_twice_is_found(honest: Hours) -> None:
    """Each device with the one it is, over the days on which both are there."""
    hours = honest.copy()
    hours[_of(_THIEF)] = hours[_of(_VICTIM)]
    hours[_of(_THIEF), :50] = False
    found = _alike(hours)
    assert [(each.member - each.other, each.lag_days) for each in found] == [
        ((_VICTIM - _THIEF) * _DEVICES, 0)
    ] * _DEVICES
    assert all(each.score > 0.95 for each in found)
    assert all(each.first_day >= FIRST_DAY.toordinal() + 50 for each in found)


def test_a_copy_with_noise_is_found(honest: Hours) -> None:
    """Two hours of a hundred turned about, in each device by itself."""
    hours, random = honest.copy(), np.random.default_rng(3)
    hours[_of(_THIEF)] = hours[_of(_VICTIM)] ^ (random.random((_DEVICES, _DAYS, 24)) < 0.02)
    assert _pairs(_alike(hours)) == {(_VICTIM, _THIEF)}


def test_one_machine_that_stands_for_four_is_found(honest: Hours) -> None:
    """The other three of its enterprise are like none."""
    hours = honest.copy()
    hours[_of(_THIEF)] = hours[_VICTIM * _DEVICES]
    found = _alike(hours)
    assert {each.member for each in found} == {_VICTIM * _DEVICES}
    assert _pairs(found) == {(_VICTIM, _THIEF)}


@pytest.mark.parametrize("lag", [7, 14, 21, 28])
def test_what_is_played_whole_weeks_later_is_found(honest: Hours, lag: int) -> None:
    """The one that comes later is named first, with the lag."""
    hours = honest.copy()
    hours[_of(_THIEF)] = np.roll(hours[_of(_VICTIM)], lag, axis=1)
    hours[_of(_THIEF), :lag] = False
    found = _alike(hours)
    assert _pairs(found) == {(_THIEF, _VICTIM)}
    assert {each.lag_days for each in found} == {lag}


def test_a_few_weeks_together_say_nothing(honest: Hours) -> None:
    """Fewer common days than the rule asks for are chance."""
    hours = honest.copy()
    hours[_of(_THIEF)] = hours[_of(_VICTIM)]
    hours[_of(_THIEF), 40:] = False
    assert _alike(hours) == []


def test_an_outage_of_the_whole_city_likens_nobody(honest: Hours) -> None:
    """Everybody departs from the rule on those days, so doing so is not rare."""
    hours = honest.copy()
    hours[:, 60:75] = False
    assert _alike(hours) == []


def test_one_long_repair_in_common_is_a_coincidence(honest: Hours) -> None:
    """Though it outweighs all else that two machines of regular shifts depart by."""
    hours, random = honest.copy(), np.random.default_rng(3)
    for enterprise in (_VICTIM, _THIEF):
        regular = np.zeros((_DEVICES, _DAYS, 24), dtype=np.bool_)
        regular[:, :, 8:17] = True
        missed = random.integers(8, 17, (_DEVICES, _DAYS, 1)) == np.arange(24)
        regular &= ~(missed & (random.random((_DEVICES, _DAYS, 1)) < 0.35))
        regular[:, 60:82] = False
        hours[_of(enterprise)] = regular
    assert _alike(hours) == []


def test_whoever_counts_again_finds_the_same(honest: Hours) -> None:
    """In whatever order its parts were worked at."""
    hours = honest.copy()
    hours[_of(_THIEF)] = hours[_of(_VICTIM)]
    assert _alike(hours) == _alike(hours)


def _independent(hours: Hours) -> None:
    """Let two enterprises miss hours of their own, so that each has exceptions."""
    random = np.random.default_rng(8)
    for enterprise in (_THIEF, _VICTIM):
        hours[_of(enterprise)] &= random.random((_DEVICES, _DAYS, 24)) > 0.03


def test_two_factories_that_are_shut_for_the_same_weeks_are_not_alike(honest: Hours) -> None:
    """A stop is one event, and not hundreds of hours."""
    hours = honest.copy()
    _independent(hours)
    for enterprise in (_THIEF, _VICTIM):
        hours[_of(enterprise), 90:140] = False
    assert _alike(hours) == []


def test_two_factories_that_rest_every_other_weekend_are_not_alike(honest: Hours) -> None:
    """A rhythm of two weeks is a rhythm, and no exception."""
    hours = honest.copy()
    shift = np.zeros((_DAYS, 24), dtype=np.bool_)
    shift[:, 8:17] = True
    day = (FIRST_DAY.toordinal() + np.arange(_DAYS)) % 14
    shift[np.isin(day, (5, 6))] = False
    for enterprise in (_THIEF, _VICTIM):
        hours[_of(enterprise)] = shift
    _independent(hours)
    assert _alike(hours) == []


def test_controllers_on_one_line_are_not_alike_for_its_power_cuts(honest: Hours) -> None:
    """They depart from their rhythm in nothing else: on a few days."""
    hours = honest.copy()
    for enterprise in (_THIEF, _VICTIM):
        hours[_of(enterprise)] = True
        for cut in range(5, _DAYS, 12):
            hours[_of(enterprise), cut, 9:15] = False
    assert _alike(hours) == []
