"""The explanation of one determination: its criteria, devices and calendar. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from jieru.calendar import date_text
from verifier.counting.active_calendar import CalendarMonth, calendar_of
from verifier.counting.count import Count, determination_object
from verifier.counting.determination import Determination
from verifier.counting.measures import CriterionRow, Period
from verifier.counting.measuring import MeasuredAssignment, MeasuredCase
from verifier.counting.registry import Connection, RecordedDecision
from verifier.policy import Policy

__all__ = ["DeviceActivity", "Explanation", "explanation_of"]


@dataclass(frozen=True, slots=True)
class DeviceActivity:
    """One device that stood for the enterprise, and its active days in the period."""

    serial: str
    kind: str | None
    name: str | None
    assigned: tuple[tuple[date, date | None], ...]
    active_days: int
    hours_heard: int | None
    """In the period, while it stood for the enterprise; None where a count did not keep them."""
    first_active_on: date | None
    last_active_on: date | None
    hours_by_receipt: int = 0
    """Of the period: hours with a heartbeat that had no time but that of its receipt."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an enterprise has its outcome."""

    year: int
    policy: Policy
    as_of: date
    is_simulation: bool
    determination: Determination
    connections: tuple[Connection, ...]
    period: Period
    criteria: tuple[CriterionRow, ...]
    devices: tuple[DeviceActivity, ...]
    calendar: tuple[CalendarMonth, ...]
    decisions: tuple[RecordedDecision, ...]
    """Withdrawn ones too."""

    def to_json_object(self) -> dict[str, object]:
        """The explanation as JSON has it."""
        found, window = self.determination, self.determination.window
        return {
            "year": self.year,
            "policy": self.policy.name,
            "policy_sha256": self.policy.sha256,
            "as_of": self.as_of.isoformat(),
            "simulation": self.is_simulation,
            "platform": found.platform.code,
            "platform_name": found.platform.name,
            "uscc": found.enterprise.uscc,
            "name": found.enterprise.name,
            "outcome": found.outcome.value,
            "connected_on": window.first_day.isoformat() if window else None,
            "window_last_day": window.last_day.isoformat() if window else None,
            "window_active_days": window.active_days if window else None,
            "window_longest_gap_days": window.longest_gap_days if window else None,
            **found.live_percent,
            "year_counted": found.year_counted,
            "pending_until": date_text(found.pending_until),
            "reasons": found.reasons,
            **{
                key: value
                for key, value in determination_object(found).items()
                if key.startswith("confirmation")
            },
            "connections": [
                {
                    "contract_no": each.contract_no,
                    "signed_on": date_text(each.signed_on),
                    "from_date": each.from_date.isoformat(),
                    "to_date": date_text(each.to_date),
                }
                for each in self.connections
            ],
            "period": {
                "kind": self.period.kind,
                "first_day": self.period.first_day.isoformat(),
                "last_day": self.period.last_day.isoformat(),
            },
            "criteria": [
                {
                    "criterion": each.name,
                    "met": each.is_met,
                    "measured": each.measured,
                    "required": each.required,
                    "clause": each.clause,
                    "basis": each.basis,
                    "waiver_id": each.waiver_id,
                }
                for each in self.criteria
            ],
            "devices": [
                {
                    "serial": each.serial,
                    "kind": each.kind,
                    "name": each.name,
                    "assigned": [
                        {"from_date": first.isoformat(), "to_date": date_text(end)}
                        for first, end in each.assigned
                    ],
                    "active_days": each.active_days,
                    "hours_heard": each.hours_heard,
                    "first_active_on": date_text(each.first_active_on),
                    "last_active_on": date_text(each.last_active_on),
                    "hours_by_receipt": each.hours_by_receipt,
                }
                for each in self.devices
            ],
            "calendar": [
                {"month": f"{each.month:%Y-%m}", "days": each.days} for each in self.calendar
            ],
            "decisions": [each.to_json_object() for each in self.decisions],
            **(
                {}
                if found.backdated is None
                else {"backdated": [each.to_json_object() for each in found.backdated]}
            ),
        }


def explanation_of(
    count: Count, measured: MeasuredCase, decisions: Sequence[RecordedDecision]
) -> Explanation:
    """The explanation of one determination of a count.

    Args:
        count: may have this enterprise's determinations only.
        measured: the determination with its measures.
        decisions: on this case, withdrawn ones too.
    """
    return Explanation(
        year=count.year,
        policy=count.policy,
        as_of=count.as_of,
        is_simulation=count.is_simulation,
        determination=measured.determination,
        connections=measured.case.connections,
        period=measured.period,
        criteria=measured.criteria,
        devices=_devices(measured.assignments),
        calendar=calendar_of(
            measured.case.connections, measured.days, measured.period, count.year, count.as_of
        ),
        decisions=tuple(decisions),
    )


def _devices(assignments: Sequence[MeasuredAssignment]) -> tuple[DeviceActivity, ...]:
    """Each device once, however often it was assigned."""
    by_device: dict[int, list[MeasuredAssignment]] = {}
    for each in assignments:
        by_device.setdefault(each.device_id, []).append(each)
    return tuple(_device(own) for own in by_device.values())


def _device(own: Sequence[MeasuredAssignment]) -> DeviceActivity:
    known = own[0].registered
    return DeviceActivity(
        serial=known.serial,
        kind=known.kind,
        name=known.name,
        assigned=tuple((each.registered.from_date, each.registered.to_date) for each in own),
        # Assignments of one device have no day in common.
        active_days=sum(each.active_days for each in own),
        hours_heard=sum(each.hours_heard for each in own),
        first_active_on=min(
            (each.first_active_on for each in own if each.first_active_on), default=None
        ),
        last_active_on=max(
            (each.last_active_on for each in own if each.last_active_on), default=None
        ),
    )
