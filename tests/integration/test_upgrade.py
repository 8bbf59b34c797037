"""A database of any earlier release becomes one of today's, while its ingesters go on writing."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from jieru.database import connect
from jieru.migrating import MIGRATIONS
from jieru.schema import migrate, require_current_schema
from tests.support.backups import postgres_program
from tests.support.command import jieru as run_jieru
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot
from tests.support.first_release import (
    LAST_MIGRATION,
    fill,
    later_migrations,
    migrate_to,
    old_ingester,
)
from tests.support.fleet import wait_until

_RELEASED: Final = Path(__file__).with_name("released_migrations.txt")
_TABLES: Final = {
    "installation": "is_simulation, created_at",
    "platforms": "id, code, name, operator_uscc",
    "recognitions": "id, platform_id, level, recognised_on, revoked_on",
    "enterprises": "id, uscc, name, district, industry_code",
    "connections": "id, platform_id, enterprise_id, contract_no, signed_on, from_date, to_date",
    "devices": "id, platform_id, serial, kind, name, registered_at",
    "assignments": "id, device_id, enterprise_id, from_date, to_date",
    "heartbeats": 'device_id, "time", received_at, seq, status, metrics',
    "presence": "device_id, month, hours, late_hours",
    "device_states": "device_id, last_seen_at, status",
    "rejections": "id, received_at, reason, topic, payload, payload_bytes",
    "evidence_rules": "id, applied_at, policy, max_delay_hours, max_clock_ahead_minutes, clock",
    "decisions": "id, kind, platform_id, enterprise_id, criterion, value, reason, decided_by, "
    "decided_at, withdrawn_reason, withdrawn_by, withdrawn_at",
}
"""Every column of the first release."""
_FLEET: Final = list(range(5_001, 5_201))
"""Devices that nobody registered: so that they are in no count."""
_ENOUGH_BATCHES: Final = 20


def _content(connection: psycopg.Connection) -> dict[str, set[tuple[Any, ...]]]:
    """All rows of the first release's tables but those of the fleet."""
    found = {}
    for table, columns in _TABLES.items():
        query = f"SELECT {columns} FROM {table}"  # noqa: S608 - our own names
        rows = connection.execute(query.encode()).fetchall()
        found[table] = {
            tuple(map(repr, row))
            for row in rows
            if not (table in {"heartbeats", "presence", "device_states"} and row[0] in _FLEET)
            and not (table == "rejections" and row[2] == "malformed_payload")
        }
    return found


def _count(url: str) -> dict[str, Any]:
    done = run_jieru("count", "2026", "--as-of", "2027-03-15", "--json", database_url=url)
    assert done.returncode == 0, done.stderr
    counted: dict[str, Any] = json.loads(done.stdout)
    return counted


def _schema(root: DebianRoot, url: str) -> set[str]:
    """The schema as PostgreSQL writes it, object by object."""
    dumped = postgres_program(
        root, "pg_dump", "--schema-only", "--no-owner", "--schema=public", f"--dbname={url}"
    )
    objects, _end, _rest = dumped.partition("-- PostgreSQL database dump complete")
    return {each.strip("-\n") for each in objects.split("\n-- Name: ")[1:]}


@pytest.fixture
def old_url(timescale_url: str, tmp_path: Path) -> str:
    """A database of the first release with a year in it."""
    folder = tmp_path / "first"
    folder.mkdir()
    migrate_to(timescale_url, LAST_MIGRATION, folder)
    with psycopg.connect(timescale_url) as connection:
        fill(connection)
    return timescale_url


def test_a_database_of_the_first_release_is_migrated_under_load(old_url: str) -> None:
    """Its ingesters fail at nothing, every heartbeat and hour of theirs is there, and all else."""
    with psycopg.connect(old_url) as connection:
        before = _content(connection)
    with old_ingester(old_url, _FLEET) as ingester:
        wait_until(lambda: ingester.batches >= _ENOUGH_BATCHES, "the old ingester writes")
        migrate(old_url)
        so_far = ingester.batches
        wait_until(
            lambda: ingester.batches >= so_far + _ENOUGH_BATCHES or ingester.failure is not None,
            "the old ingester goes on",
        )
    assert ingester.failure is None
    with connect(old_url) as connection:
        require_current_schema(connection)
        assert _content(connection) == before
        heartbeats = connection.execute(
            'SELECT device_id, (extract(epoch FROM "time") * 1000)::bigint FROM heartbeats'
            " WHERE device_id = ANY (%s)",
            (_FLEET,),
        ).fetchall()
        assert len(heartbeats) == len(set(heartbeats))
        assert set(heartbeats) == ingester.committed
        rejected = connection.execute(
            "SELECT count(*) FROM rejections WHERE reason = 'malformed_payload'"
        ).fetchone()
        assert rejected == (ingester.rejected,)


def test_the_count_of_an_upgraded_database_is_that_of_a_new_one(
    old_url: str, database_url: str
) -> None:
    """The same registry and evidence, the same awards."""
    migrate(old_url)
    with connect(database_url) as connection:
        fill(connection)
    assert _count(old_url) == _count(database_url)
    assert _count(old_url)["total_yuan"] > 0


@pytest.fixture(scope="module")
def new_schema(
    debian_root: DebianRoot, real_template: str, timescale_server: DatabaseServer
) -> set[str]:
    """The schema of a database that today's release made."""
    with timescale_server.database(template=real_template) as url:
        return _schema(debian_root, url)


@pytest.mark.parametrize("version", [LAST_MIGRATION, *later_migrations()])
def test_every_version_becomes_todays(
    timescale_url: str, tmp_path: Path, debian_root: DebianRoot, new_schema: set[str], version: str
) -> None:
    """With content in it; and the schema is then, to the letter, that of a new database."""
    migrate_to(timescale_url, version, tmp_path)
    with psycopg.connect(timescale_url) as connection:
        fill(connection)
        before = _content(connection)
    migrate(timescale_url)
    with connect(timescale_url) as connection:
        require_current_schema(connection)
        assert _content(connection) == before
    assert _schema(debian_root, timescale_url) == new_schema


def _released() -> Iterator[tuple[str, str]]:
    for line in _RELEASED.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            digest, name = line.split()
            yield name, digest


def test_no_released_migration_was_changed() -> None:
    """Databases out there have applied it as it was; a change is a migration of its own."""
    now = {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in sorted(MIGRATIONS.glob("*.sql"))
    }
    assert {name: now.get(name) for name, _digest in _released()} == dict(_released())
