"""When whose turn is, in the three ways in which load comes."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieru.errors import UserError
from simulators.load.turns import Turn, aligned_turns, flat_out_turns, paced_turns

_NOON_MS = 1_772_424_000_000
_MINUTE_MS = 60_000


def test_flat_out_every_device_has_its_turn_in_every_round() -> None:
    """Spread over the spacing, and each round one spacing later."""
    turns = flat_out_turns([7, 9], first_ms=1000, spacing_ms=100, messages=5)
    assert list(turns) == [
        Turn(7, 0, 1000),
        Turn(9, 0, 1050),
        Turn(7, 1, 1100),
        Turn(9, 1, 1150),
        Turn(7, 2, 1200),
    ]


def test_an_even_pace_keeps_its_distances() -> None:
    """Four a second are a quarter of a second apart."""
    turns = list(paced_turns([0, 1, 2], first_ms=0, per_second=4, messages=6))
    assert [turn.ts_ms for turn in turns] == [0, 250, 500, 750, 1000, 1250]
    assert [(turn.device, turn.seq) for turn in turns] == [
        (0, 0),
        (1, 0),
        (2, 0),
        (0, 1),
        (1, 1),
        (2, 1),
    ]


def test_a_pace_of_more_than_one_a_millisecond_and_device_is_refused() -> None:
    """Two heartbeats of one millisecond would be one to the database."""
    assert next(paced_turns([0, 1], first_ms=0, per_second=2000)).device == 0
    with pytest.raises(UserError, match="take more devices"):
        next(paced_turns([0, 1], first_ms=0, per_second=2001))


@pytest.mark.parametrize("before_ms", [0, 1, _MINUTE_MS - 1])
def test_a_burst_comes_at_the_next_full_minute(before_ms: int) -> None:
    """Or at once, when it is just that."""
    turns = aligned_turns(
        [0, 1], first_ms=_NOON_MS - before_ms, every_ms=_MINUTE_MS, within_ms=1000
    )
    assert list(islice(turns, 4)) == [
        Turn(0, 0, _NOON_MS),
        Turn(1, 0, _NOON_MS + 500),
        Turn(0, 1, _NOON_MS + _MINUTE_MS),
        Turn(1, 1, _NOON_MS + _MINUTE_MS + 500),
    ]


@given(
    devices=st.integers(1, 20),
    spacing_ms=st.integers(1, 1000),
    per_second=st.floats(0.1, 1000),
    within_ms=st.integers(0, _MINUTE_MS),
)
def test_no_device_says_the_same_instant_twice(
    devices: int, spacing_ms: int, per_second: float, within_ms: int
) -> None:
    """Whatever the pace: the database knows a heartbeat by its device and instant."""
    places = range(devices)
    for turns in (
        flat_out_turns(places, first_ms=0, spacing_ms=spacing_ms, messages=200),
        paced_turns(places, first_ms=0, per_second=per_second, messages=200),
        aligned_turns(places, first_ms=1, every_ms=60_000, within_ms=within_ms, messages=200),
    ):
        known = [(turn.device, turn.ts_ms) for turn in turns]
        assert len(set(known)) == 200
