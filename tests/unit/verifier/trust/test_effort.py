"""Evidence that follows the rules of the count instead of the work."""

from datetime import date

import numpy as np
import pytest

from verifier.counting.windows import WindowRule
from verifier.trust.effort import Silence, required_hours, share_not_live, silence_when_full
from verifier.trust.fleet import Fleet, Stretch

_RULE = WindowRule(window_days=90, active_days_min=60, longest_gap_days_max=20)


def _fleet(hours_by_day: list[list[int]], case: list[int]) -> Fleet:
    """Devices that are heard for so many hours of each day."""
    count = np.array(hours_by_day)
    heard = np.arange(24) < count[:, :, None]
    devices, days = count.shape
    return Fleet(
        Stretch(date(2026, 3, 1).toordinal(), days),
        np.arange(devices),
        np.array(case),
        np.packbits(heard.reshape(devices, -1), axis=1),
        np.zeros(devices, dtype=np.int64),
        np.full(devices, days),
    )


def test_just_the_required_hours_on_every_day_are_a_share_of_one() -> None:
    """Each device by itself, and days below the requirement are no active days."""
    fleet = _fleet([[4] * 30, [4] * 15 + [3] * 15, [8] * 30], [0, 0, 1])
    found = required_hours(fleet, np.array([4, 4]))
    assert found.share.tolist() == [1.0, 0.0]
    assert (found.first[0], found.last[0]) == (0, 29)


def test_a_shift_that_now_and_then_is_just_as_long_is_a_small_share() -> None:
    """Of ten days with work one has exactly four hours."""
    found = required_hours(_fleet([[4, 5, 6, 7, 8, 8, 8, 9, 9, 10] * 4], [0]), np.array([4]))
    assert found.share.tolist() == [0.1]
    assert (found.first[0], found.last[0]) == (0, 30)


def test_of_a_few_days_no_share_is_told() -> None:
    """Nineteen days of four hours are no habit yet."""
    assert required_hours(_fleet([[4] * 19], [0]), np.array([4])).share.tolist() == [0.0]


def test_a_case_without_devices_has_no_share() -> None:
    """Nor do those around it move up."""
    found = required_hours(_fleet([[4] * 30], [1]), np.array([4, 4, 4]))
    assert found.share.tolist() == [0.0, 1.0, 0.0]


def _active(*runs: tuple[bool, int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.concatenate([np.full(days, is_active) for is_active, days in runs])


@pytest.mark.parametrize(
    ("active", "silence"),
    [
        (_active((True, 90), (False, 40)), Silence(90, 40)),
        (_active((True, 75), (False, 60)), Silence(75, 60)),
        (_active((True, 70), (False, 20), (True, 30)), Silence(70, 20)),
        (_active((True, 69), (False, 60)), None),
        (_active((True, 95), (False, 40)), None),
        (_active((True, 130)), None),
        (
            _active((True, 40), (False, 10), (True, 30), (False, 5), (True, 5), (False, 9)),
            Silence(90, 9),
        ),
        (_active((True, 50), (False, 21), (True, 9), (False, 30)), None),
    ],
    ids=[
        "stops on day 91",
        "stops when sixty days are there",
        "comes back",
        "stops before the window is safe",
        "works on into the next week",
        "never stops",
        "the longer of two",
        "has too few days",
    ],
)
def test_a_silence_begins_when_nothing_more_is_needed(
    active: np.ndarray[tuple[int], np.dtype[np.bool_]], silence: Silence | None
) -> None:
    """Neither before, when it would cost the window, nor long after."""
    assert silence_when_full(active, _RULE) == silence


def test_what_arrived_long_after_it_happened_is_not_live() -> None:
    """Of sixteen hours four were heard while they passed."""
    hours = np.array([[0xFF, 0xFF, 0]], dtype=np.uint8)
    live = np.array([[0xF0, 0, 0xFF]], dtype=np.uint8)
    assert share_not_live(hours, live) == 0.75
    assert share_not_live(np.zeros_like(hours), live) == 0.0
