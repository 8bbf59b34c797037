"""One thing in the evidence that an honest fleet rarely shows. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, TypeAlias

__all__ = ["STRENGTHS", "Detail", "Kind", "Signal", "Strength"]

Detail: TypeAlias = Mapping[str, str | int | bool | Sequence[str]]
"""What a case shows of a signal; no number with a point, so that it has one form in bytes."""


class Strength(StrEnum):
    """What it takes to open a case: one hard signal, or two soft ones."""

    HARD = "hard"
    SOFT = "soft"


class Kind(StrEnum):
    """What was seen; each has its formula where it is worked out."""

    RECORDED_LATE = "recorded_late"
    COUNTER_FELL = "counter_fell"
    COUNTER_CONTINUED = "counter_continued"
    NO_HEARTBEATS = "no_heartbeats"
    REQUIRED_HOURS = "required_hours"
    SILENT_WHEN_FULL = "silent_when_full"
    NOT_LIVE = "not_live"
    RHYTHM_ALIKE = "rhythm_alike"
    HANDED_OVER = "handed_over"
    GATEWAY_SHARED = "gateway_shared"
    METRICS_REPEAT = "metrics_repeat"
    METRICS_WITHOUT_MEMORY = "metrics_without_memory"
    HEARD_WHILE_STOPPED = "heard_while_stopped"


_HARD: Final = frozenset(
    {Kind.RECORDED_LATE, Kind.COUNTER_FELL, Kind.COUNTER_CONTINUED, Kind.NO_HEARTBEATS}
)
STRENGTHS: Final[Mapping[Kind, Strength]] = {
    kind: Strength.HARD if kind in _HARD else Strength.SOFT for kind in Kind
}
_BANK: Final = 3
"""Machines that an enterprise needs to be counted, unless that is waived."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What was seen of one enterprise on one platform, and how far beyond what is usual."""

    kind: Kind
    platform: str
    uscc: str
    score: float
    threshold: float
    """From where on the score is a signal; some kinds have it below, as their formula says."""
    from_on: date
    to_on: date
    """Inclusive."""
    devices: tuple[str, ...]
    """Serials of those in which it was seen, in order; none: of the enterprise as a whole."""
    detail: Detail = field(default_factory=dict, hash=False)
    """Of a likeness: `platform`, `uscc` and `serials` of the other, `lag_days`, and `came_later`
    (`self`, `other` or `unknown`: whose machines were shown first may be the victim). Of a
    hand-over: `platform`, `uscc`, `serials` of who gave. Others: see docs/trust.md."""

    @property
    def strength(self) -> Strength:
        """How much it weighs.

        A likeness is hard where a whole bank of machines is alike, but for whoever was plainly
        there first, which may be the victim. Where nobody can tell, both are asked, and neither is
        held for it (`proposing.py`). One machine may be alike by chance.
        """
        if (
            self.kind is Kind.RHYTHM_ALIKE
            and len(self.devices) >= _BANK
            and self.detail.get("came_later") != "other"
        ):
            return Strength.HARD
        return STRENGTHS[self.kind]

    def to_json_object(self) -> dict[str, object]:
        """The signal as `jieru signals --json` prints it (design section 8)."""
        return {
            "kind": self.kind.value,
            "platform": self.platform,
            "uscc": self.uscc,
            "strength": self.strength.value,
            "score": self.score,
            "threshold": self.threshold,
            "from_on": self.from_on.isoformat(),
            "to_on": self.to_on.isoformat(),
            "devices": list(self.devices),
        }

    def to_canonical_object(self) -> dict[str, object]:
        """The signal as it is digested: all of it, with four decimals written out."""
        return {
            **self.to_json_object(),
            "score": f"{self.score:.4f}",
            "threshold": f"{self.threshold:.4f}",
            "detail": dict(self.detail),
        }
