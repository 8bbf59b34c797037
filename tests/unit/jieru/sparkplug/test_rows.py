"""What is read in a message of Sparkplug B, value by value."""

import gzip
import json
import math
import zlib
from typing import Any, Final

import pytest

from jieru.refusals.said import Said
from jieru.sources.formats import (
    DeclaredFormat,
    DeclaredSparkplug,
    DeclaredStatus,
    Format,
    SparkplugRule,
    compile_format,
)
from jieru.sparkplug.births import NO_BIRTH, names_of_birth
from jieru.sparkplug.payload import METRICS_LIMIT
from jieru.sparkplug.rows import decode_sparkplug, place_of
from jieru.wire import PAYLOAD_LIMIT_BYTES, DeviceStatus, RejectionReason
from tests.support.sparkplug import Metric, compressed, field_of, metric, payload

_TS: Final = 1_780_117_171_000


def _format(**said: Any) -> Format:  # noqa: ANN401 - whatever is declared
    return compile_format(DeclaredFormat("sparkplug_b", sparkplug=DeclaredSparkplug(**said)))


def _rule(**said: Any) -> SparkplugRule:  # noqa: ANN401 - the same
    rule = _format(**said).sparkplug
    assert rule is not None
    return rule


_RULE: Final = _rule()


def _values(*metrics: Metric, birth: bytes | None = None) -> dict[str, object]:
    """The metrics of the one row of a message."""
    names = NO_BIRTH if birth is None else names_of_birth(birth)
    decoded = decode_sparkplug(payload(metrics, _TS), _RULE, "CNC-1", names)
    assert decoded.faults == []
    (row,) = decoded.rows
    assert (row.serial, row.ts_ms) == ("CNC-1", _TS)
    assert row.metrics is not None
    values: dict[str, object] = json.loads(row.metrics)
    return values


def _fault(content: bytes, rule: SparkplugRule = _RULE, name: str = "CNC-1") -> Said:
    decoded = decode_sparkplug(content, rule, name)
    assert decoded.rows == []
    (fault,) = decoded.faults
    return fault.said


@pytest.mark.parametrize(
    ("kind", "value", "datatype", "read"),
    [
        ("int_value", 0xFF, 1, -1),
        ("int_value", 0xFFFFFFFF, 1, -1),
        ("int_value", 0xFFFE, 2, -2),
        ("int_value", 0xFFFFFFFD, 3, -3),
        ("int_value", 0xFFFFFFFD, 7, 4_294_967_293),
        ("int_value", 0xFFFFFFFD, None, 4_294_967_293),
        ("long_value", 2**64 - 4, 4, -4),
        ("long_value", 2**64 - 4, 8, 2**64 - 4),
        ("long_value", 2**64 - 5, 3, -5),
        ("long_value", _TS, 13, _TS),
        ("int_value", 1, 11, True),
        ("float_value", 0.1, 9, 0.1),
        ("float_value", 21.5, 9, 21.5),
        ("float_value", math.inf, 9, "Infinity"),
        ("double_value", 0.1, 10, 0.1),
        ("double_value", -math.inf, 10, "-Infinity"),
        ("double_value", math.nan, 10, "NaN"),
        ("boolean_value", False, 11, False),
        ("string_value", "主轴", 12, "主轴"),
        ("string_value", b"\xff\0", 12, "\ufffd\ufffd"),
        ("bytes_value", b"\0\1", 17, "AAE="),
    ],
)
def test_a_value_is_read_by_its_type(
    kind: str, value: object, datatype: int | None, read: object
) -> None:
    """Signed ones whether their sign was extended or not; what JSON cannot write is a text."""
    found = _values(Metric("m", datatype=datatype, kind=kind, value=value))["m"]
    assert found == read
    assert type(found) is type(read)


def test_a_value_that_is_null_is_null() -> None:
    """Said so, or not there at all."""
    given = metric("a", 5, is_null=True)
    assert _values(given, Metric("b", datatype=4)) == {"a": None, "b": None}


def test_data_sets_and_templates_are_objects() -> None:
    """Columns with rows, signed by the columns' types, and members by name."""
    cells = [field_of(1, field_of(1, 0xFF)), field_of(1, field_of(6, "x"))]
    data_set = b"".join(
        [
            *(field_of(1, 2), field_of(2, "a"), field_of(2, "b"), field_of(3, 1), field_of(3, 12)),
            field_of(4, b"".join(cells)),
        ]
    )
    inner = payload([metric("rpm", -1), metric("on", value=True)])
    assert _values(
        Metric("d", kind="dataset_value", value=data_set),
        Metric("t", kind="template_value", value=inner),
    ) == {"d": {"columns": ["a", "b"], "rows": [[-1, "x"]]}, "t": {"rpm": -1, "on": True}}


