"""Whoever registers afterwards knows what was heard already. Pure.

A connection or an assignment is an agreement: it is written down before machines are heard under
it. One that is entered months later can be made to fit whatever evidence there is.
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

__all__ = ["LateRegistration", "Registration", "late_registrations"]


class Registration(NamedTuple):
    """A connection or an assignment of a case, and when the server was told of its first day."""

    case: int
    serial: str | None
    """Of the device; None: it is the connection itself."""
    from_on: date
    recorded_on: date
    is_accepted: bool = False
    """Whether people answer for it, by a `backdate` decision or an accepted opening stock."""

    @property
    def days_late(self) -> int:
        """Civil day of `recorded_at` less `from_date`."""
        return (self.recorded_on - self.from_on).days


class LateRegistration(NamedTuple):
    """All that was recorded late of one case."""

    case: int
    days: int
    """The most that any was late by: max(recorded_on - from_date)."""
    from_on: date
    recorded_on: date
    """The last of them."""
    serials: tuple[str, ...]


def late_registrations(
    registrations: Iterable[Registration], days_min: int
) -> list[LateRegistration]:
    """Each case with something that was recorded at least `days_min` days after its first day.

    What people answer for is left out, period by period: what came after they decided is not.

    Args:
        registrations: of any cases, from `connections.recorded_at` and `assignments.recorded_at`.
        days_min: from how many days on it is late.
    """
    late: dict[int, list[Registration]] = {}
    for each in registrations:
        if each.days_late >= days_min and not each.is_accepted:
            late.setdefault(each.case, []).append(each)
    return [
        LateRegistration(
            case,
            max(each.days_late for each in found),
            min(each.from_on for each in found),
            max(each.recorded_on for each in found),
            tuple(sorted({each.serial for each in found if each.serial is not None})),
        )
        for case, found in sorted(late.items())
    ]
