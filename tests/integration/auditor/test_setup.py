"""Views and role are made by every migration, by whoever may, and by several at once."""

import secrets
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from command.embedded import EmbeddedPostgres
from jieru.auditor import fence
from jieru.auditor.views import create_views
from jieru.database import connect
from jieru.errors import UserError
from jieru.migrating import MIGRATIONS
from jieru.roles.grants import AUDIT_WRITER, PROCESSES
from jieru.schema import migrate
from jieru.timescale import create_extension, drop_expired_heartbeats
from tests.support.auditors import AUDITOR_PASSWORD, auditor_address
from tests.support.command import jieru
from tests.support.databases import DatabaseServer

FENCE: Final = Path(fence.__file__).parent / "sql/fence"

_OWNER: Final = "Jieru-App"
_TEST_DATABASES: Final = "SELECT datname FROM pg_database WHERE datname ~ '^jieru_'"
_COUNT_VIEWS: Final = """
    SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('audit') AND relkind = 'v'
"""
_SELECT_CHUNKS: Final = """
    SELECT has_table_privilege(reader, inhrelid, 'SELECT'),
           has_table_privilege(reader, '_timescaledb_catalog.chunk', 'SELECT')
    FROM pg_inherits, CAST(%s AS name) AS reader WHERE inhparent = 'heartbeats'::regclass
"""
_DESCRIPTIONS: Final = """
    SELECT relname, obj_description(oid, 'pg_class') FROM pg_class
    WHERE relnamespace = 'audit'::regnamespace
"""


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture(scope="module")
def embedded() -> Iterator[DatabaseServer]:
    """A server of this module's own; whoever is named may come in."""
    with EmbeddedPostgres() as server:
        yield DatabaseServer(server.url)


@pytest.fixture
def own_server(embedded: DatabaseServer) -> Iterator[DatabaseServer]:
    """The same, on which nobody has made the roles yet."""
    yield embedded
    with connect(embedded.url(), autocommit=True) as connection:
        for (name,) in connection.execute(_TEST_DATABASES).fetchall():
            embedded.drop_database(embedded.url(name))
        for name in (*PROCESSES, "jieru_auditor", AUDIT_WRITER, _OWNER, "emqx"):
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


@pytest.fixture(params=["timescale_url", "embedded_url"])
def empty_url(request: pytest.FixtureRequest) -> str:
    """An empty database, with TimescaleDB and without."""
    return str(request.getfixturevalue(request.param))


def one(url: str, query: LiteralString) -> object:
    """The one value of a query."""
    with connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row
    return row[0]


