"""What the broker told of connections, for people."""

from typing import Final

import psycopg
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.access.gate import GatedRoute
from api.console.breadcrumbs import platform_breadcrumbs
from api.console.listed import list_address
from api.console.visit import CurrentVisit, Visit
from api.console.words import BROKER_EVENT_WORDS, BROKER_SESSION_WORDS, words
from api.registry.broker.answers import BrokerEventAnswer, BrokerSessionAnswer
from api.registry.broker.queries import (
    SessionFilter,
    has_broker_told,
    list_sessions,
    recent_refusals,
    usernames_of_device,
    vanished_files,
)
from api.registry.parents import parent_platform_name
from api.web.paging import PageRequest, RequestedPage
from jieru.wire import DeviceAddress

__all__ = ["connections_of_device", "router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_SHOWN: Final = 100
_SHOWN_OF_DEVICE: Final = 10


@router.get("/platforms/{platform}/broker")
def show_platform(visit: CurrentVisit, platform: str, page: RequestedPage) -> HTMLResponse:
    """Who of a platform is connected, and what was refused and dropped."""
    with visit.database.snapshot() as connection:
        name = parent_platform_name(connection, visit.caller, platform)
        sessions = list_sessions(connection, visit.caller, SessionFilter(platform), page)
        refusals = recent_refusals(
            connection,
            visit.caller,
            None,
            visit.language,
            platform=platform,
            now=visit.now,
            limit=_SHOWN,
        )
        has_told = has_broker_told(connection)
    path, cursor = f"/platforms/{platform}/broker", sessions.next_cursor
    return visit.render(
        "broker/platform.html",
        {
            "breadcrumbs": platform_breadcrumbs(visit, platform, name),
            "has_broker_told": has_told,
            "broker_sessions": _sessions(sessions.items, visit),
            "broker_refusals": _refusals(refusals, visit),
            "more_address": list_address(path, {"cursor": cursor}) if cursor else None,
        },
    )


@router.get("/broker")
def show_all(visit: CurrentVisit) -> HTMLResponse:
    """What was refused and dropped, of all whom the caller may see."""
    with visit.database.snapshot() as connection:
        refusals = recent_refusals(
            connection,
            visit.caller,
            None,
            visit.language,
            platform=None,
            now=visit.now,
            limit=_SHOWN,
        )
        has_told = has_broker_told(connection)
        vanished = vanished_files(connection) if not visit.caller.platform_code else []
    return visit.render(
        "broker/all.html",
        {
            "has_broker_told": has_told,
            "broker_refusals": _refusals(refusals, visit),
            "vanished_files": vanished,
        },
    )


def connections_of_device(
    connection: psycopg.Connection, visit: Visit, address: DeviceAddress
) -> dict[str, object]:
    """What a device's page shows of its own connection."""
    usernames = usernames_of_device(*address)
    sessions = [
        session
        for username in usernames
        for session in list_sessions(
            connection, visit.caller, SessionFilter(address.platform, username), PageRequest()
        ).items
    ]
    refusals = recent_refusals(
        connection,
        visit.caller,
        usernames,
        visit.language,
        platform=address.platform,
        now=visit.now,
        limit=_SHOWN_OF_DEVICE,
    )
    return {
        "broker_sessions": _sessions(sessions, visit),
        "broker_refusals": _refusals(refusals, visit),
        "more_address": None,
    }


def _sessions(sessions: list[BrokerSessionAnswer], visit: Visit) -> list[tuple[object, object]]:
    return [
        (each, words(each.last_event, BROKER_SESSION_WORDS, visit.translate)) for each in sessions
    ]


def _refusals(refusals: list[BrokerEventAnswer], visit: Visit) -> list[tuple[object, object]]:
    return [(each, words(each.kind, BROKER_EVENT_WORDS, visit.translate)) for each in refusals]
