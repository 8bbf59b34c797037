"""Ends that were recorded by mistake, taken back in the console."""

from collections.abc import Iterator
from datetime import date

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
from tests.support.registry_files import uscc_of
from tests.support.roles import API, as_role
from tests.support.visiting import add_person, form_token_of, visiting

_PAGES = ["/platforms/alpha", f"/enterprises/{uscc_of(1)}", "/devices/alpha/CNC-01"]


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A platform, an enterprise and a device of it, and the verifier lin."""
    with connect(database_url) as connection:
        build = RegistryBuilder(connection)
        build.platform("alpha")
        build.device("alpha", "CNC-01", build.enterprise(1), date(2026, 1, 1), date(2026, 6, 1))
        add_person(connection, "lin", Role.VERIFIER)
        yield connection


@pytest.fixture
def app(database_url: str, connection: psycopg.Connection) -> Iterator[FastAPI]:
    """The application on it."""
    del connection  # only what it has built
    with open_pool(as_role(database_url, API), size=4) as pool:
        yield create_app(Settings(), pool)


async def _send(browser: httpx.AsyncClient, address: str, **fields: str) -> httpx.Response:
    """The form under this address, sent with its token and what is filled in."""
    token = form_token_of(await browser.get(address))
    return await browser.post(address, data=fields | {"form_token": token})


@pytest.mark.parametrize("page", _PAGES)
async def test_an_end_is_taken_back_where_the_record_is_shown(
    app: FastAPI, connection: psycopg.Connection, page: str
) -> None:
    """Asked first; then the page says so, and offers to end the record again."""
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        assert f'href="{page}/reopen"' not in (await browser.get(page)).text
        ended = await _send(browser, f"{page}/end", on="2026-06-01", revision="1")
        assert ended.headers["location"] == page
        assert f'href="{page}/reopen"' in (await browser.get(page)).text
        assert "recorded by mistake" in (await browser.get(f"{page}/reopen")).text
        taken = await _send(browser, f"{page}/reopen", revision="2")
        assert taken.headers["location"] == page
        shown = (await browser.get(page)).text
        assert "The end is taken back." in shown
        assert f'href="{page}/end"' in shown


@pytest.mark.parametrize("page", _PAGES)
async def test_a_reopening_that_is_refused_shows_its_form_again(
    app: FastAPI, connection: psycopg.Connection, page: str
) -> None:
    """With the reason: nothing to take back, or a change by somebody else."""
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        open_one = await _send(browser, f"{page}/reopen", revision="1")
        assert open_one.status_code == 409
        assert "It has no end that could be taken back." in open_one.text
        await _send(browser, f"{page}/end", on="2026-06-01", revision="1")
        stale = await _send(browser, f"{page}/reopen", revision="1")
        assert stale.status_code == 412
        assert 'name="revision" value="2"' in stale.text
