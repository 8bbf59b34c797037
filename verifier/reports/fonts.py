"""The font of the PDF reports: where it is found, and which characters it has.

System fonts are left out of it, and so is the fallback to another family, or the same count would
look different on another machine.
"""

import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import typst
from fontTools.ttLib import TTFont

from jieru.errors import UserError

__all__ = ["DEFAULT_FOLDER", "ReportFonts", "report_fonts"]

DEFAULT_FOLDER: Final = Path("/usr/share/fonts/opentype/noto")
"""Where Debian's package fonts-noto-cjk puts its files."""
_FAMILIES: Final = (
    "Noto Serif CJK SC",
    "Source Han Serif SC",
    "Noto Serif SC",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Noto Sans SC",
)
"""Families with the mainland form of each character, the best for paper first."""
_REGULAR: Final = 400
_INVISIBLE: Final = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
_BREAKS: Final = str.maketrans({"\r": None, "\n": " ", "\t": " "})


@dataclass(frozen=True, slots=True)
class ReportFonts:
    """One family of a folder."""

    family: str
    files: typst.Fonts = field(repr=False)
    characters: frozenset[str] = field(repr=False)

    def printable(self, text: str) -> str:
        """A text of which every character can be seen on paper.

        What the font lacks, or what has no shape of its own (a character that turns the direction
        of writing round, say), stands as its number, [U+20BB7]: nothing is lost, and nothing can
        hide.
        """
        if self.characters.issuperset(text):
            return text
        flat = text.translate(_BREAKS)
        return "".join(each if each in self.characters else f"[U+{ord(each):04X}]" for each in flat)


@lru_cache(maxsize=4)
def report_fonts(folder: str = "") -> ReportFonts:
    """The font of the reports.

    Args:
        folder: where to look, folders in it too; empty: where Debian has it.

    Raises:
        UserError: there is no font for Chinese; the message says what to install.
    """
    files = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[folder or str(DEFAULT_FOLDER)],
    )
    found = {each.family: each for each in files.fonts() if each.weight == _REGULAR}
    for family in _FAMILIES:
        if (info := found.get(family)) and info.path:
            return ReportFonts(family, files, _characters(info.path, info.index))
    raise UserError(
        "There is no font for Chinese in {folder}: install Debian's package fonts-noto-cjk, or set "
        "JIERU_REPORT_FONT_PATH to a folder that has one of {families}.",
        folder=folder or DEFAULT_FOLDER,
        families=", ".join(_FAMILIES),
    )


def _characters(path: str, index: int) -> frozenset[str]:
    with TTFont(path, fontNumber=index, lazy=True) as font:
        codes = font.getBestCmap()
    characters = (chr(code) for code in codes)
    return frozenset(each for each in characters if unicodedata.category(each) not in _INVISIBLE)
