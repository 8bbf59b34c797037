"""Schedules are the same for the same seed, and the night's do everything. Nothing is played."""

from itertools import pairwise

from tests.stall.schedule import ABUSES, CRASHES, Kind, schedule_of
from tests.stall.seeds import EVERY_NIGHT, EVERY_RUN


def test_a_seed_gives_the_same_schedule_always() -> None:
    """Which is how one is repeated."""
    assert all(schedule_of(seed) == schedule_of(seed) for seed in EVERY_NIGHT)


def test_every_schedule_has_two_abuses_at_once() -> None:
    """Neither is over before the other begins."""
    for seed in EVERY_NIGHT:
        events = [event for event in schedule_of(seed).events if event.kind in ABUSES]
        assert len(events) == 2
        assert all(first.at_s + first.for_s > second.at_s for first, second in pairwise(events))


def test_the_night_does_everything() -> None:
    """Each abuse and each crash, and each crash with one `serve` and with two."""
    schedules = [schedule_of(seed) for seed in EVERY_NIGHT]
    assert {kind for each in schedules for kind in each.kinds} == set(Kind)
    for serves in (1, 2):
        kinds = {kind for each in schedules if each.serves == serves for kind in each.kinds}
        assert set(CRASHES) <= kinds


def test_every_run_has_one_serve_and_two_and_crashes() -> None:
    """The night has what they have."""
    schedules = [schedule_of(seed) for seed in EVERY_RUN]
    assert {each.serves for each in schedules} == {1, 2}
    assert all(each.kinds & set(CRASHES) for each in schedules)
    assert set(EVERY_RUN) <= set(EVERY_NIGHT)
