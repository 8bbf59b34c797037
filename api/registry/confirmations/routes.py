"""Questions to enterprises for programs."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.confirmations.answers import ConfirmationList
from api.registry.confirmations.letters import respond_letter
from api.registry.confirmations.queries import ask_by_mail, list_confirmations
from api.registry.confirmations.source import Questions
from api.registry.connections.answers import ConnectionRecord
from api.web.clock import Now
from api.web.database import Database
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(
    prefix="/api/v1/connections/{connection_id}", tags=["confirmations"], route_class=GatedRoute
)

ConnectionId = Annotated[int, Path(description=_("The connection's id."))]

_LETTER: Final[dict[int | str, dict[str, object]]] = {
    200: {
        "description": "A PDF file.",
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_PROBLEMS: Final = problem_responses(
    Kind.NOT_FOUND, Kind.CONFLICT, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
)


@router.get(
    "/confirmations",
    summary="List what the enterprise was asked",
    description=_(
        "Each question to the enterprise's contact about this connection, and its answer. An "
        "operator reads neither who was asked nor why something was denied."
    ),
    response_description=_("The questions, the newest first."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_confirmations(
    caller: CurrentCaller, database: Database, now: Now, connection_id: ConnectionId
) -> ConfirmationList:
    """The questions about one connection."""
    with database.reading() as connection:
        return list_confirmations(connection, caller, connection_id, now=now)


@router.post(
    "/ask",
    summary="Ask the enterprise by mail",
    description=_(
        "Whether or not it was asked before; the first question goes out by itself as soon as the "
        "enterprise has a contact with a mail address."
    ),
    response_description=_("The connection as it is now."),
    responses=_PROBLEMS,
)
def post_question(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    questions: Questions,
    connection_id: ConnectionId,
) -> ConnectionRecord:
    """Ask by mail."""
    asking = questions.asking()
    with database.changing(caller.actor) as connection:
        return ask_by_mail(connection, caller, connection_id, asking, now=now)


@router.post(
    "/letter",
    summary="Ask the enterprise by letter",
    description=_("A letter to be printed, with a code that is shown nowhere else."),
    response_description=_("A PDF file."),
    response_class=Response,
    responses=_LETTER | _PROBLEMS,
)
def post_letter(
    request: Request,
    caller: CurrentCaller,
    database: Database,
    now: Now,
    connection_id: ConnectionId,
) -> Response:
    """Ask by letter."""
    return respond_letter(request, database, caller, connection_id, now=now)
