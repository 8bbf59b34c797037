"""The forms of the steps of a case: what each asks. Nothing is chosen beforehand."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from api.cases.answers import BureauStep
from api.console.forms import Choice, Input
from api.console.visit import Visit
from api.console.words import Translate
from api.web.documents import FILES_FIELD
from jieru.i18n import marked as _
from jieru.vocabulary import DECISION_WORDS
from verifier.trust.cases.states import CaseStep

__all__ = ["FILES_INPUT", "STEP_FORMS", "StepForm", "inputs_of", "step_of"]

_LONGEST: Final = 4_000


@dataclass(frozen=True, slots=True)
class StepForm:
    """A form for one step."""

    step: BureauStep
    title: str
    """In English, for the catalogue, as are the others."""
    submit: str
    explanation: str
    inputs: tuple[Input, ...]


def _text(label: str, hint: str = "") -> Input:
    return Input("text", label, "lines", is_required=True, hint=hint, longest=_LONGEST)


FILES_INPUT: Final = Input(
    FILES_FIELD,
    _("Files"),
    "files",
    hint=_("At most five: PDF, JPEG, PNG, XLSX, DOCX or ZIP."),
)
_WORKING_DAYS: Final = Input(
    "working_days",
    _("Working days for the answer"),
    "number",
    hint=_("Left empty: as the policy has it."),
)
_LEADS_TO: Final = Input("leads_to", _("What follows"), "select", is_required=True)
_REASON: Final = _text(_("Reason"))

STEP_FORMS: Final[Mapping[str, StepForm]] = {
    "ask-operator": StepForm(
        "asked_operator",
        _("Ask the operator"),
        _("Ask"),
        _(
            "The operator reads your question and until when it is due, and nothing else of this "
            "case: name no signal and no threshold."
        ),
        (_text(_("Question")), _WORKING_DAYS, FILES_INPUT),
    ),
    "ask-enterprise": StepForm(
        "asked_enterprise",
        _("Ask the enterprise"),
        _("Record the question"),
        _("Ask by letter or telephone, and record here what was asked, of whom and how."),
        (_text(_("Question")), _WORKING_DAYS, FILES_INPUT),
    ),
    "enterprise-answer": StepForm(
        "enterprise_answered",
        _("Record the enterprise's answer"),
        _("Record the answer"),
        _("Who answered, when and how, with what was handed in."),
        (_text(_("Answer")), FILES_INPUT),
    ),
    "visit": StepForm(
        "visited",
        _("Record a visit"),
        _("Record the visit"),
        _("Who went there, whom they met, which machines they saw: serials and nameplates."),
        (
            Input("visited_on", _("Visited on"), "date", is_required=True),
            _text(_("What was found")),
            replace(
                FILES_INPUT,
                label=_("Photographs and files"),
                hint=_(
                    "At most five: PDF, JPEG, PNG, XLSX, DOCX or ZIP. Others get photographs "
                    "without their position."
                ),
            ),
        ),
    ),
    "note": StepForm(
        "noted",
        _("Note something"),
        _("Record the note"),
        _("It changes nothing in where the case stands."),
        (_text(_("Note")), FILES_INPUT),
    ),
    "propose-hold": StepForm(
        "hold_proposed",
        _("Propose a hold"),
        _("Propose the hold"),
        _("Another person decides it. Until then the enterprise counts as before."),
        (_REASON,),
    ),
    "decide-hold": StepForm(
        "hold_decided",
        _("Decide the hold"),
        _("Decide the hold"),
        _(
            "The enterprise is held by a decision in your name, until that is withdrawn; it counts "
            "for nothing meanwhile."
        ),
        (_REASON,),
    ),
    "decline-hold": StepForm(
        "hold_declined",
        _("Decline the hold"),
        _("Decline the hold"),
        _("The proposal is settled, and the enterprise counts as before."),
        (_REASON,),
    ),
    "clear": StepForm(
        "cleared",
        _("Clear the case"),
        _("Clear the case"),
        _(
            "The signals have an honest explanation. They open no case again, unless they are new "
            "or clearly stronger. If the enterprise is held, withdraw that decision as well."
        ),
        (_text(_("Explanation")), FILES_INPUT),
    ),
    "uphold": StepForm(
        "upheld",
        _("Uphold the case"),
        _("Uphold the case"),
        _(
            "The signals have no honest explanation. A decision on the enterprise is recorded in "
            "your name with this reason; it weighs in next year's draw."
        ),
        (_LEADS_TO, _REASON, FILES_INPUT),
    ),
    "reopen": StepForm(
        "reopened",
        _("Reopen the case"),
        _("Reopen the case"),
        _("It needs an outcome again. A decision that it led to stays until it is withdrawn."),
        (_REASON,),
    ),
}
"""By the last part of their address."""


def inputs_of(form: StepForm, visit: Visit) -> list[Input]:
    """What a form asks, with what there is to choose from."""
    choices = _choices(visit.translate)
    return [
        replace(each, choices=choices) if each.name == _LEADS_TO.name else each
        for each in form.inputs
    ]


def _choices(translate: Translate) -> list[Choice]:
    kinds = {"exclude": DECISION_WORDS["exclude"], "hold": DECISION_WORDS["hold"]}
    return [Choice("", ""), *(Choice(kind, translate(word)) for kind, word in kinds.items())]


def step_of(form: StepForm) -> CaseStep:
    """Which step a form is for."""
    return CaseStep(form.step)
