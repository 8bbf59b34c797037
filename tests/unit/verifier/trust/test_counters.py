"""Counters that fall, or go on elsewhere."""

from datetime import UTC, datetime, timedelta

from verifier.trust.counters import (
    Beginning,
    Continuation,
    End,
    Fall,
    Reading,
    continuations,
    falls,
)

_NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


def _readings(*values: tuple[float, int | None]) -> list[Reading]:
    return [
        Reading(_NOON + timedelta(minutes=number), counter, boot)
        for number, (counter, boot) in enumerate(values)
    ]


def test_a_counter_that_goes_up_or_stands_is_well() -> None:
    """A machine at rest counts nothing."""
    assert falls(_readings((1, 7), (1, 7), (2.5, 7), (900, 7))) == []


def test_a_counter_that_falls_is_found() -> None:
    """With what it read before and after, and when."""
    assert falls(_readings((5, 7), (9, 7), (3, 7))) == [Fall(_NOON + timedelta(minutes=2), 9, 3)]


def test_a_start_excuses_the_fall_that_follows_it_and_no_other() -> None:
    """Whether or not the controller says which start it is."""
    assert falls(_readings((9, 7), (0, 8), (4, 8))) == []
    assert len(falls(_readings((9, 7), (0, 8), (4, 8), (1, 8)))) == 1
    assert len(falls(_readings((9, None), (0, None)))) == 1


def test_a_counter_that_goes_on_under_another_serial_is_found() -> None:
    """Within twice the step that it made, and some days."""
    ended, begun = End(1, 100, 5_000, 2.0), Beginning(2, 102, 5_003)
    assert continuations([ended], [begun, Beginning(1, 102, 5_003)], 7) == [
        Continuation(ended, begun)
    ]
    assert continuations([ended._replace(step=1.0)], [begun], 7) == []
    assert continuations([ended], [begun], 1) == []
    assert continuations([ended], [begun._replace(day=99)], 7) == []
    assert continuations([ended], [begun._replace(counter=4_999)], 7) == []
    assert len(continuations([ended], [begun._replace(day=100)], 7)) == 1


def test_a_counter_that_begins_at_zero_goes_on_from_nobody() -> None:
    """As that of every new machine does; nor does one that never moved go on anywhere."""
    assert continuations([End(1, 100, 0, 5.0)], [Beginning(2, 101, 0)], 7) == []
    assert continuations([End(1, 100, 8, 0.0)], [Beginning(2, 101, 8)], 7) == []
