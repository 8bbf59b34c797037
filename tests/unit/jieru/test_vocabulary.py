"""One vocabulary: a word for every value of every enumeration, and none besides."""

from collections.abc import Iterable
from typing import get_args

import pytest

from api.access.roles import Role
from api.audit.answers import RecordKind
from api.pipeline.rows import Stage
from jieru import vocabulary
from jieru.i18n import translations
from jieru.vocabulary import Vocabulary, spoken, worded
from jieru.wire import DeviceStatus, PublisherKind, RejectionReason
from registry.connection_requests import RequestStatus
from registry.declarations import DeclarationKind
from registry.device_status import Liveness
from registry.kinds import KINDS
from verifier.counting.determination import Outcome
from verifier.counting.eligibility import CriterionName
from verifier.counting.outlook import Result
from verifier.counting.progress import Phase
from verifier.counting.registry import DecisionKind
from verifier.policy import LEVELS, WAIVABLE, Basis, Unit
from verifier.procedure.causes import Cause
from verifier.procedure.comparison import ChangeKind
from verifier.procedure.recovery import RecoveryKind
from verifier.procedure.states import ObjectionOutcome, State, Step
from verifier.trust.cases.records import CaseCause
from verifier.trust.cases.states import CaseState, CaseStep
from verifier.trust.draws.results import Found
from verifier.trust.signal import Strength

_ENUMERATIONS: dict[str, tuple[Vocabulary, Iterable[str]]] = {
    "rejections": (vocabulary.REJECTION_WORDS, RejectionReason),
    "device statuses": (vocabulary.DEVICE_STATUS_WORDS, Liveness),
    "reported statuses": (vocabulary.REPORTED_WORDS, DeviceStatus),
    "publishers": (vocabulary.PUBLISHER_WORDS, PublisherKind),
    "levels": (vocabulary.LEVEL_WORDS, LEVELS),
    "roles": (vocabulary.ACCOUNT_ROLE_WORDS, Role),
    "files": (vocabulary.REGISTRY_FILE_WORDS, KINDS),
    "connection requests": (vocabulary.REQUEST_STATUS_WORDS, RequestStatus),
    "declarations": (vocabulary.DECLARATION_WORDS, DeclarationKind),
    "strengths of signals": (vocabulary.STRENGTH_WORDS, Strength),
    "states of cases": (vocabulary.CASE_STATE_WORDS, CaseState),
    "causes of cases": (vocabulary.CASE_CAUSE_WORDS, get_args(CaseCause)),
    "steps of cases": (vocabulary.CASE_STEP_WORDS, CaseStep),
    "records": (vocabulary.RECORD_KIND_WORDS, RecordKind),
    "outcomes": (vocabulary.OUTCOME_WORDS, Outcome),
    "outlooks": (vocabulary.OUTLOOK_WORDS, Result),
    "stages": (vocabulary.STAGE_WORDS, Stage),
    "criteria": (vocabulary.CRITERION_WORDS, [*CriterionName, *WAIVABLE]),
    "numbers of a window": (vocabulary.WINDOW_CRITERION_WORDS, WAIVABLE),
    "reasons": (vocabulary.REASON_WORDS, CriterionName),
    "decisions": (vocabulary.DECISION_WORDS, get_args(DecisionKind)),
    "bases": (vocabulary.BASIS_WORDS, get_args(Basis)),
    "units": (vocabulary.UNIT_WORDS, get_args(Unit)),
    "states": (vocabulary.COUNT_STATE_WORDS, State),
    "steps": (vocabulary.STEP_WORDS, Step),
    "causes": (vocabulary.CAUSE_WORDS, Cause),
    "changes": (vocabulary.CHANGE_WORDS, get_args(ChangeKind)),
    "recoveries": (vocabulary.RECOVERY_WORDS, get_args(RecoveryKind)),
    "objections": (vocabulary.OBJECTION_WORDS, get_args(ObjectionOutcome)),
    "findings of visits": (vocabulary.FOUND_WORDS, Found),
    "phases": (vocabulary.PHASE_WORDS, Phase),
}


@pytest.mark.parametrize(("words", "values"), _ENUMERATIONS.values(), ids=list(_ENUMERATIONS))
def test_every_value_has_its_word_and_every_word_its_value(
    words: Vocabulary, values: Iterable[str]
) -> None:
    """A value that is added later may not be forgotten, nor a word be left over."""
    assert set(words) == set(values)


def test_no_value_has_the_word_of_another_one_of_its_kind() -> None:
    """In either language; what has no unit to speak of is said alike."""
    for name, (words, _values) in _ENUMERATIONS.items():
        if name != "units":
            texts = [spoken(word) for word in words.values()]
            assert len({text.zh for text in texts}) == len(texts), name
            assert len({text.en for text in texts}) == len(texts), name


def test_a_text_is_spoken_in_both_languages() -> None:
    """Its Chinese is the catalogue's."""
    text = spoken("bad topic")
    assert text.spoken_in("en") == "bad topic"
    assert text.spoken_in("zh") == translations("zh").gettext("bad topic") != "bad topic"


def test_a_value_without_a_word_is_a_fault_of_the_program() -> None:
    """It stops where the values are bound, and not when somebody looks at a page."""
    assert worded(Liveness, vocabulary.DEVICE_STATUS_WORDS)[Liveness.LATE] == "late"
    with pytest.raises(KeyError, match="asleep"):
        worded(["late", "asleep"], vocabulary.DEVICE_STATUS_WORDS)
