"""The messages of Sparkplug B as protobuf's library reads them. Pure.

The numbers are those of Eclipse Tahu's `sparkplug_b.proto`, version 1.0. What lies within a message
is declared as bytes and read when it is wanted, so that how much is read, and how deep, is ours to
say; texts too, for old clients send other than UTF-8. On the wire neither differs.
"""

from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Any, Final, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

__all__ = ["DataType", "NotSparkplugError", "Part", "read"]

_File = descriptor_pb2.FileDescriptorProto
_Field = descriptor_pb2.FieldDescriptorProto


class DataType(IntEnum):
    """The types of values that are read in a way of their own."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14


class NotSparkplugError(ValueError):
    """Bytes that are no protobuf."""


class Part(StrEnum):
    """The messages, by their names."""

    PAYLOAD = "Payload"
    METRIC = "Metric"
    DATA_SET = "DataSet"
    ROW = "Row"
    CELL = "Cell"
    TEMPLATE = "Template"


class _Member(NamedTuple):
    name: str
    number: int
    kind: "_Field.Type.ValueType"
    is_repeated: bool = False
    is_value: bool = False
    """One of those of which the last counts."""


def _values(first: int) -> list[_Member]:
    """The values that cells and metrics have in common, numbered from here."""
    kinds = (
        ("int_value", _Field.TYPE_UINT32),
        ("long_value", _Field.TYPE_UINT64),
        ("float_value", _Field.TYPE_FLOAT),
        ("double_value", _Field.TYPE_DOUBLE),
        ("boolean_value", _Field.TYPE_BOOL),
        ("string_value", _Field.TYPE_BYTES),
    )
    return [
        _Member(name, first + place, kind, is_value=True)
        for place, (name, kind) in enumerate(kinds)
    ]


_MESSAGES: Final[dict[Part, Sequence[_Member]]] = {
    Part.PAYLOAD: (
        _Member("timestamp", 1, _Field.TYPE_UINT64),
        _Member("metrics", 2, _Field.TYPE_BYTES, is_repeated=True),
        _Member("uuid", 4, _Field.TYPE_BYTES),
        _Member("body", 5, _Field.TYPE_BYTES),
    ),
    Part.METRIC: (
        _Member("name", 1, _Field.TYPE_BYTES),
        _Member("alias", 2, _Field.TYPE_UINT64),
        _Member("timestamp", 3, _Field.TYPE_UINT64),
        _Member("datatype", 4, _Field.TYPE_UINT32),
        _Member("is_historical", 5, _Field.TYPE_BOOL),
        _Member("is_null", 7, _Field.TYPE_BOOL),
        *_values(10),
        _Member("bytes_value", 16, _Field.TYPE_BYTES, is_value=True),
        _Member("dataset_value", 17, _Field.TYPE_BYTES, is_value=True),
        _Member("template_value", 18, _Field.TYPE_BYTES, is_value=True),
        _Member("extension_value", 19, _Field.TYPE_BYTES, is_value=True),
    ),
    Part.DATA_SET: (
        _Member("columns", 2, _Field.TYPE_BYTES, is_repeated=True),
        _Member("types", 3, _Field.TYPE_UINT32, is_repeated=True),
        _Member("rows", 4, _Field.TYPE_BYTES, is_repeated=True),
    ),
    Part.ROW: (_Member("elements", 1, _Field.TYPE_BYTES, is_repeated=True),),
    Part.CELL: (
        *_values(1),
        _Member("extension_value", 7, _Field.TYPE_BYTES, is_value=True),
    ),
    Part.TEMPLATE: (_Member("metrics", 2, _Field.TYPE_BYTES, is_repeated=True),),
}


def _described() -> dict[Part, type[Any]]:
    file = _File(name="jieru/sparkplug_b.proto", package="jieru.sparkplug", syntax="proto2")
    for name, members in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if any(each.is_value for each in members):
            message.oneof_decl.add(name="value")
        for each in members:
            label = _Field.LABEL_REPEATED if each.is_repeated else _Field.LABEL_OPTIONAL
            field = message.field.add(
                name=each.name, number=each.number, type=each.kind, label=label
            )
            if each.is_value:
                field.oneof_index = 0
    # A pool of our own: another library may have described the same messages in the common one.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{name}"))
        for name in _MESSAGES
    }


_CLASSES: Final = _described()


def read(part: Part, content: bytes) -> Any:  # noqa: ANN401 - what the library makes has no type
    """One message; nothing that lies within it is read yet.

    Raises:
        NotSparkplugError: it is no protobuf.
    """
    try:
        return _CLASSES[part].FromString(content)
    except DecodeError:
        raise NotSparkplugError from None
