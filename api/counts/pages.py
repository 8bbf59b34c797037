"""Counts for people: the year's page, and why one enterprise has its outcome."""

from concurrent.futures import wait
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from api.access.caller import Caller
from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.rendering import render
from api.console.visit import CurrentVisit, Visit
from api.counts.cases import KeptCase, kept_case, open_closing, past_outcomes
from api.counts.detail import detail_in_words
from api.counts.hours import hours_heard
from api.counts.kept_queries import find_count_of, find_visible_count
from api.counts.kept_view import state_words
from api.counts.routes import AsOf, PlatformCode, Uscc, Year
from api.counts.source import CountSource, CurrentCounts, DatedCount, Underway, require_own
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
from api.counts.wording import outcome_words, progress_in_words
from api.counts.year_page import show_kept_count
from api.web.language import language_of
from api.web.problems import Kind, Problem
from jieru.calendar import SHANGHAI
from jieru.i18n import translations
from jieru.wire import PLATFORM_CODE
from verifier.counting.count import EARLIEST_YEAR, Count
from verifier.procedure.records import CountRecord
from verifier.words import REASON_WORDS

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_PATIENCE_S: Final = 1.0
"""For so long the page waits before it shows how far the count is."""
_LONGEST_TEXT: Final = 100
_LAST_PAGE: Final = 100_000


async def _wanted(
    outcome: Annotated[str, Query(max_length=_LONGEST_TEXT)] = "",
    platform: Annotated[str, Query(max_length=_LONGEST_TEXT)] = "",
    text: Annotated[str, Query(max_length=_LONGEST_TEXT)] = "",
) -> Filter:
    return Filter(outcome, platform, text)


Wanted = Annotated[Filter, Depends(_wanted)]


@router.get("/counts/{year}")
def show_year(
    visit: CurrentVisit,
    source: CurrentCounts,
    year: Year,
    wanted: Wanted,
    as_of: AsOf = None,
    revision: Annotated[int | None, Query()] = None,
    page: Annotated[int, Query(ge=1, le=_LAST_PAGE)] = 1,
) -> HTMLResponse:
    """The count of the year that is kept; where there is none or a day is named, one of now.

    For htmx, only the determinations that fit the filter.
    """
    caller, request = visit.caller, visit.request
    with visit.database.reading() as connection:
        record = find_visible_count(connection, caller, year, revision)
        if record is not None and as_of is None:
            return show_kept_count(visit, connection, record, wanted, page)
    if revision is not None:
        raise Problem(Kind.NOT_FOUND)
    underway = source.begin(caller, year, as_of, _own_platform_only(caller, wanted))
    if not _is_soon_done(underway):
        return _waiting_page(visit, year, underway)
    dated = source.finished(caller, underway)
    if visit.wants_part("work"):
        return HTMLResponse("", headers={"HX-Refresh": "true"})
    if visit.wants_part("determinations"):
        return _determinations(request, dated, wanted, page)
    return _whole_page(visit, source, dated, wanted, page, kept=record)


@router.get("/counts/{year}/{platform}/{uscc}")
def show_explanation(
    visit: CurrentVisit,
    source: CurrentCounts,
    year: Year,
    platform: PlatformCode,
    uscc: Uscc,
    as_of: AsOf = None,
    revision: Annotated[int | None, Query()] = None,
) -> HTMLResponse:
    """Why one enterprise has its outcome: a page, or for htmx what goes into the drawer.

    With a revision, as that count has it; else from the records of this moment.
    """
    kept, caller = None, visit.caller
    if revision is None:
        explanation = source.explain(caller, year, platform, uscc, as_of)
    else:
        kept = _kept_case(visit, year, revision, platform, uscc)
        explanation = kept.explanation
    detail = detail_in_words(explanation, visit.translate)
    with visit.database.reading() as connection:
        hours = hours_heard(connection, platform, explanation.devices, explanation.period)
        past = past_outcomes(connection, caller, platform, uscc)
        closing = open_closing(connection, year, platform, uscc)
    in_drawer = visit.wants_part("detail-body")
    is_bureau = visit.may(Permission.READ_PROCEDURE)
    return visit.render(
        "counts/detail.html" if in_drawer else "counts/enterprise.html",
        {
            "is_simulation": explanation.is_simulation,
            "explanation": explanation,
            "determination": explanation.determination,
            "detail": detail,
            "outcome": outcome_words(kept.outcome, visit.translate) if kept else detail.outcome,
            "today": outcome_words(kept.outcome_today, visit.translate)
            if kept and kept.outcome_today is not kept.outcome
            else None,
            "reasons": [visit.translate(REASON_WORDS[each]) for each in kept.reasons]
            if kept
            else detail.reasons,
            "kept": kept.record if kept else None,
            "hours": hours,
            "past": [
                (
                    each,
                    state_words(each.state, visit.translate),
                    outcome_words(each.outcome, visit.translate),
                )
                for each in past
            ],
            "closing": closing if is_bureau else None,
            "may_decide": visit.may(Permission.DECIDE),
            "heading": "h2" if in_drawer else "h1",
        },
    )


def _kept_case(visit: Visit, year: int, revision: int, platform: str, uscc: str) -> KeptCase:
    require_own(visit.caller, platform)
    if not PLATFORM_CODE.fullmatch(platform) or not uscc.isalnum():
        raise Problem(Kind.NOT_FOUND)
    with visit.database.reading() as connection:
        with connection.transaction():
            record = find_count_of(connection, visit.caller, year, revision)
        return kept_case(connection, record, platform, uscc)


def _is_soon_done(underway: Underway) -> bool:
    """Wait for a short while, so that a small count needs no page that says wait."""
    done, _running = wait([underway.future], timeout=_PATIENCE_S)
    return bool(done)


def _waiting_page(visit: Visit, year: int, underway: Underway) -> HTMLResponse:
    """How far the count is; it asks again by itself, and turns into the page once it is done."""
    phase, fraction = underway.progress()
    part = visit.wants_part("work")
    values = {
        "year": year,
        "address": str(visit.request.url.path),
        **progress_in_words(phase, fraction, visit.translate),
    }
    query = visit.request.url.query
    if query:
        values["address"] = f"{values['address']}?{query}"
    return visit.render("counts/progress-part.html" if part else "counts/progress.html", values)


def _own_platform_only(caller: Caller, wanted: Filter) -> str | None:
    """The platform of the filter where it is more than one: an operator may ask for no other."""
    return wanted.platform or None if caller.platform else None


def _determinations(request: Request, dated: DatedCount, wanted: Filter, page: int) -> HTMLResponse:
    values = _determination_values(request, dated.count, wanted, page)
    response = render(request, "counts/determinations.html", values)
    # The address bar follows the filter, without what was left empty.
    response.headers["HX-Push-Url"] = _year_address(dated.count, wanted, page)
    return response


def _whole_page(
    visit: Visit,
    source: CountSource,
    dated: DatedCount,
    wanted: Filter,
    page: int,
    *,
    kept: CountRecord | None,
) -> HTMLResponse:
    language, translate = visit.language, visit.translate
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
        "kept": kept,
        "may_draft": kept is None and visit.may(Permission.ADVANCE_COUNTS),
        "is_bureau": visit.may(Permission.READ_PROCEDURE),
    }
    values |= _determination_values(visit.request, count, wanted, page)
    return visit.render("counts/year.html", values)


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
