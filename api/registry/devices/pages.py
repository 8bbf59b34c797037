"""Devices for people: the list, one device with what was heard of it, and its changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

import psycopg
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.announcement import Done
from api.console.breadcrumbs import device_breadcrumbs, device_page_address
from api.console.choices import DistrictChoices, platform_choices, word_choices
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
from api.console.month import OptionalCivilMonth
from api.console.visit import CurrentVisit, Visit
from api.console.words import (
    DEVICE_STATUS_WORDS,
    PUBLISHER_WORDS,
    REJECTION_WORDS,
    REPORTED_WORDS,
    STATE_WORDS,
    words,
)
from api.registry.assignments.queries import ASSIGNMENTS, AssignmentFilter
from api.registry.broker.pages import connections_of_device
from api.registry.credentials.queries import CredentialFilter, CredentialState, list_credentials
from api.registry.devices.answers import DeviceChange, DeviceRecord, NewDevice
from api.registry.devices.calendar import calendar_rows, days_shown, month_choice
from api.registry.devices.evidence import list_heartbeats, read_presence, read_publishers
from api.registry.devices.excess import recent_excess
from api.registry.devices.queries import (
    DEVICES,
    DeviceFilter,
    change_device,
    create_device,
    end_device,
    read_device,
    reopen_device,
)
from api.registry.devices.trouble import read_trouble
from api.registry.late_forms import asking_twice, require_known_backdating
from api.web.filters import State
from api.web.paging import PageRequest, RequestedPage
from api.web.policy import CurrentRegistryRules
from api.web.records import Body, Ending
from jieru.i18n import marked as _
from jieru.wire import CLOUD, ITSELF, DeviceAddress, Publisher, PublisherKind, heartbeat_topic
from registry.device_status import Liveness

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_SECONDS_PER_DAY: Final = 86_400
_LIST: Final = "/devices"
_NEW: Final = "/devices/new"
_ASSIGNED_FROM: Final = "assigned_from"
_HEARTBEATS: Final = 20
_HISTORY: Final = PageRequest(limit=100)
_SOME_GATEWAY: Final = Publisher(PublisherKind.GATEWAY, "{gateway}")
"""As topics are written that hold for each of them."""

OptionalLiveness = Annotated[Liveness | None, BeforeValidator(lambda value: value or None)]
"""A status, or nothing: a form sends an empty text for all of them."""

_DESCRIBING: Final = (
    Input("kind", _("Kind of device"), longest=100),
    Input("name", _("Name of the device"), longest=200),
    Input(
        "expected_interval_s",
        _("Seconds between heartbeats"),
        "number",
        is_required=True,
        hint=_("Online until two intervals of silence, late until five, then offline."),
    ),
)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The filter of the list."""

    platform: Filtered = ""
    enterprise: Filtered = ""
    district: Filtered = ""
    status: OptionalLiveness = None
    state: State = State.OPEN
    text: Filtered = ""


@router.get(_LIST)
def show_devices(
    visit: CurrentVisit,
    page: RequestedPage,
    districts: DistrictChoices,
    wanted: Annotated[_Wanted, Depends()],
) -> HTMLResponse:
    """The list."""
    accepted = filter_of(DeviceFilter, wanted)
    with visit.database.snapshot() as connection:
        devices = DEVICES.page(connection, visit.caller.platform_id, accepted, page, visit.now)
        platforms = platform_choices(connection, visit.caller)
    query = query_of(wanted)
    values = {
        "devices": [
            (device, words(device.status, DEVICE_STATUS_WORDS, visit.translate))
            for device in devices.items
        ],
        "platforms": platforms,
        "districts": districts,
        "statuses": word_choices(Liveness, DEVICE_STATUS_WORDS, visit.translate),
        "states": word_choices(State, STATE_WORDS, visit.translate),
        "wanted": wanted,
        "export_address": list_address("/api/v1/devices.csv", query),
        "may_change": visit.may(Permission.CHANGE_REGISTRY),
    }
    return render_list(visit, "devices", _LIST, query, page, devices.next_cursor, values)


@router.get(_NEW)
def show_new_device(
    visit: CurrentVisit, uscc: Filtered = "", platform: Filtered = "", serial: Filtered = ""
) -> HTMLResponse:
    """The form for a device."""
    interval = NewDevice.model_fields["expected_interval_s"].default
    values = {
        "expected_interval_s": str(interval),
        "uscc": uscc,
        "platform": platform,
        "serial": serial,
    }
    return _new_form(visit, values | ({_ASSIGNED_FROM: str(visit.today)} if uscc else {}))


