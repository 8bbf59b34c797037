"""The grounds of every determination of a count: criteria, devices, digest of its presence.

What `explain` finds for one case, found for all of them in a second pass over presence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg

from jieru.presence import active_hours_by_day
from verifier.counting.activity import (
    IntArray,
    PresenceRows,
    covered_days,
    first_ordinal,
    join_assignments,
    mask_days,
)
from verifier.counting.count import Evaluation, told_blocks
from verifier.counting.decisions import RecordedDecision, list_decisions
from verifier.counting.determination import Determination
from verifier.counting.eligibility import Case, waived
from verifier.counting.evidence import read_presence
from verifier.counting.measures import CriterionRow, Period, criterion_rows, period_of_case
from verifier.counting.progress import Phase, Progress, no_progress
from verifier.procedure.closings import Closing, list_closings
from verifier.procedure.presence_digest import (
    NO_PRESENCE,
    AssignedDevice,
    device_digests,
    presence_sha256,
)

__all__ = ["DeviceGrounds", "Grounds", "read_grounds"]

_SELECT_DEVICES = """
    SELECT a.device_id, a.from_date, d.serial, d.kind, d.name, a.to_date
    FROM assignments a JOIN devices d ON d.id = a.device_id
"""


class DeviceGrounds(NamedTuple):
    """One assignment of a device to the enterprise, and its active days in the period."""

    serial: str
    kind: str | None
    name: str | None
    assigned_from: date
    assigned_to: date | None
    active_days: int
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
    presence_sha256: str
    decisions: tuple[RecordedDecision, ...]
    """Withdrawn ones too."""
    closing: Closing | None
    """Of a pending one for which the count does not wait."""


class _Measures:
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
        self.first_active = np.zeros(assignments, dtype=np.int64)
        self.last_active = np.zeros(assignments, dtype=np.int64)
        self.digests: dict[int, str] = {}

    def add(self, block: PresenceRows) -> None:
        """Take in the presence of some more devices."""
        self.digests.update(device_digests(block, self._evaluation.count.as_of))
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
        first, end = assignments.first[assignment], assignments.end[assignment]
        mask_days(counts, month, first, end, self._evaluation.count.as_of)
        hours = active_hours_by_day(block.hours)[row] * counts
        heard = np.zeros((places, days.active.shape[1]), dtype=np.uint8)
        for each in np.unique(month).tolist():
            chosen = np.flatnonzero(month == each)
            start = first_ordinal(each) - days.first_day
            length = first_ordinal(each + 1) - first_ordinal(each)
            heard[place[chosen], start : start + length] = hours[chosen, :length]
        return heard


def read_grounds(
    connection: psycopg.Connection, evaluation: Evaluation, progress: Progress = no_progress
) -> list[Grounds]:
    """The grounds of every determination of a count, by platform code and uscc.

    Args:
        connection: inside the snapshot in which the count was evaluated.
        evaluation: the count, of all platforms.
        progress: is told how far it is.
    """
    evidence, count = evaluation.evidence, evaluation.count
    progress(Phase.CRITERIA, 0.0)
    places = {
        (case.platform.code, case.enterprise.uscc): index
        for index, case in enumerate(evaluation.cases)
    }
    listed = {
        places[each.platform.code, each.enterprise.uscc]: each
        for platform in count.platforms
        for each in platform.determinations
    }
    measured = {
        index: period_of_case(
            evaluation.cases[index],
            found,
            evaluation.days.rows(np.array([index])),
            count.year,
            count.as_of,
            count.policy,
        )
        for index, found in listed.items()
    }
    measures = _Measures(evaluation, {index: period for index, (period, _) in measured.items()})
    devices = np.unique(evidence.assignments.device)
    blocks = read_presence(connection, devices, count.as_of)
    for block in told_blocks(blocks, devices, lambda done: progress(Phase.CRITERIA, done)):
        measures.add(block)
    by_case = _devices_by_case(connection, evaluation, measures)
    decisions: dict[tuple[str, str], list[RecordedDecision]] = {}
    for decision in list_decisions(connection):
        decisions.setdefault((decision.platform_code, decision.uscc), []).append(decision)
    closings = {
        (each.platform_code, each.uscc): each
        for each in list_closings(connection, count.year)
        if each.is_open
    }
    return [
        Grounds(
            case=evaluation.cases[index],
            determination=found,
            period=measured[index][0],
            criteria=criterion_rows(
                evaluation.cases[index],
                found,
                measured[index][1],
                *measures.of_case(index),
                count.policy,
            ),
            devices=tuple(by_case.get(index, ())),
            presence_sha256=presence_sha256(
                AssignedDevice(
                    each.serial, each.assigned_from, each.assigned_to, each.presence_sha256
                )
                for each in by_case.get(index, ())
            ),
            decisions=tuple(decisions.get((found.platform.code, found.enterprise.uscc), ())),
            closing=closings.get((found.platform.code, found.enterprise.uscc)),
        )
        for index, found in listed.items()
    ]


def _devices_by_case(
    connection: psycopg.Connection, evaluation: Evaluation, measures: _Measures
) -> dict[int, list[DeviceGrounds]]:
    """The assigned devices of each case, by serial and first day."""
    registered = {
        (device, from_date): known
        for device, from_date, *known in connection.execute(_SELECT_DEVICES)
    }
    assignments = evaluation.evidence.assignments
    found: dict[int, list[DeviceGrounds]] = {}
    columns: Iterable[tuple[int, int, int, int, int, int]] = zip(
        assignments.device.tolist(),
        assignments.case.tolist(),
        assignments.first.tolist(),
        measures.active_days.tolist(),
        measures.first_active.tolist(),
        measures.last_active.tolist(),
        strict=True,
    )
    for device, case, first, active_days, first_active, last_active in columns:
        assigned_from = date.fromordinal(first)
        serial, kind, name, end = registered[device, assigned_from]
        found.setdefault(case, []).append(
            DeviceGrounds(
                serial=serial,
                kind=kind,
                name=name,
                assigned_from=assigned_from,
                assigned_to=end,
                active_days=active_days,
                first_active_on=date.fromordinal(first_active) if active_days else None,
                last_active_on=date.fromordinal(last_active) if active_days else None,
                presence_sha256=measures.digests.get(device, NO_PRESENCE),
            )
        )
    for devices in found.values():
        devices.sort(key=lambda each: (each.serial, each.assigned_from))
    return found
