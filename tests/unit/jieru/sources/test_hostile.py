"""What is written to cost time costs about as much as an honest message of its length."""

import gzip
import json
import time
from dataclasses import replace
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from jieru.sources.formats import DeclaredFormat, Format, compile_format
from jieru.sources.ready_made import ready_made
from jieru.sources.rows import (
    EXPANDED_LIMIT_BYTES,
    MESSAGE_LIMIT_BYTES,
    PLACES_LIMIT,
    Decoded,
    decode_rows,
)
from jieru.wire import RejectionReason, nesting_depth
from tests.support.source_samples import thingsboard_gateway

_RATIO: Final = 60
"""To an honest message of the same length, read step by step: what is quadratic takes thousands."""
_ROOM: Final = MESSAGE_LIMIT_BYTES - 2_000
_ROWS: Final = b",".join([b'{"t":1}'] * 6_000)


def _format(*rows: dict[str, Any], form: str = "json", is_gzip: bool = False) -> Format:
    whole = {"format": form, "gzip": is_gzip, "rows": list(rows)}
    return compile_format(msgspec.convert(whole, DeclaredFormat))


def _rows(each: str, *serial: str, ts: str = "@.t", **more: object) -> dict[str, Any]:
    return {"each": each, "serial": list(serial), "ts": {"unit": "ms", "at": [ts]}} | more


class _Hostile(NamedTuple):
    declared: Format
    payload: bytes


def _with_rows(big: bytes) -> bytes:
    """Something as long as may be, and six thousand rows that look at it."""
    return b'{"big":' + big + b',"rows":[' + _ROWS + b"]}"


