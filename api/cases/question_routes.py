"""Questions to operators, for their programs."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.cases.answers import Answer, QuestionPage, QuestionRecord
from api.cases.questions import documents_of, list_questions, open_case_asked, read_question
from api.cases.steps import CurrentAnswerer, person_name
from api.web.database import Database
from api.web.documents import (
    DOCUMENT_RESPONSES,
    CurrentStore,
    Sha256,
    document_answer,
    files_of,
)
from api.web.paging import RequestedPage
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _

__all__ = ["QuestionedUscc", "router"]

router = APIRouter(prefix="/api/v1/questions", tags=["questions"], route_class=GatedRoute)

QuestionedUscc = Annotated[str, Path(description=_("The enterprise's code."), max_length=100)]


@router.get(
    "",
    summary="List what the bureau asks",
    description=_("Those that wait for an answer first, by due date; for operators."),
    response_description=_("One page of enterprises about which something was asked."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_questions(caller: CurrentCaller, database: Database, page: RequestedPage) -> QuestionPage:
    """One page of questions."""
    with database.snapshot() as connection:
        return list_questions(connection, caller, page)


@router.get(
    "/{uscc}",
    summary="Read what is asked about an enterprise",
    description=_("Questions and answers, the first ones first."),
    response_description=_("The questions."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_question(caller: CurrentCaller, database: Database, uscc: QuestionedUscc) -> QuestionRecord:
    """What was asked about one enterprise."""
    with database.snapshot() as connection:
        return read_question(connection, caller, uscc)


@router.post(
    "/{uscc}/answer",
    status_code=201,
    summary="Answer what is asked about an enterprise",
    description=_("It stays for good; more may be added until the bureau has concluded."),
    response_description=_("Questions and answers as they are now."),
    responses=problem_responses(
        Kind.NOT_FOUND, Kind.CONFLICT, Kind.TOO_LARGE, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
    ),
)
def post_answer(worker: CurrentAnswerer, uscc: QuestionedUscc, answer: Answer) -> QuestionRecord:
    """Answer."""
    with worker.database.reading() as connection:
        case_id = open_case_asked(connection, worker.caller, uscc)
    worker.answer(case_id, answer, files_of(answer.documents))
    with worker.database.snapshot() as connection:
        return read_question(connection, worker.caller, uscc)


@router.get(
    "/{uscc}/documents/{sha256}",
    summary="Take a file of a question or an answer",
    description=_(
        "As it was handed in, for whoever did; a photograph comes to others without its position."
    ),
    response_class=Response,
    response_description=_("The file."),
    responses={
        **DOCUMENT_RESPONSES,
        **problem_responses(
            Kind.NOT_FOUND, Kind.CONFLICT, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
        ),
    },
)
def get_document(
    caller: CurrentCaller,
    database: Database,
    store: CurrentStore,
    uscc: QuestionedUscc,
    sha256: Sha256,
) -> Response:
    """One file."""
    with database.snapshot() as connection:
        documents = documents_of(connection, caller, uscc)
    return document_answer(store, documents, sha256, reader=person_name(caller))
