"""What signals find in drawn cities of honest enterprises and cheats.

A small version of `python -m benchmarks trust`, which says how well they do; this one says that
they do at all, and whom they leave alone.
"""

import pytest

from benchmarks.trust import Tally, tally_of_city, visits_for_one
from simulators.evidence.cheats import CHEATS
from simulators.evidence.city import draw_city

_HONEST = 60
_UNSEEN = {"careful-generator", "invented-serials", "gateway-sharing"}


@pytest.fixture(scope="module")
def tally() -> Tally:
    """Sixty honest enterprises, and each cheat once."""
    tally = Tally()
    tally_of_city(draw_city(31, honest=_HONEST, cheats=tuple(CHEATS)), tally)
    return tally


def test_honest_enterprises_are_left_alone(tally: Tally) -> None:
    """But for one in twenty, who did something odd; and no hold is proposed."""
    assert tally.share_of_cases(["honest"]) <= 0.05
    assert tally.holds["honest"] == 0


@pytest.mark.parametrize(
    "name", ["naive-script", "backfill", "backdated-shells", "counter-continued"]
)
def test_cheap_frauds_are_all_found(tally: Tally, name: str) -> None:
    """A hold is proposed for each."""
    assert tally.enterprises[name] > 0
    assert tally.share_of_holds([name]) == 1


@pytest.mark.parametrize("name", ["replay", "moved-60", "moved-90", "minimum-effort"])
def test_middling_frauds_have_a_case(tally: Tally, name: str) -> None:
    """Other people's machines, and what the rules take."""
    assert tally.cases[name] == tally.enterprises[name]


def test_a_clone_has_a_case_and_its_victim_is_not_held_for_it() -> None:
    """Where nobody can tell who came first both are asked."""
    tally = Tally()
    for seed in (31, 32, 33):
        tally_of_city(draw_city(seed, honest=_HONEST, cheats=("clone",) * 4), tally)
    assert tally.kinds["clone"]["rhythm_alike"] >= 0.9 * tally.enterprises["clone"]
    assert tally.cases["clone"] >= 0.9 * tally.enterprises["clone"]
    assert tally.victims_held_for_likeness == 0


def test_each_cheat_is_found_by_the_signal_that_it_names(tally: Tally) -> None:
    """At least one of them, in each of its enterprises."""
    for name, cheat in CHEATS.items():
        shown = [each for each in tally.enterprises if each.startswith(name)]
        for each in shown:
            found = max((tally.kinds[each].get(kind, 0) for kind in cheat.found_by), default=0)
            assert each in _UNSEEN or found == tally.enterprises[each]


def test_whoever_draws_evidence_as_honest_evidence_is_drawn_is_not_found(tally: Tally) -> None:
    """Visits are for those."""
    assert tally.cases["careful-generator"] == 0


def test_a_victim_is_not_held_for_being_copied(tally: Tally) -> None:
    """Who was there first."""
    assert tally.victims_held_for_likeness == 0


@pytest.mark.parametrize(
    ("enterprises", "cheats", "visits"), [(60, 3, 38), (150, 8, 46), (300, 15, 54), (10, 0, 10)]
)
def test_visits_that_see_one_cheat_with_95_percent(
    enterprises: int, cheats: int, visits: int
) -> None:
    """By the hypergeometric distribution, as the draw has it."""
    assert visits_for_one(enterprises, cheats) == visits