def database_of(server: DatabaseServer, attributes: LiteralString) -> tuple[str, str]:
    """The address of a new database for a superuser, and for its owner, who is none."""
    with connect(server.url(), autocommit=True) as connection:
        connection.execute(f'CREATE ROLE "{_OWNER}" LOGIN {attributes}'.encode())
    url = server.create_database()
    with connect(url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" OWNER TO "{_OWNER}"'.encode())
    return url, make_conninfo(url, user=_OWNER)


def test_a_second_migration_leaves_the_same_views_and_rights(empty_url: str) -> None:
    """Whatever somebody did to them in between."""
    assert migrate(empty_url, auditor_password=AUDITOR_PASSWORD) == ()
    views = one(empty_url, _COUNT_VIEWS)
    with connect(empty_url, autocommit=True) as connection:
        connection.execute("DROP VIEW audit.decisions")
        connection.execute("CREATE VIEW audit.stray AS SELECT * FROM users")
        connection.execute("GRANT SELECT ON audit.stray TO PUBLIC")
        connection.execute("CREATE OR REPLACE VIEW audit.years AS SELECT 1999 AS year")
    assert migrate(empty_url) == ()
    assert one(empty_url, _COUNT_VIEWS) == views
    with psycopg.connect(auditor_address(empty_url)) as auditor:
        assert auditor.execute("SELECT * FROM decisions").fetchall() == []
        assert auditor.execute("SELECT * FROM years").fetchall() == []


def test_every_view_says_which_question_it_answers(empty_url: str) -> None:
    """In the database itself, for whoever writes a query."""
    migrate(empty_url)
    with connect(empty_url) as connection:
        described: dict[str, str | None] = dict(connection.execute(_DESCRIPTIONS).fetchall())
    assert len(described) > 40
    assert [name for name, text in described.items() if "?" not in (text or "")] == []


def _migrations_with(folder: Path, statement: str) -> Path:
    """The migrations and one more."""
    for path in MIGRATIONS.glob("*.sql"):
        shutil.copy(path, folder)
    (folder / "9999_next.sql").write_text(statement, encoding="utf-8")
    return folder


def test_views_do_not_stand_in_the_way_of_a_table_that_changes(
    empty_url: str, tmp_path: Path
) -> None:
    """PostgreSQL would refuse to change the type of a column that a view shows."""
    migrate(empty_url, auditor_password=AUDITOR_PASSWORD)
    change = "ALTER TABLE platforms ALTER name TYPE varchar(300)"
    with connect(empty_url) as connection, pytest.raises(psycopg.errors.FeatureNotSupported):
        connection.execute(change.encode())
    migrate(empty_url, folder=_migrations_with(tmp_path, change))
    with psycopg.connect(auditor_address(empty_url)) as auditor:
        column = auditor.execute("SELECT name FROM platforms").description
    assert column is not None
    assert column[0].type_display == "varchar(300)"


def test_a_migration_that_fails_leaves_auditors_their_views(empty_url: str, tmp_path: Path) -> None:
    """And everybody else the tables, as they were."""
    migrate(empty_url, auditor_password=AUDITOR_PASSWORD)
    views = one(empty_url, _COUNT_VIEWS)
    failing = "ALTER TABLE platforms ADD colour text; SELECT 1 / 0"
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty_url, folder=_migrations_with(tmp_path, failing))
    assert one(empty_url, _COUNT_VIEWS) == views
    with psycopg.connect(auditor_address(empty_url)) as auditor:
        assert auditor.execute("SELECT * FROM platforms").fetchall() == []


def test_an_auditor_without_a_time_limit_cannot_hold_up_a_migration(empty_url: str) -> None:
    """His session is ended when it keeps the views for longer than any panel would."""
    migrate(empty_url, auditor_password=AUDITOR_PASSWORD)
    with psycopg.connect(auditor_address(empty_url)) as auditor:
        auditor.execute("SELECT * FROM counts")  # and the transaction stays open
        migrate(empty_url)
        with pytest.raises(psycopg.OperationalError):
            auditor.execute("SELECT 1")


def test_several_databases_are_migrated_at_once(own_server: DatabaseServer) -> None:
    """They share the role, which none of them has yet, and which all of them give a password."""
    urls = [own_server.create_database() for _database in range(4)]

    def set_up(url: str) -> object:
        return migrate(url, auditor_password=AUDITOR_PASSWORD)

    with ThreadPoolExecutor(len(urls)) as pool:
        assert list(pool.map(set_up, urls)) == [()] * len(urls)
    for url in urls:
        with psycopg.connect(auditor_address(url)) as auditor:
            assert auditor.execute("SHOW search_path").fetchone() == ("audit",)


def test_who_may_not_make_roles_is_told_what_a_superuser_should_run(
    own_server: DatabaseServer,
) -> None:
    """The views are there all the same, and once it is done the next migration is content."""
    superuser_url, url = database_of(own_server, "NOCREATEROLE")
    (note,) = migrate(url)
    assert f"run role.sql, processes.sql, catalogue.sql from {FENCE}" in str(note)
    assert one(url, _COUNT_VIEWS)
    told = jieru("migrate", database_url=url)
    assert (told.returncode, told.stderr.strip()) == (0, str(note))
    with connect(superuser_url, autocommit=True) as superuser:
        for name in ("role", "processes", "database", "catalogue"):
            superuser.execute((FENCE / f"{name}.sql").read_bytes())
    assert migrate(url) == ()
    with psycopg.connect(auditor_address(url)) as auditor:
        assert auditor.execute("SELECT * FROM counts").fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            auditor.execute("DO $$ BEGIN END $$")
    with connect(url) as owner:
        owner.execute("SET LOCAL ROLE jieru_auditor")
        owner.execute("SELECT * FROM audit.counts")


