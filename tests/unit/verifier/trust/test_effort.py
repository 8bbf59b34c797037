"""Evidence that follows the rules of the count instead of the work."""

from datetime import date

import numpy as np
import pytest

from verifier.counting.windows import ActiveDays, WindowRule
from verifier.trust.effort import (
    Silence,
    quiet_days,
    required_hours,
    shares_not_live,
    silence_when_full,
)
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
        (_active((True, 90), (False, 40)), Silence(90, 40, 40)),
        (_active((True, 75), (False, 60)), Silence(75, 60, 60)),
        (_active((True, 70), (False, 20), (True, 30)), Silence(70, 20, 20)),
        (_active((True, 69), (False, 60)), None),
        (_active((True, 95), (False, 40)), None),
        (_active((True, 130)), None),
        (
            _active((True, 40), (False, 10), (True, 30), (False, 5), (True, 5), (False, 9)),
            Silence(90, 9, 9),
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
    assert silence_when_full(active, np.zeros_like(active), _RULE) == silence


def test_days_on_which_the_city_rested_make_no_silence() -> None:
    """A fortnight of Spring Festival right after the window is a holiday."""
    active = _active((True, 90), (False, 20), (True, 10))
    quiet = np.zeros_like(active)
    quiet[92:107] = True
    assert silence_when_full(active, quiet, _RULE) == Silence(90, 20, 5)


def test_the_city_rests_when_half_of_those_who_usually_work_do_not() -> None:
    """On their weekday; Sundays off are usual, and who left is nobody's rest."""
    active = np.ones((40, 70), dtype=np.bool_)
    active[:30, 6::7] = False  # most close on every seventh day
    active[:, 21:28] = False
    active[:20, 50:] = False
    quiet = quiet_days(ActiveDays(date(2026, 3, 2).toordinal(), active))
    assert np.flatnonzero(quiet).tolist() == [21, 22, 23, 24, 25, 26, 27]
    assert not quiet_days(ActiveDays(1, active[:19])).any()
    assert len(quiet_days(ActiveDays(1, np.zeros((3, 0), dtype=np.bool_)))) == 0


def _shares(live_days: slice) -> list[float]:
    """Of two cases with eight hours on each of forty days; the second was always heard live."""
    fleet = _fleet([[8] * 40, [8] * 40], [0, 1])
    live = fleet.hours.reshape(2, 40, 3).copy()
    live[0, :] = 0
    live[0, live_days] = fleet.hours.reshape(2, 40, 3)[0, live_days]
    first, last = np.zeros(2, dtype=np.int64), np.full(2, 39)
    known = np.ones(40, dtype=np.bool_)
    found: list[float] = shares_not_live(fleet, live.reshape(2, -1), known, first, last).tolist()
    return found


def test_what_arrived_long_after_it_happened_is_not_live() -> None:
    """Of forty days ten were heard while they passed."""
    assert _shares(slice(10)) == [0.75, 0.0]


def test_of_days_of_which_nobody_wrote_it_down_nothing_is_told() -> None:
    """Evidence of an earlier release says nothing of it."""
    fleet = _fleet([[8] * 40], [0])
    live = fleet.hours.reshape(1, 40, 3).copy()
    live[:, :20] = 0
    span = np.zeros(1, dtype=np.int64), np.full(1, 39)
    known = np.arange(40) >= 20
    assert shares_not_live(fleet, live.reshape(1, -1), known, *span).tolist() == [0.0]
    nothing = np.zeros_like(fleet.hours)
    assert shares_not_live(fleet, nothing, known, *span).tolist() == [1.0]
    assert shares_not_live(fleet, nothing, np.zeros_like(known), *span).tolist() == [0.0]


def test_of_a_few_hours_no_share_not_live_is_told() -> None:
    """Nor of a case without devices."""
    fleet = _fleet([[8] * 12, [8] * 12], [0, 2])
    live = np.zeros_like(fleet.hours)
    live[1] = fleet.hours[1]
    first, last = np.zeros(3, dtype=np.int64), np.full(3, 11)
    assert shares_not_live(fleet, live, np.ones(12, dtype=np.bool_), first, last).tolist() == [
        0.0,
        0.0,
        0.0,
    ]
