"""The explanation of one determination as the page shows it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from api.counts.wording import (
    OutcomeWords,
    Translate,
    level_in_words,
    number_with_unit,
    outcome_words,
    reasons_in_words,
)
from jieru.calendar import civil_date
from jieru.i18n import Language
from jieru.i18n import marked as _
from verifier.counting.active_calendar import CalendarMonth
from verifier.counting.eligibility import CriterionName, Measure
from verifier.counting.explanation import Explanation
from verifier.counting.measures import CriterionRow, Period, PeriodKind
from verifier.counting.registry import RecordedDecision
from verifier.policy import WAIVABLE, Policy
from verifier.words import CRITERION_WORDS, DECISION_WORDS

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
_NOTHING: Final = "–"


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


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything of the page that is not simply a value of the explanation."""

    outcome: OutcomeWords
    reasons: list[str]
    period: str
    criteria: list[CriterionInWords]
    calendar: list[CalendarRow]
    decisions: list[DecisionInWords]


def detail_in_words(explanation: Explanation, language: Language, translate: Translate) -> Detail:
    """Outcome, reasons, criteria and calendar in the reader's words."""
    determination, period = explanation.determination, explanation.period
    return Detail(
        outcome=outcome_words(determination.outcome, translate),
        reasons=reasons_in_words(determination, translate),
        period=translate(_PERIODS[period.kind]).format(
            first=period.first_day, last=period.last_day
        ),
        criteria=[
            _criterion(each, explanation.policy, language, translate)
            for each in explanation.criteria
        ],
        calendar=[_month(each, period) for each in explanation.calendar],
        decisions=[
            _decision(each, explanation.policy, language, translate)
            for each in explanation.decisions
        ],
    )


def _criterion(
    row: CriterionRow, policy: Policy, language: Language, translate: Translate
) -> CriterionInWords:
    is_part = row.name in WAIVABLE
    if is_part:
        parameter = policy.parameters()[row.name]
        label = parameter.description.spoken_in(language)
        measured, required = (
            number_with_unit(value, parameter.unit, translate) if isinstance(value, int) else ""
            for value in (row.measured, row.required)
        )
    else:
        name = CriterionName(row.name)
        label = translate(CRITERION_WORDS[name])
        measured = _NOTHING if row.measured is None else _measured(name, row, policy, translate)
        required = _required(name, row.required, policy, translate)
    return CriterionInWords(
        label=label,
        measured=measured,
        required=required,
        clause=row.clause or _NOTHING,
        is_decided=row.clause is not None and row.basis == "decision",
        is_met=row.is_met,
        is_part=is_part,
        waiver_id=row.waiver_id,
    )


def _measured(name: CriterionName, row: CriterionRow, policy: Policy, translate: Translate) -> str:
    match name, row.measured:
        case CriterionName.EFFECTIVE_WINDOW, Mapping() as window:
            return translate(_("{first} to {last}")).format(
                first=window["first_day"], last=window["last_day"]
            )
        case CriterionName.PLATFORM_RECOGNISED, Mapping() as found:
            level = level_in_words(str(found["level"]), translate)
            return translate(_("{level} on {day}")).format(level=level, day=found["on"])
        case CriterionName.DISTRICT, str() as slug:
            district = policy.districts.value.get(slug)
            return district.name if district else translate(_("elsewhere"))
        case _, value:
            return _plain(value, translate)


def _required(name: CriterionName, value: Measure, policy: Policy, translate: Translate) -> str:
    match name, value:
        case CriterionName.EFFECTIVE_WINDOW, Mapping():
            return translate(_("the five rows below"))
        case CriterionName.PLATFORM_RECOGNISED, str() as level:
            return translate(_("{level} or above")).format(level=level_in_words(level, translate))
        case CriterionName.POLICY_IN_FORCE, Mapping() as term:
            return translate(_("{first} to {last}")).format(first=term["from"], last=term["to"])
        case CriterionName.DISTRICT, _:
            names = [district.name for district in policy.districts.value.values()]
            return translate(_(", ")).join(names)
        case CriterionName.NOT_OWN_OPERATOR, {"not": operator}:
            return translate(_("not {uscc}")).format(uscc=operator)
        case _:
            return _plain(value, translate)


def _plain(value: Measure, translate: Translate) -> str:
    """A value that needs no words of its own; a list that is empty says so."""
    if value is None:
        return _NOTHING
    if isinstance(value, int | str):
        return str(value)
    items = [str(each) for each in value]
    return translate(_(", ")).join(items) if items else translate(_("none"))


def _month(month: CalendarMonth, period: Period) -> CalendarRow:
    days = []
    for offset, symbol in enumerate(month.days):
        day = month.month + timedelta(days=offset)
        is_in_window = period.kind == "window" and period.first_day <= day <= period.last_day
        days.append(CalendarDay(day, _TONES[symbol], is_in_window))
    return CalendarRow(f"{month.month:%Y-%m}", days, month.days.count("#"))


def _decision(
    recorded: RecordedDecision, policy: Policy, language: Language, translate: Translate
) -> DecisionInWords:
    decision = recorded.decision
    parameter = policy.parameters().get(decision.criterion or "")
    state = translate(_("in force"))
    if decision.withdrawn_at is not None:
        state = translate(_("withdrawn by {name} on {day}: {reason}")).format(
            name=decision.withdrawn_by,
            day=civil_date(decision.withdrawn_at),
            reason=decision.withdrawn_reason,
        )
    return DecisionInWords(
        id=decision.id,
        label=translate(DECISION_WORDS[decision.kind]),
        waived=None
        if parameter is None
        else f"{parameter.description.spoken_in(language)} = {decision.value}",
        reason=decision.reason,
        attachment=decision.attachment,
        decided_by=decision.decided_by,
        decided_on=civil_date(decision.decided_at),
        state=state,
        is_open=decision.is_open,
    )
