"""What one cell must be."""

from datetime import date

import pytest

from jieru.errors import UserError
from registry.cells import (
    CellReader,
    Value,
    one_of,
    read_date,
    read_industry_code,
    read_interval,
    read_platform_code,
    read_serial,
    read_uscc,
    shown,
    text_reader,
)
from registry.files import Cell


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def refusal(read: CellReader, cell: Cell) -> str:
    """Why a cell is refused."""
    with pytest.raises(UserError) as refused:
        read(cell)
    return str(refused.value)


@pytest.mark.parametrize(
    ("read", "cell", "value"),
    [
        (read_uscc, " 91110000600037341L\u3000", "91110000600037341L"),
        (read_platform_code, "xie-lian2", "xie-lian2"),
        (read_serial, "A.b_c-1", "A.b_c-1"),
        (read_serial, "12", "12"),
        (read_industry_code, "C", "C"),
        (read_industry_code, "C3311", "C3311"),
        (read_date, "2026-03-02", date(2026, 3, 2)),
        (read_date, date(2026, 3, 2), date(2026, 3, 2)),
        (read_date, "2028-02-29", date(2028, 2, 29)),
        (read_interval, "1", 1),
        (read_interval, "604800", 604_800),
        (one_of(("municipal", "national")), "national", "national"),
        (text_reader(4), "=1+1", "=1+1"),
        (text_reader(9), "莆田 鞋业 🏭", "莆田 鞋业 🏭"),
    ],
)
def test_a_right_cell_gives_its_value(read: CellReader, cell: Cell, value: Value) -> None:
    """Trimmed, otherwise as it stands."""
    assert read(cell) == value


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("91110000600037341l", "must be written 91110000600037341L"),
        ("911100006 0003 7341L", "must be written 91110000600037341L"),
        ("91110000-600037341L", "must be written 91110000600037341L"),
        ("９1110000600037341L", "must be written 91110000600037341L"),  # a full-width 9
        ("91110000600037341M", "its check character is wrong"),
        ("91110000600037314L", "its check character is wrong"),
        ("9111000060003734", "its length is 16, not 18"),
        ("9111000060003734IL", "without I, O, S, V and Z"),
        ("9.135E+17", "a number that a spreadsheet has rounded"),
        (date(2026, 3, 2), "A date, where text belongs"),
    ],
)
def test_a_wrong_uscc_says_what_is_wrong(cell: Cell, reason: str) -> None:
    """What is nearly right is refused too, with the right form."""
    assert reason in refusal(read_uscc, cell)


@pytest.mark.parametrize("cell", ["X", "Xie", "a", "a" * 33, "a_b", "协联", "a/b", "a+"])
def test_a_wrong_platform_code_is_refused(cell: str) -> None:
    """The code is part of a topic."""
    assert "is no platform code" in refusal(read_platform_code, cell)


@pytest.mark.parametrize("cell", ["a b", "a/b", "#1", "a+", "x" * 65, "'; DROP TABLE devices--"])
def test_a_wrong_serial_is_refused(cell: str) -> None:
    """The serial is part of a topic."""
    assert "is no serial" in refusal(read_serial, cell)


@pytest.mark.parametrize("cell", ["U", "c33", "33", "C33111", "C3a"])
def test_a_wrong_industry_code_is_refused(cell: str) -> None:
    """GB/T 4754 has the sections A to T."""
    assert "is no GB/T 4754 code" in refusal(read_industry_code, cell)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("2026/3/2", "“2026/3/2” must be written 2026-03-02."),
        ("2026年3月2日", "must be written 2026-03-02"),
        ("20260302", "must be written 2026-03-02"),
        ("2026-3-2", "must be written 2026-03-02"),
        ("2026-02-30", "is not in the calendar"),
        ("2027-02-29", "is not in the calendar"),
        ("2026-13-01", "is not in the calendar"),
        ("2026-03-02 00:00:00", "is not a date of the form"),
        ("soon", "is not a date of the form"),
        ("46083", "is not a date of the form"),
        ("9999-12-31", "is not a plausible date; leave the cell empty"),
        ("1026-03-02", "is not a plausible date"),
        (date(1899, 12, 31), "is not a plausible date"),
    ],
)
def test_a_wrong_date_says_what_is_wrong(cell: Cell, reason: str) -> None:
    """With the right form where it is clear."""
    assert reason in refusal(read_date, cell)


@pytest.mark.parametrize("cell", ["0", "604801", "1.5", "-5", "５", "1e3", "9999999", "soon"])
def test_a_wrong_interval_is_refused(cell: str) -> None:
    """Whole seconds, a week at most, in plain digits."""
    assert refusal(read_interval, cell) == (
        f"“{cell}” is no interval: a whole number of seconds from 1 to 604800."
    )


def test_a_word_outside_the_list_is_refused_with_the_list() -> None:
    """So that the right one can be chosen."""
    reason = refusal(one_of(("municipal", "national")), "Municipal")
    assert reason == "“Municipal” is none of: municipal, national."


@pytest.mark.parametrize(
    ("cell", "code"),
    [("a\tb", "0009"), ("a\nb", "000A"), ("a\x07b", "0007"), ("a\u200bb", "200B")],
)
def test_an_invisible_character_is_refused_by_its_code(cell: str, code: str) -> None:
    """Two names that look the same must be the same."""
    assert f"U+{code}" in refusal(text_reader(99), cell)


def test_a_text_that_is_too_long_is_refused() -> None:
    """With both lengths."""
    assert refusal(text_reader(3), "abcd") == "Has 4 characters; at most 3 are kept."


def test_the_error_of_a_formula_is_refused() -> None:
    """A CSV file keeps it as text."""
    assert "error of a formula" in refusal(text_reader(99), "#N/A")


def test_a_cell_that_could_not_be_read_gives_its_own_reason() -> None:
    """It was found when the file was opened."""
    assert refusal(read_serial, UserError("A number, rounded.")) == "A number, rounded."


def test_messages_quote_values_shortly_and_harmlessly() -> None:
    """No value reaches a terminal with an escape in it."""
    assert shown("\x1b[31m" + "x" * 99) == "\\u001b[31m" + "x" * 34 + "…"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("2.02603E+11", "has rounded"),
        ("1E+11", "has rounded"),
        ("########", "too narrow"),
        ("#SPILL!", "error of a formula"),
        ("#CALC!", "error of a formula"),
        ('="00012"', "must be written 00012"),
        ("'00012", "must be written 00012"),
    ],
)
def test_what_a_spreadsheet_leaves_instead_of_a_value_is_refused(text: str, part: str) -> None:
    """As the same is refused in a workbook: what was meant is lost, or is written otherwise."""
    assert part in refusal(text_reader(100), text)


@pytest.mark.parametrize("text", ["#1 plant", "E+11", "'s-Hertogenbosch", "=1+1", "##", "3E"])
def test_what_only_looks_a_little_like_it_is_text(text: str) -> None:
    """Names hold many things."""
    assert text_reader(100)(text) == text
