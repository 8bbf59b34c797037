"""What is said of messages that equipment really sends, each refused by the decoder itself."""

import gzip
import json
from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decode import Origin, Rejection, TimeRules, decode
from ingest.message import Message
from jieru.i18n import translations
from jieru.refusals.detail import detail_of
from jieru.refusals.said import Detail, Refused, Remedy
from jieru.wire import PAYLOAD_LIMIT_BYTES, RejectionReason

_NOW: Final = int(datetime(2026, 5, 30, 4, 59, 31, tzinfo=UTC).timestamp() * 1000)
_TOPIC: Final = "jieru/v1/xielian/CNC-00059/heartbeat"
_RULES: Final = TimeRules.of_policy(
    max_delay_hours=72, max_clock_ahead_minutes=10, is_event_clock=False
)


def _refused(payload: bytes, topic: str = _TOPIC) -> Rejection:
    message = Message(topic, payload[:PAYLOAD_LIMIT_BYTES], len(payload), _NOW, None)
    origins = {_TOPIC: Origin(1, 1)}
    decoded = decode(message, origins, _RULES)
    assert isinstance(decoded, Rejection), "it was taken"
    return decoded


def _kept(message: Message) -> Refused:
    return Refused(message.topic, message.payload, message.payload_bytes, message.received_ms)


def _detail(payload: bytes, topic: str = _TOPIC) -> Detail:
    refused = _refused(payload, topic)
    return detail_of(refused.reason, _kept(refused.message))


def _english(payload: bytes, topic: str = _TOPIC) -> str:
    return _detail(payload, topic).spoken(str)


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (b"", "It is empty; a JSON object is expected. An empty message is also how a retained"),
        (
            b'{"ts": "1780117171000"}',
            'ts must be an integer, milliseconds since 1970; it is "1780117171000". A number in',
        ),
        (b'{"ts": "2026-05-30T12:59:31+08:00"}', "A date as text: send milliseconds since 1970"),
        (b'{"ts": 1780117171000.0}', "it is 1780117171000.0. A number with a fraction"),
        (b'{"ts": 1.780117171e12}', "it is 1.780117171e12. A number with a fraction"),
        (b'{"ts": null}', "ts must be an integer, milliseconds since 1970; it is null."),
        (b'{"ts": true}', "it is true."),
        (b'{"ts": 99999999999999999999}', "ts is 99999999999999999999"),
        (b'{"seq": 3}', "ts is missing: milliseconds since 1970, an integer."),
        (b'{"timestamp": 1780117171000}', "The time is called timestamp here."),
        (b'{"TS": 1780117171000}', "The time is called TS here."),
        (b'{"ts": 1780117171000, "seq": -1}', "seq must be an integer from 0 to 2^63 - 1; it is"),
        (b'{"ts": 1780117171000, "seq": "7"}', "A number in quotation marks"),
        (b'{"ts": 1780117171000, "status": "RUNNING"}', 'it is "RUNNING". Write it in small'),
        (b'{"ts": 1780117171000, "status": "online"}', "A status of your own"),
        (b'{"ts": 1780117171000, "status": 1}', "A status of your own"),
        (b'{"ts": 1780117171000, "status": null}', "Leave out what is not known."),
        (b'{"ts": 1780117171000, "metrics": [1]}', "metrics must be an object; it is [1]."),
        (b'{"ts": 1780117171000, "metrics": "{}"}', "made into text: send the object itself."),
        (b'{"ts": 1780117171000, "metrics": null}', "Leave out what is not known."),
        (b'{"ts": 1780117171000, "metrics": {"a": "\\u0000"}}', "Metrics hold U+0000"),
        (b'{"ts": 1780117171000, "metrics": {"a": 1e999}}', "exponent beyond 324"),
        (b'{"ts": 1, "a": ' + b"[" * 70 + b"]" * 70 + b"}", "deeper than 64"),
        (b'\xef\xbb\xbf{"ts": 1780117171000}', "byte order mark, which is not JSON."),
        (b'{"ts": 1780117171000}\0', "ends with a NUL (U+0000), which is not JSON. A text of C"),
        (b'{"ts": 1780117171000, "metrics": {"a": NaN}}', "NaN is not JSON. A value that was not"),
        ('{"ts": 1780117171000, "name": "车床"}'.encode("gbk"), "in which it reads 车床"),
        (b'{"ts": \x80\xff}', "A binary format"),
        (gzip.compress(mtime=0, data=b'{"ts": 1780117171000}'), "Compressed with gzip"),
        (b'[{"ts": 1780117171000}]', "It is an array of 1; an object is expected. Several heart"),
        (b'"{\\"ts\\": 1780117171000}"', "made into JSON once more: encode it once."),
        (b"1780117171000", "It is 1780117171000; an object is expected."),
        (b"{'ts': 1780117171000}", "It is not JSON from character 2 on: 'ts': 1780117171000}"),
        (b"{'ts': 1780117171000}", "A dictionary as Python prints it"),
        (b'{"ts": 1780117171000, "on": True}', "A dictionary as Python prints it"),
        (b'{"ts": 1780117171000, "metr', "It was cut off"),
        (b'{"ts": 1780117171000}\n{"ts": 1780117231000}', "Several objects in one message"),
        (b"<ts>1780117171000</ts>", "XML or HTML"),
        (b"23.5 degrees", "Plain text or numbers"),
        (
            b'{"ts": 1780117171}',
            "which is 1970-01-21 22:28:37; the earliest is 2020-01-01. Seconds",
        ),
        (b'{"ts": 86400}', "Time since the machine started"),
        (b'{"ts": 1262304000000}', "which is 2010-01-01 08:00:00"),
        (b'{"ts": 1780117171000000}', "Microseconds instead of milliseconds: divide by 1,000."),
        (b'{"ts": 1780117171000000000}', "Nanoseconds instead of milliseconds"),
        (b'{"ts": 1780145971000}', "Beijing time taken for UTC, 8 hours ahead"),
        (b'{"ts": 1780120771000}', "it was received at 2026-05-30 12:59:31. The machine's clock"),
        (b'{"ts": 1780117171000, "x": "' + b"x" * 5_000 + b'"}', "5,030 bytes; a heartbeat has"),
        (b"[" + b'{"ts": 1780117171000},' * 500, "Several heartbeats in one message"),
    ],
)
def test_each_fault_is_told_with_what_was_found(payload: bytes, sentence: str) -> None:
    """The key, what is expected, what it is, and what it probably comes from."""
    assert sentence in _english(payload)


