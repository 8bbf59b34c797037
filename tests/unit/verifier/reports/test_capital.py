"""Amounts in capital numerals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.reports.capital import capital_amount

_DIGITS = {digit: value for value, digit in enumerate("零壹贰叁肆伍陆柒捌玖")}
_PLACES = {"拾": 10, "佰": 100, "仟": 1_000}
_SECTIONS = {"万": 10_000, "亿": 100_000_000}


@pytest.mark.parametrize(
    ("yuan", "written"),
    [
        (0, "零元整"),
        (1, "壹元整"),
        (10, "壹拾元整"),
        (10_000, "壹万元整"),
        (150_000, "壹拾伍万元整"),
        (300_000, "叁拾万元整"),
        (1_680, "壹仟陆佰捌拾元整"),
        (1_409, "壹仟肆佰零玖元整"),
        (6_007, "陆仟零柒元整"),
        (107_000, "壹拾万零柒仟元整"),
        (2_000_010, "贰佰万零壹拾元整"),
        (10_500_000, "壹仟零伍拾万元整"),
        (10_000_000, "壹仟万元整"),
        (100_000_001, "壹亿零壹元整"),
        (100_090_000, "壹亿零玖万元整"),
    ],
)
def test_an_amount_is_written_as_payment_documents_have_it(yuan: int, written: str) -> None:
    """One zero between digits, none at the end, 整 for a whole amount."""
    assert capital_amount(yuan) == written


@given(st.integers(0, 10**12 - 1))
def test_what_is_written_reads_back_as_the_same_amount(yuan: int) -> None:
    """No amount is written like another one."""
    assert _read(capital_amount(yuan)) == yuan


@given(st.integers(1, 10**12 - 1))
def test_no_two_zeros_stand_together(yuan: int) -> None:
    """Nor one before a unit or at the end."""
    written = capital_amount(yuan)
    assert not any(f"零{after}" in written for after in "零元万亿拾佰仟")


@pytest.mark.parametrize("yuan", [-1, 10**12])
def test_what_no_document_needs_is_refused(yuan: int) -> None:
    """An award is neither negative nor a trillion."""
    with pytest.raises(ValueError, match="no amount"):
        capital_amount(yuan)


def _read(written: str) -> int:
    total = section = digit = 0
    for character in written.removesuffix("元整"):
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character in _PLACES:
            section, digit = section + digit * _PLACES[character], 0
        else:
            total, section, digit = total + (section + digit) * _SECTIONS[character], 0, 0
    return total + section + digit