@router.post(_NEW)
def take_new_device(
    visit: CurrentVisit, rules: CurrentRegistryRules, values: FormValues
) -> Response:
    """Register a device."""
    own = {"platform": visit.caller.platform.code} if visit.caller.platform else {}

    def act() -> str:
        if values.get("uscc"):  # the day is that of an assignment
            require_known_backdating(visit, values, rules, _ASSIGNED_FROM)
        new = read_form(NewDevice, {**values, **own})
        with visit.database.changing(visit.caller.actor) as connection:
            return _page_of(create_device(connection, visit.caller, new, now=visit.now))

    return answer_form(
        visit, Done.REGISTERED, act, lambda mistakes: _new_form(visit, values, mistakes)
    )


@router.get("/devices/{platform}/{serial}")
def show_device(
    visit: CurrentVisit, platform: str, serial: str, month: OptionalCivilMonth = None
) -> HTMLResponse:
    """One device: facts, calendar, heartbeats, credentials, assignments."""
    address = DeviceAddress(platform, serial)
    shown_month = month or visit.today.replace(day=1)
    days = days_shown(shown_month, visit.today)
    is_part = visit.wants_part("calendar")
    with visit.database.snapshot() as connection:
        presence = read_presence(connection, visit.caller, address, *days, now=visit.now)
        heard_from = read_publishers(connection, visit.caller, address, shown_month, now=visit.now)
        details = {} if is_part else _details(connection, visit, address)
    calendar = {
        "address": device_page_address(address),
        "rows": calendar_rows(presence.days),
        "month": month_choice(shown_month, visit.today),
        "heard_from": [
            (visit.translate(PUBLISHER_WORDS[each.publisher.kind]), each) for each in heard_from
        ],
    }
    template = "devices/calendar.html" if is_part else "devices/device.html"
    return visit.render(template, {**calendar, **details})


@router.get("/devices/{platform}/{serial}/heartbeats")
def show_heartbeats(
    visit: CurrentVisit, platform: str, serial: str, page: RequestedPage
) -> HTMLResponse:
    """Older heartbeats: a page, or for htmx the rows that follow."""
    address = DeviceAddress(platform, serial)
    is_part = "hx-request" in visit.request.headers
    with visit.database.snapshot() as connection:
        heartbeats = _heartbeats(connection, visit, address, page)
    return visit.render(
        "devices/heartbeat-rows.html" if is_part else "devices/heartbeats.html",
        {"breadcrumbs": device_breadcrumbs(visit, address), **heartbeats},
    )


@router.get("/devices/{platform}/{serial}/edit")
def show_edit_form(visit: CurrentVisit, platform: str, serial: str) -> HTMLResponse:
    """The form to change a device."""
    return _edit_form(visit, DeviceAddress(platform, serial)).show(visit)


@router.post("/devices/{platform}/{serial}/edit")
def take_edit(visit: CurrentVisit, platform: str, serial: str, values: FormValues) -> Response:
    """Change a device."""
    address = DeviceAddress(platform, serial)
    return answer_record_form(
        visit,
        Done.SAVED,
        values,
        DeviceChange,
        lambda connection, change, expected: _page_of(
            change_device(connection, visit.caller, address, change, expected, now=visit.now)
        ),
        lambda: _edit_form(visit, address),
    )


@router.get("/devices/{platform}/{serial}/end")
def show_end_form(visit: CurrentVisit, platform: str, serial: str) -> HTMLResponse:
    """The form to end a device."""
    return _end_form(visit, DeviceAddress(platform, serial)).show(visit)


@router.post("/devices/{platform}/{serial}/end")
def take_end(visit: CurrentVisit, platform: str, serial: str, values: FormValues) -> Response:
    """End a device."""
    address = DeviceAddress(platform, serial)
    return answer_record_form(
        visit,
        Done.ENDED,
        values,
        Ending,
        lambda connection, ending, expected: _page_of(
            end_device(connection, visit.caller, address, ending.on, expected, now=visit.now)
        ),
        lambda: _end_form(visit, address),
    )


@router.get("/devices/{platform}/{serial}/reopen")
def show_reopening_form(visit: CurrentVisit, platform: str, serial: str) -> HTMLResponse:
    """The form to take back the end of a device."""
    return _reopening_form(visit, DeviceAddress(platform, serial)).show(visit)


@router.post("/devices/{platform}/{serial}/reopen")
def take_reopening(visit: CurrentVisit, platform: str, serial: str, values: FormValues) -> Response:
    """Take back the end of a device."""
    address = DeviceAddress(platform, serial)
    return answer_record_form(
        visit,
        Done.REOPENED,
        values,
        Body,
        lambda connection, _nothing, expected: _page_of(
            reopen_device(connection, visit.caller, address, expected, now=visit.now)
        ),
        lambda: _reopening_form(visit, address),
    )


def _read(visit: Visit, address: DeviceAddress) -> DeviceRecord:
    with visit.database.reading() as connection:
        return read_device(connection, visit.caller, address, now=visit.now)


