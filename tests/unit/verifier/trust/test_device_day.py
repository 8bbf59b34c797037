"""What is kept of a device's day beside its hours."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.trust.counters import Reading, falls
from verifier.trust.device_day import DeviceDay, LastReading, Rhythm, device_day, rhythm_of

_SECOND_US = 1_000_000
_AT = datetime(2026, 3, 2, tzinfo=UTC)


def _day(
    beats: Sequence[tuple[float | None, int | None, int | None]],
    before: LastReading | None = None,
) -> DeviceDay:
    """Of heartbeats with a counter, a boot and a seq, each perhaps."""
    return device_day(
        counters=np.array([np.nan if c is None else c for c, _b, _s in beats], dtype=np.float64),
        boots=np.array([b or 0 for _c, b, _s in beats], dtype=np.int64),
        has_boot=np.array([b is not None for _c, b, _s in beats], dtype=np.bool_),
        seqs=np.array([-1 if s is None else s for _c, _b, s in beats], dtype=np.int64),
        before=before,
    )


def test_of_heartbeats_that_say_nothing_there_is_nothing_to_tell() -> None:
    """Neither counter nor boot, and every seq once."""
    found = _day([(None, None, None), (None, None, 1), (None, None, 2)])
    assert found == DeviceDay(None, None, None, 0, None, None, 0, 0)
    assert not found.is_worth_telling


def test_a_counter_is_told_by_its_ends_and_its_largest_step() -> None:
    """Heartbeats without one lie between."""
    found = _day([(10.0, 1, None), (None, 1, None), (12.5, 1, None), (13.0, 1, None)])
    assert found == DeviceDay(10.0, 13.0, 2.5, 0, 1, 1, 1, 0)
    assert found.is_worth_telling
    assert _day([(10.0, None, None)]).counter_step_max is None


@pytest.mark.parametrize(
    ("before", "fallen"),
    [
        (None, 0),
        (LastReading(9.0, 1), 0),
        (LastReading(11.0, 1), 1),
        (LastReading(11.0, 2), 0),
        (LastReading(11.0, None), 0),
    ],
)
def test_the_first_reading_is_held_against_the_last_one_before(
    before: LastReading | None, fallen: int
) -> None:
    """Less than that under the same boot is a fall."""
    assert _day([(10.0, 1, None)], before).counter_falls == fallen


_BEATS = st.lists(
    st.tuples(
        st.none() | st.integers(0, 3).map(float),
        st.none() | st.integers(-1, 1),
        st.none() | st.integers(0, 3),
    ),
    max_size=12,
)


@given(_BEATS)
def test_falls_and_repeats_are_those_that_are_counted_one_by_one(
    beats: list[tuple[float | None, int | None, int | None]],
) -> None:
    """Falls as `verifier.trust.counters` finds them; repeats among pairs of boot and seq."""
    found = _day(beats)
    readings = [
        Reading(_AT + timedelta(seconds=place), counter, boot)
        for place, (counter, boot, _seq) in enumerate(beats)
        if counter is not None
    ]
    assert found.counter_falls == len(falls(readings))
    sent = [(boot, seq) for _counter, boot, seq in beats if seq is not None]
    assert found.seq_repeats == len(sent) - len(set(sent))
    assert found.boots == len({boot for _counter, boot, _seq in beats if boot is not None})
    if len(readings) > 1:
        rises = [later.counter - earlier.counter for earlier, later in pairwise(readings)]
        assert found.counter_step_max == max(0.0, *rises)


def test_a_device_sends_at_its_second_of_an_interval() -> None:
    """Though now and then one is missing or late."""
    beats = [37, 97, 157, 160, 217, 337, 397]
    assert rhythm_of(np.array(beats) * _SECOND_US + 250_000) == Rhythm(60, 37)


@pytest.mark.parametrize("seconds", [[], [1], [1, 61], [1, 2, 12, 40, 45, 99], [5, 5, 5, 5]])
def test_without_a_beat_none_is_told(seconds: list[int]) -> None:
    """Too few, or at random, or all at once."""
    assert rhythm_of(np.array(seconds, dtype=np.int64) * _SECOND_US) is None
