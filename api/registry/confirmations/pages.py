"""How connections stand with their enterprises, for people; and the bureau's questions."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.announcement import Done, go_on
from api.console.choices import platform_choices, word_choices
from api.console.listed import Filtered, query_of, render_list
from api.console.visit import CurrentVisit
from api.console.words import STANDING_WORDS, words
from api.registry.confirmations.letters import respond_letter
from api.registry.confirmations.queries import ask_by_mail, dead_letters
from api.registry.confirmations.source import Questions
from api.registry.connections.queries import CONNECTIONS, ConnectionFilter
from api.web.paging import RequestedPage
from registry.confirmations import Standing

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/confirmations"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The filter of the list."""

    platform: Filtered = ""
    enterprise: Filtered = ""
    confirmation: Standing | None = None


@router.get(_LIST)
def show_confirmations(
    visit: CurrentVisit, page: RequestedPage, wanted: Annotated[_Wanted, Depends()]
) -> HTMLResponse:
    """The list of connections, in the order of their registration."""
    accepted = ConnectionFilter(
        platform=wanted.platform or None,
        enterprise=wanted.enterprise or None,
        confirmation=wanted.confirmation,
    )
    may_ask = visit.may(Permission.ASK_ENTERPRISES)
    with visit.database.snapshot() as connection:
        found = CONNECTIONS.page(connection, visit.caller.platform_id, accepted, page, visit.now)
        platforms = platform_choices(connection, visit.caller)
        dead = dead_letters(connection) if may_ask else []
    values = {
        "connections": [
            (each, words(each.confirmation, STANDING_WORDS, visit.translate))
            for each in found.items
        ],
        "platforms": platforms,
        "standings": word_choices(Standing, STANDING_WORDS, visit.translate),
        "wanted": wanted,
        "may_ask": may_ask,
        "may_read_contacts": visit.may(Permission.READ_CONTACTS),
        "dead": dead,
    }
    query = query_of(wanted)
    return render_list(visit, "confirmations", _LIST, query, page, found.next_cursor, values)


@router.post("/connections/{connection_id}/ask")
def take_question(visit: CurrentVisit, questions: Questions, connection_id: int) -> Response:
    """Ask by mail."""
    asking = questions.asking()
    with visit.database.changing(visit.caller.actor) as connection:
        ask_by_mail(connection, visit.caller, connection_id, asking, now=visit.now)
    return go_on(_LIST, Done.ASKED)


@router.post("/connections/{connection_id}/letter")
def take_letter(visit: CurrentVisit, connection_id: int) -> Response:
    """Ask by letter."""
    return respond_letter(visit.request, visit.database, visit.caller, connection_id, now=visit.now)
