"""The measures of a case: over which devices and days its criteria are taken."""

from collections.abc import Sequence
from datetime import date, timedelta

from tests.unit.verifier.builders import (
    DeviceLife,
    a_case,
    an_enterprise,
    evidence_of,
    policy_with,
    presence_of,
)
from verifier.counting.eligibility import Case
from verifier.counting.evaluation import Evaluation, active_days_of_cases, evaluation_of
from verifier.counting.explanation import Explanation, explanation_of
from verifier.counting.measuring import MeasuredCase, measured_cases
from verifier.counting.registry import Assignment, Connection

_SINCE = date(2026, 1, 1)
_AS_OF = date(2027, 4, 5)
_CASE = a_case(None, connections=(Connection(_SINCE),))
_OTHER = a_case(None, enterprise=an_enterprise(2), connections=(Connection(_SINCE),))
_POLICY = policy_with(active_devices_min=1)


def _heard(first: date, days: int, hours: int = 4) -> dict[date, range]:
    return {first + timedelta(day): range(8, 8 + hours) for day in range(days)}


def _evaluated(cases: Sequence[Case], devices: Sequence[DeviceLife]) -> Evaluation:
    evidence = evidence_of(list(cases), list(devices))
    days = active_days_of_cases(evidence, presence_of(devices), _AS_OF, _POLICY)
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
