"""CSV files as programs and every country's spreadsheets read them (RFC 4180). Pure.

They are UTF-8 with a byte order mark, without which Excel takes them for the encoding of its
country.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

__all__ = ["csv_file", "csv_pieces"]

_BYTE_ORDER_MARK: Final = "\ufeff"


def csv_file(rows: Iterable[Sequence[object]]) -> bytes:
    """A whole file of these rows, the header among them."""
    return b"".join(csv_pieces([rows]))


def csv_pieces(chunks: Iterable[Iterable[Sequence[object]]]) -> Iterator[bytes]:
    """A file piece by piece, one for each chunk of rows, however many there are.

    While a piece waits to be sent nothing else of its chunk is kept here.
    """
    mark = _BYTE_ORDER_MARK
    for piece in map(_encoded, chunks):
        yield mark.encode() + piece
        mark = ""


def _encoded(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    # A lone half of a surrogate pair, as a damaged workbook may hold, is no UTF-8.
    return text.getvalue().encode(errors="replace")
