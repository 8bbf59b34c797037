"""CSV files as every spreadsheet and program reads them."""

from jieru.csv_file import csv_file, csv_pieces

_MARK = b"\xef\xbb\xbf"


def test_a_file_begins_with_one_byte_order_mark_however_many_pieces_it_has() -> None:
    """Rows end as RFC 4180 has it, and a cell with a comma is quoted."""
    pieces = [*csv_pieces([[["code", "name"]], [], [["a", "x,y"], ["b", 1]]])]
    assert pieces == [_MARK + b"code,name\r\n", b"", b'a,"x,y"\r\nb,1\r\n']
    assert csv_file([["code", "name"], ["a", "x,y"], ["b", 1]]) == b"".join(pieces)


def test_what_is_no_text_is_replaced_and_not_refused() -> None:
    """A damaged cell must not keep the rest of the rows from somebody who will repair it."""
    assert csv_file([["\ud800"]]) == _MARK + b"?\r\n"
