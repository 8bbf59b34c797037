"""When a channel may speak."""

from datetime import datetime, timedelta

import pytest

from jieru.calendar import SHANGHAI
from jieru.notices.schedule import Frequency, Rhythm, is_due


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of March 2027, whose first day is a Monday."""
    return datetime(2027, 3, day, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.parametrize(("hour", "is_quiet"), [(21, False), (22, True), (3, True), (7, False)])
def test_quiet_hours_go_over_midnight(hour: int, is_quiet: bool) -> None:
    """From the first hour on, and no longer in the last."""
    assert Rhythm(Frequency.AT_ONCE, 22, 7).is_quiet(_at(3, hour)) is is_quiet


def test_a_week_is_told_on_monday() -> None:
    """Of what happened before half past eight."""
    rhythm = Rhythm(Frequency.WEEKLY)
    told_at = _at(3, 12)
    moments = [_at(3, 12) + timedelta(hours=number) for number in range(24 * 6)]
    first = next(
        now for now in moments if is_due(rhythm, composed_at=None, told_at=told_at, now=now)
    )
    assert first == _at(8, 9)


def test_what_happens_at_once_is_told_in_one_message_each_ten_minutes() -> None:
    """The second one waits for what else comes."""
    rhythm = Rhythm(Frequency.AT_ONCE)
    now = _at(3, 12)
    assert is_due(rhythm, composed_at=None, told_at=now, now=now)
    soon = now + timedelta(minutes=9)
    assert not is_due(rhythm, composed_at=now, told_at=soon, now=soon)
    assert is_due(rhythm, composed_at=now, told_at=soon, now=soon + timedelta(minutes=1))