def _page_of(record: DeviceRecord) -> str:
    return device_page_address(DeviceAddress(record.platform, record.serial))


def _details(
    connection: psycopg.Connection, visit: Visit, address: DeviceAddress
) -> dict[str, object]:
    """What its page shows besides the calendar."""
    translate = visit.translate
    device = read_device(connection, visit.caller, address, now=visit.now)
    assigned = AssignmentFilter(address.platform, address.serial, state=State.ALL)
    issued = CredentialFilter(
        platform=address.platform, serial=address.serial, state=CredentialState.ALL
    )
    assignments = ASSIGNMENTS.page(
        connection, visit.caller.platform_id, assigned, _HISTORY, visit.now
    )
    credentials = list_credentials(connection, visit.caller, issued, _HISTORY)
    return {
        "device": device,
        "status": words(device.status, DEVICE_STATUS_WORDS, translate),
        "reported": words(device.reported, REPORTED_WORDS, translate) if device.reported else None,
        "assignments": assignments.items,
        "credentials": credentials.items,
        "topics": [
            (translate(PUBLISHER_WORDS[publisher.kind]), heartbeat_topic(address, publisher))
            for publisher in (ITSELF, _SOME_GATEWAY, CLOUD)
        ],
        "today": visit.today,
        "may_change": visit.may(Permission.CHANGE_REGISTRY),
        "may_issue": visit.may(Permission.CHANGE_CREDENTIALS),
        **_heartbeats(connection, visit, address, PageRequest()),
        **recent_excess(connection, visit.caller, address, now=visit.now),
        **_trouble(connection, visit, address),
        **connections_of_device(connection, visit, address),
    }


def _trouble(
    connection: psycopg.Connection, visit: Visit, address: DeviceAddress
) -> dict[str, object]:
    trouble = read_trouble(connection, visit.caller, address, visit.language, now=visit.now)
    refused = trouble.refused
    return {
        "trouble": trouble,
        "trouble_days": (trouble.behind_s or 0) // _SECONDS_PER_DAY,
        "trouble_reason": words(refused.reason, REJECTION_WORDS, visit.translate)
        if refused
        else None,
    }


def _heartbeats(
    connection: psycopg.Connection, visit: Visit, address: DeviceAddress, page: PageRequest
) -> dict[str, object]:
    part = PageRequest(page.cursor, _HEARTBEATS)
    heartbeats = list_heartbeats(connection, visit.caller, address, None, None, part, now=visit.now)
    path, next_cursor = f"{device_page_address(address)}/heartbeats", heartbeats.next_cursor
    return {
        "heartbeats": [
            (
                each,
                words(each.status, REPORTED_WORDS, visit.translate) if each.status else None,
                visit.translate(PUBLISHER_WORDS[each.publisher.kind]),
            )
            for each in heartbeats.items
        ],
        "older_address": list_address(path, {"cursor": next_cursor}) if next_cursor else None,
        "is_archived": heartbeats.is_archived,
    }


def _new_form(
    visit: Visit, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    inputs = [
        Input(
            "serial",
            _("Serial"),
            is_required=True,
            hint=_("Unique on the platform; part of the device's topic."),
            longest=64,
        ),
        *_DESCRIBING,
        Input("uscc", _("Enterprise's unified social credit code"), longest=18),
        Input(_ASSIGNED_FROM, _("Assigned from"), "date"),
    ]
    if visit.caller.platform is None:
        with visit.database.reading() as connection:
            choices = platform_choices(connection, visit.caller)
        inputs.insert(
            0, Input("platform", _("Platform"), "select", is_required=True, choices=choices)
        )
    return form_page(
        visit,
        visit.translate(_("New device")),
        asking_twice(
            Form(_NEW, inputs, _("Register"), values, mistakes, cancel=_LIST), _ASSIGNED_FROM
        ),
        [(visit.translate(_("Devices")), _LIST)],
    )


def _edit_form(visit: Visit, address: DeviceAddress) -> RecordForm:
    return RecordForm.to_change(
        _("Change the device"),
        device_page_address(address),
        _read(visit, address),
        _DESCRIBING,
        device_breadcrumbs(visit, address),
    )


def _end_form(visit: Visit, address: DeviceAddress) -> RecordForm:
    return RecordForm.to_end(
        _("End the device"),
        device_page_address(address),
        _read(visit, address),
        device_breadcrumbs(visit, address),
        visit.today,
        _("Its assignment ends too, and its credential is revoked. Nothing is deleted."),
    )


def _reopening_form(visit: Visit, address: DeviceAddress) -> RecordForm:
    return RecordForm.to_reopen(
        _("Take back the device's end"),
        device_page_address(address),
        _read(visit, address),
        device_breadcrumbs(visit, address),
        _(
            "For an end that was recorded by mistake. Then hand the device over from the day on "
            "which its assignment ended, and issue a new credential."
        ),
    )
