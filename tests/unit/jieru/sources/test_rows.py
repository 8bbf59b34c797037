"""From the bytes of a message to rows: total, bounded, and exact about what is wrong and where."""

import gzip
import json
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieru.sources.formats import Format, compile_format, read_format
from jieru.sources.ready_made import ready_made
from jieru.sources.row import path_of
from jieru.sources.rows import (
    EXPANDED_LIMIT_BYTES,
    MESSAGE_LIMIT_BYTES,
    ROWS_LIMIT,
    decode_rows,
)
from jieru.wire import PAYLOAD_LIMIT_BYTES, DeviceStatus, RejectionReason

_TS: Final = 1_780_117_171_000
_GATEWAY: Final = compile_format(ready_made()["thingsboard-gateway"].format)
_FORMATS: Final = [
    compile_format(each.format) for each in ready_made().values() if each.format.rows
]


def _format(**rows: object) -> Format:
    whole = {"each": "$[*]", "serial": ["@.id"], "ts": {"unit": "ms", "at": ["@.t"]}} | rows
    return compile_format(read_format(json.dumps({"format": "json", "rows": [whole]}).encode()))


def _fault(payload: object, declared: Format = _GATEWAY) -> tuple[str, str]:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    (fault,) = decode_rows(content, declared).faults
    return fault.path, fault.said.spoken(str)


