"""Sources as they are declared: what is wrong is told before the first message comes."""

import json

import pytest

from jieru.errors import UserError
from jieru.sources.formats import compile_format, read_format

_ROWS: dict[str, object] = {"each": "$[*]", "serial": ["@.id"], "ts": {"unit": "ms", "at": ["@.t"]}}


def _declared(**rows: object) -> bytes:
    return json.dumps({"format": "json", "rows": [_ROWS | rows]}).encode()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "cannot be read"),
        (b'{"format": "xml", "rows": []}', "cannot be read"),
        (b'{"format": "json", "rows": []}', "$.rows"),
        (_declared(serial=[]), "$.rows[0].serial"),
        (_declared(surprise=1), "surprise"),
        (_declared(each="devices"), "must begin with $"),
        (_declared(each="$[*][*][*][*][*]"), "more than 4 stars"),
        (_declared(each="$.a b"), "cannot be read from  b on"),
        (_declared(serial=["id"]), "must begin with $ (the document) or @ (the row)"),
        (_declared(serial=["@.*"]), "Only the path of the rows may have a star"),
        (_declared(serial=["key:2"]), "names star 2, and the path of the rows has 1"),
        (_declared(serial=["@3.id"]), "names star 3"),
        (_declared(ts={"unit": "ms"}), "needs a place (at)"),
        (_declared(ts={"unit": "receipt", "at": ["@.t"]}), "needs a place (at)"),
        (_declared(ts={"unit": "pattern", "at": ["@.t"]}), "A pattern of the time"),
        (_declared(metrics={"name": "key:1"}), "either an object, or a name with its value"),
        (_declared(metrics={"object": "@", "name": "key:1", "value": "@"}), "either an object"),
        (_declared(metrics={"object": "key:1"}), "Metrics stand at a path"),
        (_declared(status={"at": ["@.s"], "map": {"1": "on"}}), "$.rows[0].status.map"),
    ],
)
def test_what_is_wrong_is_told(content: bytes, sentence: str) -> None:
    """With the place."""
    with pytest.raises(UserError) as caught:
        compile_format(read_format(content))
    assert sentence in str(caught.value.args[0]).format(**caught.value.values)


def test_two_formats_that_read_otherwise_have_other_names() -> None:
    """And the same one has the same, however it was written."""
    one = compile_format(read_format(_declared()))
    other = compile_format(read_format(_declared(seq=["@.n"])))
    again = compile_format(read_format(json.dumps(json.loads(_declared()), indent=4).encode()))
    assert one.sha256 == again.sha256 != other.sha256


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"format": "sparkplug_b", "gzip": true}', "do not belong to sparkplug_b"),
        ('{"format": "sparkplug_b", "sparkplug": {"messages": []}}', "$.sparkplug.messages"),
        ('{"format": "sparkplug_b", "sparkplug": {"messages": ["DDEATH"]}}', "DDEATH"),
    ],
)
def test_sparkplug_has_parts_of_its_own(text: str, said: str) -> None:
    """And none of those of documents; a death is no heartbeat."""
    with pytest.raises(UserError) as caught:
        read_format(text.encode())
    assert said in str(caught.value.values["error"])


def test_sparkplug_needs_no_more_than_its_name() -> None:
    """Births and data of devices are heartbeats then."""
    rule = compile_format(read_format(b'{"format": "sparkplug_b"}')).sparkplug
    assert rule is not None
    assert rule.messages == {"DBIRTH", "DDATA"}
