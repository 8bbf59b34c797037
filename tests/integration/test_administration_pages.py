"""The administrator's pages: how the installation is, and accounts that two people change."""

import re
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from jieru.audit import Actor, changing
from jieru.database import connect, open_pool
from jieru.settings import Settings
from jieru.told_processes import tell_process
from tests.support.callers import bearer
from tests.support.planted_secrets import PLANTED, settings_with_secrets
from tests.support.roles import API, as_role
from tests.support.visiting import add_person, form_token_of, sign_in, visiting

_ACCOUNTS = "/administration/accounts"
_PAGES = (
    "/administration",
    "/administration/processes",
    "/administration/policy",
    "/administration/signing-keys",
    "/administration/ingesters",
    "/administration/records",
    _ACCOUNTS,
    f"{_ACCOUNTS}/new",
    f"{_ACCOUNTS}/wu",
    "/api/v1/administration/examination",
    "/api/v1/administration/processes",
    "/api/v1/administration/accounts",
)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """Two administrators, wu and zhao, and the verifier chen."""
    with connect(database_url) as connection:
        add_person(connection, "wu", Role.ADMIN)
        add_person(connection, "zhao", Role.ADMIN)
        add_person(connection, "chen", Role.VERIFIER)
        yield connection


@pytest.fixture
def app(database_url: str, connection: psycopg.Connection) -> Iterator[FastAPI]:
    """The application on it, under its own role."""
    del connection  # only its people
    with open_pool(as_role(database_url, API), size=2) as pool:
        yield create_app(Settings(), pool)


async def _send(browser: httpx.AsyncClient, action: str, **fields: object) -> httpx.Response:
    token = form_token_of(await browser.get(_ACCOUNTS))
    return await browser.post(action, data=fields | {"form_token": token})


def _one(connection: psycopg.Connection, query: str) -> object:
    connection.rollback()
    row = connection.execute(query.encode()).fetchone()
    return row and row[0]


