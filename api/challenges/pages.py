"""Challenges for people: the bureau's list, and the page of whoever has a code."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from api.access.code_doors import found_by_code
from api.access.gate import GatedRoute
from api.challenges.queries import issue_challenge, list_challenges
from api.challenges.routes import OfConnection, Source
from api.console.announcement import Done, go_on
from api.console.listed import render_list
from api.console.rendering import render
from api.console.visit import CurrentVisit
from api.console.words import CHALLENGE_GROUND_WORDS, CHALLENGE_RESULT_WORDS, words
from api.web.clock import Now
from api.web.database import Database
from api.web.language import translator
from api.web.origin import origin_of
from api.web.paging import RequestedPage
from api.web.problems import Problem
from jieru.audit import Actor
from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.trust.challenges.records import Challenge, acknowledge, find_challenge

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/challenges"
_SEE_OTHER: Final = 303
_WRONG: Final = 422
_CONFLICT: Final = 409
_UNKNOWN: Final = _("This code is unknown: compare it with the mail.")


@router.get(_LIST)
def show_challenges(
    visit: CurrentVisit, page: RequestedPage, connection_id: OfConnection = None
) -> HTMLResponse:
    """The list, in the order in which they were issued."""
    with visit.database.reading() as connection:
        found = list_challenges(connection, connection_id, page)
    values = {
        "challenges": [
            (
                each,
                words(each.result or "open", CHALLENGE_RESULT_WORDS, visit.translate),
                visit.translate(CHALLENGE_GROUND_WORDS[each.ground]) if each.ground else "–",
            )
            for each in found.items
        ]
    }
    query = {"connection_id": connection_id}
    return render_list(visit, "challenges", _LIST, query, page, found.next_cursor, values)


@router.post(_LIST)
def take_challenge(
    visit: CurrentVisit, source: Source, connection_id: Annotated[int, Form(ge=1, le=2_147_483_647)]
) -> Response:
    """Issue a challenge."""
    with visit.database.changing(visit.caller.actor) as connection:
        issue_challenge(connection, visit.caller, connection_id, source, now=visit.now)
    return go_on(_LIST, Done.ASKED)


@router.get("/challenge/{code}")
def show_challenge(request: Request, database: Database, now: Now, code: str) -> Response:
    """What is asked, to whoever has the code."""
    try:
        found = found_by_code(request, database, code, find_challenge, now=now)
    except Problem as problem:
        return _refused(request, database, problem)
    if found is None:
        return _page(request, database, None, UserError(_UNKNOWN), status=_WRONG)
    return _page(request, database, found, is_over=found[1].ends_at <= now)


@router.post("/challenge/{code}")
def take_acknowledgement(request: Request, database: Database, now: Now, code: str) -> Response:
    """The message came."""
    try:
        found = found_by_code(request, database, code, find_challenge, now=now)
    except Problem as problem:
        return _refused(request, database, problem)
    if found is None:
        return _page(request, database, None, UserError(_UNKNOWN), status=_WRONG)
    known, challenge = found
    actor = Actor(f"enterprise:{challenge.uscc}", origin_of(request))
    try:
        with database.changing(actor) as connection:
            acknowledge(connection, known, origin=actor.origin, now=now)
    except UserError as error:
        return _page(request, database, found, error, status=_CONFLICT, is_over=True)
    return RedirectResponse(f"/challenge/{known}", _SEE_OTHER)


def _page(
    request: Request,
    database: Database,
    found: tuple[str, Challenge] | None,
    mistake: UserError | None = None,
    *,
    status: int = 200,
    is_over: bool = False,
) -> Response:
    said = translator(request)(mistake.message).format(**mistake.values) if mistake else None
    values = {
        "challenge": found[1] if found else None,
        "address": f"/challenge/{found[0]}" if found else "",
        "is_over": is_over,
        "mistake": said,
        "is_simulation": database.is_simulation(),
    }
    return render(request, "challenges/challenge.html", values, status=status)


def _refused(request: Request, database: Database, problem: Problem) -> Response:
    mistake = UserError(problem.message, **problem.values)
    response = _page(request, database, None, mistake, status=problem.kind.value.status)
    response.headers.update(problem.headers)
    return response
