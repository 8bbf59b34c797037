"""Heartbeats of one device that were beyond its rate: counted by hour, and not kept."""

from datetime import datetime, timedelta
from typing import Final

import psycopg
from pydantic import BaseModel, ConfigDict, Field

from api.access.caller import Caller
from api.registry.devices.queries import find_device
from api.web.periods import instants_between
from jieru.wire import DeviceAddress

__all__ = ["ExcessAnswer", "ExcessHourAnswer", "read_excess", "recent_excess"]

_SELECT: Final = """
    SELECT hour, sum(heartbeats)::bigint FROM device_excess
    WHERE device_id = %s AND hour >= %s AND hour < %s
    GROUP BY hour ORDER BY hour DESC
"""
_RECENT: Final = timedelta(days=30)
_HOURS_SHOWN: Final = 24


class ExcessHourAnswer(BaseModel):
    """One hour of receipt in which a device sent more than its rate."""

    starts_at: datetime
    heartbeats: int = Field(
        description="How many were counted and not kept, second deliveries included."
    )


class ExcessAnswer(BaseModel):
    """The hours in which a device sent more than its rate."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"hours": [{"starts_at": "2026-05-30T04:00:00Z", "heartbeats": 9940}]}]
        }
    )

    hours: list[ExcessHourAnswer] = Field(description="Newest first; no others are there.")


def read_excess(
    connection: psycopg.Connection,
    caller: Caller,
    address: DeviceAddress,
    start: datetime | None,
    end: datetime | None,
    *,
    now: datetime,
) -> ExcessAnswer:
    """The hours in which a device sent more than its rate, newest first.

    Args:
        connection: for reading.
        caller: an operator sees devices of the own platform only.
        address: of the device.
        start: no hour that began before it; by default seven days before the end.
        end: no hour that began then or later; by default now.
        now: when it is asked.

    Raises:
        Problem: there is no such device for this caller, or the time is wrong.
    """
    device = find_device(connection, caller, address, now=now)
    wanted = instants_between(start, end, newest=now)
    rows = connection.execute(_SELECT, (device.id, wanted.start, wanted.end))
    return ExcessAnswer(
        hours=[ExcessHourAnswer(starts_at=hour, heartbeats=count) for hour, count in rows]
    )


def recent_excess(
    connection: psycopg.Connection, caller: Caller, address: DeviceAddress, *, now: datetime
) -> dict[str, object]:
    """What a device's page says of the last 30 days; raises as `read_excess` does."""
    hours = read_excess(connection, caller, address, now - _RECENT, now, now=now).hours
    return {
        "excess_hours": hours[:_HOURS_SHOWN],
        "excess_hour_count": len(hours),
        "excess_heartbeats": sum(each.heartbeats for each in hours),
    }
