"""The pipeline for programs."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from api.access.caller import Caller, CurrentCaller
from api.access.gate import GatedRoute
from api.pipeline.answers import NextStepAnswer, PipelineItem, PipelinePage, YearAnswer
from api.pipeline.listing import PipelineFilter, page_of
from api.pipeline.rows import PipelineRow, Stage, totals
from api.pipeline.source import CurrentPipelines
from api.pipeline.wording import Translate, step_in_words
from api.web.clock import Now
from api.web.filters import today_of
from api.web.language import language_of
from api.web.paging import RequestedPage
from api.web.problems import Kind, Problem, problem_responses
from jieru.i18n import marked as _
from jieru.i18n import translations

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/pipeline", tags=["pipeline"], route_class=GatedRoute)


@router.get(
    "/year",
    summary="The year in one look",
    description=_(
        "How many enterprises are counted, on their way, at risk and not yet begun, and what that "
        "earns: an operator's own platform, or all of them."
    ),
    response_description=_("The year."),
    responses=problem_responses(Kind.DATABASE_AWAY),
)
def get_year(caller: CurrentCaller, source: CurrentPipelines, now: Now) -> YearAnswer:
    """The year in one look."""
    found = source.pipeline(caller, now)
    summed, figures = totals(found.rows), found.figures
    return YearAnswer(
        year=found.year,
        as_of=found.as_of,
        computed_at=found.computed_at,
        enterprises=summed.enterprises,
        results=dict(summed.results),
        passed=dict(summed.passed),
        award_yuan=figures.award_yuan if figures else None,
        award_if_all_hold_yuan=figures.award_if_all_hold_yuan if figures else None,
        cap_yuan=figures.cap_yuan if figures else None,
        left_yuan=figures.left_yuan if figures else None,
    )


@router.get(
    "",
    summary="Where each enterprise stands in the year",
    description=_(
        "A row an enterprise: what it has passed, its active days so far, the gap left before its "
        "window breaks, the earliest day it can be complete, and the one thing to do next."
    ),
    response_description=_("One page."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def list_pipeline(
    caller: CurrentCaller,
    request: Request,
    source: CurrentPipelines,
    now: Now,
    page: RequestedPage,
    wanted: Annotated[PipelineFilter, Depends()],
) -> PipelinePage:
    """Where each enterprise stands in the year."""
    _require_own(caller, wanted.platform)
    found = source.pipeline(caller, now)
    shown = page_of(wanted.of(found.rows), wanted.sort, page)
    translate = translations(language_of(request)).gettext
    return PipelinePage(
        items=[_item(row, translate, now) for row in shown.rows],
        next_cursor=shown.next_cursor,
        year=found.year,
        as_of=found.as_of,
    )


def _require_own(caller: Caller, platform: str | None) -> None:
    """Answer to an operator as if no other platform were there.

    Raises:
        Problem: it is another one.
    """
    if caller.platform is not None and platform not in (None, caller.platform.code):
        raise Problem(Kind.NOT_FOUND, _("There is no platform {platform}."), platform=platform)


def _item(row: PipelineRow, translate: Translate, now: Now) -> PipelineItem:
    ready, outlook = row.ready, row.outlook
    registered = asdict(ready)
    return PipelineItem(
        **{name: registered[name] for name in PipelineItem.model_fields if name in registered},
        devices_required=row.devices_min,
        passed=[stage for stage in Stage if stage in row.passed],
        result=row.result,
        outcome=outlook.determination.outcome if outlook else None,
        active_days=outlook.active_days if outlook else None,
        active_days_required=outlook.rule.active_days_min if outlook else None,
        window_from=outlook.first_day if outlook else None,
        complete_on=outlook.complete_on if outlook else None,
        silent_days=outlook.silent_days if outlook and outlook.runs else None,
        gap_left_days=outlook.gap_left_days if outlook else None,
        last_start_on=outlook.last_start_on if outlook else None,
        next_step=NextStepAnswer(
            kind=row.next_step.kind, text=step_in_words(row, translate, today_of(now)).text
        ),
    )
