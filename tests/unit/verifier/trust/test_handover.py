"""Machines that leave one enterprise and begin at another, to the second."""

import pytest

from verifier.trust.handover import Handover, Spell, handovers


def _spells(
    first_device: int, enterprise: int, days: tuple[int, int], seconds: list[int]
) -> list[Spell]:
    return [
        Spell(first_device + number, enterprise, *days, 60, second)
        for number, second in enumerate(seconds)
    ]


def _found(*spells: list[Spell]) -> list[Handover]:
    everything = [each for some in spells for each in some]
    return handovers(everything, everything, within_days=7, devices_min=3, stretch_days=350)


def test_three_that_go_on_in_the_same_beat_are_handed_over() -> None:
    """Device by device, in the order in which they stopped."""
    gave = _spells(10, 1, (100, 190), [7, 21, 44])
    received = _spells(20, 2, (192, 280), [44, 7, 21])
    (found,) = _found(gave, received)
    assert found[:5] == (1, 2, (10, 11, 12), (21, 22, 20), 192)
    assert found.by_chance == pytest.approx(0.01)


def test_two_are_chance() -> None:
    """As are three of which one has another beat."""
    gave = _spells(10, 1, (100, 190), [7, 21, 44])
    assert _found(gave, _spells(20, 2, (192, 280), [7, 21])) == []
    assert _found(gave, _spells(20, 2, (192, 280), [7, 21, 45])) == []


def test_those_that_begin_long_after_or_before_the_end_are_others() -> None:
    """A week is the time that it takes to write new serials."""
    gave = _spells(10, 1, (100, 190), [7, 21, 44])
    assert _found(gave, _spells(20, 2, (198, 280), [7, 21, 44])) == []
    assert _found(gave, _spells(20, 2, (190, 280), [7, 21, 44])) == []
    assert len(_found(gave, _spells(20, 2, (197, 280), [7, 21, 44]))) == 1


def test_an_enterprise_that_renews_its_own_machines_hands_nothing_over() -> None:
    """Whatever beat they have."""
    gave = _spells(10, 1, (100, 190), [7, 21, 44])
    assert _found(gave, _spells(20, 1, (191, 280), [7, 21, 44])) == []


def test_each_machine_is_handed_over_once_to_an_enterprise() -> None:
    """Nobody knows which of two that begin in its beat got it: both are named."""
    gave = _spells(10, 1, (100, 190), [7, 7, 7])
    first, second = _spells(20, 2, (191, 280), [7] * 5), _spells(30, 3, (193, 280), [7] * 3)
    found = _found(gave, first, second)
    assert [(each.giver, each.receiver, len(each.began)) for each in found] == [
        (1, 2, 3),
        (1, 3, 3),
    ]


def test_a_crowd_that_stops_and_begins_in_one_beat_is_not_compared_each_with_each() -> None:
    """Three hundred enterprises stop at the full minute, and as many begin on the next day."""
    gave = [_spells(3 * each, each, (100, 190), [0] * 3) for each in range(300)]
    received = [_spells(3 * each, each, (191, 280), [0] * 3) for each in range(300, 600)]
    found = _found(*gave, *received)
    assert {each.receiver for each in found} == set(range(300, 600))
    assert len(found) == 300 * 20


def test_a_crowd_of_another_season_hides_nobody() -> None:
    """Nor do machines of the receiver itself that stopped between."""
    crowd = [_spells(1_000 + 3 * each, each, (10, 50 + each), [0] * 3) for each in range(10, 130)]
    own = _spells(5_000, 2, (100, 191), [0] * 100)
    gave, received = _spells(1, 1, (100, 189), [0] * 3), _spells(20, 2, (192, 280), [0] * 3)
    (found,) = (each for each in _found(*crowd, own, gave, received) if each.giver == 1)
    assert (found.receiver, found.stopped) == (2, (1, 2, 3))


def test_another_interval_is_another_machine() -> None:
    """Though it may stand at the same second."""
    gave = _spells(10, 1, (100, 190), [7, 21, 44])
    slower = [each._replace(interval_s=300) for each in _spells(20, 2, (191, 280), [7, 21, 44])]
    assert _found(gave, slower) == []


def test_a_hand_over_says_how_many_stop_in_its_beat_by_chance() -> None:
    """Of the rarest of its beats, and without the two of whom it is."""
    gave, received = _spells(10, 1, (100, 190), [0, 0, 9]), _spells(20, 2, (191, 280), [0, 0, 9])
    others = [_spells(100 * one, one, (10, 20 * one), [0, 0, 0]) for one in range(3, 13)]
    (found,) = (each for each in _found(gave, received, *others) if each.giver == 1)
    assert found.by_chance == pytest.approx(0.5 * 7 / 350)
    gave, received = _spells(10, 1, (100, 190), [0] * 3), _spells(20, 2, (191, 280), [0] * 3)
    (found,) = (each for each in _found(gave, received, *others) if each.giver == 1)
    assert found.by_chance == pytest.approx(10.5 * 7 / 350)
