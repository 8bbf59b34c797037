"""What states, steps, causes and recoveries are called: message ids, untranslated. Pure."""

from collections.abc import Mapping
from typing import Final

from jieru.i18n import marked as _
from verifier.counting.progress import Phase
from verifier.procedure.causes import Cause
from verifier.procedure.comparison import ChangeKind
from verifier.procedure.recovery import RecoveryKind
from verifier.procedure.states import ObjectionOutcome, State, Step

__all__ = [
    "CAUSE_WORDS",
    "CHANGE_WORDS",
    "OBJECTION_WORDS",
    "PHASE_WORDS",
    "RECOVERY_WORDS",
    "STATE_WORDS",
    "STEP_WORDS",
]

STATE_WORDS: Final[Mapping[State, str]] = {
    State.DRAFT: _("Draft"),
    State.IN_REVIEW: _("In review"),
    State.RETURNED: _("Returned"),
    State.FROZEN: _("Frozen"),
    State.PUBLISHED: _("Published"),
    State.PAYABLE: _("Payable"),
    State.PAID: _("Paid"),
    State.SUPERSEDED: _("Superseded"),
}

STEP_WORDS: Final[Mapping[Step, str]] = {
    Step.OPEN: _("Open"),
    Step.DRAFT: _("Draft the count"),
    Step.SUBMIT: _("Submit for review"),
    Step.RETURN: _("Return"),
    Step.FREEZE: _("Freeze"),
    Step.PUBLISH: _("Publish"),
    Step.OBJECT: _("Record an objection"),
    Step.RESOLVE: _("Resolve an objection"),
    Step.APPROVE_PAYMENT: _("Approve payment"),
    Step.PAY: _("Record a payment"),
    Step.FINISH_PAYMENT: _("All paid"),
    Step.SUPERSEDE: _("Supersede"),
}

CAUSE_WORDS: Final[Mapping[Cause, str]] = {
    Cause.DOCUMENT: _("the frozen content itself was changed"),
    Cause.PRESENCE: _("presence changed"),
    Cause.REGISTRY: _("registry changed"),
    Cause.DECISION: _("decision changed"),
    Cause.OTHER_PLATFORM: _("changed on another platform"),
    Cause.POLICY: _("policy changed"),
    Cause.CODE: _("program changed"),
    Cause.UNEXPLAINED: _("cause unknown, program unchanged"),
}

CHANGE_WORDS: Final[Mapping[ChangeKind, str]] = {
    "added": _("Added"),
    "removed": _("Removed"),
    "outcome": _("Other outcome"),
    "detail": _("Other grounds"),
}

RECOVERY_WORDS: Final[Mapping[RecoveryKind, str]] = {
    "removed": _("fell away"),
    "added": _("came in"),
    "title": _("national title"),
    "award": _("less of the award"),
    "unpaid": _("not paid yet"),
    "cap": _("effect of the cap"),
    "policy": _("other award amounts"),
}

OBJECTION_WORDS: Final[Mapping[ObjectionOutcome, str]] = {
    "upheld": _("Upheld"),
    "dismissed": _("Dismissed"),
}

PHASE_WORDS: Final[Mapping[Phase, str]] = {
    Phase.REGISTRY: _("Reading the registry"),
    Phase.PRESENCE: _("Reading presence"),
    Phase.WINDOWS: _("Finding windows"),
    Phase.CRITERIA: _("Measuring criteria"),
    Phase.STORING: _("Storing the result"),
}
