"""Assignments for programs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from starlette.responses import StreamingResponse

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.assignments.answers import (
    AssignmentChange,
    AssignmentPage,
    AssignmentRecord,
    NewAssignment,
)
from api.registry.assignments.queries import (
    ASSIGNMENTS,
    AssignmentFilter,
    change_assignment,
    create_assignment,
    end_assignment,
)
from api.registry.late_answers import with_evidence_from
from api.web.clock import Now
from api.web.csv_export import CSV_RESPONSE, respond_csv
from api.web.database import Database
from api.web.paging import RequestedPage
from api.web.policy import CurrentRegistryRules
from api.web.problems import Kind, problem_responses
from api.web.records import CHANGE_PROBLEMS, CREATE_PROBLEMS, Ending
from api.web.revisions import IfMatch, announce_revision
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/assignments", tags=["assignments"], route_class=GatedRoute)

AssignmentId = Annotated[int, Path(description=_("The assignment's id."))]


@router.get(
    "",
    summary="List assignments",
    description=_(
        "In the order of their registration. An operator sees those of the own platform's devices."
    ),
    response_description=_("One page of assignments."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_assignments(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    page: RequestedPage,
    wanted: Annotated[AssignmentFilter, Depends()],
) -> AssignmentPage:
    """One page of assignments."""
    with database.reading() as connection:
        return ASSIGNMENTS.page(connection, caller.platform_id, wanted, page, now)


@router.get(
    ".csv",
    summary="Export assignments",
    description=_(
        "The same list as CSV, all pages of it, with the columns of the import file of devices."
    ),
    response_description=_("A CSV file."),
    response_class=StreamingResponse,
    responses=CSV_RESPONSE | problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_assignments_csv(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    wanted: Annotated[AssignmentFilter, Depends()],
) -> StreamingResponse:
    """All pages of the list as a CSV file."""
    return respond_csv(database, "assignments", ASSIGNMENTS.export(caller.platform_id, wanted, now))


@router.post(
    "",
    status_code=201,
    summary="Register an assignment",
    description=_("Assignments of one device may not overlap."),
    response_description=_("The assignment; Location is its address."),
    responses=CREATE_PROBLEMS,
)
def post_assignment(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    rules: CurrentRegistryRules,
    new: NewAssignment,
) -> AssignmentRecord:
    """Register an assignment."""
    with database.changing(caller.actor) as connection:
        record = create_assignment(connection, caller, new, now=now)
    announce_revision(response, record, f"/api/v1/assignments/{record.id}")
    return with_evidence_from(record, rules)


@router.get(
    "/{assignment_id}",
    summary="Read an assignment",
    description=_("One device that stands for one enterprise."),
    response_description=_("The assignment."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_assignment(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    assignment_id: AssignmentId,
) -> AssignmentRecord:
    """One assignment."""
    with database.reading() as connection:
        record = ASSIGNMENTS.one(connection, caller.platform_id, now, id=assignment_id)
    announce_revision(response, record)
    return record


@router.patch(
    "/{assignment_id}",
    summary="Change an assignment",
    description=_("Its end. Its enterprise never changes, for evidence hangs on it."),
    response_description=_("The assignment as it is now."),
    responses=CHANGE_PROBLEMS,
)
def patch_assignment(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    assignment_id: AssignmentId,
    rules: CurrentRegistryRules,
    change: AssignmentChange,
    expected: IfMatch,
) -> AssignmentRecord:
    """Change an assignment."""
    with database.changing(caller.actor) as connection:
        record = change_assignment(connection, caller, assignment_id, change, expected, now=now)
    announce_revision(response, record)
    return with_evidence_from(record, rules)


@router.post(
    "/{assignment_id}/end",
    summary="End an assignment",
    description=_("The device stands for the enterprise no more from that day on."),
    response_description=_("The assignment as it is now."),
    responses=CHANGE_PROBLEMS,
)
def post_assignment_end(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    assignment_id: AssignmentId,
    rules: CurrentRegistryRules,
    ending: Ending,
    expected: IfMatch,
) -> AssignmentRecord:
    """End an assignment."""
    with database.changing(caller.actor) as connection:
        record = end_assignment(connection, caller, assignment_id, ending.on, expected, now=now)
    announce_revision(response, record)
    return with_evidence_from(record, rules)
