"""Sources over the API: declared, listed, tried, ended; each platform its own."""

import base64
import gzip
import json
from typing import Any, Final

from api.access.roles import Role
from jieru.sources.ready_made import ready_made
from tests.support.registry_api import RegistryApi
from tests.support.sparkplug import metric, payload

_FORMAT: Final[dict[str, Any]] = {
    "format": "json",
    "rows": [{"each": "$[*]", "serial": ["@.id"], "ts": {"unit": "ms", "at": ["@.t"]}}],
}
_NEW: Final[dict[str, Any]] = {"platform": "alpha", "name": "line-3", "format": _FORMAT}
_OWN: Final[dict[str, Any]] = {"by": Role.OPERATOR, "of": "alpha"}


async def test_a_source_is_declared_and_its_change_is_the_next_version(api: RegistryApi) -> None:
    """Only the newest is in force; what is said again is refused; everything is audited."""
    api.build.platform("alpha")
    answer = await api.ask("POST", "/sources", json=_NEW, **_OWN)
    assert answer.status_code == 201, answer.text
    first = answer.json()
    assert (first["version"], first["is_in_force"], first["format"]) == (1, True, _FORMAT)
    assert first["topics"][0] == "jieru/v1/alpha/in/line-3"
    assert answer.headers["location"] == "/api/v1/sources/alpha/line-3"
    again = await api.ask("POST", "/sources", json=_NEW, **_OWN)
    assert again.status_code == 409
    assert "Version 1 says the same already" in again.text
    changed = {**_NEW, "format": {**_FORMAT, "gzip": True}}
    assert (await api.ask("POST", "/sources", json=changed, **_OWN)).json()["version"] == 2
    items = (await api.ask("GET", "/sources", **_OWN)).json()["items"]
    assert [(each["version"], each["is_in_force"]) for each in items] == [(1, False), (2, True)]
    action, _actor, before, after = api.last_audited("sources")
    assert (action, before, after["version"]) == ("create", None, 2)


async def test_a_source_ends_once_and_may_be_declared_again(api: RegistryApi) -> None:
    """What is declared after the end is the next version, be it the same."""
    api.build.platform("alpha")
    await api.ask("POST", "/sources", json=_NEW, **_OWN)
    ended = await api.ask("POST", "/sources/alpha/line-3/end", **_OWN)
    assert ended.status_code == 200, ended.text
    assert not ended.json()["is_in_force"]
    assert ended.json()["ended_by"] == ended.json()["declared_by"]
    assert (await api.ask("POST", "/sources/alpha/line-3/end", **_OWN)).status_code == 409
    assert (await api.ask("POST", "/sources/alpha/line-4/end", **_OWN)).status_code == 404
    assert (await api.ask("POST", "/sources", json=_NEW, **_OWN)).json()["version"] == 2


async def test_an_operator_has_the_sources_of_the_own_platform(api: RegistryApi) -> None:
    """Those of another are not there, and cannot be declared or ended."""
    api.build.platform("alpha")
    api.build.platform("beta")
    theirs = {**_NEW, "platform": "beta"}
    assert (await api.ask("POST", "/sources", json=theirs)).status_code == 201
    assert await api.listed("/sources", "name", **_OWN) == []
    assert (await api.ask("GET", "/sources/beta/line-3", **_OWN)).status_code == 404
    assert (await api.ask("POST", "/sources", json=theirs, **_OWN)).status_code == 422
    assert (await api.ask("POST", "/sources/beta/line-3/end", **_OWN)).status_code == 404
    assert (await api.ask("GET", "/sources/beta/line-3")).json()["is_in_force"]


async def test_what_is_wrong_with_a_declaration_is_said_at_its_field(api: RegistryApi) -> None:
    """A name that no topic can have, no path, the time of receipt, both or neither."""
    api.build.platform("alpha")
    receipt = {**_FORMAT, "rows": [{**_FORMAT["rows"][0], "ts": {"unit": "receipt"}}]}
    for change, field in (
        ({"name": "in"}, "name"),
        ({"name": "Line 3"}, "name"),
        ({"platform": "gamma"}, "platform"),
        ({"platform": "al\0pha"}, "platform"),
        ({"name": "li\0ne"}, "name"),
        ({"format": {"format": "xml", "rows": []}}, "format"),
        ({"format": {**_FORMAT, "rows": [{**_FORMAT["rows"][0], "each": "$$"}]}}, "format"),
        ({"format": receipt}, "format"),
        ({"format": None}, "format"),
        ({"ready_made": "telegraf"}, "format"),
        ({"format": None, "ready_made": "no-such"}, "ready_made"),
    ):
        answer = await api.ask("POST", "/sources", json={**_NEW, **change})
        assert answer.status_code == 422, (change, answer.text)
        assert [each["field"] for each in answer.json()["errors"]] == [field], answer.text
    assert await api.listed("/sources", "name") == []
    assert (await api.ask("GET", "/sources", name="li\0ne")).status_code == 422


