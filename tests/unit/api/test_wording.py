"""Outcomes and reasons in words."""

from datetime import date

import pytest

from api.counts.wording import (
    level_in_words,
    number_with_unit,
    outcome_words,
    reason_in_words,
    reasons_in_words,
)
from tests.unit.api.counting import criterion, determination
from verifier.counting.determination import Outcome
from verifier.counting.eligibility import Criterion, CriterionName
from verifier.policy import Unit


def english(message: str) -> str:
    """Message ids are English already."""
    return message


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_label_and_a_colour(outcome: Outcome) -> None:
    """One that is added later may not be forgotten here."""
    words = outcome_words(outcome, english)
    assert words.value == outcome.value
    assert words.label
    assert words.tone in {"green", "purple", "red", "grey", "amber", "cyan", "info"}


@pytest.mark.parametrize("name", CriterionName)
def test_every_criterion_gives_a_reason(name: CriterionName) -> None:
    """Even one that was measured in no way that has words of its own."""
    assert reason_in_words(criterion(name), english)


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        (
            criterion(CriterionName.NEWLY_CONNECTED, measured=2025, required=2026),
            "its connection counts for 2025 already",
        ),
        (
            criterion(CriterionName.COUNTED_ONCE, measured="guolian", required="xielian"),
            "platform guolian connected it first",
        ),
        (
            criterion(
                CriterionName.PLATFORM_RECOGNISED,
                measured={"on": "2026-03-02", "level": "none"},
                required="municipal",
            ),
            "the platform was not recognised on 2026-03-02",
        ),
        (
            criterion(
                CriterionName.PLATFORM_RECOGNISED,
                measured={"on": "2026-03-02", "level": "municipal"},
                required="provincial",
            ),
            "the platform was only municipal on 2026-03-02; provincial or above is required",
        ),
        (
            criterion(
                CriterionName.POLICY_IN_FORCE,
                measured="2025-11-01",
                required={"from": "2026-01-01", "to": "2029-12-31"},
            ),
            "connected on 2025-11-01; the policy is in force from 2026-01-01 to 2029-12-31",
        ),
        (criterion(CriterionName.NOT_EXCLUDED, measured=["7"]), "excluded by decision #7"),
        (criterion(CriterionName.NOT_HELD, measured=["3", "9"]), "held by decision #3, #9"),
        (
            criterion(CriterionName.INDUSTRY, measured="F5110", required=("C",)),
            "industry F5110 is outside the policy's industries",
        ),
    ],
)
def test_a_reason_says_what_was_measured(failed: Criterion, words: str) -> None:
    """Not only which criterion failed."""
    assert reason_in_words(failed, english) == words


def test_reasons_are_the_criteria_that_are_not_met() -> None:
    """Neither those that are met nor those that cannot be measured."""
    found = determination(
        outcome=Outcome.EXCLUDED,
        criteria=[
            criterion(CriterionName.DISTRICT, is_met=True),
            criterion(CriterionName.NEWLY_CONNECTED, is_met=None),
            criterion(CriterionName.NOT_EXCLUDED, measured=["1"]),
        ],
    )
    assert reasons_in_words(found, english) == ["excluded by decision #1"]


def test_a_pending_enterprise_hears_when_it_can_be_counted() -> None:
    """The earliest day on which its window can be complete."""
    found = determination(outcome=Outcome.PENDING, pending_until=date(2026, 12, 29))
    assert reasons_in_words(found, english) == ["complete on 2026-12-29 at the earliest"]


@pytest.mark.parametrize(
    ("number", "unit", "words"),
    [(150_000, "yuan", "150,000 yuan"), (4, "hours", "4 hours"), (7, "none", "7")],
)
def test_a_number_has_its_unit(number: int, unit: Unit, words: str) -> None:
    """Thousands set apart."""
    assert number_with_unit(number, unit, english) == words


def test_no_level_is_said_in_words() -> None:
    """A platform without a title."""
    assert level_in_words("none", english) == "not recognised"
    assert level_in_words("national", english) == "national"
