"""The gate of text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieru.errors import UserError
from jieru.text import LINE_BREAKS, MAPPED, admitted, is_admitted


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("\ud800x", 1, "D800"),
        ("莆田\u3164", 3, "3164"),
        ("a\u2800b", 2, "2800"),
        ("a\u200bb", 2, "200B"),
        ("a\u202eb", 2, "202E"),
        ("a\u2066b", 2, "2066"),
        ("☎\ufe0f", 2, "FE0F"),
        ("葛\U000e0100城", 2, "E0100"),
        ("a\x00", 2, "0000"),
        ("a\nb", 2, "000A"),
        ("a\u2028b", 2, "2028"),
        ("a\ufffdb", 2, "FFFD"),
        ("a\uf8ffb", 2, "F8FF"),
        ("a\U000f0000", 2, "F0000"),
        ("a\ufdd0", 2, "FDD0"),
        ("a\U0001ffff", 2, "1FFFF"),
        ("a\uffa0", 2, "FFA0"),
        ("a\u00adb", 2, "00AD"),
    ],
)
def test_what_cannot_be_seen_is_refused_with_its_place(text: str, place: int, code: str) -> None:
    """As a person counts characters."""
    with pytest.raises(UserError) as refused:
        admitted(text)
    assert (refused.value.values["place"], refused.value.values["code"]) == (place, code)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("⾦龙", "金龙"),
        ("⻔⻋", "门车"),
        ("\ue81e", "\u9fb4"),
        (b"\xfe\x59".decode("gb18030"), "\u9fb4"),
        ("\ue815", "厂"),
        ("\ue816", "\U00020087"),
        ("\uf9d1", "六"),
        ("a\u00a0b", "a b"),
        ("（x）", "（x）"),
        ("莆田\u3000市", "莆田\u3000市"),
        ("Zoë 𠮷", "Zoë 𠮷"),
    ],
)
def test_another_code_of_a_character_is_read_as_the_character(text: str, read: str) -> None:
    """Full-width marks and everything else stay as they are."""
    assert admitted(text) == read


def test_line_breaks_come_in_where_they_mean_something() -> None:
    """In a reason of several lines, and nowhere else."""
    assert admitted("一\r\n二\t三", allowed=LINE_BREAKS) == "一\r\n二\t三"
    assert not is_admitted("\n")


def test_what_a_private_place_of_gb18030_stands_for_is_no_private_place() -> None:
    """The codec's own table, where it has one, agrees with ours."""
    for lead, trail in ((0xFE, byte) for byte in (*range(0x50, 0x7F), *range(0x80, 0xA1))):
        read = admitted(bytes((lead, trail)).decode("gb18030"))
        assert unicodedata.category(read) != "Co", hex(trail)


def test_what_stands_for_another_character_stands_for_itself() -> None:
    """Reading twice is reading once."""
    for real in MAPPED.values():
        assert admitted(real) == real


@given(st.text(st.characters()))
def test_the_gate_lets_nothing_through_that_it_refuses(text: str) -> None:
    """And no database refuses what it lets through."""
    try:
        read = admitted(text)
    except UserError:
        return
    assert admitted(read) == read
    read.encode()
    assert "\x00" not in read
