"""Outcomes, criteria and reasons in the words of the page."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from jieru.i18n import marked as _
from verifier.counting.determination import Determination, Outcome
from verifier.counting.eligibility import Criterion, CriterionName
from verifier.counting.progress import Phase
from verifier.policy import LEVELS, Unit
from verifier.procedure.words import PHASE_WORDS
from verifier.words import LEVEL_WORDS, OUTCOME_WORDS, REASON_WORDS, UNIT_WORDS

__all__ = [
    "OutcomeWords",
    "Translate",
    "level_in_words",
    "number_with_unit",
    "outcome_words",
    "progress_in_words",
    "reason_in_words",
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


def level_in_words(level: str, translate: Translate) -> str:
    """A level of recognition, or `none`."""
    return translate(LEVEL_WORDS[level] if level in LEVELS else _("not recognised"))


def number_with_unit(number: int, unit: Unit, translate: Translate) -> str:
    """A parameter's number with its unit: 150,000 yuan."""
    word = UNIT_WORDS[unit]
    return f"{number:,} {translate(word)}" if word else str(number)


def reasons_in_words(determination: Determination, translate: Translate) -> list[str]:
    """Every criterion that is not met, and when a pending enterprise could be counted."""
    reasons = [
        reason_in_words(each, translate) for each in determination.criteria if each.is_met is False
    ]
    if determination.pending_until is not None:
        reasons.append(
            translate(_("complete on {day} at the earliest")).format(
                day=determination.pending_until
            )
        )
    return reasons


def reason_in_words(  # noqa: PLR0911 - a case for each criterion
    criterion: Criterion, translate: Translate
) -> str:
    """Why an enterprise does not count, from a criterion that it fails."""
    match criterion:
        case Criterion(name=CriterionName.NEWLY_CONNECTED, measured=year):
            return translate(_("its connection counts for {year} already")).format(year=year)
        case Criterion(name=CriterionName.COUNTED_ONCE, measured=platform):
            return translate(_("platform {platform} connected it first")).format(platform=platform)
        case Criterion(name=CriterionName.PLATFORM_RECOGNISED, measured=Mapping() as measured):
            return _not_recognised(measured, str(criterion.required), translate)
        case Criterion(
            name=CriterionName.POLICY_IN_FORCE, measured=day, required=Mapping() as term
        ):
            return translate(
                _("connected on {day}; the policy is in force from {since} to {until}")
            ).format(day=day, since=term["from"], until=term["to"])
        case Criterion(name=CriterionName.NOT_EXCLUDED, measured=list() as ids):
            return translate(_("excluded by decision {ids}")).format(ids=_listed(ids))
        case Criterion(name=CriterionName.NOT_HELD, measured=list() as ids):
            return translate(_("held by decision {ids}")).format(ids=_listed(ids))
        case Criterion(name=CriterionName.INDUSTRY, measured=str() as code):
            return translate(_("industry {code} is outside the policy's industries")).format(
                code=code
            )
    return translate(REASON_WORDS[criterion.name])


def _not_recognised(measured: Mapping[str, int | str], lowest: str, translate: Translate) -> str:
    if measured["level"] == "none":
        return translate(_("the platform was not recognised on {day}")).format(day=measured["on"])
    return translate(
        _("the platform was only {level} on {day}; {lowest} or above is required")
    ).format(
        day=measured["on"],
        level=level_in_words(str(measured["level"]), translate),
        lowest=level_in_words(lowest, translate),
    )


def _listed(ids: list[str]) -> str:
    return ", ".join(f"#{number}" for number in ids)


def progress_in_words(phase: Phase, fraction: float, translate: Translate) -> dict[str, object]:
    """What the bar of a computation shows: what it is busy with, and how much is done."""
    phases = list(Phase)
    return {
        "phase": translate(PHASE_WORDS[phase]),
        "percent": round(100 * (phases.index(phase) + fraction) / len(phases)),
    }
