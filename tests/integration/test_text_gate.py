"""Wherever text comes in, it comes through the gate: every parameter, body and form field."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from psycopg_pool import ConnectionPool

from api.access.roles import Role
from api.access.table import ROUTES
from api.app import create_app
from api.cases.step_forms import STEP_FORMS as CASE_FORMS
from api.counts.step_forms import STEP_FORMS as COUNT_FORMS
from api.web.text_gate import GatedTexts
from jieru.database import connect, open_pool
from jieru.schema import migrate
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.databases import DatabaseServer
from tests.support.registry_files import uscc_of
from tests.support.roles import API, as_role
from tests.support.small_city import AS_OF, build_small_city
from tests.support.visiting import add_person, form_token_of, sign_in, visiting

pytestmark = pytest.mark.timeout(900)

_HALF: Final = "\ud800"
_UNSEEN: Final = "甲\u3164"
_LOST_SURROGATE: Final = "%ED%A0%80"
"""Half a character, as an address or a form of a browser spells it."""
_NO_TEXT: Final = frozenset({"date", "date-time", "binary", "base64"})
_AS_THEY_COME: Final = frozenset({"text", "base64", "hex", "format"})
"""Samples of others' messages, and how they are read."""
_GATED: Final = frozenset({"reason", "site", "grounds", "notes", "attachment"})
"""Free texts, whose form says what is wrong with them beside the field."""
_OPEN: Final = ("/confirm", "/challenge/", "/sign-in")
_WITHOUT_TEXT: Final = frozenset({"/sign-out", "/notices/read"})
_INPUT: Final = re.compile(r"<(?:input|textarea)\b[^>]*>")
_ATTRIBUTE: Final = re.compile(r'([\w-]+)="([^"]*)"')
_FIXED_KINDS: Final = frozenset({"hidden", "submit", "file", "checkbox", "radio", "password"})


@pytest.fixture(scope="module")
def city_url(timescale_server: DatabaseServer) -> Iterator[str]:
    """A simulation that holds the small city, with people and keys."""
    with timescale_server.database() as url:
        migrate(url, simulation=True)
        with connect(url) as connection:
            build_small_city(connection)
            for role in Role:
                platform = "xielian" if role is Role.OPERATOR else None
                add_person(connection, role.value, role, platform=platform)
        yield url


@pytest.fixture(scope="module")
def app(city_url: str) -> Iterator[FastAPI]:
    """The application on the small city."""
    with open_pool(as_role(city_url, API), size=4) as pool:
        yield create_app(Settings(), pool, as_of=lambda: AS_OF, year=2026)


@cache
def _document() -> dict[str, Any]:
    pool = ConnectionPool("postgresql://nobody@127.0.0.1:1/nothing", open=False, min_size=1)
    document: dict[str, Any] = create_app(Settings(), pool).openapi()
    return document


def _operations() -> Iterator[tuple[str, str]]:
    for path, methods in _document()["paths"].items():
        for method in methods:
            yield method.upper(), path


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        found: Mapping[str, Any] = document["components"]["schemas"][
            schema["$ref"].rpartition("/")[2]
        ]
        return found
    return schema


def _is_text(schema: Mapping[str, Any]) -> bool:
    """Whether a value may be any text; what must be of a list or a date is refused as it is."""
    kinds = [schema, *schema.get("anyOf", ())]
    return any(
        each.get("type") == "string"
        and each.get("format", "") not in _NO_TEXT
        and "contentEncoding" not in each
        for each in kinds
    )


def _problem_of(answer: httpx.Response, what: object) -> dict[str, Any]:
    assert 400 <= answer.status_code < 500, (what, answer.status_code, answer.text)
    document: dict[str, Any] = answer.json()
    assert document["detail"], what
    assert "\n" not in document["detail"], what
    return document


def _filled(path: str) -> str:
    """A path to something that there is."""
    values = {
        "year": "2026",
        "platform": "xielian",
        "code": "xielian",
        "uscc": uscc_of(1),
        "serial": "1-1",
        "kind": "devices",
        "sha256": "0" * 64,
        "which": "visit",
        "name": "north",
        "step": "note",
    }
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "1"), path)


@pytest.fixture(scope="module")
def headers(city_url: str) -> list[dict[str, str]]:
    """Of an administrator and of an operator; each route lets one of them in."""
    with connect(city_url) as connection:
        return [
            bearer(connection, Role.ADMIN),
            bearer(connection, Role.OPERATOR, "xielian"),
        ]


@pytest.mark.parametrize(("method", "path"), list(_operations()))
async def test_no_operation_takes_what_is_no_text(
    app: FastAPI, headers: list[dict[str, str]], method: str, path: str
) -> None:
    """Half a character or an unseen one, in each parameter and each text of the body."""
    document = _document()
    operation = document["paths"][path][method.lower()]
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
        for caller in headers:
            said = {"accept-language": "en", **caller}
            for each in operation.get("parameters", ()):
                if each["in"] not in {"path", "query"} or not _is_text(each["schema"]):
                    continue
                for spelled in (_LOST_SURROGATE, "%E3%85%A4"):
                    address = _address(path, each, spelled)
                    answer = await client.request(method, address, headers=said)
                    _problem_of(answer, address)
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body is None:
                continue
            for content, field in _spoilt(document, body["schema"]):
                answer = await client.request(
                    method,
                    _filled(path),
                    content=content,
                    headers={**said, "content-type": "application/json"},
                )
                problem = _problem_of(answer, (path, field))
                if problem["status"] == 422 and field:
                    named = [error["field"].split(".")[0] for error in problem["errors"]]
                    assert field in named, (path, field, problem)


