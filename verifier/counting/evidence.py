"""All that a count rests on but presence, as plain values. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from verifier.counting.activity import Assignments, Coverage
from verifier.counting.eligibility import Case
from verifier.counting.live_days import LiveDays
from verifier.counting.registry import OpeningStock, Platform

__all__ = ["Evidence", "EvidenceRules"]


class EvidenceRules(NamedTuple):
    """By which rules an ingester told late from on time."""

    max_delay_hours: int
    max_clock_ahead_minutes: int
    clock: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The registry, the decisions and the rules of evidence, all of one moment."""

    is_simulation: bool
    platforms: tuple[Platform, ...]
    """By code."""
    cases: tuple[Case, ...]
    """Every enterprise ever connected to a platform; by platform code and uscc, no windows yet."""
    coverage: Coverage
    assignments: Assignments
    rules: tuple[EvidenceRules, ...]
    live_days: LiveDays = field(default_factory=LiveDays)
    """Of which days it is known which hours were heard live."""
    opening_stocks: tuple[OpeningStock, ...] = ()
    """Those that stand, the first decided first."""
    late_serials: Mapping[int, str] = field(default_factory=dict)
    """Of each device of which an assignment was recorded after its first day, by its id."""
