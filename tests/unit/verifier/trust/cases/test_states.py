"""Where a case stands, and who may do what next."""

from typing import Final

import pytest

from verifier.trust.cases.states import (
    CaseState,
    CaseStep,
    HoldBySignals,
    Taken,
    proposer_of,
    refusal_of,
    state_of,
)

_S: Final = CaseStep


def _steps(*steps: CaseStep, by: str = "lin") -> list[Taken]:
    return [Taken(step, by) for step in steps]


def _refused(
    step: CaseStep,
    *before: CaseStep,
    by: str = "lin",
    by_signals: HoldBySignals = HoldBySignals.MAY,
    one_name: bool = False,
) -> str | None:
    found = refusal_of(step, by, _steps(*before), by_signals=by_signals, one_name_suffices=one_name)
    return found.message if found else None


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ((), CaseState.OPEN),
        ((_S.NOTED,), CaseState.OPEN),
        ((_S.ASKED_OPERATOR,), CaseState.ASKED),
        ((_S.ASKED_OPERATOR, _S.OPERATOR_ANSWERED), CaseState.ANSWERED),
        ((_S.ASKED_OPERATOR, _S.ASKED_ENTERPRISE, _S.OPERATOR_ANSWERED), CaseState.ASKED),
        ((_S.ASKED_OPERATOR, _S.OPERATOR_ANSWERED, _S.ASKED_OPERATOR), CaseState.ASKED),
        ((_S.ASKED_OPERATOR, _S.VISITED), CaseState.ASKED),
        ((_S.VISITED,), CaseState.VISITED),
        ((_S.VISITED, _S.ASKED_ENTERPRISE, _S.ENTERPRISE_ANSWERED), CaseState.ANSWERED),
        ((_S.ASKED_OPERATOR, _S.CLEARED), CaseState.CLEARED),
        ((_S.UPHELD,), CaseState.UPHELD),
        ((_S.CLEARED, _S.NOTED), CaseState.CLEARED),
        ((_S.VISITED, _S.CLEARED, _S.REOPENED), CaseState.VISITED),
        ((_S.CLEARED, _S.REOPENED, _S.UPHELD), CaseState.UPHELD),
        ((_S.HOLD_PROPOSED, _S.HOLD_DECIDED), CaseState.OPEN),
    ],
)
def test_the_state_follows_from_the_steps(steps: tuple[CaseStep, ...], state: CaseState) -> None:
    """A question that waits comes first, a conclusion before all."""
    assert state_of(_steps(*steps)) is state


@pytest.mark.parametrize("step", [each for each in CaseStep if each not in {_S.NOTED, _S.REOPENED}])
@pytest.mark.parametrize("end", [_S.CLEARED, _S.UPHELD])
def test_a_concluded_case_takes_notes_and_is_reopened(step: CaseStep, end: CaseStep) -> None:
    """And nothing else."""
    assert _refused(step, _S.ASKED_OPERATOR, _S.ASKED_ENTERPRISE, end) is not None
    assert _refused(_S.NOTED, end) is None
    assert _refused(_S.REOPENED, end) is None


def test_only_what_is_concluded_is_reopened() -> None:
    """An open case is open."""
    assert _refused(_S.REOPENED) is not None


@pytest.mark.parametrize(
    ("answer", "question"),
    [(_S.OPERATOR_ANSWERED, _S.ASKED_OPERATOR), (_S.ENTERPRISE_ANSWERED, _S.ASKED_ENTERPRISE)],
)
def test_an_answer_follows_its_question(answer: CaseStep, question: CaseStep) -> None:
    """And may be completed by a second one."""
    assert _refused(answer) is not None
    assert _refused(answer, question) is None
    assert _refused(answer, question, answer) is None
    other = {_S.ASKED_OPERATOR, _S.ASKED_ENTERPRISE} - {question}
    assert _refused(answer, *other) is not None


def test_a_hold_is_proposed_once_and_decided_by_another() -> None:
    """Whatever the spelling of a name; whoever proposed may take it back."""
    assert _refused(_S.HOLD_DECIDED) is not None
    assert _refused(_S.HOLD_PROPOSED, _S.HOLD_PROPOSED) is not None
    assert _refused(_S.HOLD_DECIDED, _S.HOLD_PROPOSED) is not None
    assert _refused(_S.HOLD_DECIDED, _S.HOLD_PROPOSED, by="ＬＩＮ") is not None
    assert _refused(_S.HOLD_DECIDED, _S.HOLD_PROPOSED, by="chen") is None
    assert _refused(_S.HOLD_DECLINED, _S.HOLD_PROPOSED) is None
    assert _refused(_S.HOLD_DECIDED, _S.HOLD_PROPOSED, one_name=True) is None


def test_a_proposal_is_settled_once() -> None:
    """By a decision, by declining it, or by the end of the case."""
    assert proposer_of(_steps(_S.HOLD_PROPOSED)) == "lin"
    for step in (_S.HOLD_DECIDED, _S.HOLD_DECLINED, _S.CLEARED, _S.UPHELD):
        assert proposer_of(_steps(_S.HOLD_PROPOSED, step)) is None
    assert proposer_of(_steps(_S.HOLD_PROPOSED, _S.CLEARED, _S.REOPENED)) is None


@pytest.mark.parametrize(
    ("by_signals", "said"),
    [
        (HoldBySignals.ON_TRIAL, "on trial this year"),
        (HoldBySignals.DO_NOT_SUFFICE, "suffices for a case and for no hold"),
    ],
)
def test_in_a_trial_year_and_by_weak_signals_a_hold_rests_on_a_visit(
    by_signals: HoldBySignals, said: str
) -> None:
    """Signals alone propose none, and the reason is said."""
    assert said in (_refused(_S.HOLD_PROPOSED, by_signals=by_signals) or "")
    assert _refused(_S.HOLD_PROPOSED, _S.VISITED, by_signals=by_signals) is None
