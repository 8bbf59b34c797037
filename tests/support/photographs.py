"""Photographs made by hand, with all that a camera says of where and when."""

import struct
import zlib
from typing import Final

__all__ = ["jpeg_with_position", "png_with_text"]

_SCAN: Final = bytes(range(1, 200)) + b"\xff\x00\x01\xff\xd0\x02"


def jpeg_with_position(orientation: int = 6, *, order: str = ">") -> bytes:
    """A JPEG file with Exif (which way is up, GPS), XMP, IPTC, a comment and a second picture."""
    picture = (
        b"\xff\xd8"
        + _segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
        + _segment(0xE1, b"Exif\0\0" + _tiff(orientation, order))
        + _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta GPSLatitude='25.4'/>")
        + _segment(0xE2, b"MPF\0second picture")
        + _segment(0xE2, b"ICC_PROFILE\0\x01\x01profile")
        + _segment(0xED, b"Photoshop 3.0\0GPS city")
        + _segment(0xEE, b"Adobe\0\x64\0\0\0\0\x01")
        + _segment(0xFE, b"GPS comment")
        + _segment(0xDB, bytes(65))
        + _segment(0xC0, b"\x08\0\x10\0\x10\x01\x01\x11\0")
        + _segment(0xDA, b"\x01\x01\0\0\x3f\0")
        + _SCAN
        + b"\xff\xd9"
    )
    return picture + picture


def png_with_text() -> bytes:
    """A PNG file with Exif, text and a time."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"eXIf", _tiff(1, ">")),
        (b"tEXt", b"Comment\0GPS 25.4"),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0GPS"),
        (b"tIME", b"\x07\xea\x05\x06\x08\0\0"),
        (b"IDAT", zlib.compress(b"\0\x80")),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _tiff(orientation: int, order: str) -> bytes:
    """Two entries: which way is up, and where the GPS part begins."""
    head = (b"MM" if order == ">" else b"II") + struct.pack(f"{order}HIH", 42, 8, 2)
    entries = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    entries += struct.pack(f"{order}HHII", 0x8825, 4, 1, 38)
    return head + entries + struct.pack(f"{order}I", 0) + b"GPS 25.4 119.0"
