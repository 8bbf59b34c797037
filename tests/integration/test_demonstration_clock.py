"""The clock of a demonstration: its people let a month pass, and no other application has one."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from api.web.demonstration import Demonstration
from jieru.calendar import civil_date
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.people import session_of
from tests.support.roles import API, as_role
from tests.support.visiting import add_person, form_token_of, visiting


@pytest.fixture
def connection(simulation_database_url: str) -> Iterator[psycopg.Connection]:
    """A simulation with a verifier."""
    with connect(simulation_database_url) as connection:
        add_person(connection, "lin", Role.VERIFIER)
        yield connection


@pytest.fixture
def demonstration() -> Demonstration:
    """One that begins in two months."""
    return Demonstration(civil_date(datetime.now(UTC)) + timedelta(days=60))


@pytest.fixture
def app(
    simulation_database_url: str, connection: psycopg.Connection, demonstration: Demonstration
) -> Iterator[FastAPI]:
    """The application of that demonstration."""
    del connection  # only what it holds
    with open_pool(as_role(simulation_database_url, API), size=2) as pool:
        yield create_app(Settings(language="en"), pool, demonstration=demonstration)


async def _move(
    app: FastAPI, connection: psycopg.Connection, days: str, back: str = "/counts"
) -> httpx.Response:
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        browser.headers["accept-language"] = "en"
        token = form_token_of(await browser.get("/account/password"))
        fields = {"days": days, "back": back, "form_token": token}
        return await browser.post("/demonstration/clock", data=fields, follow_redirects=False)


async def test_each_page_says_the_day_and_lets_time_pass(
    app: FastAPI, connection: psycopg.Connection, demonstration: Demonstration
) -> None:
    """For the steps of counts; what equipment does is told by the real clock."""
    first = demonstration.day
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        browser.headers["accept-language"] = "en"
        page = (await browser.get("/counts")).text
        assert f"Steps of counts are taken as on {first}." in page
        assert 'value="/counts"' in page.split("/demonstration/clock")[1].split("</form>")[0]
    moved = await _move(app, connection, "31")
    assert (moved.status_code, moved.headers["location"]) == (303, "/counts")
    assert demonstration.day == first + timedelta(days=31)


@pytest.mark.parametrize("days", ["0", "-1", "32", "x", ""])
async def test_time_passes_forwards_and_by_a_month_at_most(
    app: FastAPI, connection: psycopg.Connection, demonstration: Demonstration, days: str
) -> None:
    """Anything else is refused."""
    first = demonstration.day
    assert (await _move(app, connection, days)).status_code == 422
    assert demonstration.day == first


async def test_nobody_is_led_elsewhere(app: FastAPI, connection: psycopg.Connection) -> None:
    """An address of another machine leads to the first page."""
    moved = await _move(app, connection, "7", "//elsewhere.example")
    assert moved.headers["location"] == "/"


def test_time_ends_with_the_last_year_that_can_be_counted() -> None:
    """However often somebody moves it."""
    late = Demonstration(date(2099, 12, 20))
    late.move(31)
    late.move(31)
    assert late.day == date(2099, 12, 31)
    with pytest.raises(ValueError, match="32"):
        late.move(32)


async def test_no_other_application_has_such_a_clock(
    simulation_database_url: str, connection: psycopg.Connection
) -> None:
    """A simulation that is served for months goes by the database's clock."""
    with open_pool(as_role(simulation_database_url, API), size=2) as pool:
        app = create_app(Settings(), pool)
        assert (await _move(app, connection, "7")).status_code == 404
        async with visiting(app) as browser:
            browser.cookies.set("jieru_session", session_of(connection, "lin"))
            assert "/demonstration/clock" not in (await browser.get("/counts")).text
