"""Questions to operators, for people: what waits for an answer, and the form for it."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.cases.answers import Answer
from api.cases.question_routes import QuestionedUscc
from api.cases.questions import list_questions, open_case_asked, read_question
from api.cases.step_forms import FILES_INPUT
from api.cases.steps import CurrentAnswerer, CurrentHolidays
from api.console.announcement import Done
from api.console.forms import Form, FormValues, Input, Mistakes, answer_form, form_page, read_form
from api.console.listed import render_list
from api.console.visit import CurrentVisit, Visit
from api.console.words import words
from api.web.documents import FormFiles
from api.web.paging import RequestedPage
from jieru.i18n import marked as _
from verifier.trust.cases.due_dates import days_left

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/questions"
_STATES: Final = {
    "waiting": _("waits for your answer"),
    "answered": _("answered"),
    "closed": _("closed"),
}


@router.get(_LIST)
def show_questions(
    visit: CurrentVisit, holidays: CurrentHolidays, page: RequestedPage
) -> HTMLResponse:
    """The enterprises about which the bureau asks."""
    with visit.database.snapshot() as connection:
        found = list_questions(connection, visit.caller, page)
    values = {
        "questions": [
            (
                each,
                words(each.state, _STATES, visit.translate),
                days_left(visit.today, each.due_on, holidays) if each.due_on else None,
            )
            for each in found.items
        ]
    }
    return render_list(visit, "questions", _LIST, {}, page, found.next_cursor, values)


@router.get("/questions/{uscc}")
def show_question(
    visit: CurrentVisit, holidays: CurrentHolidays, uscc: QuestionedUscc
) -> HTMLResponse:
    """What is asked about one enterprise, and what was answered."""
    with visit.database.snapshot() as connection:
        record = read_question(connection, visit.caller, uscc)
    due_on = record.due_on
    return visit.render(
        "questions/question.html",
        {
            "record": record,
            "state": words(record.state, _STATES, visit.translate),
            "days_left": days_left(visit.today, due_on, holidays) if due_on else None,
            "may_answer": record.state != "closed" and visit.may(Permission.ANSWER_QUESTIONS),
        },
    )


@router.get("/questions/{uscc}/answer")
def show_answer_form(visit: CurrentVisit, uscc: QuestionedUscc) -> HTMLResponse:
    """The form for an answer."""
    return _answer_form(visit, uscc, {})


@router.post("/questions/{uscc}/answer")
def take_answer(
    visit: CurrentVisit,
    worker: CurrentAnswerer,
    uscc: QuestionedUscc,
    values: FormValues,
    files: FormFiles,
) -> Response:
    """Answer."""

    def act() -> str:
        with visit.database.reading() as connection:
            case_id = open_case_asked(connection, visit.caller, uscc)
        worker.answer(case_id, read_form(Answer, values), files)
        return f"{_LIST}/{uscc}"

    return answer_form(
        visit,
        Done.ANSWERED,
        act,
        lambda mistakes: _answer_form(visit, uscc, values, mistakes),
    )


def _answer_form(
    visit: Visit,
    uscc: str,
    values: Mapping[str, str],
    mistakes: Mistakes | None = None,
) -> HTMLResponse:
    with visit.database.snapshot() as connection:
        record = read_question(connection, visit.caller, uscc)
    address = f"{_LIST}/{uscc}"
    text = Input("text", _("Answer"), "lines", is_required=True, longest=4_000)
    return form_page(
        visit,
        visit.translate(_("Answer the bureau")),
        Form(
            f"{address}/answer", [text, FILES_INPUT], _("Answer"), values, mistakes, cancel=address
        ),
        [
            (visit.translate(_("Questions to you")), _LIST),
            (record.enterprise_name, address),
        ],
        record.questions[-1].text,
    )
