"""Which step leads where, and who may take it."""

import pytest

from jieru.audit import Actor
from jieru.errors import UserError
from verifier.procedure.names import checked_name, required_text
from verifier.procedure.people import person_of
from verifier.procedure.states import RULES, RUNNING, STANDING, State, Step, require_step


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.mark.parametrize(
    ("step", "start", "end"),
    [
        (Step.DRAFT, State.DRAFT, State.DRAFT),
        (Step.DRAFT, State.RETURNED, State.RETURNED),
        (Step.SUBMIT, State.DRAFT, State.IN_REVIEW),
        (Step.SUBMIT, State.RETURNED, State.IN_REVIEW),
        (Step.RETURN, State.IN_REVIEW, State.RETURNED),
        (Step.FREEZE, State.IN_REVIEW, State.FROZEN),
        (Step.PUBLISH, State.FROZEN, State.PUBLISHED),
        (Step.OBJECT, State.PUBLISHED, State.PUBLISHED),
        (Step.RESOLVE, State.PUBLISHED, State.PUBLISHED),
        (Step.APPROVE_PAYMENT, State.PUBLISHED, State.PAYABLE),
        (Step.PAY, State.PAYABLE, State.PAYABLE),
        (Step.FINISH_PAYMENT, State.PAYABLE, State.PAID),
        (Step.SUPERSEDE, State.FROZEN, State.SUPERSEDED),
        (Step.SUPERSEDE, State.PUBLISHED, State.SUPERSEDED),
        (Step.SUPERSEDE, State.PAYABLE, State.SUPERSEDED),
        (Step.SUPERSEDE, State.PAID, State.SUPERSEDED),
    ],
)
def test_a_step_leads_from_its_states_and_from_no_other(
    step: Step, start: State, end: State
) -> None:
    """Whoever takes it."""
    assert require_step(step, "2026-1", start) is end
    for other in set(State) - RULES[step].start:
        with pytest.raises(UserError, match="2026-1"):
            require_step(step, "2026-1", other)


def test_every_state_is_running_or_standing_or_over() -> None:
    """A count of a year is one or the other."""
    assert set(State) - {State.SUPERSEDED, State.DISCARDED} == RUNNING | STANDING
    assert not RUNNING & STANDING


def test_only_people_answer_for_a_count() -> None:
    """A key belongs to a program."""
    assert person_of(Actor("user:lin", "127.0.0.1")) == "lin"
    for name in ("key:ab12cd34", "command:root", "user:"):
        with pytest.raises(UserError, match="Only a person"):
            person_of(Actor(name, "127.0.0.1"))


def test_names_and_reasons_are_said_and_trimmed() -> None:
    """Space says nothing, and NUL cannot be stored."""
    assert checked_name(" user:lin ") == "lin"
    assert required_text(" 缺合同\n") == "缺合同"
    for text in ("", " \t", "user: "):
        with pytest.raises(UserError):
            checked_name(text)
    with pytest.raises(UserError, match="NUL"):
        required_text("a\0b")
