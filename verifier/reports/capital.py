"""Amounts in the numerals of Chinese financial documents (大写金额), which cannot be altered.

Written as the rules for filling in payment documents have it: zeros between digits become one 零,
and a whole amount ends in 整. Where those rules leave 零 free (壹拾万零柒仟, 壹拾万柒仟) it is
written.
"""

from typing import Final

__all__ = ["capital_amount"]

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_PLACES: Final = ("", "拾", "佰", "仟")
_SECTIONS: Final = ("", "万", "亿")
_SECTION: Final = 10_000


def capital_amount(yuan: int) -> str:
    """A whole number of yuan in capital numerals, for instance 壹拾伍万元整.

    Raises:
        ValueError: it is negative, or as large as 10^12.
    """
    if not 0 <= yuan < _SECTION ** len(_SECTIONS):
        raise ValueError(f"no amount of money: {yuan}")
    if yuan == 0:
        return "零元整"
    written = ""
    for index in reversed(range(len(_SECTIONS))):
        section = yuan // _SECTION**index % _SECTION
        above = yuan // _SECTION ** (index + 1)
        if section == 0:
            continue
        # A zero stands between two digits; one is enough however many there are.
        is_gap = written and (section < _SECTION // 10 or above % 10 == 0)
        written += ("零" if is_gap else "") + _section(section) + _SECTIONS[index]
    return f"{written}元整"


def _section(number: int) -> str:
    """A number of up to four digits."""
    written, is_zero_due = "", False
    for place in reversed(range(len(_PLACES))):
        digit = number // 10**place % 10
        if digit == 0:
            is_zero_due = bool(written)
            continue
        written += ("零" if is_zero_due else "") + _DIGITS[digit] + _PLACES[place]
        is_zero_due = False
    return written
