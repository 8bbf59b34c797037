"""A database of any earlier release becomes one of today's, while its ingesters go on writing."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
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
from tests.support.recorded import record_in_time
from verifier.counting.opening_stocks import accept_opening_stock, confirm_opening_stock

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
    """The same registry and evidence, recorded at the same time: the same awards."""
    migrate(old_url)
    with connect(database_url) as connection:
        fill(connection)
    for url in (old_url, database_url):
        with connect(url) as connection:
            record_in_time(connection)
    assert _count(old_url) == _count(database_url)
    assert _count(old_url)["total_yuan"] > 0


def test_a_registry_of_before_counts_once_two_people_accept_it_as_it_stood(old_url: str) -> None:
    """It was recorded by the day of the upgrade, for no audit of that release knows more."""
    migrate(old_url)
    with connect(old_url) as connection:
        today = connection.execute("SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date")
        ((stood_on,),) = today.fetchall()
        number = accept_opening_stock(
            connection, None, stood_on, reason="启用前的登记", decided_by="Lin"
        )
        confirm_opening_stock(connection, number, by="Chen")
    counted = _count(old_url)
    assert counted["total_yuan"] > 0
    assert {each["opening_stock"] for each in counted["backdated"]} <= {number}


def test_what_the_audit_knows_is_when_a_record_was_told(timescale_url: str, tmp_path: Path) -> None:
    """Of its creation, or of the last time its first day was moved back; and that it goes on."""
    migrate_to(timescale_url, "0050_connection_requests", tmp_path)
    with psycopg.connect(timescale_url, autocommit=True) as connection:
        connection.execute("""
            INSERT INTO platforms (code, name) VALUES ('alpha', 'A');
            INSERT INTO enterprises (uscc, name, district)
            VALUES ('91350300000000001Y', 'E', 'licheng');
            INSERT INTO connections (platform_id, enterprise_id, from_date, to_date)
            SELECT p.id, e.id, '2024-02-01', '2024-03-01' FROM platforms p, enterprises e;
            INSERT INTO connections (platform_id, enterprise_id, from_date)
            SELECT p.id, e.id, '2024-06-01' FROM platforms p, enterprises e;
            UPDATE connections SET from_date = '2024-05-01' WHERE to_date IS NULL;
            UPDATE connections SET contract_no = '1';
            INSERT INTO connections (platform_id, enterprise_id, from_date, to_date)
            SELECT p.id, e.id, '2023-01-01', '2023-02-01' FROM platforms p, enterprises e;
            UPDATE connections SET to_date = '2023-06-01' WHERE from_date = '2023-01-01';
            UPDATE connections SET to_date = '2023-09-01' WHERE from_date = '2023-01-01';
            SET session_replication_role = replica;
            UPDATE audit_entries SET changed_at = timestamptz '2025-01-01 12:00+08'
                                                  + (number - 1) * interval '1 day';
        """)
        told = connection.execute("""
            SELECT record_id, max(changed_at) FROM audit_entries
            WHERE record_kind = 'connections'
              AND (action = 'create' OR after ->> 'from_date' <> before ->> 'from_date')
            GROUP BY record_id ORDER BY record_id
        """).fetchall()
    migrate(timescale_url)
    with connect(timescale_url) as connection:
        kept = connection.execute("SELECT id, recorded_at FROM connections ORDER BY id").fetchall()
        assert kept == told
        assert [at.day for _id, at in kept][:2] == [3, 5]
        extended = connection.execute(
            "SELECT extended_from, extended_at FROM connections ORDER BY id"
        ).fetchall()
        assert extended[:2] == [([], []), ([], [])]
        (froms, ats) = extended[2]
        assert froms == [date(2023, 2, 1), date(2023, 6, 1)]
        assert [at - kept[2][1] for at in ats] == [timedelta(days=1), timedelta(days=2)]
        entries = "SELECT count(*) FROM audit_entries WHERE record_kind = 'connections'"
        assert connection.execute(entries).fetchall() == [(8,)]  # the migration adds none


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
