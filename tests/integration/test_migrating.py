"""Migrations that are killed, held up, run twice at once or changed afterwards."""

import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, LiteralString

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from jieru import migrating, migration_lock
from jieru.database import connect
from jieru.errors import UserError, WorldError
from jieru.migrating import MIGRATIONS, read_applied, read_migrations
from jieru.migration_lock import wait_for_turn
from jieru.schema import migrate, require_current_schema
from tests.support.databases import DatabaseServer
from tests.support.first_release import LAST_MIGRATION, fill, migrate_to
from tests.support.fleet import wait_until
from tests.support.owners import owned_database
from tests.support.processes import kill_tree, spawn

_MIGRATE: Final = """
import sys
from pathlib import Path
from jieru.schema import migrate
migrate(sys.argv[1], folder=Path(sys.argv[2]))
"""
_ADD_COLUMN: Final = "ALTER TABLE platforms ADD colour text"
_NEXT: Final = "9999_next"
_MIGRATIONS_OPEN: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'jieru migrate'
"""
_IS_ASLEEP: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'PgSleep'
"""
_IS_WAITING: Final = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'platforms'::regclass"
)
_AUDIT_IS_WAITED_FOR: Final = (
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'audit_entries'::regclass"
)
_IS_AUDIT_GIVEN_AWAY: Final = """
    SELECT count(*) FROM pg_tables
    WHERE tablename = 'audit_entries' AND tableowner = 'jieru_audit_writer'
"""
_HAS_COLUMN: Final = """
    SELECT count(*) FROM information_schema.columns
    WHERE table_name = 'platforms' AND table_schema = 'public' AND column_name = 'colour'
"""
_COUNT_VIEWS: Final = """
    SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('audit') AND relkind = 'v'
"""
_INSERT_PLATFORM: Final = "INSERT INTO platforms (code, name) VALUES ('ab', 'AB')"


