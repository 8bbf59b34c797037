"""Counts for people: the year's page, and why one enterprise has its outcome."""

from concurrent.futures import wait
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from api.access.caller import Caller
from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.visit import CurrentVisit, Visit
from api.counts.cases import KeptCase, kept_case, open_closing, past_outcomes
from api.counts.detail import detail_in_words
from api.counts.procedure_source import Procedure
from api.counts.procedure_view import (
    hindrances_in_words,
    kept_in_words,
    later_in_words,
    state_words,
)
from api.counts.routes import AsOf, PlatformCode, Uscc, Year
from api.counts.source import CurrentCounts, RunningCount, require_case
from api.counts.view import Filter
from api.counts.visible_counts import (
    faults_of,
    find_count_of,
    find_visible_count,
    person_name,
)
from api.counts.wording import Translate, outcome_words, progress_in_words
from api.counts.year_page import show_computed_count, show_kept_count
from api.web.problems import Kind, Problem
from jieru.i18n import marked as _
from verifier.counting.determination import Outcome
from verifier.procedure.decided_since import list_kept
from verifier.procedure.names import is_same_person

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
    procedure: Procedure,
    year: Year,
    wanted: Wanted,
    as_of: AsOf = None,
    revision: Annotated[int | None, Query()] = None,
    page: Annotated[int, Query(ge=1, le=_LAST_PAGE)] = 1,
) -> HTMLResponse:
    """The count of the year that is kept; where there is none or a day is named, one of now.

    For htmx, only the determinations that fit the filter.
    """
    caller = visit.caller
    with visit.database.snapshot() as connection:
        record = find_visible_count(connection, caller, year, revision)
        if record is not None and as_of is None:
            return show_kept_count(
                visit, connection, record, wanted, page, trusted=procedure.trusted
            )
    if revision is not None:
        raise Problem(Kind.NOT_FOUND)
    running = source.begin(caller, year, as_of, _own_platform_only(caller, wanted))
    if not _is_soon_done(running):
        return _waiting_page(visit, year, running)
    dated = source.finished(caller, running)
    if visit.wants_part("work"):
        return HTMLResponse("", headers={"HX-Refresh": "true"})
    return show_computed_count(visit, source, dated, wanted, page, kept=record)


@router.get("/counts/{year}/{platform}/{uscc}")
def show_explanation(
    visit: CurrentVisit,
    source: CurrentCounts,
    procedure: Procedure,
    year: Year,
    platform: PlatformCode,
    uscc: Uscc,
    as_of: AsOf = None,
    revision: Annotated[int | None, Query()] = None,
) -> HTMLResponse:
    """Why one enterprise has its outcome: a page, or for htmx what goes into the drawer.

    With a revision, as that count has it; else from the records of this moment.
    """
    require_case(visit.caller, platform, uscc)
    with visit.database.snapshot() as connection:
        kept, found = None, []
        if revision is None:
            explanation = source.explain(connection, visit.caller, year, platform, uscc, as_of)
        else:
            record = find_count_of(connection, visit.caller, year, revision)
            kept = kept_case(connection, record, platform, uscc)
            found = faults_of(connection, [record], procedure.trusted)
            explanation = kept.explanation
        past = past_outcomes(connection, visit.caller, platform, uscc)
        closing = open_closing(connection, year, platform, uscc)
        seen = list_kept(connection, year, platform=platform, uscc=uscc)
    translate = visit.translate
    outcome = explanation.determination.outcome
    in_drawer = visit.wants_part("detail-body")
    return visit.render(
        "counts/detail.html" if in_drawer else "counts/enterprise.html",
        {
            "is_simulation": explanation.is_simulation,
            "explanation": explanation,
            "determination": explanation.determination,
            "detail": detail_in_words(explanation, translate),
            "kept": kept.record if kept else None,
            "faults": hindrances_in_words(found, translate),
            "warnings": _warnings(kept, outcome, translate) if kept else [],
            "past": [
                (each, state_words(each.state, translate), outcome_words(each.outcome, translate))
                for each in past
            ],
            "closing": closing if visit.may(Permission.READ_PROCEDURE) else None,
            "seen": [(each, kept_in_words(each, translate)) for each in seen]
            if visit.may(Permission.READ_PROCEDURE)
            else [],
            "may_decide": visit.may(Permission.DECIDE),
            "is_own": partial(is_same_person, person_name(visit.caller)),
            "heading": "h2" if in_drawer else "h1",
        },
    )


def _warnings(kept: KeptCase, outcome: Outcome, translate: Translate) -> list[str]:
    """What of a stored count is not so any more."""
    warnings = [later_in_words(each, translate).sentence for each in kept.since]
    if kept.outcome_today is None:
        warnings.append(
            translate(_("From the records of today the count would not list this enterprise."))
        )
    elif kept.outcome_today is not outcome:
        warnings.append(
            translate(
                _("From the records of today the outcome would be another one: {outcome}.")
            ).format(outcome=outcome_words(kept.outcome_today, translate).label)
        )
    if kept.is_changed:
        warnings.append(
            translate(
                _(
                    "Registry or presence were changed since: they no longer match the digests of "
                    "this count. What is shown here is what the count holds."
                )
                if kept.holds_evidence
                else _(
                    "Registry or presence were changed since: they no longer match the digests of "
                    "this count, which holds no calendar and no connections of its own. Those "
                    "shown here are of today, and not what the count rests on."
                )
            )
        )
    return warnings


def _is_soon_done(running: RunningCount) -> bool:
    """Wait for a short while, so that a small count needs no page that says wait."""
    done, _not_done = wait([running.future], timeout=_PATIENCE_S)
    return bool(done)


def _waiting_page(visit: Visit, year: int, running: RunningCount) -> HTMLResponse:
    """How far the count is; it asks again by itself, and turns into the page once it is done."""
    phase, fraction = running.progress()
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
