"""What a file is, by its content alone: the few kinds that are taken, and nothing else. Pure."""

import io
import zipfile
from typing import Final

from jieru.i18n import marked as _

__all__ = ["ENDINGS", "TAKEN", "media_type_of"]

_JPEG: Final = "image/jpeg"
_PNG: Final = "image/png"
_PDF: Final = "application/pdf"
_ZIP: Final = "application/zip"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

ENDINGS: Final = {
    _PDF: ".pdf",
    _PNG: ".png",
    _JPEG: ".jpg",
    _XLSX: ".xlsx",
    _DOCX: ".docx",
    _ZIP: ".zip",
}
"""Each kind that is taken, and how a file of it is called."""

TAKEN: Final = _("PDF, JPEG, PNG, XLSX, DOCX or ZIP")

_BEGINNINGS: Final = (
    (b"%PDF-", _PDF),
    (b"\x89PNG\r\n\x1a\n", _PNG),
    (b"\xff\xd8\xff", _JPEG),
)
_ZIP_BEGINNING: Final = b"PK\x03\x04"
_MAIN_PARTS: Final = (("xl/workbook.xml", _XLSX), ("word/document.xml", _DOCX))
_PACKAGE: Final = "[Content_Types].xml"
_MACROS: Final = "vbaproject.bin"


def media_type_of(content: bytes) -> str | None:
    """The media type of a file, or None where it is of no kind that is taken.

    A workbook or a document with macros is none: nobody who reviews a case should have to trust it.
    """
    for beginning, media_type in _BEGINNINGS:
        if content.startswith(beginning):
            return media_type
    if content.startswith(_ZIP_BEGINNING):
        return _of_archive(content)
    return None


def _of_archive(content: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError):
        return None
    if _PACKAGE not in names:
        return _ZIP
    if any(name.lower().endswith(_MACROS) for name in names):
        return None
    return next((media_type for part, media_type in _MAIN_PARTS if part in names), None)
