"""Declarations of stop and repair for programs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.declarations.answers import (
    Confirmation,
    DeclarationPage,
    DeclarationRecord,
    NewDeclarationBody,
)
from api.registry.declarations.queries import (
    DeclarationFilter,
    confirm_declaration,
    declare,
    list_declarations,
)
from api.web.database import Database
from api.web.paging import RequestedPage
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _

__all__ = ["DeclarationId", "router"]

router = APIRouter(prefix="/api/v1/declarations", tags=["declarations"], route_class=GatedRoute)

DeclarationId = Annotated[int, Path(description=_("The declaration's id."))]

_CHANGE_PROBLEMS = problem_responses(
    Kind.NOT_FOUND, Kind.CONFLICT, Kind.TOO_LARGE, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
)


@router.get(
    "",
    summary="List declarations of stop and repair",
    description=_("In the order in which they came; an operator sees those of the own platform."),
    response_description=_("One page of declarations."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_declarations(
    caller: CurrentCaller,
    database: Database,
    page: RequestedPage,
    wanted: Annotated[DeclarationFilter, Depends()],
) -> DeclarationPage:
    """One page of declarations."""
    with database.reading() as connection:
        return list_declarations(connection, caller, wanted, page)


@router.post(
    "",
    status_code=201,
    summary="Declare a stop or a repair",
    description=_("In time: it may have begun yesterday, and no earlier. For operators."),
    response_description=_("The declaration."),
    responses=_CHANGE_PROBLEMS,
)
def post_declaration(
    caller: CurrentCaller, database: Database, new: NewDeclarationBody
) -> DeclarationRecord:
    """Declare."""
    with database.changing(caller.actor) as connection:
        return declare(connection, caller, new)


@router.post(
    "/{declaration_id}/confirm",
    summary="Record that the enterprise confirmed a declaration",
    description=_("For the bureau, which asks the enterprise itself."),
    response_description=_("The declaration as it is now."),
    responses=_CHANGE_PROBLEMS,
)
def post_confirmation(
    caller: CurrentCaller,
    database: Database,
    declaration_id: DeclarationId,
    said: Confirmation,
) -> DeclarationRecord:
    """Confirm."""
    with database.changing(caller.actor) as connection:
        return confirm_declaration(connection, caller, declaration_id, said.confirmation)