async def test_a_format_that_no_reader_would_take_is_a_wrong_field(api: RegistryApi) -> None:
    """Half of a surrogate pair, U+0000, and brackets without end are no fault of the server's."""
    api.build.platform("alpha")
    for format_ in (
        '{"format": "json", "rows": [{"each": "$[\\"\\ud800\\"]"}]}',
        '{"format": "json\\u0000"}',
        '{"a": ' + "[" * 900 + "]" * 900 + "}",
    ):
        raw = f'{{"platform": "alpha", "name": "line-3", "format": {format_}}}'
        answer = await api.ask("POST", "/sources", raw=raw)
        assert answer.status_code == 422, answer.text


async def test_every_ready_made_format_can_be_declared(api: RegistryApi) -> None:
    """Under the name that it has; the list tells them all."""
    api.build.platform("alpha")
    names = await api.listed("/sources/ready-made", "name")
    assert names == list(ready_made())
    for name in names:
        new = {"platform": "alpha", "name": name, "ready_made": name}
        assert (await api.ask("POST", "/sources", json=new)).status_code == 201, name


async def test_a_sample_shows_its_rows_and_each_fault_with_its_place(api: RegistryApi) -> None:
    """In the language of the request; nothing is stored."""
    text = json.dumps([{"id": "CNC-1", "t": 1780117171000}, {"id": "CNC-2", "t": "noon"}])
    answer = await api.ask("POST", "/sources/trials", json={"format": _FORMAT, "text": text})
    assert answer.status_code == 200, answer.text
    tried = answer.json()
    assert (tried["rows_number"], tried["faults_number"]) == (1, 1)
    assert tried["rows"][0] == {
        "path": "$[0]",
        "serial": "CNC-1",
        "ts": 1780117171000,
        "seq": None,
        "status": None,
        "metrics": None,
    }
    fault = tried["faults"][0]
    assert (fault["path"], fault["reason"], fault["serial"]) == (
        "$[1]",
        "malformed_payload",
        "CNC-2",
    )
    assert fault["fault"] == "noon is not a time as its source writes them."


async def test_a_sample_of_bytes_is_given_in_base64(api: RegistryApi) -> None:
    """Such as one that is compressed; and what is no Base64 is a wrong field."""
    packed = gzip.compress(b'[{"id": "CNC-1", "t": 1780117171000}]')
    trial = {"format": {**_FORMAT, "gzip": True}, "base64": base64.b64encode(packed).decode()}
    assert (await api.ask("POST", "/sources/trials", json=trial)).json()["rows_number"] == 1
    wrong = {**trial, "base64": "%"}
    assert (await api.ask("POST", "/sources/trials", json=wrong)).status_code == 422
    both = {**trial, "text": "[]"}
    assert (await api.ask("POST", "/sources/trials", json=both)).status_code == 422


async def test_a_sample_with_many_rows_is_answered_with_the_first_hundred(api: RegistryApi) -> None:
    """And with how many there are."""
    text = json.dumps([{"id": "CNC-1", "t": 1780117171000 + each} for each in range(500)])
    tried = (
        await api.ask("POST", "/sources/trials", json={"format": _FORMAT, "text": text})
    ).json()
    assert (tried["rows_number"], len(tried["rows"])) == (500, 100)


async def test_a_sample_of_sparkplug_is_read_with_the_birth_before_it(api: RegistryApi) -> None:
    """In Base64 or hexadecimal; what nobody names is counted."""
    birth = payload([metric("rpm", -1, alias=1)], 1)
    data = payload([metric(1, -1480, datatype=None), metric(2, 5)], 1_780_117_171_000)
    trial = {"ready_made": "sparkplug-b", "hex": data.hex(), "serial_of_topic": "CNC-1"}
    trial["birth_base64"] = base64.b64encode(birth).decode()
    answer = (await api.ask("POST", "/sources/trials", json=trial)).json()
    assert answer["unknown_aliases"] == 1
    assert answer["rows"] == [
        {
            "path": "$.metrics[0]",
            "serial": "CNC-1",
            "ts": 1_780_117_171_000,
            "seq": None,
            "status": None,
            "metrics": '{"rpm":-1480,"alias:2":5}',
        }
    ]
    wrong = {**trial, "birth_base64": "?"}
    assert (await api.ask("POST", "/sources/trials", json=wrong)).status_code == 422
