"""Callers and API keys, for programs."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.account.answers import (
    ApiKeyList,
    CallerAnswer,
    NewApiKey,
    NewApiKeyAnswer,
    RevokedApiKey,
)
from api.account.queries import create_key, list_keys, revoke_key
from api.web.clock import Now
from api.web.database import Database
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", route_class=GatedRoute)


@router.get(
    "/me",
    tags=["callers"],
    summary="Who am I",
    description=_("Whom the session or the API key belongs to, and what they may do."),
    response_description=_("The caller."),
    responses=problem_responses(Kind.DATABASE_AWAY),
)
def get_caller(caller: CurrentCaller) -> CallerAnswer:
    """The caller."""
    return CallerAnswer(
        actor=caller.actor.name,
        display_name=caller.display_name,
        role=caller.role,
        platform=caller.platform.code if caller.platform else None,
        permissions=sorted(caller.permissions),
        scopes=sorted(caller.scopes),
    )


@router.get(
    "/api-keys",
    tags=["api-keys"],
    summary="List API keys",
    description=_("The newest first, ended ones too; an operator sees the own platform's."),
    response_description=_("The keys, without their secrets."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_api_keys(
    caller: CurrentCaller,
    database: Database,
    limit: Annotated[int, Query(description=_("How many records at most."), ge=1, le=500)] = 100,
) -> ApiKeyList:
    """The newest keys."""
    with database.reading() as connection:
        return ApiKeyList(items=list_keys(connection, caller, limit=limit))


@router.post(
    "/api-keys",
    tags=["api-keys"],
    status_code=201,
    summary="Make an API key",
    description=_("The answer holds the key's text: it is shown this once and kept nowhere."),
    response_description=_("The new key."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def post_api_key(
    caller: CurrentCaller, database: Database, now: Now, wanted: NewApiKey
) -> NewApiKeyAnswer:
    """A new key."""
    with database.changing(caller.actor) as connection:
        return create_key(connection, caller, wanted, now=now)


@router.post(
    "/api-keys/{key_id}/revoke",
    tags=["api-keys"],
    summary="Revoke an API key",
    description=_(
        "At once and for good, with all keys that it made; they stay in the list. Credentials of "
        "equipment that they issued go on, unless they are to end too."
    ),
    response_description=_("The key with the moment of its end, and what ended with it."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def post_revocation(
    *,
    caller: CurrentCaller,
    database: Database,
    key_id: Annotated[str, Path(description=_("The key's id."))],
    credentials: Annotated[
        bool,
        Query(description=_("Revoke the credentials too that this key or one below it issued.")),
    ] = False,
) -> RevokedApiKey:
    """A key that opens nothing any more."""
    with database.changing(caller.actor) as connection:
        return revoke_key(connection, caller, key_id, with_credentials=credentials)
