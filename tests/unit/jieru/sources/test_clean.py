"""What is read at one go, held against what is read step by step: the same, whatever the bytes."""

import gzip
import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jieru.sources.clean import Most, clean_rows
from jieru.sources.formats import DeclaredFormat, DeclaredRows, Format, compile_format
from jieru.sources.paths import Path, Star, parse_path, parse_rows
from jieru.sources.ready_made import ready_made
from jieru.sources.rows import PLACES_LIMIT, ROWS_LIMIT, decode_rows
from jieru.wire import PAYLOAD_LIMIT_BYTES
from tests.support.source_samples import SAMPLES

_TS: Final = 1_780_117_171_000
_DECLARED: Final = {name: each.format for name, each in ready_made().items() if each.format.rows}
_COMPILED: Final = {name: compile_format(each) for name, each in _DECLARED.items()}


def _by_steps(declared: Format) -> Format:
    """The same format, every message of which is read step by step."""
    return replace(declared, shapes={})


def _same(payload: bytes, declared: Format, topic: str | None = "C-1") -> None:
    assert decode_rows(payload, declared, topic) == decode_rows(payload, _by_steps(declared), topic)


# --- Documents ------------------------------------------------------------------------------------

_ODD: Final = [
    "-0", "0", "1.0", "-1", "1e2", "1E400", "1e-0325", "9007199254740993.0", "100000000000000001",
    "-100000000000000001", "99999999999999999999", "1780117171000.0000001", "1.5", "true", "false",
    "null", "[]", "{}", '""', '"-0"', '"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\u004e"',
    '"1e999"', '{"a":{"b":[1,{"c":null}]}}', '{"e":1e400}', '{"a":"\\u0000"}', '{"\\ud800":1}',
    '{"a":"]}[{"}', "[" * 62 + "]" * 62, '{"a":' * 62 + "1" + "}" * 62, '" x "', '"own"', "[1]",
    '"C-1"', "01", "NaN", "Infinity", '"2026-05-30T04:59:31Z"', '"20260530T045931Z"', "7",
]  # fmt: skip
_GOOD: Final = {
    "serial": ['"C-1"', '"C-2"', '"C-3"', "17"],
    "ts": [str(_TS), str(_TS + 1), "1780117171", '"20260530T045931Z"', '"2026-05-30T04:59:31.5Z"'],
    "seq": ["0", "7", "null"],
    "status": ['"running"', "1", "true", "null"],
    "metrics": ['{"rpm":1480}', "{}", '{ "a" : {"b":[1]} , "n":1.5e3}', '{"名":"主轴"}'],
    "name": ['"rpm"', '"名"', "1"],
    "value": ["1480", '"on"', "[1, 2]", '{"x": 1}', "null", "1.50"],
}  # fmt: skip


def _roles(rows: DeclaredRows) -> dict[str, str]:
    roles = dict.fromkeys(rows.serial, "serial") | dict.fromkeys(rows.ts.at or [], "ts")
    roles |= dict.fromkeys(rows.seq or [], "seq")
    if rows.status is not None:
        roles |= dict.fromkeys(rows.status.at, "status")
    if rows.metrics is not None:
        for kind, path in (
            ("metrics", rows.metrics.object),
            ("name", rows.metrics.name),
            ("value", rows.metrics.value),
        ):
            if path is not None:
                roles[path] = kind
    return roles


class _Tree(dict[Any, Any]):
    """Where what stands: members by name, stars by themselves, and a role under None."""

    def at(self, steps: Sequence[Any]) -> "_Tree":
        here = self
        for step in steps:
            here = here.setdefault(step, _Tree())
        return here


def _tree(declared: DeclaredFormat, chosen: Sequence[int]) -> _Tree:
    tree = _Tree()
    for number in chosen:
        rows = declared.rows[number]
        each = parse_rows(rows.each)
        stars = [place for place, step in enumerate(each, start=1) if isinstance(step, Star)]
        tree.at(each)
        for text, role in _roles(rows).items():
            place = parse_path(text, len(stars))
            if isinstance(place, Path):
                start = each[: stars[place.anchor - 1]] if place.anchor else ()
                tree.at((*start, *place.steps))[None] = role
    return tree


