"""Contacts for programs of the bureau."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.contacts.answers import ContactList, ContactRecord, NewContactBody
from api.registry.contacts.queries import list_contacts, record_contact
from api.web.database import Database
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(
    prefix="/api/v1/enterprises/{uscc}/contacts", tags=["contacts"], route_class=GatedRoute
)

Uscc = Annotated[str, Path(description=_("The enterprise's unified social credit code."))]


@router.get(
    "",
    summary="List an enterprise's contacts",
    description=_("For the bureau alone: whom it asks, and whom it asked before."),
    response_description=_("The contacts, the newest first."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_contacts(caller: CurrentCaller, database: Database, uscc: Uscc) -> ContactList:
    """The contacts of one enterprise."""
    with database.reading() as connection:
        return list_contacts(connection, caller, uscc)


@router.post(
    "",
    status_code=201,
    summary="Enter an enterprise's contact",
    description=_(
        "From now on this one is asked; links and codes that were sent to the one before are no "
        "longer good."
    ),
    response_description=_("The contact."),
    responses=problem_responses(
        Kind.NOT_FOUND, Kind.TOO_LARGE, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
    ),
)
def post_contact(
    caller: CurrentCaller, database: Database, uscc: Uscc, new: NewContactBody
) -> ContactRecord:
    """Enter a contact."""
    with database.changing(caller.actor) as connection:
        return record_contact(connection, caller, uscc, new)
