"""Files as rows of cells."""

import io
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from jieru.errors import UserError
from registry import files
from registry.files import Cell, SheetRow, parse_sheet
from registry.workbooks.limits import WORKBOOK_LIMITS
from registry.workbooks.reader import workbook_rows
from registry.workbooks.reading import read_workbook

NAMES = {"code", "name", "平台代码"}
Fill = Callable[[xlsxwriter.Workbook], None]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def workbook(fill: Fill) -> bytes:
    """An .xlsx file made by filling an empty workbook."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        fill(book)
    return content.getvalue()


def with_part(content: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The same workbook with one part of its archive changed."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(changed, "w") as after:
        for name in before.namelist():
            data = before.read(name)
            after.writestr(name, change(data) if name == part else data, zipfile.ZIP_DEFLATED)
    return changed.getvalue()


def only_cell(write: Callable[[xlsxwriter.Workbook, xlsxwriter.worksheet.Worksheet], None]) -> Cell:
    """The first cell of a workbook whose first sheet was written so."""
    content = workbook(lambda book: write(book, book.add_worksheet()))
    return parse_sheet(content, "cell.xlsx", NAMES)[0].cells[0]


def refusal(content: bytes, name: str = "file") -> str:
    """Why a file is refused."""
    with pytest.raises(UserError) as refused:
        parse_sheet(content, name, NAMES)
    return str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_is_read_in_the_encodings_that_spreadsheets_save(encoding: str) -> None:
    """UTF-8 with and without a mark, and what Excel saves in China."""
    content = "code,name\r\nxielian,协联制造\r\n".encode(encoding)
    assert parse_sheet(content, "p.csv", NAMES) == [
        SheetRow(1, ["code", "name"]),
        SheetRow(2, ["xielian", "协联制造"]),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_the_one_that_fits_the_header(delimiter: str) -> None:
    """Commas in the values of a semicolon file separate nothing."""
    content = f'code{delimiter}"name"\na{delimiter}"x, y; z\tw"\n'.encode()
    assert parse_sheet(content, "p.csv", NAMES)[1].cells == ["a", "x, y; z\tw"]


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    """An empty row has a number, a line break in quotes has none."""
    content = b'code,name\n\n , \na,"two\nlines"\nb,c\n'
    assert [row.number for row in parse_sheet(content, "p.csv", NAMES)] == [1, 4, 5]


def test_a_formula_in_a_csv_file_is_only_text() -> None:
    """Nothing is computed."""
    assert parse_sheet(b"code,name\na,=1+1\n", "p.csv", NAMES)[1].cells == ["a", "=1+1"]


def test_an_empty_file_has_no_rows() -> None:
    """The header is missed later, by name."""
    assert parse_sheet(b"", "p.csv", NAMES) == []


@pytest.mark.parametrize("content", [b"a\n" * 4, b"a\n" + b"," * 9 + b"b\n"])
def test_a_file_of_too_many_rows_or_cells_is_refused(
    content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before they fill the memory; empty rows do not count."""
    monkeypatch.setattr(files, "_ROW_LIMIT", 3)
    monkeypatch.setattr(files, "_CELL_LIMIT", 10)
    assert refusal(content, "p.csv") == "p.csv has more than 3 rows or 10 cells: split it."
    assert len(parse_sheet(b"a\n\n\n\nb\n", "p.csv", NAMES)) == 2


def test_an_unclosed_quotation_mark_is_refused_with_its_row() -> None:
    """Else the rest of the file would be one cell."""
    message = refusal(b'code,name\na,"b\nc,d\n', "p.csv")
    assert "p.csv is broken as CSV at row 2" in message


@pytest.mark.parametrize("content", [b"\x00\x01\x02\xff", b"code,name\n\xff\xff,\xff\n"])
def test_bytes_that_are_no_text_are_refused(content: bytes) -> None:
    """Neither UTF-8 nor GB18030."""
    assert "neither CSV in UTF-8 or GB18030" in refusal(content)


def test_utf_16_is_refused_by_name() -> None:
    """What Excel calls Unicode text."""
    assert "UTF-16" in refusal("code\tname\n".encode("utf-16"))


def test_an_old_or_locked_workbook_is_refused_with_advice() -> None:
    """Both begin alike."""
    assert "save it as .xlsx without a password" in refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


