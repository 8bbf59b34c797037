"""What a file is to those who read it: rows of cells. Pure."""

from datetime import date
from typing import NamedTuple

from jieru.errors import UserError

__all__ = ["Cell", "SheetRow"]

Cell = str | date | UserError
"""What a cell holds: text, the date of a date cell, or why neither can be had from it."""


class SheetRow(NamedTuple):
    """One row that holds anything; `number` is the one a spreadsheet shows (the first is 1)."""

    number: int
    cells: list[Cell]
