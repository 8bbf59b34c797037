"""The forms of the procedure: what each step and each decision asks, and what it does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from api.console.forms import Choice, Input, read_form
from api.console.visit import Visit
from api.counts.procedure_source import ProcedureSource
from api.counts.step_bodies import (
    Drafting,
    Freezing,
    NewClosing,
    NewDecision,
    NewObjection,
    NewPayment,
    Publishing,
    Reasoned,
    Resolution,
    Submission,
)
from api.counts.steps import StepTaker
from api.web.problems import Kind, Problem
from jieru.i18n import marked as _
from verifier.policy import WAIVABLE, Policy
from verifier.procedure.notice_period import NOTICE_OUTLOOK, UNKNOWN_HOLIDAYS
from verifier.procedure.states import Step
from verifier.procedure.words import OBJECTION_WORDS

__all__ = ["DECISION_FORMS", "STEP_FORMS", "ActForm", "Outlook"]

_LARGEST_ID_LENGTH: Final = 10
_REASON: Final = Input("reason", _("Reason"), is_required=True, longest=2_000)
_CONTENT: Final = Input("content_sha256", "", "hidden")
_PLATFORM: Final = Input("platform", "", "hidden")
_USCC: Final = Input("uscc", "", "hidden")
_ATTACHMENT: Final = Input(
    "attachment", _("Attachment"), hint=_("Where the papers behind it are found"), longest=2_000
)
_NUMBER: Final = Input("number", "", "hidden")

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What will come of a step that is taken now; all of it translated."""

    says: str
    warnings: Sequence[str]
    values: Values
    """Of the form's hidden inputs: what was shown is what is done, or it is shown anew."""


@dataclass(frozen=True, slots=True)
class ActForm:
    """A form, and what happens when it is sent."""

    title: str
    """In English, for the catalogue, as are `submit` and `explanation`."""
    submit: str
    explanation: str
    act: Callable[[StepTaker, int, Values], object]
    """Gives the work that goes on in a thread, where one does: a page shows how far it is."""
    inputs: Sequence[Input] = ()
    step: Step | None = None
    """Whose hindrances are shown beside it."""
    choices: Callable[[Visit, Policy], Mapping[str, Sequence[Choice]]] | None = None
    """What the inputs offer to choose from, by their names."""
    outlook: Callable[[Visit, ProcedureSource], Outlook] | None = None


def _number(values: Values) -> int:
    text = values.get("number", "")
    if not text.isascii() or not text.isdigit() or len(text) > _LARGEST_ID_LENGTH:
        raise Problem(Kind.NOT_FOUND)
    return int(text)


def _draft(taker: StepTaker, year: int, values: Values) -> object:
    drafting = read_form(Drafting, values)
    if drafting.as_of is None:
        raise Problem(Kind.INVALID_REQUEST, _("Say up to which day evidence is used."))
    return taker.begin_draft(year, drafting, drafting.as_of)


def _decide(kind: str) -> Callable[[StepTaker, int, Values], object]:
    return lambda taker, _year, values: taker.decide(
        read_form(NewDecision, {**values, "kind": kind})
    )


def _outcomes(visit: Visit, _policy: Policy) -> Mapping[str, Sequence[Choice]]:
    return {
        # Nothing is chosen beforehand: one of them stops all payments.
        "outcome": [
            Choice("", ""),
            *(Choice(value, visit.translate(word)) for value, word in OBJECTION_WORDS.items()),
        ]
    }


def _criteria(visit: Visit, policy: Policy) -> Mapping[str, Sequence[Choice]]:
    parameters = policy.parameters()
    return {
        "criterion": [
            Choice(name, parameters[name].description.spoken_in(visit.language))
            for name in WAIVABLE
        ]
    }


def _notice(visit: Visit, source: ProcedureSource) -> Outlook:
    """When the notice will end, and whether somebody must look at that."""
    end = source.notice_end(visit.steps_today)
    return Outlook(
        says=visit.translate(NOTICE_OUTLOOK).format(
            day=end.last_day.isoformat(), days=source.settings.notice_working_days
        ),
        warnings=[
            visit.translate(UNKNOWN_HOLIDAYS).format(year=year) for year in end.unknown_years
        ],
        values={"last_day_shown": end.last_day.isoformat()},
    )


