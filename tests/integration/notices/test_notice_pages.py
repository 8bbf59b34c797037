"""The bell, a person's ways, leaving without signing in, and messages given up."""

from collections.abc import Iterator

import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, as_role
from tests.support.visiting import add_person, form_token_of, sign_in, visiting

_TELL = """
    WITH told AS (
        INSERT INTO notices (event_key, kind, platform_id, said, path, happened_at)
        VALUES ('k', 'first_heartbeat', (SELECT id FROM platforms), '{"enterprise": "甲厂"}',
                '/enterprises', now())
        RETURNING id)
    INSERT INTO notice_readers (notice_id, user_id)
    SELECT told.id, users.id FROM told, users WHERE name = 'lin'
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """The operator lin, the verifier chen, the administrator wu."""
    with connect(database_url) as connection:
        RegistryBuilder(connection).platform("xielian")
        connection.commit()
        add_person(connection, "lin", Role.OPERATOR, platform="xielian")
        add_person(connection, "chen", Role.VERIFIER)
        add_person(connection, "wu", Role.ADMIN)
        connection.execute(_TELL.encode())
        connection.commit()
        connection.autocommit = True
        yield connection


@pytest.fixture
def app(database_url: str, connection: psycopg.Connection) -> Iterator[FastAPI]:
    """The application on it, under its role."""
    del connection  # only its people
    with open_pool(as_role(database_url, API), size=2) as pool:
        yield create_app(Settings(), pool)


async def test_a_bell_counts_lists_and_forgets(app: FastAPI) -> None:
    """What is read is counted no more."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        assert "</span>1</span>" in (await browser.get("/notices/unread")).text
        page = await browser.get("/notices")
        assert "甲厂" in page.text
        token = form_token_of(page)
        await browser.post("/notices/read", data={"form_token": token})
        assert not (await browser.get("/notices/unread")).text.strip()
        assert (await browser.get("/api/v1/notices")).json()["unread"] == 0


async def test_somebody_adds_a_mailbox_and_leaves_it_without_signing_in(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Looking at the link leaves nothing, one POST does, and both are in the audit."""
    new = "/notices/channels/new"
    async with visiting(app) as browser:
        await sign_in(browser, "chen")
        said = {
            "form_token": form_token_of(await browser.get(new)),
            "channel": "email",
            "address": "chen@example.cn",
            "kinds": ["step_waiting", "notice_period_ended"],
            "frequency": "daily",
            "quiet_from": "22",
            "quiet_to": "7",
        }
        answer = await browser.post(new, data=said)
        assert answer.status_code == 303, answer.text
        assert "chen@example.cn" in (await browser.get("/notices/channels")).text
        refused = await browser.post(new, data=said | {"kinds": ["device_silent"]})
        assert refused.status_code == 422
    ((code,),) = connection.execute("SELECT leave_code FROM notice_channels").fetchall()
    async with visiting(app) as stranger:
        address = f"/notices/leave/{code}"
        assert (await stranger.get(address)).status_code == 200
        left = "SELECT left_at IS NOT NULL FROM notice_channels"
        assert connection.execute(left).fetchone() == (False,)
        one_click = await stranger.post(address, data={"List-Unsubscribe": "One-Click"})
        assert one_click.status_code == 200
        assert connection.execute(left).fetchone() == (True,)
        assert (await stranger.post(address)).status_code == 200
        assert (await stranger.get("/notices/leave/unknown")).status_code == 404
    entries = connection.execute(
        "SELECT action, actor, after::text FROM audit_entries "
        "WHERE record_kind = 'notice_channels' ORDER BY number"
    ).fetchall()
    assert [entry[:2] for entry in entries] == [("create", "user:chen"), ("change", "link:leave")]
    assert not any("chen@example.cn" in entry[2] or code in entry[2] for entry in entries)


async def test_an_administrator_has_what_was_given_up_tried_anew(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """And nobody else does."""
    connection.execute(
        "INSERT INTO outbox (event_key, recipient, subject, body, dead, attempts) "
        "VALUES ('x', 'a@b.cn', '主题一', 'text', true, 16)"
    )
    async with visiting(app) as browser:
        await sign_in(browser, "wu")
        page = await browser.get("/notices/dead")
        assert "主题一" in page.text
        assert "a@b.cn" not in page.text
        token = form_token_of(page)
        await browser.post("/notices/dead/1/resend", data={"form_token": token})
        assert (await browser.get("/api/v1/outbox/dead")).json() == {"items": []}
