"""The procedure of a count in the words of its pages: states, steps, offers, years."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from api.console.words import Translate, Words
from api.counts.wording import OutcomeWords, outcome_words
from jieru.calendar import SHANGHAI
from jieru.i18n import marked as _
from jieru.vocabulary import WINDOW_CRITERION_WORDS
from verifier.counting.determination import Outcome
from verifier.procedure.decided_since import DecidedSince, Kept
from verifier.procedure.hindrance import Hindrance
from verifier.procedure.hindrances import OPEN_CASE
from verifier.procedure.overview import CountSummary, StepOffer
from verifier.procedure.records import CountRecord, StepRecord
from verifier.procedure.separation import DeedKind
from verifier.procedure.states import State, Step
from verifier.procedure.words import STATE_WORDS, STEP_WORDS
from verifier.reports import SheetName
from verifier.words import DECISION_WORDS

__all__ = [
    "SHEET_WORDS",
    "LaterInWords",
    "OfferInWords",
    "StepInWords",
    "YearRow",
    "hindrances_in_words",
    "kept_in_words",
    "later_in_words",
    "offers_in_words",
    "stale_in_words",
    "state_words",
    "steps_in_words",
    "year_rows",
]

_TONES: Final[Mapping[State, str]] = {
    State.DRAFT: "grey",
    State.IN_REVIEW: "info",
    State.RETURNED: "amber",
    State.DISCARDED: "grey",
    State.FROZEN: "cyan",
    State.PUBLISHED: "purple",
    State.PAYABLE: "amber",
    State.PAID: "green",
    State.SUPERSEDED: "grey",
}
SHEET_WORDS: Final[Mapping[SheetName, str]] = {
    "about": _("About this count"),
    "payment": _("Payment"),
    "determinations": _("Determinations"),
    "exclusions": _("Not counted"),
    "devices": _("Devices"),
}
"""What the tables of the reports are called there."""
_RESOLVED_ELSEWHERE: Final = frozenset(
    {Step.RESOLVE, Step.PROPOSE_OVERRIDE, Step.OVERRIDE, Step.PAY}
)
"""Which objection, which platform: their buttons stand beside those."""
_LISTED: Final = 10
_CLOSE: Final = _("Do not wait for it")


class StepInWords(NamedTuple):
    """A step that was taken."""

    label: str
    state: Words
    record: StepRecord


class OfferInWords(NamedTuple):
    """A step that may come next."""

    step: str
    label: str
    is_open: bool
    is_for_another: bool
    """Not for this person, for the first of the hindrances."""
    hindrances: list[str]
    more: int
    """Hindrances that are not listed."""
    cases: list[object]
    """Numbers of the cases that are listed."""


class LaterInWords(NamedTuple):
    """What was decided since a draft."""

    what: str
    sentence: str
    """All of it."""
    outcome: OutcomeWords
    """In the draft."""
    record: DecidedSince


class YearRow(NamedTuple):
    """A revision of a year's count in the list."""

    record: CountRecord
    state: Words
    total_yuan: int | None
    counted: int | None
    change_yuan: int | None
    """Against the count that stands of the year before."""


def state_words(state: State, translate: Translate) -> Words:
    """How a page shows a state."""
    return Words(state.value, translate(STATE_WORDS[state]), _TONES[state])


def steps_in_words(steps: Sequence[StepRecord], translate: Translate) -> list[StepInWords]:
    """The steps that were taken, the last one first."""
    return [
        StepInWords(translate(STEP_WORDS[each.step]), state_words(each.state, translate), each)
        for each in reversed(steps)
    ]


def offers_in_words(
    offers: Sequence[StepOffer], translate: Translate, *, with_all: bool = False
) -> list[OfferInWords]:
    """The steps that may come next, and what is in the way of each."""
    return [
        _offer_in_words(each, translate)
        for each in offers
        if with_all or each.step not in _RESOLVED_ELSEWHERE
    ]


def hindrances_in_words(found: Iterable[Hindrance], translate: Translate) -> list[str]:
    """What is in the way, or is not as it was signed, a sentence each."""
    return [translate(each.message).format(**each.values) for each in found]


def stale_in_words(
    found: Sequence[Hindrance], waits_until: datetime | None, translate: Translate
) -> dict[str, object]:
    """What changed since a draft, as `counts/stale.html` shows it."""
    return {
        "stale": hindrances_in_words(found[:_LISTED], translate),
        "stale_more": max(0, len(found) - _LISTED),
        "stale_until": f"{waits_until.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if waits_until else "",
    }


def later_in_words(later: DecidedSince, translate: Translate) -> LaterInWords:
    """What was decided since a draft, by whom and why."""
    word = _CLOSE if later.kind == "close" else DECISION_WORDS[later.kind]
    what = translate(word)
    if later.criterion is not None:
        what = f"{what} ({translate(WINDOW_CRITERION_WORDS[later.criterion])} = {later.value})"
    if later.is_withdrawn:
        what = translate(_("withdrawn: {what}")).format(what=what)
    day = f"{later.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    return LaterInWords(
        what=what,
        sentence=translate(
            _(
                "Decided since the draft: {what}, by {name} on {moment}, because: {reason}. Draft "
                "the count again to take it in."
            )
        ).format(what=what, name=later.by, moment=day, reason=later.reason),
        outcome=outcome_words(Outcome(later.outcome), translate),
        record=later,
    )


def kept_in_words(kept: Kept, translate: Translate) -> str:
    """That an enterprise was looked at and stays, by whom and why."""
    return translate(_("Seen, stays on {platform}: {reason} ({name}, {day})")).format(
        platform=kept.platform,
        reason=kept.reason,
        name=kept.by,
        day=f"{kept.at.astimezone(SHANGHAI):%Y-%m-%d}",
    )


def _offer_in_words(offer: StepOffer, translate: Translate) -> OfferInWords:
    hindrances = hindrances_in_words(offer.hindrances[:_LISTED], translate)
    if offer.barred_by is not None:
        own = (
            translate(_("You submitted this count: another person must check it."))
            if offer.barred_by.code == DeedKind.SUBMITTED
            else translate(offer.barred_by.message).format(**offer.barred_by.values)
        )
        hindrances.insert(0, own)
    return OfferInWords(
        step=offer.step.value,
        label=translate(STEP_WORDS[offer.step]),
        is_open=offer.is_open,
        is_for_another=offer.is_for_another,
        hindrances=hindrances,
        more=max(0, len(offer.hindrances) - _LISTED),
        cases=[
            each.values["id"] for each in offer.hindrances[:_LISTED] if each.code == OPEN_CASE
        ],
    )


def year_rows(
    counts: Sequence[CountRecord],
    summaries: Mapping[int, CountSummary | None],
    translate: Translate,
) -> list[YearRow]:
    """Every count with its total, and how it compares with the year before.

    Args:
        counts: the latest year and revision first.
        summaries: by the count's id; None before the first draft.
        translate: into the reader's language.
    """
    standing = {
        each.year: summaries[each.id]
        for each in counts
        if each.frozen_at is not None and each.state is not State.SUPERSEDED
    }
    rows = []
    for each in counts:
        summary, before = summaries[each.id], standing.get(each.year - 1)
        rows.append(
            YearRow(
                record=each,
                state=state_words(each.state, translate),
                total_yuan=summary.total_yuan if summary else None,
                counted=summary.outcomes[Outcome.COUNTED] if summary else None,
                change_yuan=summary.total_yuan - before.total_yuan if summary and before else None,
            )
        )
    return rows
