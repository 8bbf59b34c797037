"""Outcomes, criteria and reasons in the words of the page."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Final, NamedTuple

from jieru.i18n import marked as _
from verifier.counting.determination import Determination, Outcome
from verifier.counting.progress import Phase
from verifier.criterion_speech import CriterionSpeech
from verifier.policy import Policy, Unit
from verifier.procedure.words import PHASE_WORDS
from verifier.words import OUTCOME_WORDS, UNIT_WORDS

__all__ = [
    "OutcomeWords",
    "Translate",
    "criterion_speech",
    "number_with_unit",
    "outcome_words",
    "progress_in_words",
    "reasons_in_words",
]

Translate = Callable[[str], str]


class OutcomeWords(NamedTuple):
    """An outcome as the page shows it."""

    value: str
    label: str
    tone: str
    """The tag's colour, a class of the style sheet; the label says the same in words."""


_TONES: Final[dict[Outcome, str]] = {
    Outcome.COUNTED: "green",
    Outcome.HELD: "purple",
    Outcome.EXCLUDED: "red",
    Outcome.OUT_OF_SCOPE: "grey",
    Outcome.PLATFORM_NOT_RECOGNISED: "amber",
    Outcome.POLICY_NOT_IN_FORCE: "grey",
    Outcome.CONNECTED_EARLIER: "cyan",
    Outcome.COUNTED_ELSEWHERE: "cyan",
    Outcome.PENDING: "info",
    Outcome.NOT_EFFECTIVE: "amber",
}


def outcome_words(outcome: Outcome, translate: Translate) -> OutcomeWords:
    """How the page shows an outcome."""
    return OutcomeWords(outcome.value, translate(OUTCOME_WORDS[outcome]), _TONES[outcome])


def number_with_unit(number: int, unit: Unit, translate: Translate) -> str:
    """A parameter's number with its unit: 150,000 yuan."""
    word = UNIT_WORDS[unit]
    return f"{number:,} {translate(word)}" if word else str(number)


def criterion_speech(translate: Translate, policy: Policy | None = None) -> CriterionSpeech:
    """Criteria in the words of a page; a district outside the policy's list is elsewhere."""
    return CriterionSpeech(
        translate,
        day=date.isoformat,
        number="{:,}".format,
        district=partial(_district, translate, policy),
    )


def _district(translate: Translate, policy: Policy | None, slug: str) -> str:
    district = policy.districts.value.get(slug) if policy else None
    return district.name if district else translate(_("elsewhere"))


def reasons_in_words(determination: Determination, translate: Translate) -> list[str]:
    """Every criterion that is not met, and when a pending enterprise could be counted."""
    speech = criterion_speech(translate)
    reasons = [
        speech.reason(each.name, each.measured, each.required)
        for each in determination.criteria
        if each.is_met is False
    ]
    if determination.pending_until is not None:
        reasons.append(
            translate(_("complete on {day} at the earliest")).format(
                day=determination.pending_until
            )
        )
    return reasons


def progress_in_words(phase: Phase, fraction: float, translate: Translate) -> dict[str, object]:
    """What the bar of a computation shows: what it is busy with, and how much is done."""
    phases = list(Phase)
    return {
        "phase": translate(PHASE_WORDS[phase]),
        "percent": round(100 * (phases.index(phase) + fraction) / len(phases)),
    }
