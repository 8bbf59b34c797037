"""Each cheat does what its name says."""

from itertools import pairwise

import numpy as np
import pytest

from simulators.evidence.cheats import CHEATS, GIVER
from simulators.evidence.city import DrawnCity, draw_city
from simulators.evidence.machine import DrawnEnterprise


@pytest.fixture(scope="module")
def city() -> DrawnCity:
    """Sixty honest enterprises, and each cheat once."""
    return draw_city(6, honest=60, cheats=tuple(CHEATS))


def _of(city: DrawnCity, name: str) -> list[DrawnEnterprise]:
    return [each for each in city.enterprises if each.cheat == name]


def _original(city: DrawnCity, copy: DrawnEnterprise) -> DrawnEnterprise:
    (key,) = copy.originals
    return next(each for each in city.enterprises if each.key == key)


def test_every_cheat_is_shown(city: DrawnCity) -> None:
    """Those of one bank with who gives it."""
    shown = {each.cheat for each in city.enterprises} - {None, GIVER}
    assert shown == {*CHEATS}


@pytest.mark.parametrize("name", ["naive-script", "minimum-effort", "backfill", "december-rush"])
def test_a_program_sends_what_is_required_and_stops(city: DrawnCity, name: str) -> None:
    """Four hours a day, on sixty days and few more, within ninety."""
    for enterprise in _of(city, name):
        hours = enterprise.machines[0].hours.sum(axis=1)
        life = enterprise.machines[0].life()
        assert life is not None
        assert life.end - life.first <= 90
        assert 60 <= (hours >= 4).sum() <= 80
        assert (hours == 4).sum() >= 0.8 * (hours >= 4).sum()


def test_a_backfill_arrives_within_three_days_and_never_live(city: DrawnCity) -> None:
    """In time to count."""
    (enterprise,) = _of(city, "backfill")
    machine = enterprise.machines[0]
    assert machine.delays.max() <= 72 * 60
    assert machine.live(60).sum() < 0.1 * machine.hours.sum()


@pytest.mark.parametrize("name", ["clone", "replay"])
def test_a_copy_shows_the_machines_of_an_honest_enterprise(city: DrawnCity, name: str) -> None:
    """At once or whole weeks later, with little noise."""
    (copy,) = _of(city, name)
    original = _original(city, copy)
    for machine in copy.machines:
        life = machine.life()
        assert life is not None
        alike = max(
            (
                machine.hours[life.first : life.end]
                == each.hours[life.first - lag : life.end - lag]
            ).mean()
            for each in original.machines
            for lag in (0, 7, 14, 28)
            if life.first >= lag
        )
        assert alike > 0.95


@pytest.mark.parametrize(("name", "least_days"), [("moved-60", 70), ("moved-90", 90)])
def test_a_bank_is_moved_on_when_it_has_earned_an_enterprise(
    city: DrawnCity, name: str, least_days: int
) -> None:
    """Under new serials, in the beat it had."""
    moved = _of(city, name)
    machines = [machine for each in moved for machine in each.machines]
    assert len({machine.serial for machine in machines}) == len(machines) == 3 * len(moved)
    assert len({(machine.interval_s, machine.second) for machine in machines}) == 1
    for enterprise in moved:
        active = np.sum([machine.hours.sum(axis=1) >= 4 for machine in enterprise.machines], axis=0)
        days = np.flatnonzero(active == 3)
        assert len(days) >= 60
        assert days[-1] - enterprise.from_day <= 1.5 * least_days


def test_counters_go_on_where_they_ended(city: DrawnCity) -> None:
    """Within one step."""
    receivers = _of(city, "counter-continued")
    givers = [each for each in _of(city, GIVER) if each.machines[0].counters]
    chain = [*givers[-1:], *receivers]
    assert len(chain) >= 2
    for before, after in pairwise(chain):
        for ended, begun in zip(before.machines, after.machines, strict=True):
            step = begun.readings()[0][1] - ended.readings()[-1][1]
            assert 0 <= step <= ended.counters[0].per_hour + 0.02


def test_backdated_shells_share_one_bank_and_one_day_of_recording(city: DrawnCity) -> None:
    """Each has its own days of it."""
    shells = _of(city, "backdated-shells")
    assert len(shells) >= 2
    assert len({shell.recorded_day for shell in shells}) == 1
    assert all(shell.recorded_day - shell.from_day > 30 for shell in shells)
    heard = np.sum([shell.machines[0].hours.any(axis=1) for shell in shells], axis=0)
    assert heard.max() == 1


def test_shells_of_one_gateway_are_more_than_it_may_serve(city: DrawnCity) -> None:
    """Four."""
    shells = _of(city, "gateway-sharing")
    assert len(shells) == 4
    assert len({machine.publisher for shell in shells for machine in shell.machines}) == 1