@pytest.fixture(autouse=True)
def _speak_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture(params=["timescale_url", "embedded_url"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """An empty database, with TimescaleDB and without."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture(params=["database_url", "embedded_database_url"])
def url(request: pytest.FixtureRequest) -> str:
    """A database with our schema, with TimescaleDB and without."""
    return str(request.getfixturevalue(request.param))


def _migrations_with(folder: Path, statements: str) -> Path:
    """The migrations and one more, in a folder of their own."""
    folder.mkdir()
    for path in MIGRATIONS.glob("*.sql"):
        shutil.copy(path, folder)
    (folder / f"{_NEXT}.sql").write_text(statements, encoding="utf-8")
    return folder


def _count(connection: psycopg.Connection, query: LiteralString) -> int:
    (found,) = connection.execute(query).fetchone() or (0,)
    return int(found)


def test_every_file_is_recorded_with_its_digest(empty_url: str) -> None:
    """So that a later change of it is seen."""
    migrate(empty_url)
    with connect(empty_url) as connection:
        recorded = connection.execute(
            "SELECT migration_id, sha256 FROM schema_migrations ORDER BY migration_id"
        ).fetchall()
    assert recorded == [(each.name, each.digest) for each in read_migrations()]


def test_two_migrations_at_once_make_one_schema(empty_url: str) -> None:
    """One does it, the other waits and finds nothing to do."""
    together = threading.Barrier(2)

    def run(_number: int) -> object:
        together.wait()
        return migrate(empty_url)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, range(2))) == [(), ()]
    with connect(empty_url) as connection:
        require_current_schema(connection)
        assert _count(connection, "SELECT count(*) FROM installation") == 1
        assert _count(connection, _COUNT_VIEWS) > 40


def test_a_killed_migration_leaves_nothing_and_the_one_that_waits_goes_on(
    url: str, tmp_path: Path
) -> None:
    """SIGKILL in the middle of a statement: it is undone, and its lock is gone with it."""
    slow = _migrations_with(tmp_path / "slow", f"{_ADD_COLUMN}; SELECT pg_sleep(3600)")
    quick = _migrations_with(tmp_path / "quick", _ADD_COLUMN)
    arguments = [sys.executable, "-c", _MIGRATE, url, str(slow)]
    with connect(url, autocommit=True) as seeing:
        process = spawn(arguments, log=tmp_path / "log")
        try:
            wait_until(lambda: _count(seeing, _IS_ASLEEP) == 1, "the first is in the middle")
            with ThreadPoolExecutor(1) as pool:
                second = pool.submit(migrate, url, folder=quick)
                wait_until(lambda: _count(seeing, _MIGRATIONS_OPEN) == 2, "the second waits")
                assert not second.done()
                kill_tree(process)
                assert second.result() == ()
        finally:
            kill_tree(process)
        assert _count(seeing, _HAS_COLUMN) == 1
        assert _NEXT in (read_applied(seeing) or ())
        assert _count(seeing, _COUNT_VIEWS) > 40


def test_who_waits_too_long_is_told_which_session_migrates(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its process of the database, which an administrator can look up and end."""
    monkeypatch.setattr(migration_lock, "_PATIENCE_S", 0.0)
    with connect(url, autocommit=True, application_name="jieru migrate") as holder:
        wait_for_turn(holder)
        pid, user = holder.info.backend_pid, holder.info.user
        named = rf"process {pid} of the database, user {user}, application jieru migrate, since 2"
        with pytest.raises(WorldError, match=named):
            migrate(url)
    migrate(url)


def test_a_migration_behind_a_long_transaction_lets_writers_pass(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives its place in the queue up, and says in the end who held it up."""
    monkeypatch.setattr(migrating, "_ATTEMPTS", 3)
    monkeypatch.setattr(migrating, "_PAUSE_S", 0.1)
    folder = _migrations_with(tmp_path / "next", _ADD_COLUMN)
    reading = make_conninfo(url, application_name="reader-7")
    with connect(url, autocommit=True) as writer:
        with ThreadPoolExecutor(1) as pool, connect(reading) as reader:
            reader.execute("SELECT FROM platforms")  # and the transaction stays open
            pid = reader.info.backend_pid
            held_up = pool.submit(migrate, url, folder=folder)
            wait_until(lambda: _count(writer, _IS_WAITING) > 0, "the migration waits")
            writer.execute("SET statement_timeout = '30s'")
            writer.execute(_INSERT_PLATFORM)
            named = rf"go on with {_NEXT}: .* \(process {pid} .* application reader-7, since 2"
            with pytest.raises(WorldError, match=named):
                held_up.result(timeout=60)
            assert _count(writer, _HAS_COLUMN) == 0
            assert _NEXT not in (read_applied(writer) or ())
            assert _count(writer, _COUNT_VIEWS) > 40
        migrate(url, folder=folder)
        assert _count(writer, _HAS_COLUMN) == 1


def test_a_migration_goes_on_by_itself_when_a_long_reader_ends(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to start it again."""
    monkeypatch.setattr(migrating, "_ATTEMPTS", 1_000)
    monkeypatch.setattr(migrating, "_PAUSE_S", 0.1)
    folder = _migrations_with(tmp_path / "next", _ADD_COLUMN)
    with connect(url, autocommit=True) as seeing, ThreadPoolExecutor(1) as pool:
        with connect(url) as reader:
            reader.execute("SELECT FROM platforms")
            held_up = pool.submit(migrate, url, folder=folder)
            wait_until(lambda: _count(seeing, _IS_WAITING) > 0, "the migration waits")
        held_up.result(timeout=120)
        assert _count(seeing, _HAS_COLUMN) == 1
        assert _count(seeing, _COUNT_VIEWS) > 40


def test_giving_the_audit_away_behind_a_long_reader_lets_writers_pass(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a release that knew no such role left it: every change writes into the audit."""
    monkeypatch.setattr(migrating, "_ATTEMPTS", 3)
    monkeypatch.setattr(migrating, "_PAUSE_S", 0.1)
    with connect(database_url, autocommit=True) as writer:
        writer.execute("ALTER TABLE audit_entries OWNER TO CURRENT_USER")
        reading = make_conninfo(database_url, application_name="reader-7")
        with ThreadPoolExecutor(1) as pool, connect(reading) as reader:
            reader.execute("SELECT FROM audit_entries")
            held_up = pool.submit(migrate, database_url)
            wait_until(lambda: _count(writer, _AUDIT_IS_WAITED_FOR) > 0, "the migration waits")
            writer.execute("SET statement_timeout = '30s'")
            writer.execute("SELECT FROM audit_entries LIMIT 1")
            named = r"go on with audit_entries: .* application reader-7, since 2"
            with pytest.raises(WorldError, match=named):
                held_up.result(timeout=60)
            assert _count(writer, _COUNT_VIEWS) > 40
        migrate(database_url)
        assert _count(writer, _IS_AUDIT_GIVEN_AWAY) == 1


def test_a_file_that_was_changed_after_it_was_applied_is_refused(url: str, tmp_path: Path) -> None:
    """The database is what the file was, and nobody would see that they differ."""
    folder = _migrations_with(tmp_path / "next", _ADD_COLUMN)
    migrate(url, folder=folder)
    (folder / f"{_NEXT}.sql").write_text(f"{_ADD_COLUMN} NOT NULL", encoding="utf-8")
    with pytest.raises(UserError, match=f"changed after .*: {_NEXT}\\."):
        migrate(url, folder=folder)


@pytest.mark.parametrize(
    ("statements", "error"),
    [
        (f"{_ADD_COLUMN}; COMMIT", RuntimeError),
        (f"{_ADD_COLUMN}; COMMIT; BEGIN", RuntimeError),
        ("CREATE INDEX CONCURRENTLY ON platforms (name)", psycopg.errors.ActiveSqlTransaction),
    ],
)
def test_a_file_that_does_not_keep_to_its_transaction_fails(
    embedded_database_url: str, tmp_path: Path, statements: str, error: type[Exception]
) -> None:
    """Whoever writes it sees it at once: it could be left half done."""
    folder = _migrations_with(tmp_path / "next", statements)
    with pytest.raises(error):
        migrate(embedded_database_url, folder=folder)
    with connect(embedded_database_url) as connection:
        assert _NEXT not in (read_applied(connection) or ())


def test_what_yoyo_left_goes_and_its_record_stays(empty_url: str, tmp_path: Path) -> None:
    """With the lock of a migration that was killed, the times, and the rights others have."""
    migrate_to(empty_url, LAST_MIGRATION, tmp_path)
    with connect(empty_url, autocommit=True) as connection:
        connection.execute("INSERT INTO yoyo_lock VALUES (1, now(), 4711)")
        connection.execute("GRANT SELECT ON schema_migrations TO pg_monitor")
        before = connection.execute(
            "SELECT migration_id, applied_at_utc AT TIME ZONE 'UTC' FROM schema_migrations"
            " ORDER BY 1"
        ).fetchall()
    migrate(empty_url)
    with connect(empty_url) as connection:
        require_current_schema(connection)
        after = connection.execute(
            "SELECT migration_id, applied_at FROM schema_migrations WHERE sha256 IS NULL ORDER BY 1"
        ).fetchall()
        assert after == before
        assert len(before) == 3
        left = "SELECT count(*) FROM pg_class WHERE relname LIKE '%%yoyo%%'"
        assert _count(connection, left) == 0
        granted = "SELECT has_table_privilege('pg_monitor', 'schema_migrations', 'SELECT')::int"
        assert _count(connection, granted) == 1


def test_an_owner_who_is_no_superuser_upgrades_a_database_of_the_first_release(
    embedded_server: DatabaseServer, tmp_path: Path
) -> None:
    """The table of what was applied is his, as all others are."""
    with owned_database(embedded_server) as (own_url, _superuser_url):
        migrate_to(own_url, LAST_MIGRATION, tmp_path)
        with psycopg.connect(own_url) as connection:
            fill(connection)
        migrate(own_url)
        with connect(own_url) as connection:
            require_current_schema(connection)
