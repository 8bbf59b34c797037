"""Sources declared past the API, and messages of equipment that knows nothing of our format."""

import json
from typing import Final

import msgspec
import psycopg

from jieru.audit import Actor, changing
from jieru.sources.formats import DeclaredFormat, write_format
from jieru.sources.ready_made import ready_made
from registry.sources import SourceAddress, declare_source
from tests.support.fleet import PLATFORM

__all__ = ["declare", "declare_ready_made", "iotda", "telegraf", "thingsboard"]

_SOMEBODY: Final = Actor("command:tests", "command line")


def declare(
    connection: psycopg.Connection,
    name: str,
    declared: object,
    platform: str = PLATFORM,
    *,
    takes_receipt_time: bool = False,
) -> int:
    """Declare a source, or its next version; committed."""
    with changing(connection, _SOMEBODY):
        version = declare_source(
            connection,
            SourceAddress(platform, name),
            write_format(declared)
            if isinstance(declared, DeclaredFormat)
            else msgspec.json.encode(declared),
            declared_by=_SOMEBODY.name,
            takes_receipt_time=takes_receipt_time,
        )
    connection.commit()
    return version


def declare_ready_made(connection: psycopg.Connection, *names: str) -> None:
    """Declare formats that come with Jieru, each under its own name; committed."""
    for name in names:
        declare(connection, name, ready_made()[name].format)


def thingsboard(rows: dict[str, list[int]]) -> bytes:
    """What a ThingsBoard gateway sends of several devices, with the times of each."""
    return json.dumps(
        {
            serial: [{"ts": ts_ms, "values": {"rpm": 1480}} for ts_ms in times]
            for serial, times in rows.items()
        }
    ).encode()


def iotda(rows: dict[str, str]) -> bytes:
    """What a gateway of Huawei IoTDA reports of several devices, each at an ISO time in UTC."""
    return json.dumps(
        {
            "devices": [
                {
                    "device_id": serial,
                    "services": [
                        {
                            "service_id": "Spindle",
                            "properties": {"rpm": 1480},
                            "event_time": event_time,
                        }
                    ],
                }
                for serial, event_time in rows.items()
            ]
        }
    ).encode()


def telegraf(rows: list[tuple[str, int]]) -> bytes:
    """What Telegraf writes as JSON of several devices, each with seconds since 1970."""
    return json.dumps(
        {
            "metrics": [
                {
                    "name": "spindle",
                    "tags": {"serial": serial},
                    "fields": {"rpm": 1480},
                    "timestamp": timestamp,
                }
                for serial, timestamp in rows
            ]
        }
    ).encode()
