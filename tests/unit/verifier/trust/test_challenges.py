"""Whether heartbeats show that a machine was stopped, and who is asked to stop one."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from jieru.calendar import SHANGHAI
from verifier.procedure.holidays import load_holidays
from verifier.trust.challenges.choosing import (
    Candidate,
    chosen,
    is_early_or_late_hour,
    is_working_hour,
)
from verifier.trust.challenges.result import Beat, Judged, judge

_ISSUED = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
_ENDS = _ISSUED + timedelta(hours=1)


def _beats(
    interval_s: int = 30, *, without: tuple[int, int] = (0, 0), status: str = "running"
) -> list[Beat]:
    """From three hours before until two hours after, but for some minutes after it was issued."""
    first, last = (_ISSUED + timedelta(minutes=minute) for minute in without)
    begin = _ISSUED - timedelta(hours=3)
    moments = (begin + timedelta(seconds=step) for step in range(0, 18_000, interval_s))
    return [Beat(each, status) for each in moments if not first < each < last]


def _judged(beats: Sequence[Beat], **said: bool) -> Judged:
    usual = {"is_acknowledged": True, "are_ingesters_away": False, "are_beats_kept": True}
    return judge(beats, _ISSUED, _ENDS, **{**usual, **said})


@pytest.mark.parametrize("interval_s", [5, 30, 60, 120])
@pytest.mark.parametrize("minute", [1, 25, 48])
def test_ten_minutes_of_silence_are_seen(interval_s: int, minute: int) -> None:
    """Whenever within the hour, and however often the machine reports."""
    assert _judged(_beats(interval_s, without=(minute, minute + 10))) == ("seen", "gap")


def test_a_machine_that_goes_on_misses() -> None:
    """And so does one that pauses for five minutes only."""
    assert _judged(_beats()) == ("missed", "went_on")
    assert _judged(_beats(without=(20, 25))) == ("missed", "went_on")


def test_a_pause_after_the_hour_is_none() -> None:
    """The operator may have heard of it by then."""
    assert _judged(_beats(without=(58, 75)), is_acknowledged=True).result == "seen"
    assert _judged(_beats(without=(61, 80))) == ("missed", "went_on")


def test_maintenance_is_seen_unless_it_was_there_before() -> None:
    """The machine need not stop to say so."""
    changed = [
        each._replace(status="maintenance") if _ISSUED < each.at < _ENDS else each
        for each in _beats()
    ]
    assert _judged(changed) == ("seen", "maintenance")
    assert _judged(_beats(status="maintenance")) == ("missed", "went_on")


def test_who_did_not_read_the_mail_is_told_apart() -> None:
    """Nobody answered is another thing than answered and went on."""
    assert _judged(_beats(), is_acknowledged=False) == ("unanswered", "went_on")
    silent = _beats(without=(10, 22))
    assert _judged(silent, is_acknowledged=False) == ("seen", "gap")


def test_nothing_is_judged_where_a_gap_proves_nothing() -> None:
    """Slow machines, silent ones, outages of ours, and evidence that is gone."""
    assert _judged(_beats(900)) == ("not_judged", "slow_device")
    assert _judged([]) == ("not_judged", "silent_before")
    assert _judged(_beats(without=(-15, 40))) == ("not_judged", "silent_before")
    assert _judged(_beats(without=(-60, -45))) == ("not_judged", "gaps_usual")
    assert _judged(_beats(), are_ingesters_away=True) == ("not_judged", "ingesters_away")
    assert _judged(_beats(), are_beats_kept=False) == ("not_judged", "heartbeats_gone")


@pytest.mark.parametrize(
    ("moment", "is_work"),
    [
        ("2026-03-03T09:00+08:00", True),
        ("2026-03-03T12:00+08:00", False),
        ("2026-03-03T16:29+08:00", True),
        ("2026-03-03T16:30+08:00", False),
        ("2026-03-07T09:00+08:00", False),
        ("2026-10-01T09:00+08:00", False),
        ("2026-10-10T09:00+08:00", True),
    ],
)
def test_working_hours_know_weekends_and_holidays(moment: str, *, is_work: bool) -> None:
    """A worked Saturday is worked; Monday to Friday are not always."""
    assert is_working_hour(datetime.fromisoformat(moment), load_holidays("")) is is_work


def test_signals_weigh_and_nobody_is_left_out() -> None:
    """An enterprise with many signals is asked about five times as often as one without."""
    chance = Random(1)  # noqa: S311 - repeatable
    all_of_them = [Candidate(1, 1, 0), Candidate(2, 2, 9)]
    found = Counter(chosen(all_of_them, 1, chance)[0].connection_id for _each in range(6_000))
    assert found[1] + found[2] == 6_000
    assert 4.3 < found[2] / found[1] < 5.8
    assert len(chosen(all_of_them, 5, chance)) == 2


@pytest.mark.parametrize(
    ("hour", "is_early_or_late"),
    [(6, False), (7, True), (9, False), (12, True), (19, True), (20, False)],
)
def test_early_and_late_hours_are_those_around_working_hours(
    hour: int, *, is_early_or_late: bool
) -> None:
    """In which those are asked whose machines are not heard in working hours."""
    at = datetime(2026, 3, 3, hour, tzinfo=SHANGHAI)
    holidays = load_holidays("")
    assert is_early_or_late_hour(at, holidays) is is_early_or_late
    assert not is_early_or_late_hour(at.replace(day=1), holidays)  # a Sunday
