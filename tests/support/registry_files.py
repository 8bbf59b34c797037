"""Import files for tests: rows of text under the canonical header."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from stdnum.cn import uscc as gb32100

from registry.kinds import KINDS, KindName

__all__ = ["header_of", "registry_csv", "uscc_of", "write_registry_csv"]


def uscc_of(number: int) -> str:
    """The valid unified social credit code of the enterprise with this number."""
    body = f"91350300{number:09d}"
    return body + str(gb32100.calc_check_digit(body))


def header_of(kind: KindName) -> list[str]:
    """The canonical header of one kind of file (design section 8)."""
    return [column.name for column in KINDS[kind].columns if column.is_in_every_header]


def registry_csv(kind: KindName, *rows: Sequence[str | date | None]) -> str:
    """A CSV file of one kind."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header_of(kind))
    writer.writerows(rows)
    return text.getvalue()


def write_registry_csv(folder: Path, kind: KindName, *rows: Sequence[str | date | None]) -> Path:
    """A CSV file of one kind in a folder; an earlier one of the same kind is replaced."""
    path = folder / f"{kind}.csv"
    path.write_text(registry_csv(kind, *rows), encoding="utf-8", newline="")
    return path
