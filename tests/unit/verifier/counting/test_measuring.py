"""The measures of a case: over which devices and days its criteria are taken."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from tests.unit.verifier.builders import (
    DeviceLife,
    a_case,
    a_decision,
    an_enterprise,
    evidence_of,
    policy_with,
    presence_of,
)
from verifier.counting.activity import PresenceRows
from verifier.counting.eligibility import Case
from verifier.counting.evaluation import Evaluation, activity_of_cases, evaluation_of
from verifier.counting.explanation import Explanation, explanation_of
from verifier.counting.measuring import MeasuredCase, measured_cases
from verifier.counting.registry import Assignment, Connection, RecordedDecision

_SINCE = date(2026, 1, 1)
_AS_OF = date(2027, 4, 5)
_CASE = a_case(None, connections=(Connection(_SINCE),))
_OTHER = a_case(None, enterprise=an_enterprise(2), connections=(Connection(_SINCE),))
_POLICY = policy_with(active_devices_min=1)


def _heard(first: date, days: int, hours: int = 4) -> dict[date, range]:
    return {first + timedelta(day): range(8, 8 + hours) for day in range(days)}


def _evaluated(cases: Sequence[Case], devices: Sequence[DeviceLife]) -> Evaluation:
    evidence = evidence_of(list(cases), list(devices))
    days = activity_of_cases(evidence, presence_of(devices), _AS_OF, _POLICY)
    return evaluation_of(evidence, days, 2026, _AS_OF, _POLICY)


def _measured(cases: Sequence[Case], *devices: DeviceLife) -> list[MeasuredCase]:
    registered = {
        (number, first): Assignment(f"s{number}", None, None, first, end)
        for number, device in enumerate(devices, start=1)
        for _uscc, first, end in device.assigned
    }
    return measured_cases(_evaluated(cases, devices), presence_of(devices), registered)


def _explained(*devices: DeviceLife) -> Explanation:
    (measured,) = _measured([_CASE], *devices)
    return explanation_of(_evaluated([_CASE], devices).count, measured, [])


def _measure(case: MeasuredCase, name: str) -> object:
    return next(each.measured for each in case.criteria if each.name == name)


def test_a_case_is_measured_over_its_window() -> None:
    """Days before and after it are not among a device's active days."""
    device = DeviceLife(
        "alpha", _heard(date(2026, 3, 2), 200), [(_CASE.enterprise.uscc, _SINCE, None)]
    )
    (found,) = _measured([_CASE], device)
    (assignment,) = found.assignments
    assert (found.period.first_day, found.period.last_day) == (date(2026, 3, 2), date(2026, 5, 30))
    assert assignment.active_days == 90
    assert (assignment.first_active_on, assignment.last_active_on) == (
        found.period.first_day,
        found.period.last_day,
    )


def test_the_most_devices_and_hours_are_those_of_one_day() -> None:
    """Two devices that are never active on one day are one at once."""
    uscc = _CASE.enterprise.uscc
    even = {day: range(8, 13) for day in _heard(date(2026, 3, 2), 90) if day.toordinal() % 2}
    odd = {day: range(8, 12) for day in _heard(date(2026, 3, 2), 90) if not day.toordinal() % 2}
    (found,) = _measured(
        [_CASE], *(DeviceLife("alpha", heard, [(uscc, _SINCE, None)]) for heard in (even, odd))
    )
    assert _measure(found, "active_devices_min") == 1
    assert _measure(found, "active_hours_per_day_min") == 5


def test_a_device_that_changed_hands_is_measured_for_each_by_its_own_days() -> None:
    """The day of the change is the second one's."""
    change = date(2026, 4, 1)
    device = DeviceLife(
        "alpha",
        _heard(date(2026, 3, 2), 200),
        [(_CASE.enterprise.uscc, _SINCE, change), (_OTHER.enterprise.uscc, change, None)],
    )
    first, second = _measured([_CASE, _OTHER], device)
    assert first.assignments[0].last_active_on == change - timedelta(1)
    assert second.assignments[0].first_active_on == change


def test_an_explanation_names_a_device_once_however_often_it_was_assigned() -> None:
    """With all its spans, and its active days in all of them."""
    uscc = _CASE.enterprise.uscc
    away, back = date(2026, 4, 1), date(2026, 4, 11)
    device = DeviceLife(
        "alpha", _heard(date(2026, 3, 2), 200), [(uscc, _SINCE, away), (uscc, back, None)]
    )
    (found,) = _explained(device).devices
    assert found.assigned == ((_SINCE, away), (back, None))
    assert found.active_days == 80
    assert (found.first_active_on, found.last_active_on) == (date(2026, 3, 2), date(2026, 5, 30))


def test_a_case_that_was_never_heard_is_measured_over_the_year() -> None:
    """Its device has no active day, and the calendar marks every day as inactive."""
    device = DeviceLife("alpha", {}, [(_CASE.enterprise.uscc, _SINCE, None)])
    found = _explained(device)
    assert found.period.kind == "year"
    assert (found.devices[0].active_days, found.devices[0].first_active_on) == (0, None)
    assert "".join(month.days for month in found.calendar) == "." * 365


def _whole(devices: Sequence[DeviceLife]) -> list[PresenceRows]:
    """The presence of all devices in one block, as the database gives it."""
    blocks = presence_of(devices)
    return [
        PresenceRows(
            np.concatenate([each.device for each in blocks]),
            np.concatenate([each.month for each in blocks]),
            np.concatenate([each.hours for each in blocks]),
        )
    ]


