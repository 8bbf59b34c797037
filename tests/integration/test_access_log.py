"""Who came, read and took away: what is entered, who reads it, how long it is kept."""

import re
from collections.abc import Iterator

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from api.access.access_log import RECORDED
from api.access.roles import Role
from api.access.table import ROUTES
from api.app import create_app
from jieru.access_entries import AccessKind, forget_old_entries
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.command import jieru
from tests.support.registry_builder import RegistryBuilder
from tests.support.visiting import add_person, form_token_of, sign_in, visiting

_ENTRIES = "SELECT kind, actor, origin, record FROM access_entries ORDER BY number"


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """The database with a platform and people."""
    with connect(database_url) as connection:
        builder = RegistryBuilder(connection)
        builder.platform("alpha", level=None)
        connection.commit()
        add_person(connection, "lin", Role.VERIFIER)
        add_person(connection, "wang", Role.AUDITOR)
        yield connection


@pytest.fixture
def app(database_url: str, connection: psycopg.Connection) -> Iterator[FastAPI]:
    """The application on it."""
    del connection  # only what it holds
    with open_pool(database_url, size=2) as pool:
        yield create_app(Settings(), pool)


def entries(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    """All that is entered."""
    found = connection.execute(_ENTRIES).fetchall()
    connection.commit()
    return found


async def test_coming_failing_and_leaving_are_entered(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """With the account's name where it is one; a password typed as a name is kept nowhere."""
    async with visiting(app, address="203.0.113.9") as browser:
        await sign_in(browser, "lin", "wrong password")
        await sign_in(browser, "correct horse battery", "lin")
        await sign_in(browser, "lin")
        token = form_token_of(await browser.get("/account/password"))
        await browser.post("/sign-out", data={"form_token": token})
    assert entries(connection) == [
        ("sign_in_failed", "user:lin", "203.0.113.9", ""),
        ("sign_in_failed", None, "203.0.113.9", ""),
        ("sign_in", "user:lin", "203.0.113.9", ""),
        ("sign_out", "user:lin", "203.0.113.9", ""),
    ]


async def test_reads_and_exports_are_entered_with_their_address_and_others_are_not(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """What was refused was not read."""
    key, operator = bearer(connection, Role.ADMIN), bearer(connection, Role.OPERATOR, "alpha")
    async with visiting(app) as browser:
        for address in ("/platforms", "/devices", "/api/v1/devices", "/healthz"):
            await browser.get(address, headers=key)
        assert entries(connection) == []
        await browser.get("/api/v1/devices.csv?platform=alpha", headers=operator)
        await browser.get("/audit", headers=key)
        await browser.get("/api/v1/api-keys", headers=key)
        assert (await browser.get("/access-log", headers=operator)).status_code == 403
        wrong = await browser.get("/api/v1/audit-entries?nothing=1", headers=key)
        assert wrong.status_code == 422
    found = entries(connection)
    assert [(kind, record) for kind, _actor, _origin, record in found] == [
        ("export", "/api/v1/devices.csv?platform=alpha"),
        ("read", "/audit"),
        ("read", "/api/v1/api-keys"),
    ]
    assert all(str(actor).startswith("key:") for _kind, actor, _origin, _record in found)


async def test_a_secret_is_entered_before_it_is_given(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """And none is given where it cannot be entered; what is only read is given all the same."""
    key = bearer(connection, Role.ADMIN)
    body = {"platform": "alpha"}
    async with visiting(app) as browser:
        await browser.post("/api/v1/credentials", json=body, headers=key)
        assert [row[0] for row in entries(connection)] == ["secret"]
        connection.execute("ALTER TABLE access_entries ADD CHECK (kind = 'secret') NOT VALID")
        connection.execute("ALTER TABLE access_entries ADD CHECK (record = '') NOT VALID")
        connection.commit()
        issued = connection.execute("SELECT count(*) FROM credentials").fetchone()
        connection.commit()
        with pytest.raises(psycopg.errors.CheckViolation):
            await browser.post("/api/v1/credentials", json=body, headers=key)
        assert connection.execute("SELECT count(*) FROM credentials").fetchone() == issued
        assert (await browser.get("/api/v1/audit-entries", headers=key)).status_code == 200


async def test_personal_keys_and_connection_requests_are_entered(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Whoever asks for a key or reads a list, by page or by program."""
    async with visiting(app) as browser:
        await sign_in(browser, "lin")
        token = form_token_of(await browser.get("/account/password"))
        made = await browser.post(
            "/account/personal-keys/new",
            data={"name": "x", "expires_at": "", "form_token": token},
        )
        assert made.status_code == 422
        for address in ("/account/personal-keys", "/connection-requests"):
            assert (await browser.get(address)).status_code == 200
        assert (await browser.get("/api/v1/connection-requests")).status_code == 200
    assert [(kind, record) for kind, _actor, _origin, record in entries(connection)] == [
        ("sign_in", ""),
        ("secret", "/account/personal-keys/new"),
        ("read", "/account/personal-keys"),
        ("read", "/connection-requests"),
        ("read", "/api/v1/connection-requests"),
    ]


def test_what_commands_read_out_is_entered_before_it_is_shown(
    connection: psycopg.Connection, database_url: str
) -> None:
    """Of people, decisions, equipment and awards; also where nothing is found."""
    connection.commit()
    words = (
        "count 2025",
        "decide list --platform alpha",
        "requests list",
        "credential list",
        "user list",
        "recheck 2025",
        "procedure show 2025",
        "procedure compare 2025 1 2",
        "procedure export 2025 /dev/null",
    )
    for each in words:
        jieru(*each.split(), timeout_s=60, database_url=database_url)
    entered = connection.execute(_ENTRIES).fetchall()
    assert {row[1].partition(":")[0] for row in entered} == {"command"}
    assert [(row[0], row[3]) for row in entered] == [
        ("read", "jieru count 2025"),
        ("read", "jieru decide list alpha"),
        ("read", "jieru requests list"),
        ("read", "jieru credential list"),
        ("read", "jieru user list"),
        ("read", "jieru recheck 2025"),
        ("read", "jieru procedure show 2025"),
        ("read", "jieru procedure compare 2025 1 2"),
        ("export", "jieru procedure export 2025"),
    ]


def test_every_file_and_every_secret_is_entered(app: FastAPI) -> None:
    """No route that gives a file or a secret is missing, and no line of the table is no route."""
    assert RECORDED.keys() <= ROUTES.keys()
    files = {
        (method, path)
        for method, path in ROUTES
        if re.search(r"\.(csv|xlsx)$|/report$|/documents/", path) and "templates" not in path
    }
    assert {name for name, kind in RECORDED.items() if kind is AccessKind.EXPORT} == files
    shown_once = {
        (method, context.path_format)
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute)
        for method in context.methods or ()
        if "text" in getattr(context.original_route.response_model, "model_fields", {})
        or "secret" in getattr(context.original_route.response_model, "model_fields", {})
    }
    assert shown_once
    assert shown_once <= RECORDED.keys()


async def entries_of(browser: httpx.AsyncClient, query: str = "") -> list[dict[str, object]]:
    """One answer of the API."""
    answer = await browser.get(f"/api/v1/access-entries{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.json()["items"]
    return items


async def test_auditors_read_it_filtered_and_page_by_page(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """On a page, as JSON and as a file; reading it is entered too."""
    async with visiting(app, address="203.0.113.9") as stranger:
        for _ in range(3):
            await sign_in(stranger, "lin", "wrong password")
    async with visiting(app) as browser:
        await sign_in(browser, "wang")
        page = await browser.get("/access-log?kind=sign_in_failed&actor=user:lin")
        assert page.text.count("203.0.113.9") == 3
        assert "wrong name or password" in page.text
        assert len(await entries_of(browser, "?kind=sign_in_failed")) == 3
        assert [each["actor"] for each in await entries_of(browser, "?limit=1")] == ["user:wang"]
        first = (await browser.get("/api/v1/access-entries?limit=2")).json()
        second = await entries_of(browser, f"?limit=200&cursor={first['next_cursor']}")
        numbers = [each["number"] for each in first["items"] + second]
        assert numbers == sorted(numbers, reverse=True)
        assert await entries_of(browser, "?since=2099-01-01T00:00:00Z") == []
        assert await entries_of(browser, "?until=2020-01-01T00:00:00Z") == []
        file = await browser.get("/api/v1/access-entries.csv?kind=sign_in_failed")
        assert file.text.count("sign_in_failed") == 3 + file.text.splitlines()[0].count(
            "sign_in_failed"
        )
    assert entries(connection)[-1][3] == "/api/v1/access-entries.csv?kind=sign_in_failed"


def test_an_entry_is_never_changed_and_stays_half_a_year(connection: psycopg.Connection) -> None:
    """The database itself refuses, whatever the setting says."""
    connection.execute(
        "INSERT INTO access_entries (at, kind, origin, record) SELECT now() - age, 'read', 'x', ''"
        " FROM unnest('{1 day,179 days,181 days,400 days}'::interval[]) AS age"
    )
    connection.commit()
    for statement in (
        "UPDATE access_entries SET record = 'y'",
        "DELETE FROM access_entries",
        "TRUNCATE access_entries",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(statement.encode())
        connection.rollback()
    assert forget_old_entries(connection, 365) == 1
    assert forget_old_entries(connection, 1) == 1
    connection.commit()
    assert len(entries(connection)) == 2
