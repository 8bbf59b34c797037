"""PDF/A-2b by typst: templates are program text, everything else reaches them as data.

The same data, font and version of typst give the same bytes: the only date in the file is the one
that is passed in.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

import typst

from verifier.reports.fonts import ReportFonts

__all__ = ["Data", "Template", "pdf"]

Data: TypeAlias = str | int | bool | Sequence["Data"] | Mapping[str, "Data"] | None
Template = Literal["notice", "approval", "enterprise", "letter"]

_FOLDER: Final = Path(__file__).parent / "templates"


def pdf(
    template: Template,
    data: Mapping[str, Data],
    fonts: ReportFonts,
    created_at: datetime,
    *,
    is_tagged: bool = True,
) -> bytes:
    """One report as PDF/A-2b.

    Args:
        template: which page.
        data: what it says; every text in it is shown as it is, never read as markup.
        fonts: the only font.
        created_at: the date in the file.
        is_tagged: whether a screen reader finds its way in it; each cell of a table costs 15 kB of
            memory then, and 200 bytes of the file.
    """
    inputs = {"data": json.dumps(_printable(data, fonts)), "font": fonts.family}
    return typst.compile(
        _FOLDER / f"{template}.typ",
        root=_FOLDER,
        font_paths=fonts.files,
        ignore_system_fonts=True,
        sys_inputs=inputs,
        pdf_standards="a-2b",
        timestamp=created_at.astimezone(UTC).replace(microsecond=0),
        pdf_tags=is_tagged,
    )


def _printable(data: Data, fonts: ReportFonts) -> Data:
    if isinstance(data, str):
        return fonts.printable(data)
    if isinstance(data, Mapping):
        return {key: _printable(each, fonts) for key, each in data.items()}
    if isinstance(data, Sequence):
        return [_printable(each, fonts) for each in data]
    return data
