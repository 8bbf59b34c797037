"""Rejections for people."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator

from api.access.gate import GatedRoute
from api.console.choices import platform_choices, word_choices
from api.console.listed import Filtered, render_list
from api.console.visit import CurrentVisit
from api.console.words import REJECTION_WORDS, words
from api.rejections.queries import RejectionFilter, list_rejections
from api.web.paging import RequestedPage
from jieru.wire import RejectionReason

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/rejections"

OptionalReason = Annotated[RejectionReason | None, BeforeValidator(lambda value: value or None)]
"""A reason, or nothing: a form sends an empty text for all of them."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The filter of the list."""

    reason: OptionalReason = None
    platform: Filtered = ""
    topic_prefix: Filtered = ""


@router.get(_LIST)
def show_rejections(
    visit: CurrentVisit, page: RequestedPage, wanted: Annotated[_Wanted, Depends()]
) -> HTMLResponse:
    """The list, newest first."""
    accepted = RejectionFilter(wanted.reason, wanted.platform or None, wanted.topic_prefix or None)
    with visit.database.snapshot() as connection:
        rejections = list_rejections(connection, visit.caller, accepted, page)
        platforms = platform_choices(connection, visit.caller)
    query: dict[str, object] = {
        "reason": wanted.reason,
        "platform": wanted.platform,
        "topic_prefix": wanted.topic_prefix,
    }
    values = {
        "rejections": [
            (each, words(each.reason, REJECTION_WORDS, visit.translate))
            for each in rejections.items
        ],
        "platforms": platforms,
        "reasons": word_choices(RejectionReason, REJECTION_WORDS, visit.translate),
        "wanted": wanted,
    }
    return render_list(visit, "rejections", _LIST, query, page, rejections.next_cursor, values)
