"""A count as the page shows it: totals, chart, and the determinations that fit a filter. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from api.counts.wording import (
    OutcomeWords,
    Translate,
    number_with_unit,
    outcome_words,
    reasons_in_words,
)
from jieru.i18n import Language
from jieru.i18n import marked as _
from verifier.counting.count import Count, PlatformCount
from verifier.counting.determination import Determination, Outcome
from verifier.policy import ParameterValue, Policy, Unit

__all__ = [
    "ROWS_PER_PAGE",
    "Filter",
    "OutcomeChoice",
    "Page",
    "PageLink",
    "ParameterRow",
    "PlatformRow",
    "Row",
    "Totals",
    "chart_data",
    "determinations_page",
    "outcome_choices",
    "page_links",
    "parameter_rows",
    "platform_rows",
    "totals",
]


ROWS_PER_PAGE: Final = 50
_NEIGHBOURS: Final = 2
"""Page numbers shown on either side of the present one."""


class PlatformRow(NamedTuple):
    """A platform's figures; yuan."""

    code: str
    name: str
    counted: int
    pending: int
    uncapped_yuan: int
    enterprises_yuan: int
    """Paid for its enterprises (clause 1.2)."""
    title_yuan: int
    """Paid for its national title (clause 1.1)."""
    award_yuan: int

    @property
    def is_capped(self) -> bool:
        """Whether the cap takes something away."""
        return self.enterprises_yuan < self.uncapped_yuan


class Totals(NamedTuple):
    """Sums over all platforms."""

    counted: int
    pending: int
    examined: int
    capped: int
    uncapped_yuan: int
    enterprises_yuan: int
    title_yuan: int


class OutcomeChoice(NamedTuple):
    """An outcome that occurs, and how often."""

    words: OutcomeWords
    number: int


class ParameterRow(NamedTuple):
    """A parameter of the policy."""

    name: str
    description: str
    value: str
    clause: str
    is_decided: bool
    """The policy is silent, so the municipality decides."""


class Filter(NamedTuple):
    """Which determinations to show; empty is no condition."""

    outcome: str = ""
    platform: str = ""
    text: str = ""

    def accepts(self, determination: Determination) -> bool:
        """Whether a determination fits; the text is looked for in name and uscc."""
        wanted = self.text.strip().casefold()
        enterprise = determination.enterprise
        return (
            self.outcome in {"", determination.outcome.value}
            and self.platform in {"", determination.platform.code}
            and (wanted in enterprise.name.casefold() or wanted in enterprise.uscc.casefold())
        )


@dataclass(frozen=True, slots=True)
class Row:
    """A determination as a row of the table."""

    platform_code: str
    platform_name: str
    uscc: str
    name: str
    outcome: OutcomeWords
    connected_on: date | None
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


def platform_rows(count: Count) -> list[PlatformRow]:
    """Every platform, the highest award first."""
    rows = [_platform_row(each, count) for each in count.platforms]
    return sorted(rows, key=lambda row: (-row.award_yuan, -row.uncapped_yuan, row.code))


def _platform_row(platform: PlatformCount, count: Count) -> PlatformRow:
    outcomes = platform.outcomes
    clause = count.policy.award_per_enterprise_yuan.clause
    for_enterprises = [line for line in platform.lines if line.clause == clause]
    enterprises_yuan = sum(line.amount_yuan for line in for_enterprises)
    return PlatformRow(
        code=platform.platform.code,
        name=platform.platform.name,
        counted=outcomes[Outcome.COUNTED],
        pending=outcomes[Outcome.PENDING],
        uncapped_yuan=sum(line.uncapped_yuan for line in for_enterprises),
        enterprises_yuan=enterprises_yuan,
        title_yuan=platform.award_yuan - enterprises_yuan,
        award_yuan=platform.award_yuan,
    )


def totals(count: Count, rows: Sequence[PlatformRow]) -> Totals:
    """Sums over all platforms."""
    return Totals(
        counted=sum(row.counted for row in rows),
        pending=sum(row.pending for row in rows),
        examined=sum(len(each.determinations) for each in count.platforms),
        capped=sum(row.is_capped for row in rows),
        uncapped_yuan=sum(row.uncapped_yuan for row in rows),
        enterprises_yuan=sum(row.enterprises_yuan for row in rows),
        title_yuan=sum(row.title_yuan for row in rows),
    )


def outcome_choices(count: Count, translate: Translate) -> list[OutcomeChoice]:
    """Outcomes that occur, in the order in which the design lists them."""
    numbers: Counter[Outcome] = sum((each.outcomes for each in count.platforms), Counter())
    return [
        OutcomeChoice(outcome_words(outcome, translate), numbers[outcome])
        for outcome in Outcome
        if numbers[outcome]
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


def chart_data(
    count: Count, rows: Sequence[PlatformRow], language: Language, translate: Translate
) -> dict[str, object]:
    """What the script of the chart reads: figures, and every word it shows."""
    policy = count.policy
    return {
        "locale": {"zh": "ZH", "en": "EN"}[language],
        "cap": policy.award_cap_yuan.value,
        "platforms": [
            {
                "name": row.name,
                "counted": row.counted,
                "uncapped": row.uncapped_yuan,
                "award": row.enterprises_yuan,
                "title": row.title_yuan,
            }
            for row in rows
        ],
        "words": {
            "award": translate(_("Clause {clause}, enterprises")).format(
                clause=policy.award_per_enterprise_yuan.clause
            ),
            "title": translate(_("Clause {clause}, national title")).format(
                clause=policy.national_title_award_yuan.clause
            ),
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
    last = max(1, -(-len(matching) // ROWS_PER_PAGE))
    number = min(number, last)
    start = (number - 1) * ROWS_PER_PAGE
    return Page(
        rows=[_row(each, translate) for each in matching[start : start + ROWS_PER_PAGE]],
        number=number,
        matching=len(matching),
        links=page_links(number, last),
    )


def _row(determination: Determination, translate: Translate) -> Row:
    window = determination.window
    return Row(
        platform_code=determination.platform.code,
        platform_name=determination.platform.name,
        uscc=determination.enterprise.uscc,
        name=determination.enterprise.name,
        outcome=outcome_words(determination.outcome, translate),
        connected_on=determination.connected_on,
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
