"""A public value has one spelling, which is announced with the list."""

import pytest

from jieru.errors import UserError
from verifier.trust.draws.spelling import form_of, require_spelling

_FORM = "00 00 + 00"


@pytest.mark.parametrize("example", [_FORM, "03 07 + 12", "  99 10 + 01 "])
def test_a_form_is_said_by_itself_or_by_an_earlier_value(example: str) -> None:
    """Each digit stands for any."""
    assert form_of(example) == _FORM


@pytest.mark.parametrize(
    "example", ["", " ", "lottery", "第 0 期", "０３", "0\n0", "0\0", "0" * 201]
)
def test_what_could_be_spelled_twice_is_no_form(example: str) -> None:
    """Nor what holds no digit: that would be known beforehand."""
    with pytest.raises(UserError):
        form_of(example)


@pytest.mark.parametrize(
    "value",
    [
        "3 7 + 12",
        "03  07 + 12",
        "03 07+12",
        "03,07 + 12",
        "０３ 07 + 12",
        "03\u00a007 + 12",
        "x",
        "",
    ],
)
def test_a_value_is_spelled_as_announced(value: str) -> None:
    """Space around it is none of it; every other character is."""
    assert require_spelling(" 03 07 + 12\n", _FORM) == "03 07 + 12"
    with pytest.raises(UserError):
        require_spelling(value, _FORM)
