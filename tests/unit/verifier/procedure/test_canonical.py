"""Canonical bytes: one way to write a document, and what has none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.procedure.canonical import (
    CanonicalError,
    canonical_bytes,
    parse_json,
    sha256_of,
)

_TEXT = st.text(st.characters(codec="utf-8"))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner),
)


@given(_JSON)
def test_python_itself_writes_the_same_bytes(value: object) -> None:
    """So whoever doubts a digest needs no program of ours; and reading gives the value back."""
    written = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert canonical_bytes(value) == written.encode()
    assert parse_json(canonical_bytes(value)) == value


def test_the_order_of_keys_does_not_matter() -> None:
    """In any depth."""
    one, other = {"a": {"x": 1, "y": 2}, "b": 3}, {"b": 3, "a": {"y": 2, "x": 1}}
    assert sha256_of(one) == sha256_of(other)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1,"a":2}',
        b'{"a":"\xff"}',
        b"[" * 100_000,
    ],
)
def test_what_has_no_canonical_form_is_refused(content: bytes) -> None:
    """Broken JSON, fractions, keys given twice."""
    with pytest.raises(CanonicalError):
        parse_json(content)


def test_half_a_character_has_no_canonical_form() -> None:
    """JSON can say it, UTF-8 cannot."""
    with pytest.raises(CanonicalError):
        canonical_bytes(parse_json(rb'"\ud800"'))
