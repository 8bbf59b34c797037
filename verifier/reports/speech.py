"""How a report speaks: one language's texts, dates and numbers, and its words for the count's."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Final

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from jieru.calendar import SHANGHAI, parse_date
from jieru.i18n import Language, translations
from jieru.i18n import marked as _
from verifier.counting.determination import Outcome
from verifier.counting.eligibility import CriterionName
from verifier.counting.registry import DecisionKind
from verifier.policy import LEVELS, Basis
from verifier.reports.document import Closing, CountDocument, Decision, Enterprise, Measure
from verifier.words import (
    BASIS_WORDS,
    CRITERION_WORDS,
    DECISION_WORDS,
    LEVEL_WORDS,
    OUTCOME_WORDS,
    REASON_WORDS,
)

__all__ = ["Speech"]

_LOCALES: Final[Mapping[Language, str]] = {"zh": "zh_Hans_CN", "en": "en_GB"}
_INSTANTS: Final[Mapping[Language, str]] = {
    "zh": "y年M月d日 HH:mm",
    "en": "d MMMM y, HH:mm",
}
_MEMORY: Final = 4_096
"""Dates and amounts recur: a year has some hundred days."""

_NUMERIC_WORDS: Final[Mapping[str, str]] = {
    "active_hours_per_day_min": _("Hours of a device on a day"),
    "active_devices_min": _("Active devices on a day"),
    "window_days": _("Days of the window"),
    "active_days_min": _("Active days in the window"),
    "longest_gap_days_max": _("Longest gap in the window, days"),
}


class Speech:
    """One language, for one document: everything a report says goes through it."""

    def __init__(self, language: Language, document: CountDocument) -> None:
        """Choose the language; the document names its own districts."""
        self.language: Language = language
        self._locale = _LOCALES[language]
        self._gettext = translations(language).gettext
        self._document = document

    def text(self, message: str, **values: object) -> str:
        """A message of the catalogue, with its values."""
        translated = self._gettext(message)
        return translated.format(**values) if values else translated

    def day(self, day: date | None) -> str:
        """A civil date: 2026年3月2日, 2 March 2026; nothing where there is none."""
        return "" if day is None else _date(day, self._locale)

    def period(self, first: date, last: date | None) -> str:
        """Two dates, both inclusive."""
        return self.text(_("{first} to {last}"), first=self.day(first), last=self.day(last))

    def instant(self, instant: datetime) -> str:
        """An instant to the minute, as clocks in Asia/Shanghai show it."""
        local = instant.astimezone(SHANGHAI)
        pattern = _INSTANTS[self.language]
        return format_datetime(local.replace(tzinfo=None), pattern, locale=self._locale)

    def number(self, number: int | None) -> str:
        """A whole number with its thousands separated."""
        return "" if number is None else _number(number, self._locale)

    def share(self, part: int, whole: int) -> str:
        """A part of a whole in per cent, to two places; a dash where there is no whole."""
        if whole == 0:
            return "-"
        return format_percent(Decimal(part) / whole, "0.00%", locale=self._locale)

    def outcome(self, outcome: Outcome) -> str:
        """An outcome's word."""
        return self.text(OUTCOME_WORDS[outcome])

    def basis(self, basis: Basis) -> str:
        """What a criterion rests on."""
        return self.text(BASIS_WORDS[basis])

    def decision_kind(self, kind: DecisionKind) -> str:
        """A decision's word."""
        return self.text(DECISION_WORDS[kind])

    def district(self, slug: str) -> str:
        """A district's name; one outside the policy's list is called by its slug."""
        return self._districts.get(slug, self.text(_("Other")) if slug == "other" else slug)

    def reasons(self, enterprise: Enterprise) -> str:
        """All reasons that speak against an enterprise, and when a pending one may be complete."""
        said = [self._known(each, REASON_WORDS) for each in enterprise.reasons]
        if enterprise.pending_until is not None:
            day = self.day(enterprise.pending_until)
            said.append(self.text(_("complete on {day} at the earliest"), day=day))
        return self.text(_("; ")).join(said)

    def criterion(self, name: str) -> str:
        """A criterion's name."""
        if name in _NUMERIC_WORDS:
            return self.text(_NUMERIC_WORDS[name])
        return self._known(name, CRITERION_WORDS)

    def measured(self, criterion: str, measure: Measure) -> str:
        """What was measured, in words."""
        if measure is None:
            return "-"
        if isinstance(measure, Mapping):
            return self._parts(measure)
        if isinstance(measure, list):
            return self.text(_("; ")).join(self._single(criterion, each) for each in measure) or "-"
        return self._single(criterion, measure)

    def required(self, criterion: str, measure: Measure) -> str:
        """What is required, in words."""
        said = self.measured(criterion, measure)
        if criterion not in _NUMERIC_WORDS:
            return said
        bound = _("at most {value}") if criterion.endswith("_max") else _("at least {value}")
        return self.text(bound, value=said)

    def decision(self, decision: Decision) -> str:
        """What was decided, why, by whom and when; withdrawn ones say so."""
        what = self.decision_kind(decision.kind)
        if decision.criterion is not None and decision.value is not None:
            what = self.text(
                _("{what} ({criterion}: {value})"),
                what=what,
                criterion=self.criterion(decision.criterion),
                value=self.number(decision.value),
            )
        said = self.text(
            _("No. {id} {what}: {reason} ({name}, {day})"),
            id=decision.id,
            what=what,
            reason=decision.reason,
            name=decision.decided_by,
            day=self.instant(decision.decided_at),
        )
        if decision.attachment is not None:
            said = self.text(
                _("{said}; attachment: {attachment}"), said=said, attachment=decision.attachment
            )
        if decision.withdrawn_at is None:
            return said
        return self.text(
            _("{said}; withdrawn: {reason} ({name}, {day})"),
            said=said,
            reason=decision.withdrawn_reason or "",
            name=decision.withdrawn_by or "",
            day=self.instant(decision.withdrawn_at),
        )

    def closing(self, closing: Closing) -> str:
        """Why the count does not wait for a pending enterprise."""
        return self.text(
            _("Closed before its window was complete: {reason} ({name}, {day})"),
            reason=closing.reason,
            name=closing.closed_by,
            day=self.instant(closing.closed_at),
        )

    def proceedings(self, enterprise: Enterprise) -> list[str]:
        """All that people decided on an enterprise."""
        said = [self.decision(each) for each in enterprise.decisions]
        return said if enterprise.closing is None else [*said, self.closing(enterprise.closing)]

    def _known(self, name: str, words: Mapping[CriterionName, str]) -> str:
        """The word of a criterion; one of another version of Jieru stands as it is."""
        return self.text(words[CriterionName(name)]) if name in set(CriterionName) else name

    def _single(self, criterion: str, measure: int | str) -> str:
        if isinstance(measure, int):
            # A year is not a quantity.
            is_year = criterion == CriterionName.NEWLY_CONNECTED
            return str(measure) if is_year else self.number(measure)
        if criterion == CriterionName.DISTRICT:
            return self.district(measure)
        if measure in LEVELS and criterion == CriterionName.PLATFORM_RECOGNISED:
            return self.text(LEVEL_WORDS[measure])
        if criterion == CriterionName.POLICY_IN_FORCE:
            return self.day(_day(measure))
        return measure

    def _parts(self, parts: Mapping[str, int | str]) -> str:
        match parts:
            case {"first_day": first, "last_day": last} | {"from": first, "to": last}:
                return self.period(_day(first), _day(last))
            case {"on": day, "level": level}:
                word = LEVEL_WORDS[level] if level in LEVELS else _("none")
                return self.text(
                    _("{day}: {level}"), day=self.day(_day(day)), level=self.text(word)
                )
            case {"not": operator}:
                return self.text(_("not {uscc}"), uscc=operator)
            case _:
                return self.text(_("the five rows below"))

    @cached_property
    def _districts(self) -> Mapping[str, str]:
        parameter = self._document.parameter("districts")
        value = parameter.value if parameter else {}
        if not isinstance(value, dict):
            return {}
        return {slug: each.get("name") or slug for slug, each in value.items()}


def _day(value: int | str) -> date:
    return parse_date(str(value))


@lru_cache(_MEMORY)
def _date(day: date, locale: str) -> str:
    return format_date(day, "long", locale=locale)


@lru_cache(_MEMORY)
def _number(number: int, locale: str) -> str:
    return format_decimal(number, locale=locale)
