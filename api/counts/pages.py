"""Counts for people: the year's page, and why one enterprise has its outcome."""

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access.gate import GatedRoute
from api.counts.detail import detail_in_words
from api.counts.routes import AsOf, PlatformCode, Source, Uscc, Year
from api.counts.source import CountSource, DatedCount
from api.counts.view import (
    Filter,
    Row,
    chart_data,
    determinations_page,
    outcome_choices,
    parameter_rows,
    platform_rows,
    totals,
)
from api.web.civil import OptionalCivilDate
from api.web.language import language_of
from api.web.rendering import render
from jieru.calendar import SHANGHAI
from jieru.i18n import translations
from verifier.count import EARLIEST_YEAR, Count

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_SEE_OTHER: Final = 303
_LONGEST_TEXT: Final = 100
_LAST_PAGE: Final = 100_000


@router.get("/counts")
def go_to_year(
    source: Source, year: int | None = None, as_of: OptionalCivilDate = None
) -> RedirectResponse:
    """The first page, and the target of the form that chooses a year."""
    query = f"?{urlencode({'as_of': as_of})}" if as_of else ""
    return RedirectResponse(f"/counts/{year or source.default_year()}{query}", _SEE_OTHER)


@router.get("/counts/{year}")
def show_year(
    request: Request,
    source: Source,
    year: Year,
    as_of: AsOf = None,
    outcome: Annotated[str, Query(max_length=_LONGEST_TEXT)] = "",
    platform: Annotated[str, Query(max_length=_LONGEST_TEXT)] = "",
    text: Annotated[str, Query(max_length=_LONGEST_TEXT)] = "",
    page: Annotated[int, Query(ge=1, le=_LAST_PAGE)] = 1,
) -> HTMLResponse:
    """The year's page; for htmx, only the determinations that fit the filter."""
    dated = source.count(year, as_of)
    wanted = Filter(outcome, platform, text)
    if request.headers.get("hx-target") == "determinations":
        return _determinations(request, dated, wanted, page)
    return _whole_page(request, source, dated, wanted, page)


@router.get("/counts/{year}/{platform}/{uscc}")
def show_explanation(
    request: Request,
    source: Source,
    year: Year,
    platform: PlatformCode,
    uscc: Uscc,
    as_of: AsOf = None,
) -> HTMLResponse:
    """Why one enterprise has its outcome: a page, or for htmx what goes into the drawer."""
    explanation = source.explain(year, platform, uscc, as_of)
    language = language_of(request)
    detail = detail_in_words(explanation, language, translations(language).gettext)
    in_drawer = request.headers.get("hx-target") == "detail-body"
    return render(
        request,
        "counts/detail.html" if in_drawer else "counts/enterprise.html",
        {
            "is_simulation": explanation.is_simulation,
            "explanation": explanation,
            "determination": explanation.determination,
            "detail": detail,
            "heading": "h2" if in_drawer else "h1",
        },
    )


def _determinations(request: Request, dated: DatedCount, wanted: Filter, page: int) -> HTMLResponse:
    values = _determination_values(request, dated.count, wanted, page)
    response = render(request, "counts/determinations.html", values)
    # The address bar follows the filter, without what was left empty.
    response.headers["HX-Push-Url"] = _year_address(dated.count, wanted, page)
    return response


def _whole_page(
    request: Request, source: CountSource, dated: DatedCount, wanted: Filter, page: int
) -> HTMLResponse:
    language = language_of(request)
    translate = translations(language).gettext
    count = dated.count
    rows = platform_rows(count)
    last_year = max(source.default_as_of().year, count.year)
    values = {
        "is_simulation": count.is_simulation,
        "count": count,
        "computed_at": dated.computed_at.astimezone(SHANGHAI),
        "years": range(last_year, EARLIEST_YEAR - 1, -1),
        "platforms": rows,
        "platform_names": {row.code: row.name for row in rows},
        "totals": totals(count, rows),
        "chart": chart_data(count, rows, language, translate),
        "outcomes": outcome_choices(count, translate),
        "notices": [translate(each.message).format(**each.values) for each in count.notices],
        "parameters": parameter_rows(count.policy, language, translate),
        "filter": wanted,
    }
    values |= _determination_values(request, count, wanted, page)
    return render(request, "counts/year.html", values)


def _determination_values(
    request: Request, count: Count, wanted: Filter, page: int
) -> dict[str, object]:
    translate = translations(language_of(request)).gettext

    def page_address(number: int) -> str:
        return _year_address(count, wanted, number)

    def detail_address(row: Row) -> str:
        path = f"/counts/{count.year}/{row.platform_code}/{row.uscc}"
        return f"{path}?{urlencode({'as_of': count.as_of})}"

    return {
        "page": determinations_page(count, wanted, page, translate),
        "examined": sum(len(each.determinations) for each in count.platforms),
        "page_address": page_address,
        "detail_address": detail_address,
    }


def _year_address(count: Count, wanted: Filter, page: int) -> str:
    query = {"as_of": count.as_of.isoformat(), **wanted._asdict()}
    if page > 1:
        query["page"] = str(page)
    return (
        f"/counts/{count.year}?{urlencode({name: value for name, value in query.items() if value})}"
    )
