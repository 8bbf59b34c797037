"""Clean messages of every ready-made format, of about as many heartbeats as are asked for."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["FIRST_MS", "SAMPLES", "thingsboard_gateway"]

FIRST_MS: Final = 1_780_117_171_000
"""2026-05-30 04:59:31 UTC, of the first heartbeat of each device; the others a second apart."""
_DEVICES: Final = 10


def _serials(rows: int) -> dict[str, range]:
    """Devices, and the numbers of their heartbeats."""
    devices = min(_DEVICES, rows)
    return {
        f"CNC-{device:05}": range(rows * device // devices, rows * (device + 1) // devices)
        for device in range(devices)
    }


def _ms(number: int) -> int:
    return FIRST_MS + 1_000 * number


def _iso(number: int) -> str:
    moment = datetime.fromtimestamp(FIRST_MS / 1_000, UTC) + timedelta(seconds=number)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _values(number: int) -> dict[str, object]:
    return {"rpm": 1480 + number % 7, "load": 0.5}


def _bytes(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def thingsboard_gateway(rows: int) -> bytes:
    """Of ten devices."""
    return _bytes(
        {
            serial: [{"ts": _ms(number), "values": _values(number)} for number in numbers]
            for serial, numbers in _serials(rows).items()
        }
    )


def _thingsboard_device(rows: int) -> bytes:
    return _bytes([{"ts": _ms(number), "values": _values(number)} for number in range(rows)])


def _iotda_properties(rows: int) -> bytes:
    return _bytes({"services": [_service(number) for number in range(rows)]})


def _service(number: int) -> dict[str, object]:
    return {
        "service_id": "Spindle",
        "properties": _values(number),
        "event_time": _iso(number).replace("-", "").replace(":", ""),
    }


def _iotda_gateway(rows: int) -> bytes:
    return _bytes(
        {
            "devices": [
                {"device_id": serial, "services": [_service(number) for number in numbers]}
                for serial, numbers in _serials(rows).items()
            ]
        }
    )


def _aliyun_property(rows: int) -> bytes:
    """One heartbeat, of as many values: there is one time for each."""
    params = {f"value{number}": {"value": number, "time": FIRST_MS} for number in range(rows)}
    return _bytes({"id": "1", "version": "1.0", "params": params, "method": "post"})


def _aliyun_batch(rows: int) -> bytes:
    return _bytes(
        {
            "params": {
                "subDevices": [
                    {
                        "identity": {"productKey": "k", "deviceName": serial},
                        "properties": {
                            "rpm": [{"value": 1480, "time": _ms(number)} for number in numbers]
                        },
                    }
                    for serial, numbers in _serials(rows).items()
                ]
            }
        }
    )


def _aliyun_gateway(rows: int) -> bytes:
    """Of each device one heartbeat: there is one time for each value."""
    return _bytes(
        {
            "params": {
                "properties": {},
                "subDevices": [
                    {
                        "identity": {"productKey": "k", "deviceName": f"CNC-{number:05}"},
                        "properties": {"rpm": {"value": 1480, "time": _ms(number)}},
                    }
                    for number in range(rows)
                ],
            }
        }
    )


def _aliyun_history(rows: int) -> bytes:
    return _bytes(
        {
            "params": [
                {
                    "identity": {"productKey": "k", "deviceName": serial},
                    "properties": [
                        {"rpm": {"value": 1480, "time": _ms(number)}} for number in numbers
                    ],
                }
                for serial, numbers in _serials(rows).items()
            ]
        }
    )


def _jetlinks(_rows: int) -> bytes:
    return _bytes({"deviceId": "CNC-00001", "timestamp": FIRST_MS, "properties": _values(1)})


def _kura(_rows: int) -> bytes:
    return _bytes({"sentOn": FIRST_MS, "metrics": _values(1)})


def _opcua_pubsub(rows: int) -> bytes:
    return _bytes(
        {
            "MessageId": "1",
            "MessageType": "ua-data",
            "PublisherId": "hall-2",
            "Messages": [
                {
                    "DataSetWriterName": serial,
                    "Timestamp": _iso(number),
                    "Payload": {"rpm": {"Value": 1480}, "load": {"Value": 0.5}},
                }
                for serial, numbers in _serials(rows).items()
                for number in numbers
            ],
        }
    )


def _telegraf(rows: int) -> bytes:
    return _bytes(
        {
            "metrics": [
                {
                    "fields": _values(number),
                    "name": "cnc",
                    "tags": {"host": "h", "serial": serial},
                    "timestamp": _ms(number) // 1_000,
                }
                for serial, numbers in _serials(rows).items()
                for number in numbers
            ]
        }
    )


SAMPLES: Final[Mapping[str, Callable[[int], bytes]]] = {
    "aliyun-batch": _aliyun_batch,
    "aliyun-gateway": _aliyun_gateway,
    "aliyun-history": _aliyun_history,
    "aliyun-property": _aliyun_property,
    "iotda-gateway": _iotda_gateway,
    "iotda-properties": _iotda_properties,
    "jetlinks": _jetlinks,
    "kura": _kura,
    "opcua-pubsub": _opcua_pubsub,
    "telegraf": _telegraf,
    "thingsboard-device": _thingsboard_device,
    "thingsboard-gateway": thingsboard_gateway,
}
"""By the name of the format; those that hold one heartbeat hold one, whatever is asked for."""
