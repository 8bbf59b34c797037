"""Which signals suffice for proposing a hold."""

from datetime import date

import pytest

from verifier.trust.proposing import proposes_hold
from verifier.trust.signal import Detail, Kind, Signal, Strength

_BANK = ("CNC-1", "CNC-2", "CNC-3")


def _signal(
    kind: Kind, devices: tuple[str, ...] = (), score: float = 1.0, came_later: str = "self"
) -> Signal:
    detail = {"came_later": came_later} if kind is Kind.RHYTHM_ALIKE else {}
    return _detailed(kind, detail, devices, score)


def _late(days: int, *, rests: bool) -> Signal:
    return _detailed(Kind.RECORDED_LATE, {"rests_on_late_days": rests}, (), days)


def _handed_over(by_chance_percent: int) -> Signal:
    return _detailed(Kind.HANDED_OVER, {"by_chance_percent": by_chance_percent}, _BANK, 3)


def _detailed(kind: Kind, detail: Detail, devices: tuple[str, ...], score: float) -> Signal:
    first = date(2026, 3, 2)
    return Signal(kind, "xielian", "91350300MA", score, 0.5, first, first, devices, detail)


def test_nothing_proposes_nothing() -> None:
    """No signal, no hold."""
    assert not proposes_hold([])


@pytest.mark.parametrize(
    "signals",
    [
        [_late(31, rests=True)],
        [_handed_over(3), _signal(Kind.SILENT_WHEN_FULL)],
        [_signal(Kind.RHYTHM_ALIKE, _BANK)],
        [_signal(Kind.COUNTER_CONTINUED, _BANK)],
        [_signal(Kind.REQUIRED_HOURS), _signal(Kind.SILENT_WHEN_FULL)],
    ],
)
def test_plain_cases_propose_a_hold(signals: list[Signal]) -> None:
    """A bank that is another's, evidence of before the registration, hours made for the count."""
    assert proposes_hold(signals)


@pytest.mark.parametrize(
    "signals",
    [
        [_late(150, rests=False)],
        [_signal(Kind.RECORDED_LATE, score=150)],
        [_late(150, rests=False), _signal(Kind.SILENT_WHEN_FULL)],
        [_signal(Kind.COUNTER_FELL, _BANK), _signal(Kind.NOT_LIVE)],
        [_signal(Kind.HANDED_OVER, _BANK), _signal(Kind.NOT_LIVE)],
        [_handed_over(40), _signal(Kind.SILENT_WHEN_FULL)],
        [_handed_over(40), _signal(Kind.REQUIRED_HOURS)],
        [_handed_over(3)],
        [_signal(Kind.COUNTER_CONTINUED, _BANK[:1])],
        [_late(31, rests=False), _signal(Kind.HANDED_OVER, _BANK)],
        [_signal(Kind.REQUIRED_HOURS)],
        [_signal(Kind.REQUIRED_HOURS), _signal(Kind.REQUIRED_HOURS)],
        [_signal(Kind.SILENT_WHEN_FULL), _signal(Kind.NOT_LIVE)],
        [_signal(Kind.GATEWAY_SHARED), _signal(Kind.METRICS_WITHOUT_MEMORY)],
    ],
)
def test_what_has_an_innocent_cause_proposes_none(signals: list[Signal]) -> None:
    """Each may have a case."""
    assert not proposes_hold(signals)


@pytest.mark.parametrize("came_later", ["other", "unknown"])
def test_who_was_there_first_is_not_held_for_being_copied(came_later: str) -> None:
    """Nor is whoever may have been; a signal of its own is another matter."""
    copied = _signal(Kind.RHYTHM_ALIKE, _BANK, came_later=came_later)
    repeated = _signal(Kind.METRICS_REPEAT, _BANK)
    assert not proposes_hold([copied])
    assert not proposes_hold([copied, repeated])
    assert proposes_hold([copied, repeated, _signal(Kind.SILENT_WHEN_FULL)])


@pytest.mark.parametrize(
    ("devices", "came_later", "strength"),
    [
        (_BANK, "self", Strength.HARD),
        (_BANK[:2], "self", Strength.SOFT),
        (_BANK, "other", Strength.SOFT),
        (_BANK, "unknown", Strength.HARD),
        (_BANK[:2], "unknown", Strength.SOFT),
    ],
)
def test_a_likeness_of_a_whole_bank_is_hard_but_for_whoever_was_there_first(
    devices: tuple[str, ...], came_later: str, strength: Strength
) -> None:
    """One machine may be alike by chance, and the first may be the victim."""
    assert _signal(Kind.RHYTHM_ALIKE, devices, came_later=came_later).strength is strength
