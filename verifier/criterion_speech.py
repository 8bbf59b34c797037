"""Criteria in words: what was measured, what is required, and why a failed one speaks against.

Page, terminal and report say the same sentences; each brings its language and how it writes days,
numbers and districts. Pure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from jieru.calendar import parse_date
from jieru.i18n import marked as _
from jieru.vocabulary import CRITERION_WORDS, LEVEL_WORDS, REASON_WORDS, STANDING_WORDS
from verifier.counting.eligibility import CriterionName, Measure

__all__ = ["NOTHING", "CriterionSpeech"]

NOTHING: Final = "–"
"""What stands where nothing was measured, or nothing is required."""

_BOUNDS: Final = {"_min": _("at least {value}"), "_max": _("at most {value}")}


@dataclass(frozen=True, slots=True)
class CriterionSpeech:
    """How one reader is told of criteria."""

    translate: Callable[[str], str]
    """A message of the catalogue in the reader's language."""
    day: Callable[[date], str]
    number: Callable[[int], str]
    district: Callable[[str], str]
    """The name of a district, from its slug."""

    def name(self, criterion: str) -> str:
        """What a criterion is called; one of another version of Jieru stands as it is."""
        return self._word(criterion, CRITERION_WORDS)

    def level(self, level: str) -> str:
        """A level of recognition, or `none`."""
        return self.translate(LEVEL_WORDS.get(level, _("not recognised")))

    def measured(self, criterion: str, measure: Measure) -> str:  # noqa: PLR0911 - a case for each shape
        """What was measured."""
        match measure:
            case None:
                return NOTHING
            case {"first_day": first, "last_day": last}:
                return self._period(first, last)
            case {"on": day, "level": level}:
                return self._say(
                    _("{level} on {day}"), level=self.level(str(level)), day=self._day(day)
                )
            case {"answer": "none"}:
                return self.translate(_("no answer of the enterprise"))
            case {"answer": answer, "answered_on": day}:
                said = self.translate(STANDING_WORDS[str(answer)])
                return self._say(_("{answer} on {day}"), answer=said, day=self._day(day))
            case int() | str():
                return self._single(criterion, measure)
            case Mapping():
                return self._listed(criterion, [str(each) for each in measure.values()])
            case _:
                return self._listed(criterion, measure)

    def required(self, criterion: str, measure: Measure) -> str:  # noqa: PLR0911 - the same
        """What is required."""
        match criterion, measure:
            case CriterionName.CONFIRMED, "hold":
                return self.translate(_("a confirmation"))
            case CriterionName.CONFIRMED, _:
                return self.translate(_("reported only"))
            case CriterionName.EFFECTIVE_WINDOW, Mapping():
                return self.translate(_("the five rows below"))
            case CriterionName.PLATFORM_RECOGNISED, str():
                return self._say(_("{level} or above"), level=self.level(measure))
            case _, {"from": first, "to": last}:
                return self._period(first, last)
            case _, {"not": operator}:
                return self._say(_("not {uscc}"), uscc=operator)
        said = self.measured(criterion, measure)
        bound = next((_BOUNDS[end] for end in _BOUNDS if criterion.endswith(end)), None)
        return self._say(bound, value=said) if bound and isinstance(measure, int) else said

    def reason(self, criterion: str, measured: Measure, required: Measure) -> str:  # noqa: C901, PLR0911 - a case for each criterion
        """Why an enterprise does not count, from a criterion that it fails."""
        match criterion, measured, required:
            case CriterionName.NEWLY_CONNECTED, int(), _:
                return self._say(_("its connection counts for {year} already"), year=measured)
            case CriterionName.LIVE_SHARE, int(), int():
                return self._say(
                    _("{measured} % of its hours were heard live; {required} % are required"),
                    measured=measured,
                    required=required,
                )
            case CriterionName.COUNTED_ONCE, str(), _:
                return self._say(_("platform {platform} connected it first"), platform=measured)
            case CriterionName.PLATFORM_RECOGNISED, {"on": day, "level": "none"}, _:
                return self._say(_("the platform was not recognised on {day}"), day=self._day(day))
            case CriterionName.PLATFORM_RECOGNISED, {"on": day, "level": level}, str():
                return self._say(
                    _("the platform was only {level} on {day}; {lowest} or above is required"),
                    day=self._day(day),
                    level=self.level(str(level)),
                    lowest=self.level(required),
                )
            case CriterionName.POLICY_IN_FORCE, str(), {"from": since, "to": until}:
                return self._say(
                    _("connected on {day}; the policy is in force from {since} to {until}"),
                    day=self._day(measured),
                    since=self._day(since),
                    until=self._day(until),
                )
            case CriterionName.NOT_EXCLUDED, list(), _:
                return self._say(_("excluded by decision {ids}"), ids=_numbered(measured))
            case CriterionName.NOT_HELD, list(), _:
                return self._say(_("held by decision {ids}"), ids=_numbered(measured))
            case CriterionName.CONFIRMED, {"answer": "denied", "answered_on": day}, _:
                return self._say(_("the enterprise denied it on {day}"), day=self._day(day))
            case CriterionName.INDUSTRY, str(), _:
                return self._say(
                    _("industry {code} is outside the policy's industries"), code=measured
                )
        return self._word(criterion, REASON_WORDS)

    def short_reason(self, criterion: str) -> str:
        """The reason, without what was measured."""
        return self._word(criterion, REASON_WORDS)

    def _say(self, message: str, **values: object) -> str:
        return self.translate(message).format(**values)

    def _word(self, criterion: str, words: Mapping[str, str]) -> str:
        return self.translate(words[criterion]) if criterion in words else criterion

    def _day(self, day: int | str) -> str:
        return self.day(parse_date(str(day)))

    def _period(self, first: int | str, last: int | str) -> str:
        return self._say(_("{first} to {last}"), first=self._day(first), last=self._day(last))

    def _listed(self, criterion: str, several: Sequence[str]) -> str:
        said = [self._single(criterion, each) for each in several]
        return self.translate(_(", ")).join(said) or self.translate(_("none"))

    def _single(self, criterion: str, measure: int | str) -> str:
        match criterion, measure:
            case CriterionName.NEWLY_CONNECTED, int():
                return str(measure)  # a year is no quantity
            case _, int():
                return self.number(measure)  # its name says of what
            case CriterionName.DISTRICT, str():
                return self.district(measure)
            case CriterionName.PLATFORM_RECOGNISED, str():
                return self.level(measure)
            case CriterionName.POLICY_IN_FORCE, str():
                return self._day(measure)
            case _:
                return str(measure)


def _numbered(ids: Sequence[str]) -> str:
    return ", ".join(f"#{number}" for number in ids)
