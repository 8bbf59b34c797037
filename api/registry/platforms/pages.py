"""Platforms for people: the list, one platform with its credentials and recognitions, changes."""

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
    answer_record_form,
    form_page,
    read_form,
)
from api.console.listed import Filtered, filter_of, list_address, query_of, render_list
from api.console.visit import CurrentVisit, Visit
from api.console.words import LEVEL_WORDS, STATE_WORDS, words
from api.registry.credentials.queries import CredentialFilter, CredentialState, list_credentials
from api.registry.gateways.listed import gateway_rows
from api.registry.platforms.answers import NewPlatform, PlatformChange, PlatformRecord
from api.registry.platforms.queries import (
    PLATFORMS,
    PlatformFilter,
    change_platform,
    create_platform,
    end_platform,
    reopen_platform,
)
from api.registry.recognitions.queries import RECOGNITIONS, RecognitionFilter
from api.web.filters import State
from api.web.paging import PageRequest, RequestedPage
from api.web.records import Body, Ending
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
    accepted, own = filter_of(PlatformFilter, wanted), visit.caller.platform_id
    with visit.database.snapshot() as connection:
        platforms = PLATFORMS.page(connection, own, accepted, page, visit.now)
    query = query_of(wanted)
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
            return _page_of(create_platform(connection, visit.caller, new, now=visit.now))

    return answer_form(
        visit, Done.REGISTERED, act, lambda mistakes: _new_form(visit, values, mistakes)
    )


@router.get("/platforms/{platform}")
def show_platform(visit: CurrentVisit, platform: str) -> HTMLResponse:
    """One platform: facts, the credentials of its cloud and its gateways, recognitions."""
    own = visit.caller.platform_id
    recognised = RecognitionFilter(platform=platform, state=State.ALL)
    of_cloud = CredentialFilter(platform=platform, username=platform, state=CredentialState.ALL)
    with visit.database.snapshot() as connection:
        record = PLATFORMS.one(connection, own, visit.now, code=platform)
        recognitions = RECOGNITIONS.page(connection, own, recognised, _HISTORY, visit.now)
        credentials = list_credentials(connection, visit.caller, of_cloud, _HISTORY)
        gateways = gateway_rows(
            connection, visit, platform, PageRequest(), ended_on=record.ended_on
        )
    return visit.render(
        "platforms/platform.html",
        {
            "platform": record,
            "level": words(record.level, LEVEL_WORDS, visit.translate) if record.level else None,
            "recognitions": [
                (each, words(each.level, LEVEL_WORDS, visit.translate))
                for each in recognitions.items
            ],
            "credentials": credentials.items,
            "today": visit.today,
            "may_change": visit.may(Permission.CHANGE_PLATFORMS),
            "may_issue": visit.may(Permission.CHANGE_CREDENTIALS),
            **gateways,
        },
    )


@router.get("/platforms/{platform}/edit")
def show_edit_form(visit: CurrentVisit, platform: str) -> HTMLResponse:
    """The form to change a platform."""
    return _edit_form(visit, platform).show(visit)


@router.post("/platforms/{platform}/edit")
def take_edit(visit: CurrentVisit, platform: str, values: FormValues) -> Response:
    """Change a platform."""
    return answer_record_form(
        visit,
        Done.SAVED,
        values,
        PlatformChange,
        lambda connection, change, expected: _page_of(
            change_platform(connection, visit.caller, platform, change, expected, now=visit.now)
        ),
        lambda: _edit_form(visit, platform),
    )


@router.get("/platforms/{platform}/end")
def show_end_form(visit: CurrentVisit, platform: str) -> HTMLResponse:
    """The form to end a platform."""
    return _end_form(visit, platform).show(visit)


@router.post("/platforms/{platform}/end")
def take_end(visit: CurrentVisit, platform: str, values: FormValues) -> Response:
    """End a platform."""
    return answer_record_form(
        visit,
        Done.ENDED,
        values,
        Ending,
        lambda connection, ending, expected: _page_of(
            end_platform(connection, visit.caller, platform, ending.on, expected, now=visit.now)
        ),
        lambda: _end_form(visit, platform),
    )


@router.get("/platforms/{platform}/reopen")
def show_reopening_form(visit: CurrentVisit, platform: str) -> HTMLResponse:
    """The form to take back the end of a platform."""
    return _reopening_form(visit, platform).show(visit)


@router.post("/platforms/{platform}/reopen")
def take_reopening(visit: CurrentVisit, platform: str, values: FormValues) -> Response:
    """Take back the end of a platform."""
    return answer_record_form(
        visit,
        Done.REOPENED,
        values,
        Body,
        lambda connection, _nothing, expected: _page_of(
            reopen_platform(connection, visit.caller, platform, expected, now=visit.now)
        ),
        lambda: _reopening_form(visit, platform),
    )


def _read(visit: Visit, code: str) -> PlatformRecord:
    with visit.database.reading() as connection:
        return PLATFORMS.one(connection, visit.caller.platform_id, visit.now, code=code)


def _page_of(record: PlatformRecord) -> str:
    return platform_page_address(record.code)


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


def _edit_form(visit: Visit, code: str) -> RecordForm:
    platform = _read(visit, code)
    return RecordForm.to_change(
        _("Change the platform"),
        platform_page_address(code),
        platform,
        _DESCRIBING,
        platform_breadcrumbs(visit, code, platform.name),
    )


def _end_form(visit: Visit, code: str) -> RecordForm:
    platform = _read(visit, code)
    return RecordForm.to_end(
        _("End the platform"),
        platform_page_address(code),
        platform,
        platform_breadcrumbs(visit, code, platform.name),
        visit.today,
        _("Only after its connections have ended. All its credentials are revoked."),
    )


def _reopening_form(visit: Visit, code: str) -> RecordForm:
    platform = _read(visit, code)
    return RecordForm.to_reopen(
        _("Take back the platform's end"),
        platform_page_address(code),
        platform,
        platform_breadcrumbs(visit, code, platform.name),
        _("For an end that was recorded by mistake. Revoked credentials stay revoked."),
    )
