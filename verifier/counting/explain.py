"""The explanation of one determination: each criterion, the devices behind it, its calendar."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np
import psycopg

from jieru.calendar import HOURS_PER_DAY, days_in_month, months_between
from jieru.errors import UserError
from verifier.counting.activity import (
    Assignments,
    Coverage,
    PresenceRows,
    active_days,
    count_active_devices,
)
from verifier.counting.count import active_days_of_cases, cases_with_windows, require_countable_year
from verifier.counting.decisions import RecordedDecision, find_case, list_decisions
from verifier.counting.determination import Determination, determinations
from verifier.counting.eligibility import Case, waived
from verifier.counting.evidence import Evidence, consistent_snapshot, read_evidence, read_presence
from verifier.counting.measures import (
    CriterionRow,
    Period,
    PeriodKind,
    criterion_rows,
    period_of_case,
)
from verifier.counting.registry import Connection
from verifier.counting.windows import ActiveDays
from verifier.policy import Policy

__all__ = [
    "CalendarMonth",
    "CriterionRow",
    "DeviceActivity",
    "Explanation",
    "Period",
    "PeriodKind",
    "explain",
]

_SELECT_DEVICES = """
    SELECT d.id, d.serial, d.kind, d.name, a.from_date, a.to_date
    FROM devices d
    JOIN assignments a ON a.device_id = d.id
    JOIN platforms p ON p.id = d.platform_id
    JOIN enterprises e ON e.id = a.enterprise_id
    WHERE p.code = %s AND e.uscc = %s
    ORDER BY d.serial COLLATE "C", a.from_date
"""

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
            "pending_until": _iso(found.pending_until),
            "reasons": found.reasons,
            "connections": [
                {
                    "contract_no": each.contract_no,
                    "signed_on": _iso(each.signed_on),
                    "from_date": each.from_date.isoformat(),
                    "to_date": _iso(each.to_date),
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
                        {"from_date": first.isoformat(), "to_date": _iso(end)}
                        for first, end in each.assigned
                    ],
                    "active_days": each.active_days,
                    "first_active_on": _iso(each.first_active_on),
                    "last_active_on": _iso(each.last_active_on),
                }
                for each in self.devices
            ],
            "calendar": [
                {"month": f"{each.month:%Y-%m}", "days": each.days} for each in self.calendar
            ],
            "decisions": [each.to_json_object() for each in self.decisions],
        }


def explain(
    connection: psycopg.Connection,
    year: int,
    platform: str,
    uscc: str,
    *,
    as_of: date,
    policy: Policy,
) -> Explanation:
    """Explain one determination of a year's count, by the same rules as `count_year`.

    Raises:
        UserError: the year is out of range, the platform or enterprise is unknown, or the count
            of this year does not list the two.
    """
    require_countable_year(year)
    with consistent_snapshot(connection):
        find_case(connection, platform, uscc)
        evidence = read_evidence(connection, uscc)
        device_ids = np.unique(evidence.assignments.device)
        presence = list(read_presence(connection, device_ids, as_of))
        registered = connection.execute(_SELECT_DEVICES, (platform, uscc)).fetchall()
        decisions = tuple(list_decisions(connection, platform, uscc))
    cases = cases_with_windows(evidence, presence, year, as_of, policy)
    found = [each for each in determinations(cases, year, policy) if each.platform.code == platform]
    if not found:
        raise UserError(
            "The enterprise {uscc} has no connection with the platform {platform} in {year}.",
            uscc=uscc,
            platform=platform,
            year=year,
        )
    index = next(i for i, case in enumerate(cases) if case.platform.code == platform)
    case, determination = cases[index], found[0]
    days = active_days_of_cases(evidence, presence, as_of, policy).rows(np.array([index]))
    period, measured = period_of_case(case, determination, days, year, as_of, policy)
    serials = list(dict.fromkeys(row[0] for row in registered))
    by_device = _DevicesOfCase(evidence, index, presence, serials, as_of)
    device_days = by_device.active_days(waived(policy, case.decisions)["active_hours_per_day_min"])
    in_period = device_days.between(period.first_day.toordinal(), period.last_day.toordinal())
    devices_at_once = int(in_period.sum(axis=0).max(initial=0))
    return Explanation(
        year=year,
        policy=policy,
        as_of=as_of,
        is_simulation=evidence.is_simulation,
        determination=determination,
        connections=case.connections,
        period=period,
        criteria=criterion_rows(
            case, determination, measured, by_device.most_hours(period), devices_at_once, policy
        ),
        devices=_devices(registered, serials, in_period, period.first_day),
        calendar=_calendar(case, days, period, year, as_of),
        decisions=decisions,
    )


class _DevicesOfCase:
    """The activity of each device of one case by itself, as rows in the order of the ids."""

    def __init__(
        self,
        evidence: Evidence,
        case: int,
        presence: Sequence[PresenceRows],
        device_ids: Sequence[int],
        as_of: date,
    ) -> None:
        chosen = evidence.assignments.case == case
        device = evidence.assignments.device[chosen]
        rows = {device_id: row for row, device_id in enumerate(device_ids)}
        self._assignments = Assignments(
            device=device,
            case=np.array([rows[each] for each in device.tolist()], dtype=np.int64),
            first=evidence.assignments.first[chosen],
            end=evidence.assignments.end[chosen],
        )
        served = evidence.coverage.case == case
        first, end = evidence.coverage.first[served], evidence.coverage.end[served]
        self._rows = len(device_ids)
        self._coverage = Coverage(
            case=np.repeat(np.arange(self._rows), len(first)),
            first=np.tile(first, self._rows),
            end=np.tile(end, self._rows),
        )
        self._presence, self._as_of = presence, as_of

    def active_days(self, hours_min: int) -> ActiveDays:
        """On which days each device was active, assigned and connected."""
        thresholds = np.full(self._rows, hours_min, dtype=np.int64)
        counts = count_active_devices(self._presence, self._assignments, thresholds, self._as_of)
        return active_days(counts, np.ones(self._rows, dtype=np.int64), self._coverage)

    def most_hours(self, period: Period) -> int:
        """The most hours any of them was heard on one day of a period."""
        first, last = period.first_day.toordinal(), period.last_day.toordinal()
        return next(
            (
                hours
                for hours in range(HOURS_PER_DAY, 0, -1)
                if self.active_days(hours).between(first, last).any()
            ),
            0,
        )


def _devices(
    registered: Sequence[tuple[int, str, str | None, str | None, date, date | None]],
    device_ids: Sequence[int],
    active: np.typing.NDArray[np.bool_],
    first_day: date,
) -> tuple[DeviceActivity, ...]:
    devices = []
    for row, device_id in enumerate(device_ids):
        own = [each for each in registered if each[0] == device_id]
        days = np.flatnonzero(active[row])
        devices.append(
            DeviceActivity(
                serial=own[0][1],
                kind=own[0][2],
                name=own[0][3],
                assigned=tuple((each[4], each[5]) for each in own),
                active_days=len(days),
                first_active_on=first_day + timedelta(int(days[0])) if len(days) else None,
                last_active_on=first_day + timedelta(int(days[-1])) if len(days) else None,
            )
        )
    return tuple(devices)


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


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
