"""Whatever the bytes are there is one answer, and a reading by hand comes to the same."""

import json
import math
import random
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from jieru.sources.formats import DeclaredFormat, compile_format
from jieru.sparkplug.births import BirthNames, names_of_birth
from jieru.sparkplug.rows import SparkplugDecoded, decode_sparkplug
from jieru.wire import PAYLOAD_LIMIT_BYTES, is_storable, is_too_deep
from tests.support.sparkplug import Metric, payload, read_by_hand

_RULE: Final = compile_format(DeclaredFormat("sparkplug_b")).sparkplug
_NAMES: Final = BirthNames({1: "one", 2: "two"}, {"one": 4, "two": 3})
_VALUES: Final = st.one_of(
    st.tuples(st.just("int_value"), st.integers(0, 2**32 - 1)),
    st.tuples(st.just("long_value"), st.integers(0, 2**64 - 1)),
    st.tuples(st.just("float_value"), st.floats(width=32)),
    st.tuples(st.just("double_value"), st.floats()),
    st.tuples(st.just("boolean_value"), st.booleans()),
    st.tuples(st.just("string_value"), st.text(max_size=20)),
    st.tuples(st.just("bytes_value"), st.binary(max_size=20)),
    st.tuples(st.none(), st.none()),
)
_METRICS: Final = st.builds(
    lambda value, **others: Metric(kind=value[0], value=value[1], **others),
    _VALUES,
    name=st.none() | st.text(max_size=6),
    alias=st.none() | st.integers(0, 4),
    timestamp=st.none() | st.sampled_from([5, 6, 2**64 - 1]),
    datatype=st.none() | st.integers(0, 35),
    is_historical=st.booleans(),
    is_null=st.booleans(),
)
_PAYLOADS: Final = st.builds(
    payload, st.lists(_METRICS, max_size=6), st.none() | st.sampled_from([5, 7]), st.none()
)


def _decode(content: bytes) -> SparkplugDecoded:
    assert _RULE is not None
    return decode_sparkplug(content, _RULE, "CNC-1", _NAMES)


def _expected(content: bytes) -> list[tuple[int | None, dict[str, object]]] | None:
    """The rows by hand; None: the message is refused."""
    found = read_by_hand(content)
    if found is None:
        return None
    timestamp, metrics = found
    if not metrics:
        return [(timestamp, {})]
    rows: dict[int | None, list[tuple[str, object, bool]]] = {}
    for at, each in enumerate(metrics):
        name = each.name
        if name is None and each.alias is not None:
            name = _NAMES.by_alias.get(each.alias, f"alias:{each.alias}")
        name = f"metric:{at}" if name is None else name.replace("\0", "\ufffd")
        datatype = _NAMES.datatypes.get(name) if each.datatype is None else each.datatype
        ts_ms = each.timestamp
        if ts_ms is None and not each.is_historical:
            ts_ms = timestamp
        value = None if each.is_null else _value(each, datatype)
        rows.setdefault(ts_ms, []).append((name, value, each.is_historical))
    return [
        (
            ts_ms,
            {
                **({"is_historical": True} if all(row[2] for row in said) else {}),
                **{name: value for name, value, _historical in said},
            },
        )
        for ts_ms, said in rows.items()
    ]


def _value(each: Metric, datatype: int | None) -> object:
    value: Any = each.value
    if each.kind in ("int_value", "long_value"):
        if datatype == 11:
            return value != 0
        bits = {1: 8, 2: 16, 3: 32, 4: 64}.get(datatype or 0)
        if bits is None:
            return value
        value %= 2**bits
        return value if value < 2 ** (bits - 1) else value - 2**bits
    if each.kind in ("float_value", "double_value") and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _agrees(content: bytes) -> bool:
    """Whether both readings come to the same; floats of 32 bits are written shorter."""
    decoded, expected = _decode(content), _expected(content)
    if expected is None:
        return decoded.rows == [] and len(decoded.faults) == 1
    read = [(row.ts_ms, json.loads(row.metrics or b"{}")) for row in decoded.rows]
    return len(read) == len(expected) and all(
        ts_ms == wanted_ms and _are_like(metrics, wanted)
        for (ts_ms, metrics), (wanted_ms, wanted) in zip(read, expected, strict=True)
    )


def _are_like(metrics: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return metrics.keys() == wanted.keys() and all(
        _is_like(metrics[name], value) for name, value in wanted.items()
    )


def _is_like(read: object, wanted: object) -> bool:
    if isinstance(wanted, bytes):  # within them, other tests look
        return True
    if isinstance(wanted, str):
        return read == wanted.replace("\0", "\ufffd")
    if isinstance(wanted, float) and isinstance(read, float):
        return math.isclose(read, wanted, rel_tol=1e-6, abs_tol=1e-44)
    return read == wanted and type(read) is type(wanted)


def _is_sound(content: bytes) -> None:
    """What every answer keeps to, whatever came."""
    decoded = _decode(content)
    assert decoded == _decode(content)
    assert decoded.rows or decoded.faults
    for row in decoded.rows:
        if row.metrics is not None:
            assert len(row.metrics) < PAYLOAD_LIMIT_BYTES
            assert isinstance(json.loads(row.metrics), dict)
            assert is_storable(row.metrics)
            assert not is_too_deep(row.metrics)
    names_of_birth(content)


@given(st.binary(max_size=300))
def test_any_bytes_have_one_answer(content: bytes) -> None:
    """And one that the database takes."""
    _is_sound(content)


@given(_PAYLOADS)
def test_a_message_is_read_as_it_is_by_hand(content: bytes) -> None:
    """Of every kind of value, however its metrics are called and timed."""
    _is_sound(content)
    assert _agrees(content)


@given(_PAYLOADS, st.integers(0, 2**32), st.integers(1, 4))
def test_a_spoilt_message_is_read_as_it_is_by_hand(content: bytes, seed: int, times: int) -> None:
    """Bytes changed, left out and put in: both take it, or neither does."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    spoilt = bytearray(content)
    for _time in range(times):
        at = chance.randrange(len(spoilt) + 1)
        spoilt[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    _is_sound(bytes(spoilt))
    assert _agrees(bytes(spoilt))
