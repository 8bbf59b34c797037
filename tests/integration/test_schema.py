"""The schema: made once, made again without harm, and never the wrong one."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from jieru.database import connect, read_installation
from jieru.errors import UserError
from jieru.schema import migrate, require_current_schema
from jieru.timescale import Edition, detect_edition, drop_expired_heartbeats
from tests.support.debian_root import DebianRoot
from tests.support.timescaledb import TimescaleServer

_INSERT_HEARTBEAT = "INSERT INTO heartbeats (device_id, time, received_at) VALUES (1, %s, now())"


@pytest.fixture(params=["timescale_url", "embedded_url"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """An empty database, with TimescaleDB and without."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture(autouse=True)
def _speak_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def test_migrating_twice_changes_nothing(empty_url: str) -> None:
    """The second run finds everything done and keeps the data."""
    migrate(empty_url)
    with connect(empty_url) as connection:
        connection.execute("INSERT INTO platforms (code, name) VALUES ('ab', 'AB')")
    migrate(empty_url)
    with connect(empty_url) as connection:
        require_current_schema(connection)
        assert connection.execute("SELECT code FROM platforms").fetchall() == [("ab",)]
        assert not read_installation(connection).is_simulation


def test_a_database_without_schema_is_told_to_migrate(empty_url: str) -> None:
    """One sentence, with the command."""
    with connect(empty_url) as connection:
        with pytest.raises(UserError, match="jieru migrate"):
            require_current_schema(connection)
        with pytest.raises(UserError, match="jieru migrate"):
            read_installation(connection)


def test_an_older_schema_is_told_to_migrate(empty_url: str) -> None:
    """It names what is missing."""
    migrate(empty_url)
    with connect(empty_url) as connection:
        connection.execute("DELETE FROM schema_migrations WHERE migration_id = '0003_decisions'")
        with pytest.raises(UserError, match="0003_decisions"):
            require_current_schema(connection)


def test_a_newer_schema_is_refused_by_everything(empty_url: str) -> None:
    """An old program must not write where something was taken away, and must migrate nothing."""
    migrate(empty_url)
    with connect(empty_url) as connection:
        connection.execute(
            "UPDATE schema_migrations SET migration_id = '9999_future'"
            " WHERE migration_id = '0003_decisions'"
        )
        connection.execute("INSERT INTO last_steps (migration_id) VALUES ('9999_future')")
    with connect(empty_url) as connection, pytest.raises(UserError, match="9999_future"):
        require_current_schema(connection)
    with pytest.raises(UserError, match="newer release"):
        migrate(empty_url)


def test_the_simulation_mark_is_for_good(empty_url: str) -> None:
    """A real database cannot become a simulation, nor the other way round."""
    migrate(empty_url, simulation=True)
    migrate(empty_url)
    with connect(empty_url, autocommit=True) as connection:
        assert read_installation(connection).is_simulation
        for statement in (
            "UPDATE installation SET is_simulation = false",
            "DELETE FROM installation",
            "TRUNCATE installation",
        ):
            with pytest.raises(psycopg.errors.RestrictViolation):
                connection.execute(statement)


def test_a_real_database_cannot_become_a_simulation(empty_url: str) -> None:
    """Evidence would lose its worth afterwards."""
    migrate(empty_url)
    with pytest.raises(UserError, match="--simulation"):
        migrate(empty_url, simulation=True)


def test_debians_timescaledb_is_the_apache_edition(database_url: str) -> None:
    """The table heartbeats is a hypertable by time, and no policy was asked of the edition."""
    with connect(database_url) as connection:
        assert detect_edition(connection) is Edition.APACHE
        assert connection.execute(
            "SELECT hypertable_name, num_dimensions FROM timescaledb_information.hypertables"
        ).fetchall() == [("heartbeats", 1)]


def test_without_timescaledb_heartbeats_is_a_plain_table(embedded_database_url: str) -> None:
    """With the same columns in the same order."""
    with connect(embedded_database_url) as connection:
        assert detect_edition(connection) is Edition.MISSING
        columns = connection.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = 'heartbeats' ORDER BY ordinal_position"
        ).fetchall()
    assert [name for (name,) in columns] == [
        "device_id",
        "time",
        "received_at",
        "seq",
        "status",
        "metrics",
        "publisher_id",
        "boot",
        "counter",
    ]


