"""The bell, the ways by which a person hears, leaving without signing in, and messages given up."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.announcement import Done, go_on
from api.console.forms import Choice, FormValues, Input, Mistakes, checked, form_page, mistakes_of
from api.console.forms import Form as FormOfPage
from api.console.rendering import render
from api.console.visit import CurrentVisit, Visit
from api.notices import queries
from api.notices.answers import NewChannel
from api.notices.source import Source
from api.notices.words import CHANNEL_WORDS, FREQUENCY_WORDS, SHAPE_WORDS
from api.web.clock import Now
from api.web.database import Database
from api.web.problems import Problem
from jieru.audit import Actor
from jieru.i18n import marked as _
from jieru.notices.kinds import KINDS, kinds_of_role

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/notices"
_CHANNELS: Final = "/notices/channels"
_NEW: Final = "/notices/channels/new"
_DEAD: Final = "/notices/dead"
_UNKNOWN: Final = 404
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get(_LIST)
def show_notices(visit: CurrentVisit) -> HTMLResponse:
    """What the reader was told, the newest first."""
    with visit.database.reading() as connection:
        found = queries.list_notices(connection, visit.caller, visit.language)
    may_resend = visit.may(Permission.RESEND_MESSAGES)
    return visit.render("notices/list.html", {"found": found, "may_resend": may_resend})


@router.get("/notices/unread")
def show_unread(visit: CurrentVisit) -> HTMLResponse:
    """The number beside the bell; nothing where all is read."""
    with visit.database.reading() as connection:
        number = queries.unread(connection, visit.caller)
    return visit.render("notices/unread.html", {"number": number})


@router.post("/notices/read")
def take_reading(
    visit: CurrentVisit, notice_id: Annotated[int | None, Form(ge=1)] = None
) -> Response:
    """One notice is read, or all are."""
    with visit.database.reading() as connection:
        ids = None if notice_id is None else [notice_id]
        queries.mark_read(connection, visit.caller, ids, now=visit.now)
    return go_on(_LIST, Done.MARKED_READ)


@router.get(_CHANNELS)
def show_channels(visit: CurrentVisit) -> HTMLResponse:
    """By which ways the reader hears."""
    with visit.database.reading() as connection:
        found = queries.list_channels(connection, visit.caller)
    values = {
        "channels": found.items,
        "channel_words": CHANNEL_WORDS,
        "shape_words": SHAPE_WORDS,
        "frequency_words": FREQUENCY_WORDS,
        "kind_words": {str(kind): wording.label for kind, wording in KINDS.items()},
    }
    return visit.render("notices/channels.html", values)


@router.get(_NEW)
def show_channel_form(visit: CurrentVisit, channel: str = "email") -> HTMLResponse:
    """The form for one more way."""
    queries.person_of(visit.caller)
    kinds = " ".join(kinds_of_role(visit.caller.role))
    values = {"channel": channel, "kinds": kinds, "frequency": "at_once", "shape": "wecom"}
    return _channel_form(visit, values | {"quiet_from": "22", "quiet_to": "7"})


@router.post(_NEW)
def take_channel(visit: CurrentVisit, source: Source, values: FormValues) -> Response:
    """One more way."""
    said: dict[str, object] = {name: value for name, value in values.items() if value}
    said["kinds"] = values.get("kinds", "").split()
    if said.get("channel") != "webhook":
        said.pop("shape", None)
    try:
        wanted = checked(NewChannel, said)
        with visit.database.changing(visit.caller.actor) as connection:
            queries.add_channel(connection, visit.caller, wanted, source.key)
    except Problem as problem:
        return _channel_form(visit, values, mistakes_of(visit.request, problem))
    return go_on(_CHANNELS, Done.SAVED)


@router.post("/notices/channels/{channel_id}/leave")
def take_channel_end(visit: CurrentVisit, channel_id: Number) -> Response:
    """Nothing goes by it any more."""
    with visit.database.changing(visit.caller.actor) as connection:
        queries.leave_channel(connection, visit.caller, channel_id, now=visit.now)
    return go_on(_CHANNELS, Done.LEFT)


@router.get("/notices/leave/{code}")
def show_leaving(request: Request, database: Database, code: str) -> Response:
    """What is left, to whoever has the link. Looking leaves nothing: scanners of mail look."""
    with database.reading() as connection:
        found = queries.channel_of_code(connection, code)
    return _leaving(request, database, code, found)


@router.post("/notices/leave/{code}")
def take_leaving(request: Request, database: Database, now: Now, code: str) -> Response:
    """Left with one click, by a person or by the program that shows the mail (RFC 8058)."""
    with database.reading() as connection:
        found = queries.channel_of_code(connection, code)
    if found is not None and not found[1]:
        with database.changing(Actor("link:leave", "link")) as connection:
            queries.leave_by_code(connection, code, now=now)
        found = (found[0], True)
    return _leaving(request, database, code, found)


@router.get(_DEAD)
def show_dead(visit: CurrentVisit) -> HTMLResponse:
    """Messages that were given up."""
    with visit.database.reading() as connection:
        found = queries.list_dead(connection)
    values = {"messages": found.items, "channel_words": CHANNEL_WORDS}
    return visit.render("notices/dead.html", values)


@router.post("/notices/dead/{message_id}/resend")
def take_resend(visit: CurrentVisit, message_id: Number) -> Response:
    """It is tried within seconds."""
    with visit.database.changing(visit.caller.actor) as connection:
        queries.resend(connection, message_id)
    return go_on(_DEAD, Done.TRIED_ANEW)


def _leaving(
    request: Request, database: Database, code: str, found: tuple[str, bool] | None
) -> Response:
    values = {
        "channel": CHANNEL_WORDS[found[0]] if found else None,
        "is_left": bool(found and found[1]),
        "address": f"/notices/leave/{code}",
        "mistake": None,
        "is_simulation": database.is_simulation(),
    }
    return render(request, "notices/leave.html", values, status=200 if found else _UNKNOWN)


def _channel_form(
    visit: Visit, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    is_webhook = values.get("channel") == "webhook"
    hours = [Choice("", visit.translate(_("none")))]
    hours += [Choice(str(hour), f"{hour:02}:00") for hour in range(24)]
    inputs = [
        Input("channel", "", "hidden"),
        Input(
            "address",
            _("Address of the webhook") if is_webhook else _("Mail address"),
            is_required=True,
            longest=2000,
        ),
    ]
    if is_webhook:
        inputs += [
            Input("shape", _("Receiver"), "select", choices=_choices(visit, SHAPE_WORDS)),
            Input(
                "secret",
                _("Signing secret"),
                "password",
                hint=_("Of the robot, where it has one. WeCom has none."),
                longest=200,
            ),
        ]
    kinds = {str(kind): KINDS[kind].label for kind in kinds_of_role(visit.caller.role)}
    inputs += [
        Input("kinds", _("What you want to hear of"), "checkboxes", choices=_choices(visit, kinds)),
        Input("frequency", _("How often"), "select", choices=_choices(visit, FREQUENCY_WORDS)),
        Input("quiet_from", _("Quiet from"), "select", choices=hours),
        Input("quiet_to", _("Quiet until"), "select", choices=hours),
    ]
    title = _("New webhook") if is_webhook else _("New mail address")
    explanation = visit.translate(
        _("What happens in quiet hours is told after them. Times are those of Asia/Shanghai.")
    )
    form = FormOfPage(_NEW, inputs, _("Save"), values, mistakes, cancel=_CHANNELS)
    crumbs = [(visit.translate(_("How I am told")), _CHANNELS)]
    return form_page(visit, visit.translate(title), form, crumbs, explanation)


def _choices(visit: Visit, words: Mapping[str, str]) -> list[Choice]:
    return [Choice(value, visit.translate(label)) for value, label in words.items()]
