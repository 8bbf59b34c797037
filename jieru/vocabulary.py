"""What the values of the project's enumerations are called: one word each, for everybody.

Pages, terminal, reports and panels take their words from here. A word stands as its message id,
which is its English; its Chinese is that of the one catalogue, so that neither is written twice.
The modules that own an enumeration bind its members to these words (`worded`), and a value without
a word stops them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from jieru.i18n import LANGUAGES, Language, translations
from jieru.i18n import marked as _

__all__ = [
    "ACCESS_WORDS",
    "ACCOUNT_ROLE_WORDS",
    "AUDIT_ACTION_WORDS",
    "BASIS_WORDS",
    "CASE_CAUSE_WORDS",
    "CASE_STATE_WORDS",
    "CASE_STEP_WORDS",
    "CAUSE_WORDS",
    "CHANGE_WORDS",
    "COUNT_STATE_WORDS",
    "CRITERION_WORDS",
    "DECISION_WORDS",
    "DECLARATION_WORDS",
    "DEVICE_STATUS_WORDS",
    "FOUND_WORDS",
    "IMPORT_OUTCOME_WORDS",
    "LEVEL_WORDS",
    "MET_WORDS",
    "OBJECTION_WORDS",
    "OUTCOME_WORDS",
    "OUTLOOK_WORDS",
    "PHASE_WORDS",
    "PUBLISHER_WORDS",
    "REASON_WORDS",
    "RECORD_KIND_WORDS",
    "RECORD_STATE_WORDS",
    "RECOVERY_WORDS",
    "REGISTRY_FILE_WORDS",
    "REJECTION_WORDS",
    "REPORTED_WORDS",
    "REQUEST_STATUS_WORDS",
    "SIGNAL_WORDS",
    "STAGE_WORDS",
    "STANDING_WORDS",
    "STEP_WORDS",
    "STRENGTH_WORDS",
    "TERM_WORDS",
    "UNIT_WORDS",
    "VALIDITY_WORDS",
    "WINDOW_CRITERION_WORDS",
    "YES_WORDS",
    "Text",
    "Vocabulary",
    "spoken",
    "worded",
]

Vocabulary: TypeAlias = Mapping[str, str]
"""For each value of an enumeration, as the database has it, its word: a message id."""

Code = TypeVar("Code", bound=str)


@dataclass(frozen=True, slots=True)
class Text:
    """One text in the languages of the interface."""

    zh: str
    en: str

    def spoken_in(self, language: Language) -> str:
        """The text in one language."""
        return self.en if language == "en" else self.zh


def spoken(message: str) -> Text:
    """A message of the catalogue in both languages."""
    return Text(**{language: translations(language).gettext(message) for language in LANGUAGES})


def worded(codes: Iterable[Code], words: Vocabulary) -> dict[Code, str]:
    """The words of these values, each by its own type.

    Raises:
        KeyError: one of them has no word.
    """
    return {code: words[code] for code in codes}


# The registry --------------------------------------------------------------------------------

TERM_WORDS: Final[Vocabulary] = {
    "platform": _("platform"),
    "recognition": _("recognition"),
    "enterprise": _("enterprise"),
    "connection": _("connection"),
    "device": _("device"),
    "assignment": _("assignment"),
    "count": _("annual count"),
    "decision": _("decision on an enterprise"),
}
"""Things of the design's vocabulary, one of each."""

LEVEL_WORDS: Final[Vocabulary] = {
    "municipal": _("municipal"),
    "provincial": _("provincial"),
    "national": _("national"),
}
RECORD_STATE_WORDS: Final[Vocabulary] = {
    "open": _("not ended"),
    "ended": _("ended"),
    "all": _("all"),
}
REGISTRY_FILE_WORDS: Final[Vocabulary] = {
    "platforms": _("Platforms"),
    "recognitions": _("Recognitions"),
    "enterprises": _("Enterprises"),
    "connections": _("Connections"),
    "devices": _("Devices"),
}
IMPORT_OUTCOME_WORDS: Final[Vocabulary] = {
    "checked": _("checked, not imported"),
    "rejected": _("has errors"),
    "applied": _("imported"),
}
STANDING_WORDS: Final[Vocabulary] = {
    "confirmed": _("confirmed by the enterprise"),
    "denied": _("denied by the enterprise"),
    "asked": _("asked, no answer yet"),
    "unasked": _("not asked"),
    "no_contact": _("no contact"),
}
"""What the enterprise itself says of a connection."""
REQUEST_STATUS_WORDS: Final[Vocabulary] = {
    "open": _("waiting for the bureau"),
    "confirmed": _("confirmed"),
    "refused": _("refused"),
    "withdrawn": _("withdrawn"),
}
"""What became of a request to connect another platform's enterprise."""
ACCOUNT_ROLE_WORDS: Final[Vocabulary] = {
    "operator": _("platform operator"),
    "verifier": _("verifier"),
    "auditor": _("auditor"),
    "admin": _("administrator"),
}

