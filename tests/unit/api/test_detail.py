"""The explanation of one determination in words."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

import pytest

from api.counts.detail import detail_in_words
from tests.unit.api.counting import POLICY, determination
from verifier.counting.active_calendar import CalendarMonth
from verifier.counting.eligibility import CriterionName, Measure
from verifier.counting.explanation import Explanation
from verifier.counting.measures import CriterionRow, Period
from verifier.counting.registry import Decision, RecordedDecision


def english(message: str) -> str:
    """Message ids are English already."""
    return message


BARE: Final = Explanation(
    year=2026,
    policy=POLICY,
    as_of=date(2027, 4, 5),
    is_simulation=False,
    determination=determination(),
    connections=(),
    period=Period("window", date(2026, 3, 2), date(2026, 5, 30)),
    criteria=(),
    devices=(),
    calendar=(),
    decisions=(),
)
WAIVER: Final = Decision(
    id=4,
    kind="waive",
    criterion="active_devices_min",
    value=1,
    reason="单台大型设备",
    decided_by="林核验",
    decided_at=datetime(2026, 12, 31, 17, 0, tzinfo=UTC),
)


def row(
    name: str, measured: Measure, required: Measure, *, clause: str | None = "1.2"
) -> CriterionRow:
    """A criterion that is met."""
    return CriterionRow(
        name, is_met=True, measured=measured, required=required, clause=clause, basis="decision"
    )


@pytest.mark.parametrize(
    ("criterion", "label", "measured", "required"),
    [
        (
            row("active_days_min", 78, 60),
            "Active days in the window",
            "78",
            "at least 60",
        ),
        (
            row(
                CriterionName.EFFECTIVE_WINDOW,
                {"first_day": "2026-03-02", "last_day": "2026-05-30", "active_days": 78},
                {"window_days": 90},
            ),
            "Effective window",
            "2026-03-02 to 2026-05-30",
            "the five rows below",
        ),
        (
            row(CriterionName.NEWLY_CONNECTED, 2026, 2026),
            "Newly connected in the year",
            "2026",
            "2026",
        ),
        (
            row(
                CriterionName.PLATFORM_RECOGNISED,
                {"on": "2026-03-02", "level": "none"},
                "municipal",
            ),
            "Platform recognised",
            "not recognised on 2026-03-02",
            "municipal or above",
        ),
        (
            row(
                CriterionName.POLICY_IN_FORCE,
                "2026-03-02",
                {"from": "2026-01-01", "to": "2029-12-31"},
            ),
            "Policy in force when connected",
            "2026-03-02",
            "2026-01-01 to 2029-12-31",
        ),
        (
            row(CriterionName.DISTRICT, "hanjiang", ("licheng",)),
            "District",
            "涵江区",
            "荔城区",
        ),
        (
            row(CriterionName.DISTRICT, "other", ("licheng",)),
            "District",
            "elsewhere",
            "荔城区",
        ),
        (row(CriterionName.INDUSTRY, None, ("C",)), "Industry", "–", "C"),
        (row(CriterionName.INDUSTRY, "C3311", ("C", "D")), "Industry", "C3311", "C, D"),
        (
            row(CriterionName.NOT_OWN_OPERATOR, "A", {"not": "B"}),
            "Not the platform's own operator",
            "A",
            "not B",
        ),
        (
            row(CriterionName.NOT_OWN_OPERATOR, "A", None),
            "Not the platform's own operator",
            "A",
            "–",
        ),
        (row(CriterionName.NOT_HELD, ["3"], ()), "Not held by a decision", "3", "none"),
        (
            row(CriterionName.COUNTED_ONCE, "guolian", "xielian"),
            "Counted on one platform only",
            "guolian",
            "xielian",
        ),
    ],
)
def test_a_criterion_is_measured_against_what_is_required(
    criterion: CriterionRow, label: str, measured: str, required: str
) -> None:
    """Each in words of its own."""
    (shown,) = detail_in_words(replace(BARE, criteria=(criterion,)), english).criteria
    assert (shown.label, shown.measured, shown.required) == (label, measured, required)


def test_a_criterion_without_a_clause_is_not_said_to_be_silent_in_it() -> None:
    """A verifier's decision is not the policy's silence."""
    bare = replace(BARE, criteria=(row(CriterionName.NOT_HELD, [], (), clause=None),))
    (shown,) = detail_in_words(bare, english).criteria
    assert shown.clause == "–"
    assert not shown.is_decided


def test_the_calendar_marks_days_and_the_window() -> None:
    """A row a month, with how many days were active."""
    months = (CalendarMonth(date(2026, 3, 1), "-#.##"),)
    (march,) = detail_in_words(replace(BARE, calendar=months), english).calendar
    assert (march.label, march.active_days) == ("2026-03", 3)
    assert [day.tone for day in march.days] == ["outside", "active", "idle", "active", "active"]
    assert [day.is_in_window for day in march.days] == [False, True, True, True, True]


def test_days_of_a_failed_attempt_are_no_window() -> None:
    """Only the window by which an enterprise is connected is marked."""
    attempt = replace(
        BARE,
        period=Period("attempt", date(2026, 3, 1), date(2026, 5, 29)),
        calendar=(CalendarMonth(date(2026, 3, 1), "##"),),
    )
    detail = detail_in_words(attempt, english)
    assert not any(day.is_in_window for day in detail.calendar[0].days)
    assert detail.period == "its best attempt at a window, 2026-03-01 to 2026-05-29"


def test_a_waiver_says_what_it_set_and_its_civil_date() -> None:
    """17:00 in UTC is the next day in Putian."""
    recorded = RecordedDecision("xielian", "9135", "华昌", WAIVER)
    (shown,) = detail_in_words(replace(BARE, decisions=(recorded,)), english).decisions
    assert shown.waived == "Active devices on a day = 1"
    assert shown.decided_on == date(2027, 1, 1)
    assert shown.state == "in force"


def test_a_withdrawn_decision_says_by_whom_and_why() -> None:
    """It stays on the page."""
    withdrawn = replace(
        WAIVER,
        kind="hold",
        criterion=None,
        value=None,
        withdrawn_at=datetime(2027, 1, 3, 4, 0, tzinfo=UTC),
        withdrawn_by="陈复核",
        withdrawn_reason="材料齐全",
    )
    recorded = RecordedDecision("xielian", "9135", "华昌", withdrawn)
    (shown,) = detail_in_words(replace(BARE, decisions=(recorded,)), english).decisions
    assert shown.waived is None
    assert shown.state == "withdrawn by 陈复核 on 2027-01-03: 材料齐全"
