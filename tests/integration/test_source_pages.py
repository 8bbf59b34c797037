"""Sources in the console: declared, changed, tried with a sample, ended."""

import json
from collections.abc import Iterator
from typing import Final

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.people import session_of
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, as_role
from tests.support.sparkplug import metric, payload
from tests.support.visiting import add_person, form_token_of, visiting

_SOURCES: Final = "/platforms/alpha/sources"
_SAMPLE: Final = '{"CNC-1": [{"ts": 1780117171000, "values": {}}, {"ts": "noon", "values": {}}]}'
_REJECTION: Final = """
    INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes, path, detail)
    VALUES (now(), %s, %s, %s, 2, %s, %s::jsonb)
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A platform and its operator lin."""
    with connect(database_url) as connection:
        RegistryBuilder(connection).platform("alpha")
        add_person(connection, "lin", Role.OPERATOR, platform="alpha")
        yield connection


@pytest.fixture
def app(database_url: str, connection: psycopg.Connection) -> Iterator[FastAPI]:
    """The application on it."""
    del connection  # only what it has built
    with open_pool(as_role(database_url, API), size=4) as pool:
        yield create_app(Settings(), pool)


async def _send(
    browser: httpx.AsyncClient, page: str, action: str = "", **fields: str
) -> httpx.Response:
    """A form of a page, sent with its token and what is filled in."""
    token = form_token_of(await browser.get(page))
    return await browser.post(action or page, data=fields | {"form_token": token})


async def test_a_source_is_declared_tried_changed_and_ended(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """All from the page of its platform's sources, to which each step leads back."""
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        assert f'href="{_SOURCES}"' in (await browser.get("/platforms/alpha")).text
        assert "No source is declared." in (await browser.get(_SOURCES)).text

        new, name = f"{_SOURCES}/new", "thingsboard-gateway"
        wrong = await _send(browser, new, name="own", ready_made=name)
        assert (wrong.status_code, "own is no name of a source" in wrong.text) == (422, True)
        wrong = await _send(browser, new, name=name, format="{")
        assert (wrong.status_code, "It is not JSON" in wrong.text) == (422, True)
        declared = await _send(browser, new, name=name, ready_made=name)
        assert declared.headers["location"] == _SOURCES
        shown = (await browser.get(_SOURCES)).text
        assert "jieru/v1/alpha/in/thingsboard-gateway" in shown
        assert "in force" in shown

        tried = await _send(browser, f"{_SOURCES}/try", source=f"declared:{name}", text=_SAMPLE)
        assert tried.status_code == 200
        assert "1 rows would be heartbeats, 1 would be refused." in tried.text
        assert "$.CNC-1[1]" in tried.text
        assert "noon is not a time as its source writes them." in tried.text

        form = (await browser.get(f"{new}?name={name}")).text
        assert "key:1" in form, "the version in force is there to be changed"
        changed = await _send(browser, new, name=name, ready_made="telegraf")
        assert changed.headers["location"] == _SOURCES
        assert "earlier version" in (await browser.get(_SOURCES)).text

        ended = await _send(browser, _SOURCES, f"{_SOURCES}/{name}/end")
        assert ended.headers["location"] == _SOURCES
        shown = (await browser.get(_SOURCES)).text
        assert ">ended<" in shown
        assert ">in force<" not in shown


async def test_a_trial_says_what_is_wrong_with_it(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Neither format nor source; a source that there is not; a message in no format."""
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        page = f"{_SOURCES}/try"
        nothing = await _send(browser, page, text="{}")
        assert nothing.status_code == 422
        assert "Give a format, or the name of a ready-made one." in nothing.text
        assert (await _send(browser, page, source="declared:none", text="{}")).status_code == 404
        empty = await _send(browser, page, source="ready-made:telegraf", text="")
        assert empty.status_code == 200
        assert "It is not JSON" in empty.text


async def test_a_rejection_names_its_place_and_leads_to_the_declaration(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Of a row what is wrong with it; of an unknown source where it is declared."""
    message = "{found} is not a time as its source writes them."
    detail = json.dumps({"message": message, "values": {"found": "noon"}})
    connection.execute(
        _REJECTION,
        ("malformed_payload", "jieru/v1/alpha/CNC-1/heartbeat", b"{}", "$.CNC-1[1]", detail),
    )
    connection.execute(
        _REJECTION, ("unknown_source", "jieru/v1/alpha/in/telegraf", b"{}", "$", None)
    )
    connection.commit()
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        shown = (await browser.get("/rejections")).text
        assert "<code>$.CNC-1[1]</code> noon is not a time" in shown
        assert f'href="{_SOURCES}/new?name=telegraf"' in shown
        form = (await browser.get(f"{_SOURCES}/new?name=telegraf")).text
        assert '<option value="telegraf" selected>' in form


async def test_sparkplug_is_declared_and_a_sample_tried_as_bytes(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Under its one name; typed in hexadecimal on several lines; an unknown alias is said."""
    typed = payload([metric("rpm", 1480), metric(7, 1)], 1_780_117_171_000).hex("\n", 4)
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        new, page, name = f"{_SOURCES}/new", f"{_SOURCES}/try", "sparkplug-b"
        wrong = await _send(browser, new, name="other", ready_made=name)
        assert (wrong.status_code, "its topics name none" in wrong.text) == (422, True)
        wrong = await _send(browser, new, name=name, ready_made="telegraf")
        assert (wrong.status_code, "its topics name none" in wrong.text) == (422, True)
        assert 'value="sparkplug-b"' in (await browser.get(f"{new}?name={name}")).text
        assert (await _send(browser, new, name=name, ready_made=name)).status_code == 303
        assert "spBv1.0/alpha.via/DDATA/{gateway}/{device}" in (await browser.get(_SOURCES)).text

        form = {"source": f"declared:{name}", "written": "hex", "serial_of_topic": "CNC-1"}
        tried = await _send(browser, page, **form, text=typed)
        assert "1 rows would be heartbeats, 0 would be refused." in tried.text
        for part in ("CNC-1", "1780117171000", "alias:7", "1 metrics are called by a number"):
            assert part in tried.text
        wrong = await _send(browser, page, **form, text="0z")
        assert (wrong.status_code, "It is not hexadecimal." in wrong.text) == (422, True)
        wrong = await _send(browser, page, **{**form, "written": "base64"}, text="?")
        assert (wrong.status_code, "It is not Base64." in wrong.text) == (422, True)
        spoilt = await _send(browser, page, **form, text="0a ff")
        assert "It is not a payload of Sparkplug B (protobuf)." in spoilt.text
        assert "0a ff" in spoilt.text


async def test_a_binary_message_is_shown_in_hexadecimal(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Though its bytes may be UTF-8; found under its platform, and its cure is the declaration."""
    topic = "spBv1.0/alpha/DDATA/edge-7/CNC-1"
    connection.execute(_REJECTION, ("unknown_source", topic, b"\x08\x01\x12", "$", None))
    connection.commit()
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        for address in ("/rejections", "/rejections/messages"):
            shown = (await browser.get(address)).text
            assert topic in shown
            assert "08 01 12" in shown
            assert "has not declared that it sends Sparkplug B" in shown
        assert (
            "/platforms/alpha/sources/new?name=sparkplug-b"
            in (await browser.get("/rejections")).text
        )
