"""Measured values that nobody measured."""

import numpy as np

from verifier.trust.metrics import (
    Repetition,
    has_variety,
    is_count,
    memory,
    repetitions,
    shingles,
)


def _machine(seed: int, values: int = 500) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A temperature that wanders, read to a tenth of a degree."""
    random = np.random.default_rng(seed)
    return np.round(60 + np.cumsum(random.normal(0, 0.4, values)), 1)


def test_two_machines_share_no_eight_values_on_end() -> None:
    """Though each reads the same few hundred values again and again."""
    assert repetitions([_machine(each) for each in range(20)], 0.01) == []


def test_a_recording_that_is_played_elsewhere_is_found() -> None:
    """Even where only a part of it is, and at another place."""
    other = _machine(2)
    other[100:350] = _machine(1)[200:450]
    (found,) = repetitions([_machine(1), _machine(3), other], 0.2)
    assert (found.one, found.other) == (0, 2)
    assert 0.45 < found.share < 0.55


def test_a_recording_that_is_played_again_and_again_is_found() -> None:
    """Within one device."""
    (found,) = repetitions([np.tile(_machine(1, 100), 10)], 0.5)
    assert found == Repetition(0, 0, found.share)
    assert found.share > 0.85


def test_a_recording_that_is_played_everywhere_is_found_without_comparing_every_two() -> None:
    """Each of a thousand once, whole and by its own share; an honest one among them is not."""
    everywhere = [_machine(1)] * 1_000
    partly = np.concatenate([_machine(1, 250), _machine(3, 250)])
    found = repetitions([*everywhere, _machine(2), partly], 0.4)
    seen = {number for each in found for number in (each.one, each.other)}
    assert seen == {*range(1_000), 1_001}
    assert len(found) <= 1_001
    assert {each.share for each in found if 1_001 not in each[:2]} == {1.0}


def test_many_banks_that_each_play_a_recording_are_told_apart() -> None:
    """Pairs are within a bank only, as many as there are."""
    banks = [_machine(bank) for bank in range(20) for _device in range(5)]
    found = repetitions(banks, 0.5)
    assert {each.share for each in found} == {1.0}
    assert len(found) == 20 * 10
    assert all(each.one // 5 == each.other // 5 for each in found)


def test_a_machine_at_rest_repeats_nothing() -> None:
    """Its gauge stands still, or steps between three values."""
    assert len(shingles(np.zeros(100))) == 0
    assert len(shingles(np.tile([20.0, 20.1, 20.2], 50))) == 0
    assert repetitions([np.zeros(100), np.zeros(100)], 0.01) == []


def test_a_short_series_has_no_shingles() -> None:
    """Seven values are too few to say anything."""
    assert len(shingles(np.arange(7.0))) == 0
    assert len(shingles(np.arange(9.0))) == 2


def test_a_machine_remembers_and_a_die_does_not() -> None:
    """The lag-1 autocorrelation of the one is near 1, of the other near 0."""
    assert memory(_machine(1)) > 0.9
    assert abs(memory(np.random.default_rng(1).random(500))) < 0.15
    assert memory(np.tile([1.0, -1.0], 100)) < -0.9


def test_a_gauge_that_stands_still_is_no_sign() -> None:
    """Nor is a series without values."""
    assert memory(np.full(50, 3.0)) == 1.0
    assert memory(np.array([])) == 1.0


def test_of_a_few_values_nothing_is_said() -> None:
    """Nor of many that hardly differ."""
    assert has_variety(_machine(1), 100)
    assert not has_variety(_machine(1, 50), 100)
    assert not has_variety(np.tile([1.0, 2.0], 100), 100)


def test_a_number_of_pieces_is_a_count_and_no_measured_value() -> None:
    """It only grows, or counts down, and so is the same for many machines."""
    assert is_count(np.array([1.0, 2.0, 2.0, 5.0]))
    assert is_count(np.arange(9.0)[::-1])
    assert not is_count(_machine(1))
