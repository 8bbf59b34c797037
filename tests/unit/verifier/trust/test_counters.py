"""Counters that fall, or go on elsewhere."""

from datetime import UTC, datetime, timedelta

from verifier.trust.counters import Continuation, Fall, Reading, continuations, falls

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
    last, first = Reading(_NOON, 5_000, 1), Reading(_NOON + timedelta(days=2), 5_003, 9)
    week = timedelta(days=7)
    found = continuations([(1, last, 2.0)], [(2, first), (1, first)], week)
    assert found == [Continuation(1, 2, first.at, 5_003)]
    assert continuations([(1, last, 1.0)], [(2, first)], week) == []
    assert continuations([(1, last, 2.0)], [(2, first)], timedelta(days=1)) == []
    assert continuations([(1, last, 2.0)], [(2, first._replace(at=_NOON))], week) == []


def test_a_counter_that_begins_at_zero_goes_on_from_nobody() -> None:
    """As that of every new machine does."""
    last, first = Reading(_NOON, 0, None), Reading(_NOON + timedelta(hours=1), 0, None)
    assert continuations([(1, last, 5.0)], [(2, first)], timedelta(days=7)) == []
