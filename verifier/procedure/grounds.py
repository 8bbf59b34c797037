"""The grounds of every determination of a count: criteria, devices, digest of its presence. Pure.

What `explain` finds for one case, found for all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from verifier.counting.active_calendar import CalendarMonth, calendar_of
from verifier.counting.determination import Determination
from verifier.counting.eligibility import Case
from verifier.counting.measures import CriterionRow, Period
from verifier.counting.measuring import MeasuredAssignment, MeasuredCase
from verifier.counting.registry import RecordedDecision
from verifier.procedure.presence_digest import NO_PRESENCE, AssignedDevice, presence_sha256

__all__ = ["Closing", "DeviceGrounds", "Grounds", "grounds_of"]


@dataclass(frozen=True, slots=True)
class Closing:
    """One pending enterprise that was closed."""

    id: int
    year: int
    platform_code: str
    uscc: str
    enterprise_name: str
    reason: str
    closed_by: str
    closed_at: datetime
    withdrawn_reason: str | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether it still holds."""
        return self.withdrawn_at is None

    def to_json_object(self) -> dict[str, object]:
        """The closing as the document of a count has it; instants in ISO 8601, UTC."""
        return {
            "id": self.id,
            "reason": self.reason,
            "closed_by": self.closed_by,
            "closed_at": self.closed_at.astimezone(UTC).isoformat(),
        }


class DeviceGrounds(NamedTuple):
    """One assignment of a device to the enterprise, and its active days in the period."""

    serial: str
    kind: str | None
    name: str | None
    assigned_from: date
    assigned_to: date | None
    active_days: int
    hours_heard: int
    first_active_on: date | None
    last_active_on: date | None
    presence_sha256: str


@dataclass(frozen=True, slots=True)
class Grounds:
    """What one determination rests on."""

    case: Case
    determination: Determination
    period: Period
    criteria: tuple[CriterionRow, ...]
    devices: tuple[DeviceGrounds, ...]
    """By serial and first day."""
    calendar: tuple[CalendarMonth, ...]
    presence_sha256: str
    decisions: tuple[RecordedDecision, ...]
    """Withdrawn ones too."""
    closing: Closing | None
    """Of a pending one for which the count does not wait."""


def grounds_of(
    measured: Sequence[MeasuredCase],
    device_digests: Mapping[int, str],
    decisions: Iterable[RecordedDecision],
    closings: Iterable[Closing],
    *,
    year: int,
    as_of: date,
) -> list[Grounds]:
    """The grounds of determinations, in their order.

    Args:
        measured: the determinations with their measures.
        device_digests: of every device that was heard, by its id.
        decisions: all there are, withdrawn ones too, oldest first.
        closings: those of the year.
        year: of the count.
        as_of: the last day of evidence.
    """
    decided: dict[tuple[str, str], list[RecordedDecision]] = {}
    for decision in decisions:
        decided.setdefault((decision.platform_code, decision.uscc), []).append(decision)
    closed = {(each.platform_code, each.uscc): each for each in closings if each.is_open}
    grounds = []
    for each in measured:
        key = (each.determination.platform.code, each.determination.enterprise.uscc)
        devices = tuple(_device(one, device_digests) for one in each.assignments)
        grounds.append(
            Grounds(
                case=each.case,
                determination=each.determination,
                period=each.period,
                criteria=each.criteria,
                devices=devices,
                calendar=calendar_of(each.case.connections, each.days, each.period, year, as_of),
                presence_sha256=presence_sha256(
                    AssignedDevice(
                        one.serial, one.assigned_from, one.assigned_to, one.presence_sha256
                    )
                    for one in devices
                ),
                decisions=tuple(decided.get(key, ())),
                closing=closed.get(key),
            )
        )
    return grounds


def _device(measured: MeasuredAssignment, digests: Mapping[int, str]) -> DeviceGrounds:
    registered = measured.registered
    return DeviceGrounds(
        serial=registered.serial,
        kind=registered.kind,
        name=registered.name,
        assigned_from=registered.from_date,
        assigned_to=registered.to_date,
        active_days=measured.active_days,
        hours_heard=measured.hours_heard,
        first_active_on=measured.first_active_on,
        last_active_on=measured.last_active_on,
        presence_sha256=digests.get(measured.device_id, NO_PRESENCE),
    )