@pytest.mark.parametrize("fixture", ["database_url", "embedded_database_url"])
def test_expired_heartbeats_are_dropped_and_presence_is_kept(
    request: pytest.FixtureRequest, fixture: str
) -> None:
    """Chunks on TimescaleDB, rows without it; what is younger stays."""
    now = datetime.now(UTC)
    with connect(str(request.getfixturevalue(fixture)), autocommit=True) as connection:
        for days in (100, 50, 1):
            connection.execute(_INSERT_HEARTBEAT, (now - timedelta(days=days),))
        connection.execute("INSERT INTO presence (device_id, month) VALUES (1, '2026-01-01')")
        assert drop_expired_heartbeats(connection, retention_days=75) == 1
        assert drop_expired_heartbeats(connection, retention_days=75) == 0
        assert connection.execute("SELECT count(*) FROM heartbeats").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM presence").fetchone() == (1,)


def test_an_extension_that_is_not_preloaded_is_explained(debian_root: DebianRoot) -> None:
    """The server would only say FATAL; the sentence names the line for postgresql.conf."""
    server = TimescaleServer(debian_root)
    server._settings["shared_preload_libraries"] = ""
    with server, pytest.raises(UserError, match="shared_preload_libraries"):
        migrate(server.create_database())


def test_a_decision_may_be_withdrawn_once_and_never_changed(embedded_database_url: str) -> None:
    """The table itself refuses, whoever asks."""
    with connect(embedded_database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO platforms (code, name) VALUES ('ab', 'AB')")
        connection.execute(
            "INSERT INTO enterprises (uscc, name, district) VALUES ('91350302MA0TAL2M8N', 'E', 'x')"
        )
        connection.execute(
            "INSERT INTO decisions (kind, platform_id, enterprise_id, reason, decided_by)"
            " VALUES ('hold', 1, 1, 'why', 'who')"
        )
        for statement in (
            "UPDATE decisions SET reason = 'another'",
            "DELETE FROM decisions",
            "TRUNCATE decisions",
        ):
            with pytest.raises(psycopg.errors.RestrictViolation):
                connection.execute(statement)
        withdraw = (
            "UPDATE decisions SET withdrawn_at = now(), withdrawn_by = 'w', withdrawn_reason = 'r'"
        )
        connection.execute(withdraw)
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(withdraw)


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (
            "recognitions (platform_id, level, recognised_on, revoked_on)",
            [
                "(1, 'municipal', '2026-01-01', '2026-06-01')",
                "(1, 'municipal', '2026-05-31', NULL)",
            ],
        ),
        (
            "connections (platform_id, enterprise_id, from_date, to_date)",
            ["(1, 1, '2026-01-01', '2026-06-01')", "(1, 1, '2026-05-31', NULL)"],
        ),
        (
            "assignments (device_id, enterprise_id, from_date, to_date)",
            ["(1, 1, '2026-01-01', '2026-06-01')", "(1, 1, '2026-05-31', NULL)"],
        ),
    ],
)
def test_the_database_itself_refuses_overlapping_periods(
    embedded_database_url: str, table: str, rows: list[str]
) -> None:
    """The last line behind every import: one device cannot stand for two enterprises at once."""
    with connect(embedded_database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO platforms (code, name) VALUES ('ab', 'AB')")
        connection.execute(
            "INSERT INTO enterprises (uscc, name, district) VALUES ('91350302MA0TAL2M8N', 'E', 'x')"
        )
        connection.execute("INSERT INTO devices (platform_id, serial) VALUES (1, 'D')")
        connection.execute(f"INSERT INTO {table} VALUES {rows[0]}".encode())  # noqa: S608
        with pytest.raises(psycopg.errors.ExclusionViolation):
            connection.execute(f"INSERT INTO {table} VALUES {rows[1]}".encode())  # noqa: S608
        adjacent = rows[1].replace("2026-05-31", "2026-06-01")
        connection.execute(f"INSERT INTO {table} VALUES {adjacent}".encode())  # noqa: S608