def test_a_file_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything of it is decoded."""
    monkeypatch.setattr(files, "FILE_LIMIT_BYTES", 1 << 20)
    assert "larger than 1 MB" in refusal(b"x" * ((1 << 20) + 1))


@pytest.mark.parametrize(
    ("number", "text"), [(12, "12"), (350304.0, "350304"), (1.5, "1.5"), (-3, "-3"), (0, "0")]
)
def test_a_number_cell_is_what_its_reader_sees(number: float, text: str) -> None:
    """Never with the .0 that the file format adds."""
    assert only_cell(lambda _book, sheet: sheet.write_number(0, 0, number)) == text


def test_a_text_cell_keeps_its_leading_zeros() -> None:
    """0012 is another serial than 12."""
    assert only_cell(lambda _book, sheet: sheet.write_string(0, 0, "0012")) == "0012"


def test_a_truth_cell_is_its_word() -> None:
    """A spreadsheet makes a truth value of the serial true."""
    assert only_cell(lambda _book, sheet: sheet.write_boolean(0, 0, True)) == "TRUE"  # noqa: FBT003 - its API


def test_a_number_that_the_spreadsheet_rounded_is_refused() -> None:
    """Eighteen digits typed as a number have lost their last three."""
    cell = only_cell(lambda _book, sheet: sheet.write_number(0, 0, 913503001234567891))
    assert isinstance(cell, UserError)
    assert "15 digits" in str(cell)


@pytest.mark.parametrize("value", [date(2026, 3, 2), datetime(2026, 3, 2)])  # noqa: DTZ001 - a cell has no zone
def test_a_date_cell_is_a_date(value: date) -> None:
    """Also as midnight of the day."""
    cell = only_cell(
        lambda book, sheet: sheet.write_datetime(
            0, 0, value, book.add_format({"num_format": "yyyy/m/d hh:mm"})
        )
    )
    assert cell == date(2026, 3, 2)


@pytest.mark.parametrize(
    "value", [time(13), datetime(2026, 3, 2, 13, tzinfo=UTC).replace(tzinfo=None)]
)
def test_a_time_of_day_is_refused(value: time | datetime) -> None:
    """No column holds one."""
    cell = only_cell(
        lambda book, sheet: sheet.write_datetime(
            0, 0, value, book.add_format({"num_format": "yyyy/m/d hh:mm"})
        )
    )
    assert "time of day" in str(cell)


def test_the_first_visible_sheet_is_read() -> None:
    """Lists for drop-downs are often hidden before it, explanations follow it."""

    def fill(book: xlsxwriter.Workbook) -> None:
        hidden, table, notes = (book.add_worksheet(name) for name in ("列表", "表 & 1", "说明"))
        hidden.write_row(0, 0, ["hidden"])
        hidden.hide()
        table.activate()
        table.set_first_sheet()
        table.write_row(0, 0, ["code", "name"])
        table.write_row(3, 0, ["a", "b"])
        notes.write_row(0, 0, ["note"])

    assert parse_sheet(workbook(fill), "p.xlsx", NAMES) == [
        SheetRow(1, ["code", "name"]),
        SheetRow(4, ["a", "b"]),
    ]


def test_a_failed_formula_is_refused_by_its_cell() -> None:
    """The reader shows it as empty, and empty means something."""
    message = refusal(
        workbook(lambda book: book.add_worksheet().write_formula("B3", "=NA()", None, "#N/A")),
        "p.xlsx",
    )
    assert message == "Formulas in p.xlsx have failed (B3): replace them by values."


def test_merged_cells_are_refused_by_their_rows() -> None:
    """All but the first are empty, and empty means something."""
    message = refusal(
        workbook(lambda book: book.add_worksheet().merge_range("A2:A3", "x")), "p.xlsx"
    )
    assert "merged cells" in message
    assert "in row 2" in message


def test_a_stray_cell_in_the_far_corner_is_refused() -> None:
    """The table up to it would fill the memory."""
    message = refusal(workbook(lambda book: book.add_worksheet().write("XFD1048576", "x")))
    assert "row 1048576 and column 16384" in message


def test_a_workbook_without_a_visible_sheet_is_refused() -> None:
    """A chart sheet holds no rows."""

    def fill(book: xlsxwriter.Workbook) -> None:
        data = book.add_worksheet()
        data.write_row(0, 0, [1])
        sheet = book.add_chartsheet()
        chart = book.add_chart({"type": "bar"})
        chart.add_series({"values": "=Sheet1!$A$1"})
        sheet.set_chart(chart)
        sheet.activate()
        data.hide()

    assert "no visible worksheet" in refusal(workbook(fill))


def _two_cells(book: xlsxwriter.Workbook) -> None:
    book.add_worksheet().write_row(0, 0, ["code", "name"])


TWO_CELLS = workbook(_two_cells)


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 and then nothing",
        TWO_CELLS[:-100],
        with_part(TWO_CELLS, "xl/workbook.xml", lambda xml: xml[: len(xml) // 2]),
        with_part(TWO_CELLS, "xl/workbook.xml", lambda _xml: b"<workbook/>"),
        with_part(TWO_CELLS, "xl/_rels/workbook.xml.rels", lambda _xml: b"<Relationships/>"),
        with_part(TWO_CELLS, "xl/worksheets/sheet1.xml", lambda xml: xml[:300]),
        with_part(TWO_CELLS, "xl/worksheets/sheet1.xml", lambda _xml: b"\xff\xff"),
    ],
    ids=["junk", "cut", "half", "no sheets", "no relations", "half a sheet", "no XML"],
)
def test_a_broken_workbook_is_refused(content: bytes) -> None:
    """With one sentence, whatever is broken."""
    assert "workbook" in refusal(content) or "no visible worksheet" in refusal(content)


@given(start=st.integers(0), length=st.integers(0, 30), junk=st.binary(max_size=30))
@pytest.mark.parametrize(
    "part",
    ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml", "xl/styles.xml"],
)
def test_no_change_of_a_workbook_breaks_the_reader(
    part: str, start: int, length: int, junk: bytes
) -> None:
    """It gives rows or one sentence, never another exception."""

    def change(xml: bytes) -> bytes:
        place = start % len(xml)
        return xml[:place] + junk + xml[place + length :]

    assert_rows_or_refusal(with_part(TWO_CELLS, part, change))


@given(start=st.integers(0), junk=st.binary(min_size=1, max_size=8))
def test_no_change_of_an_archive_breaks_the_reader(start: int, junk: bytes) -> None:
    """Nor does one of the bytes around the parts."""
    content = bytearray(TWO_CELLS)
    place = start % len(content)
    content[place : place + len(junk)] = junk
    assert_rows_or_refusal(bytes(content))


@given(content=st.binary() | st.text('",;\t\r\n 平a').map(str.encode))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    """Nor does any text."""
    assert_rows_or_refusal(content)


def assert_rows_or_refusal(content: bytes) -> None:
    """Read a file that may be anything."""
    with suppress(UserError):
        rows: Iterable[SheetRow] = (
            read_workbook(content, WORKBOOK_LIMITS)  # as its own process does, but in this one
            if content.startswith(b"PK")
            else parse_sheet(content, "file", NAMES)
        )
        assert all(row.number > 0 and row.cells for row in rows)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_that_no_spreadsheet_writes_is_refused(compression: int) -> None:
    """Its decompressor would only be one more to guard against."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        archive.writestr("xl/workbook.xml", b"<workbook/>")
    assert "is no workbook" in refusal(content.getvalue())


def test_a_part_that_is_longer_than_it_says_is_refused() -> None:
    """The way of a decompression bomb past a limit on sizes."""
    packed = bytearray(
        with_part(TWO_CELLS, "xl/sharedStrings.xml", lambda xml: xml + b" " * 100_000)
    )
    name = b"xl/sharedStrings.xml"
    directory_entry = packed.rindex(name) - 46
    packed[directory_entry + 24 : directory_entry + 28] = (500).to_bytes(4, "little")
    assert "is no workbook" in refusal(bytes(packed))


def test_a_workbook_beyond_the_limit_is_refused() -> None:
    """Counted unpacked, before it is."""
    limits = replace(WORKBOOK_LIMITS, unpacked_bytes=1 << 20)
    content = with_part(TWO_CELLS, "xl/sharedStrings.xml", lambda xml: xml + b" " * (1 << 20))
    with pytest.raises(UserError) as refused:
        list(workbook_rows(content, "file", limits))
    assert str(refused.value) == "file is larger than 1 MB: split it."