def test_templates_that_lie_too_deep_stay_in_the_message() -> None:
    """The row is taken all the same."""
    inner = payload([metric("rpm", 1)])
    for _level in range(20):
        inner = payload([Metric("t", kind="template_value", value=inner)])
    found: Any = _values(Metric("t", kind="template_value", value=inner))
    depth = 0
    while isinstance(found, dict):
        found, depth = found["t"], depth + 1
    assert (found, depth) == (None, 9)


def test_a_birth_names_and_types_what_is_called_by_a_number() -> None:
    """Also a metric that is called by its name, for its type."""
    birth = payload([metric("rpm", 1, alias=0), metric("load", 2, alias=2**63)], _TS)
    given = [metric(0, -1, datatype=None), metric(2**63, 3), metric("load", -4, datatype=None)]
    assert _values(*given[:2], birth=birth) == {"rpm": -1, "load": 3}
    assert _values(given[2], birth=birth) == {"load": -4}


def test_a_metric_that_no_birth_names_is_taken_by_its_number() -> None:
    """And how many there were is said."""
    decoded = decode_sparkplug(payload([metric(12, 1), Metric()], _TS), _RULE, "CNC-1")
    assert decoded.unknown_aliases == 2
    assert [row.metrics for row in decoded.rows] == [b'{"alias:12":1,"metric:1":null}']


def test_a_birth_that_cannot_be_read_names_nothing() -> None:
    """It never stops the data."""
    assert names_of_birth(b"\xff") == NO_BIRTH


def test_metrics_of_one_time_are_one_row() -> None:
    """Their own time, else the message's; each path is that of its first metric."""
    content = payload(
        [
            metric("a", 1, timestamp=_TS - 1000),
            metric("b", 2),
            metric("c", 3, timestamp=_TS - 1000),
        ],
        _TS,
    )
    rows = decode_sparkplug(content, _RULE, "CNC-1").rows
    assert [(row.ts_ms, row.metrics, place_of(row.at)) for row in rows] == [
        (_TS - 1000, b'{"a":1,"c":3}', "$.metrics[0]"),
        (_TS, b'{"b":2}', "$.metrics[1]"),
    ]


def test_what_is_historical_says_so_and_needs_a_time_of_its_own() -> None:
    """The time of sending is none of what was measured before."""
    content = payload(
        [
            metric("a", 1, timestamp=_TS - 1000, is_historical=True),
            metric("a", 2, is_historical=True),
            metric("a", 3),
        ],
        _TS,
    )
    rows = decode_sparkplug(content, _RULE, "CNC-1").rows
    assert [(row.ts_ms, row.metrics) for row in rows] == [
        (_TS - 1000, b'{"is_historical":true,"a":1}'),
        (None, b'{"is_historical":true,"a":2}'),
        (_TS, b'{"a":3}'),
    ]


def test_a_message_without_metrics_is_a_heartbeat_all_the_same() -> None:
    """Of the message's time; without one, of none."""
    for content, ts_ms in ((payload((), _TS), _TS), (b"", None)):
        (row,) = decode_sparkplug(content, _RULE, "CNC-1").rows
        assert (row.ts_ms, row.metrics) == (ts_ms, None)
        assert place_of(row.at) == "$"


@pytest.mark.parametrize(
    ("status", "value", "read"),
    [
        (DeclaredStatus(["State"], {"2": DeviceStatus.RUNNING}), 2, DeviceStatus.RUNNING),
        (DeclaredStatus(["None", "State"]), "idle", DeviceStatus.IDLE),
        (DeclaredStatus(["State"], {"true": DeviceStatus.FAULT}), True, DeviceStatus.FAULT),
        (DeclaredStatus(["State"], {}, "stopped"), "?", DeviceStatus.STOPPED),
        (DeclaredStatus(["State"], {}, "leave_out"), "?", None),
        (DeclaredStatus(["Other"]), "?", None),
    ],
)
def test_a_status_is_read_from_a_metric(
    status: DeclaredStatus, value: object, read: DeviceStatus | None
) -> None:
    """As the platform declared it."""
    content = payload([metric("State", value)], _TS)
    (row,) = decode_sparkplug(content, _rule(status=status), "CNC-1").rows
    assert row.status == read


