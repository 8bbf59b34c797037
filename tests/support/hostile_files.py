"""Files that were made to harm whoever reads them, or that no program should have written."""

import io
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import xlsxwriter

__all__ = ["GOOD_CSV", "GOOD_WORKBOOK", "HOSTILE", "HostileFile", "cells_xml", "workbook_of"]

_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_STRICT: Final = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STRICT_OFFICE: Final = "http://purl.oclc.org/ooxml/officeDocument/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006/relationships"
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'

_RELATIONS: Final = (
    f'{_DECLARATION}<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
)
_ROOT: Final = (
    f'{_DECLARATION}<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
_UNREADABLE: Final = "is no workbook that can be read"
_TOO_MUCH: Final = "takes more memory or time"
_STRAY: Final = "delete the stray cells"


class HostileFile(NamedTuple):
    """A file, and what becomes of it."""

    make: Callable[[], bytes]
    said: str = ""
    """Part of the sentence with which it is refused; empty: it is read."""
    rows: list[list[str]] | None = None
    """What is read."""


def workbook_of(
    sheet: str | bytes,
    others: Mapping[str, str | bytes] | None = None,
    *,
    main: str = _MAIN,
    office: str = _OFFICE,
    properties: str = "",
) -> bytes:
    """A workbook of one sheet whose XML is this, with other parts as they are given."""
    parts: dict[str, str | bytes] = {
        "_rels/.rels": _ROOT,
        "xl/workbook.xml": f'{_DECLARATION}<workbook xmlns="{main}" xmlns:r="{office}">{properties}'
        '<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _RELATIONS,
        "xl/worksheets/sheet1.xml": sheet,
        **(others or {}),
    }
    return archive_of(parts.items())


def archive_of(parts: Iterable[tuple[str, str | bytes]]) -> bytes:
    """An archive of parts, in their order."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts:
            archive.writestr(name, part)
    return content.getvalue()


def cells_xml(rows: str, *, main: str = _MAIN, before: str = "") -> str:
    """The XML of a sheet with these rows."""
    return (
        f'{_DECLARATION}{before}<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
    )


def _inline(reference: str, text: str = "x") -> str:
    place = f' r="{reference}"' if reference else ""
    return f'<c{place} t="inlineStr"><is><t>{text}</t></is></c>'


def _at(reference: str, row: str) -> bytes:
    """A workbook whose only cell stands there."""
    return workbook_of(cells_xml(f"<row{row}>{_inline(reference)}</row>"))


def _good(fill: Callable[[xlsxwriter.Workbook], None] | None = None) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        if fill is None:
            book.add_worksheet().write_row(0, 0, ["code", "name"])
        else:
            fill(book)
    return content.getvalue()


GOOD_WORKBOOK: Final = _good()
GOOD_CSV: Final = b"code,name\na,b\n"

_TWO: Final = cells_xml(f'<row r="1">{_inline("A1", "code")}{_inline("B1", "name")}</row>')


def _billion_laughs() -> bytes:
    entities = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(98 + step)} "{f"&{chr(97 + step)};" * 10}">' for step in range(9)
    )
    before = f"<!DOCTYPE worksheet [{entities}]>"
    return workbook_of(cells_xml(f'<row r="1">{_inline("A1", "&j;")}</row>', before=before))


def _external_entity() -> bytes:
    before = '<!DOCTYPE worksheet [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    return workbook_of(cells_xml(f'<row r="1">{_inline("A1", "&a;")}</row>', before=before))


def _million_strings() -> bytes:
    strings = "".join(f"<si><t>{number}</t></si>" for number in range(1_000_000))
    return workbook_of(
        cells_xml('<row r="1"><c r="A1" t="s"><v>999999</v></c></row>'),
        {"xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{strings}</sst>'} | _STRINGS_RELATION,
    )


_STRINGS_RELATION: Final = {
    "xl/_rels/workbook.xml.rels": _RELATIONS.replace(
        "</Relationships>",
        f'<Relationship Id="rId2" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
        "</Relationships>",
    )
}


def _one_string_everywhere() -> bytes:
    """A long text that stands once in the file and in every cell of it."""
    rows = []
    for row in range(1, 20_001):
        cells = "".join(f'<c r="{column}{row}" t="s"><v>0</v></c>' for column in "ABCDEFGH")
        rows.append(f'<row r="{row}">{cells}</row>')
    strings = f'<sst xmlns="{_MAIN}"><si><t>{"长" * 32_000}</t></si></sst>'
    return workbook_of(
        cells_xml("".join(rows)), {"xl/sharedStrings.xml": strings} | _STRINGS_RELATION
    )


def _many_styles() -> bytes:
    formats = "".join(f'<xf numFmtId="{number % 200}"/>' for number in range(1_000_000))
    return workbook_of(
        _TWO,
        {"xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs>{formats}</cellXfs></styleSheet>'},
    )


def _deep() -> bytes:
    return workbook_of(cells_xml(f'<row r="1">{"<a>" * 200_000}{"</a>" * 200_000}</row>'))


def _bomb() -> bytes:
    return workbook_of(cells_xml(" " * (300 << 20)))


def _lying_bomb() -> bytes:
    """Parts that say they are small."""
    packed = bytearray(workbook_of(_TWO, {"xl/sharedStrings.xml": b" " * (64 << 20)}))
    entry = packed.rindex(b"xl/sharedStrings.xml") - 46
    packed[entry + 24 : entry + 28] = (500).to_bytes(4, "little")
    return bytes(packed)


def _overlapping() -> bytes:
    """Two entries of one and the same part of the file."""
    packed = bytearray(workbook_of(_TWO, {"xl/a": b"x" * 50, "xl/b": b"y" * 50}))
    first, second = (packed.rindex(name) - 46 for name in (b"xl/a", b"xl/b"))
    packed[second + 42 : second + 46] = packed[first + 42 : first + 46]
    return bytes(packed)


def _twice(name: str = "xl/worksheets/sheet1.xml") -> bytes:
    content = io.BytesIO(workbook_of(_TWO))
    other = cells_xml(f'<row r="1">{_inline("A1", "other")}</row>')
    with zipfile.ZipFile(content, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library says what we know
        archive.writestr(zipfile.ZipInfo(name), other)
    return content.getvalue()


def _zip64_lie() -> bytes:
    """A table of contents that says its part has 16 exabytes."""
    packed = bytearray(workbook_of(_TWO))
    entry = packed.rindex(b"xl/worksheets/sheet1.xml") - 46
    packed[entry + 24 : entry + 28] = b"\xff\xff\xff\xff"
    return bytes(packed)


def _encrypted_part() -> bytes:
    packed = bytearray(workbook_of(_TWO))
    entry = packed.rindex(b"xl/worksheets/sheet1.xml") - 46
    packed[entry + 8] |= 1
    return bytes(packed)


def _two_directories() -> bytes:
    """An archive whose comment holds the end of another."""
    packed = workbook_of(_TWO)
    ending = packed[-22:]
    length = struct.pack("<H", len(ending))
    return packed[:-2] + length + ending


def _utf_16_sheet() -> bytes:
    return workbook_of(_TWO.replace("UTF-8", "UTF-16").encode("utf-16"))


def _cells_after(row: str) -> bytes:
    return workbook_of(cells_xml(f'<row r="1">{_inline("A1", "code")}</row>{row}'))


def _wide_csv() -> bytes:
    return b"code,name\n" + b"," * 1_000_000 + b"\n"


HOSTILE: Final[dict[str, HostileFile]] = {
    # References in every spelling: the far corner must be seen in each.
    "far corner": HostileFile(lambda: _at("XFD1048576", ' r="1048576"'), _STRAY),
    "far corner in small letters": HostileFile(lambda: _at("xfd1048576", ' r="1048576"'), _STRAY),
    "far corner with zeros": HostileFile(lambda: _at("XFD0001048576", ' r="1048576"'), _STRAY),
    "far corner with many zeros": HostileFile(
        lambda: _at("XFD" + "0" * 40 + "1048576", ' r="1048576"'), _STRAY
    ),
    "far corner with dollars": HostileFile(
        lambda: _at("$XFD$1048576", ' r="1048576"'), _UNREADABLE
    ),
    "far corner without a reference": HostileFile(lambda: _at("", ' r="9999999"'), _UNREADABLE),
    "far row alone": HostileFile(
        lambda: _cells_after(f'<row r="1048576">{_inline("", "x")}{_inline("F1048576")}</row>'),
        _STRAY,
    ),
    "far column by one reference": HostileFile(
        lambda: workbook_of(cells_xml(f'<row r="400">{_inline("XFC400")}{_inline("")}</row>')),
        _STRAY,
    ),
    "beyond the last column": HostileFile(lambda: _at("XFE1", ' r="1"'), _UNREADABLE),
    "beyond the last row": HostileFile(lambda: _at("A1048577", ' r="1048577"'), _UNREADABLE),
    "a number that wraps": HostileFile(lambda: _at("A4294967297", ' r="1"'), _UNREADABLE),
    "letters that wrap": HostileFile(lambda: _at("AAAAAAAAAAAAA1", ' r="1"'), _UNREADABLE),
    "letters without a number": HostileFile(lambda: _at("A", ' r="1"'), _UNREADABLE),
    "row zero": HostileFile(lambda: _at("A0", ' r="0"'), _UNREADABLE),
    "other digits": HostileFile(lambda: _at("A１", ' r="1"'), _UNREADABLE),
    "a reference of an entity": HostileFile(
        lambda: _at("&#88;&#70;&#68;1048576", ' r="1048576"'), _STRAY
    ),
    "a prefixed reference": HostileFile(
        lambda: workbook_of(
            cells_xml('<row><c xmlns:q="u" q:r="XFD9" t="inlineStr"><is><t>x</t></is></c></row>')
        ),
        rows=[["x"]],
    ),
    "missing references": HostileFile(
        lambda: workbook_of(
            cells_xml(
                f"<row>{_inline('', 'code')}{_inline('', 'name')}</row>"
                f"<row>{_inline('', 'a')}{_inline('', 'b')}</row>"
            )
        ),
        rows=[["code", "name"], ["a", "b"]],
    ),
    "rows out of order": HostileFile(
        lambda: workbook_of(
            cells_xml(f'<row r="3">{_inline("A3")}</row><row r="1">{_inline("A1")}</row>')
        ),
        _UNREADABLE,
    ),
    "cells out of order": HostileFile(
        lambda: workbook_of(cells_xml(f'<row r="1">{_inline("B1")}{_inline("A1")}</row>')),
        _UNREADABLE,
    ),
    "a cell twice": HostileFile(
        lambda: workbook_of(
            cells_xml(f'<row r="1">{_inline("A1", "1")}{_inline("A1", "2")}</row>')
        ),
        _UNREADABLE,
    ),
    "a row that lies": HostileFile(lambda: _at("A7", ' r="2"'), _UNREADABLE),
    "an empty row at the end": HostileFile(
        lambda: _cells_after('<row r="1048576" ht="15"/>'), rows=[["code"]]
    ),
    "an empty styled cell at the end": HostileFile(
        lambda: _cells_after('<row r="1048576"><c r="XFD1048576" s="0"/></row>'), rows=[["code"]]
    ),
    "a dimension that lies": HostileFile(
        lambda: workbook_of(
            _TWO.replace("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>')
        ),
        rows=[["code", "name"]],
    ),
    # Namespaces.
    "strict namespaces": HostileFile(
        lambda: workbook_of(
            cells_xml(f'<row r="1">{_inline("A1", "code")}</row>', main=_STRICT),
            main=_STRICT,
            office=_STRICT_OFFICE,
        ),
        rows=[["code"]],
    ),
    "prefixes": HostileFile(
        lambda: workbook_of(
            f'{_DECLARATION}<x:worksheet xmlns:x="{_MAIN}"><x:sheetData><x:row r="1">'
            '<x:c r="xfd1" t="inlineStr"><x:is><x:t>code</x:t></x:is></x:c></x:row>'
            '<x:row r="900"><x:c r="A900" t="inlineStr"><x:is><x:t>y</x:t></x:is></x:c></x:row>'
            "</x:sheetData></x:worksheet>"
        ),
        _STRAY,
    ),
    # XML.
    "billion laughs": HostileFile(_billion_laughs, _UNREADABLE),
    "an external entity": HostileFile(_external_entity, _UNREADABLE),
    "a document type alone": HostileFile(
        lambda: workbook_of(_TWO.replace("<worksheet", "<!DOCTYPE worksheet><worksheet", 1)),
        _UNREADABLE,
    ),
    "deep XML": HostileFile(_deep, _UNREADABLE),
    "a sheet in UTF-16": HostileFile(_utf_16_sheet, _UNREADABLE),
    "a sheet that says GBK": HostileFile(
        lambda: workbook_of(_TWO.replace("UTF-8", "GBK")), _UNREADABLE
    ),
    "half a sheet": HostileFile(lambda: workbook_of(_TWO[:-60]), _UNREADABLE),
    "a million shared strings": HostileFile(_million_strings, rows=[["999999"]]),
    "a count of strings that lies": HostileFile(
        lambda: workbook_of(
            cells_xml('<row r="1"><c r="A1" t="s"><v>0</v></c></row>'),
            {
                "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}" count="4000000000" '
                'uniqueCount="4000000000"><si><t>code</t></si></sst>'
            }
            | _STRINGS_RELATION,
        ),
        _TOO_MUCH,  # the parser reserves room for as many
    ),
    "one string in every cell": HostileFile(_one_string_everywhere, _TOO_MUCH),
    "a string that is not there": HostileFile(
        lambda: workbook_of(cells_xml('<row r="1"><c r="A1" t="s"><v>7</v></c></row>')),
        _UNREADABLE,
    ),
    "a million styles": HostileFile(_many_styles, rows=[["code", "name"]]),
    # Archives.
    "a bomb": HostileFile(_bomb, "is larger than 256 MB"),
    "a bomb that lies": HostileFile(_lying_bomb, _UNREADABLE),
    "overlapping entries": HostileFile(_overlapping, _UNREADABLE),
    "an entry twice": HostileFile(_twice, _UNREADABLE),
    "an entry twice in other case": HostileFile(
        lambda: _twice("XL\\Worksheets/Sheet1.XML"), _UNREADABLE
    ),
    "a path that climbs": HostileFile(
        lambda: workbook_of(_TWO, {"xl/../../../tmp/jieru": b"x"}), _UNREADABLE
    ),
    "a path from the root": HostileFile(
        lambda: workbook_of(_TWO, {"/etc/cron.d/jieru": b"x"}), _UNREADABLE
    ),
    "a nested archive": HostileFile(
        lambda: workbook_of(_TWO, {"xl/embeddings/inner.xlsx": GOOD_WORKBOOK}),
        rows=[["code", "name"]],
    ),
    "an archive of an archive": HostileFile(
        lambda: archive_of([("inner.xlsx", GOOD_WORKBOOK)]), _UNREADABLE
    ),
    "twenty thousand parts": HostileFile(
        lambda: workbook_of(_TWO, {f"xl/media/{number}": b"" for number in range(20_000)}),
        _UNREADABLE,
    ),
    "half an archive": HostileFile(lambda: GOOD_WORKBOOK[: len(GOOD_WORKBOOK) // 2], _UNREADABLE),
    "a zip64 lie": HostileFile(_zip64_lie, "is larger than 256 MB"),
    "an encrypted part": HostileFile(_encrypted_part, _UNREADABLE),
    "two tables of contents": HostileFile(_two_directories, _UNREADABLE),
    "a sheet that is the list of sheets": HostileFile(
        lambda: workbook_of(
            _TWO,
            {
                "xl/_rels/workbook.xml.rels": _RELATIONS.replace(
                    "worksheets/sheet1.xml", "workbook.xml"
                )
            },
        ),
        rows=[],
    ),
    # What a spreadsheet program writes, and nobody should guess at.
    "an encrypted workbook": HostileFile(
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4_096), "without a password"
    ),
    "an old workbook with a new name": HostileFile(
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\t\x08\x10\x00", "old Excel file (.xls)"
    ),
    "formulas that were never computed": HostileFile(
        lambda: workbook_of(
            cells_xml('<row r="1"><c r="A1"><f>1+1</f><v></v></c><c r="B1"><f>A1</f></c></row>')
        ),
        "were never computed (A1, B1)",
    ),
    "formulas that were computed": HostileFile(
        lambda: workbook_of(
            cells_xml(
                '<row r="1"><c r="A1"><f>1+1</f><v>2</v></c>'
                '<c r="B1" t="str"><f>""</f><v></v></c></row>'
            )
        ),
        rows=[["2", ""]],
    ),
    "dates of 1904": HostileFile(
        lambda: workbook_of(
            cells_xml('<row r="1"><c r="A1" s="1"><v>44621</v></c></row>'),
            {
                "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs><xf numFmtId="0"/>'
                '<xf numFmtId="14"/></cellXfs></styleSheet>',
                "xl/_rels/workbook.xml.rels": _RELATIONS.replace(
                    "</Relationships>",
                    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/>'
                    "</Relationships>",
                ),
            },
            properties='<workbookPr date1904="1"/>',
        ),
        rows=[["2026-03-02"]],
    ),
    "merged cells": HostileFile(
        lambda: _good(lambda book: book.add_worksheet().merge_range("A2:A3", "x")),
        "has merged cells",
    ),
    # CSV.
    "GB18030": HostileFile(
        lambda: "code,name\na,莆田𠮷\n".encode("gb18030"), rows=[["code", "name"], ["a", "莆田𠮷"]]
    ),
    "UTF-16": HostileFile(lambda: "code,name\n".encode("utf-16"), "is UTF-16 text"),
    "UTF-16 without a mark": HostileFile(lambda: "code,name\n".encode("utf-16-le"), "neither CSV"),
    "a NUL": HostileFile(lambda: b"code,name\na,\0\n", "neither CSV"),
    "a lone surrogate": HostileFile(lambda: b"code,name\na,\xed\xa0\x80\n", "neither CSV"),
    "a very long line": HostileFile(
        lambda: b"code,name\na," + b"x" * (16 << 20), "has more than 200000 characters"
    ),
    "a million columns": HostileFile(_wide_csv, "has more than 200000 characters"),
    "a quotation mark that is never closed": HostileFile(
        lambda: b'code,name\na,"' + b"line\n" * 2_000_000, "quotation mark"
    ),
    "a row of a million lines": HostileFile(
        lambda: b"code,name\n" + b'"\n",' * 1_000_000, "has more than 200000 characters"
    ),
    "ten million empty lines": HostileFile(
        lambda: b"code,name\n" + b"\n" * 10_000_000, "has more than 300000 rows"
    ),
    "two byte order marks": HostileFile(
        lambda: b"\xef\xbb\xbf" * 2 + b"code,name\n", rows=[["code", "name"]]
    ),
    "a delimiter that is declared": HostileFile(
        lambda: b"sep=;\ncode;name\n", rows=[["code", "name"]]
    ),
}
"""By what is wrong with each."""
