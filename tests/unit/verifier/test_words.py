"""Every outcome, criterion and unit has its words."""

from typing import get_args

from verifier.counting.determination import Outcome
from verifier.counting.eligibility import CriterionName
from verifier.counting.registry import DecisionKind
from verifier.policy import LEVELS, Basis, Unit
from verifier.words import (
    BASIS_WORDS,
    CRITERION_WORDS,
    DECISION_WORDS,
    LEVEL_WORDS,
    OUTCOME_WORDS,
    REASON_WORDS,
    UNIT_WORDS,
)


def test_nothing_is_without_words() -> None:
    """A report would fail on the one that is."""
    assert set(OUTCOME_WORDS) == set(Outcome)
    assert set(CRITERION_WORDS) == set(REASON_WORDS) == set(CriterionName)
    assert set(UNIT_WORDS) == set(get_args(Unit))
    assert set(BASIS_WORDS) == set(get_args(Basis))
    assert set(DECISION_WORDS) == set(get_args(DecisionKind))
    assert tuple(LEVEL_WORDS) == LEVELS
