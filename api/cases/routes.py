"""Cases for programs, which read them, and for people with a session, who take their steps."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.cases.answers import CaseDetail, CasePage, NewCase, TakenCaseStep
from api.cases.queries import CaseFilter, case_detail, list_cases, read_case
from api.cases.steps import CurrentCaseWorker, person_name
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

__all__ = ["CaseId", "router"]

router = APIRouter(prefix="/api/v1/cases", tags=["cases"], route_class=GatedRoute)

CaseId = Annotated[int, Path(description=_("The case's number."))]

_STEP_PROBLEMS = problem_responses(
    Kind.FORBIDDEN,
    Kind.NOT_FOUND,
    Kind.CONFLICT,
    Kind.TOO_LARGE,
    Kind.INVALID_REQUEST,
    Kind.DATABASE_AWAY,
)


@router.get(
    "",
    summary="List cases",
    description=_(
        "By due date and strength: what nobody began counts as due on the day on which it was "
        "opened."
    ),
    response_description=_("One page of cases."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_cases(
    database: Database, page: RequestedPage, wanted: Annotated[CaseFilter, Depends()]
) -> CasePage:
    """One page of cases."""
    with database.snapshot() as connection:
        return list_cases(connection, wanted, page)


@router.post(
    "",
    status_code=201,
    summary="Open a case",
    description=_("Without signals, for a reason of its own; for a person who signed in."),
    response_description=_("The case."),
    responses=_STEP_PROBLEMS,
)
def post_case(worker: CurrentCaseWorker, new: NewCase, response: Response) -> CaseDetail:
    """Open a case."""
    case_id = worker.open(new)
    response.headers["Location"] = f"/api/v1/cases/{case_id}"
    with worker.database.snapshot() as connection:
        return case_detail(read_case(connection, case_id))


@router.get(
    "/{case_id}",
    summary="Read a case",
    description=_("Its signals, and every step that was taken."),
    response_description=_("The case."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_case(database: Database, case_id: CaseId) -> CaseDetail:
    """One case."""
    with database.snapshot() as connection:
        return case_detail(read_case(connection, case_id))


@router.post(
    "/{case_id}/steps",
    status_code=201,
    summary="Take a step of a case",
    description=_(
        "Asked, answered, visited, noted, a hold proposed, decided or declined, cleared, upheld, "
        "reopened; it stays for good. For a person who signed in."
    ),
    response_description=_("The case as it is now."),
    responses=_STEP_PROBLEMS,
)
def post_step(worker: CurrentCaseWorker, case_id: CaseId, taken: TakenCaseStep) -> CaseDetail:
    """Take a step."""
    with worker.database.reading() as connection:
        read_case(connection, case_id)
    worker.take(case_id, taken, files_of(taken.documents))
    with worker.database.snapshot() as connection:
        return case_detail(read_case(connection, case_id))


@router.get(
    "/{case_id}/documents/{sha256}",
    summary="Take a file of a case",
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
    case_id: CaseId,
    sha256: Sha256,
) -> Response:
    """One file."""
    with database.reading() as connection:
        steps = read_case(connection, case_id).steps
    documents = ((step.taken_by, each) for step in steps for each in step.documents)
    return document_answer(store, documents, sha256, reader=person_name(caller))
