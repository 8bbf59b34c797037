"""The access log for people."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator

from api.access.gate import GatedRoute
from api.access_log.queries import AccessFilter, list_accesses
from api.console.choices import word_choices
from api.console.listed import Filtered, list_address, render_list
from api.console.visit import CurrentVisit
from api.console.words import words
from api.web.paging import RequestedPage
from jieru.access_entries import AccessKind
from jieru.vocabulary import ACCESS_WORDS

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/access-log"

OptionalKind = Annotated[AccessKind | None, BeforeValidator(lambda value: value or None)]
"""What happened, or nothing: a form sends an empty text for all of it."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The filter of the list."""

    kind: OptionalKind = None
    actor: Filtered = ""


@router.get(_LIST)
def show_accesses(
    visit: CurrentVisit, page: RequestedPage, wanted: Annotated[_Wanted, Depends()]
) -> HTMLResponse:
    """The entries, newest first."""
    with visit.database.reading() as connection:
        found = list_accesses(
            connection, AccessFilter(kind=wanted.kind, actor=wanted.actor or None), page
        )
    query: dict[str, object] = {"kind": wanted.kind, "actor": wanted.actor}
    values = {
        "entries": [
            (each, words(each.kind, ACCESS_WORDS, visit.translate)) for each in found.items
        ],
        "kinds": word_choices(AccessKind, ACCESS_WORDS, visit.translate),
        "wanted": wanted,
        "export_address": list_address("/api/v1/access-entries.csv", query),
    }
    return render_list(visit, "access-log", _LIST, query, page, found.next_cursor, values)
