"""The words of outcomes, criteria and decisions, by the values of the count.

Message ids, untranslated: a terminal translates them by `jieru.i18n.gettext`, a page by the
language of its request.
"""

from collections.abc import Mapping
from typing import Final, get_args

from jieru import vocabulary
from jieru.vocabulary import worded
from verifier.counting.determination import Outcome
from verifier.counting.eligibility import CriterionName
from verifier.counting.registry import DecisionKind
from verifier.policy import LEVELS, Basis, Level, Unit

__all__ = [
    "BASIS_WORDS",
    "CRITERION_WORDS",
    "DECISION_WORDS",
    "LEVEL_WORDS",
    "OUTCOME_WORDS",
    "REASON_WORDS",
    "UNIT_WORDS",
]

OUTCOME_WORDS: Final[Mapping[Outcome, str]] = worded(Outcome, vocabulary.OUTCOME_WORDS)
CRITERION_WORDS: Final[Mapping[CriterionName, str]] = worded(
    CriterionName, vocabulary.CRITERION_WORDS
)
REASON_WORDS: Final[Mapping[CriterionName, str]] = worded(CriterionName, vocabulary.REASON_WORDS)
DECISION_WORDS: Final[Mapping[DecisionKind, str]] = worded(
    get_args(DecisionKind), vocabulary.DECISION_WORDS
)
LEVEL_WORDS: Final[Mapping[Level, str]] = worded(LEVELS, vocabulary.LEVEL_WORDS)
BASIS_WORDS: Final[Mapping[Basis, str]] = worded(get_args(Basis), vocabulary.BASIS_WORDS)
UNIT_WORDS: Final[Mapping[Unit, str]] = worded(get_args(Unit), vocabulary.UNIT_WORDS)
