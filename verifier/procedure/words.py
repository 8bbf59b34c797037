"""The words of states, steps, causes and recoveries, by the values of the procedure. Pure."""

from collections.abc import Mapping
from typing import Final, get_args

from jieru import vocabulary
from jieru.vocabulary import worded
from verifier.counting.progress import Phase
from verifier.procedure.causes import Cause
from verifier.procedure.comparison import ChangeKind
from verifier.procedure.recovery import RecoveryKind
from verifier.procedure.states import OBJECTION_OUTCOMES, ObjectionOutcome, State, Step

__all__ = [
    "CAUSE_WORDS",
    "CHANGE_WORDS",
    "OBJECTION_WORDS",
    "PHASE_WORDS",
    "RECOVERY_WORDS",
    "STATE_WORDS",
    "STEP_WORDS",
]

STATE_WORDS: Final[Mapping[State, str]] = worded(State, vocabulary.COUNT_STATE_WORDS)
STEP_WORDS: Final[Mapping[Step, str]] = worded(Step, vocabulary.STEP_WORDS)
CAUSE_WORDS: Final[Mapping[Cause, str]] = worded(Cause, vocabulary.CAUSE_WORDS)
CHANGE_WORDS: Final[Mapping[ChangeKind, str]] = worded(
    get_args(ChangeKind), vocabulary.CHANGE_WORDS
)
RECOVERY_WORDS: Final[Mapping[RecoveryKind, str]] = worded(
    get_args(RecoveryKind), vocabulary.RECOVERY_WORDS
)
OBJECTION_WORDS: Final[Mapping[ObjectionOutcome, str]] = worded(
    OBJECTION_OUTCOMES, vocabulary.OBJECTION_WORDS
)
PHASE_WORDS: Final[Mapping[Phase, str]] = worded(Phase, vocabulary.PHASE_WORDS)
