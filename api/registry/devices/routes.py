"""Devices for programs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from starlette.responses import StreamingResponse

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.devices.answers import (
    DeviceChange,
    DevicePage,
    DeviceRecord,
    HeartbeatPage,
    NewDevice,
)
from api.registry.devices.evidence import list_heartbeats, read_presence
from api.registry.devices.excess import ExcessAnswer, read_excess
from api.registry.devices.presence_answers import PresenceAnswer
from api.registry.devices.queries import (
    DEVICES,
    DeviceFilter,
    change_device,
    create_device,
    end_device,
    read_device,
    reopen_device,
)
from api.registry.devices.trouble import TroubleAnswer, read_trouble
from api.web.clock import Now
from api.web.csv_export import CSV_RESPONSE, respond_csv
from api.web.database import Database
from api.web.language import RequestedLanguage
from api.web.paging import RequestedPage
from api.web.periods import FromDay, FromInstant, ToDay, ToInstant
from api.web.problems import Kind, problem_responses
from api.web.records import CHANGE_PROBLEMS, CREATE_PROBLEMS, Ending
from api.web.revisions import IfMatch, announce_revision
from jieru.i18n import marked as _
from jieru.wire import DeviceAddress

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/devices", tags=["devices"], route_class=GatedRoute)

Platform = Annotated[str, Path(description=_("The platform's code."))]
Serial = Annotated[str, Path(description=_("The device's serial on the platform."))]


@router.get(
    "",
    summary="List devices",
    description=_("By platform and serial. An operator sees those of the own platform."),
    response_description=_("One page of devices."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_devices(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    page: RequestedPage,
    wanted: Annotated[DeviceFilter, Depends()],
) -> DevicePage:
    """One page of devices."""
    with database.reading() as connection:
        return DEVICES.page(connection, caller.platform_id, wanted, page, now)


@router.get(
    ".csv",
    summary="Export devices",
    description=_(
        "The same list as CSV, all pages of it, with the columns of the import file: a row "
        "for each assignment."
    ),
    response_description=_("A CSV file."),
    response_class=StreamingResponse,
    responses=CSV_RESPONSE | problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_devices_csv(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    wanted: Annotated[DeviceFilter, Depends()],
) -> StreamingResponse:
    """All pages of the list as a CSV file."""
    return respond_csv(database, "devices", DEVICES.export(caller.platform_id, wanted, now))


@router.post(
    "",
    status_code=201,
    summary="Register a device",
    description=_("Where its enterprise is named, it is assigned to it at once."),
    response_description=_("The device; Location is its address."),
    responses=CREATE_PROBLEMS,
)
def post_device(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    new: NewDevice,
) -> DeviceRecord:
    """Register a device."""
    with database.changing(caller.actor) as connection:
        record = create_device(connection, caller, new, now=now)
    announce_revision(response, record, f"/api/v1/devices/{record.platform}/{record.serial}")
    return record


@router.get(
    "/{platform}/{serial}",
    summary="Read a device",
    description=_("With its status at this moment, and whose it is today."),
    response_description=_("The device."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_device(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    platform: Platform,
    serial: Serial,
) -> DeviceRecord:
    """One device."""
    with database.reading() as connection:
        record = read_device(connection, caller, DeviceAddress(platform, serial), now=now)
    announce_revision(response, record)
    return record


@router.patch(
    "/{platform}/{serial}",
    summary="Change a device",
    description=_("Kind, name and expected interval."),
    response_description=_("The device as it is now."),
    responses=CHANGE_PROBLEMS,
)
def patch_device(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    platform: Platform,
    serial: Serial,
    change: DeviceChange,
    expected: IfMatch,
) -> DeviceRecord:
    """Change a device."""
    with database.changing(caller.actor) as connection:
        record = change_device(
            connection, caller, DeviceAddress(platform, serial), change, expected, now=now
        )
    announce_revision(response, record)
    return record


@router.post(
    "/{platform}/{serial}/end",
    summary="End a device",
    description=_(
        "Its assignment ends with it, and its credential is revoked, unless the end lies "
        "ahead. Heartbeats that it still sends are kept as evidence."
    ),
    response_description=_("The device as it is now."),
    responses=CHANGE_PROBLEMS,
)
def post_device_end(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    platform: Platform,
    serial: Serial,
    ending: Ending,
    expected: IfMatch,
) -> DeviceRecord:
    """End a device."""
    with database.changing(caller.actor) as connection:
        record = end_device(
            connection, caller, DeviceAddress(platform, serial), ending.on, expected, now=now
        )
    announce_revision(response, record)
    return record


@router.post(
    "/{platform}/{serial}/reopen",
    summary="Reopen a device",
    description=_(
        "Takes back an end that was recorded by mistake. The assignment that ended with it stays "
        "ended, until its end is changed; a credential that was revoked stays revoked: issue a "
        "new one. A device of a platform that has an end is not reopened."
    ),
    response_description=_("The device as it is now."),
    responses=CHANGE_PROBLEMS,
)
def post_device_reopening(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    platform: Platform,
    serial: Serial,
    expected: IfMatch,
) -> DeviceRecord:
    """Take back the end of a device."""
    address = DeviceAddress(platform, serial)
    with database.changing(caller.actor) as connection:
        record = reopen_device(connection, caller, address, expected, now=now)
    announce_revision(response, record)
    return record


@router.get(
    "/{platform}/{serial}/heartbeats",
    summary="List a device's heartbeats",
    description=_(
        "Newest first, by the device's own time stamps; at most 31 days at once. By default the "
        "seven days that end with the last heartbeat."
    ),
    response_description=_("One page of heartbeats."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_heartbeats(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    page: RequestedPage,
    platform: Platform,
    serial: Serial,
    start: FromInstant = None,
    end: ToInstant = None,
) -> HeartbeatPage:
    """One page of a device's heartbeats."""
    address = DeviceAddress(platform, serial)
    with database.reading() as connection:
        return list_heartbeats(connection, caller, address, start, end, page, now=now)


