"""Messages that other platforms show in their own documentation, read by the formats we have ready.

Each keeps the shape, the names and the way of writing of its page; times are moved to one moment,
and identities are filled in where a page leaves them empty.
"""

import json
from typing import Final, NamedTuple

import pytest

from jieru.sources.formats import compile_format
from jieru.sources.ready_made import ready_made
from jieru.sources.rows import decode_rows

_TS: Final = 1_780_117_171_000  # 2026-05-30 04:59:31 UTC
_TOPIC_SERIAL: Final = "T-1"


class _Sample(NamedTuple):
    preset: str
    page: str
    """Title, or path, of the page that shows it."""
    message: str
    rows: list[tuple[str, int, object]]
    """Serial, time, metrics."""


_POWER: Final = f'{{"value": "on", "time": {_TS}}}'
_SAMPLES: Final = {
    "iotda gateway": _Sample(
        "iotda-gateway",
        "Huawei Cloud IoTDA, API for devices: Gateway Reporting Device Properties in Batches",
        """{"devices": [
            {"device_id": "bf40f0c4-4022-41c6-a201-c5133122054a", "services": [
              {"service_id": "analog", "properties": {"PhV_phsA": "1", "PhV_phsB": "2"},
               "event_time": "20260530T045931Z"}]},
            {"device_id": "42aa08ea-84c1-4025-a7b2-c1f6efe547c2", "services": [
              {"service_id": "parameter", "properties": {"Load": "1", "ImbA_strVal": "3"},
               "event_time": "2026-05-30T04:59:31.333Z"}]}]}""",
        [
            (
                "bf40f0c4-4022-41c6-a201-c5133122054a",
                _TS,
                {"PhV_phsA": "1", "PhV_phsB": "2"},
            ),
            (
                "42aa08ea-84c1-4025-a7b2-c1f6efe547c2",
                _TS + 333,
                {"Load": "1", "ImbA_strVal": "3"},
            ),
        ],
    ),
    "aliyun property": _Sample(
        "aliyun-property",
        "Alibaba Cloud IoT Platform: Device properties, events, and services, report properties",
        f"""{{"id": "123", "version": "1.0", "sys": {{"ack": 0}},
            "params": {{"Power": {_POWER}, "WF": {{"value": 23.6, "time": {_TS}}}}},
            "method": "thing.event.property.post"}}""",
        [(_TOPIC_SERIAL, _TS, {"Power": "on", "WF": 23.6})],
    ),
    "aliyun gateway": _Sample(
        "aliyun-gateway",
        "Alibaba Cloud IoT Platform: Device properties, events, and services, gateway reports data",
        f"""{{"id": "123", "version": "1.0", "sys": {{"ack": 0}}, "params": {{
            "properties": {{"Power": {_POWER}, "WF": {{"value": {{}}, "time": {_TS}}}}},
            "events": {{"alarmEvent1": {{"value": {{"param1": "on"}}, "time": {_TS}}}}},
            "subDevices": [{{"identity": {{"productKey": "", "deviceName": "S-1"}},
              "properties": {{"Power": {_POWER}, "WF": {{"value": {{}}, "time": {_TS}}}}},
              "events": {{}}}}]}},
            "method": "thing.event.property.pack.post"}}""",
        [
            ("S-1", _TS, {"Power": "on", "WF": {}}),
            (_TOPIC_SERIAL, _TS, {"Power": "on", "WF": {}}),
        ],
    ),
    "aliyun device batch": _Sample(
        "aliyun-batch",
        "Alibaba Cloud IoT Platform: Device properties, events, and services, report in batches",
        f"""{{"id": "123", "version": "1.0", "params": {{
            "properties": {{"Power": [{_POWER}, {{"value": "off", "time": {_TS + 1000}}}],
                            "WF": [{{"value": 3, "time": {_TS}}}]}},
            "events": {{"alarmEvent": [{{"value": {{"Power": "on"}}, "time": {_TS}}}]}}}},
            "method": "thing.event.property.batch.post"}}""",
        [
            (_TOPIC_SERIAL, _TS, {"Power": "on", "WF": 3}),
            (_TOPIC_SERIAL, _TS + 1000, {"Power": "off"}),
        ],
    ),
    "aliyun history": _Sample(
        "aliyun-history",
        "Alibaba Cloud IoT Platform: Device properties, events, and services, historical data",
        f"""{{"id": "123", "version": "1.0", "params": [
            {{"identity": {{"productKey": "", "deviceName": "S-1"}},
              "properties": [{{"Power": {_POWER}, "WF": {{"value": "3", "time": {_TS}}}}}],
              "events": []}},
            {{"identity": {{"productKey": "", "deviceName": "S-2"}},
              "properties": [{{"Power": {_POWER}}}]}}],
            "method": "thing.event.property.history.post"}}""",
        [("S-1", _TS, {"Power": "on", "WF": "3"}), ("S-2", _TS, {"Power": "on"})],
    ),
    "jetlinks": _Sample(
        "jetlinks",
        "JetLinks: official protocol, report properties",
        f"""{{"timestamp": {_TS}, "messageId": "1", "properties": {{"temp": 36.8}}}}""",
        [(_TOPIC_SERIAL, _TS, {"temp": 36.8})],
    ),
    "opc ua, with header": _Sample(
        "opcua-pubsub",
        "Azure/Industrial-IoT: OPC Publisher, telemetry message formats, PubSub",
        """{"MessageId": "27", "MessageType": "ua-data",
            "PublisherId": "opc.tcp://opcplc:50000_70FB9F43", "Messages": [
              {"DataSetWriterId": 1, "DataSetWriterName": "1000", "SequenceNumber": 27,
               "MetaDataVersion": {"MajorVersion": 1, "MinorVersion": 0},
               "MessageType": "ua-deltaframe", "Timestamp": "2026-05-30T04:59:31.3424136Z",
               "Payload": {"StepUp": {"Value": 23305,
                                      "SourceTimestamp": "2026-05-30T04:59:30.9313098Z"}}}]}""",
        [
            (
                "1000",
                _TS + 342,
                {"StepUp": {"Value": 23305, "SourceTimestamp": "2026-05-30T04:59:30.9313098Z"}},
            )
        ],
    ),
    "opc ua, one message": _Sample(
        "opcua-pubsub",
        "OPC 10000-14 7.2.5: SingleDataSetMessage with a NetworkMessage header",
        """{"MessageId": "32235546-05d9-4fd7-97df-ea3ff3408574", "MessageType": "ua-data",
            "Messages": {"DataSetWriterName": "CNC-1", "Timestamp": "2026-05-30T04:59:31Z",
                         "Payload": {"Temperature": 25.3}}}""",
        [("CNC-1", _TS, {"Temperature": 25.3})],
    ),
    "opc ua, no header": _Sample(
        "opcua-pubsub",
        "OPC 10000-14 7.2.5: no NetworkMessage header",
        """[{"DataSetWriterId": 101, "Timestamp": "2026-05-30T04:59:31Z",
             "Payload": {"Active": true}},
            {"DataSetWriterId": 102, "Timestamp": "2026-05-30T04:59:31Z",
             "Payload": {"X": 1.5}}]""",
        [("101", _TS, {"Active": True}), ("102", _TS, {"X": 1.5})],
    ),
    "opc ua, bare": _Sample(
        "opcua-pubsub",
        "OPC 10000-14 7.2.5: SingleDataSetMessage without a header, as Azure IoT Operations sends",
        """{"Timestamp": "2026-05-30T04:59:31.6572007Z", "MessageType": "ua-deltaframe",
            "Payload": {"temperature": {"Value": 7109}}, "DataSetWriterName": "oven",
            "SequenceNumber": 4660}""",
        [("oven", _TS + 657, {"temperature": {"Value": 7109}})],
    ),
    "kura": _Sample(
        "kura",
        "Eclipse Kura: Simple JSON, as its encoder writes it",
        f"""{{"sentOn": {_TS}, "position": {{"latitude": 45.234, "longitude": -7.3456}},
            "metrics": {{"code": "A23D44567Q", "distance": 26456, "temperature": 27.5,
                         "count32": 123456, "enable": true}},
            "body": "UGlwcG8gcGx1dG8gcGFwZXJpbm8="}}""",
        [
            (
                _TOPIC_SERIAL,
                _TS,
                {
                    "code": "A23D44567Q",
                    "distance": 26456,
                    "temperature": 27.5,
                    "count32": 123456,
                    "enable": True,
                },
            )
        ],
    ),
}