_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["ts", "values", "params", "services", "devices", "metrics", "fields", "tags"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(
    payload=st.binary(max_size=300) | _JSON.map(lambda value: json.dumps(value).encode()),
    declared=st.sampled_from(_FORMATS),
    topic=st.none() | st.text(max_size=70),
)
def test_every_message_has_one_answer(payload: bytes, declared: Format, topic: str | None) -> None:
    """Whatever it is: no exception, and the same twice."""
    decoded = decode_rows(payload, declared, topic)
    assert decoded == decode_rows(payload, declared, topic)
    for row in decoded.rows:
        assert isinstance(json.loads(row.metrics or b"{}"), dict)
    for fault in decoded.faults:
        assert fault.said.spoken(str).isprintable()


def test_a_bad_row_costs_no_other_and_says_where_it_stands() -> None:
    """Its device where that was read, and its bytes."""
    rows = [{"ts": _TS, "values": {}}, {"ts": "now", "values": {}}, {"ts": _TS + 1, "values": {}}]
    decoded = decode_rows(json.dumps({"C-1": rows}).encode(), _GATEWAY)
    assert [path_of(row.at, _GATEWAY) for row in decoded.rows] == ["$.C-1[0]", "$.C-1[2]"]
    (fault,) = decoded.faults
    assert (fault.path, fault.serial, fault.shown) == (
        "$.C-1[1]",
        "C-1",
        b'{"ts": "now", "values": {}}',
    )
    assert fault.said.spoken(str) == "now is not a time as its source writes them."


@pytest.mark.parametrize(
    ("payload", "path", "sentence"),
    [
        (b"", "$", "It is not JSON"),
        (b"{", "$", "It is not JSON"),
        (b"[1]", "$", "The rows are not where its source has them; it differs at $."),
        (b'"\xff"', "$", "Byte 2 is not UTF-8."),
        (b"[" * 100 + b"]" * 100, "$", "nested too deep"),
        ({"C-1": {"ts": _TS}}, "$.C-1", "it differs at $.C-1."),
        ({"C 1": [{"ts": _TS}]}, "$.C 1[0]", "C 1 cannot be a serial"),
        ({"C-1": [{}]}, "$.C-1[0]", "No time is where its source has it."),
        ({"C-1": [7]}, "$.C-1[0]", "No time is where its source has it."),
        ({"C-1": [{"ts": 1e300}]}, "$.C-1[0]", "1e+300 is not a time"),
        ({"C-1": [{"ts": _TS, "values": [1]}]}, "$.C-1[0]", "metrics must be an object; it is [1]"),
        (b'{"C-1": [{"ts": 1, "values": {"a": "\\u0000"}}]}', "$.C-1[0]", "Metrics hold U+0000"),
        (b'{"\\ud800": [{"ts": 1}]}', "$", "It is not JSON"),
    ],
)
def test_each_fault_is_told(payload: object, path: str, sentence: str) -> None:
    """In one sentence."""
    found, said = _fault(payload)
    assert found == path
    assert sentence in said


def _of_rules(*eaches: str, is_lines: bool = False) -> Format:
    rows = [
        {"each": each, "serial": ["@.id"], "ts": {"unit": "ms", "at": ["@.t"]}} for each in eaches
    ]
    document = {"format": "lines" if is_lines else "json", "rows": rows}
    return compile_format(read_format(json.dumps(document).encode()))


def test_an_item_that_lacks_a_step_costs_no_other_and_is_told() -> None:
    """The rows before and after it are read, also where another rule found some elsewhere."""
    declared = _of_rules("$.devices[*].points[*]", "$.own[*]")
    good = {"points": [{"id": "C-1", "t": 1}]}
    other = {"points": [{"id": "C-2", "t": 2}]}
    for own in ([], [{"id": "C-9", "t": 9}]):
        message = {"devices": [good, {"pionts": []}, other, 7], "own": own}
        decoded = decode_rows(json.dumps(message).encode(), declared)
        assert [row.serial for row in decoded.rows] == ["C-1", "C-2", *(["C-9"] if own else [])]
        assert [(each.path, each.shown) for each in decoded.faults] == [
            ("$.devices[1]", b'{"pionts": []}'),
            ("$.devices[3]", b"7"),
        ]
        assert "differs at $.devices[1]." in decoded.faults[0].said.spoken(str)


def test_a_container_of_another_kind_is_told_though_another_rule_found_rows() -> None:
    """Unless it is empty, or another rule reads it."""
    own = [{"id": "C-9", "t": 9}]
    declared = _of_rules("$.devices[*]", "$.own[*]")
    for held, paths in (
        ({"a": {"id": "C-1", "t": 1}}, ["$.devices"]),
        ("none", ["$.devices"]),
        ({}, []),
        (None, []),
        ([], []),
    ):
        decoded = decode_rows(json.dumps({"devices": held, "own": own}).encode(), declared)
        assert [row.serial for row in decoded.rows] == ["C-9"]
        assert [each.path for each in decoded.faults] == paths
    either = _of_rules("$.devices[*]", "$.devices.*")
    for row in (b'{"a": {"id": "C-1", "t": 1}}', b'[{"id": "C-1", "t": 1}]'):
        decoded = decode_rows(b'{"devices": ' + row + b"}", either)
        assert (len(decoded.rows), decoded.faults) == (1, [])


def test_an_item_that_another_rule_reads_lacks_nothing() -> None:
    """Items of two kinds in one array are two rules."""
    declared = _of_rules("$[*].points[*]", "$[*].events[*]")
    message = [
        {"points": [{"id": "C-1", "t": 1}]},
        {"events": [{"id": "C-2", "t": 2}]},
        {"alarms": []},
    ]
    decoded = decode_rows(json.dumps(message).encode(), declared)
    assert [row.serial for row in decoded.rows] == ["C-1", "C-2"]
    assert [each.path for each in decoded.faults] == ["$[2]"]


@pytest.mark.parametrize(
    ("rules", "message", "rows", "paths"),
    [
        (["$.values", "$[*]"], {"values": 0, "id": "C-1", "t": 1}, 1, []),
        (["$.devices[*]", "$[*]"], {"devices": []}, 0, []),
        (["$.devices[*].points[*]", "$[*]"], {"devices": [7]}, 0, ["$.devices[0]"]),
        (["$[*].own", "$[*].points[*]"], [{"own": 0, "id": "C-1", "t": 1}, {}], 1, ["$[1]"]),
    ],
)
def test_what_another_rule_came_further_with_is_no_fault(
    rules: list[str], message: object, rows: int, paths: list[str]
) -> None:
    """Also where it found nothing to read there, or no star on its way."""
    decoded = decode_rows(json.dumps(message).encode(), _of_rules(*rules))
    assert len(decoded.rows) == rows
    assert [each.path for each in decoded.faults] == paths


def test_more_items_that_lack_a_step_than_there_may_be_rows_are_one_fault_more() -> None:
    """The number of faults is bounded, as that of rows is."""
    message = json.dumps([0] * (ROWS_LIMIT + 5)).encode()
    decoded = decode_rows(message, _of_rules("$[*].points[*]"))
    assert len(decoded.faults) == ROWS_LIMIT + 1
    assert decoded.faults[-1].reason is RejectionReason.PAYLOAD_TOO_LARGE


def test_metrics_are_kept_byte_for_byte() -> None:
    """Numbers are not written otherwise than they came."""
    message = b'{"C-1": [{"ts": 1, "values":  {"a":1.50,"b": 1e2, "c":"\\u00e9"} }]}'
    (row,) = decode_rows(message, _GATEWAY).rows
    assert row.metrics == b'{"a":1.50,"b": 1e2, "c":"\\u00e9"}'


def test_metrics_too_long_for_a_heartbeat_are_refused() -> None:
    """As in a native message."""
    values = {"a": "x" * PAYLOAD_LIMIT_BYTES}
    (fault,) = decode_rows(
        json.dumps({"C-1": [{"ts": 1, "values": values}]}).encode(), _GATEWAY
    ).faults
    assert fault.reason is RejectionReason.PAYLOAD_TOO_LARGE


def test_names_of_devices_become_serials_by_the_source_s_own_list() -> None:
    """Names with spaces or ideographs are common there, and cannot be serials here."""
    declared = _format(serials={"一号 车床": "CNC-1"})
    message = json.dumps([{"id": "一号 车床", "t": 1}, {"id": "CNC-2", "t": 2}]).encode()
    assert [row.serial for row in decode_rows(message, declared).rows] == ["CNC-1", "CNC-2"]


@pytest.mark.parametrize(
    ("status", "value", "expected"),
    [
        ({}, "running", DeviceStatus.RUNNING),
        ({"map": {"1": "running"}}, 1, DeviceStatus.RUNNING),
        ({"map": {"true": "running"}}, True, DeviceStatus.RUNNING),
        ({"map": {"开": "running"}, "otherwise": "stopped"}, "关", DeviceStatus.STOPPED),
        ({"map": {"1": "running"}, "otherwise": "leave_out"}, 9, None),
        ({}, None, None),
        ({}, {"a": 1}, None),
    ],
)
def test_a_status_is_taken_as_the_source_says(
    status: dict[str, object], value: object, expected: DeviceStatus | None
) -> None:
    """By its map, by its default, or as ours are called."""
    declared = _format(status={"at": ["@.s"]} | status)
    (row,) = decode_rows(json.dumps([{"id": "C", "t": 1, "s": value}]).encode(), declared).rows
    assert row.status is expected


def test_a_status_that_the_source_does_not_know_is_told() -> None:
    """Where it says nothing of all others."""
    _path, said = _fault([{"id": "C", "t": 1, "s": "online"}], _format(status={"at": ["@.s"]}))
    assert said == "The source does not say which status online is."


@pytest.mark.parametrize("value", [-1, "x", 2**63, 1.5, True])
def test_a_sequence_that_is_none_is_told(value: object) -> None:
    """Its range is that of a native one."""
    _path, said = _fault([{"id": "C", "t": 1, "n": value}], _format(seq=["@.n"]))
    assert said.startswith("seq must be an integer from 0 to 2^63 - 1")


def test_lines_are_read_one_by_one() -> None:
    """A bad line costs no other, and is named by its number."""
    declared = compile_format(
        read_format(
            b'{"format": "ndjson", "rows": [{"each": "$", "serial": ["@.id"], '
            b'"ts": {"unit": "s", "at": ["@.t"]}}]}'
        )
    )
    decoded = decode_rows(b'{"id": "A", "t": 1}\n\nnonsense\r\n{"id": "B", "t": 2.5}\n', declared)
    assert [(row.serial, row.ts_ms) for row in decoded.rows] == [("A", 1_000), ("B", 2_500)]
    assert [fault.path for fault in decoded.faults] == ["#3$"]


def test_a_row_without_a_time_is_of_its_receipt_where_the_source_says_so() -> None:
    """Whether it may be is the policy's to say."""
    declared = _format(ts={"unit": "receipt"})
    assert declared.takes_receipt
    (row,) = decode_rows(b'[{"id": "C"}]', declared).rows
    assert row.ts_ms is None


# --- Limits ---------------------------------------------------------------------------------------


def test_a_message_has_a_longest() -> None:
    """The next byte is too much."""
    assert "a message of a source has at most" in _fault(b" " * (MESSAGE_LIMIT_BYTES + 1))[1]


def _compressed() -> Format:
    declared = json.dumps(
        {
            "format": "json",
            "gzip": True,
            "rows": [{"each": "$.*[*]", "serial": ["key:1"], "ts": {"unit": "ms", "at": ["@.ts"]}}],
        }
    )
    return compile_format(read_format(declared.encode()))


def test_a_compressed_message_is_read_and_may_not_expand_without_end() -> None:
    """Nor be cut off, nor be something else."""
    whole = gzip.compress(json.dumps({"C-1": [{"ts": _TS}]}).encode())
    assert [row.serial for row in decode_rows(whole, _compressed()).rows] == ["C-1"]
    bomb = gzip.compress(b" " * (EXPANDED_LIMIT_BYTES + 1))
    assert "a message of a source has at most" in _fault(bomb, _compressed())[1]
    assert _fault(whole[:-4], _compressed())[1] == "It was cut off: gzip's end is missing."
    assert "not compressed with gzip" in _fault(b"{}", _compressed())[1]


@pytest.mark.parametrize("row", ['{"ts":1}', "0"])
def test_rows_have_a_limit_good_or_bad(row: str) -> None:
    """The rows before it are taken, for they are good; the message has one fault more."""
    message = '{"C":[' + ",".join([row] * (ROWS_LIMIT + 5)) + "]}"
    decoded = decode_rows(message.encode(), _GATEWAY)
    assert decoded.faults[-1].reason is RejectionReason.PAYLOAD_TOO_LARGE
    assert decoded.faults[-1].said.spoken(str) == "It has more than 10,000 rows."
    assert len(decoded.faults) <= ROWS_LIMIT + 1


def test_a_long_name_is_not_repeated_for_each_row() -> None:
    """A path says where a row stands in some hundred characters, however long a name is."""
    message = json.dumps({"n" * 100_000: [0] * 9_000}).encode()
    decoded = decode_rows(message, _GATEWAY)
    assert sum(len(fault.path) for fault in decoded.faults) < 9_000 * 60


def test_rows_of_one_device_and_moment_are_one() -> None:
    """Of formats that have a time for each value."""
    declared = compile_format(ready_made()["aliyun-property"].format)
    params = {str(n): {"value": n, "time": _TS + n % 2} for n in range(6)}
    decoded = decode_rows(json.dumps({"params": params}).encode(), declared, "C-1")
    assert [(row.ts_ms, json.loads(row.metrics or b"")) for row in decoded.rows] == [
        (_TS, {"0": 0, "2": 2, "4": 4}),
        (_TS + 1, {"1": 1, "3": 3, "5": 5}),
    ]
