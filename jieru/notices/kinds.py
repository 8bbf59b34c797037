"""The kinds of notices: what each is called, what it says, and whose matter it is. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from jieru.i18n import marked as _

__all__ = ["KINDS", "Kind", "Wording", "kinds_of_role"]

_OPERATOR: Final = frozenset({"operator"})
_VERIFIER: Final = frozenset({"verifier"})
_ADMIN: Final = frozenset({"admin"})


class Kind(StrEnum):
    """What happened."""

    DEVICE_SILENT = "device_silent"
    CITY_SILENT = "city_silent"
    AT_RISK = "at_risk"
    WINDOW_COMPLETE = "window_complete"
    FIRST_HEARTBEAT = "first_heartbeat"
    MESSAGES_REFUSED = "messages_refused"
    QUESTION = "question"
    CONFIRMATION_OUTSTANDING = "confirmation_outstanding"
    STEP_WAITING = "step_waiting"
    NOTICE_PERIOD_ENDED = "notice_period_ended"
    PAYMENT_MADE = "payment_made"
    KEY_EXPIRING = "key_expiring"
    BROKER_QUEUE = "broker_queue"
    AUDIT_BROKEN = "audit_broken"
    CHECKPOINT_BROKEN = "checkpoint_broken"
    ARCHIVE_BROKEN = "archive_broken"


class Wording(NamedTuple):
    """How a kind is told; English, for the catalogue."""

    label: str
    sentence: str
    """With the names of what fills it in braces."""
    roles: frozenset[str]
    """Who hears of it; an operator of the own platform alone."""


KINDS: Final[Mapping[Kind, Wording]] = {
    Kind.DEVICE_SILENT: Wording(
        _("Devices fell silent"),
        _("{number} devices fell silent: {devices}. Last heard {since}."),
        _OPERATOR,
    ),
    Kind.CITY_SILENT: Wording(
        _("Many platforms fell silent"),
        _(
            "{number} devices of {platforms} platforms fell silent at about the same time, "
            "last heard {since}. The network or the broker is the likely cause."
        ),
        _VERIFIER | _ADMIN,
    ),
    Kind.AT_RISK: Wording(
        _("Enterprise at risk"),
        _("{enterprise}: {days} more silent days and its window breaks."),
        _OPERATOR,
    ),
    Kind.WINDOW_COMPLETE: Wording(
        _("Window complete"),
        _("{enterprise}: its effective window from {from_date} to {to_date} is complete."),
        _OPERATOR,
    ),
    Kind.FIRST_HEARTBEAT: Wording(
        _("First heartbeat"), _("{enterprise}: the first heartbeat has arrived."), _OPERATOR
    ),
    Kind.MESSAGES_REFUSED: Wording(
        _("Messages refused"),
        _("{number} messages were refused within two hours ({reason})."),
        _OPERATOR,
    ),
    Kind.QUESTION: Wording(
        _("Question of the bureau"),
        _("The bureau asks about {enterprise}. Answer by {due_on}."),
        _OPERATOR,
    ),
    Kind.CONFIRMATION_OUTSTANDING: Wording(
        _("Confirmation outstanding"),
        _("{number} connections are not confirmed by their enterprises yet; the codes end {on}."),
        _OPERATOR | _VERIFIER,
    ),
    Kind.STEP_WAITING: Wording(
        _("Step of a count waits"),
        _("The count of {year} waits for its next step: {step}."),
        _VERIFIER,
    ),
    Kind.NOTICE_PERIOD_ENDED: Wording(
        _("Notice period ended"),
        _("The notice period of the count of {year} ended on {on}."),
        _OPERATOR | _VERIFIER | {"auditor"},
    ),
    Kind.PAYMENT_MADE: Wording(
        _("Payment made"),
        _("{amount} yuan of the award of {year} were paid on {on}."),
        _OPERATOR,
    ),
    Kind.KEY_EXPIRING: Wording(
        _("Key expires"),
        _("The key “{name}” expires on {on}; programs that use it are refused from then on."),
        _OPERATOR | _ADMIN,
    ),
    Kind.BROKER_QUEUE: Wording(
        _("Messages pile up"),
        _("Ingesters are {minutes} minutes behind: the broker holds messages."),
        _ADMIN,
    ),
    Kind.AUDIT_BROKEN: Wording(
        _("Audit broken"),
        _("The check of the audit found {number} places where it is not whole."),
        _ADMIN | {"auditor"},
    ),
    Kind.CHECKPOINT_BROKEN: Wording(
        _("Checkpoint broken"),
        _("A checkpoint found {number} things that are not as the one before had them."),
        _ADMIN | {"auditor"},
    ),
    Kind.ARCHIVE_BROKEN: Wording(
        _("Archive damaged"),
        _("The check of the archive found {number} damaged or missing files."),
        _ADMIN | {"auditor"},
    ),
}


def kinds_of_role(role: str) -> tuple[Kind, ...]:
    """Of which kinds a role may hear."""
    return tuple(kind for kind, wording in KINDS.items() if role in wording.roles)
