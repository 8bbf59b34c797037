"""The pipeline in the words of the page: results, stages, and what is to be done next. Pure."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final, NamedTuple

from api.pipeline.next_step import NextStep, NextStepKind
from api.pipeline.rows import Order, PipelineRow, Stage
from jieru.i18n import marked as _
from jieru.vocabulary import OUTLOOK_WORDS, STAGE_WORDS, worded
from verifier.counting.outlook import Result
from verifier.words import OUTCOME_WORDS

__all__ = [
    "ORDER_WORDS",
    "RESULT_TONES",
    "RESULT_WORDS",
    "STAGE_LABELS",
    "StepInWords",
    "step_in_words",
]

Translate = Callable[[str], str]

RESULT_WORDS: Final[Mapping[str, str]] = {**worded(Result, OUTLOOK_WORDS)}
STAGE_LABELS: Final[Mapping[str, str]] = {**worded(Stage, STAGE_WORDS)}
RESULT_TONES: Final[Mapping[Result | None, str]] = {
    Result.COUNTED: "green",
    Result.PENDING: "info",
    Result.AT_RISK: "red",
    Result.NOT_YET: "amber",
    Result.NOT_THIS_YEAR: "grey",
    None: "grey",
}
"""The colour of a tag, a class of the style sheet; its label says the same in words."""
ORDER_WORDS: Final[Mapping[str, str]] = {
    Order.URGENCY: _("What presses most"),
    Order.NAME: _("Name"),
    Order.ACTIVE_DAYS: _("Most active days"),
    Order.GAP_LEFT: _("Least gap left"),
    Order.COMPLETE_ON: _("Earliest complete"),
    Order.LAST_HEARD: _("Longest not heard"),
}
_WEEKDAYS: Final = (
    _("Monday"),
    _("Tuesday"),
    _("Wednesday"),
    _("Thursday"),
    _("Friday"),
    _("Saturday"),
    _("Sunday"),
)
_STEPS: Final[Mapping[NextStepKind, str]] = {
    NextStepKind.NOTHING: _("Nothing more to do: it counts for this year."),
    NextStepKind.NONE_LEFT: _("It does not count for this year: {outcome}."),
    NextStepKind.DENIED: _(
        "The enterprise says that it is not connected: settle this with it first."
    ),
    NextStepKind.RECONNECT: _("Its connection ended on {since}: register the one that goes on."),
    NextStepKind.ADD_DEVICES: _(
        "Register {missing} more devices: {required} must be active on the same day."
    ),
    NextStepKind.ISSUE_CREDENTIALS: _(
        "Issue credentials: {missing} of {devices} devices cannot publish yet."
    ),
    NextStepKind.FIRST_HEARTBEAT: _(
        "Bring equipment on line: {missing} of {devices} devices were never heard."
    ),
    NextStepKind.WAIT_FOR_DECISION: _(
        "Its window is complete and held back: answer what the bureau asks."
    ),
    NextStepKind.WAKE_DEVICES: _("Look after {missing} of {devices} devices: silent since {since}"),
    NextStepKind.RESUME: _("No active day for {missing} days"),
    NextStepKind.BEGIN: _("Begin a window"),
    NextStepKind.GET_CONFIRMED: _(
        "Have the enterprise confirm the connection; its window is under way, {days_left} active "
        "days to go."
    ),
    NextStepKind.KEEP_GOING: _("Keep going: {days_left} active days to go"),
    NextStepKind.AWAIT_THE_END: _(
        "Active days suffice and its window can no longer break: it is complete on {complete_on}."
    ),
    NextStepKind.WAIT_FOR_THE_COUNT: _("Registered; where it stands is being computed."),
}
_GAP: Final = _("{gap} days of gap left")
_NO_GAP: Final = _("the window breaks with the next silent day")
_COMPLETE: Final = _("complete on {day} at the earliest")
_BEGIN_BY: Final = _("begin by {day} at the latest")
_TOO_LATE: Final = _("too late for another one this year")
_JOINED: Final = _("{first}; {second}.")
_ALONE: Final = _("{first}.")


class StepInWords(NamedTuple):
    """What is to be done next, and where."""

    text: str
    address: str


def step_in_words(row: PipelineRow, translate: Translate, today: date) -> StepInWords:
    """What is to be done next for an enterprise."""
    step = row.next_step
    text = translate(_STEPS[step.kind]).format(
        devices=step.devices,
        missing=step.missing,
        required=step.required,
        since=_day(step.since, today, translate),
        days_left=step.days_left,
        complete_on=step.complete_on,
        outcome=translate(OUTCOME_WORDS[step.outcome]) if step.outcome else "",
    )
    more = _more(step, translate, today)
    if step.kind in _OPEN_ENDED:
        text = (
            translate(_JOINED).format(first=text, second=more)
            if more
            else translate(_ALONE).format(first=text)
        )
    return StepInWords(text, _address(row))


_OPEN_ENDED: Final = frozenset(
    {
        NextStepKind.WAKE_DEVICES,
        NextStepKind.RESUME,
        NextStepKind.BEGIN,
        NextStepKind.KEEP_GOING,
    }
)
"""What is said of them goes on with what is left of time."""


def _more(step: NextStep, translate: Translate, today: date) -> str:
    if step.kind is NextStepKind.KEEP_GOING:
        return translate(_COMPLETE).format(day=step.complete_on) if step.complete_on else ""
    if step.gap_left_days is not None:
        if step.gap_left_days == 0:
            return translate(_NO_GAP)
        return translate(_GAP).format(gap=step.gap_left_days)
    if step.kind in (NextStepKind.BEGIN, NextStepKind.WAKE_DEVICES) and step.last_start_on:
        if step.last_start_on < today:
            return translate(_TOO_LATE)
        return translate(_BEGIN_BY).format(day=step.last_start_on)
    return ""


def _day(day: date | None, today: date, translate: Translate) -> str:
    """A day as one says it: of the last week by its name too."""
    if day is None:
        return ""
    if 0 <= (today - day).days < len(_WEEKDAYS):
        return translate(_("{weekday} ({day})")).format(
            weekday=translate(_WEEKDAYS[day.weekday()]), day=day
        )
    return day.isoformat()


def _address(row: PipelineRow) -> str:
    ready, kind = row.ready, row.next_step.kind
    enterprise = f"/enterprises/{ready.uscc}"
    devices = f"/devices?enterprise={ready.uscc}"
    return {
        NextStepKind.ADD_DEVICES: f"/devices/new?uscc={ready.uscc}",
        NextStepKind.ISSUE_CREDENTIALS: f"/platforms/{ready.platform}",
        NextStepKind.FIRST_HEARTBEAT: f"{devices}&status=never",
        NextStepKind.WAKE_DEVICES: f"{devices}&status=offline",
        NextStepKind.RESUME: devices,
        NextStepKind.BEGIN: devices,
        NextStepKind.WAIT_FOR_DECISION: "/questions",
    }.get(kind, enterprise)
