"""What an enterprise sees that was asked of a connection: the question, and its own answer.

Nobody signs in here: the code in the address stands for the contact. So no page tells the address
to another one (Referrer-Policy), and nothing is changed by opening it, for programs that look
through mail open every link.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.access.code_doors import found_by_code
from api.access.gate import GatedRoute
from api.console.rendering import render
from api.web.clock import Now
from api.web.database import Database, request_database
from api.web.language import translator
from api.web.origin import origin_of
from api.web.problems import Problem
from jieru.audit import Actor
from jieru.calendar import civil_date
from jieru.errors import UserError
from jieru.i18n import marked as _
from registry.confirmations import Question, answer_question, find_question
from registry.spoken_codes import read_code

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_SEE_OTHER: Final = 303
_WRONG: Final = 422
_CONFLICT: Final = 409
_UNKNOWN: Final = _(
    "This code is unknown: compare it with the letter or the mail, or ask the bureau for a new one."
)
_NO_ANSWER: Final = _("Choose one of the two answers.")
_NO_REASON: Final = _("Say in a few words what is not so.")

Text = Annotated[str, Form()]


@router.get("/confirm")
def show_code_form(request: Request) -> Response:
    """The form for a code from paper."""
    return _code_form(request)


@router.post("/confirm")
def take_code(request: Request, code: Text = "") -> Response:
    """On to the page of the code, if it has the form of one."""
    known = read_code(code)
    if known is None:
        return _code_form(request, UserError(_UNKNOWN), status=_WRONG)
    return RedirectResponse(f"/confirm/{known}", _SEE_OTHER)


@router.get("/confirm/{code}")
def show_question(request: Request, database: Database, now: Now, code: str) -> Response:
    """The question, or what became of it."""
    try:
        found = found_by_code(
            request,
            database,
            code,
            lambda connection, known: find_question(connection, known, now),
            now=now,
        )
    except Problem as problem:
        return _refused(request, problem)
    if found is None:
        return _code_form(request, UserError(_UNKNOWN), status=_WRONG)
    return _question_page(request, *found)


@router.post("/confirm/{code}")
def take_answer(
    request: Request,
    database: Database,
    now: Now,
    code: str,
    answer: Text = "",
    reason: Text = "",
) -> Response:
    """Write the answer down, once."""
    try:
        found = found_by_code(
            request,
            database,
            code,
            lambda connection, known: find_question(connection, known, now),
            now=now,
        )
    except Problem as problem:
        return _refused(request, problem)
    if found is None:
        return _code_form(request, UserError(_UNKNOWN), status=_WRONG)
    known, question = found
    if answer not in ("confirmed", "denied"):
        return _question_page(request, known, question, UserError(_NO_ANSWER), status=_WRONG)
    if answer == "denied" and not reason.strip():
        return _question_page(
            request, known, question, UserError(_NO_REASON), status=_WRONG, denies=True
        )
    actor = Actor(f"enterprise:{question.uscc}", origin_of(request))
    try:
        with database.changing(actor) as connection:
            answer_question(
                connection,
                known,
                "confirmed" if answer == "confirmed" else "denied",
                reason=reason,
                origin=actor.origin,
                now=now,
            )
    except UserError as error:
        return _question_page(request, known, question, error, status=_CONFLICT)
    return RedirectResponse(f"/confirm/{known}", _SEE_OTHER)


def _code_form(
    request: Request, mistake: UserError | None = None, *, status: int = 200
) -> Response:
    values = {
        "mistake": _spoken(request, mistake),
        "is_simulation": request_database(request).is_simulation(),
    }
    return render(request, "confirmations/code.html", values, status=status)


def _question_page(
    request: Request,
    code: str,
    question: Question,
    mistake: UserError | None = None,
    *,
    status: int = 200,
    denies: bool = False,
) -> Response:
    return render(
        request,
        "confirmations/question.html",
        {
            "question": question,
            "until": civil_date(question.expires_at),
            "address": f"/confirm/{code}",
            "mistake": _spoken(request, mistake),
            "denies": denies,
            "is_simulation": request_database(request).is_simulation(),
        },
        status=status,
    )


def _refused(request: Request, problem: Problem) -> Response:
    mistake = UserError(problem.message, **problem.values)
    response = _code_form(request, mistake, status=problem.kind.value.status)
    response.headers.update(problem.headers)
    return response


def _spoken(request: Request, mistake: UserError | None) -> str | None:
    if mistake is None:
        return None
    return translator(request)(mistake.message).format(**mistake.values)
