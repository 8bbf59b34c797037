"""Whatever can break is broken by every run of the suite, and more of it every night.

Nothing is played.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.faults.schedule import FIRST_HOSTILE_SEED, LONGEST_S, Kind, Schedule, schedule_of
from tests.faults.seeds import EVERY_NIGHT, EVERY_RUN

_MAKEFILE: Final = Path(__file__).parents[2] / "Makefile"
_SUSPENSIONS: Final = {Kind.SUSPEND_INGESTER, Kind.SUSPEND_DATABASE, Kind.SUSPEND_BROKER}


def _kinds(schedules: list[Schedule]) -> set[Kind]:
    return {kind for each in schedules for kind in each.kinds}


def test_the_few_schedules_of_every_run_break_everything() -> None:
    """Each kind of fault, half a minute of standing still, every kind of ingester."""
    schedules = [schedule_of(seed) for seed in EVERY_RUN]
    assert _kinds(schedules) == set(Kind)
    assert any(
        fault.kind in _SUSPENSIONS and fault.for_s == LONGEST_S
        for each in schedules
        for fault in each.faults
    )
    assert {(each.protocol, each.ingesters, bool(each.group)) for each in schedules} == {
        ("5", 1, False),
        ("5", 2, False),
        ("5", 2, True),
        ("3.1.1", 1, False),
        ("3.1.1", 2, False),
    }


def test_none_of_the_few_could_be_left_out() -> None:
    """Each breaks something, or an ingester, that no other does; else it would cost its time."""

    def covers(seeds: Iterable[int]) -> set[object]:
        schedules = [schedule_of(seed) for seed in seeds]
        ingesters = {(each.protocol, each.ingesters, bool(each.group)) for each in schedules}
        return {*_kinds(schedules), *ingesters}

    everything = covers(EVERY_RUN)
    for left_out in EVERY_RUN:
        assert covers(seed for seed in EVERY_RUN if seed != left_out) != everything


def test_the_night_plays_every_seed_that_was_ever_played_by_every_run() -> None:
    """What a run of the suite no longer plays is not lost."""
    former = {84, 104, 129, 173, 193, 215, 226, 296, 308, 361, 395, 397}
    hostile = range(FIRST_HOSTILE_SEED, FIRST_HOSTILE_SEED + 40)
    assert {*range(1, 201), *hostile, *former, *EVERY_RUN} == set(EVERY_NIGHT)


def test_make_nightly_plays_the_seeds_and_runs_the_tests_of_the_night() -> None:
    """What is marked as nightly is run by no other target."""
    makefile = _MAKEFILE.read_text(encoding="utf-8")
    (recipe,) = re.findall(r"^nightly:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert "$(PYTEST) -m nightly\n" in recipe
    assert "-m tests.faults\n" in recipe