# Evidence ------------------------------------------------------------------------------------

DEVICE_STATUS_WORDS: Final[Vocabulary] = {
    "online": _("online"),
    "late": _("late"),
    "offline": _("offline"),
    "never": _("never heard"),
}
"""How regularly a device is heard."""
REPORTED_WORDS: Final[Vocabulary] = {
    "running": _("running"),
    "idle": _("idle"),
    "fault": _("fault"),
    "stopped": _("stopped"),
    "maintenance": _("maintenance"),
}
"""What a device says of itself."""
PUBLISHER_WORDS: Final[Vocabulary] = {
    "cloud": _("platform's cloud"),
    "gateway": _("gateway"),
    "device": _("device itself"),
}
"""Who publishes heartbeats."""
REJECTION_WORDS: Final[Vocabulary] = {
    "bad_topic": _("bad topic"),
    "retained": _("retained message"),
    "payload_too_large": _("payload too large"),
    "malformed_payload": _("malformed payload"),
    "unknown_device": _("unknown device"),
    "unknown_publisher": _("unknown gateway"),
    "unknown_source": _("unknown source"),
    "no_timestamp": _("no time stamp"),
    "future_timestamp": _("time stamp in the future"),
    "before_epoch": _("time stamp before 2020"),
    "unstorable": _("cannot be stored"),
}

# Signals -------------------------------------------------------------------------------------

SIGNAL_WORDS: Final[Vocabulary] = {
    "recorded_late": _("Recorded long after its first day"),
    "counter_fell": _("Counter fell"),
    "counter_continued": _("Counter goes on under another device"),
    "no_heartbeats": _("Presence without heartbeats"),
    "required_hours": _("Exactly the required hours"),
    "silent_when_full": _("Silent as soon as the window is full"),
    "not_live": _("Not heard live"),
    "rhythm_alike": _("Rhythm alike"),
    "handed_over": _("Machines handed over"),
    "gateway_shared": _("Gateway shared"),
    "metrics_repeat": _("Measured values repeat"),
    "metrics_without_memory": _("Measured values at random"),
    "heard_while_stopped": _("Heard while declared stopped"),
}
STRENGTH_WORDS: Final[Vocabulary] = {"hard": _("hard signal"), "soft": _("soft signal")}
"""Of a signal: one hard one, or two soft ones, open a case."""
DECLARATION_WORDS: Final[Vocabulary] = {"stop": _("Stop"), "repair": _("Repair")}

# Cases ---------------------------------------------------------------------------------------

CASE_STATE_WORDS: Final[Vocabulary] = {
    "open": _("to be begun"),
    "asked": _("waiting for an answer"),
    "answered": _("answered, to be judged"),
    "visited": _("visited, to be judged"),
    "cleared": _("cleared"),
    "upheld": _("upheld"),
}
CASE_CAUSE_WORDS: Final[Vocabulary] = {
    "signals": _("signals"),
    "challenge": _("challenges that were missed"),
    "draw": _("the draw"),
    "verifier": _("a verifier"),
    "confirmation": _("the enterprise's own answer"),
}
"""What opened it."""
CASE_STEP_WORDS: Final[Vocabulary] = {
    "asked_operator": _("Asked the operator"),
    "operator_answered": _("The operator answered"),
    "asked_enterprise": _("Asked the enterprise"),
    "enterprise_answered": _("The enterprise answered"),
    "visited": _("Visited the enterprise"),
    "noted": _("Noted"),
    "hold_proposed": _("Proposed a hold"),
    "hold_decided": _("Decided the hold"),
    "hold_declined": _("Declined the hold"),
    "cleared": _("Cleared the case"),
    "upheld": _("Upheld the case"),
    "reopened": _("Reopened the case"),
}

# Counting ------------------------------------------------------------------------------------