def _address(path: str, parameter: Mapping[str, Any], spelled: str) -> str:
    name = parameter["name"]
    if parameter["in"] == "path":
        marked = path.replace(f"{{{name}}}", "\x00")
        return _filled(marked).replace("\x00", spelled)
    return f"{_filled(path)}?{name}={spelled}"


def _spoilt(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[tuple[bytes, str]]:
    """The example of a body, with one of its texts spoilt in turn, and that field."""
    schema = _resolved(document, schema)
    example = dict((schema.get("examples") or [{}])[0])
    for name, kind in schema["properties"].items():
        for text in (_HALF, _UNSEEN):
            if text is _UNSEEN and name in _AS_THEY_COME:
                continue
            if _is_text(_resolved(document, kind)):
                yield json.dumps({**example, name: text}).encode(), name
    yield json.dumps({**example, _HALF: "x"}).encode(), ""


def _forms() -> Iterator[str]:
    """Where each form is sent, those of steps by step."""
    for method, path in sorted(ROUTES):
        if method != "POST" or path.startswith("/api/") or path in _WITHOUT_TEXT:
            continue
        if path == "/counts/{year}/{step}":
            yield from (path.replace("{step}", step) for step in COUNT_FORMS)
        elif path == "/cases/{case_id}/{step}":
            yield from (path.replace("{step}", step) for step in CASE_FORMS)
        else:
            yield path


def _every_text() -> dict[str, str]:
    """Every text that any form has, for forms whose page cannot be opened here."""
    names = {
        name
        for model in _models(GatedTexts)
        for name, field in model.model_fields.items()
        if "str" in str(field.annotation)
    }
    return dict.fromkeys(sorted(names | {"name", "code", "kind", "revision"}), "1")


def _models(model: type[GatedTexts]) -> Iterator[type[GatedTexts]]:
    yield model
    for each in model.__subclasses__():
        yield from _models(each)


@pytest.mark.parametrize("path", list(_forms()))
async def test_no_form_takes_what_is_no_text(app: FastAPI, path: str) -> None:
    """In each field that a person may type into, of whoever may see the form."""
    address = _filled(path)
    async with visiting(app) as browser:
        fields: dict[str, str] = {}
        page = await browser.get(address)
        for role in (Role.ADMIN, Role.VERIFIER, Role.OPERATOR):
            if path.startswith(_OPEN):
                fields = _fields_of(page.text)
                break
            assert (await sign_in(browser, role.value)).status_code == 303
            page = await browser.get(address)
            if page.status_code == 200 and (fields := _fields_of(page.text)):
                break
        if 'name="form_token"' not in page.text and not path.startswith(_OPEN):
            page = await browser.get("/account/password")
        token = form_token_of(page) if 'name="form_token"' in page.text else ""
        for name in fields or _every_text():
            for spelled in (_LOST_SURROGATE, "%E7%94%B2%E3%85%A4"):
                sent = {**(fields or _every_text()), "form_token": token, name: "SPOILT"}
                answer = await browser.post(
                    address,
                    content=str(httpx.QueryParams(sent)).replace("SPOILT", spelled),
                    headers={"content-type": "application/x-www-form-urlencoded"},
                )
                assert 400 <= answer.status_code < 500, (path, name, answer.text[:500])
                if answer.status_code == 422 and name in _GATED and name in fields:
                    assert "U+" in answer.text, (path, name, answer.text[:500])


def _fields_of(page: str) -> dict[str, str]:
    """The fields of a page's forms that a person types into, and what stands there."""
    found = {}
    for tag in _INPUT.findall(page):
        attributes = dict(_ATTRIBUTE.findall(tag))
        if "name" in attributes and attributes.get("type", "text") not in _FIXED_KINDS:
            found[attributes["name"]] = attributes.get("value", "")
    return found


async def test_search_finds_a_name_by_other_codes_of_its_characters(
    app: FastAPI, city_url: str, headers: list[dict[str, str]]
) -> None:
    """金 by ⾦, (x) by （x）, and the other way round; the name stays as it was given."""
    with connect(city_url) as connection:
        _rename(connection, uscc_of(1), "金龙（Ｘ）机械")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
        for text in ("⾦", "金龙(x)", "⾦龙（x）", "（ｘ）"):
            answer = await client.get(
                "/api/v1/enterprises", params={"text": text}, headers=headers[0]
            )
            assert [each["name"] for each in answer.json()["items"]] == ["金龙（Ｘ）机械"], text


def _rename(connection: psycopg.Connection, uscc: str, name: str) -> None:
    connection.execute("UPDATE enterprises SET name = %s WHERE uscc = %s", (name, uscc))
    connection.commit()


async def test_a_radical_in_a_name_is_kept_as_its_ideograph(
    app: FastAPI, headers: list[dict[str, str]]
) -> None:
    """As a name copied from a PDF has it."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
        body = {
            "uscc": uscc_of(900),
            "name": "⾦⻔⻋⼚",
            "district": "licheng",
            "industry_code": "C3311",
        }
        answer = await client.post("/api/v1/enterprises", json=body, headers=headers[0])
    assert answer.status_code == 201, answer.text
    assert answer.json()["name"] == "金门车厂"
