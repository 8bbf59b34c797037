"""The document of a stored count as its rows hold it, read piece by piece.

The document of 10,000 enterprises has 52 MB, and several hundred as objects. So its canonical bytes
are put together enterprise by enterprise, digested and held against the signature, and nothing
stays but an outline: the head, and of each enterprise what awards and claims follow from. Whoever
shows one enterprise reads its own row, which is one of those that were digested as long as the
versions of the rows are the same.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import psycopg

from verifier.procedure.canonical import CanonicalError, canonical_bytes
from verifier.procedure.document import Document
from verifier.procedure.records import CountRecord, read_entries, read_head
from verifier.procedure.signing import is_signed

__all__ = ["Outline", "content_of", "read_outline", "row_versions"]

_SELECT_VERSIONS: Final = """
    SELECT current_database(), (SELECT created_at FROM installation), row_versions
    FROM count_row_versions WHERE count_id = %s
"""
_OUTLINED: Final = ("uscc", "name", "outcome")
"""Of an enterprise: what awards and claims follow from."""
_REMEMBERED: Final = 16
"""Of 10,000 enterprises each takes some 3 MB."""

_Key = tuple[object, ...]
_remembered: dict[_Key, "Outline"] = {}
_reading: Final = threading.Lock()
"""One document at a time: two that are asked for at once do not add up."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What stays of a document that was read."""

    document: Document
    """With `uscc`, `name` and `outcome` of each enterprise, and nothing else of them."""
    digest: str
    """SHA-256 of the canonical bytes of the whole."""
    is_signed: bool
    """Whether the signature beside it fits these bytes."""


def row_versions(connection: psycopg.Connection, record: CountRecord) -> tuple[object, ...]:
    """Which database, and the versions of all rows of a count there: another with each write."""
    return connection.execute(_SELECT_VERSIONS, (record.id,)).fetchone() or ()


def read_outline(connection: psycopg.Connection, record: CountRecord) -> Outline:
    """The outline of a count, read once for the very versions of its rows.

    Raises:
        UserError: it was not drafted yet.
        UnreadableCountError: it is frozen, and cannot be put together from its rows any more.
    """
    key: _Key = (record, *row_versions(connection, record))
    known = _remembered.get(key)
    if known is not None:
        return known
    with _reading:
        known = _remembered.get(key) or _read(connection, record)
        # Who wrote meanwhile made it true of what was read, and of no more.
        if key == (record, *row_versions(connection, record)):
            while len(_remembered) >= _REMEMBERED and key not in _remembered:
                del _remembered[next(iter(_remembered))]
            _remembered[key] = known
    return known


def content_of(connection: psycopg.Connection, record: CountRecord) -> bytearray:
    """The canonical bytes of the whole document; nothing is verified.

    Raises:
        UserError: it was not drafted yet.
        UnreadableCountError: it is frozen, and cannot be put together from its rows any more.
        CanonicalError: its rows hold what has no canonical form.
    """
    return _content(
        connection, record, read_head(connection, record), lambda _platform, _entry: None
    )


def _read(connection: psycopg.Connection, record: CountRecord) -> Outline:
    document = read_head(connection, record)
    for platform in document["platforms"]:
        platform["enterprises"] = []

    def outlined(platform: dict[str, Any], entry: dict[str, Any]) -> None:
        platform["enterprises"].append({key: entry.get(key) for key in _OUTLINED})

    try:
        content = _content(connection, record, document, outlined)
    except CanonicalError:
        content = bytearray()
    return Outline(
        document=document,
        digest=hashlib.sha256(content).hexdigest(),
        is_signed=is_signed(content, record.signature or b"", record.public_key or b""),
    )


def _content(
    connection: psycopg.Connection,
    record: CountRecord,
    head: Document,
    tell: Callable[[dict[str, Any], dict[str, Any]], None],
) -> bytearray:
    content = bytearray()
    for piece in _pieces(connection, record, head, tell):
        content += piece
    return content


def _pieces(
    connection: psycopg.Connection,
    record: CountRecord,
    head: Document,
    tell: Callable[[dict[str, Any], dict[str, Any]], None],
) -> Iterator[bytes]:
    """The canonical bytes, as `canonical_bytes` writes them of the whole."""
    platforms = head["platforms"]
    before, after = _around(head, "platforms")
    yield before
    for place, platform in enumerate(platforms):
        opening, closing = _around(platform, "enterprises")
        yield (b"," if place else b"[") + opening + b"["
        separator = b""
        for entry in read_entries(connection, record, platform["platform"]):
            yield separator + canonical_bytes(entry)
            separator = b","
            tell(platform, entry)
        yield b"]" + closing
    yield (b"]" if platforms else b"[]") + after


def _around(holder: dict[str, Any], key: str) -> tuple[bytes, bytes]:
    """The canonical bytes of an object before and after the value of one of its keys."""
    smaller = {each: holder[each] for each in holder if each < key}
    greater = {each: holder[each] for each in holder if each > key}
    before, after = canonical_bytes(smaller), canonical_bytes(greater)
    comma = b"," if smaller else b""
    return (
        before[:-1] + comma + msgspec.json.encode(key) + b":",
        b"," + after[1:] if greater else b"}",
    )
