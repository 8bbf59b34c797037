"""Payloads of Sparkplug B, written and read byte by byte: nothing here knows protobuf's library."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Metric", "compressed", "metric", "payload", "varint", "written"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_NUMBERS: Final = {
    "int_value": 10,
    "long_value": 11,
    "float_value": 12,
    "double_value": 13,
    "boolean_value": 14,
    "string_value": 15,
    "bytes_value": 16,
    "dataset_value": 17,
    "template_value": 18,
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; None: it does not say."""

    name: str | None = None
    alias: int | None = None
    timestamp: int | None = None
    datatype: int | None = None
    is_historical: bool = False
    is_null: bool = False
    kind: str | None = None
    """Of its value."""
    value: object = None


def metric(name: str | int, value: object, **others: object) -> Metric:
    """A metric by its name or its alias, with a value of a usual type."""
    called = {"alias": name} if isinstance(name, int) else {"name": name}
    kinds: dict[type, tuple[str, int]] = {
        bool: ("boolean_value", 11),
        int: ("long_value", 4),
        float: ("double_value", 10),
        str: ("string_value", 12),
        bytes: ("bytes_value", 17),
    }
    kind, datatype = kinds[type(value)]
    if isinstance(value, int) and not isinstance(value, bool):
        value %= 1 << 64
    return Metric(**{**called, "kind": kind, "value": value, "datatype": datatype, **others})  # type: ignore[arg-type]


def payload(
    metrics: Sequence[Metric] = (), timestamp: int | None = None, seq: int | None = None
) -> bytes:
    """A whole payload."""
    parts = []
    if timestamp is not None:
        parts.append(_field(1, _VARINT) + varint(timestamp))
    parts += [_bytes(2, written(each)) for each in metrics]
    if seq is not None:
        parts.append(_field(3, _VARINT) + varint(seq))
    return b"".join(parts)


def compressed(body: bytes, algorithm: str | None = None) -> bytes:
    """A payload around another that was compressed."""
    named = [] if algorithm is None else [metric("algorithm", algorithm)]
    return payload(named) + _bytes(4, b"SPBV1.0_COMPRESSED") + _bytes(5, body)


def written(each: Metric) -> bytes:
    """The bytes of one metric."""
    parts = []
    if each.name is not None:
        parts.append(_bytes(1, each.name.encode()))
    for number, value in ((2, each.alias), (3, each.timestamp), (4, each.datatype)):
        if value is not None:
            parts.append(_field(number, _VARINT) + varint(value))
    if each.is_historical:
        parts.append(_field(5, _VARINT) + b"\1")
    if each.is_null:
        parts.append(_field(7, _VARINT) + b"\1")
    if each.kind is not None:
        parts.append(_value(each))
    return b"".join(parts)


def _value(each: Metric) -> bytes:
    number, value = _NUMBERS[str(each.kind)], each.value
    if isinstance(value, str):
        return _bytes(number, value.encode())
    if isinstance(value, bytes):
        return _bytes(number, value)
    if isinstance(value, float):
        if each.kind == "float_value":
            return _field(number, _FIXED32) + struct.pack("<f", value)
        return _field(number, _FIXED64) + struct.pack("<d", value)
    assert isinstance(value, int)
    return _field(number, _VARINT) + varint(int(value))


def varint(value: int) -> bytes:
    """A whole number, seven bits at a time."""
    written_bytes = bytearray()
    while value > 127:
        written_bytes.append(value & 127 | 128)
        value >>= 7
    written_bytes.append(value)
    return bytes(written_bytes)


def _field(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


def _bytes(number: int, content: bytes) -> bytes:
    return _field(number, _BYTES) + varint(len(content)) + content