@st.composite
def _written(draw: st.DrawFn, tree: _Tree, oddness: int) -> str:
    """A text of JSON with about what a tree says; the odder, the more is otherwise."""
    if draw(st.integers(0, 99)) < oddness:
        return draw(st.sampled_from(_ODD))
    space = draw(st.sampled_from(["", "", "", " ", "\n", "\t "]))
    role = tree.get(None)
    steps = [step for step in tree if step is not None]
    if not steps or role == "metrics":
        return space + draw(st.sampled_from(_GOOD[role or "value"])) + space
    star = next((step for step in steps if isinstance(step, Star)), None)
    if star is not None and not star.of_members:
        items = [draw(_written(tree[star], oddness)) for _ in range(draw(st.integers(0, 3)))]
        return f"{space}[{','.join(items)}{space}]"
    names = (
        draw(st.lists(st.sampled_from(["C-1", "C-2", "rpm", "名", "own"]), max_size=3))
        if star is not None
        else [step for step in steps if isinstance(step, str)]
    )
    members = []
    for name in names:
        times = draw(st.sampled_from([1] * 12 + [2, 0]))
        below = tree[star] if star is not None else tree[name]
        for _ in range(times):
            key = json.dumps(name, ensure_ascii=draw(st.booleans()))
            members.append(f"{key}:{draw(_written(below, oddness))}")
    if star is None and draw(st.integers(0, 9)) == 0:
        members.append('"else":' + draw(st.sampled_from(_ODD)))
    return f"{space}{{{','.join(members)}{space}}}{space}"


@st.composite
def _mutated(draw: st.DrawFn, text: bytes) -> bytes:
    """A few bytes otherwise."""
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(text)))
        end = min(len(text), place + draw(st.integers(0, 3)))
        text = text[:place] + draw(st.binary(max_size=3)) + text[end:]
    return text


