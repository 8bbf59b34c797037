"""Platforms for people: the list, one platform with its recognitions and gateway, its changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.announcement import Done
from api.console.breadcrumbs import platform_breadcrumbs, platform_page_address
from api.console.choices import word_choices
from api.console.forms import (
    Form,
    FormValues,
    Input,
    Mistakes,
    RecordForm,
    answer_form,
    end_input,
    form_page,
    read_form,
    revision_of,
)
from api.console.listed import Filtered, list_address, render_list
from api.console.visit import CurrentVisit, Visit
from api.console.words import LEVEL_WORDS, STATE_WORDS, words
from api.registry.credentials.queries import CredentialFilter, CredentialState, list_credentials
from api.registry.platforms.answers import NewPlatform, PlatformChange, PlatformRecord
from api.registry.platforms.queries import (
    PlatformFilter,
    change_platform,
    create_platform,
    end_platform,
    list_platforms,
    read_platform,
    reopen_platform,
)
from api.registry.recognitions.queries import RecognitionFilter, list_recognitions
from api.web.filters import State
from api.web.paging import PageRequest, RequestedPage
from api.web.records import Ending
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/platforms"
_NEW: Final = "/platforms/_new"
"""No code of a platform has an underscore."""
_HISTORY: Final = PageRequest(limit=100)

_DESCRIBING: Final = (
    Input("name", _("Name"), is_required=True, longest=200),
    Input("operator_uscc", _("Operator's unified social credit code"), longest=18),
)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The filter of the list."""

    state: State = State.OPEN
    text: Filtered = ""


@router.get(_LIST)
def show_platforms(
    visit: CurrentVisit, page: RequestedPage, wanted: Annotated[_Wanted, Depends()]
) -> HTMLResponse:
    """The list."""
    accepted = PlatformFilter(wanted.text or None, wanted.state)
    with visit.database.snapshot() as connection:
        platforms = list_platforms(connection, visit.caller, accepted, page, now=visit.now)
    query: dict[str, object] = {
        "state": None if wanted.state is State.OPEN else wanted.state,
        "text": wanted.text,
    }
    values = {
        "platforms": [
            (each, words(each.level, LEVEL_WORDS, visit.translate) if each.level else None)
            for each in platforms.items
        ],
        "states": word_choices(State, STATE_WORDS, visit.translate),
        "wanted": wanted,
        "export_address": list_address("/api/v1/platforms.csv", query),
        "may_change": visit.may(Permission.CHANGE_PLATFORMS),
    }
    return render_list(visit, "platforms", _LIST, query, page, platforms.next_cursor, values)


@router.get(_NEW)
def show_new_platform(visit: CurrentVisit) -> HTMLResponse:
    """The form for a platform."""
    return _new_form(visit, {})


@router.post(_NEW)
def take_new_platform(visit: CurrentVisit, values: FormValues) -> Response:
    """Register a platform."""

    def act() -> str:
        new = read_form(NewPlatform, values)
        with visit.database.changing(visit.caller.actor) as connection:
            record = create_platform(connection, visit.caller, new, now=visit.now)
        return platform_page_address(record.code)

    return answer_form(
        visit, Done.REGISTERED, act, lambda mistakes: _new_form(visit, values, mistakes)
    )


@router.get("/platforms/{platform}")
def show_platform(visit: CurrentVisit, platform: str) -> HTMLResponse:
    """One platform: facts, recognitions, the gateway's credentials."""
    recognised = RecognitionFilter(platform=platform, state=State.ALL)
    issued = CredentialFilter(platform=platform, state=CredentialState.ALL)
    with visit.database.snapshot() as connection:
        record = read_platform(connection, visit.caller, platform, now=visit.now)
        recognitions = list_recognitions(
            connection, visit.caller, recognised, _HISTORY, now=visit.now
        )
        credentials = list_credentials(connection, visit.caller, issued, _HISTORY)
    return visit.render(
        "platforms/platform.html",
        {
            "platform": record,
            "level": words(record.level, LEVEL_WORDS, visit.translate) if record.level else None,
            "recognitions": [
                (each, words(each.level, LEVEL_WORDS, visit.translate))
                for each in recognitions.items
            ],
            "credentials": [each for each in credentials.items if each.serial is None],
            "today": visit.today,
            "may_change": visit.may(Permission.CHANGE_PLATFORMS),
            "may_issue": visit.may(Permission.CHANGE_CREDENTIALS),
        },
    )


