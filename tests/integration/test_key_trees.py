"""Keys that make keys: none has more or lasts longer than its maker, and all end with it."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.access.key_trees import end_key
from api.access.roles import Role
from api.access.scopes import Scope
from api.access.users import disable_user
from api.app import create_app
from jieru.audit import Actor, changing
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.callers import bearer, key_of
from tests.support.fleet import wait_until
from tests.support.registry_builder import RegistryBuilder
from tests.support.visiting import add_person

KEYS = "/api/v1/api-keys"
_ADMIN = Actor("command:tests", "command line")
_NOW = datetime.now(UTC)
"""Of this test run: keys for as many days end together."""
_OPERATORS = ["counts:read", "credentials:write", "keys:write", "registry:read"]


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """The database, with a platform and its operator lin."""
    with connect(database_url) as connection:
        RegistryBuilder(connection).platform("xielian")
        connection.commit()
        add_person(connection, "lin", Role.OPERATOR, platform="xielian")
        yield connection


@pytest.fixture
def app(database_url: str, connection: psycopg.Connection) -> Iterator[FastAPI]:
    """The application on it."""
    del connection  # only its platform
    with open_pool(database_url, size=4) as pool:
        yield create_app(Settings(), pool)


class Program:
    """A program with one key."""

    def __init__(self, app: FastAPI, text: str) -> None:
        """Nothing is asked yet."""
        self._app = app
        self._text = text

    async def ask(self, method: str, path: str, **content: Any) -> httpx.Response:  # noqa: ANN401
        """One request."""
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self._app),
            base_url="http://jieru.test",
            headers={"authorization": f"Bearer {self._text}", "accept-language": "en"},
        ) as client:
            return await client.request(method, path, **content)

    async def make(self, *scopes: str, days: float = 10, **changes: object) -> httpx.Response:
        """Ask for a key of the operator of xielian."""
        wanted = {
            "name": "child",
            "role": "operator",
            "platform": "xielian",
            "scopes": scopes or _OPERATORS,
            "expires_at": (_NOW + timedelta(days=days)).isoformat(),
        }
        return await self.ask("POST", KEYS, json=wanted | changes)

    async def child(self, *scopes: str) -> tuple[str, "Program"]:
        """A key that this one makes: its number, and a program with it."""
        made = await self.make(*scopes)
        assert made.status_code == 201, made.text
        return made.json()["key_id"], Program(self._app, made.json()["text"])

    async def is_let_in(self) -> bool:
        """Whether the key opens anything."""
        return (await self.ask("GET", "/api/v1/me")).status_code == 200


async def _three(app: FastAPI, connection: psycopg.Connection) -> list[tuple[str, Program]]:
    """A key of lin, one that it made, and one that this made."""
    first = key_of(connection, "lin")
    second = await Program(app, first.text).child()
    third = await second[1].child()
    return [(first.key_id, Program(app, first.text)), second, third]


def test_a_key_is_refused_what_no_scope_of_it_names(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """And is told which scope that is; what its role lacks no scope gives."""
    headers = bearer(connection, Role.AUDITOR, scopes={Scope.COUNTS_READ}) | {
        "accept-language": "en"
    }
    with TestClient(app) as client:
        assert client.get("/api/v1/me", headers=headers).json()["scopes"] == ["counts:read"]
        refused = client.get("/api/v1/devices", headers=headers)
        assert refused.status_code == 403
        assert "lacks the scope registry:read" in refused.json()["detail"]
        never = client.post(KEYS, headers=headers, json={})
        assert (never.status_code, "scope" in never.text) == (403, False)


async def test_a_key_makes_keys_only_where_it_was_given_that_scope(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Nor credentials."""
    key = key_of(connection, "lin", scopes={Scope.REGISTRY_READ, Scope.REGISTRY_WRITE})
    program = Program(app, key.text)
    assert (await program.make()).status_code == 403
    asked = {"platform": "xielian"}
    assert (await program.ask("POST", "/api/v1/credentials", json=asked)).status_code == 403


