"""The one thing to do next for an enterprise: the first that stands in its way. Pure."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from api.pipeline.readiness import Readiness
from jieru.calendar import civil_date
from verifier.counting.determination import Outcome
from verifier.counting.outlook import Outlook, Result

__all__ = ["NextStep", "NextStepKind", "next_step"]


class NextStepKind(StrEnum):
    """What is to be done, the most pressing first."""

    NOTHING = "nothing"
    """It is counted."""
    NONE_LEFT = "none_left"
    """It does not count for this year, whatever is done."""
    DENIED = "denied"
    RECONNECT = "reconnect"
    ADD_DEVICES = "add_devices"
    ISSUE_CREDENTIALS = "issue_credentials"
    FIRST_HEARTBEAT = "first_heartbeat"
    WAIT_FOR_DECISION = "wait_for_decision"
    WAKE_DEVICES = "wake_devices"
    RESUME = "resume"
    """Devices are heard, and yet its days are not active."""
    BEGIN = "begin"
    GET_CONFIRMED = "get_confirmed"
    KEEP_GOING = "keep_going"
    AWAIT_THE_END = "await_the_end"
    """Its window can no longer break."""
    WAIT_FOR_THE_COUNT = "wait_for_the_count"
    """It is registered and not counted yet."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What is to be done, with the numbers that say why."""

    kind: NextStepKind
    devices: int = 0
    """That it has."""
    missing: int = 0
    """Devices concerned: that are lacking, silent or without a credential."""
    required: int = 0
    since: date | None = None
    gap_left_days: int | None = None
    days_left: int = 0
    """Active days that are lacking."""
    complete_on: date | None = None
    last_start_on: date | None = None
    outcome: Outcome | None = None


def next_step(
    ready: Readiness, outlook: Outlook | None, *, devices_min: int, today: date
) -> NextStep:
    """What is to be done next for an enterprise.

    Args:
        ready: what the registry has of it.
        outlook: None: not counted yet.
        devices_min: that must be active on a day, waivers honoured.
        today: the civil day.
    """
    kind = NextStepKind
    if outlook is not None:
        if outlook.result is Result.COUNTED:
            return NextStep(kind.NOTHING, complete_on=outlook.complete_on)
        if outlook.result is Result.NOT_THIS_YEAR:
            told = outlook.determination.outcome
            return NextStep(
                kind.NONE_LEFT, outcome=outlook.expected if told is Outcome.PENDING else told
            )
        if outlook.determination.outcome is Outcome.HELD:
            return NextStep(kind.WAIT_FOR_DECISION)
    return (
        _of_registry(ready, devices_min, today)
        or (_of_window(ready, outlook) if outlook is not None else None)
        or NextStep(kind.WAIT_FOR_THE_COUNT)
    )


def _of_registry(ready: Readiness, devices_min: int, today: date) -> NextStep | None:
    kind = NextStepKind
    if ready.confirmation == "denied":
        return NextStep(kind.DENIED)
    if ready.to_date is not None and ready.to_date <= today:
        return NextStep(kind.RECONNECT, since=ready.to_date)
    if ready.devices < devices_min:
        return NextStep(
            kind.ADD_DEVICES,
            devices=ready.devices,
            missing=devices_min - ready.devices,
            required=devices_min,
        )
    # Whoever is heard may publish, whichever way it comes.
    if max(ready.devices_with_credential, ready.devices_heard) < devices_min:
        missing = ready.devices - ready.devices_with_credential
        return NextStep(kind.ISSUE_CREDENTIALS, devices=ready.devices, missing=missing)
    if ready.devices_heard < devices_min:
        missing = ready.devices - ready.devices_heard
        return NextStep(kind.FIRST_HEARTBEAT, devices=ready.devices, missing=missing)
    return None


def _of_window(ready: Readiness, outlook: Outlook) -> NextStep:
    kind = NextStepKind
    if outlook.runs and outlook.gap_left_days is None:
        return NextStep(kind.AWAIT_THE_END, complete_on=outlook.complete_on)
    left = max(outlook.rule.active_days_min - outlook.active_days, 0)
    if ready.devices_silent and (outlook.runs or outlook.result is Result.NOT_YET):
        since = civil_date(ready.silent_since) if ready.silent_since else None
        return NextStep(
            kind.WAKE_DEVICES,
            devices=ready.devices,
            missing=ready.devices_silent,
            since=since,
            gap_left_days=outlook.gap_left_days,
            days_left=left,
            complete_on=outlook.complete_on,
            last_start_on=outlook.last_start_on,
        )
    if outlook.result is Result.AT_RISK:
        return NextStep(
            kind.RESUME,
            missing=outlook.silent_days,
            gap_left_days=outlook.gap_left_days,
            complete_on=outlook.complete_on,
        )
    if not outlook.runs:
        return NextStep(
            kind.BEGIN, complete_on=outlook.complete_on, last_start_on=outlook.last_start_on
        )
    if ready.confirmation != "confirmed":
        return NextStep(kind.GET_CONFIRMED, days_left=left, complete_on=outlook.complete_on)
    return NextStep(
        kind.KEEP_GOING,
        days_left=left,
        gap_left_days=outlook.gap_left_days,
        complete_on=outlook.complete_on,
    )
