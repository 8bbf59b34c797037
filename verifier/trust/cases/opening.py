"""When signals open a case: one hard signal, or two soft ones of different kinds. Pure.

Where a case is open, nothing opens a second one. After one that was concluded, only what was not
known then counts: a kind of signal that had not been seen, one that is clearly stronger, one that
names another enterprise, one that lies wholly in a later year, and of hard ones what is in further
devices or was done on further days. What a verifier has looked at and explained comes back each
night, and must not come back as a case.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from verifier.trust.signal import STRENGTHS, Kind, Signal, Strength

__all__ = ["Known", "Of", "Opening", "to_open"]

_SOFT_KINDS: Final = 2
_STRONGER_BY: Final = 0.1
"""Of the threshold: a score that creeps with each day's evidence is the same signal."""
_ONE_PARTNER: Final = ("platform", "uscc", "gateway")
"""What of the detail says who it is, where it is one."""


class Of(NamedTuple):
    """An enterprise on a platform."""

    platform: str
    uscc: str


@dataclass(frozen=True, slots=True)
class Known:
    """The last case of an enterprise on a platform."""

    is_open: bool
    signals: Sequence[Signal]
    """What was seen until it was concluded."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A case to be opened, and by which signals."""

    of: Of
    signals: tuple[Signal, ...]


def to_open(signals: Iterable[Signal], known: Mapping[Of, Known]) -> list[Opening]:
    """The cases that the signals of a run open, by platform and uscc.

    Args:
        signals: of one run.
        known: the last case of each enterprise that had one.
    """
    found: dict[Of, list[Signal]] = {}
    for each in signals:
        found.setdefault(Of(each.platform, each.uscc), []).append(each)
    openings = (Opening(of, _that_count(seen, known.get(of))) for of, seen in sorted(found.items()))
    return [each for each in openings if _suffice(each.signals)]


def _that_count(seen: Sequence[Signal], last: Known | None) -> tuple[Signal, ...]:
    if last is None:
        return tuple(seen)
    if last.is_open:
        return ()
    return tuple(each for each in seen if not any(_covers(old, each) for old in last.signals))


def _covers(old: Signal, new: Signal) -> bool:
    """Whether whoever looked at the old signal has seen what the new one says."""
    if old.kind is not new.kind or not _partners(new) <= _partners(old):
        return False
    if new.from_on.year > old.to_on.year:  # another year's money hangs on it
        return False
    if new.strength is Strength.HARD and _has_more(old, new):
        return False
    return _beyond(new) < _beyond(old) + _STRONGER_BY * (abs(new.threshold) or 1.0)


def _has_more(old: Signal, new: Signal) -> bool:
    """Whether a hard signal says more than the old one did: of devices, or of days.

    A likeness has a day more each night and is no other for it: only of kinds that tell of deeds,
    each with its day, is a further day a further deed.
    """
    if old.strength is not Strength.HARD or not set(new.devices) <= set(old.devices):
        return True
    if STRENGTHS[new.kind] is not Strength.HARD:
        return False
    return new.from_on < old.from_on or new.to_on > old.to_on


def _partners(signal: Signal) -> set[object]:
    """With whom it was seen: enterprises, and the gateway before them."""
    detail = signal.detail
    others = detail.get("with", ())
    named: set[object] = set(others) if isinstance(others, Sequence) else set()
    named |= {(key, detail[key]) for key in _ONE_PARTNER if key in detail}
    return named


def _beyond(signal: Signal) -> float:
    """How far a score is beyond its threshold, on whichever side its kind has its signals."""
    return abs(signal.score - signal.threshold)


def _suffice(signals: Sequence[Signal]) -> bool:
    soft: set[Kind] = {each.kind for each in signals if each.strength is Strength.SOFT}
    return len(soft) >= _SOFT_KINDS or any(each.strength is Strength.HARD for each in signals)
