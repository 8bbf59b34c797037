"""Which connections and assignments of a case were recorded late, and what that makes of it. Pure.

Listed whether or not it changes anything, and whether or not somebody answers for it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from verifier.counting.activity import IntArray
from verifier.counting.backdating import acceptances, earliest_evidence
from verifier.counting.evidence import Evidence
from verifier.counting.windows import ActiveDays
from verifier.policy import Policy

__all__ = ["Backdated", "backdated_by_case"]


@dataclass(frozen=True, slots=True)
class Backdated:
    """One connection, or the assignments of one first day that were recorded on one day."""

    serials: tuple[str, ...]
    """Of the devices; none: it is the connection."""
    from_date: date
    recorded_on: date
    evidence_from: date
    """From this day on it counts by itself."""
    days_before: int
    """Active days that lie before: of the enterprise or, of devices, of the one with most."""
    decision: int | None
    """The number of the `backdate` decision by which these days count all the same."""
    opening_stock: int | None
    """The number of the opening stock by which they count."""
    changes_outcome: bool = False
    """Whether the enterprise's outcome depends on whether such days count."""
    counts_against: bool = False
    """Whether the days before are read without anybody who answers for them, because they show that
    the enterprise does not count."""

    @property
    def is_accepted(self) -> bool:
        """Whether the days before count, because people answer for them."""
        return self.decision is not None or self.opening_stock is not None

    def changing(self, *, outcome: bool, against: bool) -> "Backdated":
        """The same, which changes the outcome or does not, and is read against or is not."""
        return replace(self, changes_outcome=outcome, counts_against=against)

    @classmethod
    def of_json_object(cls, said: Mapping[str, Any]) -> "Backdated":
        """What `to_json_object` made, read back."""
        days = ("from_date", "recorded_on", "evidence_from")
        return cls(
            serials=tuple(said["serials"]),
            days_before=said["days_before"],
            decision=said["decision"],
            opening_stock=said["opening_stock"],
            changes_outcome=said["changes_outcome"],
            counts_against=said.get("counts_against", False),
            **{name: date.fromisoformat(said[name]) for name in days},
        )

    def to_json_object(self) -> dict[str, object]:
        """As JSON has it."""
        return {
            "what": "assignments" if self.serials else "connection",
            "serials": list(self.serials),
            "from_date": self.from_date.isoformat(),
            "recorded_on": self.recorded_on.isoformat(),
            "evidence_from": self.evidence_from.isoformat(),
            "days_before": self.days_before,
            "decision": self.decision,
            "opening_stock": self.opening_stock,
            "changes_outcome": self.changes_outcome,
            "counts_against": self.counts_against,
        }


def backdated_by_case(
    evidence: Evidence, whole: ActiveDays, days_before: IntArray, policy: Policy
) -> dict[int, list[Backdated]]:
    """All that was recorded late, by index of the case: connections first, then by first day.

    Args:
        evidence: the registry and the decisions.
        whole: the active days of the cases, as if all that was recorded late were accepted.
        days_before: of each assignment, the device's active days before it counts by itself.
        policy: the rules.
    """
    found: dict[int, list[Backdated]] = {}
    for each in (
        _connections(evidence, whole, policy),
        _assignments(evidence, days_before, policy),
    ):
        for case, backdated in each:
            found.setdefault(case, []).append(backdated)
    return found


def _connections(
    evidence: Evidence, whole: ActiveDays, policy: Policy
) -> Iterator[tuple[int, Backdated]]:
    coverage = evidence.coverage
    if coverage.recorded is None:
        return
    start = earliest_evidence(coverage, policy)
    accepted = acceptances(coverage, evidence)
    for row in np.flatnonzero(start > coverage.first).tolist():
        case, first = int(coverage.case[row]), int(coverage.first[row])
        last = min(int(start[row]), int(coverage.end[row])) - 1
        before = whole.rows(np.array([case])).between(first, last)
        yield (
            case,
            Backdated(
                serials=(),
                from_date=date.fromordinal(first),
                recorded_on=date.fromordinal(int(coverage.recorded.on[row])),
                evidence_from=date.fromordinal(int(start[row])),
                days_before=int(before.sum()),
                decision=int(accepted.decision[row]) or None,
                opening_stock=int(accepted.opening_stock[row]) or None,
            ),
        )


def _assignments(
    evidence: Evidence, days_before: IntArray, policy: Policy
) -> Iterator[tuple[int, Backdated]]:
    assignments = evidence.assignments
    if assignments.recorded is None:
        return
    start = earliest_evidence(assignments, policy)
    late = np.flatnonzero(start > assignments.first)
    if not len(late):
        return
    accepted = acceptances(assignments, evidence)
    # Those of one case that began and were recorded together, accepted by the same, are one line.
    keys = np.stack(
        [
            assignments.case,
            assignments.first,
            assignments.recorded.on,
            accepted.decision,
            accepted.opening_stock,
        ]
    )[:, late]
    order = np.lexsort(keys[::-1])
    late, keys = late[order], keys[:, order]
    begins = np.flatnonzero((np.diff(keys, axis=1, prepend=-1) != 0).any(axis=0))
    most = np.maximum.reduceat(days_before[late], begins)
    devices = np.split(assignments.device[late], begins[1:])
    for place, own, days in zip(begins.tolist(), devices, most.tolist(), strict=True):
        case, first, recorded_on, decision, opening_stock = keys[:, place].tolist()
        yield (
            case,
            Backdated(
                serials=_serials(own, evidence.late_serials),
                from_date=date.fromordinal(first),
                recorded_on=date.fromordinal(recorded_on),
                evidence_from=date.fromordinal(int(start[late[place]])),
                days_before=days,
                decision=decision or None,
                opening_stock=opening_stock or None,
            ),
        )


def _serials(devices: IntArray, known: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(sorted(map(known.__getitem__, devices.tolist())))
