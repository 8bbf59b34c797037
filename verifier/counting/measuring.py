"""The measures of every case of a count, of which its criteria and devices tell. Pure.

A second pass over presence: only when the windows are known is it known which days to measure.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from jieru.presence import active_hours_by_day
from verifier.counting.activity import (
    IntArray,
    PresenceRows,
    covered_days,
    first_ordinal,
    join_assignments,
    mask_days,
)
from verifier.counting.determination import Determination
from verifier.counting.eligibility import Case, waived
from verifier.counting.evaluation import Evaluation
from verifier.counting.measures import CriterionRow, Period, criterion_rows, period_of_case
from verifier.counting.registry import Assignment
from verifier.counting.windows import ActiveDays

__all__ = ["MeasuredAssignment", "MeasuredCase", "RegisteredAssignments", "measured_cases"]

RegisteredAssignments: TypeAlias = Mapping[tuple[int, date], Assignment]
"""By id of the device and first day."""


class MeasuredAssignment(NamedTuple):
    """One assignment of a device to the enterprise, and its active days in the period."""

    device_id: int
    registered: Assignment
    active_days: int
    hours_heard: int
    """On the days of the period that a connection covers."""
    first_active_on: date | None
    last_active_on: date | None


@dataclass(frozen=True, slots=True)
class MeasuredCase:
    """One determination, what was measured for it, and over which days."""

    case: Case
    determination: Determination
    period: Period
    criteria: tuple[CriterionRow, ...]
    assignments: tuple[MeasuredAssignment, ...]
    """By serial and first day."""
    days: ActiveDays
    """Of this case alone, one row."""


def measured_cases(
    evaluation: Evaluation, presence: Iterable[PresenceRows], registered: RegisteredAssignments
) -> list[MeasuredCase]:
    """Every determination of a count with its measures, in the order of the count.

    Args:
        evaluation: the count, and what it was made of.
        presence: the blocks of which it was made, once more; each is looked at once.
        registered: every assignment of the evaluation's evidence.
    """
    count = evaluation.count
    places = {
        (case.platform.code, case.enterprise.uscc): index
        for index, case in enumerate(evaluation.cases)
    }
    listed = {
        places[each.platform.code, each.enterprise.uscc]: each
        for platform in count.platforms
        for each in platform.determinations
    }
    days = {index: _days_of(evaluation.days, index) for index in listed}
    periods = {
        index: period_of_case(
            evaluation.cases[index], found, days[index], count.year, count.as_of, count.policy
        )
        for index, found in listed.items()
    }
    sums = _Sums(evaluation, {index: period for index, (period, _window) in periods.items()})
    for block in presence:
        sums.add(block)
    assignments = _assignments_by_case(evaluation, sums, registered)
    return [
        MeasuredCase(
            case=evaluation.cases[index],
            determination=found,
            period=periods[index][0],
            criteria=criterion_rows(
                evaluation.cases[index],
                found,
                periods[index][1],
                *sums.of_case(index),
                count.policy,
            ),
            assignments=tuple(assignments.get(index, ())),
            days=days[index],
        )
        for index, found in listed.items()
    ]


def _days_of(days: ActiveDays, index: int) -> ActiveDays:
    """One row, seen and not copied: together they are as many as the days of all cases."""
    return ActiveDays(days.first_day, days.active[index : index + 1])


class _Sums:
    """What one pass over presence adds up, for each case and for each assignment."""

    def __init__(self, evaluation: Evaluation, periods: Mapping[int, Period]) -> None:
        """Measure the cases that have a period, by their index."""
        evidence, days = evaluation.evidence, evaluation.days
        cases, columns = days.active.shape
        self._evaluation = evaluation
        self._assignments = evidence.assignments
        day = days.first_day + np.arange(columns)
        first, last = np.ones(cases, dtype=np.int64), np.zeros(cases, dtype=np.int64)
        for index, period in periods.items():
            first[index], last[index] = period.first_day.toordinal(), period.last_day.toordinal()
        self._inside = (day >= first[:, None]) & (day <= last[:, None])
        self._inside &= covered_days(evidence.coverage, days.first_day, days.active.shape)
        policy = evaluation.count.policy
        self._hours_min = np.array(
            [waived(policy, case.decisions)["active_hours_per_day_min"] for case in evidence.cases],
            dtype=np.int64,
        )
        self._at_once = np.zeros((cases, columns), dtype=np.int32)
        self._most_hours = np.zeros(cases, dtype=np.int64)
        assignments = len(self._assignments.device)
        self.active_days = np.zeros(assignments, dtype=np.int64)
        self.hours_heard = np.zeros(assignments, dtype=np.int64)
        self.first_active = np.zeros(assignments, dtype=np.int64)
        self.last_active = np.zeros(assignments, dtype=np.int64)

    def add(self, block: PresenceRows) -> None:
        """Take in the presence of some more devices."""
        row, assignment = join_assignments(block.device, self._assignments)
        if not len(row):
            return
        chosen, place = np.unique(assignment, return_inverse=True)
        heard = self._heard(block, row, assignment, place, len(chosen))
        case = self._assignments.case[chosen]
        heard *= self._inside[case]
        np.maximum.at(self._most_hours, case, heard.max(axis=1, initial=0))
        active = heard >= self._hours_min[case, None]
        self.active_days[chosen] = active.sum(axis=1)
        self.hours_heard[chosen] = heard.sum(axis=1, dtype=np.int64)
        columns = active.shape[1]
        self.first_active[chosen] = self._evaluation.days.first_day + active.argmax(axis=1)
        self.last_active[chosen] = (
            self._evaluation.days.first_day + columns - 1 - active[:, ::-1].argmax(axis=1)
        )
        order = np.argsort(case, kind="stable")
        cases, starts = np.unique(case[order], return_index=True)
        self._at_once[cases] += np.add.reduceat(active[order], starts, axis=0, dtype=np.int32)

    def of_case(self, index: int) -> tuple[int, int]:
        """The most hours of a device on one day, and the most devices active on one day."""
        return int(self._most_hours[index]), int(self._at_once[index].max(initial=0))

    def _heard(
        self,
        block: PresenceRows,
        row: IntArray,
        assignment: IntArray,
        place: npt.NDArray[np.intp],
        places: int,
    ) -> npt.NDArray[np.uint8]:
        """Hours heard by assignment and day, within the assignment and up to `as_of`."""
        days, assignments = self._evaluation.days, self._assignments
        month = block.month[row]
        counts = np.ones((len(row), 31), dtype=np.bool_)
        first, end = assignments.start[assignment], assignments.end[assignment]
        mask_days(counts, month, first, end, self._evaluation.count.as_of)
        hours = active_hours_by_day(block.hours)[row] * counts
        heard = np.zeros((places, days.active.shape[1]), dtype=np.uint8)
        for each in np.unique(month).tolist():
            chosen = np.flatnonzero(month == each)
            start = first_ordinal(each) - days.first_day
            length = first_ordinal(each + 1) - first_ordinal(each)
            heard[place[chosen], start : start + length] = hours[chosen, :length]
        return heard


def _assignments_by_case(
    evaluation: Evaluation, sums: _Sums, registered: RegisteredAssignments
) -> dict[int, list[MeasuredAssignment]]:
    assignments = evaluation.evidence.assignments
    columns: Iterator[tuple[int, int, int, int, int, int, int]] = zip(
        assignments.device.tolist(),
        assignments.case.tolist(),
        assignments.first.tolist(),
        sums.active_days.tolist(),
        sums.hours_heard.tolist(),
        sums.first_active.tolist(),
        sums.last_active.tolist(),
        strict=True,
    )
    found: dict[int, list[MeasuredAssignment]] = {}
    for device, case, first, active_days, hours, first_active, last_active in columns:
        found.setdefault(case, []).append(
            MeasuredAssignment(
                device_id=device,
                registered=registered[device, date.fromordinal(first)],
                active_days=active_days,
                hours_heard=hours,
                first_active_on=date.fromordinal(first_active) if active_days else None,
                last_active_on=date.fromordinal(last_active) if active_days else None,
            )
        )
    for measured in found.values():
        measured.sort(key=lambda each: (each.registered.serial, each.registered.from_date))
    return found
