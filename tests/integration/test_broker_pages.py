"""What the broker told of connections, on its pages and for programs."""

from collections.abc import Iterator

import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.people import session_of
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, as_role
from tests.support.visiting import add_person, visiting


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A platform with the operator lin."""
    with connect(database_url) as connection:
        RegistryBuilder(connection).platform("alpha")
        add_person(connection, "lin", Role.OPERATOR, platform="alpha")
        connection.commit()
        yield connection


@pytest.fixture
def app(database_url: str, connection: psycopg.Connection) -> Iterator[FastAPI]:
    """The application on it."""
    del connection  # only what it has built
    with open_pool(as_role(database_url, API), size=2) as pool:
        yield create_app(Settings(), pool)


@pytest.mark.parametrize("of", ["sessions", "events"])
async def test_a_username_that_cannot_be_is_an_invalid_request(
    app: FastAPI, connection: psycopg.Connection, of: str
) -> None:
    """PostgreSQL's text knows no NUL character."""
    async with visiting(app) as program:
        answer = await program.get(
            f"/api/v1/broker/{of}",
            params={"username": "alpha\x00"},
            headers=bearer(connection, Role.OPERATOR, "alpha"),
        )
    assert answer.status_code == 422


async def test_a_broker_that_has_only_refused_is_followed(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Whoever begins with a wrong secret is not told that nothing is known."""
    unknown = "No broker is followed here"
    async with visiting(app) as browser:
        browser.cookies.set("jieru_session", session_of(connection, "lin"))
        assert unknown in (await browser.get("/platforms/alpha/broker")).text
        connection.execute(
            "INSERT INTO broker_events (hour, kind, platform_id, username, is_user, client_id,"
            " address, topic, detail, number, first_at, at)"
            " SELECT date_trunc('hour', now(), 'UTC'), 'refused', id, 'alpha', true, '',"
            " '10.0.0.7', '', 'wrong_secret', 1, now(), now() FROM platforms"
        )
        connection.commit()
        page = (await browser.get("/platforms/alpha/broker")).text
    assert unknown not in page
    assert "The secret is wrong." in page
