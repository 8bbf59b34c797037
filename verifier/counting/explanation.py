"""The explanation of one determination: its criteria, devices and calendar. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from jieru.calendar import date_text, days_in_month, months_between
from verifier.counting.count import Count
from verifier.counting.determination import Determination
from verifier.counting.eligibility import Case
from verifier.counting.measures import CriterionRow, Period
from verifier.counting.measuring import MeasuredAssignment, MeasuredCase
from verifier.counting.registry import Connection, RecordedDecision
from verifier.counting.windows import ActiveDays
from verifier.policy import Policy

__all__ = ["CalendarMonth", "DeviceActivity", "Explanation", "explanation_of"]

_ACTIVE: Final = "#"
_INACTIVE: Final = "."
_NOT_CONNECTED: Final = "-"


@dataclass(frozen=True, slots=True)
class DeviceActivity:
    """One device that stood for the enterprise, and its active days in the period."""

    serial: str
    kind: str | None
    name: str | None
    assigned: tuple[tuple[date, date | None], ...]
    active_days: int
    first_active_on: date | None
    last_active_on: date | None


class CalendarMonth(NamedTuple):
    """One month of the calendar: a mark for each day that has evidence."""

    month: date
    days: str
    """`#` active, `.` inactive, `-` not connected; days after `as_of` have no mark."""


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
            "year_counted": found.year_counted,
            "pending_until": date_text(found.pending_until),
            "reasons": found.reasons,
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
                    "first_active_on": date_text(each.first_active_on),
                    "last_active_on": date_text(each.last_active_on),
                }
                for each in self.devices
            ],
            "calendar": [
                {"month": f"{each.month:%Y-%m}", "days": each.days} for each in self.calendar
            ],
            "decisions": [each.to_json_object() for each in self.decisions],
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
        calendar=_calendar(measured.case, measured.days, measured.period, count.year, count.as_of),
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
        first_active_on=min(
            (each.first_active_on for each in own if each.first_active_on), default=None
        ),
        last_active_on=max(
            (each.last_active_on for each in own if each.last_active_on), default=None
        ),
    )


def _calendar(
    case: Case, days: ActiveDays, period: Period, year: int, as_of: date
) -> tuple[CalendarMonth, ...]:
    """The months of the year and of the period, as far as there is evidence."""
    first = min(period.first_day, date(year, 1, 1))
    last = min(max(period.last_day, date(year, 12, 31)), as_of)
    months = []
    for month in months_between(first, last) if first <= last else []:
        length = min(days_in_month(month), (as_of - month).days + 1)
        start = month.toordinal()
        active = days.between(start, start + length - 1)[0]
        marks = [
            _mark(case, date.fromordinal(start + offset), is_active=bool(active[offset]))
            for offset in range(length)
        ]
        months.append(CalendarMonth(month, "".join(marks)))
    return tuple(months)


def _mark(case: Case, day: date, *, is_active: bool) -> str:
    if is_active:
        return _ACTIVE
    return _INACTIVE if any(each.covers(day) for each in case.connections) else _NOT_CONNECTED
