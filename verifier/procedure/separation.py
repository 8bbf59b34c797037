"""Maker, checker and payer: which step somebody may not take for what the same person did. Pure.

Whoever made a count, or decided anything in it, does not check it; whoever checked it does not pay.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from jieru.calendar import civil_date
from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.procedure.names import is_same_person
from verifier.procedure.states import RULES, Step

__all__ = [
    "CHECKING",
    "MAKING",
    "Deed",
    "DeedKind",
    "Strictness",
    "barring_deed",
    "refusal_of",
    "require_another_person",
]


class Strictness(StrEnum):
    """How many people a database asks for."""

    SEVERAL_PEOPLE = "several_people"
    ONE_NAME = "one_name"
    """On a database of simulated data: a step or a decision takes one name, and only whoever
    submitted a count may not check it."""

    @classmethod
    def of(cls, *, is_simulation: bool) -> "Strictness":
        """The strictness of an installation."""
        return cls.ONE_NAME if is_simulation else cls.SEVERAL_PEOPLE


class DeedKind(StrEnum):
    """What a person did in a count, as the view `count_deeds` names it."""

    DRAFTED = "drafted"
    SUBMITTED = "submitted"
    DECIDED = "decided"
    WITHDREW = "withdrew"
    """A decision."""
    CLOSED = "closed"
    """A pending enterprise."""
    REOPENED = "reopened"
    """One that was closed."""
    NAMED = "named"
    """An exception for evidence that cannot be verified, in a month of a counted window."""
    ACCEPTED = "accepted"
    """An opening stock, by which something of the count counts."""
    CLEARED = "cleared"
    """A case, which would have kept the count from being frozen."""
    CONTACTED = "contacted"
    """Entered the contact by whom an enterprise confirmed its connection."""
    ASKED = "asked"
    """By a letter, whose code the person held by which an enterprise confirmed."""
    FROZE = "froze"
    APPROVED = "approved"
    """Its payment."""


CHECKING: Final = frozenset({DeedKind.FROZE, DeedKind.APPROVED})
MAKING: Final = frozenset(DeedKind) - CHECKING
"""What makes a count; confirming a decision of another person is no part of it."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that a person did in a count."""

    kind: DeedKind
    person: str
    done_at: datetime
    number: int | None = None
    """Of the decision, closing or case (as the three that follow), exception or stock, if any."""
    platform: str | None = None
    uscc: str | None = None
    enterprise: str | None = None


_WEIGHTIEST: Final = (
    DeedKind.SUBMITTED,
    DeedKind.DRAFTED,
    DeedKind.DECIDED,
    DeedKind.WITHDREW,
    DeedKind.CLOSED,
    DeedKind.REOPENED,
    DeedKind.NAMED,
    DeedKind.ACCEPTED,
    DeedKind.CLEARED,
    DeedKind.CONTACTED,
    DeedKind.ASKED,
    DeedKind.FROZE,
    DeedKind.APPROVED,
)
_REFUSALS: Final[Mapping[DeedKind, str]] = {
    DeedKind.DRAFTED: _("{name} drafted the count {count} on {day}: another person must check it."),
    DeedKind.SUBMITTED: _("{name} submitted the count {count}: another person must check it."),
    DeedKind.DECIDED: _(
        "{name} decided on {enterprise} ({uscc}) on {platform} on {day} (decision {id}): another "
        "person must check the count {count}."
    ),
    DeedKind.WITHDREW: _(
        "{name} withdrew decision {id} on {enterprise} ({uscc}) on {platform} on {day}: another "
        "person must check the count {count}."
    ),
    DeedKind.CLOSED: _(
        "{name} closed the pending {enterprise} ({uscc}) on {platform} on {day}: another person "
        "must check the count {count}."
    ),
    DeedKind.REOPENED: _(
        "{name} withdrew the closing of {enterprise} ({uscc}) on {platform} on {day}: another "
        "person must check the count {count}."
    ),
    DeedKind.NAMED: _(
        "{name} named exception {id} of evidence on {day}: another person must check the count "
        "{count}."
    ),
    DeedKind.ACCEPTED: _(
        "{name} accepted opening stock {id} on {day}: another person must check the count {count}."
    ),
    DeedKind.CLEARED: _(
        "{name} cleared case {id} of {enterprise} ({uscc}) on {platform} on {day}: another person "
        "must check the count {count}."
    ),
    DeedKind.CONTACTED: _(
        "{name} entered on {day} the contact by whom {enterprise} ({uscc}) on {platform} confirmed "
        "its connection: another person must check the count {count}."
    ),
    DeedKind.ASKED: _(
        "{name} printed on {day} the letter by which {enterprise} ({uscc}) on {platform} confirmed "
        "its connection: another person must check the count {count}."
    ),
    DeedKind.FROZE: _(
        "{name} froze the count {count} on {day}: another person must record its payments."
    ),
    DeedKind.APPROVED: _(
        "{name} approved the payment of {count} on {day}: another person must record it."
    ),
}


def barring_deed(
    step: Step, person: str | None, deeds: Iterable[Deed], strictness: Strictness
) -> Deed | None:
    """The weightiest thing that a person did in a count that keeps the same person from a step.

    Args:
        step: what is to be done.
        person: who wants to; None: nobody in particular.
        deeds: everything that anybody did in the count.
        strictness: of the database.
    """
    own = [
        each
        for each in _barring(step, deeds, strictness)
        if person is not None and is_same_person(each.person, person)
    ]
    return min(own, key=lambda each: (_WEIGHTIEST.index(each.kind), each.done_at), default=None)


def _barring(step: Step, deeds: Iterable[Deed], strictness: Strictness) -> Iterable[Deed]:
    if strictness is Strictness.ONE_NAME:
        submissions = [each for each in deeds if each.kind is DeedKind.SUBMITTED]
        last = max(submissions, key=lambda each: each.done_at, default=None)
        return [last] if last is not None and RULES[step].is_for_checker else []
    kinds: frozenset[DeedKind] = frozenset()
    if RULES[step].is_for_checker:
        kinds = MAKING
    elif step is Step.PAY:
        kinds = CHECKING
    return [each for each in deeds if each.kind in kinds]


def refusal_of(deed: Deed, count_id: str) -> UserError:
    """Why a deed keeps its person from a step of a count."""
    return UserError(
        _REFUSALS[deed.kind],
        name=deed.person,
        count=count_id,
        day=civil_date(deed.done_at).isoformat(),
        id=deed.number,
        platform=deed.platform,
        uscc=deed.uscc,
        enterprise=deed.enterprise,
    )


def require_another_person(
    step: Step, count_id: str, person: str, deeds: Iterable[Deed], strictness: Strictness
) -> None:
    """Check that a step may be taken by a person, whatever the state of the count.

    Raises:
        UserError: the same person did something in it that another must check.
    """
    deed = barring_deed(step, person, deeds, strictness)
    if deed is not None:
        raise refusal_of(deed, count_id)
