"""Notices for programs of the person's own browser, and messages given up for administrators."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.notices import queries
from api.notices.answers import (
    ChannelList,
    ChannelRecord,
    DeadMessageList,
    NewChannel,
    NoticeList,
    Reading,
)
from api.notices.source import Source
from api.web.clock import Now
from api.web.database import Database
from api.web.language import language_of
from api.web.problems import Kind, problem_responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["notices"], route_class=GatedRoute)
_PROBLEMS = problem_responses(
    Kind.NOT_FOUND, Kind.CONFLICT, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
)
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/notices", summary="List your notices", responses=_PROBLEMS)
def get_notices(request: Request, caller: CurrentCaller, database: Database) -> NoticeList:
    """The newest notices of the person who asks."""
    with database.reading() as connection:
        return queries.list_notices(connection, caller, language_of(request))


@router.post("/notices/read", summary="Mark notices as read", responses=_PROBLEMS, status_code=204)
def post_notices_read(
    caller: CurrentCaller, database: Database, now: Now, reading: Reading
) -> Response:
    """These are read."""
    with database.reading() as connection:
        queries.mark_read(connection, caller, reading.ids, now=now)
    return Response(status_code=204)


@router.get("/notice-channels", summary="List by which ways you hear", responses=_PROBLEMS)
def get_channels(caller: CurrentCaller, database: Database) -> ChannelList:
    """The ways of the person who asks."""
    with database.reading() as connection:
        return queries.list_channels(connection, caller)


@router.post(
    "/notice-channels", summary="Add a way by which you hear", responses=_PROBLEMS, status_code=201
)
def post_channel(
    caller: CurrentCaller, database: Database, source: Source, wanted: NewChannel
) -> ChannelRecord:
    """One more."""
    with database.changing(caller.actor) as connection:
        return queries.add_channel(connection, caller, wanted, source.key)


@router.post(
    "/notice-channels/{channel_id}/leave",
    summary="End a way by which you hear",
    responses=_PROBLEMS,
    status_code=204,
)
def post_channel_left(
    caller: CurrentCaller, database: Database, now: Now, channel_id: Number
) -> Response:
    """Nothing goes by it any more."""
    with database.changing(caller.actor) as connection:
        queries.leave_channel(connection, caller, channel_id, now=now)
    return Response(status_code=204)


@router.get("/outbox/dead", summary="List messages that were given up", responses=_PROBLEMS)
def get_dead(caller: CurrentCaller, database: Database) -> DeadMessageList:
    """The newest."""
    del caller
    with database.reading() as connection:
        return queries.list_dead(connection)


@router.post(
    "/outbox/dead/{message_id}/resend",
    summary="Try a message anew",
    responses=_PROBLEMS,
    status_code=204,
)
def post_resend(caller: CurrentCaller, database: Database, message_id: Number) -> Response:
    """It is tried within seconds."""
    with database.changing(caller.actor) as connection:
        queries.resend(connection, message_id)
    return Response(status_code=204)
