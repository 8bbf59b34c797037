"""Text that a spreadsheet would take for a formula, in files of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.cells import guarded, unguarded

_TEXTS = st.text(st.sampled_from("'=+-@\t\ra 1")) | st.text()


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@a", "\tx", "\rx"])
def test_a_formula_is_guarded(text: str) -> None:
    """By an apostrophe."""
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "'", "'a", "1-2", "鞋", " =1"])
def test_other_text_stays(text: str) -> None:
    """Also when it is read."""
    assert guarded(text) == text
    assert unguarded(text) == text


@given(_TEXTS)
def test_reading_gives_back_what_was_written(text: str) -> None:
    """Whatever it holds."""
    assert unguarded(guarded(text)) == text


@given(_TEXTS)
def test_nothing_that_is_written_begins_as_a_formula(text: str) -> None:
    """Not even what begins with apostrophes."""
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))
