"""Schedules as data: made from a seed, written and read, shrunken. Nothing is played."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection

import pytest

from tests.faults.schedule import (
    FIRST_HOSTILE_SEED,
    HOSTILE,
    LONGEST_S,
    Fault,
    Kind,
    Schedule,
    read_schedule,
    schedule_of,
)
from tests.faults.shrink import shrink

_SEEDS = range(300)
_HOSTILE_SEEDS = range(FIRST_HOSTILE_SEED, FIRST_HOSTILE_SEED + 100)
_EVERY_SEED = [*_SEEDS, *_HOSTILE_SEEDS]
_AS_EVER = "a451ab5f134091db680781c712dd0c5a3fc762fa9d96aa9fe96c5e8d07bbcf23"


def _schedule(*kinds: Kind) -> Schedule:
    faults = tuple(Fault(kind, float(at), 4.0) for at, kind in enumerate(kinds, start=1))
    return Schedule(7, "5", 2, "jieru", faults)


def test_a_seed_gives_the_same_schedule_every_time() -> None:
    """And another seed another one."""
    assert [schedule_of(seed) for seed in _SEEDS] == [schedule_of(seed) for seed in _SEEDS]
    assert len({schedule_of(seed).faults for seed in _SEEDS}) > 290


def test_what_is_printed_can_be_read_again() -> None:
    """To the last fault's detail."""
    for seed in _EVERY_SEED:
        assert read_schedule(str(schedule_of(seed))) == schedule_of(seed)


@pytest.mark.parametrize(
    "text",
    [
        "seed 1: 1 of MQTT 4",
        "at 1.00 for 1.00: kill_ingester",
        "seed 1: 1 of MQTT 5\nat noon: kill_ingester",
        "seed 1: 1 of MQTT 5\nat 1.00 for 1.00: kill_everybody",
    ],
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    """Rather than played as another one."""
    with pytest.raises(ValueError, match=r"."):
        read_schedule(text)


def test_seeds_break_everything_alone_and_together() -> None:
    """Each kind often, one to four faults at once, none longer than half a minute."""
    schedules = [schedule_of(seed) for seed in _SEEDS]
    kinds = Counter(kind for each in schedules for kind in each.kinds)
    assert set(kinds) == set(Kind) - set(HOSTILE)
    assert min(kinds.values()) >= 5
    assert {len(each.faults) for each in schedules} == {1, 2, 3, 4}
    assert max(fault.for_s for each in schedules for fault in each.faults) == LONGEST_S
    assert {(each.protocol, each.ingesters, bool(each.group)) for each in schedules} == {
        ("5", 1, False),
        ("5", 2, False),
        ("5", 2, True),
        ("3.1.1", 1, False),
        ("3.1.1", 2, False),
    }


def test_no_schedule_strikes_a_target_twice_or_makes_mosquitto_forget_a_group() -> None:
    """What the broker loses by design is nothing that an ingester could mend (decision 0008)."""
    for seed in _EVERY_SEED:
        schedule = schedule_of(seed)
        targets = [fault.kind.target for fault in schedule.faults]
        assert len(set(targets)) == len(targets)
        if schedule.group:
            assert not schedule.kinds & {Kind.KILL_BROKER, Kind.RESTART_BROKER}


def test_seeds_of_before_give_what_they_always_gave() -> None:
    """What is written of them in documents stays true: hostile clients have seeds of their own."""
    text = "\n".join(str(schedule_of(seed)) for seed in _SEEDS)
    assert hashlib.sha256(text.encode()).hexdigest() == _AS_EVER


def test_hostile_clients_come_alone_and_in_company_in_every_way() -> None:
    """One or two of them, with up to three faults besides."""
    schedules = [schedule_of(seed) for seed in _HOSTILE_SEEDS]
    hostile = [[each for each in one.faults if each.kind in HOSTILE] for one in schedules]
    others = [len(one.faults) - len(two) for one, two in zip(schedules, hostile, strict=True)]
    assert {len(each) for each in hostile} == {1, 2}
    assert set(others) == {0, 1, 2, 3}
    ways = Counter((fault.kind, fault.detail) for each in hostile for fault in each)
    assert len(ways) == 12
    assert min(ways.values()) >= 3


def _breaks_with(*needed: Kind) -> Callable[[Schedule], bool]:
    return lambda schedule: set(needed) <= schedule.kinds


@pytest.mark.parametrize(
    "needed",
    [
        [],
        [Kind.KILL_DATABASE],
        [Kind.SUSPEND_BROKER],
        [Kind.KILL_INGESTER, Kind.CLOCK_JUMP],
    ],
)
def test_shrinking_leaves_only_what_is_needed(needed: Collection[Kind]) -> None:
    """Few ingesters and short faults too."""
    whole = _schedule(Kind.KILL_INGESTER, Kind.SUSPEND_BROKER, Kind.KILL_DATABASE, Kind.CLOCK_JUMP)
    smallest = shrink(whole, _breaks_with(*needed), limit=40)
    assert smallest.kinds == set(needed)
    assert smallest.ingesters == 1
    assert all(fault.for_s == 0.5 for fault in smallest.faults)


def test_shrinking_plays_no_schedule_twice_and_ends_in_time() -> None:
    """Playing takes half a minute."""
    played: list[Schedule] = []

    def is_failing(schedule: Schedule) -> bool:
        played.append(schedule)
        return Kind.KILL_DATABASE in schedule.kinds

    whole = _schedule(Kind.KILL_INGESTER, Kind.SUSPEND_BROKER, Kind.KILL_DATABASE)
    smallest = shrink(whole, is_failing, limit=5)
    assert len(played) == len(set(played)) == 5
    assert Kind.KILL_DATABASE in smallest.kinds


def test_what_fails_only_once_is_kept_whole() -> None:
    """The seed and the schedule that failed are the best that is known."""
    whole = _schedule(Kind.KILL_INGESTER, Kind.SUSPEND_BROKER)
    assert shrink(whole, lambda _schedule: False) == whole
