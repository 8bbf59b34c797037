"""Keys: whoever has one key must not make of it another that is more, or that stays."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from fastapi.testclient import TestClient

from api.access.key_trees import end_key
from api.access.roles import Role
from api.access.scopes import NARROW, Scope
from api.access.users import disable_user
from api.app import create_app
from jieru.audit import Actor, changing
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.callers import key_of
from tests.support.registry_builder import RegistryBuilder
from tests.support.visiting import add_person

_KEYS = "/api/v1/api-keys"
_CREDENTIALS = "/api/v1/credentials"
_ADMIN = Actor("command:tests", "command line")
_WORKING = [Scope.REGISTRY_READ, Scope.KEYS_WRITE, Scope.CREDENTIALS_WRITE]
"""Of a program that hands out keys and credentials, which is what a thief would like best."""


class Thief:
    """Somebody who has copied the key of a program."""

    def __init__(self, client: TestClient, text: str) -> None:
        """Come with this key."""
        self._client = client
        self._headers = {"authorization": f"Bearer {text}"}

    def status(self, path: str, **content: object) -> int:
        """Of the answer to what is sent."""
        answer = self._client.post(path, headers=self._headers, json=content)
        return answer.status_code

    def child(self, *, days: float = 1, scopes: list[Scope] | None = None) -> "Thief | int":
        """The same thief with a key that this one makes, or the refusal."""
        wanted = {
            "name": "mine",
            "role": "operator",
            "platform": "xielian",
            "scopes": scopes or _WORKING,
            "expires_at": (datetime.now(UTC) + timedelta(days=days)).isoformat(),
        }
        made = self._client.post(_KEYS, headers=self._headers, json=wanted)
        return Thief(self._client, made.json()["text"]) if made.is_success else made.status_code

    def gets_in(self) -> bool:
        """Whether the key opens anything, be it only its own name."""
        return self._client.get("/api/v1/me", headers=self._headers).is_success


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A platform and its operator lin."""
    with connect(database_url) as connection:
        RegistryBuilder(connection).platform("xielian")
        connection.commit()
        add_person(connection, "lin", Role.OPERATOR, platform="xielian")
        yield connection


@pytest.fixture
def client(database_url: str, connection: psycopg.Connection) -> Iterator[TestClient]:
    """The API."""
    del connection  # only its platform
    with (
        open_pool(database_url, size=2) as pool,
        TestClient(create_app(Settings(), pool)) as client,
    ):
        yield client


def test_a_key_makes_neither_keys_nor_credentials_unless_it_was_made_for_that(
    client: TestClient, connection: psycopg.Connection
) -> None:
    """Of whatever role; the narrow scopes that a key has unless more is named only read."""
    thief = Thief(client, key_of(connection, "lin", scopes=NARROW | {Scope.REGISTRY_WRITE}).text)
    assert thief.child() == 403
    assert thief.status(_CREDENTIALS, platform="xielian") == 403


def test_no_child_is_more_than_its_parent_or_outlives_it(
    client: TestClient, connection: psycopg.Connection
) -> None:
    """Neither by its scopes nor by its end, and it ends when its parent is revoked."""
    stolen = key_of(connection, "lin", scopes=_WORKING)
    thief = Thief(client, stolen.text)
    assert thief.child(days=300) == 422
    assert thief.child(scopes=[*_WORKING, Scope.AUDIT_READ]) == 422
    child = thief.child()
    assert isinstance(child, Thief)
    grandchild = child.child(days=0.5)
    assert isinstance(grandchild, Thief)
    with changing(connection, _ADMIN):
        end_key(connection, stolen.key_id)
    connection.commit()
    for each in (thief, child, grandchild):
        assert not each.gets_in()
        assert each.child() == 401
        assert each.status(_CREDENTIALS, platform="xielian") == 401


def test_no_key_goes_on_after_its_maker_is_disabled(
    client: TestClient, connection: psycopg.Connection
) -> None:
    """Down to the last one; and the credential that it issued is named to whoever disables."""
    thief = Thief(client, key_of(connection, "lin", scopes=_WORKING).text)
    child = thief.child()
    assert isinstance(child, Thief)
    assert child.status(_CREDENTIALS, platform="xielian") == 201
    with changing(connection, _ADMIN):
        ended = disable_user(connection, "lin")
    connection.commit()
    assert len(ended.keys) == 2
    assert [each.username for each in ended.credentials] == ["xielian"]
    for each in (thief, child):
        assert not each.gets_in()
        assert each.status(f"{_CREDENTIALS}/1/replace") == 401