def test_a_status_that_nobody_declared_refuses_its_row_alone() -> None:
    """With the serial, so that the device's page tells of it."""
    rule = _rule(status=DeclaredStatus(["State"]))
    content = payload([metric("State", "?"), metric("a", 1, timestamp=_TS - 1)], _TS)
    decoded = decode_sparkplug(content, rule, "CNC-1")
    assert [row.ts_ms for row in decoded.rows] == [_TS - 1]
    assert [(each.path, each.serial) for each in decoded.faults] == [("$.metrics[0]", "CNC-1")]


def test_names_are_looked_up_and_metrics_chosen() -> None:
    """What is declared of either holds."""
    rule = _rule(serials={"车床 1": "CNC-1"}, metrics=["a"])
    (row,) = decode_sparkplug(payload([metric("a", 1), metric("b", 2)], _TS), rule, "车床 1").rows
    assert (row.serial, row.metrics) == ("CNC-1", b'{"a":1}')
    assert "cannot be a serial" in _fault(b"", rule, "车床 2").message


def test_more_than_a_heartbeat_holds_stays_in_the_message() -> None:
    """A birth of a large machine is a heartbeat with as many metrics as there is room for."""
    metrics = [metric(f"tag{number:04}", "x" * 40) for number in range(500)]
    decoded = decode_sparkplug(payload(metrics, _TS), _RULE, "CNC-1")
    (row,) = decoded.rows
    assert row.metrics is not None
    assert PAYLOAD_LIMIT_BYTES - 200 < len(row.metrics) < PAYLOAD_LIMIT_BYTES
    assert list(json.loads(row.metrics)) == [
        f"tag{n:04}" for n in range(len(json.loads(row.metrics)))
    ]


@pytest.mark.parametrize("algorithm", ["GZIP", "DEFLATE", None])
def test_a_compressed_payload_is_read_as_the_one_within(algorithm: str | None) -> None:
    """As Tahu writes it; deflated where it does not say."""
    content = payload([metric("a", 1)], _TS)
    body = gzip.compress(content) if algorithm == "GZIP" else zlib.compress(content)
    assert (
        decode_sparkplug(compressed(body, algorithm), _RULE, "CNC-1").rows
        == decode_sparkplug(content, _RULE, "CNC-1").rows
    )


def test_a_compressed_payload_that_cannot_be_read_says_why() -> None:
    """Another algorithm, another's bytes, the end missing, twice, or a bomb."""
    body = zlib.compress(payload([metric("a", 1)], _TS))
    assert "neither GZIP nor DEFLATE" in _fault(compressed(body, "LZ4")).message
    assert "is not compressed with" in _fault(compressed(body, "GZIP")).message
    assert "cut off" in _fault(compressed(body[:-5])).message
    assert "twice" in _fault(compressed(zlib.compress(compressed(body)))).message
    bomb = compressed(zlib.compress(bytes(8 * 1024 * 1024)))
    assert "at most" in _fault(bomb).message


@pytest.mark.parametrize(
    "content", [b"\xff", b"\x12\x7f", b"\x0a\x01\x07" * 3 + b"\x12\x02\x0a\x05"]
)
def test_what_is_no_protobuf_is_refused_whole(content: bytes) -> None:
    """Also where it is a metric that cannot be read."""
    assert "not a payload of Sparkplug B" in _fault(content).message


def test_more_metrics_than_are_read_are_refused() -> None:
    """Those within data sets and templates included."""
    many = payload([Metric()] * (METRICS_LIMIT + 1), _TS)
    decoded = decode_sparkplug(many, _RULE, "CNC-1")
    assert [each.reason for each in decoded.faults] == [RejectionReason.PAYLOAD_TOO_LARGE]
    within = payload(
        [Metric("t", kind="template_value", value=payload([Metric()] * METRICS_LIMIT))]
    )
    assert "more than" in _fault(within).message


def test_a_row_has_no_seq() -> None:
    """Sparkplug counts the messages of an edge node from 0 to 255: of a device it says nothing."""
    rows = decode_sparkplug(payload([metric("a", 1)], _TS, 7), _RULE, "CNC-1").rows
    assert [row.seq for row in rows] == [None]
