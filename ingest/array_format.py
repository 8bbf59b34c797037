"""Arrays of integers as query parameters in PostgreSQL's binary format.

A driver turns each element of a list into an object of bytes first; at the full hour, when every
device of a city costs an upsert at once, that takes as long as the upsert itself. Source of the
format: `array_send` of PostgreSQL (dimensions, null flag, element type, length, lower bound, then
each element's length and value).
"""

import struct
from collections.abc import Sequence
from itertools import chain, repeat
from typing import Final

from psycopg import AsyncConnection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

__all__ = ["BigintArray", "IntegerArray", "register_arrays"]

_HEADER: Final = struct.Struct("!iiIii")
_DIMENSIONS, _NO_NULLS, _LOWER_BOUND = 1, 0, 1
_INTEGER_OID, _BIGINT_OID = 23, 20
_INTEGER_ARRAY_OID, _BIGINT_ARRAY_OID = 1007, 1016


class IntegerArray(bytes):
    """An `integer[]`, packed."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Sequence[int]) -> "IntegerArray":
        """Pack integers of 32 bits."""
        return cls(_packed(values, _INTEGER_OID, 4, "i"))


class BigintArray(bytes):
    """A `bigint[]`, packed."""

    __slots__ = ()

    @classmethod
    def of(cls, values: Sequence[int]) -> "BigintArray":
        """Pack integers of 64 bits."""
        return cls(_packed(values, _BIGINT_OID, 8, "q"))


def _packed(values: Sequence[int], element_oid: int, element_bytes: int, code: str) -> bytes:
    count = len(values)
    header = _HEADER.pack(_DIMENSIONS, _NO_NULLS, element_oid, count, _LOWER_BOUND)
    elements = chain.from_iterable(zip(repeat(element_bytes), values, strict=False))
    return header + struct.pack("!" + f"i{code}" * count, *elements)


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> Buffer:
        """It is packed already."""
        return obj


class _IntegerArrayDumper(_PackedDumper):
    oid = _INTEGER_ARRAY_OID


class _BigintArrayDumper(_PackedDumper):
    oid = _BIGINT_ARRAY_OID


def register_arrays(connection: AsyncConnection) -> None:
    """Let a connection take both as parameters."""
    connection.adapters.register_dumper(IntegerArray, _IntegerArrayDumper)
    connection.adapters.register_dumper(BigintArray, _BigintArrayDumper)
