"""The explanation of one determination as the page shows it. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from api.counts.wording import (
    OutcomeWords,
    Translate,
    criterion_speech,
    outcome_words,
    reasons_in_words,
)
from jieru.calendar import civil_date
from jieru.i18n import marked as _
from verifier.counting.active_calendar import CalendarMonth
from verifier.counting.explanation import Explanation
from verifier.counting.measures import CriterionRow, Period, PeriodKind
from verifier.counting.registry import RecordedDecision
from verifier.criterion_speech import NOTHING, CriterionSpeech
from verifier.late_speech import late_sentence
from verifier.policy import WAIVABLE
from verifier.words import DECISION_WORDS

__all__ = [
    "CalendarDay",
    "CalendarRow",
    "CriterionInWords",
    "DecisionInWords",
    "Detail",
    "detail_in_words",
]

_PERIODS: Final[dict[PeriodKind, str]] = {
    "window": _("the effective window, {first} to {last}"),
    "possible": _("the window it could still complete, so far: {first} to {last}"),
    "attempt": _("its best attempt at a window, {first} to {last}"),
    "year": _("the year, {first} to {last}"),
}
_TONES: Final = {"#": "active", ".": "idle", "-": "outside"}


class CriterionInWords(NamedTuple):
    """A criterion as a row of the table."""

    label: str
    measured: str
    required: str
    clause: str
    is_decided: bool
    """The clause is silent about it: the municipality decides."""
    is_met: bool | None
    is_part: bool
    """One of the numbers that make an effective window."""
    waiver_id: int | None


class CalendarDay(NamedTuple):
    """A day of the calendar."""

    day: date
    tone: str
    """`active`, `idle` or `outside`, a class of the style sheet."""
    is_in_window: bool


class CalendarRow(NamedTuple):
    """A month of the calendar."""

    label: str
    days: list[CalendarDay]
    active_days: int


class DecisionInWords(NamedTuple):
    """A verifier's decision as a row of the table."""

    id: int
    label: str
    waived: str | None
    """Of a waiver: the criterion and the value it sets."""
    reason: str
    attachment: str | None
    decided_by: str
    decided_on: date
    state: str
    is_open: bool
    waits: bool
    """For a second person."""
    is_of_one: bool
    """A waiver with effect that one person granted, before two were asked."""


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything of the page that is not simply a value of the explanation."""

    outcome: OutcomeWords
    reasons: list[str]
    period: str
    criteria: list[CriterionInWords]
    calendar: list[CalendarRow]
    decisions: list[DecisionInWords]
    late: list[str]
    """What was recorded later than it begins, a sentence each."""


def detail_in_words(explanation: Explanation, translate: Translate) -> Detail:
    """Outcome, reasons, criteria and calendar in the reader's words."""
    determination, period = explanation.determination, explanation.period
    speech = criterion_speech(translate, explanation.policy)
    return Detail(
        outcome=outcome_words(determination.outcome, translate),
        reasons=reasons_in_words(determination, translate),
        period=translate(_PERIODS[period.kind]).format(
            first=period.first_day, last=period.last_day
        ),
        criteria=[_criterion(each, speech) for each in explanation.criteria],
        calendar=[_month(each, period) for each in explanation.calendar],
        decisions=[
            _decision(each, speech, is_simulation=explanation.is_simulation)
            for each in explanation.decisions
        ],
        late=[
            late_sentence(each, translate, date.isoformat) for each in determination.backdated or ()
        ],
    )


def _criterion(row: CriterionRow, speech: CriterionSpeech) -> CriterionInWords:
    return CriterionInWords(
        label=speech.name(row.name),
        measured=speech.measured(row.name, row.measured),
        required=speech.required(row.name, row.required),
        clause=row.clause or NOTHING,
        is_decided=row.clause is not None and row.basis == "decision",
        is_met=row.is_met,
        is_part=row.name in WAIVABLE,
        waiver_id=row.waiver_id,
    )


def _month(month: CalendarMonth, period: Period) -> CalendarRow:
    days = []
    for offset, symbol in enumerate(month.days):
        day = month.month + timedelta(days=offset)
        is_in_window = period.kind == "window" and period.first_day <= day <= period.last_day
        days.append(CalendarDay(day, _TONES[symbol], is_in_window))
    return CalendarRow(f"{month.month:%Y-%m}", days, month.days.count("#"))


def _decision(
    recorded: RecordedDecision, speech: CriterionSpeech, *, is_simulation: bool
) -> DecisionInWords:
    decision, translate = recorded.decision, speech.translate
    waived = None
    if decision.criterion is not None:
        waived = f"{speech.name(decision.criterion)} = {decision.value}"
    state = translate(_("in force"))
    if decision.waits:
        state = translate(_("waits for a second person"))
    elif decision.confirmed_at is not None:
        state = translate(_("in force; confirmed by {name} on {day}")).format(
            name=decision.confirmed_by, day=civil_date(decision.confirmed_at)
        )
    if decision.withdrawn_at is not None:
        state = translate(_("withdrawn by {name} on {day}: {reason}")).format(
            name=decision.withdrawn_by,
            day=civil_date(decision.withdrawn_at),
            reason=decision.withdrawn_reason,
        )
    return DecisionInWords(
        id=decision.id,
        label=translate(DECISION_WORDS[decision.kind]),
        waived=waived,
        reason=decision.reason,
        attachment=decision.attachment,
        decided_by=decision.decided_by,
        decided_on=civil_date(decision.decided_at),
        state=state,
        is_open=decision.is_open,
        waits=decision.waits,
        is_of_one=not is_simulation
        and decision.kind == "waive"
        and decision.is_open
        and not decision.needs_second,
    )
