"""How a report speaks: one language's texts, dates and numbers, and its words for the count's."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Final

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from jieru.calendar import SHANGHAI
from jieru.i18n import Language, translations
from jieru.i18n import marked as _
from verifier.counting.determination import Outcome
from verifier.counting.registry import DecisionKind
from verifier.criterion_speech import CriterionSpeech
from verifier.late_speech import late_sentence
from verifier.policy import Basis
from verifier.reports.document import Closing, CountDocument, Decision, Enterprise, Measure
from verifier.words import (
    BASIS_WORDS,
    DECISION_WORDS,
    OUTCOME_WORDS,
)

__all__ = ["Speech"]

_LOCALES: Final[Mapping[Language, str]] = {"zh": "zh_Hans_CN", "en": "en_GB"}
_INSTANTS: Final[Mapping[Language, str]] = {
    "zh": "y年M月d日 HH:mm",
    "en": "d MMMM y, HH:mm",
}
_MEMORY: Final = 4_096
"""Dates and amounts recur: a year has some hundred days."""


class Speech:
    """One language, for one document: everything a report says goes through it."""

    def __init__(self, language: Language, document: CountDocument) -> None:
        """Choose the language; the document names its own districts."""
        self.language: Language = language
        self._locale = _LOCALES[language]
        self._gettext = translations(language).gettext
        self._document = document
        self._criteria = CriterionSpeech(
            self._gettext, day=self.day, number=self.number, district=self.district
        )

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
        said = [self._criteria.short_reason(each) for each in enterprise.reasons]
        if enterprise.pending_until is not None:
            day = self.day(enterprise.pending_until)
            said.append(self.text(_("complete on {day} at the earliest"), day=day))
        return self.text(_("; ")).join(said)

    def criterion(self, name: str) -> str:
        """A criterion's name."""
        return self._criteria.name(name)

    def measured(self, criterion: str, measure: Measure) -> str:
        """What was measured, in words."""
        return self._criteria.measured(criterion, measure)

    def required(self, criterion: str, measure: Measure) -> str:
        """What is required, in words."""
        return self._criteria.required(criterion, measure)

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
        if decision.confirmed_at is not None:
            said = self.text(
                _("{said}; confirmed by {name}, {day}"),
                said=said,
                name=decision.confirmed_by or "",
                day=self.instant(decision.confirmed_at),
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

    def late_records(self, enterprise: Enterprise) -> list[str]:
        """What of an enterprise was recorded later than it begins, a sentence each."""
        return [
            late_sentence(each.as_counted(), self.text, self.day)
            for each in enterprise.backdated or ()
        ]

    def proceedings(self, enterprise: Enterprise) -> list[str]:
        """What was recorded late of an enterprise, and all that people decided on it."""
        said = self.late_records(enterprise)
        said += [self.decision(each) for each in enterprise.decisions]
        return said if enterprise.closing is None else [*said, self.closing(enterprise.closing)]

    @cached_property
    def _districts(self) -> Mapping[str, str]:
        parameter = self._document.parameter("districts")
        value = parameter.value if parameter else {}
        if not isinstance(value, dict):
            return {}
        return {slug: each.get("name") or slug for slug, each in value.items()}


@lru_cache(_MEMORY)
def _date(day: date, locale: str) -> str:
    return format_date(day, "long", locale=locale)


@lru_cache(_MEMORY)
def _number(number: int, locale: str) -> str:
    return format_decimal(number, locale=locale)