STEP_FORMS: Final[Mapping[str, ActForm]] = {
    "draft": ActForm(
        title=_("Draft the count"),
        submit=_("Draft"),
        explanation=_("Counts the year from the records of this moment and keeps the result."),
        act=_draft,
        inputs=(
            Input("as_of", _("Evidence up to"), "date", is_required=True),
            Input(
                "reason",
                _("Reason"),
                hint=_("Needed where the year is frozen already: why it is counted again"),
                longest=2_000,
            ),
        ),
        step=Step.DRAFT,
    ),
    "submit": ActForm(
        title=_("Submit for review"),
        submit=_("Submit"),
        explanation=_("You become the maker of this count: another person must check it."),
        act=lambda taker, year, values: taker.begin_submit(year, read_form(Submission, values)),
        inputs=(_CONTENT, Input("note", _("Note for the reviewers"), longest=2_000)),
        step=Step.SUBMIT,
    ),
    "return": ActForm(
        title=_("Return"),
        submit=_("Return the count"),
        explanation=_("The count goes back and is drafted anew."),
        act=lambda taker, year, values: taker.send_back(year, read_form(Reasoned, values).reason),
        inputs=(_REASON,),
        step=Step.RETURN,
    ),
    "discard": ActForm(
        title=_("Discard the draft"),
        submit=_("Discard it"),
        explanation=_(
            "The count is given up and leaves the list; it stays on record under its number. "
            "The year can be drafted afresh."
        ),
        act=lambda taker, year, values: taker.discard(year, read_form(Reasoned, values).reason),
        inputs=(_REASON,),
        step=Step.DISCARD,
    ),
    "freeze": ActForm(
        title=_("Freeze"),
        submit=_("Freeze and sign"),
        explanation=_(
            "The count is computed once more, must come out the same, and is signed. "
            "It can never be changed afterwards, only corrected by a further revision."
        ),
        act=lambda taker, year, values: taker.begin_freeze(year, read_form(Freezing, values)),
        inputs=(_CONTENT,),
        step=Step.FREEZE,
    ),
    "publish": ActForm(
        title=_("Publish"),
        submit=_("Publish the count"),
        explanation=_("The public notice begins on the following day."),
        act=lambda taker, year, values: taker.publish(year, read_form(Publishing, values)),
        inputs=(
            Input(
                "notice_ends_on",
                _("Last day of the notice"),
                "date",
                hint=_(
                    "Leave it empty to end on the day above; a day that you name is recorded as "
                    "named by a person"
                ),
            ),
            Input("last_day_shown", "", "hidden"),
        ),
        step=Step.PUBLISH,
        outlook=_notice,
    ),
    "object": ActForm(
        title=_("Record an objection"),
        submit=_("Record"),
        explanation=_("Payment waits until it has an outcome."),
        act=lambda taker, year, values: taker.record_objection(
            year, read_form(NewObjection, values)
        ),
        inputs=(
            Input("name", _("Who objects"), is_required=True, longest=2_000),
            Input("statement", _("What is objected"), is_required=True, longest=2_000),
        ),
        step=Step.OBJECT,
    ),
    "resolve": ActForm(
        title=_("Resolve an objection"),
        submit=_("Resolve"),
        explanation=_(
            "An objection that is upheld stops all payments of this count; a correction leads on."
        ),
        act=lambda taker, year, values: taker.resolve_objection(
            year, _number(values), read_form(Resolution, values)
        ),
        inputs=(
            _NUMBER,
            Input("outcome", _("Outcome of the objection"), "select", is_required=True),
            Input("resolution", _("Reason"), is_required=True, longest=2_000),
        ),
        step=Step.RESOLVE,
        choices=_outcomes,
    ),
    "propose_override": ActForm(
        title=_("Propose to override an objection"),
        submit=_("Propose"),
        explanation=_(
            "Payment in spite of an objection that was upheld. Another person must confirm it; "
            "neither of you may have drafted or submitted the count. Both steps are signed."
        ),
        act=lambda taker, year, values: taker.propose_override(
            year, _number(values), read_form(Reasoned, values).reason
        ),
        inputs=(_NUMBER, _REASON),
        step=Step.PROPOSE_OVERRIDE,
    ),
    "withdraw_override": ActForm(
        title=_("Withdraw the proposal to override an objection"),
        submit=_("Withdraw"),
        explanation=_(
            "Whoever proposed it may, while nobody confirmed it. It stays on record, signed, with "
            "your reason."
        ),
        act=lambda taker, year, values: taker.withdraw_override(
            year, _number(values), read_form(Reasoned, values).reason
        ),
        inputs=(_NUMBER, _REASON),
        step=Step.WITHDRAW_OVERRIDE,
    ),
    "override": ActForm(
        title=_("Confirm the override of an objection"),
        submit=_("Confirm"),
        explanation=_(
            "You answer, with whoever proposed it, for payment in spite of an objection that was "
            "upheld."
        ),
        act=lambda taker, year, values: taker.confirm_override(year, _number(values)),
        inputs=(_NUMBER,),
        step=Step.OVERRIDE,
    ),
    "approve_payment": ActForm(
        title=_("Approve payment"),
        submit=_("Approve payment"),
        explanation=_("The awards of this count may then be paid."),
        act=lambda taker, year, _values: taker.approve_payment(year),
        step=Step.APPROVE_PAYMENT,
    ),
    "pay": ActForm(
        title=_("Record a payment"),
        submit=_("Record"),
        explanation=_("All that is due to the platform was paid by this order."),
        act=lambda taker, year, values: taker.record_payment(year, read_form(NewPayment, values)),
        inputs=(
            _PLATFORM,
            Input("reference", _("Number of the payment order"), is_required=True, longest=2_000),
            Input("paid_on", _("Paid on"), "date", is_required=True),
        ),
        step=Step.PAY,
    ),
}
"""By the name of the step, in the order of the procedure."""