def test_who_may_make_roles_makes_it_and_is_told_what_is_left(own_server: DatabaseServer) -> None:
    """What only a superuser can take from everybody; the owner of the tables keeps all of it."""
    superuser_url, url = database_of(own_server, "CREATEROLE")
    (note,) = migrate(url, auditor_password=AUDITOR_PASSWORD)
    assert f"run catalogue.sql from {FENCE}" in str(note)
    with psycopg.connect(auditor_address(url)) as auditor:
        assert auditor.execute("SELECT * FROM counts").fetchall() == []
    with connect(superuser_url, autocommit=True) as superuser:
        superuser.execute((FENCE / "catalogue.sql").read_bytes())
    assert migrate(url) == ()
    with connect(url, autocommit=True) as owner:
        owner.execute("CREATE TEMP TABLE batch (id integer)")
        owner.execute("SELECT pg_try_advisory_xact_lock(1)")
        owner.execute("DO $$ BEGIN PERFORM 1; END $$")
        owner.execute("INSERT INTO platforms (code, name) VALUES ('alpha', 'A')")


def test_the_owner_of_a_fenced_database_still_takes_heartbeats(
    timescale_server: DatabaseServer,
) -> None:
    """What TimescaleDB does for who stores and drops them needs what was taken from everybody."""
    name = f"jieru_{secrets.token_hex(4)}"
    reader = f"{name}_reader"
    with connect(timescale_server.url(), autocommit=True) as superuser:
        superuser.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'".encode())
        superuser.execute(f"CREATE ROLE {reader}".encode())
        with timescale_server.database() as superuser_url:
            url = make_conninfo(superuser_url, user=name, password=name)
            database = sql.Identifier(str(conninfo_to_dict(superuser_url)["dbname"]))
            owned = sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, sql.Identifier(name))
            superuser.execute(owned)
            with connect(superuser_url, autocommit=True) as inside:
                create_extension(inside)
                migrate(url)
                for each in ("role", "processes", "database", "catalogue"):
                    inside.execute((FENCE / f"{each}.sql").read_bytes())
            assert migrate(url) == ()
            with connect(url, autocommit=True) as owner:
                for days in (100, 1):
                    owner.execute(
                        "INSERT INTO heartbeats (device_id, time, received_at)"
                        " VALUES (1, now() - %s * interval '1 day', now())",
                        (days,),
                    )
                # A reader of ours keeps what everybody had, and gets nothing besides.
                owner.execute(f"GRANT SELECT ON platforms TO {reader}".encode())
                with connect(superuser_url, autocommit=True) as inside:
                    inside.execute((FENCE / "catalogue.sql").read_bytes())
                readable = owner.execute(_SELECT_CHUNKS, (reader,)).fetchall()
                assert readable == [(False, True), (False, True)]
                assert drop_expired_heartbeats(owner, retention_days=75) == 1
                assert owner.execute("SELECT count(*) FROM heartbeats").fetchone() == (1,)
        superuser.execute(f"DROP ROLE {name}, {reader}".encode())


def test_who_may_not_make_a_schema_is_told_so(own_server: DatabaseServer) -> None:
    """In one sentence, before half of it is made: it is enough to own the database."""
    superuser_url, url = database_of(own_server, "NOCREATEROLE")
    with connect(superuser_url, autocommit=True) as superuser:
        name = sql.Identifier(superuser.info.dbname)
        superuser.execute(sql.SQL("ALTER DATABASE {} OWNER TO postgres").format(name))
        superuser.execute(f'GRANT CREATE, USAGE ON SCHEMA public TO "{_OWNER}"'.encode())
    with pytest.raises(UserError, match="is not its owner"):
        migrate(url)