@pytest.mark.parametrize("name", _SAMPLES)
def test_a_sample_of_somebody_elses_documentation_is_read_whole(name: str) -> None:
    """Every device with its time and its values, and nothing is refused."""
    sample = _SAMPLES[name]
    decoded = decode_rows(
        sample.message.encode(), compile_format(ready_made()[sample.preset].format), _TOPIC_SERIAL
    )
    assert decoded.faults == [], sample.page
    assert [
        (row.serial, row.ts_ms, json.loads(row.metrics) if row.metrics else None)
        for row in decoded.rows
    ] == sample.rows, sample.page


def test_a_report_without_a_time_is_refused_and_says_so() -> None:
    """IoTDA, Aliyun and JetLinks may leave it out, for their cloud's clock; we have none."""
    for preset, message in {
        "iotda-properties": b'{"services": [{"service_id": "T", "properties": {"value": 57}}]}',
        "aliyun-gateway": b'{"params": {"properties": {"Power": {"value": "on"}}}}',
        "jetlinks": b'{"deviceId": "J-1", "properties": {"temp": 36.8}}',
    }.items():
        decoded = decode_rows(message, compile_format(ready_made()[preset].format), "T-1")
        assert decoded.rows == []
        assert [fault.said.message for fault in decoded.faults] == [
            "No time is where its source has it."
        ]
