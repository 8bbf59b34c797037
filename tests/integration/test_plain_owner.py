"""Everything works for the owner of the database who is no superuser; what may not be is said."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from jieru.database import connect, read_installation
from jieru.errors import UserError
from jieru.schema import migrate, require_current_schema
from jieru.timescale import Edition, create_extension, detect_edition
from tests.support.command import jieru
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot
from tests.support.fleet import PLATFORM, Publisher, Sent, ingester, stored_heartbeats, wait_until
from tests.support.mosquitto import MosquittoBroker
from tests.support.owners import TAKE_OVER, owned_database, plain_role, psql
from tests.support.processes import StartError, free_port
from tests.support.registry_files import uscc_of, write_registry_csv
from tests.support.served import jieru_serve
from tests.support.timescaledb import TimescaleServer

_TS_MS: Final = 1_772_400_000_000
"""2026-03-01, later in the evening, in Putian."""

Owned = Callable[[], AbstractContextManager[tuple[str, str]]]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture(params=["plain PostgreSQL", "TimescaleDB"])
def owned(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """The address of an empty database for its owner, and for a superuser."""
    is_timescale = request.param == "TimescaleDB"
    server = request.getfixturevalue("timescale_server" if is_timescale else "embedded_server")
    with owned_database(server, has_extension=is_timescale) as urls:
        yield urls


def test_the_owner_of_the_database_does_everything(
    owned: tuple[str, str], mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    """From the schema through import, ingest and count to the console and the audit."""
    url, _superuser_url = owned
    for _again in range(2):
        done = jieru("migrate", database_url=url)
        assert done.returncode == 0, done.stderr
        assert "have a superuser run" in done.stderr
        assert "Traceback" not in done.stderr
    rows = {
        "platforms": [PLATFORM, "测试平台", ""],
        "recognitions": [PLATFORM, "municipal", "2025-06-01", ""],
        "enterprises": [uscc_of(1), "一厂", "licheng", "C1951"],
        "connections": [PLATFORM, uscc_of(1), "", "2025-12-01", "2026-01-01", ""],
        "devices": [PLATFORM, "CNC-1", uscc_of(1), "", "", "2026-01-01", "", ""],
    }
    for kind, row in rows.items():
        path = write_registry_csv(tmp_path, kind, row)  # type: ignore[arg-type]
        done = jieru("import", kind, str(path), database_url=url)
        assert done.returncode == 0, done.stdout + done.stderr
    log = tmp_path / "ingest.log"
    with ingester(url, mosquitto.url(), log):
        wait_until(lambda: log.exists() and '"subscribed"' in log.read_text(), "it subscribed")
        gateway = Publisher(mosquitto.add_user(PLATFORM))
        gateway.publish([Sent("CNC-1", _TS_MS)])
        with connect(url) as connection:
            wait_until(lambda: len(stored_heartbeats(connection)) == 1, "the heartbeat is stored")
        gateway.close()
    count = jieru("count", "2026", "--json", database_url=url)
    assert count.returncode == 0, count.stderr
    assert PLATFORM in json.dumps(json.loads(count.stdout))
    for arguments in (
        ("user", "add", "lin", "--role", "admin"),
        ("audit", "verify", "--record"),
    ):
        done = jieru(*arguments, database_url=url)
        assert done.returncode == 0, done.stderr
    with jieru_serve(url, free_port()):
        pass


def test_timescaledb_that_a_superuser_created_is_used(timescale_server: DatabaseServer) -> None:
    """The owner's table heartbeats is a hypertable."""
    with owned_database(timescale_server, has_extension=True) as (url, _superuser_url):
        migrate(url)
        with connect(url) as connection:
            assert detect_edition(connection) is Edition.APACHE
            chunks = connection.execute("SELECT count(*) FROM timescaledb_information.hypertables")
            assert chunks.fetchone() == (1,)


def test_timescaledb_that_owners_may_create_is_created(timescale_server: DatabaseServer) -> None:
    """Debian's is marked as trusted: the owner of a database may."""
    with owned_database(timescale_server) as (url, _superuser_url):
        migrate(url)
        with connect(url) as connection:
            assert detect_edition(connection) is Edition.APACHE


def test_who_may_not_create_timescaledb_is_told_what_a_superuser_should_run(
    timescale_server: DatabaseServer,
) -> None:
    """As every user where the extension is not trusted."""
    with (
        plain_role(timescale_server) as (name, password),
        timescale_server.database() as url,
        psycopg.connect(url, user=name, password=password, autocommit=True) as connection,
        pytest.raises(UserError, match="run CREATE EXTENSION timescaledb in this database as a"),
    ):
        create_extension(connection)


def test_an_owner_is_told_that_timescaledb_is_not_preloaded(debian_root: DebianRoot) -> None:
    """Although he may not read the setting itself."""
    server = TimescaleServer(debian_root)
    server._settings["shared_preload_libraries"] = ""
    with server, owned_database(server) as (url, _superuser_url):
        done = jieru("migrate", database_url=url)
        assert done.returncode == 1
        assert "shared_preload_libraries" in done.stderr
        assert "Traceback" not in done.stderr


def test_who_may_not_make_tables_is_told_to_own_the_database(
    embedded_server: DatabaseServer,
) -> None:
    """In one sentence, with the statement for a superuser; and once it was run, all is well."""
    with plain_role(embedded_server) as (name, password), embedded_server.database() as url:
        with psycopg.connect(url, autocommit=True) as superuser:
            own = make_conninfo(url, user=name, password=password)
            with pytest.raises(UserError, match="ALTER DATABASE") as refused:
                migrate(own)
            statement = str(refused.value).partition("run ")[2].rstrip(".")
            superuser.execute(statement.encode())
        migrate(own)