def test_a_password_that_may_not_be_set_is_said(own_server: DatabaseServer) -> None:
    """The role is somebody else's to change."""
    _superuser_url, url = database_of(own_server, "NOCREATEROLE")
    migrate(own_server.create_database())
    notes = [str(note) for note in migrate(url, auditor_password=AUDITOR_PASSWORD)]
    assert any("may not set the password" in note for note in notes)


def test_others_who_read_our_tables_still_can(own_server: DatabaseServer) -> None:
    """A broker that looks up its users, an ingester with a role of its own."""
    url = own_server.create_database()
    migrate(url)
    with connect(url, autocommit=True) as owner:
        owner.execute("CREATE ROLE emqx LOGIN; GRANT SELECT ON broker_users TO emqx")
        owner.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")  # as it was before release 15
        migrate(url)
    with connect(make_conninfo(url, user="emqx"), autocommit=True) as emqx:
        assert emqx.execute("SELECT * FROM broker_users").fetchall() == []
        emqx.execute("CREATE TEMP TABLE batch (id integer)")
        emqx.execute("SELECT pg_try_advisory_lock(1)")
        emqx.execute("CREATE TABLE public.mine (id integer)")
    assert one(url, "SELECT has_schema_privilege('jieru_auditor', 'public', 'CREATE')") is False


def test_a_role_that_was_given_more_is_reported_and_put_right(own_server: DatabaseServer) -> None:
    """Attributes and settings are set back; a membership is somebody's decision, and is said."""
    url = own_server.create_database()
    migrate(url)
    with connect(url, autocommit=True) as superuser:
        superuser.execute("ALTER ROLE jieru_auditor CREATEDB CONNECTION LIMIT -1")
        superuser.execute("ALTER ROLE jieru_auditor SET search_path = public")
        superuser.execute("GRANT pg_read_all_data TO jieru_auditor")
    (note,) = migrate(url)
    assert "is a member of pg_read_all_data" in str(note)
    with connect(url, autocommit=True) as superuser:
        superuser.execute("REVOKE pg_read_all_data FROM jieru_auditor")
    assert migrate(url) == ()
    role: LiteralString = "SELECT (rolcreatedb, rolconnlimit)::text FROM pg_roles"
    assert one(url, role + " WHERE rolname = 'jieru_auditor'") == "(f,20)"
    with psycopg.connect(auditor_address(url)) as auditor:
        assert auditor.execute("SHOW search_path").fetchone() == ("audit",)


def test_settings_that_an_auditor_gave_the_role_are_taken_back(own_server: DatabaseServer) -> None:
    """PostgreSQL lets every role do that, and with `role` everybody else of it is shut out."""
    url = own_server.create_database()
    migrate(url, auditor_password=AUDITOR_PASSWORD)
    with psycopg.connect(auditor_address(url), autocommit=True) as auditor:
        auditor.execute("SET default_transaction_read_only = off")
        auditor.execute("ALTER ROLE jieru_auditor SET role = 'none'")
        auditor.execute("ALTER ROLE jieru_auditor SET datestyle = 'German'")
        auditor.execute("ALTER ROLE jieru_auditor SET statement_timeout = 1")
        database = sql.Identifier(auditor.info.dbname)
        auditor.execute(
            sql.SQL("ALTER ROLE jieru_auditor IN DATABASE {} SET search_path = ''").format(database)
        )
    with connect(url, autocommit=True) as superuser:
        superuser.execute("ALTER ROLE jieru_auditor SET log_statement = 'all'")
    assert migrate(url) == ()
    with connect(url) as superuser:
        rows = superuser.execute(
            "SELECT setdatabase <> 0, unnest(setconfig) FROM pg_db_role_setting"
            " WHERE setrole = 'jieru_auditor'::regrole"
        ).fetchall()
    ours = {value.partition("=")[0] for is_of_one, value in rows if not is_of_one}
    assert [value for is_of_one, value in rows if is_of_one] == []
    assert ours == {
        "search_path", "default_transaction_read_only", "statement_timeout", "lock_timeout",
        "idle_in_transaction_session_timeout", "jit", "work_mem", "temp_file_limit",
        "log_statement",
    }  # fmt: skip