async def test_the_last_administrator_is_not_disabled_and_keeps_the_role(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Whoever is the only one left who can sign in as administrator stays it."""
    async with visiting(app) as browser:
        await sign_in(browser, "wu")
        gone = await _send(browser, f"{_ACCOUNTS}/zhao/disable")
        assert gone.status_code == 303
        refused = await _send(browser, f"{_ACCOUNTS}/wu/disable")
        assert refused.status_code == 409
        assert "only administrator" in refused.text
        demoted = await _send(browser, f"{_ACCOUNTS}/wu/role", role="auditor")
        assert demoted.status_code == 409
    assert _one(connection, "SELECT disabled_at FROM users WHERE name = 'wu'") is None
    assert _one(connection, "SELECT count(*) FROM account_changes") == 0


def test_of_two_administrators_who_disable_each_other_at_once_one_stays(
    connection: psycopg.Connection, database_url: str
) -> None:
    """The second waits for the first, and then is the last one."""
    from threading import Thread  # noqa: PLC0415

    from api.access.users import disable_user, require_other_administrator  # noqa: PLC0415
    from jieru.errors import UserError  # noqa: PLC0415

    refused = []

    def disable(name: str) -> None:
        with connect(database_url) as own:
            try:
                with changing(own, Actor(f"user:{name}", "test")):
                    require_other_administrator(own, name)
                    disable_user(own, name)
                own.commit()
            except UserError:
                refused.append(name)

    threads = [Thread(target=disable, args=(name,)) for name in ("wu", "zhao")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(refused) == 1
    left = "SELECT count(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL"
    assert _one(connection, left) == 1


async def test_a_new_account_needs_another_administrator_and_shows_its_password_once(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Who proposes cannot confirm; who confirms is shown the password; its person signs in."""
    async with visiting(app) as browser:
        await sign_in(browser, "wu")
        proposed = await _send(
            browser, f"{_ACCOUNTS}/new", name="lin", display_name="林敏", role="verifier"
        )
        assert proposed.status_code == 303
        assert _one(connection, "SELECT count(*) FROM users WHERE name = 'lin'") == 0
        change = _one(connection, "SELECT id FROM account_changes")
        confirm = f"/administration/account-changes/{change}/confirm"
        own = await _send(browser, confirm)
        assert own.status_code == 409
        assert "yourself" in own.text
        twice = await _send(browser, f"{_ACCOUNTS}/new", name="lin", role="admin")
        assert twice.status_code == 409
    async with visiting(app) as browser:
        await sign_in(browser, "zhao")
        shown = await _send(browser, confirm)
        assert shown.status_code == 200
        found = re.search(r'<pre id="password-text"[^>]*>([^<]+)</pre>', shown.text)
        assert found is not None
        again = await _send(browser, confirm)
        assert again.status_code == 404
        assert found[1] not in (await browser.get(_ACCOUNTS)).text
    async with visiting(app) as browser:
        assert (await sign_in(browser, "lin", found[1])).status_code == 303
    assert _one(connection, "SELECT role FROM users WHERE name = 'lin'") == "verifier"
    told = "SELECT count(*) FROM audit_entries WHERE record_kind = 'account_changes'"
    assert _one(connection, told) == 2


async def test_a_reset_lets_in_only_after_it_is_confirmed(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Until then the password of before stays good, and the sessions go on."""
    async with visiting(app) as chen:
        await sign_in(chen, "chen")
        async with visiting(app) as browser:
            await sign_in(browser, "wu")
            await _send(browser, f"{_ACCOUNTS}/chen/reset")
        assert (await chen.get("/")).status_code == 200
        async with visiting(app) as browser:
            await sign_in(browser, "zhao")
            change = _one(connection, "SELECT id FROM account_changes")
            await _send(browser, f"/administration/account-changes/{change}/confirm")
        assert (await chen.get("/")).status_code == 303


async def test_sessions_are_ended_at_once(app: FastAPI) -> None:
    """What takes a way in away needs nobody else."""
    async with visiting(app) as chen, visiting(app) as browser:
        await sign_in(chen, "chen")
        await sign_in(browser, "wu")
        assert (await _send(browser, f"{_ACCOUNTS}/chen/end-sessions")).status_code == 303
        assert (await chen.get("/")).status_code == 303


async def test_the_database_itself_refuses_who_confirms_an_own_proposal(
    connection: psycopg.Connection,
) -> None:
    """Whatever program asks, and however the name is spelt."""
    with changing(connection, Actor("user:wu", "test")):
        connection.execute(
            "INSERT INTO account_changes (kind, name, proposed_by) "
            "VALUES ('reset', 'chen', 'user:wu')"
        )
    connection.commit()
    with pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute(
            "UPDATE account_changes SET confirmed_by = 'user: WU', confirmed_at = now()"
        )


async def test_no_program_changes_an_account(app: FastAPI, connection: psycopg.Connection) -> None:
    """A key of an administrator with every scope reads, and changes nothing."""
    key = bearer(connection, Role.ADMIN)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
        read = await client.get("/api/v1/administration/accounts", headers=key)
        changed = await client.post(f"{_ACCOUNTS}/chen/disable", headers=key)
    assert [each["name"] for each in read.json()["items"]] == ["chen", "wu", "zhao"]
    assert changed.status_code == 403


async def test_no_page_shows_a_secret(database_url: str, connection: psycopg.Connection) -> None:
    """Every setting holds a planted one, and no page or answer of administration has it."""
    settings = settings_with_secrets(as_role(database_url, API))
    tell_process("serve", settings)
    key = bearer(connection, Role.ADMIN)
    shown = Settings(**{**settings.model_dump(), **_startable()})
    with open_pool(settings.database_url, size=2) as pool:
        app = create_app(shown, pool)
        async with visiting(app) as browser:
            await sign_in(browser, "wu")
            for page in _PAGES:
                headers = key if page.startswith("/api/") else {}
                answer = await browser.get(page, headers=headers)
                assert answer.status_code == 200, page
                assert PLANTED not in answer.text, page
    assert "***" in str(_one(connection, "SELECT settings FROM processes"))
    assert PLANTED not in str(_one(connection, "SELECT settings FROM processes"))


def _startable() -> dict[str, object]:
    """What the console itself needs to be right to start at all."""
    return {"policy": "putian-2026", "oidc_issuer": "", "oidc_client_secret": ""}


async def test_on_simulated_data_one_name_suffices(simulation_database_url: str) -> None:
    """As for every other step there: the password is shown at once."""
    with connect(simulation_database_url) as connection:
        add_person(connection, "wu", Role.ADMIN)
    with open_pool(as_role(simulation_database_url, API), size=2) as pool:
        async with visiting(create_app(Settings(), pool)) as browser:
            await sign_in(browser, "wu")
            fields = {"name": "lin", "display_name": "林敏", "role": "verifier"}
            shown = await _send(browser, f"{_ACCOUNTS}/new", **fields)
    assert 'id="password-text"' in shown.text
