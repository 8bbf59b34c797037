"""A list as a CSV file: the columns of the import file, however long it is, in constant memory.

What a client who reads slowly, or not at all, may cost is one chunk of records and two pieces.
"""

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg.rows import dict_row
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.web.database import RequestDatabase
from api.web.listing import Found, Search, find_page
from api.web.paging import PageRequest
from jieru.csv_file import csv_pieces
from registry.cells import guarded
from registry.kinds import KINDS, KindName

__all__ = ["CSV_RESPONSE", "Export", "export_rows", "respond_csv", "respond_table"]

_CHUNK: Final = 1_000
"""Records that are read at once: each chunk borrows a connection for a moment, so that a client
who reads slowly keeps none. Such a client keeps one chunk of them, some 2 kB each."""
_PIECE_BYTES: Final = 65_536
"""So much is given to the connection at once: what it may hold unsent before it says to wait."""
_MEDIA_TYPE: Final = "text/csv; charset=utf-8"

CSV_RESPONSE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}
"""What OpenAPI says of an answer of `respond_csv`."""


class Export(NamedTuple):
    """A list to be exported."""

    kind: KindName
    """The kind of import file whose columns it has."""
    search: Search
    select: LiteralString
    """The rows of the records `ids`, in the list's order, columns named as in the file."""


def export_rows(database: RequestDatabase, export: Export) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The rows of all records that match, chunk by chunk."""
    cursor: str | None = None
    while True:
        with database.reading() as connection:
            found = find_page(connection, export.search, PageRequest(cursor, _CHUNK))
            chunk = [_rows(connection, export, found)]
        cursor = found.next_cursor
        del found
        yield chunk.pop()  # not kept here while its reader is slow
        if cursor is None:
            return


def respond_csv(database: RequestDatabase, name: str, export: Export) -> StreamingResponse:
    """A list as a file to be kept; what fails at once still becomes a problem document."""
    columns = [column.name for column in KINDS[export.kind].everyday_columns]

    def values(rows: Sequence[Mapping[str, Any]]) -> Sequence[Sequence[object]]:
        return [[row[column] for column in columns] for row in rows]

    # map keeps no chunk that it has handed on.
    return respond_table(name, columns, map(values, export_rows(database, export)))


def respond_table(
    name: str, columns: Sequence[str], chunks: Iterator[Iterable[Sequence[object]]]
) -> StreamingResponse:
    """A table as a file to be kept, in pieces; the first one is read before anything is sent.

    Args:
        name: of the file, without its ending.
        columns: the header.
        chunks: the rows, at least one chunk, which may be empty.
    """
    pieces = csv_pieces(chain(([columns],), map(_cells, chunks)))
    begin = next(pieces) + next(pieces)
    return _File(name, _small(chain((begin,), pieces)))


class _File(StreamingResponse):
    """A file that is made while it is sent, and no longer."""

    def __init__(self, name: str, pieces: Generator[bytes]) -> None:
        super().__init__(
            pieces,
            media_type=_MEDIA_TYPE,
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; what was read for a client that has gone is let go at once."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._pieces.close()


def _small(pieces: Iterator[bytes]) -> Generator[bytes]:
    for piece in pieces:
        for begin in range(0, len(piece), _PIECE_BYTES):
            yield piece[begin : begin + _PIECE_BYTES]


def _rows(
    connection: psycopg.Connection, export: Export, found: Found
) -> Sequence[Mapping[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(export.select, {"ids": found.ids}).fetchall()


def _cells(rows: Iterable[Sequence[object]]) -> Iterator[Sequence[str]]:
    return ([_cell(value) for value in row] for row in rows)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case str():
            return guarded(value)
    return str(value)