def test_the_password_is_set_and_set_back(timescale_url: str) -> None:
    """A role may change its own password: the next migration has the last word."""
    migrate(timescale_url, auditor_password=AUDITOR_PASSWORD)
    with psycopg.connect(auditor_address(timescale_url), autocommit=True) as auditor:
        auditor.execute("SET default_transaction_read_only = off")
        auditor.execute("ALTER ROLE jieru_auditor PASSWORD 'mine'")
        auditor.execute("ALTER ROLE jieru_auditor SET statement_timeout = 0")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(auditor_address(timescale_url))
    migrated = jieru("migrate", database_url=timescale_url, auditor_password=AUDITOR_PASSWORD)
    assert (migrated.returncode, migrated.stderr) == (0, "")
    with psycopg.connect(auditor_address(timescale_url)) as auditor:
        assert auditor.execute("SHOW statement_timeout").fetchone() == ("30s",)


def test_a_new_role_has_no_password(own_server: DatabaseServer) -> None:
    """Nobody can log in with one before it is set."""
    url = own_server.create_database()
    migrate(url)
    stored: LiteralString = "SELECT rolpassword FROM pg_authid WHERE rolname = 'jieru_auditor'"
    assert one(url, stored) is None
    migrate(url, auditor_password=AUDITOR_PASSWORD)
    assert str(one(url, stored)).startswith("SCRAM-SHA-256$")


def test_the_role_may_connect_so_many_times(own_server: DatabaseServer) -> None:
    """A Grafana that opens more and more connections leaves the others theirs."""
    url = own_server.create_database()
    migrate(url)
    connections = [psycopg.connect(auditor_address(url)) for _connection in range(20)]
    with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
        psycopg.connect(auditor_address(url))
    for each in connections:
        each.close()


def test_a_statement_of_the_role_ends_in_time(own_server: DatabaseServer) -> None:
    """By the setting of the role, which is made shorter here."""
    url = own_server.create_database()
    migrate(url)
    with psycopg.connect(auditor_address(url)) as auditor:
        assert auditor.execute("SHOW statement_timeout").fetchone() == ("30s",)
        assert auditor.execute("SHOW default_transaction_read_only").fetchone() == ("on",)
    with connect(url, autocommit=True) as superuser:
        superuser.execute("ALTER ROLE jieru_auditor SET statement_timeout = '100ms'")
    with (
        psycopg.connect(auditor_address(url)) as auditor,
        pytest.raises(psycopg.errors.QueryCanceled),
    ):
        auditor.execute("SELECT pg_sleep(120)")


def test_a_query_cannot_fill_the_disk_with_temporary_files(own_server: DatabaseServer) -> None:
    """The one limit on a session that it cannot lift, made smaller here."""
    url = own_server.create_database()
    migrate(url)
    with psycopg.connect(auditor_address(url)) as auditor:
        assert auditor.execute("SHOW temp_file_limit").fetchone() == ("1GB",)
    with connect(url, autocommit=True) as superuser:
        superuser.execute("ALTER ROLE jieru_auditor SET temp_file_limit = '1MB'")
    with psycopg.connect(auditor_address(url)) as auditor:
        auditor.execute("SET work_mem = '64kB'")
        with pytest.raises(psycopg.errors.ConfigurationLimitExceeded):
            auditor.execute("SELECT n FROM generate_series(1, 1000000) AS n ORDER BY n DESC")


def test_views_need_no_role(own_server: DatabaseServer) -> None:
    """Where nobody has made it yet, the console's owner reads them by its own rights."""
    url = own_server.create_database()
    migrate(url)
    with connect(url, autocommit=True) as connection:
        connection.execute("DROP OWNED BY jieru_auditor; DROP ROLE jieru_auditor")
        create_views(connection)
        assert connection.execute("SELECT * FROM audit.counts").fetchall() == []