_FOREIGN: Final[dict[str, object]] = {
    "ThingsBoard's gateway": {"Device A": [{"ts": 1780117171000, "values": {"temp": 42}}]},
    "ThingsBoard's device": {"values": {"temp": 42}},
    "Huawei IoTDA's": {"services": [{"service_id": "S", "properties": {}, "event_time": "…"}]},
    "IoTDA": {"devices": [{"device_id": "D", "services": [{"service_id": "S"}]}]},
    "Aliyun's": {"id": "1", "version": "1.0", "params": {"t": {"value": 1, "time": 2}}},
    "property post": {"method": "thing.event.property.post", "params": {}},
    "JetLinks'": {"timestamp": 1780117171000, "messageId": "1", "properties": {"t": 1}},
    "Telegraf's": {"fields": {"v": 1}, "name": "cpu", "tags": {}, "timestamp": 1780117171},
    "Telegraf": {"metrics": [{"fields": {}, "name": "n", "tags": {}, "timestamp": 1}]},
    "OPC UA": {"MessageId": "1", "MessageType": "ua-data", "Messages": [{"Payload": {}}]},
    "Eclipse Kura's": {"sentOn": 1780117171000, "metrics": {"t": 1}},
    "Sparkplug's": {"timestamp": 1780117171000, "metrics": [{"name": "t", "value": 1}], "seq": 1},
}


@pytest.mark.parametrize("name", _FOREIGN)
def test_formats_of_others_are_recognised_and_lead_to_a_source(name: str) -> None:
    """As one message, and as an item of an array."""
    document = _FOREIGN[name]
    for payload in (document, [document, document]):
        detail = _detail(json.dumps(payload).encode())
        assert name in detail.spoken(str)
        assert detail.remedy is Remedy.DECLARE_SOURCE


@pytest.mark.parametrize(
    ("topic", "sentence"),
    [
        ("/jieru/v1/xielian/CNC-1/heartbeat", "begins with a slash"),
        ("jieru/v1/xielian/CNC-1/heartbeat/", "ends with a slash"),
        ("jieru/v2/xielian/CNC-1/heartbeat", "must begin with jieru/v1/"),
        ("jieru/v1/xielian/CNC-1/telemetry", "it ends with /telemetry"),
        ("jieru/v1/xielian/a/b/c/d/heartbeat", "It has 8 parts."),
        ("jieru/v1/XieLian/CNC-1/heartbeat", "XieLian is not the code of a platform."),
        ("jieru/v1/xielian/CNC 1/heartbeat", "The serial CNC 1 has a space."),
        ("jieru/v1/xielian/车床/heartbeat", "The serial 车床 has other characters"),
        (f"jieru/v1/xielian/{'C' * 65}/heartbeat", "The serial has 65 characters"),
    ],
)
def test_a_wrong_topic_says_what_is_wrong_with_it(topic: str, sentence: str) -> None:
    """And shows what came."""
    said = _english(b'{"ts": 1780117171000}', topic)
    assert sentence in said
    assert topic[:20] in said


def test_what_is_not_registered_leads_to_where_it_is_registered() -> None:
    """Of a device and of a gateway."""
    device = _detail(b'{"ts": 1780117171000}', "jieru/v1/xielian/CNC-9/heartbeat")
    assert "No device of xielian has the serial CNC-9." in device.spoken(str)
    assert device.remedy is Remedy.REGISTER_DEVICE
    gateway = _detail(b'{"ts": 1780117171000}', "jieru/v1/xielian/via/g1/CNC-00059/heartbeat")
    assert "xielian has no gateway of the name g1." in gateway.spoken(str)
    assert gateway.remedy is Remedy.REGISTER_GATEWAY


@given(
    payload=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(st.sampled_from(["ts", "seq", "status", "metrics", "a"]), inner)
            ),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    ),
    topic=st.sampled_from([_TOPIC, "jieru/v1/x/y/heartbeat", "a", ""]) | st.text(max_size=40),
)
def test_every_rejection_is_told_in_both_languages(payload: bytes, topic: str) -> None:
    """Whatever the bytes are: in one line, and no gap of a sentence stays open."""
    message = Message(topic, payload, len(payload), _NOW, None)
    decoded = decode(message, {_TOPIC: Origin(1, 1)}, _RULES)
    if isinstance(decoded, Rejection):
        detail = detail_of(decoded.reason, _kept(decoded.message))
        for language in ("zh", "en"):
            said = detail.spoken(translations(language).gettext)
            assert said.isprintable()
            assert len(said) < 400


@pytest.mark.parametrize("reason", RejectionReason)
def test_every_reason_has_something_to_say(reason: RejectionReason) -> None:
    """Those of earlier releases too."""
    message = Refused(_TOPIC, b'{"ts": 1}', 9, _NOW)
    assert detail_of(reason, message).spoken(str)