@st.composite
def _messages(draw: st.DrawFn, declared: DeclaredFormat) -> bytes:
    numbers = range(len(declared.rows))
    chosen = draw(st.sampled_from([list(numbers), *([number] for number in numbers)]))
    oddness = draw(st.sampled_from([0, 0, 2, 10]))
    lines = draw(st.integers(1, 3)) if declared.format == "ndjson" else 1
    written = [draw(_written(_tree(declared, chosen), oddness)) for _ in range(lines)]
    if declared.format == "ndjson":
        written = [" ".join(each.split("\n")) for each in written]
    content = "\n".join(written).encode(errors="surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        content = draw(_mutated(content))
    return gzip.compress(content) if declared.gzip else content


_TOPICS: Final = st.sampled_from(["C-1", "C-1", None, "", "\ud800", "a b"])


@pytest.mark.parametrize("name", _DECLARED)
@given(data=st.data(), topic=_TOPICS)
def test_a_ready_made_format_reads_the_same_both_ways(
    name: str, data: st.DataObject, topic: str | None
) -> None:
    """Messages as their makers' equipment writes them, with oddities, and spoilt."""
    _same(data.draw(_messages(_DECLARED[name])), _COMPILED[name], topic)


_EACH: Final = st.sampled_from(
    ["$", "$.a", "$[*]", "$.*", "$.*[*]", "$.*.*", "$.a[*]", "$.a.*", "$[*].a[*]", "$.a[*].b.*[*]",
     "$.a[1]", '$["a b"]', '$["\\""][*]']
)  # fmt: skip
_PLACES: Final = st.lists(
    st.sampled_from(
        ["$.a", "$.b", "@.a", "@.b", "@.b.c", "@.d", "@", "@1.e", "topic", "key:1", "key:2", "@[0]",
         '@["a b"]', "$.f.g"]
    ),
    min_size=1,
    max_size=2,
)  # fmt: skip


@st.composite
def _declared(draw: st.DrawFn) -> DeclaredFormat:
    """Any format: half of what is drawn contradicts itself, and is left out."""
    rows = []
    for _ in range(draw(st.integers(1, 2))):
        unit = draw(st.sampled_from(["ms", "ms", "s", "us", "ns", "iso"]))
        row: dict[str, Any] = {
            "each": draw(_EACH),
            "serial": draw(_PLACES),
            "ts": {"unit": unit, "at": draw(_PLACES)} | ({"zone": "UTC"} if unit == "iso" else {}),
        }
        if draw(st.booleans()):
            row["serials"] = {"17": "C-1", "own": "own-1"}
        if draw(st.booleans()):
            row["seq"] = draw(_PLACES)
        if draw(st.booleans()):
            row["status"] = {"at": draw(_PLACES)} | draw(
                st.sampled_from(
                    [{}, {"map": {"1": "running"}}, {"otherwise": "leave_out"},
                     {"map": {"true": "idle"}, "otherwise": "fault"}]
                )
            )  # fmt: skip
        paths = _PLACES.map(lambda places: places[0])
        row["metrics"] = draw(
            st.sampled_from([None]) | st.fixed_dictionaries({"object": paths})
            | st.fixed_dictionaries({"name": paths, "value": paths})
        )  # fmt: skip
        rows.append({name: value for name, value in row.items() if value is not None})
    whole = {
        "format": draw(st.sampled_from(["json", "json", "ndjson"])),
        "rows": rows,
        "gzip": draw(st.sampled_from([False, False, True])),
    }
    return msgspec.convert(whole, DeclaredFormat)


@given(data=st.data(), topic=_TOPICS)
def test_any_format_reads_the_same_both_ways(data: st.DataObject, topic: str | None) -> None:
    """Also those for which there is no reading at one go."""
    declared = data.draw(_declared().filter(_is_usable))
    _same(data.draw(_messages(declared)), compile_format(declared), topic)


def _is_usable(declared: DeclaredFormat) -> bool:
    try:
        compile_format(declared)
    except Exception:  # noqa: BLE001 - whatever is wrong with it
        return False
    return True


@given(payload=st.binary(max_size=200), name=st.sampled_from(sorted(_COMPILED)))
@example(b"", "telegraf")
def test_any_bytes_read_the_same_both_ways(payload: bytes, name: str) -> None:
    """Mostly a fault, and the same one."""
    _same(payload, _COMPILED[name])


# --- Each thing that only the steps know ----------------------------------------------------------


def _things(row: str, after: str = "") -> bytes:
    return f'{{"C-1":[{row}]{after}}}'.encode()


_DOUBTFUL: Final = {
    "fraction of 2^53": _things('{"ts":9007199254740993.0}'),
    "float with many digits": _things(f'{{"ts":1780117171000.{"0" * 60}}}'),
    "too large a time": _things('{"ts":100000000000000001}'),
    "too small a time": _things('{"ts":-100000000000000001}'),
    "time that is true": _things('{"ts":true}'),
    "no time": _things('{"values":{}}'),
    "metrics that are null": _things('{"ts":1,"values":null}'),
    "metrics that are an array": _things('{"ts":1,"values":[{}]}'),
    "spaces around metrics": _things('{"ts":1,"values": \t{"a":1}\n }'),
    "longest metrics": _things('{"ts":1,"values":{"a":"' + "x" * (PAYLOAD_LIMIT_BYTES - 8) + '"}}'),
    "metrics one too long": _things(
        '{"ts":1,"values":{"a":"' + "x" * (PAYLOAD_LIMIT_BYTES - 7) + '"}}'
    ),
    "metrics with spaces too long": _things(
        '{"ts":1,"values":' + " " * PAYLOAD_LIMIT_BYTES + '{"a":1}}'
    ),
    "exponent": _things('{"ts":1,"values":{"a":1e400}}'),
    "exponent in a text": _things('{"ts":1,"values":{"a":"1e400"}}'),
    "exponent elsewhere": _things('{"ts":1,"values":{"a":1},"other":1e400}'),
    "U+0000": _things('{"ts":1,"values":{"a":"\\u0000"}}'),
    "half of a pair": _things('{"ts":1,"values":{"a":"\\ud800"}}'),
    "a whole pair": _things('{"ts":1,"values":{"a":"\\ud83d\\ude00"}}'),
    "half of a pair in a name that nobody wants": _things('{"ts":1,"\\ud800":1}'),
    "half of a pair in a serial": b'{"\\ud800":[{"ts":1}]}',
    "not UTF-8 in metrics": b'{"C-1":[{"ts":1,"values":{"a":"\xff"}}]}',
    "not UTF-8 elsewhere": b'{"C-1":[{"ts":1,"other":"\xff"}]}',
    "name twice": _things('{"ts":1,"ts":2,"values":{"a":1},"values":{"b":1}}'),
    "name twice, escaped": _things('{"ts":1,"\\u0074s":2}'),
    "device twice": _things('{"ts":1}', ',"C-2":[{"ts":5}],"C-1":[{"ts":2}]'),
    "the same moment twice": _things('{"ts":1,"values":{"a":1}},{"ts":1,"values":{"b":1}}'),
    "bad serial": b'{"C 1":[{"ts":1}]}',
    "trailing bytes": _things('{"ts":1}') + b"1",
    "trailing spaces": _things('{"ts":1}') + b" \r\n",
    "mark of byte order": b"\xef\xbb\xbf" + _things('{"ts":1}'),
    "no rows": b"{}",
    "a device without rows": b'{"C-1":[]}',
    "a device without rows between": b'{"C-1":[{"ts":1}],"C-2":[],"C-3":[{"ts":1}]}',
    "as deep as may be": _things('{"ts":1,"values":' + '{"a":' * 61 + "1" + "}" * 61 + "}"),
    "one too deep": _things('{"ts":1,"values":' + '{"a":' * 62 + "1" + "}" * 62 + "}"),
    "one too deep elsewhere": _things('{"ts":1,"other":' + "[" * 62 + "]" * 62 + "}"),
    "one too deep among many": _things(
        '{"ts":1,"values":{"a":[]}},' * 300 + '{"ts":1,"other":' + "[" * 62 + "]" * 62 + "}"
    ),
    "one too deep behind brackets in texts": _things(
        '{"ts":1,"values":{"a":"]]]]"}},' * 99 + '{"ts":1,"values":' + "[" * 62 + "]" * 62 + "}"
    ),
    "as many rows as may be": _things(",".join(f'{{"ts":{ts}}}' for ts in range(ROWS_LIMIT))),
    "one row too many": _things(",".join(f'{{"ts":{ts}}}' for ts in range(ROWS_LIMIT + 1))),
}


@pytest.mark.parametrize("what", _DOUBTFUL)
def test_what_only_the_steps_know_reads_the_same_both_ways(what: str) -> None:
    """Each of the reasons for which a message is not read at one go, and its neighbours."""
    _same(_DOUBTFUL[what], _COMPILED["thingsboard-gateway"])


@pytest.mark.parametrize("written", ["-0", "0", "1", "-1", "1.0", "true", "null", '"-0"', "1e1"])
@pytest.mark.parametrize("name", ["id", "n", "s", "t"])
def test_a_number_is_a_text_as_it_was_written(name: str, written: str) -> None:
    """Of a serial, a sequence, a status and a time."""
    declared = compile_format(
        msgspec.convert(
            {
                "format": "json",
                "rows": [
                    {
                        "each": "$[*]",
                        "serial": ["@.id"],
                        "ts": {"unit": "s", "at": ["@.t"]},
                        "seq": ["@.n"],
                        "status": {"at": ["@.s"], "map": {"0": "idle", "-0": "fault"}},
                    }
                ],
            },
            DeclaredFormat,
        )
    )
    row = {"id": '"C-1"', "t": "1", "n": "1", "s": "0"} | {name: written}
    _same(
        f"[{{{','.join(f'{key!r}:{row[key]}' for key in row)}}}]".replace("'", '"').encode(),
        declared,
    )


def _format(*rows: dict[str, object], form: str = "json") -> Format:
    whole = {"format": form, "rows": [{"ts": {"unit": "ms", "at": ["@.t"]}} | row for row in rows]}
    return compile_format(msgspec.convert(whole, DeclaredFormat))


_TOO_DEEP: Final = b"[" * 64 + b"]" * 64


@pytest.mark.parametrize(
    "row",
    [
        {"serial": ["@.id"], "metrics": {"object": "$.common"}},
        {"serial": ["$.tags.id"], "metrics": {"object": "@.values"}},
        {"serial": ["@.id"], "metrics": {"name": "@.id", "value": "$.common"}},
    ],
)
def test_what_rows_have_in_common_hides_no_depth(row: dict[str, object]) -> None:
    """Its brackets stand in the document once, however many rows have it."""
    rows = b",".join(b'{"id":"C-1","t":%d,"values":{}}' % number for number in range(100))
    start = b'{"tags":{"id":"C-1"},"common":{"a":[[]]},"rows":[' + rows
    _same(start + b"]}", _format({"each": "$.rows[*]"} | row))
    _same(start + b'],"x":' + _TOO_DEEP + b"}", _format({"each": "$.rows[*]"} | row))


def test_rows_of_several_rules_come_line_by_line() -> None:
    """All of a line before those of the next."""
    rules: list[dict[str, object]] = [
        {"each": "$.a[*]", "serial": ["@.id"]},
        {"each": "$.b[*]", "serial": ["@.id"]},
    ]
    line = b'{"a":[{"id":"A","t":%d}],"b":[{"id":"B","t":%d}]}'
    _same(line % (1, 2) + b"\n" + line % (3, 4), _format(*rules, form="ndjson"))
    _same(line % (1, 2) + b"\n" + b'{"a":[{"id":"A","t":5}]}', _format(*rules, form="ndjson"))


@pytest.mark.parametrize("more", [0, 1])
def test_places_without_rows_are_counted_both_ways(more: int) -> None:
    """Up to the last that may be looked at, and one beyond."""
    rules: list[dict[str, object]] = [{"each": "$[*][*]", "serial": ["@.id"]}] * 5
    content = b"[" + b",".join([b"[]"] * ((PLACES_LIMIT - 1) // 5 + more)) + b"]"
    _same(content, _format(*rules))


@pytest.mark.parametrize("second", ['{"a":[{"id":"C","t":2}]}', "{}", '{"a":null}', "7"])
def test_a_place_that_some_rows_lack_ends_its_rule(second: str) -> None:
    """What came before is taken, as are the rows of another rule."""
    rules: list[dict[str, object]] = [
        {"each": "$.x[*].a[*]", "serial": ["@.id"]},
        {"each": "$.y[*]", "serial": ["@.id"]},
    ]
    rest = f'{{"x":[{{"a":[{{"id":"A","t":1}}]}},{second}],"y":[{{"id":"B","t":3}}]}}'
    _same(rest.encode(), _format(*rules))
    rules = [{"each": "$.x[*].a.b[*]", "serial": ["@.id"]}, rules[1]]
    _same(rest.replace('"a":[', '"a":{"b":[').replace("}]},", "}]}},").encode(), _format(*rules))


def test_the_reader_of_numbers_takes_no_more_than_the_checker_does() -> None:
    """All texts of up to five of the characters that numbers are made of."""
    check = msgspec.json.Decoder(msgspec.Raw).decode
    read = msgspec.json.Decoder(str | int | float | bool | None).decode
    for length in range(1, 6):
        for letters in itertools.product("01-+.eE", repeat=length):
            text = "".join(letters).encode()
            try:
                read(text)
            except msgspec.MsgspecError:
                continue
            check(text)


def test_the_reader_of_texts_takes_no_more_than_the_checker_does() -> None:
    """All texts of up to five of the bytes on which texts turn."""
    check = msgspec.json.Decoder(msgspec.Raw).decode
    read = msgspec.json.Decoder(str | int | float | bool | None).decode
    for length in range(6):
        for letters in itertools.product(b'"\\u0dn\x1f\xc3', repeat=length):
            text = b'"' + bytes(letters) + b'"'
            try:
                read(text)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
            check(text)


# --- And it is read at one go ---------------------------------------------------------------------


@pytest.mark.parametrize("name", _DECLARED)
def test_a_clean_message_of_every_ready_made_format_is_read_at_one_go(name: str) -> None:
    """As equipment sends it by default, a thousand rows or so."""
    payload = SAMPLES[name](1_000)
    rows = clean_rows([(0, payload)], _COMPILED[name], "C-1", Most(ROWS_LIMIT, 99_999))
    assert rows
    _same(payload, _COMPILED[name])
