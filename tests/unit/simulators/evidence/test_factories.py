"""Honest factories are not clockwork."""

from itertools import pairwise

import numpy as np
import pytest

from simulators.evidence.city import DrawnCity, draw_city


@pytest.fixture(scope="module")
def city() -> DrawnCity:
    """Eighty enterprises that are what they say."""
    return draw_city(4, honest=80, cheats=())


def test_shifts_of_one_factory_waver(city: DrawnCity) -> None:
    """Hardly a machine is heard for the same number of hours on most of its days."""
    exact = []
    for enterprise in city.enterprises:
        hours = enterprise.machines[0].hours.sum(axis=1)
        heard = hours[hours > 0]
        if len(heard) > 60 and heard.max() < 24:
            exact.append(np.bincount(heard).max() / len(heard))
    assert np.median(exact) < 0.75


def test_machines_of_one_factory_are_not_one_machine(city: DrawnCity) -> None:
    """Each has its own idle days and breakdowns."""
    for enterprise in city.enterprises:
        one, other = enterprise.machines[:2]
        assert not np.array_equal(one.hours, other.hours) or not one.hours.any()


def test_nothing_is_heard_before_the_connection_or_after_it(city: DrawnCity) -> None:
    """Nor in the dark hours of no line at all: what is heard lies within the stretch."""
    for enterprise in city.enterprises:
        for machine in enterprise.machines:
            assert not machine.hours[: enterprise.from_day].any()
            assert enterprise.to_day is None or not machine.hours[enterprise.to_day :].any()


def test_honest_factories_do_what_looks_odd(city: DrawnCity) -> None:
    """They register late, store and forward, stop for the season, share gateways, leave."""
    honest = city.honest()
    publishers = [enterprise.machines[0].publisher for enterprise in honest]
    assert any(each.recorded_day - each.from_day > 7 for each in honest)
    assert any(machine.delays.max() > 60 for each in honest for machine in each.machines)
    assert any(each.stops for each in honest)
    assert any(each.to_day is not None for each in honest)
    assert len([name for name in publishers if name.startswith("via/")]) > len(
        {name for name in publishers if name.startswith("via/")}
    )


def test_a_counter_goes_up_until_its_controller_begins_anew(city: DrawnCity) -> None:
    """A new start is told where the factory tells any."""
    several = 0
    for enterprise in city.enterprises:
        for machine in enterprise.machines:
            readings = machine.readings()
            for before, after in pairwise(readings):
                is_told = before[2] is None or before[2] != after[2]
                assert after[1] >= before[1] or is_told
                several += 1
    assert several > 1_000


def test_the_same_seed_gives_the_same_city() -> None:
    """Bit by bit."""
    one, same = (draw_city(9, honest=5, cheats=("clone", "moved-60")) for _time in range(2))
    assert [each.key for each in one.enterprises] == [each.key for each in same.enterprises]
    for mine, again in zip(one.enterprises, same.enterprises, strict=True):
        for machine, copy in zip(mine.machines, again.machines, strict=True):
            assert np.array_equal(machine.hours, copy.hours)
            assert (machine.serial, machine.second, machine.gauge) == (
                copy.serial,
                copy.second,
                copy.gauge,
            )
