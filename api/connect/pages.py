"""Connecting equipment, for people: what it must be told, programs for it, what arrives."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.access.sessions import session_cookie_of
from api.connect.answers import Arrival
from api.connect.arrivals import arrivals_of
from api.connect.following import OVERLAP, Follower, Following, Parting
from api.connect.shown import shown_arrivals, state_of
from api.connect.subjects import Subject, SubjectName, find_subject
from api.console.breadcrumbs import Breadcrumbs, device_breadcrumbs, platform_breadcrumbs
from api.console.listed import Filtered, list_address
from api.console.rendering import render_part
from api.console.visit import CurrentVisit, Visit
from api.registry.credentials.programs import (
    EquipmentWaysIn,
    connect_page_address,
    filled_program,
    first_serial,
    fitting_snippets,
)
from api.registry.parents import parent_platform_name
from api.web.head import asks_for_head_alone
from api.web.problems import Kind, Problem
from api.web.services import service
from api.web.stopping import told_of_stopping
from jieru.i18n import Language, translations
from jieru.i18n import marked as _
from jieru.wire import SERIAL, DeviceAddress

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_RECENT: Final = timedelta(hours=1)
_RECONNECT_MS: Final = 3_000

CurrentFollowing = Annotated[Following, Depends(service(Following))]


@router.get("/platforms/{platform}/connect")
def show_for_cloud(
    visit: CurrentVisit,
    ways_in: EquipmentWaysIn,
    platform: str,
    snippet: Filtered = "",
    serial: Filtered = "",
) -> HTMLResponse:
    """How a platform's cloud connects."""
    return _connect_page(visit, ways_in, SubjectName(platform), snippet, serial)


@router.get("/platforms/{platform}/gateways/{name}/connect")
def show_for_gateway(
    visit: CurrentVisit,
    ways_in: EquipmentWaysIn,
    platform: str,
    name: str,
    snippet: Filtered = "",
    serial: Filtered = "",
) -> HTMLResponse:
    """How a gateway connects."""
    return _connect_page(visit, ways_in, SubjectName(platform, name), snippet, serial)


@router.get("/devices/{platform}/{serial}/connect")
def show_for_device(
    visit: CurrentVisit,
    ways_in: EquipmentWaysIn,
    platform: str,
    serial: str,
    snippet: Filtered = "",
) -> HTMLResponse:
    """How a device connects that publishes itself."""
    return _connect_page(visit, ways_in, SubjectName(platform, None, serial), snippet)


def _connect_page(
    visit: Visit, ways_in: EquipmentWaysIn, name: SubjectName, snippet: str, serial: str = ""
) -> HTMLResponse:
    with visit.database.snapshot() as connection:
        platform = parent_platform_name(connection, visit.caller, name.platform)
        subject = find_subject(connection, visit.caller, name)
        spoken_for = name.serial or serial
        if not SERIAL.fullmatch(spoken_for):
            spoken_for = first_serial(connection, name.platform)
        since = visit.now - _RECENT
        arrivals = arrivals_of(connection, subject, since, visit.language, now=visit.now)
    publishing = ways_in.publishing(name.username, serial=spoken_for)
    kind = name.user.publisher.kind
    fitting = fitting_snippets(kind)
    chosen = next((each for each in fitting if each.name == snippet), fitting[0])
    address = connect_page_address(name.user)
    kept = {} if name.serial else {"serial": serial}
    return visit.render(
        "connect/connect.html",
        {
            "breadcrumbs": _breadcrumbs(visit, name, platform),
            "title": name.serial or name.gateway or platform,
            "kind": kind.value,
            "name": name,
            "subject": subject,
            "ways_in": ways_in,
            "publishing": publishing,
            "authority_address": "/api/v1/connect/authority.pem",
            "address": address,
            "spoken_for": spoken_for,
            "choices": [
                (each.title[visit.language], list_address(address, kept | {"snippet": each.name}))
                for each in fitting
            ],
            "chosen_title": chosen.title[visit.language],
            "program": filled_program(chosen, publishing, visit.language),
            "arrivals": shown_arrivals(
                arrivals, visit.translate, may_mend=visit.may(Permission.CHANGE_REGISTRY)
            ),
            "state": state_of(arrivals),
            "stream_address": _stream_address(name),
            "rejections_address": _rejections_address(name),
            "may_issue": visit.may(Permission.CHANGE_CREDENTIALS),
            "today": visit.now,
        },
    )


