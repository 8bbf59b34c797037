"""What the XML of a sheet says before the parser sees it: how far it goes, and what it lacks.

Cells are placed as the parser, calamine, places them: by their reference in capital or small
letters and with zeros before the number, or, without one, after the cell before. What no
spreadsheet writes is refused, since nobody can know what was meant: references of another form,
cells that go back, a row that says another number than its cells.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final, NamedTuple
from xml.parsers import expat

from jieru.errors import UserError
from registry.workbooks.refusals import UnreadableError

__all__ = ["SheetExtent", "plain_xml", "sheet_extent", "some"]

_REFERENCE: Final = re.compile(r"([A-Za-z]{1,3})0*([1-9][0-9]{0,6})", re.ASCII)
_ROW_NUMBER: Final = re.compile(r"0*([1-9][0-9]{0,6})", re.ASCII)
_ROWS_MAX: Final = 1_048_576
_COLUMNS_MAX: Final = 16_384
_LISTED: Final = 11
"""One more than a sentence names."""
_DEPTH_MAX: Final = 64
_MARKUP_LONGEST: Final = 1 << 16
_UTF8_NAMES: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


class SheetExtent(NamedTuple):
    """How far a sheet goes."""

    rows: int
    columns: int
    failed: list[str]
    """The first cells whose formula has failed."""
    uncomputed: list[str]
    """The first cells with a formula and without its value."""


def plain_xml(content: bytes) -> None:
    """Read a part of a workbook through, for no other reason than that it can be.

    Raises:
        UnreadableError: it is no XML, or has what no part of a workbook may have (ECMA-376 part 2,
            a document type, with which entities come), or another encoding than UTF-8, or is
            nested beyond all use.
    """
    depth = 0

    def opened(_name: str, _attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEPTH_MAX:
            raise UnreadableError

    def closed(_name: str) -> None:
        nonlocal depth
        depth -= 1

    parser = _strict_parser()
    parser.StartElementHandler = opened
    parser.EndElementHandler = closed
    _parse(parser, content)


def sheet_extent(content: bytes, cells_max: int) -> SheetExtent:
    """How far the cells of a sheet go that hold anything.

    Args:
        content: the sheet's XML.
        cells_max: as many as the table up to the last cell may have.

    Raises:
        UserError: it goes too far; the sentence says how far.
        UnreadableError: see `plain_xml`, or its cells stand where none can.
    """
    walk = _Walk()
    parser = _strict_parser()
    walk.parser = parser
    parser.StartElementHandler = walk.opened
    parser.EndElementHandler = walk.closed
    _parse(parser, content)
    if walk.rows * walk.columns > cells_max:
        raise UserError(
            "The sheet in {name} reaches to row {rows} and column {columns}: delete the stray "
            "cells outside the table.",
            rows=walk.rows,
            columns=walk.columns,
        )
    return SheetExtent(walk.rows, walk.columns, walk.failed, walk.uncomputed)


class _Walk:
    """Goes through the elements of a sheet; only those of cells and rows are looked at."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.rows = self.columns = 0
        self.failed: list[str] = []
        self.uncomputed: list[str] = []
        self._row = 0
        self._column = 0
        self._depth = 0
        self._kind = ""
        self._has_formula = False
        self._text = ""

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise UnreadableError
        match name.rpartition(":")[2]:
            case "v" | "is":
                self._fill()
            case "c":
                self._place(attributes)
            case "row":
                self._begin_row(attributes.get("r"))
            case "f":
                self._has_formula, self._text = True, ""
                self.parser.CharacterDataHandler = self._hear

    def closed(self, name: str) -> None:
        self._depth -= 1
        match name.rpartition(":")[2]:
            case "f":
                self._text = ""
            case "c" if self._has_formula:
                self._end_formula()

    def _begin_row(self, number: str | None) -> None:
        """A row may say its number, which is then after those before it."""
        row = self._row + 1
        if number is not None:
            match = _ROW_NUMBER.fullmatch(number)
            if match is None or int(match[1]) < row:
                raise UnreadableError
            row = int(match[1])
        if row > _ROWS_MAX:
            raise UnreadableError
        self._row, self._column = row, 0

    def _place(self, attributes: dict[str, str]) -> None:
        self._kind = attributes.get("t", "")
        column = self._column + 1
        reference = attributes.get("r")
        if reference is not None:
            match = _REFERENCE.fullmatch(reference)
            if match is None or int(match[2]) != self._row:
                raise UnreadableError
            referred = _column_number(match[1])
            if referred < column:
                raise UnreadableError
            column = referred
        if self._row == 0 or column > _COLUMNS_MAX:
            raise UnreadableError
        self._column = column

    def _fill(self) -> None:
        if self._column == 0:
            raise UnreadableError
        self.rows = self._row
        self.columns = max(self.columns, self._column)
        if self._kind == "e":
            _note(self.failed, self._name())

    def _hear(self, text: str) -> None:
        if len(self._text) < _MARKUP_LONGEST:
            self._text += text

    def _end_formula(self) -> None:
        """After the formula, the text that was heard is its value; an empty text is one too."""
        if not self._text.strip() and self._kind not in {"str", "e"}:
            _note(self.uncomputed, self._name())
        self._has_formula = False
        self.parser.CharacterDataHandler = None

    def _name(self) -> str:
        return f"{_column_letters(self._column)}{self._row}"


def _strict_parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.XmlDeclHandler = _refuse_other_encodings
    return parser


def _refuse(*_arguments: object) -> None:
    raise UnreadableError


def _refuse_other_encodings(_version: str, encoding: str | None, _standalone: int) -> None:
    """Two readers of a part may disagree on any encoding but this."""
    if encoding is not None and encoding.lower() not in _UTF8_NAMES:
        raise UnreadableError


def _parse(parser: expat.XMLParserType, content: bytes) -> None:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableError
    try:
        parser.Parse(content, True)  # noqa: FBT003 - its API
    except (expat.ExpatError, ValueError):
        raise UnreadableError from None


def _note(names: list[str], name: str) -> None:
    if len(names) < _LISTED:
        names.append(name)


@cache
def _column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _column_letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def some(names: Iterable[str], limit: int = _LISTED - 1) -> str:
    """The first of these names, for a sentence."""
    listed = list(names)
    return ", ".join(listed[:limit]) + (", …" if len(listed) > limit else "")