def test_devices_that_are_active_on_one_day_are_counted_together_however_they_are_read() -> None:
    """In blocks of their own, or in one with those of another enterprise; each with its hours."""
    uscc, other = _CASE.enterprise.uscc, _OTHER.enterprise.uscc
    march = _heard(date(2026, 3, 2), 90)
    devices = [
        DeviceLife("alpha", march, [(uscc, _SINCE, None)]),
        DeviceLife("alpha", _heard(date(2026, 3, 2), 90, hours=9), [(other, _SINCE, None)]),
        DeviceLife("alpha", march, [(uscc, _SINCE, None)]),
        DeviceLife("alpha", _heard(date(2026, 3, 2), 90, hours=3), [(uscc, _SINCE, None)]),
    ]
    evaluation = _evaluated([_CASE, _OTHER], devices)
    registered = {
        (number, _SINCE): Assignment(f"s{5 - number}", None, None, _SINCE, None)
        for number in range(1, 5)
    }
    for presence in (presence_of(devices), _whole(devices)):
        found = measured_cases(evaluation, presence, registered)
        assert [_measure(each, "active_devices_min") for each in found] == [2, 1]
        assert [_measure(each, "active_hours_per_day_min") for each in found] == [4, 9]
        assert [
            [
                (each.device_id, each.registered.serial, each.active_days)
                for each in case.assignments
            ]
            for case in found
        ] == [[(4, "s1", 0), (3, "s2", 90), (1, "s4", 90)], [(2, "s3", 90)]]
        assert [each.determination for each in found] == list(
            evaluation.count.platforms[0].determinations
        )
        assert [each.days.active.sum() for each in found] == [90, 90]


def test_a_device_that_is_heard_too_little_is_nobody_at_once() -> None:
    """Its hours are measured all the same; where nothing was heard there are none."""
    uscc = _CASE.enterprise.uscc
    little = DeviceLife("alpha", _heard(date(2026, 3, 2), 5, hours=3), [(uscc, _SINCE, None)])
    silent = DeviceLife("alpha", {}, [(uscc, _SINCE, None)])
    for device, hours in ((little, 3), (silent, 0)):
        (found,) = _measured([_CASE], device)
        assert _measure(found, "active_devices_min") == 0
        assert _measure(found, "active_hours_per_day_min") == hours


def test_an_explanation_is_of_its_count_and_its_case() -> None:
    """Nothing of another one."""
    uscc = _CASE.enterprise.uscc
    devices = [
        DeviceLife("alpha", _heard(date(2026, 3, 2), 200), [(uscc, _SINCE, None)]),
        DeviceLife("alpha", {}, [(uscc, _SINCE, None)]),
    ]
    evaluation = _evaluated([_CASE], devices)
    registered = {
        (1, _SINCE): Assignment("s1", "cnc", "Lathe", _SINCE, None),
        (2, _SINCE): Assignment("s2", None, None, _SINCE, None),
    }
    (measured,) = measured_cases(evaluation, presence_of(devices), registered)
    decision = RecordedDecision("alpha", uscc, "E1", a_decision("hold"))
    count = replace(evaluation.count, is_simulation=True)
    found = explanation_of(count, measured, [decision])
    assert (found.year, found.policy, found.as_of) == (2026, _POLICY, _AS_OF)
    assert found.is_simulation
    assert found.determination is measured.determination
    assert found.connections == _CASE.connections
    assert (found.period, found.criteria) == (measured.period, measured.criteria)
    assert [(each.serial, each.kind, each.name) for each in found.devices] == [
        ("s1", "cnc", "Lathe"),
        ("s2", None, None),
    ]
    assert found.decisions == (decision,)


def _calendar(as_of: date, connection: Connection, *days: date) -> list[tuple[date, str]]:
    case = a_case(None, connections=(connection,))
    assigned: list[tuple[str, date, date | None]] = [(case.enterprise.uscc, _SINCE, None)]
    devices = [DeviceLife("alpha", dict.fromkeys(days, range(8, 12)), assigned)]
    evidence = evidence_of([case], devices)
    active = activity_of_cases(evidence, presence_of(devices), as_of, _POLICY)
    evaluation = evaluation_of(evidence, active, 2026, as_of, _POLICY)
    registered = {(1, _SINCE): Assignment("s1", None, None, _SINCE, None)}
    (measured,) = measured_cases(evaluation, presence_of(devices), registered)
    return list(explanation_of(evaluation.count, measured, []).calendar)


def test_a_calendar_marks_each_day_that_has_evidence() -> None:
    """Active, inactive, not connected; nothing after the day of the count."""
    connection = Connection(date(2026, 1, 3), date(2026, 2, 3))
    assert _calendar(date(2026, 2, 4), connection, date(2026, 1, 5), date(2026, 2, 1)) == [
        (date(2026, 1, 1), "--..#" + "." * 26),
        (date(2026, 2, 1), "#.--"),
    ]


def test_a_calendar_of_the_first_day_of_the_year_has_one_mark() -> None:
    """And that of the day before has none."""
    connection = Connection(_SINCE)
    assert _calendar(date(2026, 1, 1), connection) == [(date(2026, 1, 1), ".")]
    assert _calendar(date(2025, 12, 31), connection) == []


def test_hours_outside_the_assignment_are_nobody_s() -> None:
    """A device that was heard before it came; and a case that never had a device."""
    device = DeviceLife(
        "alpha", _heard(date(2026, 3, 2), 5), [(_CASE.enterprise.uscc, date(2026, 3, 20), None)]
    )
    found, without = _measured([_CASE, _OTHER], device)
    assert _measure(found, "active_hours_per_day_min") == 0
    assert without.assignments == ()
    assert _measure(without, "active_hours_per_day_min") == 0
