"""Measured values of machines, of programs, and of those who copy them."""

from dataclasses import replace

import numpy as np
import pytest

from simulators.evidence.gauges import Gauge

_SEVERAL = 1_440


def _correlation(values: "np.typing.NDArray[np.float64]") -> float:
    return float(np.corrcoef(values[:-1], values[1:])[0, 1])


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_a_value_knows_as_much_of_the_one_before_as_the_gauge_says(memory: float) -> None:
    """A machine's much, a program's nothing."""
    values = Gauge(seed=5, memory=memory).values(3, _SEVERAL)
    assert _correlation(values) == pytest.approx(memory, abs=0.08)


def test_a_day_is_the_same_each_time_and_like_no_other() -> None:
    """So that a copy can show it again."""
    gauge = Gauge(seed=5)
    assert np.array_equal(gauge.values(3, 50), gauge.values(3, 100)[:50])
    assert not np.array_equal(gauge.values(3, 50), gauge.values(4, 50))


def test_a_replay_shows_what_the_original_showed_days_before() -> None:
    """Figure by figure."""
    gauge = Gauge(seed=5)
    assert np.array_equal(replace(gauge, lag_days=7).values(17, 50), gauge.values(10, 50))


def test_a_copy_may_be_scaled_or_noisy() -> None:
    """Then no figure is the original's, though it goes with it."""
    gauge = Gauge(seed=5)
    original = gauge.values(3, _SEVERAL)
    assert np.allclose(replace(gauge, scale=1.1).values(3, _SEVERAL), original * 1.1, atol=0.06)
    noisy = replace(gauge, noise=0.1).values(3, _SEVERAL)
    assert (noisy != original).mean() > 0
    assert np.corrcoef(noisy, original)[0, 1] > 0.98


def test_a_recording_is_played_again_and_again() -> None:
    """On each day the same."""
    values = Gauge(seed=5, loop=40).values(3, 120)
    assert np.array_equal(values[:40], values[40:80])
    assert np.array_equal(values, Gauge(seed=5, loop=40).values(9, 120))