DECISION_FORMS: Final[Mapping[str, ActForm]] = {
    "exclude": ActForm(
        title=_("Exclude the enterprise"),
        submit=_("Exclude"),
        explanation=_("It is not counted on this platform, whatever was heard."),
        act=_decide("exclude"),
        inputs=(_PLATFORM, _USCC, _REASON, _ATTACHMENT),
    ),
    "hold": ActForm(
        title=_("Hold the enterprise"),
        submit=_("Hold"),
        explanation=_("It is in doubt; no count is frozen until the hold is withdrawn."),
        act=_decide("hold"),
        inputs=(_PLATFORM, _USCC, _REASON, _ATTACHMENT),
    ),
    "waive": ActForm(
        title=_("Waive a criterion"),
        submit=_("Waive"),
        explanation=_(
            "One number of the policy is another one for this enterprise, once another person "
            "has confirmed it."
        ),
        act=_decide("waive"),
        inputs=(
            _PLATFORM,
            _USCC,
            Input("criterion", _("Criterion"), "select", is_required=True),
            Input("value", _("Value"), "number", is_required=True),
            _REASON,
            _ATTACHMENT,
        ),
        choices=_criteria,
    ),
    "backdate": ActForm(
        title=_("Let it count from its first day"),
        submit=_("Record"),
        explanation=_(
            "Connections and machines of this enterprise that were recorded late until now count "
            "from their first day, once another person has confirmed it. What is recorded later "
            "is not covered."
        ),
        act=_decide("backdate"),
        inputs=(_PLATFORM, _USCC, _REASON, _ATTACHMENT),
    ),
    "confirm": ActForm(
        title=_("Confirm the decision"),
        submit=_("Confirm"),
        explanation=_(
            "You are the second person of this decision: it takes effect, and counts in the next "
            "draft run."
        ),
        act=lambda taker, _year, values: taker.confirm_decision(_number(values)),
        inputs=(_NUMBER,),
    ),
    "keep": ActForm(
        title=_("Seen, all stays as it is"),
        submit=_("Record"),
        explanation=_(
            "Settles it in the review. No outcome changes, and no draft has to be renewed."
        ),
        act=lambda taker, year, values: taker.keep(
            year,
            [
                read_form(NewDecision, {**values, "kind": "keep", "platform": code})
                for code in values.get("platform", "").split(",")
            ],
        ),
        inputs=(_PLATFORM, _USCC, _REASON, _ATTACHMENT),
    ),
    "withdraw": ActForm(
        title=_("Withdraw the decision"),
        submit=_("Withdraw"),
        explanation=_("The decision stays on record, with your reason."),
        act=lambda taker, _year, values: taker.withdraw_decision(
            _number(values), read_form(Reasoned, values).reason
        ),
        inputs=(_NUMBER, _REASON),
    ),
    "close": ActForm(
        title=_("Do not wait for this enterprise"),
        submit=_("Close the pending enterprise"),
        explanation=_("The count of the year can be frozen though its window is not complete."),
        act=lambda taker, year, values: taker.close_pending(year, read_form(NewClosing, values)),
        inputs=(_PLATFORM, _USCC, _REASON),
    ),
    "reopen": ActForm(
        title=_("Wait for this enterprise again"),
        submit=_("Withdraw the closing"),
        explanation=_("The closing stays on record, with your reason."),
        act=lambda taker, _year, values: taker.withdraw_closing(
            _number(values), read_form(Reasoned, values).reason
        ),
        inputs=(_NUMBER, _REASON),
    ),
}
"""By what they do."""
