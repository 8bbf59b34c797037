"""What outcomes, criteria and decisions are called in reports and pages: message ids, untranslated.

A terminal translates them by `jieru.i18n.gettext`, a page by the language of its request.
"""

from collections.abc import Mapping
from typing import Final

from jieru.i18n import marked as _
from verifier.counting.determination import Outcome
from verifier.counting.eligibility import CriterionName
from verifier.counting.registry import DecisionKind
from verifier.policy import Basis, Level, Unit

__all__ = [
    "BASIS_WORDS",
    "CRITERION_WORDS",
    "DECISION_WORDS",
    "LEVEL_WORDS",
    "OUTCOME_WORDS",
    "REASON_WORDS",
    "UNIT_WORDS",
]

OUTCOME_WORDS: Final[Mapping[Outcome, str]] = {
    Outcome.COUNTED: _("Counted"),
    Outcome.HELD: _("Held"),
    Outcome.EXCLUDED: _("Excluded"),
    Outcome.OUT_OF_SCOPE: _("Out of scope"),
    Outcome.PLATFORM_NOT_RECOGNISED: _("Platform not recognised"),
    Outcome.POLICY_NOT_IN_FORCE: _("Policy not in force"),
    Outcome.CONNECTED_EARLIER: _("Connected earlier"),
    Outcome.COUNTED_ELSEWHERE: _("Counted elsewhere"),
    Outcome.PENDING: _("Pending"),
    Outcome.NOT_EFFECTIVE: _("Not effective"),
}

CRITERION_WORDS: Final[Mapping[CriterionName, str]] = {
    CriterionName.EFFECTIVE_WINDOW: _("Effective window"),
    CriterionName.NEWLY_CONNECTED: _("Newly connected in the year"),
    CriterionName.PLATFORM_RECOGNISED: _("Platform recognised"),
    CriterionName.POLICY_IN_FORCE: _("Policy in force when connected"),
    CriterionName.DISTRICT: _("District"),
    CriterionName.INDUSTRY: _("Industry"),
    CriterionName.NOT_OWN_OPERATOR: _("Not the platform's own operator"),
    CriterionName.NOT_EXCLUDED: _("Not excluded by a decision"),
    CriterionName.NOT_HELD: _("Not held by a decision"),
    CriterionName.COUNTED_ONCE: _("Counted on one platform only"),
}

REASON_WORDS: Final[Mapping[CriterionName, str]] = {
    CriterionName.EFFECTIVE_WINDOW: _("no effective window"),
    CriterionName.NEWLY_CONNECTED: _("connected in an earlier year"),
    CriterionName.PLATFORM_RECOGNISED: _("platform not recognised highly enough"),
    CriterionName.POLICY_IN_FORCE: _("connected while the policy was not in force"),
    CriterionName.DISTRICT: _("outside the policy's districts"),
    CriterionName.INDUSTRY: _("outside the policy's industries"),
    CriterionName.NOT_OWN_OPERATOR: _("the platform's own operator"),
    CriterionName.NOT_EXCLUDED: _("excluded by a decision"),
    CriterionName.NOT_HELD: _("held by a decision"),
    CriterionName.COUNTED_ONCE: _("counts on another platform"),
}
"""A criterion that is not met, as the reason it gives."""

DECISION_WORDS: Final[Mapping[DecisionKind, str]] = {
    "exclude": _("Exclude"),
    "waive": _("Waive"),
    "hold": _("Hold"),
}

LEVEL_WORDS: Final[Mapping[Level, str]] = {
    "municipal": _("municipal"),
    "provincial": _("provincial"),
    "national": _("national"),
}

BASIS_WORDS: Final[Mapping[Basis, str]] = {"text": _("text"), "decision": _("decision")}

UNIT_WORDS: Final[Mapping[Unit, str]] = {
    "hours": _("hours"),
    "minutes": _("minutes"),
    "days": _("days"),
    "devices": _("devices"),
    "yuan": _("yuan"),
    "date": "",
    "none": "",
}
"""Dates and choices have no unit to speak of."""
