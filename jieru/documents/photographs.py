"""Photographs without what they tell besides the picture: where, when, with what. Pure.

The picture's own bytes stay as they are, nothing is compressed anew. Of JPEG (ITU-T T.81) the parts
stay that are needed to show it, and which way is up; so also what cameras append behind the picture
goes, such as a second one with a position of its own. Of PNG (W3C) the parts go that hold text,
times or Exif.
"""

import struct
from collections.abc import Iterator
from typing import Final

__all__ = ["DamagedPhotographError", "without_position"]

_MARKER: Final = 0xFF
_START: Final = b"\xff\xd8"
_END: Final = 0xD9
_SCAN: Final = 0xDA
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length: TEM and the restarts."""
_APPLICATION: Final = range(0xE0, 0xF0)
_EXIF: Final = 0xE1
_COMMENT: Final = 0xFE
_EXIF_NAME: Final = b"Exif\0\0"
_KEPT_APPLICATIONS: Final = (
    (0xE0, b"JFIF\0"),
    (0xE2, b"ICC_PROFILE\0"),
    (0xEE, b"Adobe"),  # how colours are coded
)
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_UPRIGHT: Final = 1
_WAYS: Final = range(1, 9)
_LENGTH_BYTES: Final = 2
_ENTRY_BYTES: Final = 12

_PNG_BEGINNING: Final = b"\x89PNG\r\n\x1a\n"
_PNG_GONE: Final = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"})
_PNG_FRAME: Final = 12
_PNG_END: Final = b"IEND"


class DamagedPhotographError(ValueError):
    """The file is cut off, or is none that its beginning promises."""


def without_position(content: bytes, media_type: str) -> bytes:
    """A file as others get it; one that is no photograph stays as it is.

    Raises:
        DamagedPhotographError: it cannot be read so far that anybody could say what it tells.
    """
    try:
        if media_type == "image/jpeg":
            return b"".join(_jpeg_parts(content))
        if media_type == "image/png":
            return b"".join(_png_parts(content))
    except (IndexError, struct.error) as error:
        raise DamagedPhotographError(media_type) from error
    return content


def _jpeg_parts(content: bytes) -> Iterator[bytes]:
    yield _START
    place = len(_START)
    while True:
        place, marker = _next_marker(content, place)
        if marker == _END:
            yield bytes((_MARKER, _END))
            return
        if marker in _ALONE:
            yield bytes((_MARKER, marker))
            continue
        (length,) = struct.unpack_from(">H", content, place)
        if length < _LENGTH_BYTES or place + length > len(content):
            raise DamagedPhotographError
        segment = content[place + _LENGTH_BYTES : place + length]
        place += length
        yield from _kept_segment(marker, segment)
        if marker == _SCAN:
            begin = place
            place = _end_of_scan(content, begin)
            yield content[begin:place]


def _next_marker(content: bytes, place: int) -> tuple[int, int]:
    """Where the part behind the next marker begins, and the marker; it may be filled up before."""
    if content[place] != _MARKER:
        raise DamagedPhotographError
    while content[place] == _MARKER:
        place += 1
    return place + 1, content[place]


def _end_of_scan(content: bytes, place: int) -> int:
    """Where the compressed picture is interrupted by a marker that is no restart."""
    while True:
        place = content.find(b"\xff", place)
        if place < 0 or place + 1 >= len(content):
            raise DamagedPhotographError
        if content[place + 1] != 0 and content[place + 1] not in _ALONE:
            return place
        place += 2


def _kept_segment(marker: int, segment: bytes) -> Iterator[bytes]:
    if marker == _COMMENT:
        return
    if marker == _EXIF and segment.startswith(_EXIF_NAME):
        way = _orientation(segment[len(_EXIF_NAME) :])
        if way != _UPRIGHT:
            yield _framed(_EXIF, _EXIF_NAME + _only_orientation(way))
        return
    is_kept = any(marker == each and segment.startswith(name) for each, name in _KEPT_APPLICATIONS)
    if marker in _APPLICATION and not is_kept:
        return
    yield _framed(marker, segment)


def _framed(marker: int, segment: bytes) -> bytes:
    return struct.pack(">BBH", _MARKER, marker, len(segment) + _LENGTH_BYTES) + segment


def _orientation(tiff: bytes) -> int:
    """Which way is up, 1 to 8; upright where the Exif part does not say it."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return _UPRIGHT
    try:
        (first,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, first)
        for number in range(entries):
            place = first + 2 + number * _ENTRY_BYTES
            tag, kind, _count, way = struct.unpack_from(f"{order}HHIH", tiff, place)
            if tag == _ORIENTATION and kind == _SHORT and way in _WAYS:
                return int(way)
    except struct.error:
        return _UPRIGHT
    return _UPRIGHT


def _only_orientation(way: int) -> bytes:
    """An Exif part that says which way is up and nothing else (TIFF 6.0)."""
    entry = struct.pack(">HHIHH", _ORIENTATION, _SHORT, 1, way, 0)
    return b"MM" + struct.pack(">HIH", 42, 8, 1) + entry + struct.pack(">I", 0)


def _png_parts(content: bytes) -> Iterator[bytes]:
    yield _PNG_BEGINNING
    place = len(_PNG_BEGINNING)
    while True:
        length, kind = struct.unpack_from(">I4s", content, place)
        end = place + _PNG_FRAME + length
        if end > len(content):
            raise DamagedPhotographError
        if kind not in _PNG_GONE:
            yield content[place:end]
        place = end
        if kind == _PNG_END:
            return