async def test_a_child_has_no_more_than_its_parent(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """No scope, no longer life, no other role; what is said of it names its parent."""
    key = key_of(connection, "lin", scopes={Scope.KEYS_WRITE, Scope.COUNTS_READ})
    program = Program(app, key.text)
    for wanted, field in (
        (program.make("registry:write"), "scopes"),
        (program.make("procedure:write"), "scopes"),
        (program.make("counts:read", days=31), "expires_at"),
        (program.make("counts:read", role="admin", platform=None), "role"),
    ):
        refused = await wanted
        assert refused.status_code == 422, refused.text
        assert [each["field"] for each in refused.json()["errors"]] == [field]
    made = (await program.make("counts:read", days=29)).json()
    assert (made["parent"], made["scopes"]) == (key.key_id, ["counts:read"])
    assert made["created_by"] == f"key:{key.key_id}"


async def test_revoking_a_key_ends_all_below_it_and_says_so(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """By name and number, each with its audit entry; what is beside it goes on."""
    (_first, root), (second, _), (third, last) = await _three(app, connection)
    sibling = (await root.child())[1]
    answer = (await root.ask("POST", f"{KEYS}/{second}/revoke")).json()
    assert [each["key_id"] for each in answer["ended"]] == [second, third]
    assert [each["name"] for each in answer["ended"]] == ["child", "child"]
    assert not await last.is_let_in()
    assert await root.is_let_in()
    assert await sibling.is_let_in()
    entries = connection.execute(
        "SELECT after ->> 'key_id' FROM audit_entries"
        " WHERE record_kind = 'api_keys' AND action = 'change' ORDER BY number"
    ).fetchall()
    assert [entry[0] for entry in entries] == [second, third]


async def test_disabling_a_person_ends_every_key_that_came_from_them(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """At once, down to the last child, and their sessions too."""
    programs = await _three(app, connection)
    with changing(connection, _ADMIN):
        ended = disable_user(connection, "lin")
    connection.commit()
    assert [each.key_id for each in ended.keys] == [key_id for key_id, _program in programs]
    for _key_id, program in programs:
        assert not await program.is_let_in()


async def test_a_key_of_whom_the_provider_vouches_ends_with_them_too(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """However they sign in."""
    add_person(connection, "wu", Role.ADMIN, oidc_subject="sub-wu")
    program = Program(app, key_of(connection, "wu").text)
    assert await program.is_let_in()
    with changing(connection, _ADMIN):
        disable_user(connection, "wu")
    connection.commit()
    assert not await program.is_let_in()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET disabled_at = now()",
        "UPDATE users SET role = 'auditor', platform_id = NULL",
        "UPDATE api_keys SET revoked_at = now() WHERE parent_id IS NULL",
    ],
    ids=["disabled", "another role", "root revoked"],
)
async def test_the_database_itself_ends_the_tree(
    app: FastAPI, connection: psycopg.Connection, change: str
) -> None:
    """Whoever makes the change, and past our programs."""
    programs = await _three(app, connection)
    connection.execute(change.encode())
    connection.commit()
    for _key_id, program in programs:
        assert not await program.is_let_in()


async def test_a_key_of_somebody_disabled_is_refused_though_its_row_was_missed(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """As after a restored dump whose triggers were off."""
    programs = await _three(app, connection)
    connection.execute("ALTER TABLE users DISABLE TRIGGER users_end_with_their_keys")
    connection.execute("UPDATE users SET disabled_at = now()")
    connection.commit()
    for _key_id, program in programs:
        assert not await program.is_let_in()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE api_keys SET expires_at = expires_at + interval '1 day'",
        "UPDATE api_keys SET scopes = scopes || '{panels:read}'",
        "UPDATE api_keys SET role = 'admin', platform_id = NULL",
        "UPDATE api_keys SET parent_id = NULL WHERE parent_id IS NOT NULL",
    ],
)
async def test_nothing_of_a_key_changes_but_its_end(
    app: FastAPI, connection: psycopg.Connection, change: str
) -> None:
    """And that once."""
    await _three(app, connection)
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(change.encode())
    connection.rollback()
    connection.execute("UPDATE api_keys SET revoked_at = now()")
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE api_keys SET revoked_at = NULL")


async def test_credentials_that_a_key_issued_are_named_and_end_where_that_is_asked(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Also when the key was revoked before; equipment of others goes on."""
    (_first, root), (second, child), _third = await _three(app, connection)
    connection.execute(
        "INSERT INTO devices (platform_id, serial, kind, name) SELECT id, 'CNC-01', 'CNC', '机床'"
        " FROM platforms"
    )
    connection.commit()
    theirs = {"platform": "xielian", "serial": "CNC-01"}
    assert (await child.ask("POST", "/api/v1/credentials", json=theirs)).status_code == 201
    own = await root.ask("POST", "/api/v1/credentials", json={"platform": "xielian"})
    assert own.status_code == 201, own.text
    first = (await root.ask("POST", f"{KEYS}/{second}/revoke")).json()
    assert (first["credentials"], first["credentials_revoked"]) == (["xielian/own/CNC-01"], False)
    assert _open_usernames(connection) == ["xielian", "xielian/own/CNC-01"]
    again = (await root.ask("POST", f"{KEYS}/{second}/revoke?credentials=true")).json()
    assert (again["ended"], again["credentials_revoked"]) == ([], True)
    assert _open_usernames(connection) == ["xielian"]


async def test_who_may_not_revoke_credentials_ends_none_with_a_key(
    app: FastAPI, connection: psycopg.Connection
) -> None:
    """Nor the key, for one thing was asked."""
    key = key_of(connection, "lin", scopes={Scope.KEYS_WRITE})
    other = key_of(connection, "lin")
    asked = f"{KEYS}/{other.key_id}/revoke?credentials=true"
    assert (await Program(app, key.text).ask("POST", asked)).status_code == 403
    assert await Program(app, other.text).is_let_in()


async def test_a_child_that_is_asked_for_while_its_parent_ends_is_not_made(
    app: FastAPI, connection: psycopg.Connection, database_url: str
) -> None:
    """It waits for the audit's lock, and is refused when its turn comes."""
    key = key_of(connection, "lin")
    program = Program(app, key.text)
    with changing(connection, _ADMIN):
        end_key(connection, key.key_id)
        asked = asyncio.create_task(program.make())
        with connect(database_url, autocommit=True) as watcher:
            await asyncio.to_thread(wait_until, lambda: _somebody_waits(watcher), "it waits")
    connection.commit()
    assert (await asked).status_code == 401
    assert connection.execute("SELECT count(*) FROM api_keys").fetchone() == (1,)


async def test_a_parent_that_ends_while_its_child_is_made_ends_the_child(
    app: FastAPI, connection: psycopg.Connection, database_url: str
) -> None:
    """It waits until the child is there."""
    parent = key_of(connection, "lin")
    connection.commit()

    def end() -> None:
        with connect(database_url) as other:
            with changing(other, _ADMIN):
                end_key(other, parent.key_id)
            other.commit()

    ending = threading.Thread(target=end)
    with changing(connection, _ADMIN):
        child = connection.execute(
            "INSERT INTO api_keys (key_id, secret_hash, name, role, platform_id, created_by,"
            " expires_at, scopes, parent_id, user_id) SELECT '00000000', sha256(''), 'child', role,"
            " platform_id, 'key:x', expires_at, scopes, id, user_id FROM api_keys RETURNING id"
        ).fetchone()
        ending.start()
        with connect(database_url, autocommit=True) as watcher:
            await asyncio.to_thread(wait_until, lambda: _somebody_waits(watcher), "it waits")
    connection.commit()
    ending.join()
    assert child is not None
    assert connection.execute(
        "SELECT revoked_at IS NOT NULL FROM api_keys WHERE id = %s", child
    ).fetchone() == (True,)
    assert await Program(app, parent.text).is_let_in() is False


def _somebody_waits(watcher: psycopg.Connection) -> bool:
    return bool(
        watcher.execute(
            "SELECT FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchall()
    )


def _open_usernames(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute("SELECT username FROM broker_users ORDER BY username").fetchall()
    connection.commit()
    return [row[0] for row in rows]
