"""The procedure of a count: its states and the steps between them. Pure.

draft -> in_review -> frozen -> published -> payable -> paid
|   ^
v   |
returned                 frozen and later -> superseded, by a correction

draft, in_review and returned -> discarded, for good

Which person may take a step stands in `separation`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = [
    "OBJECTION_OUTCOMES",
    "RULES",
    "RUNNING",
    "STANDING",
    "ObjectionOutcome",
    "State",
    "Step",
    "StepRule",
    "require_step",
]


class State(StrEnum):
    """How far a count is."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    DISCARDED = "discarded"
    """Never frozen, and nothing follows; its number is not given again."""
    FROZEN = "frozen"
    PUBLISHED = "published"
    PAYABLE = "payable"
    PAID = "paid"
    SUPERSEDED = "superseded"
    """By a correction, its next revision."""


RUNNING: Final = frozenset({State.DRAFT, State.IN_REVIEW, State.RETURNED})
"""Not frozen yet: there is at most one such count of a year."""
STANDING: Final = frozenset({State.FROZEN, State.PUBLISHED, State.PAYABLE, State.PAID})
"""Frozen and not superseded: there is at most one such count of a year."""


ObjectionOutcome: TypeAlias = Literal["upheld", "dismissed"]
OBJECTION_OUTCOMES: Final[tuple[ObjectionOutcome, ...]] = get_args(ObjectionOutcome)


class Step(StrEnum):
    """What is done with a count; each is recorded for good."""

    OPEN = "open"
    DRAFT = "draft"
    SUBMIT = "submit"
    RETURN = "return"
    DISCARD = "discard"
    FREEZE = "freeze"
    PUBLISH = "publish"
    OBJECT = "object"
    RESOLVE = "resolve"
    PROPOSE_OVERRIDE = "propose_override"
    """Of an objection that was upheld."""
    WITHDRAW_OVERRIDE = "withdraw_override"
    """By whoever proposed it, while nobody confirmed it."""
    OVERRIDE = "override"
    """What somebody else proposed."""
    APPROVE_PAYMENT = "approve_payment"
    PAY = "pay"
    FINISH_PAYMENT = "finish_payment"
    """Follows of itself from the last payment."""
    SUPERSEDE = "supersede"
    """Follows of itself from freezing the correction."""


class StepRule(NamedTuple):
    """From where to where a step leads, and whether its makers may take it."""

    start: frozenset[State]
    end: State | None
    """None: where it was."""
    is_for_checker: bool
    """Whoever had a part in making the count may not take it."""
    refusal: str
    """Said of a count that is elsewhere."""


_OVERRIDDEN_WHEN: Final = _(
    "Objections are overridden while a published count is not paid yet; {count} is elsewhere."
)
RULES: Final[Mapping[Step, StepRule]] = {
    Step.DRAFT: StepRule(
        frozenset({State.DRAFT, State.RETURNED}),
        None,
        is_for_checker=False,
        refusal=_("Only a draft or a returned count is drafted anew; {count} is neither."),
    ),
    Step.SUBMIT: StepRule(
        frozenset({State.DRAFT, State.RETURNED}),
        State.IN_REVIEW,
        is_for_checker=False,
        refusal=_("Only a draft or a returned count is submitted; {count} is neither."),
    ),
    Step.RETURN: StepRule(
        frozenset({State.IN_REVIEW}),
        State.RETURNED,
        is_for_checker=False,
        refusal=_("Only a count in review is returned; {count} is not."),
    ),
    Step.DISCARD: StepRule(
        RUNNING,
        State.DISCARDED,
        is_for_checker=False,
        refusal=_("Only a count that is not frozen is discarded; {count} is, or was discarded."),
    ),
    Step.FREEZE: StepRule(
        frozenset({State.IN_REVIEW}),
        State.FROZEN,
        is_for_checker=True,
        refusal=_("Only a count in review is frozen; {count} is not."),
    ),
    Step.PUBLISH: StepRule(
        frozenset({State.FROZEN}),
        State.PUBLISHED,
        is_for_checker=False,
        refusal=_("Only a frozen count that is not published yet is published; {count} is not."),
    ),
    Step.OBJECT: StepRule(
        frozenset({State.PUBLISHED}),
        None,
        is_for_checker=False,
        refusal=_("Objections are to a published count that is not payable yet; {count} is not."),
    ),
    Step.RESOLVE: StepRule(
        frozenset({State.PUBLISHED}),
        None,
        is_for_checker=False,
        refusal=_("Objections are to a published count that is not payable yet; {count} is not."),
    ),
    Step.PROPOSE_OVERRIDE: StepRule(
        frozenset({State.PUBLISHED, State.PAYABLE}),
        None,
        is_for_checker=True,
        refusal=_(_OVERRIDDEN_WHEN),
    ),
    Step.WITHDRAW_OVERRIDE: StepRule(
        frozenset({State.PUBLISHED, State.PAYABLE}),
        None,
        is_for_checker=False,
        refusal=_(_OVERRIDDEN_WHEN),
    ),
    Step.OVERRIDE: StepRule(
        frozenset({State.PUBLISHED, State.PAYABLE}),
        None,
        is_for_checker=True,
        refusal=_(_OVERRIDDEN_WHEN),
    ),
    Step.APPROVE_PAYMENT: StepRule(
        frozenset({State.PUBLISHED}),
        State.PAYABLE,
        is_for_checker=True,
        refusal=_(
            "Only a published count that is not payable yet becomes payable; {count} is not."
        ),
    ),
    Step.PAY: StepRule(
        frozenset({State.PAYABLE}),
        None,
        is_for_checker=False,
        refusal=_("Payments are made under a payable count; {count} is not, or is paid already."),
    ),
    Step.FINISH_PAYMENT: StepRule(
        frozenset({State.PAYABLE}),
        State.PAID,
        is_for_checker=False,
        refusal=_("Payments are made under a payable count; {count} is not, or is paid already."),
    ),
    Step.SUPERSEDE: StepRule(
        STANDING,
        State.SUPERSEDED,
        is_for_checker=False,
        refusal=_("Only a frozen count is corrected; {count} is not, or is corrected already."),
    ),
}
"""Opening has no rule: there is no count yet."""


def require_step(step: Step, count_id: str, state: State) -> State:
    """Check that a step may be taken, as far as the state goes.

    Args:
        step: what is to be done.
        count_id: of the count, for the message.
        state: where it is.

    Returns:
        The state that follows.

    Raises:
        UserError: the count is not where the step begins.
    """
    rule = RULES[step]
    if state not in rule.start:
        raise UserError(rule.refusal, count=count_id)
    return rule.end or state
