"""An operator's year as the first page shows it."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from fastapi.responses import HTMLResponse

from api.console.choices import word_choices
from api.console.listed import Filtered, list_address, query_of, render_list
from api.console.visit import Visit
from api.console.words import STANDING_WORDS, Words, words
from api.pipeline.listing import PipelineFilter, page_of
from api.pipeline.rows import Order, PipelineRow, Stage, Totals, totals
from api.pipeline.source import Pipeline, PipelineSource
from api.pipeline.wording import (
    ORDER_WORDS,
    RESULT_TONES,
    RESULT_WORDS,
    STAGE_LABELS,
    StepInWords,
    step_in_words,
)
from api.web.paging import PageRequest
from jieru.i18n import marked as _
from verifier.counting.outlook import Result

__all__ = ["ShownRow", "WantedRows", "show_year", "shown_row"]

_PATH: Final = "/"
_PRESSING: Final = (Result.AT_RISK, Result.NOT_YET)


@dataclass(frozen=True, slots=True)
class WantedRows:
    """The filter of the page; what it does not know it takes for nothing said."""

    result: Filtered = ""
    lacks: Filtered = ""
    sort: Filtered = Order.URGENCY.value
    text: Filtered = ""

    @property
    def accepted(self) -> PipelineFilter:
        """The filter of the API's list that says the same."""
        return PipelineFilter(
            result=Result(self.result) if self.result in list(Result) else None,
            lacks=Stage(self.lacks) if self.lacks in list(Stage) else None,
            text=self.text or None,
            sort=Order(self.sort) if self.sort in list(Order) else Order.URGENCY,
        )


class ShownStage(NamedTuple):
    """A stage of one enterprise."""

    label: str
    is_passed: bool


class ShownRow(NamedTuple):
    """A row of the pipeline."""

    row: PipelineRow
    result: Words
    stages: list[ShownStage]
    confirmation: Words | None
    step: StepInWords


class ShownNumber(NamedTuple):
    """A number that is a filter."""

    words: Words
    number: int
    lacking: int
    address: str
    is_chosen: bool


def show_year(
    visit: Visit, source: PipelineSource, page: PageRequest, wanted: WantedRows
) -> HTMLResponse:
    """An operator's year, and where each enterprise stands in it."""
    found = source.pipeline(visit.caller, visit.now)
    accepted = wanted.accepted
    shown = page_of(accepted.of(found.rows), accepted.sort, page)
    query = query_of(wanted)
    summed = totals(found.rows)
    values = {
        "pipeline": found,
        "rows": [shown_row(row, visit) for row in shown.rows],
        "found": len(accepted.of(found.rows)),
        "totals": summed,
        "figures": found.figures,
        "results": _results(summed, wanted, visit),
        "stages": _stages(summed, wanted, visit),
        "result_choices": word_choices(Result, RESULT_WORDS, visit.translate),
        "stage_choices": word_choices(Stage, STAGE_LABELS, visit.translate),
        "orders": word_choices(Order, ORDER_WORDS, visit.translate),
        "pressing": _pressing(found, visit),
        "wanted": wanted,
        "again_address": list_address(_PATH, {**query, "cursor": page.cursor}),
    }
    return render_list(visit, "pipeline", _PATH, query, page, shown.next_cursor, values)


def shown_row(row: PipelineRow, visit: Visit) -> ShownRow:
    """A row in the reader's words."""
    translate = visit.translate
    result = row.result
    said = row.ready.confirmation
    return ShownRow(
        row=row,
        result=Words(result or "", translate(RESULT_WORDS[result]), RESULT_TONES[result])
        if result
        else Words("", translate(_("Being computed")), "grey"),
        stages=[ShownStage(translate(STAGE_LABELS[stage]), stage in row.passed) for stage in Stage],
        confirmation=words(said, STANDING_WORDS, translate) if said else None,
        step=step_in_words(row, translate, visit.today),
    )


def _pressing(found: Pipeline, visit: Visit) -> ShownRow | None:
    """The enterprise for which something is to be done first, where there is one."""
    pressing = [row for row in found.rows if row.result in _PRESSING]
    if not pressing:
        return None
    first = page_of(pressing, Order.URGENCY, PageRequest(limit=1)).rows[0]
    return shown_row(first, visit)


def _results(summed: Totals, wanted: WantedRows, visit: Visit) -> list[ShownNumber]:
    return [
        ShownNumber(
            Words(result.value, visit.translate(RESULT_WORDS[result]), RESULT_TONES[result]),
            summed.results[result],
            0,
            list_address(_PATH, {"result": None if wanted.result == result else result.value}),
            wanted.result == result,
        )
        for result in Result
    ]


def _stages(summed: Totals, wanted: WantedRows, visit: Visit) -> list[ShownNumber]:
    return [
        ShownNumber(
            Words(stage.value, visit.translate(STAGE_LABELS[stage]), ""),
            summed.passed[stage],
            summed.lacking(stage),
            list_address(_PATH, {"lacks": None if wanted.lacks == stage else stage.value}),
            wanted.lacks == stage,
        )
        for stage in Stage
    ]
