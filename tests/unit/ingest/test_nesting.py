"""How deep a payload may nest: the contract's limit, the same on every Python."""

import json
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decode import Heartbeat, Rejection, decode
from jieru.wire import PAYLOAD_DEPTH_LIMIT, RejectionReason, nesting_depth
from tests.support.messages import KNOWN_TOPIC, NOON_MS, RULES, message, origins

_DEVICES = origins({KNOWN_TOPIC: 7})


def _is_taken(payload: bytes) -> bool:
    result = decode(message(payload), _DEVICES, RULES)
    if isinstance(result, Rejection):
        assert result.reason is RejectionReason.MALFORMED_PAYLOAD
    return isinstance(result, Heartbeat)


def _payload(key: str, value: str) -> bytes:
    return f'{{"ts": {NOON_MS}, "{key}": {value}}}'.encode()


def _nested(levels: int, opening: str, closing: str) -> str:
    return opening * levels + closing * levels


@pytest.mark.parametrize(
    ("key", "start", "opening", "closing", "end"),
    [
        ("x", "", "[", "]", ""),
        ("x", "", '{"a":', "1}", ""),
        ("x", "", '[{"a": ', "1}]", ""),
        ("metrics", '{"a": ', "[", "]", "}"),
        ("metrics", '{"a": ', '{"b": ', "1}", "}"),
        ("metrics", '{"a": [1, {}], "b": ', "[", "]", ', "c": "]"}'),
    ],
)
def test_sixty_four_levels_are_taken_and_one_more_is_malformed(
    key: str, start: str, opening: str, closing: str, end: str
) -> None:
    """Under a known key as under an unknown one, of objects as of arrays."""
    # "1}" closes one level and gives the innermost its value; further ones get none.
    is_object = closing.startswith("1")
    outside = 1 + start.count('{"a"')
    per_turn = opening.count("[") + opening.count("{")
    for turns in range(1, 200):
        closings = closing + (closing[1:] if is_object else closing) * (turns - 1)
        payload = _payload(key, start + opening * turns + closings + end)
        json.loads(payload)
        assert _is_taken(payload) is (outside + turns * per_turn <= PAYLOAD_DEPTH_LIMIT), turns


@pytest.mark.parametrize("levels", [900, 990, 1000, 2000])
def test_the_interpreters_own_limit_does_not_show(levels: int) -> None:
    """Where one Python follows and another does not, both refuse."""
    assert not _is_taken(_payload("x", _nested(levels, "[", "]")))


@pytest.mark.parametrize("value", ['"' + "[{" * 900 + '"', '"\\"' + "[" * 900 + '\\\\"'])
def test_brackets_in_strings_are_no_levels(value: str) -> None:
    """They are text, also after an escaped quotation mark."""
    assert _is_taken(_payload("x", value))
    assert _is_taken(_payload("metrics", f'{{"a": {value}}}'))


def test_brackets_in_strings_close_no_levels() -> None:
    """Text between the levels does not hide how deep they are."""
    levels = PAYLOAD_DEPTH_LIMIT
    assert not _is_taken(_payload("x", '["]}", ' * levels + "1" + "]" * levels))
    assert _is_taken(_payload("x", '["[{", ' * (levels - 1) + "1" + "]" * (levels - 1)))


def test_many_values_side_by_side_are_not_deep() -> None:
    """A thousand empty objects in one array are three levels."""
    assert _is_taken(_payload("x", "[" + ",".join(["{}"] * 1000) + "]"))


_text = st.text(alphabet='[]{}"\\,: a汉', max_size=6)
_wide = st.recursive(
    st.integers(0, 9) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=8,
)
_shells = st.lists(st.one_of(st.none(), _text, _wide), max_size=12)


def _within(value: object, shell: object) -> object:
    """A value one level deeper: in an object under a text, else in an array beside something."""
    return {shell: value} if isinstance(shell, str) else [shell, value]


def _levels(value: object) -> int:
    """The depth of a value that the standard library has read."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return 1 + max(map(_levels, value), default=0)
    return 0


@given(_wide, _shells, st.integers(0, 80), st.sampled_from(["x", "metrics"]), st.booleans())
def test_the_verdict_is_that_of_an_independent_reading(
    core: object, shells: list[object], arrays: int, key: str, is_ascii: bool
) -> None:
    """Against the values that the standard library reads, whatever surrounds the deepest one."""
    value = reduce(_within, [*shells, *[0] * arrays], core)
    fields = {"ts": NOON_MS, key: {"a": value} if key == "metrics" else value}
    payload = json.dumps(fields, ensure_ascii=is_ascii).encode()
    depth = _levels(json.loads(payload))
    assert nesting_depth(payload) == depth
    if len(payload) <= 4096:
        assert _is_taken(payload) is (depth <= PAYLOAD_DEPTH_LIMIT)
