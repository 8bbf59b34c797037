"""Photographs without what they tell besides the picture."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieru.documents.photographs import DamagedPhotographError, without_position
from tests.support.photographs import jpeg_with_position, png_with_text

_JPEG = "image/jpeg"
_PNG = "image/png"


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_jpeg_keeps_its_picture_and_which_way_is_up(order: str) -> None:
    """And loses position, text, and the second picture that a camera appends."""
    whole = jpeg_with_position(6, order=order)
    bare = without_position(whole, _JPEG)
    for gone in (b"GPS", b"xmpmeta", b"Photoshop", b"MPF", b"comment", b"city"):
        assert gone not in bare, gone
    for kept in (b"JFIF", b"ICC_PROFILE", b"Adobe", bytes(range(1, 200)) + b"\xff\x00\x01\xff\xd0"):
        assert bare.count(kept) == 1, kept
    assert struct.pack(">HHIH", 0x0112, 3, 1, 6) in bare
    assert bare.endswith(b"\xff\xd9")
    assert without_position(bare, _JPEG) == bare


def test_a_jpeg_that_is_upright_keeps_no_exif_at_all() -> None:
    """There is nothing left to say."""
    assert b"Exif" not in without_position(jpeg_with_position(1), _JPEG)


def test_a_png_loses_exif_text_and_time() -> None:
    """Its other parts stay byte by byte, with their check sums."""
    bare = without_position(png_with_text(), _PNG)
    for gone in (b"GPS", b"eXIf", b"tEXt", b"iTXt", b"tIME"):
        assert gone not in bare, gone
    for kept in (b"IHDR", b"IDAT" + zlib.compress(b"\0\x80"), b"IEND"):
        assert kept in bare
    assert without_position(bare + b"GPS behind the end", _PNG) == bare


def test_what_is_no_photograph_stays_as_it_is() -> None:
    """A document is a document."""
    assert without_position(b"%PDF-1.7 GPS", "application/pdf") == b"%PDF-1.7 GPS"


@given(st.integers(min_value=0, max_value=400))
def test_a_photograph_that_is_cut_off_is_given_to_nobody(length: int) -> None:
    """Half of it might hold the position where nobody looks."""
    whole = without_position(jpeg_with_position(), _JPEG)
    with pytest.raises(DamagedPhotographError):
        without_position(whole[: min(length, len(whole) - 1)], _JPEG)


@given(st.binary(max_size=200))
def test_no_bytes_are_a_fault_of_the_program(content: bytes) -> None:
    """Whatever strangers hand in is read or refused."""
    for beginning, media_type in ((b"\xff\xd8\xff", _JPEG), (b"\x89PNG\r\n\x1a\n", _PNG)):
        try:
            without_position(beginning + content, media_type)
        except DamagedPhotographError:
            continue
