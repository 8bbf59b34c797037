"""The strata of a list: same platform, same kind of publisher, signals or none. Pure.

A platform's strata are numbered in the order in which their first enterprises stand in the list, so
that the list, which is published, does not say by its numbers who has signals.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import NamedTuple

from verifier.trust.draws.drawing import Listed, Stratum

__all__ = ["Case", "Kind", "StratumFacts", "numbered"]


class Case(NamedTuple):
    """One enterprise on one platform."""

    platform: str
    uscc: str


class Kind(NamedTuple):
    """What those of a stratum have in common, beside the platform."""

    publisher: str
    """Who published most of their hours: `cloud`, `gateway` or `device`."""
    has_signals: bool


@dataclass(frozen=True, slots=True)
class StratumFacts:
    """What a list does not say of one of its strata."""

    platform: str
    number: int
    publisher: str
    has_signals: bool
    listed: int

    def to_json_object(self) -> dict[str, object]:
        """As the database keeps it, for the bureau and auditors."""
        return asdict(self)


def numbered(kinds: Mapping[Case, Kind]) -> tuple[tuple[Listed, ...], tuple[StratumFacts, ...]]:
    """The rows of a list in their order, and what its strata are, by platform and number."""
    numbers: dict[tuple[str, Kind], int] = {}
    rows = []
    for case in sorted(kinds):
        key = (case.platform, kinds[case])
        if key not in numbers:
            numbers[key] = 1 + sum(platform == case.platform for platform, _kind in numbers)
        rows.append(Listed(case.platform, case.uscc, numbers[key]))
    members = Counter(each.stratum for each in rows)
    facts = [
        StratumFacts(platform, number, *kind, listed=members[Stratum(platform, number)])
        for (platform, kind), number in numbers.items()
    ]
    return tuple(rows), tuple(sorted(facts, key=lambda each: (each.platform, each.number)))