def test_tables_of_somebody_else_are_not_taken_for_missing_ones(
    owned: tuple[str, str],
) -> None:
    """Every command says whose they are and what to run, and after that all of them work."""
    url, superuser_url = owned
    migrate(superuser_url)  # which takes the schema public from everybody, so that names are hidden
    with connect(url) as connection:
        with pytest.raises(UserError, match=f"to postgres, and its user {connection.info.user}"):
            require_current_schema(connection)
        with pytest.raises(UserError, match="belong to postgres"):
            read_installation(connection)
    told = jieru("migrate", database_url=url).stderr
    for arguments in (
        ("migrate",),
        ("count", "2026"),
        ("ingest",),
        ("serve",),
        ("audit", "verify"),
        ("archive", "list"),
    ):
        done = jieru(*arguments, database_url=url)
        code = 2 if "verify" in arguments else 1  # there 1 is what was found
        assert (done.returncode, "belong to postgres" in done.stderr) == (code, True), done.stderr
        assert "Traceback" not in done.stderr
    for attempt in range(2):  # somebody may run it again
        _run_as_superuser(told, superuser_url)
        assert jieru("migrate", database_url=url).stderr == "", attempt
    with connect(url, autocommit=True) as connection:
        require_current_schema(connection)
        connection.execute("INSERT INTO platforms (code, name) VALUES ('ab', 'AB')")
        connection.execute(
            "INSERT INTO heartbeats (device_id, time, received_at) VALUES (1, now(), now())"
        )
        connection.execute("ALTER TABLE platforms ADD COLUMN more text")
    assert jieru("count", "2026", database_url=url).returncode == 0
    assert jieru("audit", "verify", database_url=url).returncode == 0


def test_an_audit_that_cannot_be_given_away_is_said(timescale_server: DatabaseServer) -> None:
    """Its owner could write entries of his own making; once he may give it away, all is well."""
    with owned_database(timescale_server, has_extension=True) as (url, superuser_url):
        with psycopg.connect(superuser_url, autocommit=True) as superuser:
            (owner,) = superuser.execute(
                "SELECT pg_get_userbyid(datdba)::text FROM pg_database"
                " WHERE datname = current_database()"
            ).fetchone() or ("",)
            migrate(url)
            psql(superuser_url, "--set=ON_ERROR_STOP=1", f"--set=owner={owner}",
                 f"--file={TAKE_OVER}")  # fmt: skip
            superuser.execute("ALTER SCHEMA public OWNER TO postgres")
            said = [str(note) for note in migrate(url)]
            assert any("may not give the audit to the role" in each for each in said), said
            back = sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(owner))
            superuser.execute(back)
        assert migrate(url) == ()


_BETTER_FITTING: Final = """
    CREATE FUNCTION public.format({arguments}) RETURNS text LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'called as %', session_user; END $$
"""


def test_a_hand_over_calls_nobody_elses_functions(timescale_server: DatabaseServer) -> None:
    """A superuser runs it, and would lend his rights to an owner's function of a better kind."""
    with owned_database(timescale_server, has_extension=True) as (url, superuser_url):
        migrate(url)
        with connect(url, autocommit=True) as connection:
            (user,) = connection.execute("SELECT current_user::text").fetchone() or ("",)
            for arguments in ("text, text, regclass, text", "text, text, name", "text, text, text"):
                connection.execute(_BETTER_FITTING.format(arguments=arguments).encode())
        for_user = ("--set=ON_ERROR_STOP=1", f"--set=owner={user}")
        psql(superuser_url, *for_user, f"--file={TAKE_OVER}")


def test_a_hand_over_of_a_database_without_our_tables_changes_nothing(
    timescale_server: DatabaseServer,
) -> None:
    """Rather than giving away somebody else's."""
    for_user = ("--set=ON_ERROR_STOP=1", "--set=owner=postgres")
    with (
        owned_database(timescale_server) as (_url, superuser_url),
        pytest.raises(StartError, match="no tables of Jieru"),
    ):
        psql(superuser_url, *for_user, f"--file={TAKE_OVER}")


def _run_as_superuser(said: str, superuser_url: str) -> None:
    """Run the command that a sentence names, at the address of a superuser."""
    match = re.search(r"`psql (--set=ON_ERROR_STOP=1) --dbname=\S+ (--set=owner=\S+) (\S+)`", said)
    assert match, said
    assert match[3] == f"--file={TAKE_OVER}"
    psql(superuser_url, *match.groups())


def test_rights_without_ownership_are_enough_to_read_and_not_to_migrate(
    embedded_server: DatabaseServer,
) -> None:
    """A user of another process, with grants of its own, goes on as before."""
    with plain_role(embedded_server) as (name, password), embedded_server.database() as url:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as superuser:
            for grant in ("USAGE ON SCHEMA public", "SELECT ON ALL TABLES IN SCHEMA public"):
                statement = sql.SQL("GRANT " + grant + " TO {}")
                superuser.execute(statement.format(sql.Identifier(name)))
        own = make_conninfo(url, user=name, password=password)
        with connect(own) as connection:
            require_current_schema(connection)
        with pytest.raises(UserError, match="belong to postgres"):
            migrate(own)
        done = jieru("user", "add", "lin", "--role", "admin", database_url=own)
        assert done.returncode == 1
        assert "permission denied" in done.stderr
        assert "Traceback" not in done.stderr


def test_tables_outside_the_search_path_are_named(embedded_server: DatabaseServer) -> None:
    """They are there and readable, only not looked for."""
    with embedded_server.database() as url:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as superuser:
            superuser.execute("ALTER SCHEMA public RENAME TO city")
        with connect(url) as connection, pytest.raises(UserError, match="in the schema city"):
            require_current_schema(connection)
