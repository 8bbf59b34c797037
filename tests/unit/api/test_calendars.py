"""The calendars of a device's and of an enterprise's page."""

from datetime import date

import pytest
from pydantic import TypeAdapter, ValidationError

from api.console.month import OptionalCivilMonth
from api.registry.devices.calendar import calendar_rows, days_shown, month_choice
from api.registry.devices.presence_answers import PresenceDayAnswer
from api.registry.enterprises.calendar import calendar_weeks
from api.registry.enterprises.presence_answers import EnterprisePresenceDayAnswer

MONTH: TypeAdapter[date | None] = TypeAdapter(OptionalCivilMonth)
WEDNESDAY = date(2026, 3, 4)


def presence_day(day: date, assigned: int = 3, heard: int = 3) -> EnterprisePresenceDayAnswer:
    """A day of an enterprise."""
    return EnterprisePresenceDayAnswer(
        day=day, devices_assigned=assigned, devices_heard=heard, longest_hours=0
    )


def test_an_hour_is_heard_late_or_silent() -> None:
    """What was heard in time wins; only that is added up."""
    day = PresenceDayAnswer(day=WEDNESDAY, hours="11" + "0" * 22, late_hours="011" + "0" * 21)
    (row,) = calendar_rows([day])
    assert row.hours == ["heard", "heard", "late", *["silent"] * 21]
    assert row.heard == 2


def test_the_present_month_ends_today() -> None:
    """Days that have not begun are not shown as silent."""
    assert days_shown(date(2026, 3, 1), WEDNESDAY) == (date(2026, 3, 1), WEDNESDAY)
    assert days_shown(date(2026, 2, 1), WEDNESDAY) == (date(2026, 2, 1), date(2026, 2, 28))


def test_a_calendar_leads_to_the_months_beside_it_but_not_ahead() -> None:
    """Across the turn of a year too."""
    assert month_choice(date(2026, 1, 1), WEDNESDAY) == ("2026-01", "2025-12", "2026-02")
    assert month_choice(date(2026, 3, 1), WEDNESDAY) == ("2026-03", "2026-02", None)


@pytest.mark.parametrize("text", ["2026-3", "2026-13", "2019-12", "26-03", "2026-03-01", "x"])
def test_what_is_no_month_is_refused(text: str) -> None:
    """One form only, from 2020 on."""
    with pytest.raises(ValidationError):
        MONTH.validate_python(text)


def test_a_month_is_its_first_day_and_an_empty_text_is_none() -> None:
    """A form sends an empty text for a field that was left empty."""
    assert MONTH.validate_python("2026-03") == date(2026, 3, 1)
    assert MONTH.validate_python("") is None


def test_weeks_begin_on_monday_and_days_beyond_are_left_out() -> None:
    """From a Wednesday to the Monday after: two weeks."""
    days = [presence_day(date(2026, 3, 4 + place)) for place in range(6)]
    first, second = calendar_weeks(days)
    assert (first.monday, second.monday) == (date(2026, 3, 2), date(2026, 3, 9))
    assert [day.day if day else None for day in first.days[:3]] == [None, None, WEDNESDAY]
    assert [day is None for day in second.days] == [False, *[True] * 6]


@pytest.mark.parametrize(
    ("assigned", "heard", "tone"),
    [(0, 0, "outside"), (3, 0, "idle"), (3, 1, "some"), (3, 3, "many")],
)
def test_a_day_is_coloured_by_the_share_that_was_heard(
    assigned: int, heard: int, tone: str
) -> None:
    """The figures stand beside the colour."""
    ((_monday, days),) = calendar_weeks([presence_day(date(2026, 3, 2), assigned, heard)])
    assert days[0] is not None
    assert days[0].tone == tone
