"""A count as its page shows it, computed now or stored: chart, outcomes, determinations. Pure."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from api.counts.wording import (
    OutcomeWords,
    Translate,
    number_with_unit,
    outcome_words,
    reasons_in_words,
)
from jieru.i18n import Language
from jieru.i18n import marked as _
from verifier.counting.count import Count
from verifier.counting.determination import Determination, Outcome, Overlap
from verifier.counting.figures import Figures, PlatformFigures
from verifier.policy import ParameterValue, Policy, Unit

__all__ = [
    "ROWS_PER_PAGE",
    "CountAddress",
    "Filter",
    "OutcomeMatrix",
    "OverlapRow",
    "Page",
    "PageLink",
    "ParameterRow",
    "Row",
    "chart_data",
    "determinations_page",
    "outcome_matrix",
    "overlap_rows",
    "page_links",
    "page_of_rows",
    "parameter_rows",
    "stored_overlap_rows",
]


ROWS_PER_PAGE: Final = 50
_NEIGHBOURS: Final = 2
"""Page numbers shown on either side of the present one."""


class OutcomeMatrix(NamedTuple):
    """How many enterprises of each platform have each outcome; only outcomes that occur."""

    outcomes: list[OutcomeWords]
    rows: list[tuple[PlatformFigures, list[int]]]
    totals: list[int]


class ParameterRow(NamedTuple):
    """A parameter of the policy."""

    name: str
    description: str
    value: str
    clause: str
    is_decided: bool
    """The policy is silent, so the municipality decides."""


class OverlapRow(NamedTuple):
    """An enterprise that counts on several platforms."""

    uscc: str
    name: str
    claims: list[tuple[str, str]]
    """The name of each platform, and the day of connection."""


class Filter(NamedTuple):
    """Which determinations to show; empty is no condition."""

    outcome: str = ""
    platform: str = ""
    text: str = ""

    def accepts(self, determination: Determination) -> bool:
        """Whether a determination fits; the text is looked for in name and uscc."""
        wanted = _folded(self.text.strip())
        enterprise = determination.enterprise
        return (
            self.outcome in {"", determination.outcome.value}
            and self.platform in {"", determination.platform.code}
            and (wanted in _folded(enterprise.name) or wanted in _folded(enterprise.uscc))
        )


def _folded(text: str) -> str:
    """As texts are compared when one is looked for: full width and case make no difference."""
    return unicodedata.normalize("NFKC", text).casefold()


@dataclass(frozen=True, slots=True)
class CountAddress:
    """Where the pages of one count are."""

    year: int
    which: Mapping[str, str]
    """Of the query: the revision of a stored count, or the day of evidence of one of now."""

    def page(self, wanted: Filter | None = None, number: int = 1) -> str:
        """The page of the year, without what was left empty in the filter."""
        query = {**self.which, **(wanted or Filter())._asdict()}
        if number > 1:
            query["page"] = str(number)
        kept = {name: value for name, value in query.items() if value}
        return f"/counts/{self.year}?{urlencode(kept)}"

    def with_outcome(self, platform: str, outcome: str) -> str:
        """The page with the enterprises of one platform that have one outcome."""
        return self.page(Filter(outcome, platform)) + "#determinations-title"

    def case(self, platform: str, uscc: str) -> str:
        """The page of one enterprise."""
        return f"/counts/{self.year}/{platform}/{uscc}?{urlencode(self.which)}"


@dataclass(frozen=True, slots=True)
class Row:
    """A determination as a row of the table."""

    platform_code: str
    platform_name: str
    uscc: str
    name: str
    outcome: OutcomeWords
    connected_on: date | None
    window_last_day: date | None
    window_active_days: int | None
    window_longest_gap_days: int | None
    reasons: list[str]


class PageLink(NamedTuple):
    """A page number to go to; None stands for those left out."""

    number: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the determinations that fit."""

    rows: list[Row]
    number: int
    matching: int
    links: list[PageLink]


def outcome_matrix(figures: Figures, translate: Translate) -> OutcomeMatrix:
    """Outcomes by platform, in the order in which the design lists them."""
    all_outcomes = figures.outcomes
    occurring = [outcome for outcome in Outcome if all_outcomes[outcome]]
    return OutcomeMatrix(
        outcomes=[outcome_words(outcome, translate) for outcome in occurring],
        rows=[
            (platform, [platform.outcomes[outcome] for outcome in occurring])
            for platform in figures.platforms
        ],
        totals=[all_outcomes[outcome] for outcome in occurring],
    )


