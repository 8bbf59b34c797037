"""Gateways and credentials of every kind in the console, and who published what it shows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from jieru.calendar import civil_date
from jieru.database import connect, open_pool
from jieru.publishers import ITSELF_ID
from jieru.settings import Settings
from tests.support.credentials import issue_to, register_gateway
from tests.support.people import session_of
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, as_role
from tests.support.visiting import add_person, form_token_of, visiting

_PLATFORM: Final = "/platforms/alpha"
_DEVICE: Final = "/devices/alpha/CNC-01"
_NO_CREDENTIAL: Final = ">no valid credential<"
"""Of a gateway."""
_OF_EARLIER_RELEASE: Final = "alpha/CNC-01 is of an earlier release"
_INSERT_GATEWAYS: Final = """
    INSERT INTO publishers (kind, platform_id, name)
    SELECT 'gateway', platforms.id, 'gw-' || lpad(number::text, 3, '0')
    FROM platforms, generate_series(1, 120) AS number
"""
_INSERT_PRESENCE: Final = """
    INSERT INTO presence_by_others (device_id, month, publisher_id, hours, late_hours)
    VALUES (%s, %s, %s, rpad('111', 744, '0')::bit(744), rpad('0011', 744, '0')::bit(744))
"""
_INSERT_HEARTBEAT: Final = """
    INSERT INTO heartbeats (device_id, time, received_at, publisher_id) VALUES (%s, %s, now(), %s)
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A platform with a device, and its operator lin."""
    with connect(database_url) as connection:
        build = RegistryBuilder(connection)
        build.platform("alpha")
        build.device("alpha", "CNC-01")
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


async def test_a_gateway_is_registered_moved_and_given_its_credential(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """All from the page of its platform, to which each step leads back."""
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        new = f"{_PLATFORM}/gateways/new"
        assert f'href="{new}"' in (await browser.get(_PLATFORM)).text
        wrong = await _send(browser, new, name="own", site="一号车间")
        assert (wrong.status_code, "“own” is no name of a gateway" in wrong.text) == (422, True)
        registered = await _send(browser, new, name="gw-1", site="一号车间")
        assert registered.headers["location"] == _PLATFORM
        shown = (await browser.get(_PLATFORM)).text
        assert "一号车间" in shown
        assert _NO_CREDENTIAL in shown

        edit = f"{_PLATFORM}/gateways/gw-1/edit"
        assert f'href="{edit}"' in shown
        moved = await _send(browser, edit, site="二号车间", revision="1")
        assert moved.headers["location"] == _PLATFORM
        stale = await _send(browser, edit, site="三号车间", revision="1")
        assert stale.status_code == 412

        fields = {"platform": "alpha", "gateway": "gw-1"}
        issued = await _send(browser, _PLATFORM, "/credentials", **fields)
        assert "alpha/via/gw-1" in issued.text
        assert f'href="{_PLATFORM}"' in issued.text
        shown = (await browser.get(_PLATFORM)).text
        assert "二号车间" in shown
        assert _NO_CREDENTIAL not in shown
        assert "so a gateway ends" in shown


async def test_many_gateways_come_in_parts(app: FastAPI, connection: psycopg.Connection) -> None:
    """The page of the platform has the first, and says where the others are."""
    connection.execute(_INSERT_GATEWAYS)
    connection.commit()
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        names: list[str] = []
        address: str | None = _PLATFORM
        while address is not None:
            page = (await browser.get(address, headers={"hx-request": "true"})).text
            names += [word[:6] for word in page.split("<code>gw-")[1:]]
            address = None
            if "More gateways" in page:
                address = page.split('class="more"')[1].split('href="')[1].split('"')[0]
    assert [int(name[:3]) for name in names] == list(range(1, 121))


async def test_the_cloud_has_its_credential_whatever_devices_have(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """A device's of an earlier release is none of the cloud's, though it publishes as the cloud."""
    issue_to(connection, "alpha/CNC-01")
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        assert "There is no valid credential." in (await browser.get(_PLATFORM)).text
        issued = await _send(browser, _PLATFORM, "/credentials", platform="alpha")
        assert "-t jieru/v1/alpha/SERIAL/heartbeat" in issued.text
        assert "There is no valid credential." not in (await browser.get(_PLATFORM)).text


async def test_a_device_moves_from_its_old_credential_to_one_of_its_own(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """The page marks the old one as long as it is open, and offers one of its own beside it."""
    old = issue_to(connection, "alpha/CNC-01")
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        shown = (await browser.get(_DEVICE)).text
        assert _OF_EARLIER_RELEASE in shown
        assert "The device has no valid credential of its own." in shown
        fields = {"platform": "alpha", "serial": "CNC-01"}
        issued = await _send(browser, _DEVICE, "/credentials", **fields)
        assert "alpha/own/CNC-01" in issued.text
        shown = (await browser.get(_DEVICE)).text
        assert _OF_EARLIER_RELEASE in shown
        assert "no valid credential" not in shown
        revoked = await _send(browser, _DEVICE, f"/credentials/{old.id}/revoke")
        assert revoked.headers["location"] == _DEVICE
        assert _OF_EARLIER_RELEASE not in (await browser.get(_DEVICE)).text


async def test_a_device_says_where_its_heartbeats_are_published_and_by_whom(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Each heartbeat, and the hours of the month that is shown."""
    ((device, platform),) = connection.execute("SELECT id, platform_id FROM devices").fetchall()
    gateway = register_gateway(connection, platform, "gw-1")
    now = datetime.now(UTC)
    for publisher in (ITSELF_ID, gateway):
        connection.execute(_INSERT_PRESENCE, (device, civil_date(now).replace(day=1), publisher))
    connection.execute(_INSERT_HEARTBEAT, (device, now, gateway))
    connection.commit()
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        shown = " ".join((await browser.get(_DEVICE)).text.split())
        for part in ("own/", "via/{gateway}/", ""):
            assert f"<code>jieru/v1/alpha/{part}CNC-01/heartbeat</code>" in shown
        assert "device itself 4 h" in shown
        assert "gateway <code>gw-1</code> 4 h" in shown
        assert 'data-label="Publisher">gateway <code>gw-1</code></td>' in shown
        earlier = (await browser.get(f"{_DEVICE}?month=2025-01")).text
        assert "Heard this month" not in earlier
