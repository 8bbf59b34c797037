"""The first page: an operator's year; for everybody else what is connected and heard."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from api.access.gate import GatedRoute
from api.console.visit import CurrentVisit, Visit
from api.console.words import DEVICE_STATUS_WORDS, REJECTION_WORDS, words
from api.overview.queries import Overview
from api.overview.source import CurrentOverviews
from api.pipeline.source import CurrentPipelines
from api.pipeline.view import WantedRows, show_year
from api.web.paging import RequestedPage
from jieru.calendar import SHANGHAI
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)


@router.get("/")
def show_first_page(
    visit: CurrentVisit,
    overviews: CurrentOverviews,
    pipelines: CurrentPipelines,
    page: RequestedPage,
    wanted: Annotated[WantedRows, Depends()],
) -> HTMLResponse:
    """Where an operator stands this year; for everybody else the overview."""
    if visit.caller.platform is None:
        return show_overview(visit, overviews)
    return show_year(visit, pipelines, page, wanted)


@router.get("/overview")
def show_overview(visit: CurrentVisit, source: CurrentOverviews) -> HTMLResponse:
    """What is connected, what is heard, what is refused."""
    overview = source.overview(visit.caller)
    return visit.render(
        "overview/overview.html",
        {
            "overview": overview,
            "statuses": [
                words(status, DEVICE_STATUS_WORDS, visit.translate) for status in overview.devices
            ],
            "rejections": [
                (words(reason, REJECTION_WORDS, visit.translate), number)
                for reason, number in overview.rejections.items()
            ],
            "chart": _chart(visit, overview),
        },
    )


def _chart(visit: Visit, overview: Overview) -> dict[str, object]:
    """What `heartbeat-chart.js` draws."""
    return {
        "locale": "ZH" if visit.language == "zh" else "EN",
        "hours": [hour.hour.astimezone(SHANGHAI).strftime("%H:%M") for hour in overview.hours],
        "onTime": [hour.heartbeats - hour.late for hour in overview.hours],
        "late": [hour.late for hour in overview.hours],
        "words": {
            "onTime": visit.translate(_("in time")),
            "late": visit.translate(_("too late to count")),
        },
    }