@router.get(
    "/{platform}/{serial}/presence",
    summary="A device's calendar of hours",
    description=_(
        "For each civil day (Asia/Shanghai) the hours in which the device was heard, in time and "
        "too late; at most 366 days, by default the 90 that end today."
    ),
    response_description=_("The calendar."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_presence(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    platform: Platform,
    serial: Serial,
    first: FromDay = None,
    last: ToDay = None,
) -> PresenceAnswer:
    """A device's calendar."""
    address = DeviceAddress(platform, serial)
    with database.reading() as connection:
        return read_presence(connection, caller, address, first, last, now=now)


@router.get(
    "/{platform}/{serial}/excess",
    summary="A device's heartbeats beyond its rate",
    description=_(
        "By hour of receipt, newest first, how many heartbeats were counted and not kept, because "
        "the device sent more than its rate; at most 31 days, by default the seven that end now. "
        "Every hour in which the device was heard has a heartbeat that was kept, and counts."
    ),
    response_description=_("The hours."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_excess(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    platform: Platform,
    serial: Serial,
    start: FromInstant = None,
    end: ToInstant = None,
) -> ExcessAnswer:
    """The hours in which a device sent more than its rate."""
    address = DeviceAddress(platform, serial)
    with database.reading() as connection:
        return read_excess(connection, caller, address, start, end, now=now)


@router.get(
    "/{platform}/{serial}/trouble",
    summary="Why a device is not heard",
    description=_(
        "Whether a device that sends is not heard: because its messages are refused, with the last "
        "one and what is wrong with it, or because its clock is behind; of the last seven days."
    ),
    response_description=_("The trouble, or that there is none."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_trouble(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    language: RequestedLanguage,
    platform: Platform,
    serial: Serial,
) -> TroubleAnswer:
    """What keeps a device from being heard."""
    address = DeviceAddress(platform, serial)
    with database.snapshot() as connection:
        return read_trouble(connection, caller, address, language, now=now)
