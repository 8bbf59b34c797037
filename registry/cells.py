"""What one cell must be: each reader gives the value or raises the reason, as one sentence."""

import re
from collections.abc import Callable, Collection
from datetime import date
from functools import lru_cache
from typing import Final

from stdnum.cn import uscc as gb32100
from stdnum.exceptions import InvalidChecksum, ValidationError

from jieru.calendar import parse_date
from jieru.errors import UserError
from jieru.text import admitted
from jieru.wire import PLATFORM_CODE, SERIAL
from registry.files import Cell

__all__ = [
    "GUARD",
    "CellReader",
    "Value",
    "guarded",
    "one_of",
    "read_date",
    "read_gateway_name",
    "read_industry_code",
    "read_interval",
    "read_platform_code",
    "read_serial",
    "read_uscc",
    "shown",
    "text_reader",
    "unguarded",
]

Value = str | int | date | None
"""What a cell means; None where it is empty (open or unknown)."""
CellReader = Callable[[Cell], Value]

_USCC_LENGTH: Final = 18
_INDUSTRY_CODE = re.compile(r"[A-T][0-9]{0,4}")
_LOOSE_DATE = re.compile(r"(\d{4})\s*[-/.年]?\s*(\d{1,2})\s*[-/.月]?\s*(\d{1,2})\s*日?", re.ASCII)
_YEARS: Final = range(1900, 2100)
_INTERVALS_S: Final = range(1, 7 * 86_400 + 1)
"""As the database has them: a second to a week."""
_INTERVAL = re.compile(r"[0-9]{1,6}", re.ASCII)
_SPREADSHEET_ERRORS: Final = frozenset(
    (
        *("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"),
        *("#FIELD!", "#BLOCKED!", "#CONNECT!", "#BUSY!", "#UNKNOWN!", "#GETTING_DATA"),
    )
)
_TOO_NARROW: Final = re.compile(r"#{3,}")
_ROUNDED: Final = re.compile(r"[0-9](\.[0-9]+)?E[+-]?[0-9]{1,3}", re.ASCII)
"""As spreadsheets write a long number into a CSV file, without its last digits."""
_TEXT_OF_DIGITS: Final = re.compile(r"""="([^"]*)"|'([0-9]+)""", re.ASCII)
"""How people make a spreadsheet keep the zeros of a number."""
_SHOWN_LENGTH: Final = 40
_MEMORY: Final = 65_536
GUARD: Final = "'"
"""What our own files put before text that a spreadsheet would take for a formula."""
_GUARDED_FORMULA = re.compile(f"{GUARD}*[-=+@＝＋－＠\t\r\n]")
"""With any number of guards, or guarded text could not be told from text with an apostrophe; in
full width too, as spreadsheets of this country have it."""


def shown(text: str) -> str:
    """A value as messages quote it: short, and nothing in it can act on a terminal."""
    short = text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…"
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in short)


def guarded(text: str) -> str:
    """Text as a cell that no spreadsheet takes for a formula; `unguarded` gives it back."""
    return GUARD + text if _GUARDED_FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """The text that `guarded` made a cell of; any other text stays as it is."""
    is_guarded = text.startswith(GUARD) and _GUARDED_FORMULA.match(text)
    return text.removeprefix(GUARD) if is_guarded else text


def _text(cell: Cell) -> str:
    if isinstance(cell, UserError):
        raise cell
    if isinstance(cell, date):
        raise UserError("A date, where text belongs: format the cell as text and type it again.")
    text = unguarded(cell.strip())
    text = admitted(text)
    if text in _SPREADSHEET_ERRORS:
        raise UserError("{value} is the error of a formula: replace it by the value.", value=text)
    if _TOO_NARROW.fullmatch(text):
        raise UserError(
            "“{value}” is what a spreadsheet shows where a column is too narrow: widen the column "
            "and save the file anew.",
            value=shown(text),
        )
    if _ROUNDED.fullmatch(text):
        raise UserError(
            "“{value}” is a number that a spreadsheet has rounded: format the cell as text and "
            "type it again.",
            value=shown(text),
        )
    if match := _TEXT_OF_DIGITS.fullmatch(text):
        raise UserError(
            "“{value}” must be written {right}.",
            value=shown(text),
            right=shown(match[1] or match[2] or ""),
        )
    return text