OUTCOME_WORDS: Final[Vocabulary] = {
    "counted": _("Counted"),
    "held": _("Held"),
    "excluded": _("Excluded"),
    "out_of_scope": _("Out of scope"),
    "platform_not_recognised": _("Platform not recognised"),
    "policy_not_in_force": _("Policy not in force"),
    "connected_earlier": _("Connected earlier"),
    "counted_elsewhere": _("Counted elsewhere"),
    "pending": _("Pending"),
    "not_effective": _("Not effective"),
}
OUTLOOK_WORDS: Final[Vocabulary] = {
    "counted": _("Counted this year"),
    "pending": _("On its way"),
    "at_risk": _("At risk"),
    "not_yet": _("Not yet begun"),
    "not_this_year": _("Not this year"),
}
"""Where an enterprise stands in a year that is not over."""
STAGE_WORDS: Final[Vocabulary] = {
    "confirmed": _("Confirmed by the enterprise"),
    "devices": _("Enough devices"),
    "credential": _("Equipment may publish"),
    "heard": _("First heartbeat"),
    "running": _("Window under way"),
    "complete": _("Window complete"),
}
"""What an enterprise passes on its way to being counted."""
WINDOW_CRITERION_WORDS: Final[Vocabulary] = {
    "active_hours_per_day_min": _("Hours of a device on a day"),
    "active_devices_min": _("Active devices on a day"),
    "window_days": _("Days of the window"),
    "active_days_min": _("Active days in the window"),
    "longest_gap_days_max": _("Longest gap in the window, days"),
}
"""The numbers that make a window effective; a waiver sets one of them."""
CRITERION_WORDS: Final[Vocabulary] = {
    "effective_window": _("Effective window"),
    **WINDOW_CRITERION_WORDS,
    "live_share_min": _("Hours of the window heard live, %"),
    "newly_connected": _("Newly connected in the year"),
    "platform_recognised": _("Platform recognised"),
    "policy_in_force": _("Policy in force when connected"),
    "district": _("District"),
    "industry": _("Industry"),
    "not_own_operator": _("Not the platform's own operator"),
    "not_excluded": _("Not excluded by a decision"),
    "not_held": _("Not held by a decision"),
    "counted_once": _("Counted on one platform only"),
    "confirmed": _("Confirmed by the enterprise itself"),
}
REASON_WORDS: Final[Vocabulary] = {
    "effective_window": _("no effective window"),
    "live_share_min": _("too few of its hours were heard live"),
    "newly_connected": _("connected in an earlier year"),
    "platform_recognised": _("platform not recognised highly enough"),
    "policy_in_force": _("connected while the policy was not in force"),
    "district": _("outside the policy's districts"),
    "industry": _("outside the policy's industries"),
    "not_own_operator": _("the platform's own operator"),
    "not_excluded": _("excluded by a decision"),
    "not_held": _("held by a decision"),
    "counted_once": _("counts on another platform"),
    "confirmed": _("not confirmed by the enterprise itself"),
}
"""A criterion that is not met, as the reason it gives."""
MET_WORDS: Final[Vocabulary] = {
    "met": _("met"),
    "failed": _("not met"),
    "unmeasured": _("not measured"),
}
DECISION_WORDS: Final[Vocabulary] = {
    "exclude": _("Exclude"),
    "waive": _("Waive"),
    "hold": _("Hold"),
    "keep": _("Keep as it is"),
    "backdate": _("Let it count from its first day"),
}
VALIDITY_WORDS: Final[Vocabulary] = {
    "open": _("in force"),
    "waiting": _("waits for a second person"),
    "withdrawn": _("withdrawn"),
}
"""Of a decision or a closing."""
BASIS_WORDS: Final[Vocabulary] = {"text": _("text"), "decision": _("decision")}
UNIT_WORDS: Final[Vocabulary] = {
    "hours": _("hours"),
    "minutes": _("minutes"),
    "days": _("days"),
    "devices": _("devices"),
    "percent": _("%"),
    "yuan": _("yuan"),
    "date": "",
    "none": "",
}
"""Dates and choices have no unit to speak of."""
YES_WORDS: Final[Vocabulary] = {"yes": _("yes"), "no": _("no")}

# The procedure of a count --------------------------------------------------------------------

