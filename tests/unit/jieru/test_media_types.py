"""What a file is, by its content."""

import io
import zipfile

import pytest

from jieru.documents.media_types import ENDINGS, media_type_of
from tests.support.photographs import jpeg_with_position, png_with_text

_OFFICE = "application/vnd.openxmlformats-officedocument"


def _archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (jpeg_with_position(), "image/jpeg"),
        (png_with_text(), "image/png"),
        (_archive("照片/1.jpg"), "application/zip"),
        (
            _archive("[Content_Types].xml", "xl/workbook.xml"),
            f"{_OFFICE}.spreadsheetml.sheet",
        ),
        (
            _archive("[Content_Types].xml", "word/document.xml"),
            f"{_OFFICE}.wordprocessingml.document",
        ),
    ],
)
def test_six_kinds_are_taken(content: bytes, media_type: str) -> None:
    """And each has its ending."""
    assert media_type_of(content) == media_type
    assert media_type in ENDINGS


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"MZ\x90\x00",
        b"<html></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a",
        b"PK\x03\x04 cut off",
        _archive("[Content_Types].xml", "xl/workbook.xml", "xl/vbaProject.bin"),
        _archive("[Content_Types].xml", "word/document.xml", "word/VBAPROJECT.BIN"),
        _archive("[Content_Types].xml", "ppt/presentation.xml"),
    ],
)
def test_nothing_else_is_taken(content: bytes) -> None:
    """No program, no page, no picture with scripts, no macros."""
    assert media_type_of(content) is None