def overlap_rows(overlaps: Iterable[Overlap], names: Mapping[str, str]) -> list[OverlapRow]:
    """The overlaps of a count of now; names of platforms by their codes."""
    return [
        OverlapRow(
            each.enterprise.uscc,
            each.enterprise.name,
            [(names[one.platform_code], one.connected_on.isoformat()) for one in each.claims],
        )
        for each in overlaps
    ]


def stored_overlap_rows(
    overlaps: Iterable[Mapping[str, Any]], names: Mapping[str, str]
) -> list[OverlapRow]:
    """The overlaps of a stored document; names of platforms by their codes."""
    return [
        OverlapRow(
            each["uscc"],
            each["name"],
            [(names[one["platform"]], one["connected_on"]) for one in each["platforms"]],
        )
        for each in overlaps
    ]


def parameter_rows(policy: Policy, language: Language, translate: Translate) -> list[ParameterRow]:
    """Every parameter of the policy with its value as people read it."""
    return [
        ParameterRow(
            name=name,
            description=parameter.description.spoken_in(language),
            value=_value_in_words(parameter.value, parameter.unit, translate),
            clause=parameter.clause,
            is_decided=parameter.basis == "decision",
        )
        for name, parameter in policy.parameters().items()
    ]


def _value_in_words(value: ParameterValue, unit: Unit, translate: Translate) -> str:
    if isinstance(value, Mapping):
        return translate(_(", ")).join(district.name for district in value.values())
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, int):
        return number_with_unit(value, unit, translate)
    return str(value)


def chart_data(figures: Figures, language: Language, translate: Translate) -> dict[str, object]:
    """What the script of the chart reads: figures, and every word it shows."""
    capped = figures.enterprise_clause
    others = [clause for clause in figures.clauses if clause != capped]
    return {
        "locale": {"zh": "ZH", "en": "EN"}[language],
        "cap": figures.cap_yuan,
        "platforms": [
            {
                "name": each.name,
                "counted": each.counted,
                "uncapped": each.uncapped_yuan,
                "award": each.capped_yuan,
                # In the order of their words.
                "others": [each.amount_yuan(clause) for clause in others],
            }
            for each in figures.by_award
        ],
        "words": {
            "award": translate(_("Clause {clause}, enterprises")).format(clause=capped),
            "others": [
                translate(
                    _("Clause {clause}, national title")
                    if clause == figures.title_clause
                    else _("Clause {clause}")
                ).format(clause=clause)
                for clause in others
            ],
            "uncapped": translate(_("Without cap")),
            "cap": translate(_("Cap")),
            "counted": translate(_("Counted enterprises")),
        },
    }


def determinations_page(count: Count, wanted: Filter, number: int, translate: Translate) -> Page:
    """One page of the determinations that fit, by platform and uscc; the last for one too far."""
    matching = [
        each
        for platform in count.platforms
        for each in platform.determinations
        if wanted.accepts(each)
    ]
    number = min(number, _last_page(len(matching)))
    start = (number - 1) * ROWS_PER_PAGE
    return page_of_rows(matching[start : start + ROWS_PER_PAGE], number, len(matching), translate)


def page_of_rows(
    determinations: Sequence[Determination], number: int, matching: int, translate: Translate
) -> Page:
    """One page of the table.

    Args:
        determinations: those of the page.
        number: of the page, from 1 on.
        matching: how many fit on all pages.
        translate: into the reader's language.
    """
    return Page(
        rows=[_row(each, translate) for each in determinations],
        number=number,
        matching=matching,
        links=page_links(number, _last_page(matching)),
    )


def _last_page(matching: int) -> int:
    return max(1, -(-matching // ROWS_PER_PAGE))


def _row(determination: Determination, translate: Translate) -> Row:
    window = determination.window
    return Row(
        platform_code=determination.platform.code,
        platform_name=determination.platform.name,
        uscc=determination.enterprise.uscc,
        name=determination.enterprise.name,
        outcome=outcome_words(determination.outcome, translate),
        connected_on=determination.connected_on,
        window_last_day=window.last_day if window else None,
        window_active_days=window.active_days if window else None,
        window_longest_gap_days=window.longest_gap_days if window else None,
        reasons=reasons_in_words(determination, translate),
    )


def page_links(number: int, last: int) -> list[PageLink]:
    """The first, the last, and those around the present one."""
    shown = sorted(
        {1, last} | set(range(max(1, number - _NEIGHBOURS), min(last, number + _NEIGHBOURS) + 1))
    )
    links: list[PageLink] = []
    for position, page in enumerate(shown):
        if position and page > shown[position - 1] + 1:
            links.append(PageLink(None))
        links.append(PageLink(page))
    return links
