"""The shapes of what is said of devices, and of what may be said of one."""

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.web.paging import Page
from api.web.records import REVISION, USCC, WHOLE_NUMBER, Body, DateText, left_out
from jieru.wire import DeviceStatus, PublisherKind
from registry.device_status import Liveness

__all__ = [
    "DeviceChange",
    "DevicePage",
    "DeviceRecord",
    "HeartbeatAnswer",
    "HeartbeatPage",
    "NewDevice",
    "OwnerAnswer",
    "PublisherAnswer",
]

INTERVAL_MAX_S: Final = 604_800
INTERVAL_S: Final = 300

_DEVICE: Final[JsonDict] = {
    "platform": "xielian",
    "serial": "CNC-01",
    "kind": "cnc",
    "name": "数控车床 1 号",
    "expected_interval_s": 300,
    "registered_at": "2026-03-01T02:10:00Z",
    "ended_on": None,
    "status": "online",
    "last_seen_at": "2026-05-30T04:59:31Z",
    "reported": "running",
    "enterprise": {
        "uscc": "91350300MA2XN0T34K",
        "name": "莆田市某某机械有限公司",
        "district": "licheng",
        "assigned_from": "2026-03-01",
    },
    "revision": 1,
}


IntervalSeconds = Annotated[
    int,
    Field(
        description="Seconds between two heartbeats, by which the device's status is told.",
        ge=1,
        le=INTERVAL_MAX_S,
    ),
    WHOLE_NUMBER,
]


class OwnerAnswer(BaseModel):
    """The enterprise that a device stands for today."""

    uscc: str = USCC
    name: str
    district: str
    assigned_from: date


class DeviceRecord(BaseModel):
    """A device, and how it stands at this moment."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DEVICE]})

    platform: str = Field(description="The platform's code.")
    serial: str = Field(description="Unique on the platform.")
    kind: str | None
    name: str | None
    expected_interval_s: int = Field(
        description="Seconds between two heartbeats, by which the status is told."
    )
    registered_at: datetime
    ended_on: date | None = Field(description="The first day on which it is no device any more.")
    status: Liveness = Field(
        description="`online` until two intervals of silence, `late` until five, then `offline`; "
        "`never` before the first heartbeat. Half a minute is allowed for writing."
    )
    last_seen_at: datetime | None
    reported: DeviceStatus | None = Field(description="What the device says of itself.")
    enterprise: OwnerAnswer | None = Field(description="Whose it is today.")
    revision: int = REVISION


class DevicePage(Page[DeviceRecord]):
    """One page of devices, by platform and serial."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_DEVICE], "next_cursor": None}]}
    )


class NewDevice(Body):
    """A device to be registered, and the enterprise that it stands for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "platform": "xielian",
                    "serial": "CNC-01",
                    "kind": "cnc",
                    "name": "数控车床 1 号",
                    "expected_interval_s": 300,
                    "uscc": "91350300MA2XN0T34K",
                    "assigned_from": "2026-03-01",
                }
            ]
        }
    )

    platform: str = Field(description="The platform's code.")
    serial: str = Field(description="1 to 64 letters, digits, dots, underscores and hyphens.")
    kind: str | None = None
    name: str | None = None
    expected_interval_s: IntervalSeconds = INTERVAL_S
    uscc: str | None = Field(
        default=None, description="Of the enterprise; null: the device is not yet assigned."
    )
    assigned_from: DateText | None = None
    assigned_to: DateText | None = Field(
        default=None, description="Exclusive; null: the assignment is open."
    )


class DeviceChange(Body):
    """What of a device may change; a field that is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "数控车床 2 号", "expected_interval_s": 60}]}
    )

    kind: str | None = left_out()
    name: str | None = left_out()
    expected_interval_s: IntervalSeconds = left_out(INTERVAL_S)


class PublisherAnswer(BaseModel):
    """Whose credential heartbeats came with."""

    kind: PublisherKind = Field(
        description="The platform's `cloud`, a `gateway`, or the `device` itself."
    )
    gateway: str | None = Field(description="The gateway's name; null for the other kinds.")


class HeartbeatAnswer(BaseModel):
    """One heartbeat, as it was stored."""

    time: datetime = Field(description="The device's own time stamp.")
    received_at: datetime
    is_time_of_receipt: bool = Field(
        description="Whether it came without a time, and `time` is that of its receipt."
    )
    seq: int | None
    status: DeviceStatus | None
    publisher: PublisherAnswer
    metrics: dict[str, object] | None


class HeartbeatPage(Page[HeartbeatAnswer]):
    """One page of heartbeats, newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "time": "2026-05-30T04:59:31Z",
                            "received_at": "2026-05-30T04:59:31.204Z",
                            "is_time_of_receipt": False,
                            "seq": 8123,
                            "status": "running",
                            "publisher": {"kind": "gateway", "gateway": "licheng-1"},
                            "metrics": {"spindle_rpm": 1200},
                        }
                    ],
                    "next_cursor": None,
                    "is_archived": False,
                }
            ]
        }
    )

    is_archived: bool = Field(
        description="Whether heartbeats of the time that was asked for were moved to the archive, "
        "so that they are not listed here."
    )
