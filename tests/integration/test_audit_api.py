"""The audit through the API: filters, pages, export, and who sees what."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from api.audit.answers import RecordKind
from api.audit.queries import OF_OPERATORS
from jieru.audit import Actor, changing
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, as_role

_AUDITED: Final = """
    SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger
    WHERE tgfoid = 'write_audit_entries'::regproc
"""
_OF_PLATFORMS: Final = """
    SELECT attrelid::regclass::text FROM pg_attribute
    WHERE attname = 'platform_id' AND NOT attisdropped
"""
CHEN: Final = Actor("user:chen", "203.0.113.7")


class Audit:
    """An application whose registry has a history."""

    def __init__(self, app: FastAPI, connection: psycopg.Connection) -> None:
        """Two platforms with a device each, and a device that was renamed."""
        self._app = app
        self.connection = connection
        builder = RegistryBuilder(connection)
        with changing(connection, CHEN):
            for platform in ("alpha", "beta"):
                builder.platform(platform, level=None)
                builder.device(platform, "d1")
        with changing(connection, Actor("key:ab12cd34", "198.51.100.4")):
            connection.execute("UPDATE devices SET name = '=新名' WHERE id = 1")
        connection.commit()
        self.admin = bearer(connection, Role.ADMIN)
        self.operator = bearer(connection, Role.OPERATOR, "alpha")

    async def ask(
        self, caller: dict[str, str], query: Mapping[str, object], *, suffix: str = ""
    ) -> httpx.Response:
        """One request."""
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
            address = f"/api/v1/audit-entries{suffix}?{urlencode(query)}"
            return await client.get(address, headers={"accept-language": "en", **caller})

    async def entries(self, caller: dict[str, str], **query: object) -> list[dict[str, Any]]:
        """The entries of one answer."""
        answer = await self.ask(caller, query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@pytest.fixture
def audit(database_url: str) -> Iterator[Audit]:
    """The application on TimescaleDB."""
    with open_pool(as_role(database_url, API), size=2) as pool, connect(database_url) as connection:
        yield Audit(create_app(Settings(), pool), connection)


async def test_an_entry_says_who_when_from_where_and_what(audit: Audit) -> None:
    """With the record before and after, and the fields that differ."""
    (entry,) = await audit.entries(audit.admin, actor="key:ab12cd34")
    assert (entry["number"], entry["origin"], entry["action"]) == (5, "198.51.100.4", "change")
    assert (entry["record_kind"], entry["record_id"], entry["platform"]) == ("devices", 1, "alpha")
    assert (entry["before"]["name"], entry["after"]["name"]) == ("机床 d1", "=新名")
    assert entry["changed_fields"] == ["name"]
    assert len(entry["hash"]) == 64


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"actor": "user:chen"}, [4, 3, 2, 1]),
        ({"record_kind": "devices"}, [5, 4, 2]),
        ({"record_kind": "devices", "record_id": 1}, [5, 2]),
        ({"platform": "beta"}, [4, 3]),
        ({"platform": "nowhere"}, []),
        ({"actor": "user:chen", "platform": "alpha", "record_kind": "devices"}, [2]),
        ({"since": datetime(2020, 1, 1, tzinfo=UTC).isoformat(), "platform": "beta"}, [4, 3]),
        ({"until": datetime(2020, 1, 1, tzinfo=UTC).isoformat()}, []),
        ({"since": (datetime.now(UTC) + timedelta(days=9)).isoformat()}, []),
    ],
)
async def test_entries_are_filtered_newest_first(
    audit: Audit, query: dict[str, object], numbers: list[int]
) -> None:
    """By each filter, and by several together."""
    found = await audit.entries(audit.admin, **query)
    assert [entry["number"] for entry in found] == numbers


async def test_an_operator_sees_the_own_platforms_entries(audit: Audit) -> None:
    """Whatever the filter asks for; keys of the own platform among them."""
    found = await audit.entries(audit.operator)
    assert {entry["platform"] for entry in found} == {"alpha"}
    assert [entry["number"] for entry in found if entry["record_kind"] != "api_keys"] == [5, 2, 1]
    assert await audit.entries(audit.operator, platform="beta") == []


async def test_of_each_kind_of_record_somebody_said_whether_operators_see_it(
    audit: Audit,
) -> None:
    """A table that is audited anew is hidden from operators until its kind is named as theirs."""
    audited = {table for (table,) in audit.connection.execute(_AUDITED).fetchall()}
    audit.connection.commit()
    assert audited <= set(RecordKind)
    of_platforms = {table for (table,) in audit.connection.execute(_OF_PLATFORMS).fetchall()}
    audit.connection.commit()
    hidden = audited & of_platforms - OF_OPERATORS
    assert hidden == {"cases", "draw_entries", "visits"}
    assert set(RecordKind) >= OF_OPERATORS


async def test_pages_follow_one_another(audit: Audit) -> None:
    """Though entries are added meanwhile."""
    first = (await audit.ask(audit.admin, {"limit": 3, "actor": "user:chen"})).json()
    with changing(audit.connection, CHEN):
        audit.connection.execute("UPDATE platforms SET name = 'neu'")
    audit.connection.commit()
    following = {"limit": 3, "actor": "user:chen", "cursor": first["next_cursor"]}
    second = (await audit.ask(audit.admin, following)).json()
    assert [entry["number"] for entry in first["items"] + second["items"]] == [4, 3, 2, 1]
    assert second["next_cursor"] is None


async def test_the_export_has_every_entry_that_matches(audit: Audit) -> None:
    """As a file that a spreadsheet takes for text."""
    with changing(audit.connection, CHEN):
        audit.connection.execute(
            "INSERT INTO devices (platform_id, serial)"
            " SELECT 1, 'n' || n FROM generate_series(1, 4500) n"
        )
    audit.connection.commit()
    answer = await audit.ask(audit.admin, {"record_kind": "devices"}, suffix=".csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-entries.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 4503
    numbers = [int(row["number"]) for row in rows]
    assert numbers == sorted(numbers, reverse=True)
    assert rows[-3] | {"hash": "", "changed_at": "", "before": "", "after": ""} == {
        "number": "5",
        "changed_at": "",
        "actor": "key:ab12cd34",
        "origin": "198.51.100.4",
        "action": "change",
        "record_kind": "devices",
        "record_id": "1",
        "platform": "alpha",
        "before": "",
        "after": "",
        "hash": "",
    }


@pytest.mark.parametrize(
    "query",
    [
        {"record_kind": "nothing"},
        {"record_id": 2**63},
        {"actor": "\0"},
        {"since": "soon"},
        {"since": "2026-01-01T00:00:00"},
        {"cursor": "WyJhIl0"},
    ],
)
async def test_a_wrong_filter_is_refused_by_its_name(
    audit: Audit, query: dict[str, object]
) -> None:
    """422, with the parameter."""
    answer = await audit.ask(audit.admin, query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == next(iter(query))


@pytest.mark.parametrize("instant", ["1", "1780000000", "1.5e9", "-1"])
async def test_a_number_is_no_instant(audit: Audit, instant: str) -> None:
    """It would be taken for seconds since 1970, and find what nobody asked for."""
    answer = await audit.ask(audit.admin, {"until": instant})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "until"