COUNT_STATE_WORDS: Final[Vocabulary] = {
    "draft": _("Draft"),
    "in_review": _("In review"),
    "returned": _("Returned"),
    "discarded": _("Discarded"),
    "frozen": _("Frozen"),
    "published": _("Published"),
    "payable": _("Payable"),
    "paid": _("Paid"),
    "superseded": _("Superseded"),
}
STEP_WORDS: Final[Vocabulary] = {
    "open": _("Open"),
    "draft": _("Draft the count"),
    "submit": _("Submit for review"),
    "return": _("Return"),
    "discard": _("Discard the draft"),
    "freeze": _("Freeze"),
    "publish": _("Publish"),
    "object": _("Record an objection"),
    "resolve": _("Resolve an objection"),
    "propose_override": _("Propose to override an objection"),
    "withdraw_override": _("Withdraw the proposal to override an objection"),
    "override": _("Confirm the override of an objection"),
    "approve_payment": _("Approve payment"),
    "pay": _("Record a payment"),
    "finish_payment": _("All paid"),
    "supersede": _("Supersede"),
}
CAUSE_WORDS: Final[Vocabulary] = {
    "document": _("the frozen content itself was changed"),
    "presence": _("presence changed"),
    "registry": _("registry changed"),
    "decision": _("decision changed"),
    "other_platform": _("changed on another platform"),
    "policy": _("policy changed"),
    "code": _("program changed"),
    "unexplained": _("cause unknown, program unchanged"),
}
CHANGE_WORDS: Final[Vocabulary] = {
    "added": _("Added"),
    "removed": _("Removed"),
    "outcome": _("Other outcome"),
    "detail": _("Other grounds"),
}
RECOVERY_WORDS: Final[Vocabulary] = {
    "removed": _("fell away"),
    "added": _("came in"),
    "title": _("national title"),
    "award": _("less of the award"),
    "unpaid": _("not paid yet"),
    "cap": _("effect of the cap"),
    "policy": _("other award amounts"),
}
OBJECTION_WORDS: Final[Vocabulary] = {"upheld": _("Upheld"), "dismissed": _("Dismissed")}
FOUND_WORDS: Final[Vocabulary] = {
    "as_registered": _("as registered"),
    "differs": _("not as registered"),
    "not_found": _("not found there"),
    "refused": _("visit refused"),
}
"""What a visit found."""
PHASE_WORDS: Final[Vocabulary] = {
    "registry": _("Reading the registry"),
    "presence": _("Reading presence"),
    "windows": _("Finding windows"),
    "criteria": _("Measuring criteria"),
    "storing": _("Storing the result"),
}
"""What a computation is busy with."""

# The access log ------------------------------------------------------------------------------

ACCESS_WORDS: Final[Vocabulary] = {
    "sign_in": _("signed in"),
    "sign_in_failed": _("wrong name or password"),
    "code_failed": _("wrong code"),
    "recovery_code_used": _("recovery code used"),
    "sign_out": _("signed out"),
    "read": _("read"),
    "secret": _("asked for a secret"),
    "export": _("took a file away"),
}

# The audit -----------------------------------------------------------------------------------

AUDIT_ACTION_WORDS: Final[Vocabulary] = {"create": _("created"), "change": _("changed")}
RECORD_KIND_WORDS: Final[Vocabulary] = {
    "platforms": TERM_WORDS["platform"],
    "recognitions": TERM_WORDS["recognition"],
    "enterprises": TERM_WORDS["enterprise"],
    "connections": TERM_WORDS["connection"],
    "connection_requests": _("connection request"),
    "devices": TERM_WORDS["device"],
    "assignments": TERM_WORDS["assignment"],
    "decisions": TERM_WORDS["decision"],
    "opening_stocks": _("opening stock"),
    "users": _("account"),
    "account_changes": _("change of an account"),
    "notice_channels": _("way of being told"),
    "api_keys": _("API key"),
    "credentials": _("credential"),
    "publishers": _("gateway"),
    "sources": _("format of a source"),
    "second_factors": _("second step"),
    "counts": TERM_WORDS["count"],
    "count_steps": _("step of a count"),
    "pending_closings": _("closing of a pending enterprise"),
    "objections": _("objection"),
    "objection_overrides": _("override of an objection"),
    "count_statements": _("signed statement"),
    "count_payments": _("payment"),
    "recoveries": _("recovery"),
    "signal_runs": _("run of signals"),
    "cases": _("case"),
    "case_steps": _("step of a case"),
    "declarations": _("declaration of a stop or a repair"),
    "heartbeat_archives": _("archive file of heartbeats"),
    "evidence_verifications": _("verification of evidence"),
    "evidence_exceptions": _("exception of evidence"),
    "draws": _("list of a draw"),
    "draw_entries": _("drawn enterprise"),
    "visits": _("visit"),
    "enterprise_contacts": _("enterprise's contact"),
    "confirmations": _("question to an enterprise"),
    "challenges": _("challenge"),
}
"""Tables, by what one row of them is."""
