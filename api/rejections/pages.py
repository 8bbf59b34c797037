"""Rejections for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.choices import platform_choices, word_choices
from api.console.forms import Choice
from api.console.listed import Filtered, list_address, query_of, render_list
from api.console.visit import CurrentVisit, Visit
from api.console.words import REJECTION_WORDS, words
from api.rejections.answers import RejectionAnswer
from api.rejections.queries import RejectionFilter, group_rejections, list_rejections
from api.web.civil import OptionalCivilDate
from api.web.paging import RequestedPage
from api.web.rejection_details import REMEDY_WORDS, remedy_address
from jieru.calendar import SHANGHAI
from jieru.wire import RejectionReason

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_GROUPS: Final = "/rejections"
_MESSAGES: Final = "/rejections/messages"
_DAY: Final = timedelta(days=1)

OptionalReason = Annotated[RejectionReason | None, BeforeValidator(lambda value: value or None)]
"""A reason, or nothing: a form sends an empty text for all of them."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The filter of both lists."""

    reason: OptionalReason = None
    platform: Filtered = ""
    topic_prefix: Filtered = ""
    first: OptionalCivilDate = None
    last: OptionalCivilDate = None

    def accepted(self) -> RejectionFilter:
        """What the API's lists call it."""
        return RejectionFilter(
            self.reason,
            self.platform or None,
            self.topic_prefix or None,
            _midnight(self.first),
            _midnight(self.last + _DAY) if self.last else None,
        )


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, SHANGHAI)


@router.get(_GROUPS)
def show_groups(
    visit: CurrentVisit, page: RequestedPage, wanted: Annotated[_Wanted, Depends()]
) -> HTMLResponse:
    """By topic and reason, the one that was last added to first."""
    with visit.database.snapshot() as connection:
        groups = group_rejections(
            connection, visit.caller, wanted.accepted(), page, visit.language, now=visit.now
        )
        platforms = platform_choices(connection, visit.caller)
    rows = [
        (
            group,
            words(group.reason, REJECTION_WORDS, visit.translate),
            _remedy(visit, group.example),
            list_address(
                _MESSAGES,
                query_of(wanted) | {"reason": group.reason, "topic_prefix": group.topic},
            ),
        )
        for group in groups.items
    ]
    values = {"groups": rows, **_shown(visit, wanted, platforms)}
    return render_list(
        visit, "rejections", _GROUPS, query_of(wanted), page, groups.next_cursor, values
    )


@router.get(_MESSAGES)
def show_messages(
    visit: CurrentVisit, page: RequestedPage, wanted: Annotated[_Wanted, Depends()]
) -> HTMLResponse:
    """Message by message, newest first."""
    accepted = wanted.accepted()
    with visit.database.snapshot() as connection:
        rejections = list_rejections(connection, visit.caller, accepted, page, visit.language)
        platforms = platform_choices(connection, visit.caller)
    query = query_of(wanted)
    values = {
        "rejections": [
            (each, words(each.reason, REJECTION_WORDS, visit.translate))
            for each in rejections.items
        ],
        "export_address": list_address("/api/v1/rejections.csv", _of_program(query, accepted)),
        **_shown(visit, wanted, platforms),
    }
    return render_list(
        visit, "rejected-messages", _MESSAGES, query, page, rejections.next_cursor, values
    )


def _shown(visit: Visit, wanted: _Wanted, platforms: Sequence[Choice]) -> dict[str, object]:
    """What the filter of either list shows."""
    return {
        "platforms": platforms,
        "reasons": word_choices(RejectionReason, REJECTION_WORDS, visit.translate),
        "wanted": wanted,
        "messages_address": list_address(_MESSAGES, query_of(wanted)),
        "groups_address": list_address(_GROUPS, query_of(wanted)),
    }


def _of_program(query: Mapping[str, object], accepted: RejectionFilter) -> dict[str, object]:
    """The same filter as the API's export is asked for it."""
    days = {"first", "last"}
    return {name: value for name, value in query.items() if name not in days} | {
        "from": accepted.since and accepted.since.isoformat(),
        "to": accepted.until and accepted.until.isoformat(),
    }


def _remedy(visit: Visit, example: RejectionAnswer) -> tuple[str, str] | None:
    """Where it is mended in the console, and what that is called."""
    remedy = example.detail.remedy
    address = remedy_address(remedy, example.topic)
    if remedy is None or address is None or not visit.may(Permission.CHANGE_REGISTRY):
        return None
    return address, visit.translate(REMEDY_WORDS[remedy])
