"""Payloads of Sparkplug B, written and read byte by byte: nothing here knows protobuf's library."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "Metric",
    "compressed",
    "field_of",
    "metric",
    "payload",
    "read_by_hand",
    "varint",
    "written",
]

_VARINT, _FIXED64, _BYTES, _GROUP, _GROUP_END, _FIXED32 = range(6)
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


def field_of(number: int, value: int | str | bytes) -> bytes:
    """Any field of any message: a whole number, a text, or a message within."""
    if isinstance(value, int):
        return _field(number, _VARINT) + varint(value)
    return _bytes(number, value.encode() if isinstance(value, str) else value)


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


def read_by_hand(content: bytes) -> tuple[int | None, list[Metric]] | None:
    """Time and metrics of a payload that is not compressed; None: it is no protobuf.

    What lies within a data set or a template is left as its bytes.
    """
    fields = _fields(content)
    if fields is None:
        return None
    timestamp, metrics = None, []
    for number, wire, value in fields:
        if (number, wire) == (1, _VARINT):
            timestamp = value
        elif (number, wire) == (2, _BYTES):
            found = _metric_by_hand(value)
            if found is None:
                return None
            metrics.append(found)
    return timestamp, metrics


def _metric_by_hand(content: bytes) -> Metric | None:
    fields = _fields(content)
    if fields is None:
        return None
    said: dict[str, Any] = {}
    for number, wire, value in fields:
        if number in _KNOWN and wire == _KNOWN[number][1]:
            name = _KNOWN[number][0]
            if name in _NUMBERS or name == "extension_value":
                said |= {"kind": name, "value": _typed(name, value)}
            elif name == "name":
                said[name] = value.decode(errors="replace")
            elif name.startswith("is_"):
                said[name] = bool(value)
            else:
                said[name] = value & 0xFFFFFFFF if name == "datatype" else value
    return Metric(**said)


_KNOWN: Final = {
    1: ("name", _BYTES),
    2: ("alias", _VARINT),
    3: ("timestamp", _VARINT),
    4: ("datatype", _VARINT),
    5: ("is_historical", _VARINT),
    7: ("is_null", _VARINT),
    10: ("int_value", _VARINT),
    11: ("long_value", _VARINT),
    12: ("float_value", _FIXED32),
    13: ("double_value", _FIXED64),
    14: ("boolean_value", _VARINT),
    15: ("string_value", _BYTES),
    16: ("bytes_value", _BYTES),
    17: ("dataset_value", _BYTES),
    18: ("template_value", _BYTES),
    19: ("extension_value", _BYTES),
}


def _typed(name: str, value: Any) -> object:  # noqa: ANN401 - bytes or a number
    match name:
        case "float_value":
            return struct.unpack("<f", value)[0]
        case "double_value":
            return struct.unpack("<d", value)[0]
        case "boolean_value":
            return bool(value)
        case "int_value":
            return value & 0xFFFFFFFF
    return value


class _NoProtobufError(Exception):
    pass


def _fields(content: bytes) -> list[tuple[int, int, Any]] | None:
    """Number, wire type and value of each field; None: the bytes are none."""
    try:
        return _read_fields(content)
    except _NoProtobufError:
        return None


def _read_fields(content: bytes) -> list[tuple[int, int, Any]]:
    """Groups, of which Sparkplug has none, are read over as protobuf's specification says."""
    fields: list[tuple[int, int, Any]] = []
    at, groups = 0, list[int]()
    while at < len(content):
        tag, at = _varint_at(content, at, longest=5)
        number, wire = tag >> 3, tag & 7
        value: Any = None
        if not 0 < number < 1 << 29:
            raise _NoProtobufError
        if wire in _PLAIN:
            value, at = _plain_at(content, at, wire)
        elif wire == _GROUP:
            groups.append(number)
        elif wire != _GROUP_END or not groups or groups.pop() != number:
            raise _NoProtobufError
        if at > len(content):
            raise _NoProtobufError
        if not groups and wire != _GROUP_END:
            fields.append((number, wire, value))
    if groups:
        raise _NoProtobufError
    return fields


_PLAIN: Final = {_VARINT, _BYTES, _FIXED64, _FIXED32}


def _plain_at(content: bytes, at: int, wire: int) -> tuple[Any, int]:
    """A value and where it ends."""
    if wire == _VARINT:
        return _varint_at(content, at)
    size = 8 if wire == _FIXED64 else 4
    if wire == _BYTES:
        size, at = _varint_at(content, at)
    return content[at : at + size], at + size


def _varint_at(content: bytes, at: int, longest: int = 10) -> tuple[int, int]:
    """A whole number and where it ends."""
    value = 0
    for place, byte in enumerate(content[at : at + longest]):
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, at + place + 1
    raise _NoProtobufError