def text_reader(longest: int) -> CellReader:
    """A reader of free text of at most this many characters; `=1+1` is just text."""

    def read(cell: Cell) -> str:
        text = _text(cell)
        if len(text) > longest:
            raise UserError(
                "Has {length} characters; at most {longest} are kept.",
                length=len(text),
                longest=longest,
            )
        return text

    return read


def one_of(choices: Collection[str]) -> CellReader:
    """A reader of one word of a list."""

    def read(cell: Cell) -> str:
        text = _text(cell)
        if text not in choices:
            raise UserError(
                "“{value}” is none of: {choices}.", value=shown(text), choices=", ".join(choices)
            )
        return text

    return read


def read_platform_code(cell: Cell) -> str:
    """A platform's code (design section 1)."""
    text = _text(cell)
    if not PLATFORM_CODE.fullmatch(text):
        raise UserError(
            "“{value}” is no platform code: 2 to 32 lower-case letters, digits and hyphens.",
            value=shown(text),
        )
    return text


def read_serial(cell: Cell) -> str:
    """A device's serial (design section 1)."""
    text = _text(cell)
    if not SERIAL.fullmatch(text):
        raise UserError(
            "“{value}” is no serial: 1 to 64 letters, digits, dots, underscores and hyphens; `own` "
            "and `via` are none.",
            value=shown(text),
        )
    return text


def read_gateway_name(cell: Cell) -> str:
    """A gateway's name, which is made as serials are."""
    text = _text(cell)
    if not SERIAL.fullmatch(text):
        raise UserError(
            "“{value}” is no name of a gateway: 1 to 64 letters, digits, dots, underscores and "
            "hyphens; `own` and `via` are none.",
            value=shown(text),
        )
    return text


def read_industry_code(cell: Cell) -> str:
    """A GB/T 4754 code: the section's letter, then up to four digits."""
    text = _text(cell)
    if not _INDUSTRY_CODE.fullmatch(text):
        raise UserError(
            "“{value}” is no GB/T 4754 code: a capital letter A to T, then up to 4 digits (C3311).",
            value=shown(text),
        )
    return text


def read_uscc(cell: Cell) -> str:
    """A unified social credit code (GB 32100-2015), with its check character.

    Only the registered form is taken: what is nearly right is refused with the right form, so
    that one enterprise can never be written in two ways.
    """
    return _checked_uscc(_text(cell))


@lru_cache(_MEMORY)
def _checked_uscc(text: str) -> str:
    compact: str = gb32100.compact(text)
    try:
        gb32100.validate(compact)
    except InvalidChecksum:
        raise UserError(
            "“{value}” is not a unified social credit code: its check character is wrong, so there "
            "is a typing error in it.",
            value=shown(text),
        ) from None
    except ValidationError:
        if len(compact) != _USCC_LENGTH:
            raise UserError(
                "“{value}” is not a unified social credit code: its length is {length}, not 18.",
                value=shown(text),
                length=len(compact),
            ) from None
        raise UserError(
            "“{value}” is not a unified social credit code: 8 digits, then 10 digits or capital "
            "letters without I, O, S, V and Z.",
            value=shown(text),
        ) from None
    if text != compact:
        raise UserError("“{value}” must be written {right}.", value=shown(text), right=compact)
    return text


def read_interval(cell: Cell) -> int:
    """Whole seconds between two heartbeats."""
    text = _text(cell)
    if not _INTERVAL.fullmatch(text) or int(text) not in _INTERVALS_S:
        raise UserError(
            "“{value}” is no interval: a whole number of seconds from 1 to {longest}.",
            value=shown(text),
            longest=_INTERVALS_S[-1],
        )
    return int(text)


def read_date(cell: Cell) -> date:
    """A civil date, as a date cell or as text of the form 2026-03-02."""
    day = cell if isinstance(cell, date) else _date_of(_text(cell))
    if day.year not in _YEARS:
        raise UserError(
            "{value} is not a plausible date; leave the cell empty where the end is open or "
            "unknown.",
            value=day.isoformat(),
        )
    return day


@lru_cache(_MEMORY)
def _date_of(text: str) -> date:
    try:
        return parse_date(text)
    except ValueError:
        pass
    try:
        match = _LOOSE_DATE.fullmatch(text)
        right = date(*map(int, match.groups())) if match else None
    except ValueError:
        raise UserError("“{value}” is not in the calendar.", value=shown(text)) from None
    if right is None:
        raise UserError("“{value}” is not a date of the form 2026-03-02.", value=shown(text))
    raise UserError(
        "“{value}” must be written {right}.", value=shown(text), right=right.isoformat()
    )
