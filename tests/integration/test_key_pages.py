"""The pages of API keys and of a person's own keys."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from api.web.filters import today_of
from jieru.audit import Actor, changing
from jieru.credentials.records import issue
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.callers import key_of
from tests.support.registry_builder import RegistryBuilder
from tests.support.visiting import add_person, form_token_of, sign_in, visiting


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A platform with its operator lin, the verifier chen, and the administrator wu."""
    with connect(database_url) as connection:
        RegistryBuilder(connection).platform("xielian")
        connection.commit()
        add_person(connection, "lin", Role.OPERATOR, platform="xielian")
        add_person(connection, "chen", Role.VERIFIER)
        add_person(connection, "wu", Role.ADMIN)
        yield connection


@pytest.fixture
def app(database_url: str, connection: psycopg.Connection) -> Iterator[FastAPI]:
    """The application on it."""
    del connection  # only its people
    with open_pool(database_url, size=2) as pool:
        yield create_app(Settings(), pool)


def _day(days: int) -> str:
    """So many days from now."""
    return str(today_of(datetime.now(UTC)) + timedelta(days=days))


async def _send(
    browser: httpx.AsyncClient, page: str, action: str, **fields: object
) -> httpx.Response:
    token = form_token_of(await browser.get(page))
    return await browser.post(action, data=fields | {"form_token": token})


async def test_an_administrator_may_let_a_program_answer_requests_and_take_no_step(
    app: FastAPI,
) -> None:
    """A personal key has both scopes, and a program has a use for one of them."""
    async with visiting(app) as browser:
        await sign_in(browser, "wu")
        page = (await browser.get("/api-keys/new")).text
    assert 'value="requests:write"' in page
    assert "procedure:write" not in page


async def test_a_key_gets_the_scopes_whose_boxes_are_checked(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """The narrow ones are checked to begin with; none at all is a mistake."""
    new = "/api-keys/new"
    said = {"name": "sync", "expires_at": _day(30)}
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        page = (await browser.get(new)).text
        assert re.findall(r'name="scopes" value="(\S+)" checked', page) == [
            "counts:read",
            "registry:read",
        ]
        assert 'value="keys:write"' in page
        assert "platforms:write" not in page
        assert "procedure:write" not in page
        assert "requests:write" not in page
        wrong = await _send(browser, new, new, **said)
        assert wrong.status_code == 422
        assert "Choose at least one of them." in wrong.text
        unknown = await _send(browser, new, new, **said, scopes=["registry:read", "all"])
        assert unknown.status_code == 422
        beyond = await _send(browser, new, new, **said, scopes=["panels:read"])
        assert "The role of this key cannot use: panels:read." in beyond.text
        made = await _send(browser, new, new, **said, scopes=["registry:read", "registry:write"])
        assert made.status_code == 200, made.text
        listed = (await browser.get("/api-keys")).text
    assert "registry:write" in listed
    kept = connection.execute("SELECT scopes, user_id FROM api_keys").fetchall()
    assert kept == [(["registry:read", "registry:write"], 1)]


async def test_a_page_says_what_ended_and_offers_to_end_the_credentials_too(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Where there is nothing to say, the list follows at once."""
    key, other = key_of(connection, "lin", name="sync"), key_of(connection, "lin")
    with changing(connection, Actor(f"key:{key.key_id}", "127.0.0.1")):
        issue(connection, platform_id=1)
    connection.commit()
    async with visiting(app) as browser:
        await sign_in(browser, "wu")
        revoke = f"/api-keys/{key.key_id}/revoke"
        ended = await _send(browser, "/api-keys", revoke)
        for part in ("API keys that ended: 1", "sync", key.key_id, "go on: 1", "xielian"):
            assert part in ended.text
        too = await _send(browser, "/api-keys", revoke, credentials="true")
        assert "Credentials of equipment that were revoked: 1" in too.text
        assert "Revoke these credentials too" not in too.text
        alone = await _send(browser, "/api-keys", f"/api-keys/{other.key_id}/revoke")
        assert (alone.status_code, alone.headers["location"]) == (303, "/api-keys")
    assert connection.execute("SELECT FROM broker_users").fetchall() == []


async def test_a_person_makes_a_personal_key_and_ends_it(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Shown this once; nobody else ends it there, and the API does not take it."""
    own, new = "/account/personal-keys", "/account/personal-keys/new"
    async with visiting(app) as browser, visiting(app) as stranger:
        await sign_in(browser, "chen")
        await sign_in(stranger, "wu")
        assert own in (await browser.get("/")).text
        late = await _send(browser, new, new, name="核定", expires_at=_day(95))
        assert late.status_code == 422
        assert "at most 92 days from now" in late.text
        made = await _send(browser, new, new, name="核定", expires_at=_day(30))
        found = re.search(r"jieru_personal_([0-9a-z]{8})_[\w-]{43}", made.text)
        assert found is not None, made.text
        listed = (await browser.get(own)).text
        assert found[1] in listed
        assert found[0] not in listed
        assert found[1] not in (await stranger.get(own)).text
        as_key = {"authorization": f"Bearer {found[0]}"}
        async with visiting(app) as program:
            assert (await program.get("/api/v1/me", headers=as_key)).status_code == 401
        revoke = f"{own}/{found[1]}/revoke"
        assert (await _send(stranger, own, revoke)).status_code == 404
        assert (await _send(browser, own, revoke)).status_code == 303
    assert connection.execute("SELECT revoked_at IS NULL FROM api_keys").fetchall() == [(False,)]


async def test_who_takes_no_steps_has_no_personal_keys(app: FastAPI) -> None:
    """An operator's menu does not lead there."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        assert "/account/personal-keys" not in (await browser.get("/")).text
        assert (await browser.get("/account/personal-keys")).status_code == 403