@router.get("/platforms/{platform}/edit")
def show_edit_form(visit: CurrentVisit, platform: str) -> HTMLResponse:
    """The form to change a platform."""
    return _edit_form(visit, platform)


@router.post("/platforms/{platform}/edit")
def take_edit(visit: CurrentVisit, platform: str, values: FormValues) -> Response:
    """Change a platform."""

    def act() -> str:
        change, expected = read_form(PlatformChange, values), revision_of(values)
        with visit.database.changing(visit.caller.actor) as connection:
            change_platform(connection, visit.caller, platform, change, expected, now=visit.now)
        return platform_page_address(platform)

    return answer_form(
        visit, Done.SAVED, act, lambda mistakes: _edit_form(visit, platform, values, mistakes)
    )


@router.get("/platforms/{platform}/end")
def show_end_form(visit: CurrentVisit, platform: str) -> HTMLResponse:
    """The form to end a platform."""
    return _end_form(visit, platform, {"on": str(visit.today)})


@router.post("/platforms/{platform}/end")
def take_end(visit: CurrentVisit, platform: str, values: FormValues) -> Response:
    """End a platform."""

    def act() -> str:
        on, expected = read_form(Ending, values).on, revision_of(values)
        with visit.database.changing(visit.caller.actor) as connection:
            end_platform(connection, visit.caller, platform, on, expected, now=visit.now)
        return platform_page_address(platform)

    return answer_form(
        visit, Done.ENDED, act, lambda mistakes: _end_form(visit, platform, values, mistakes)
    )


@router.get("/platforms/{platform}/reopen")
def show_reopening_form(visit: CurrentVisit, platform: str) -> HTMLResponse:
    """The form to take back the end of a platform."""
    return _reopening_form(visit, platform)


@router.post("/platforms/{platform}/reopen")
def take_reopening(visit: CurrentVisit, platform: str, values: FormValues) -> Response:
    """Take back the end of a platform."""

    def act() -> str:
        expected = revision_of(values)
        with visit.database.changing(visit.caller.actor) as connection:
            reopen_platform(connection, visit.caller, platform, expected, now=visit.now)
        return platform_page_address(platform)

    return answer_form(
        visit,
        Done.REOPENED,
        act,
        lambda mistakes: _reopening_form(visit, platform, values, mistakes),
    )


def _read(visit: Visit, code: str) -> PlatformRecord:
    with visit.database.reading() as connection:
        return read_platform(connection, visit.caller, code, now=visit.now)


def _new_form(
    visit: Visit, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    code = Input(
        "code",
        _("Platform code"),
        is_required=True,
        hint=_("2 to 32 lower-case letters, digits and hyphens; part of every topic."),
        longest=32,
    )
    return form_page(
        visit,
        visit.translate(_("New platform")),
        Form(_NEW, [code, *_DESCRIBING], _("Register"), values, mistakes, cancel=_LIST),
        [(visit.translate(_("Platforms")), _LIST)],
    )


def _edit_form(
    visit: Visit,
    code: str,
    typed: Mapping[str, str] | None = None,
    mistakes: Mistakes | None = None,
) -> HTMLResponse:
    platform = _read(visit, code)
    fresh = {"name": platform.name, "operator_uscc": platform.operator_uscc or ""}
    form = RecordForm(
        _("Change the platform"),
        f"{platform_page_address(code)}/edit",
        _DESCRIBING,
        _("Save"),
        platform_breadcrumbs(visit, code, platform.name),
    )
    return form.show(visit, fresh, platform.revision, typed or {}, mistakes)


def _end_form(
    visit: Visit, code: str, typed: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    platform = _read(visit, code)
    form = RecordForm(
        _("End the platform"),
        f"{platform_page_address(code)}/end",
        [end_input()],
        _("Record the end"),
        platform_breadcrumbs(visit, code, platform.name),
        _("Only after its connections have ended. All its credentials are revoked."),
    )
    return form.show(visit, {"on": typed.get("on", "")}, platform.revision, typed, mistakes)


def _reopening_form(
    visit: Visit,
    code: str,
    typed: Mapping[str, str] | None = None,
    mistakes: Mistakes | None = None,
) -> HTMLResponse:
    platform = _read(visit, code)
    form = RecordForm(
        _("Take back the platform's end"),
        f"{platform_page_address(code)}/reopen",
        [],
        _("Take back the end"),
        platform_breadcrumbs(visit, code, platform.name),
        _("For an end that was recorded by mistake. Revoked credentials stay revoked."),
    )
    return form.show(visit, {}, platform.revision, typed or {}, mistakes)