def _filled(start: bytes, item: bytes, end: bytes, room: int = _ROOM) -> bytes:
    return start + item * ((room - len(start) - len(end)) // len(item)) + end


_LONG: Final = _ROOM - len(_ROWS) - 100
_HALF: Final = b'{"\\ud800":' + _filled(b'"', b"x", b'"', _LONG) + b"}"
_KEYS: Final = b",".join(b'"%x":0' % number for number in range(25_000))

_HOSTILE: Final = {
    "text without an end, full of quotes": _Hostile(
        _format(_rows("$.*", "key:1")), _filled(b"[" * 70 + b'"', b'\\"', b"")
    ),
    "very many small members": _Hostile(
        _format(_rows("$.*.*", "key:1")), b'{"a":{' + _KEYS + b"}}"
    ),
    "very many empty arrays": _Hostile(
        _format(*[_rows("$[*][*]", "@.a")] * 8), _filled(b"[[]", b",[]", b"]")
    ),
    "stars in stars": _Hostile(
        _format(*[_rows("$.*[*].*[*]", "key:1")] * 8),
        _filled(b'{"a":[{}', b',{"b":[]}', b"]}"),
    ),
    "a long text for each row's serial": _Hostile(
        _format(_rows("$.rows[*]", "$.big")), _with_rows(_filled(b'"', b"x", b'"', _LONG))
    ),
    "a long number for each row's everything": _Hostile(
        _format(
            _rows(
                "$.rows[*]", "$.big", ts="$.big", seq=["$.big"], status={"at": ["$.big"]},
                serials={"x": "y"},
            )
        ),
        _with_rows(_filled(b"1", b"1", b"", _LONG)),
    ),
    "a long sequence": _Hostile(
        _format(_rows("$.rows[*]", "@.t", seq=["$.big"])),
        _with_rows(_filled(b"1", b"1", b"", _LONG)),
    ),
    "a long array for each row's metrics": _Hostile(
        _format(_rows("$.rows[*]", "@.t", metrics={"object": "$.big"})),
        _with_rows(_filled(b"[0", b",0", b"]", _LONG)),
    ),
    "a long object for each row's metrics": _Hostile(
        _format(_rows("$.rows[*]", "@.t", metrics={"object": "$.big"})),
        _with_rows(_filled(b'{"a":"', b"x", b'"}', _LONG)),
    ),
    "a long value for each row": _Hostile(
        _format(_rows("$.rows[*]", "@.t", metrics={"name": "@.t", "value": "$.big"})),
        _with_rows(_filled(b'"', b"x", b'"', _LONG)),
    ),
    "a long name for each row": _Hostile(
        _format(_rows("$.*[*]", "@.t", metrics={"name": "key:1", "value": "@.t"})),
        b'{"' + b"x" * _LONG + b'":[' + _ROWS + b"]}",
    ),
    "what cannot be read, for each row": _Hostile(
        _format(_rows("$.rows[*]", "$.big.a", "$.big.b")), _with_rows(_HALF)
    ),
    "spaces before what is no object": _Hostile(
        _format(_rows("$[*]", "$.a", "$.b")), b" " * _LONG + b"[" + _ROWS + b"]"
    ),
    "as deep as may be, in each row": _Hostile(
        _format(_rows("$[*]", "@.a.a.a.a.a.a.a.a.a")),
        _filled(b"[0", b"," + b'{"a":' * 60 + b"0" + b"}" * 60, b"]"),
    ),
    "exponents": _Hostile(
        _format(_rows("$[*]", "@.a", metrics={"object": "@.m"})),
        _filled(b"[0", b',{"a":1,"t":1,"m":{"a":' + b"1e" + b"9" * 3_000 + b"}}", b"]"),
    ),
    "times that almost fit a pattern": _Hostile(
        _format(
            {
                "each": "$[*]",
                "serial": ["@.a"],
                "ts": {
                    "unit": "pattern",
                    "at": ["@.t"],
                    "pattern": "%Y%m%d%H%M%S%f x",
                    "zone": "UTC",
                },
            }
        ),
        _filled(b"[0", b',{"a":1,"t":"' + b"1" * 64 + b'"}', b"]"),
    ),
    "all rows of one moment": _Hostile(
        _format(_rows("$[*]", "@.a", metrics={"object": "@.m"})),
        _filled(b'[{"a":1,"t":1,"m":{"a":1}}', b',{"a":1,"t":1,"m":{"a":1}}', b"]"),
    ),
    "lines that hold nothing": _Hostile(
        _format(*[_rows("$.*", "key:1")] * 8, form="ndjson"), _filled(b"", b"{}\n", b"")
    ),
    "lines that are nothing": _Hostile(
        _format(_rows("$.*", "key:1"), form="ndjson"), _filled(b"", b"x\n", b"")
    ),
}  # fmt: skip


def _cost_s(declared: Format, payload: bytes) -> tuple[float, Decoded]:
    """Seconds of CPU, the least of two tries."""
    costs, decoded = [], Decoded([], [])
    for _try in range(2):
        started = time.thread_time()
        decoded = decode_rows(payload, declared, "C-1")
        costs.append(time.thread_time() - started)
    return min(costs), decoded


@pytest.fixture(scope="module")
def honest_s() -> float:
    """An honest message of the longest length, read step by step."""
    declared = compile_format(ready_made()["thingsboard-gateway"].format)
    rows = 4_800
    payload = thingsboard_gateway(rows)
    assert MESSAGE_LIMIT_BYTES * 0.9 < len(payload) <= MESSAGE_LIMIT_BYTES
    cost_s, decoded = _cost_s(replace(declared, shapes={}), payload)
    assert len(decoded.rows) == rows
    return cost_s


@pytest.mark.parametrize("what", _HOSTILE)
def test_a_hostile_message_costs_about_as_much_as_an_honest_one(what: str, honest_s: float) -> None:
    """Whatever it is made of, there is an answer, and in bounded time."""
    declared, payload = _HOSTILE[what]
    assert MESSAGE_LIMIT_BYTES * 0.5 < len(payload) <= MESSAGE_LIMIT_BYTES
    cost_s, decoded = _cost_s(declared, payload)
    assert cost_s < _RATIO * honest_s
    assert len(decoded.rows) + len(decoded.faults) <= 10_001


@pytest.mark.parametrize("what", ["very many empty arrays", "stars in stars"])
def test_places_have_a_limit_where_there_is_nothing_in_them(what: str) -> None:
    """Rules times places; a row that was found before it is taken."""
    (fault,) = decode_rows(_HOSTILE[what].payload, _HOSTILE[what].declared).faults
    assert fault.reason is RejectionReason.PAYLOAD_TOO_LARGE
    assert fault.said.values == {"limit": f"{PLACES_LIMIT:,}"}


def test_what_gzip_makes_of_a_message_is_bounded_too(honest_s: float) -> None:
    """Sixteen times the bytes, and about as many times the cost."""
    declared = _format(*[_rows("$[*][*]", "@.a")] * 8, is_gzip=True)
    for item, start, end in ((b",[]", b"[[]", b"]"), (b'\\"', b"[" * 70 + b'"', b"")):
        document = _filled(start, item, end, EXPANDED_LIMIT_BYTES - 1)
        cost_s, decoded = _cost_s(declared, gzip.compress(document))
        assert cost_s < 16 * _RATIO * honest_s
        assert len(decoded.faults) == 1


def test_depth_is_told_in_one_look_at_texts_that_never_end() -> None:
    """A megabyte of quotes, each of which might begin a text."""
    assert nesting_depth(b"[" * 3 + b'"' + b'\\"' * 500_000) == 3
    assert nesting_depth(b'["\\') == 1
    assert nesting_depth(json.dumps([["]", {}]]).encode()) == 3
