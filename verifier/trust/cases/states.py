"""Where a case stands by its steps, and who may take which step next. Pure.

The view `case_states` says the same of what the database holds, and its triggers refuse what
`refusal_of` refuses, whoever writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.procedure.names import is_same_person

__all__ = [
    "CONCLUDED",
    "CaseState",
    "CaseStep",
    "HoldBySignals",
    "Taken",
    "proposer_of",
    "refusal_of",
    "state_of",
]


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    ASKED = "asked"
    """Somebody has not answered yet."""
    ANSWERED = "answered"
    VISITED = "visited"
    CLEARED = "cleared"
    """The signals have an honest explanation."""
    UPHELD = "upheld"
    """They have none; a decision follows."""


CONCLUDED: Final = frozenset({CaseState.CLEARED, CaseState.UPHELD})


class CaseStep(StrEnum):
    """What is done in a case; each stays for good."""

    ASKED_OPERATOR = "asked_operator"
    OPERATOR_ANSWERED = "operator_answered"
    ASKED_ENTERPRISE = "asked_enterprise"
    ENTERPRISE_ANSWERED = "enterprise_answered"
    """As a verifier recorded it: enterprises have no accounts."""
    VISITED = "visited"
    NOTED = "noted"
    HOLD_PROPOSED = "hold_proposed"
    HOLD_DECIDED = "hold_decided"
    HOLD_DECLINED = "hold_declined"
    CLEARED = "cleared"
    UPHELD = "upheld"
    REOPENED = "reopened"


class HoldBySignals(StrEnum):
    """Whether a hold may be proposed by what was seen, before anybody went there."""

    MAY = "may"
    ON_TRIAL = "on_trial"
    """The policy lets signals open cases only."""
    DO_NOT_SUFFICE = "do_not_suffice"
    """They suffice for a case, and have innocent causes too often for more."""


_CONCLUDING: Final[Mapping[CaseStep, CaseState]] = {
    CaseStep.CLEARED: CaseState.CLEARED,
    CaseStep.UPHELD: CaseState.UPHELD,
}
_ANSWERS: Final[Mapping[CaseStep, CaseStep]] = {
    CaseStep.OPERATOR_ANSWERED: CaseStep.ASKED_OPERATOR,
    CaseStep.ENTERPRISE_ANSWERED: CaseStep.ASKED_ENTERPRISE,
}
_SETTLING: Final = frozenset(
    {CaseStep.HOLD_DECIDED, CaseStep.HOLD_DECLINED, CaseStep.CLEARED, CaseStep.UPHELD}
)
_AFTER_THE_END: Final = frozenset({CaseStep.NOTED, CaseStep.REOPENED})


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that somebody took."""

    step: CaseStep
    by: str


def state_of(steps: Sequence[Taken]) -> CaseState:
    """Where a case stands after these steps, the first one first."""
    conclusion: CaseState | None = None
    waiting: set[CaseStep] = set()
    reached = CaseState.OPEN
    for each in (taken.step for taken in steps):
        if each in _CONCLUDING:
            conclusion = _CONCLUDING[each]
        elif each is CaseStep.REOPENED:
            conclusion = None
        elif each in _ANSWERS:
            waiting.discard(_ANSWERS[each])
            reached = CaseState.ANSWERED
        elif each in _ANSWERS.values():
            waiting.add(each)
        elif each is CaseStep.VISITED:
            reached = CaseState.VISITED
    if conclusion is not None:
        return conclusion
    return CaseState.ASKED if waiting else reached


def proposer_of(steps: Sequence[Taken]) -> str | None:
    """Who proposed the hold that nobody has decided or declined yet; None: there is none."""
    proposer: str | None = None
    for each in steps:
        if each.step is CaseStep.HOLD_PROPOSED:
            proposer = each.by
        elif each.step in _SETTLING:
            proposer = None
    return proposer


def refusal_of(
    step: CaseStep,
    by: str,
    steps: Sequence[Taken],
    *,
    by_signals: HoldBySignals,
    one_name_suffices: bool,
) -> UserError | None:
    """Why a step may not be taken after these; None: it may.

    Args:
        step: what is to be done.
        by: who wants to.
        steps: what was done, the first one first.
        by_signals: whether a hold may rest on signals alone; where it may not, it is proposed after
            a visit only.
        one_name_suffices: as on a database of simulated data.
    """
    is_concluded = state_of(steps) in CONCLUDED
    if is_concluded and step not in _AFTER_THE_END:
        return UserError(_("The case is concluded: reopen it first."))
    if not is_concluded and step is CaseStep.REOPENED:
        return UserError(_("The case is not concluded, so it need not be reopened."))
    done = {each.step for each in steps}
    if step in _ANSWERS and _ANSWERS[step] not in done:
        return UserError(_("Nobody asked that in this case yet."))
    return _refusal_of_hold(
        step,
        by,
        proposer_of(steps),
        by_signals=HoldBySignals.MAY if CaseStep.VISITED in done else by_signals,
        one_name_suffices=one_name_suffices,
    )


def _refusal_of_hold(
    step: CaseStep,
    by: str,
    proposer: str | None,
    *,
    by_signals: HoldBySignals,
    one_name_suffices: bool,
) -> UserError | None:
    if step is CaseStep.HOLD_PROPOSED:
        if proposer is not None:
            return UserError(_("{name} has proposed a hold already."), name=proposer)
        if by_signals is HoldBySignals.DO_NOT_SUFFICE:
            return UserError(
                _(
                    "What was seen suffices for a case and for no hold: a hold of this case is "
                    "proposed after a visit."
                )
            )
        if by_signals is HoldBySignals.ON_TRIAL:
            return UserError(
                _(
                    "Signals are on trial this year (the policy's signals.holds is shadow): a hold "
                    "is proposed after a visit, not by signals alone."
                )
            )
    if step in {CaseStep.HOLD_DECIDED, CaseStep.HOLD_DECLINED}:
        if proposer is None:
            return UserError(_("Nobody has proposed a hold."))
        is_own = is_same_person(by, proposer) and not one_name_suffices
        if step is CaseStep.HOLD_DECIDED and is_own:
            return UserError(
                _("{name} proposed this hold: another person decides it."), name=proposer
            )
    return None
