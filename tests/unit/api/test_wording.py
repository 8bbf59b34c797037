"""Outcomes and reasons in words."""

from datetime import date

import pytest

from api.counts.wording import (
    number_with_unit,
    outcome_words,
    reasons_in_words,
)
from tests.unit.api.counting import criterion, determination
from verifier.counting.determination import Outcome
from verifier.counting.eligibility import CriterionName
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
