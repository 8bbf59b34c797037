"""Each ready-made format reads the message that its maker's documentation shows."""

import json
from typing import Final, NamedTuple

import pytest

from jieru.sources.formats import compile_format, read_format, write_format
from jieru.sources.ready_made import ready_made
from jieru.sources.rows import Row, decode_rows

_TS: Final = 1_780_117_171_000  # 2026-05-30 04:59:31 UTC


class _Example(NamedTuple):
    message: object
    rows: list[tuple[str, int | None, object]]
    """Serial, time, metrics."""


_EXAMPLES: Final[dict[str, list[_Example]]] = {
    "thingsboard-gateway": [
        _Example(
            {
                "CNC-A": [
                    {"ts": _TS, "values": {"temperature": 42, "humidity": 80}},
                    {"ts": _TS + 60_000, "values": {"temperature": 43, "humidity": 82}},
                ],
                "CNC-B": [{"ts": _TS, "values": {"temperature": 42}}],
            },
            [
                ("CNC-A", _TS, {"temperature": 42, "humidity": 80}),
                ("CNC-A", _TS + 60_000, {"temperature": 43, "humidity": 82}),
                ("CNC-B", _TS, {"temperature": 42}),
            ],
        )
    ],
    "thingsboard-device": [
        _Example({"ts": _TS, "values": {"key1": "value1"}}, [("T-1", _TS, {"key1": "value1"})]),
        _Example(
            [{"ts": _TS, "values": {"a": 1}}, {"ts": _TS + 1, "values": {"a": 2}}],
            [("T-1", _TS, {"a": 1}), ("T-1", _TS + 1, {"a": 2})],
        ),
    ],
    "iotda-properties": [
        _Example(
            {
                "services": [
                    {
                        "service_id": "Connectivity",
                        "properties": {"dailyActivityTime": 57},
                        "event_time": "20260530T045931Z",
                    },
                    {
                        "service_id": "Battery",
                        "properties": {"batteryLevel": 80},
                        "event_time": "2026-05-30T04:59:31.000Z",
                    },
                ]
            },
            [("T-1", _TS, {"dailyActivityTime": 57, "batteryLevel": 80})],
        )
    ],
    "iotda-gateway": [
        _Example(
            {
                "devices": [
                    {
                        "device_id": device,
                        "services": [
                            {
                                "service_id": "analog",
                                "properties": {"PhV_phsA": "1"},
                                "event_time": "20260530T045931Z",
                            }
                        ],
                    }
                    for device in ("D-1", "D-2")
                ]
            },
            [("D-1", _TS, {"PhV_phsA": "1"}), ("D-2", _TS, {"PhV_phsA": "1"})],
        )
    ],
    "aliyun-property": [
        _Example(
            {
                "id": "123",
                "version": "1.0",
                "sys": {"ack": 0},
                "params": {
                    "Power": {"value": "on", "time": _TS},
                    "WF": {"value": 23.6, "time": _TS},
                },
                "method": "thing.event.property.post",
            },
            [("T-1", _TS, {"Power": "on", "WF": 23.6})],
        )
    ],
    "aliyun-batch": [
        _Example(
            {
                "id": "123",
                "version": "1.0",
                "params": {
                    "properties": {"Power": [{"value": "on", "time": _TS}]},
                    "subDevices": [
                        {
                            "identity": {"productKey": "", "deviceName": "S-1"},
                            "properties": {
                                "Power": [
                                    {"value": "on", "time": _TS},
                                    {"value": "off", "time": _TS + 1_000},
                                ],
                                "WF": [{"value": 3, "time": _TS}],
                            },
                        }
                    ],
                },
                "method": "thing.event.property.batch.post",
            },
            [
                ("S-1", _TS, {"Power": "on", "WF": 3}),
                ("S-1", _TS + 1_000, {"Power": "off"}),
                ("T-1", _TS, {"Power": "on"}),
            ],
        )
    ],
    "aliyun-gateway": [
        _Example(
            {
                "params": {
                    "properties": {"Power": {"value": "on", "time": _TS}},
                    "subDevices": [
                        {
                            "identity": {"productKey": "", "deviceName": "S-1"},
                            "properties": {"WF": {"value": 3, "time": _TS + 1_000}},
                        }
                    ],
                },
                "method": "thing.event.property.pack.post",
            },
            [("S-1", _TS + 1_000, {"WF": 3}), ("T-1", _TS, {"Power": "on"})],
        )
    ],
    "aliyun-history": [
        _Example(
            {
                "params": [
                    {
                        "identity": {"productKey": "", "deviceName": "S-1"},
                        "properties": [
                            {"Power": {"value": "on", "time": _TS}},
                            {"Power": {"value": "off", "time": _TS + 1_000}},
                        ],
                    }
                ],
                "method": "thing.event.property.history.post",
            },
            [("S-1", _TS, {"Power": "on"}), ("S-1", _TS + 1_000, {"Power": "off"})],
        )
    ],
    "jetlinks": [
        _Example(
            {"messageId": "1", "timestamp": _TS, "properties": {"temp": 36.5}},
            [("T-1", _TS, {"temp": 36.5})],
        ),
        _Example(
            {"deviceId": "J-1", "timestamp": _TS, "properties": {"temp": 36.5}},
            [("J-1", _TS, {"temp": 36.5})],
        ),
    ],
    "telegraf": [
        _Example(
            {
                "metrics": [
                    {
                        "fields": {"field_1": 30, "field_2": 4},
                        "name": "docker",
                        "tags": {"host": "raynor", "serial": "C-1"},
                        "timestamp": _TS // 1_000,
                    }
                ]
            },
            [("C-1", _TS, {"field_1": 30, "field_2": 4})],
        ),
        _Example(
            {"fields": {"v": 1}, "name": "n", "tags": {"serial": "C-1"}, "timestamp": 1780117171.5},
            [("C-1", _TS + 500, {"v": 1})],
        ),
    ],
    "opcua-pubsub": [
        _Example(
            {
                "MessageId": "32235546-05d9-4fd7-97df-ea3ff3408574",
                "MessageType": "ua-data",
                "PublisherId": "MQTT-Localhost",
                "Messages": [
                    {
                        "DataSetWriterId": 1,
                        "SequenceNumber": 62,
                        "Timestamp": "2026-05-30T04:59:31.1234567Z",
                        "Payload": {"BatteryLevel": {"Value": 99}},
                    }
                ],
            },
            [("1", _TS + 123, {"BatteryLevel": {"Value": 99}})],
        )
    ],
    "kura": [
        _Example(
            {
                "sentOn": _TS,
                "position": {"latitude": 45.23},
                "metrics": {"code": "A23D44567Q", "temperature": 27.5},
                "body": "aGVsbG8=",
            },
            [("T-1", _TS, {"code": "A23D44567Q", "temperature": 27.5})],
        )
    ],
}


def _seen(row: Row) -> tuple[str, int | None, object]:
    return row.serial, row.ts_ms, json.loads(row.metrics) if row.metrics else None


def test_every_ready_made_format_has_an_example() -> None:
    """And none is without a format."""
    assert set(ready_made()) == {*_EXAMPLES, "sparkplug-b"}, "its own tests read that one"


@pytest.mark.parametrize("name", _EXAMPLES)
def test_a_documented_message_is_read_whole(name: str) -> None:
    """Every row with its device, its time and its values, and nothing is refused."""
    declared = compile_format(ready_made()[name].format)
    for example in _EXAMPLES[name]:
        decoded = decode_rows(json.dumps(example.message).encode(), declared, "T-1")
        assert decoded.faults == []
        assert [_seen(row) for row in decoded.rows] == example.rows


@pytest.mark.parametrize("name", _EXAMPLES)
def test_a_format_is_the_same_after_it_was_written_and_read(name: str) -> None:
    """What is kept names it for good."""
    written = write_format(ready_made()[name].format)
    again = read_format(written)
    assert again == ready_made()[name].format
    assert write_format(again) == written
    assert len(compile_format(again).sha256) == 64
