"""API keys: who makes which, what they open, and how they end."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, as_role

KEYS = "/api/v1/api-keys"
_UNGUARDED = "ALTER TABLE api_keys DISABLE TRIGGER api_keys_stay"


def in_days(days: float) -> str:
    """So many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def wanted(**changes: object) -> dict[str, Any]:
    """What is asked for a key of the operator of xielian."""
    asked: dict[str, Any] = {"name": "数据同步", "role": "operator", "platform": "xielian"}
    return asked | {"expires_at": in_days(30)} | changes


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """The database, with two platforms."""
    with connect(database_url) as connection:
        builder = RegistryBuilder(connection)
        builder.platform("xielian")
        builder.platform("guolian")
        connection.commit()
        yield connection


@pytest.fixture
def app(database_url: str, connection: psycopg.Connection) -> Iterator[FastAPI]:
    """The application on it."""
    del connection  # only its platforms
    with open_pool(as_role(database_url, API), size=2) as pool:
        yield create_app(Settings(), pool)


@asynccontextmanager
async def client(app: FastAPI, headers: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """A program with these headers."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, client=("203.0.113.9", 1)),
        base_url="http://jieru.test",
        headers={"accept-language": "en"} | headers,
    ) as program:
        yield program


async def test_a_new_key_opens_the_door_and_its_text_is_shown_once(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """The list has everything but the text; so has the audit, and it names who made it."""
    admin = bearer(connection, Role.ADMIN)
    async with client(app, admin) as program:
        made = await program.post(KEYS, json=wanted())
        assert made.status_code == 201, made.text
        text = made.json()["text"]
        listed = await program.get(KEYS)
    async with client(app, {"authorization": f"bearer {text}"}) as program:
        me = (await program.get("/api/v1/me")).json()
    assert (me["actor"], me["display_name"]) == (f"key:{made.json()['key_id']}", "数据同步")
    assert (me["role"], me["platform"]) == ("operator", "xielian")
    assert me["scopes"] == ["counts:read", "registry:read"]
    assert me["permissions"] == ["read_counts", "read_registry", "use_own_session"]
    secret = text.rpartition("_")[2]
    assert secret not in listed.text
    (entry,) = connection.execute(
        "SELECT actor, origin, platform_id, audit_entries::text FROM audit_entries"
        " WHERE record_kind = 'api_keys' ORDER BY number DESC LIMIT 1"
    ).fetchall()
    assert entry[0].startswith("key:")
    assert entry[1] == "203.0.113.9"
    assert entry[2] is not None
    assert secret not in entry[3]


async def test_the_use_of_a_key_is_remembered(app: FastAPI, connection: psycopg.Connection) -> None:
    """When and from where, last."""
    key = bearer(connection, Role.ADMIN)
    async with client(app, key) as program:
        (listed,) = (await program.get(KEYS)).json()["items"]
    assert listed["last_origin"] == "203.0.113.9"
    assert datetime.fromisoformat(listed["last_used_at"]) > datetime.now(UTC) - timedelta(minutes=1)


async def test_keys_are_listed_newest_first_and_as_many_as_wanted(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Ended ones too."""
    async with client(app, bearer(connection, Role.ADMIN)) as program:
        for number in range(3):
            await program.post(KEYS, json=wanted(name=f"key {number}"))
        listed = (await program.get(f"{KEYS}?limit=2")).json()["items"]
        assert [each["name"] for each in listed] == ["key 2", "key 1"]
        assert (await program.get(f"{KEYS}?limit=0")).status_code == 422


async def test_an_operator_makes_keys_for_the_own_platform_only(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Another platform is not there, and no other role is the operator's to give."""
    async with client(app, bearer(connection, Role.OPERATOR, "xielian")) as program:
        assert (await program.post(KEYS, json=wanted())).status_code == 201
        theirs = await program.post(KEYS, json=wanted(platform="guolian"))
        nobodys = await program.post(KEYS, json=wanted(platform="nowhere"))
        assert theirs.status_code == nobodys.status_code == 422
        assert theirs.text == nobodys.text.replace("nowhere", "guolian")
        for role in ("verifier", "auditor", "admin"):
            refused = await program.post(KEYS, json=wanted(role=role, platform=None))
            assert refused.status_code == 422
            assert [each["field"] for each in refused.json()["errors"]] == ["role"]


async def test_an_operator_sees_and_revokes_keys_of_the_own_platform_only(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Another's key is answered as one that does not exist."""
    own, theirs = (bearer(connection, Role.OPERATOR, code) for code in ("xielian", "guolian"))
    bearer(connection, Role.ADMIN)
    async with client(app, theirs) as program:
        ((their_id,)) = [each["key_id"] for each in (await program.get(KEYS)).json()["items"]]
    async with client(app, own) as program:
        (listed,) = (await program.get(KEYS)).json()["items"]
        assert listed["platform"] == "xielian"
        refused = await program.post(f"{KEYS}/{their_id}/revoke")
        unknown = await program.post(f"{KEYS}/zzzzzzzz/revoke")
        assert refused.status_code == unknown.status_code == 404
        assert refused.text == unknown.text.replace("zzzzzzzz", their_id)
        assert (await program.post(f"{KEYS}/{listed['key_id']}/revoke")).status_code == 200
        assert (await program.get(KEYS)).status_code == 401
    async with client(app, theirs) as program:
        assert (await program.get(KEYS)).status_code == 200


async def test_a_revoked_key_stays_revoked_as_it_was(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Doing it again changes nothing, and no entry is made."""
    async with client(app, bearer(connection, Role.ADMIN)) as program:
        key_id = (await program.post(KEYS, json=wanted())).json()["key_id"]
        first = (await program.post(f"{KEYS}/{key_id}/revoke")).json()
        again = (await program.post(f"{KEYS}/{key_id}/revoke")).json()
    assert first["revoked_at"] is not None
    assert [each["key_id"] for each in first["ended"]] == [key_id]
    assert again == first | {"ended": []}
    rows = connection.execute(
        "SELECT FROM audit_entries WHERE record_kind = 'api_keys' AND action = 'change'"
    ).fetchall()
    assert len(rows) == 1


@pytest.mark.parametrize(
    "end",
    [
        "UPDATE api_keys SET revoked_at = now()",
        "UPDATE api_keys SET expires_at = now()",
        "UPDATE api_keys SET secret_hash = sha256('another')",
    ],
    ids=["revoked", "expired", "another secret"],
)
async def test_a_key_that_ended_opens_nothing(
    app: FastAPI, connection: psycopg.Connection, end: str
) -> None:
    """And says so to its program."""
    async with client(app, bearer(connection, Role.ADMIN)) as program:
        assert (await program.get("/api/v1/me")).status_code == 200
        connection.execute(_UNGUARDED)
        connection.execute(end.encode())
        connection.commit()
        answer = await program.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "unknown, expired or revoked" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"expires_at": in_days(-0.01)}, "expires_at"),
        ({"expires_at": in_days(366.1)}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
        ({"expires_at": "2026-12-31T00:00:00"}, "expires_at"),
        ({"expires_at": None}, "expires_at"),
        ({"platform": None}, "platform"),
        ({"platform": "nowhere"}, "platform"),
        ({"platform": "\0"}, "platform"),
        ({"role": "auditor"}, "platform"),
        ({"role": "god"}, "role"),
        ({"name": " "}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"secret": "mine"}, "secret"),
    ],
)
async def test_a_key_that_cannot_be_made_names_what_is_wrong(
    app: FastAPI, connection: psycopg.Connection, changes: dict[str, object], field: str
) -> None:
    """Nothing is made then."""
    async with client(app, bearer(connection, Role.ADMIN)) as program:
        answer = await program.post(KEYS, json=wanted(**changes))
        assert answer.status_code == 422, answer.text
        assert field in [each["field"] for each in answer.json()["errors"]]
        assert len((await program.get(KEYS)).json()["items"]) == 1


async def test_a_key_may_have_any_role_when_an_administrator_makes_it(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """For as long as a leap year."""
    async with client(app, bearer(connection, Role.ADMIN)) as program:
        for role in ("verifier", "auditor", "admin"):
            asked = wanted(role=role, platform=None, expires_at=in_days(365.99))
            made = await program.post(KEYS, json=asked)
            assert made.status_code == 201, made.text
            assert made.json()["role"] == role


@pytest.mark.parametrize("key_id", ["%00", "x", "a" * 300, "%F0%9F%98%80"])
async def test_what_is_no_key_is_not_found(
    app: FastAPI, connection: psycopg.Connection, key_id: str
) -> None:
    """Whatever it looks like."""
    async with client(app, bearer(connection, Role.ADMIN)) as program:
        assert (await program.post(f"{KEYS}/{key_id}/revoke")).status_code == 404
