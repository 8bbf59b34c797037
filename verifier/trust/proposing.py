"""Which cases are so plain that a hold of the payment is proposed to a verifier. Pure.

A proposal is no decision: a person holds, or does not (design section 11). So the rule asks for
more than a case does, and for nothing that an honest enterprise is likely to have twice.
"""

from collections.abc import Iterable
from typing import Final

from verifier.trust.signal import Kind, Signal, Strength

__all__ = ["proposes_hold"]

_PLAIN: Final = frozenset({Kind.RHYTHM_ALIKE, Kind.COUNTER_CONTINUED})
"""Hard ones of three devices and more that stand for themselves: a whole bank of machines that is,
or was, another enterprise's."""
_BANK: Final = 3
_RARE_PERCENT: Final = 5
"""Of a hand-over: what one expects to stop by chance in a beat that is hardly anybody else's."""
_WITH_ANOTHER: Final = frozenset(
    {
        Kind.COUNTER_CONTINUED,
        Kind.HANDED_OVER,
        Kind.NO_HEARTBEATS,
        Kind.RHYTHM_ALIKE,
        Kind.REQUIRED_HOURS,
        Kind.METRICS_REPEAT,
    }
)
"""Those that hardly come about by the trade or the season: with any other kind they suffice. Meters
are changed without a word, and machines of two honest enterprises beat at one second."""


def proposes_hold(signals: Iterable[Signal]) -> bool:
    """Whether the signals of one enterprise on one platform suffice for proposing a hold.

    - two kinds of signals, one of which has hardly an innocent cause; a hand-over is one of these
      in a rare beat, and counts for nothing in a common one: of ten honest enterprises one begins
      at the full minute as another stops;
    - a registration that came late, and an outcome that rests on the days before it: such days
      count for nothing until two people accept them, and for whoever goes on they need not;
    - a whole bank of machines whose rhythm is that of another enterprise, which was there first, or
      whose counters go on where another's ended.

    Who was there first of two that are alike may be the victim: that likeness does not speak
    against it.
    """
    seen = [each for each in signals if not _may_be_victim(each) and not _is_common_beat(each)]
    kinds = {each.kind for each in seen}
    if any(
        each.kind in _PLAIN and each.strength is Strength.HARD and len(each.devices) >= _BANK
        for each in seen
    ):
        return True
    if any(
        each.kind is Kind.RECORDED_LATE and each.detail.get("rests_on_late_days") is True
        for each in seen
    ):
        return True
    return len(kinds) > 1 and bool(kinds & _WITH_ANOTHER)


def _may_be_victim(signal: Signal) -> bool:
    return signal.kind is Kind.RHYTHM_ALIKE and signal.detail.get("came_later") != "self"


def _is_common_beat(signal: Signal) -> bool:
    if signal.kind is not Kind.HANDED_OVER:
        return False
    expected = signal.detail.get("by_chance_percent")
    return not isinstance(expected, int) or expected > _RARE_PERCENT
