"""Metrics that the database would refuse, or give back much longer than they came, are refused."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decode import Heartbeat, Rejection, decode, decode_all
from jieru.wire import RejectionReason
from tests.support.messages import KNOWN_TOPIC, NOON_MS, RULES, message, origins

_DEVICES = origins({KNOWN_TOPIC: 7})

UNSTORABLE = [
    rb'{"a": "\u0000"}',
    rb'{"a": "x\\\u0000"}',
    rb'{"\u0000": 1}',
    rb'{"a": [{"b": "\u0000"}]}',
    rb'{"a": "\ud800"}',
    rb'{"a": "\uDBFFx"}',
    rb'{"a": "\udc00"}',
    rb'{"a": "\udc00\ud800"}',
    rb'{"a": "\ud83d\ud83d\ude00"}',
    rb'{"a": "\ud83d\ude00\uDE00"}',
    rb'{"\uD83D\u0041": 1}',
    rb'{"a": "\\\ud800"}',
    rb'{"a": 1e325}',
    rb'{"a": 1E+325}',
    rb'{"a": 1e-325}',
    rb'{"a": 1e131071}',
    rb'{"a": -1.5e999999}',
    rb'{"a": 1e0000325}',
    rb'{"a": "e1000", "b": 1e1000}',
    b'{"a": 1e' + b"9" * 3000 + b"}",
]
STORABLE = [
    rb'{"a": "\\u0000"}',
    rb'{"a": "\\\\u0000"}',
    rb'{"a": "\u0001"}',
    rb'{"a": "\ud83d\ude00"}',
    rb'{"\uD83D\uDE00\uDBFF\uDFFF": 1}',
    rb'{"a": "\\ud800"}',
    rb'{"a": "\\\\udc00"}',
    rb'{"a": "\ud7ff\ue000"}',
    rb'{"a": 1e324}',
    rb'{"a": 5e-324}',
    rb'{"a": 1.7976931348623157E+308}',
    rb'{"a": 2.2250738585072014e-308}',
    rb'{"a": 1e0000324}',
    rb'{"a": "1e1000"}',
    rb'{"1e1000": "\"1e1000"}',
    rb'{"a": "E1000 e-400"}',
    b'{"a": ' + b"9" * 3000 + b"}",
    b'{"a": 0.' + b"9" * 3000 + b"e-324}",
]


def _payload(metrics: bytes) -> bytes:
    return b'{"ts": %d, "metrics": %b}' % (NOON_MS, metrics)


@pytest.mark.parametrize("metrics", UNSTORABLE)
def test_what_cannot_be_stored_is_malformed(metrics: bytes) -> None:
    """A string with U+0000 or half a character, and a number that no double holds."""
    result = decode(message(_payload(metrics)), _DEVICES, RULES)
    assert isinstance(result, Rejection)
    assert result.reason is RejectionReason.MALFORMED_PAYLOAD


@pytest.mark.parametrize("metrics", STORABLE)
def test_what_only_looks_so_is_taken(metrics: bytes) -> None:
    """Escaped backslashes, whole pairs, and exponents within strings or within bounds."""
    result = decode(message(_payload(metrics)), _DEVICES, RULES)
    assert isinstance(result, Heartbeat)
    assert result.metrics == metrics


@given(st.lists(st.sampled_from([*UNSTORABLE, *STORABLE, b"{}", b'{"e": 1, "rate": 1.5e3}'])))
def test_a_batch_is_read_as_its_messages_are_one_by_one(metrics: list[bytes]) -> None:
    """The quick look at a whole batch changes no verdict."""
    messages = [message(_payload(each)) for each in metrics]
    heartbeats, rejections = decode_all(messages, _DEVICES, RULES)
    alone = [decode(each, _DEVICES, RULES) for each in messages]
    assert heartbeats == [each for each in alone if isinstance(each, Heartbeat)]
    refused = [each for each in alone if isinstance(each, Rejection)]
    assert sorted(map(repr, rejections)) == sorted(map(repr, refused)), "the odd ones come last"


_TEXT = st.text(st.sampled_from('\0\1\\"ude0cE+-19 温\ud83d\ude00'), max_size=12)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
        max_leaves=8,
    )
)
def test_only_the_characters_themselves_make_a_string_unstorable(value: object) -> None:
    """Judged by Python's reader, which knows what each escape stands for."""
    metrics = json.dumps({"a": value}).replace("Infinity", "1").encode()
    result = decode(message(_payload(metrics)), _DEVICES, RULES)
    is_unstorable = re.search("[\0\ud800-\udfff]", _strings_of(json.loads(metrics))) is not None
    assert isinstance(result, Rejection) == is_unstorable


def _strings_of(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return " ".join(f"{key} {_strings_of(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return " ".join(map(_strings_of, value))
    return ""
