"""Cursors: what is written can be read, and nothing else."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.web.paging import read_cursor, write_cursor
from api.web.problems import Problem

_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
_INT64 = st.integers(-(2**63), 2**63 - 1)


@given(_INT64, _TEXTS, st.datetimes(timezones=st.just(UTC)))
def test_a_cursor_gives_back_its_key(number: int, text: str, instant: datetime) -> None:
    """Of whole numbers, texts and instants."""
    cursor = write_cursor((number, text, instant))
    assert read_cursor(cursor, int, str, datetime) == (number, text, instant)


def test_no_cursor_is_the_first_page() -> None:
    """There is nothing to stand after."""
    assert read_cursor(None, int) is None


@given(st.text(max_size=80))
def test_any_other_text_is_refused_and_never_a_fault(text: str) -> None:
    """Unless it happens to be a cursor."""
    try:
        key = read_cursor(text, int)
    except Problem:
        return
    assert key is not None
    assert isinstance(key[0], int)


def test_an_instant_without_its_zone_is_refused() -> None:
    """Nobody could tell which moment it is."""
    with pytest.raises(Problem):
        read_cursor(write_cursor(("2026-03-01T00:00:00",)), datetime)
