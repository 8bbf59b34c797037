"""Values of Sparkplug B as JSON has them. Pure, total and bounded.

Whole numbers travel unsigned, negative ones as two's complement, and only their type tells; so it
is looked up in the birth where the message does not repeat it.
"""

import math
import struct
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

from jieru.sparkplug.payload import METRICS_LIMIT, not_sparkplug, too_many
from jieru.sparkplug.schema import DataType, NotSparkplugError, Part, read

__all__ = ["Budget", "read_part", "text_of", "value_of"]

_DEEPEST: Final = 8
"""Templates within one another; deeper ones stay in the message alone."""
_SIGNED_BITS: Final[Mapping[int | None, int]] = {
    DataType.INT8: 8,
    DataType.INT16: 16,
    DataType.INT32: 32,
    DataType.INT64: 64,
}
_SHORTEST: Final = range(6, 10)
"""Digits: nine tell any two numbers of 32 bits apart, and mostly six do."""


class Budget:
    """How much of one payload is read still."""

    def __init__(self) -> None:
        """All of it."""
        self._left = METRICS_LIMIT

    def spend(self, number: int) -> None:
        """Read so many metrics or cells.

        Raises:
            UnreadableError: the payload has more than are read.
        """
        self._left -= number
        if self._left < 0:
            raise too_many()


def read_part(part: Part, content: bytes) -> Any:  # noqa: ANN401 - the library's have no type
    """What lies within a payload.

    Raises:
        UnreadableError: it is no protobuf.
    """
    try:
        return read(part, content)
    except NotSparkplugError:
        raise not_sparkplug() from None


def text_of(content: bytes) -> str:
    """A text, with what PostgreSQL keeps in no JSON replaced."""
    return content.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def value_of(metric: Any, datatype: int | None, budget: Budget, depth: int = 0) -> object:  # noqa: ANN401
    """What a metric, or a cell, says; None: nothing, or what JSON has no way to write.

    Args:
        metric: as the library read it.
        datatype: its type, from itself or from its birth; None: nobody said.
        budget: is spent on what lies within.
        depth: of the template that it is in.

    Raises:
        UnreadableError: what lies within is no protobuf, or too much.
    """
    kind = metric.WhichOneof("value")
    if kind in _PLAIN:
        return _PLAIN[kind](getattr(metric, kind))
    if kind in _WHOLE:
        return _number(getattr(metric, kind), datatype)
    if kind == "dataset_value":
        return _data_set(metric.dataset_value, budget)
    if kind == "template_value":
        return _template(metric.template_value, budget, depth + 1)
    return None  # nothing, or an extension that nobody here knows


def _number(value: int, datatype: int | None) -> object:
    if datatype == DataType.BOOLEAN:  # as some clients write it
        return bool(value)
    bits = _SIGNED_BITS.get(datatype)
    if bits is None:
        return value
    # Some extend the sign to 32 or 64 bits, and some do not.
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _shortest(value: float) -> float:
    """Of the numbers that 32 bits cannot tell apart, the one that is written shortest."""
    if not math.isfinite(value):
        return value
    for digits in _SHORTEST:
        written = float(f"{value:.{digits}g}")
        try:
            if struct.unpack("<f", struct.pack("<f", written))[0] == value:
                return written
        except OverflowError:  # rounded up beyond the largest
            continue
    return value


def _real(value: float) -> object:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _base64(value: bytes) -> object:
    return b64encode(value).decode()


_WHOLE: Final = {"int_value", "long_value"}
_PLAIN: Final[Mapping[str | None, Callable[[Any], object]]] = {
    "float_value": lambda value: _real(_shortest(value)),
    "double_value": _real,
    "boolean_value": bool,
    "string_value": text_of,
    "bytes_value": _base64,
}


def _data_set(content: bytes, budget: Budget) -> object:
    found = read_part(Part.DATA_SET, content)
    budget.spend(len(found.columns) + len(found.rows))
    types = list(found.types[: len(found.columns)])
    rows = []
    for each in found.rows:
        cells = read_part(Part.ROW, each).elements
        budget.spend(len(cells))
        rows.append(
            [
                value_of(read_part(Part.CELL, cell), types[at] if at < len(types) else None, budget)
                for at, cell in enumerate(cells)
            ]
        )
    return {"columns": [text_of(each) for each in found.columns], "rows": rows}


def _template(content: bytes, budget: Budget, depth: int) -> object:
    if depth > _DEEPEST:
        return None
    found = read_part(Part.TEMPLATE, content)
    budget.spend(len(found.metrics))
    members: dict[str, object] = {}
    for at, each in enumerate(found.metrics):
        metric = read_part(Part.METRIC, each)
        name = text_of(metric.name) if metric.HasField("name") else f"metric:{at}"
        datatype = metric.datatype if metric.HasField("datatype") else None
        value = value_of(metric, datatype, budget, depth)
        members[name] = None if metric.is_null else value
    return members