def _breadcrumbs(visit: Visit, name: SubjectName, platform: str) -> Breadcrumbs:
    if name.serial is not None:
        return device_breadcrumbs(visit, DeviceAddress(name.platform, name.serial))
    return platform_breadcrumbs(visit, name.platform, platform)


def _stream_address(name: SubjectName) -> str:
    named = {"gateway": name.gateway, "serial": name.serial}
    query = urlencode({key: value for key, value in named.items() if value})
    return f"/platforms/{name.platform}/connect/arrivals{'?' if query else ''}{query}"


def _rejections_address(name: SubjectName) -> str:
    beginning = f"jieru/v1/{name.platform}/"
    if name.gateway is not None:
        beginning += f"via/{name.gateway}/"
    return list_address("/rejections", {"platform": name.platform, "topic_prefix": beginning})


async def _followed(
    request: Request,
    visit: CurrentVisit,
    following: CurrentFollowing,
    platform: str,
    gateway: str | None = None,
    serial: str | None = None,
) -> AsyncIterator[Follower]:
    """A follower, who has left when the answer has ended, in whichever way.

    Raises:
        Problem: it is no person who asks, there is no such thing to follow, or too much is
            followed already.
    """
    token = session_cookie_of(request)
    if visit.caller.key is not None or token is None:
        raise Problem(
            Kind.FORBIDDEN, _("This is for pages; a program asks for what arrived now and then.")
        )
    name = SubjectName(platform, gateway, serial)
    subject = await run_in_threadpool(_find, visit, name)
    loop = asyncio.get_running_loop()
    with following.entered(subject, visit.language, visit.caller, token, now=visit.now) as follower:

        def stop() -> None:
            loop.call_soon_threadsafe(follower.part, Parting.STOPPING)

        with told_of_stopping(request.scope, stop):
            yield follower


def _find(visit: Visit, name: SubjectName) -> Subject:
    with visit.database.snapshot() as connection:
        return find_subject(connection, visit.caller, name)


@router.get("/platforms/{platform}/connect/arrivals", response_class=EventSourceResponse)
async def follow_arrivals(
    request: Request,
    visit: CurrentVisit,
    follower: Annotated[Follower, Depends(_followed)],
    last_event_id: Annotated[str, Header()] = "",
) -> AsyncIterator[ServerSentEvent]:
    """What arrives, row by row as the page shows it, until the reader leaves or must."""
    if asks_for_head_alone(request.scope):
        return
    may_mend = visit.may(Permission.CHANGE_REGISTRY)
    since = _moment_of(last_event_id, visit.now)
    follower.tell(await run_in_threadpool(_missed, visit, follower.subject, since))
    yield ServerSentEvent(comment="following", retry=_RECONNECT_MS)
    async for news in follower.news():
        if isinstance(news, Parting):
            translate = translations(follower.language).gettext
            yield ServerSentEvent(event="parting", raw_data=translate(news.value))
            return
        yield _event(news, follower.language, may_mend=may_mend)


def _missed(visit: Visit, subject: Subject, since: datetime) -> list[Arrival]:
    with visit.database.snapshot() as connection:
        return arrivals_of(connection, subject, since, visit.language, now=visit.now)


def _moment_of(event_id: str, now: datetime) -> datetime:
    """From when a reader has not seen what arrived; a little earlier, for it is told apart."""
    try:
        moment = datetime.fromtimestamp(int(event_id) / 1_000, UTC)
    except (ValueError, OverflowError, OSError):
        moment = now
    return max(min(moment, now) - OVERLAP, now - _RECENT)


def _event(news: Sequence[Arrival], language: Language, *, may_mend: bool) -> ServerSentEvent:
    shown = shown_arrivals(news, translations(language).gettext, may_mend=may_mend)
    newest = max(each.at for each in news)
    return ServerSentEvent(
        event=state_of(news),
        id=str(int(newest.timestamp() * 1_000)),
        raw_data=render_part(language, "connect/arrival-rows.html", {"arrivals": shown}),
    )
