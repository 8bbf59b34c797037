"""Every command does its work under its own role: nothing needs the owner but `migrate`."""

from pathlib import Path

import psycopg
import pytest

from jieru.database import connect
from jieru.roles.limits import Limits, read_presence_reach
from jieru.schema import migrate
from jieru.timescale import drop_expired_heartbeats
from tests.support.command import jieru
from tests.support.databases import DatabaseServer
from tests.support.fleet import PLATFORM
from tests.support.mosquitto import MosquittoBroker
from tests.support.registry_files import uscc_of, write_registry_csv
from tests.support.roles import API, ARCHIVE, BROKER, INGEST, VERIFIER, as_role

_ROWS: dict[str, list[str]] = {
    "platforms": [PLATFORM, "测试平台", ""],
    "recognitions": [PLATFORM, "municipal", "2025-06-01", ""],
    "enterprises": [uscc_of(1), "一厂", "licheng", "C1951"],
    "connections": [PLATFORM, uscc_of(1), "", "2025-12-01", "2026-01-01", ""],
    "devices": [PLATFORM, "CNC-1", uscc_of(1), "", "", "2026-01-01", "", ""],
}


def _well(*arguments: str, database_url: str, **settings: str) -> str:
    done = jieru(*arguments, database_url=database_url, timeout_s=120, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(params=["simulation_database_url", "embedded_simulation_url"])
def url(request: pytest.FixtureRequest) -> str:
    """A simulation's database for a superuser, with TimescaleDB and without."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def embedded_simulation_url(
    embedded_server: DatabaseServer, embedded_simulation_template: str
) -> "object":
    """A simulation's on the embedded PostgreSQL."""
    with embedded_server.database(template=embedded_simulation_template) as made:
        yield made


def test_every_command_works_under_its_own_role(
    url: str, mosquitto: MosquittoBroker, tmp_path: Path
) -> None:
    """Registry, people, credentials, decisions, counts, checks, the broker, the archive."""
    api, verifier = as_role(url, API), as_role(url, VERIFIER)
    for kind, row in _ROWS.items():
        path = write_registry_csv(tmp_path, kind, row)  # type: ignore[arg-type]
        _well("import", kind, str(path), database_url=api)
    _well("user", "add", "lin", "--role", "admin", database_url=api)
    _well("credential", "issue", PLATFORM, database_url=api)
    decided = ("--reason", "核实中", "--by", "lin")
    _well("decide", "hold", PLATFORM, uscc_of(1), *decided, database_url=api)
    for address in (api, verifier):
        assert PLATFORM in _well("count", "2026", "--json", database_url=address)
        _well("explain", "2026", PLATFORM, uscc_of(1), "--json", database_url=address)
        _well("audit", "verify", database_url=address)
    _well("audit", "verify", "--record", database_url=verifier)
    _well("signals", "--record", database_url=verifier)
    for each in (verifier, as_role(url, ARCHIVE)):
        _well("verify-evidence", "--recent", database_url=each)
    _well("procedure", "draft", "2026", "--by", "lin", "--reason", "首次", database_url=api)
    _well("broker", "sync", database_url=as_role(url, BROKER), **mosquitto.sync_settings)
    folder = tmp_path / "archive"
    folder.mkdir()
    for command in ("run", "verify", "list"):
        _well("archive", command, database_url=as_role(url, ARCHIVE), archive_dir=str(folder))


@pytest.mark.parametrize(
    ("role", "command"),
    [
        (BROKER, ("count", "2026")),
        (VERIFIER, ("credential", "issue", PLATFORM)),
        (API, ("migrate",)),
        (INGEST, ("user", "add", "wu", "--role", "admin")),
    ],
)
def test_a_command_under_another_role_says_so(
    database_url: str, role: str, command: tuple[str, ...]
) -> None:
    """In a sentence, without a traceback, and it changes nothing."""
    done = jieru(*command, database_url=as_role(database_url, role))
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert "role" in done.stderr or "may not use them" in done.stderr


def test_what_expires_is_dropped_as_the_owner_said_and_not_sooner(database_url: str) -> None:
    """An ingester's setting cannot shorten it; the next migration can."""
    migrate(database_url, retention_days=400, limits=Limits(rejections_kept=50))
    with connect(database_url, autocommit=True) as owner:
        for days in (30, 200, 500):
            owner.execute(
                "INSERT INTO heartbeats (device_id, time, received_at)"
                " VALUES (1, now() - make_interval(days => %(days)s), now())",
                {"days": days},
            )
            owner.execute(
                "INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes)"
                " VALUES (now() - make_interval(days => %s), 'bad_topic', 'x', '', 0)",
                (days,),
            )
    with connect(as_role(database_url, INGEST), autocommit=True) as ingester:
        assert drop_expired_heartbeats(ingester, retention_days=40) == 1
        assert drop_expired_heartbeats(ingester, retention_days=40) == 0
        deleted = ingester.execute("SELECT delete_expired_rejections(1, 100)").fetchone()
        assert deleted == (2,)
        assert ingester.execute("SELECT delete_old_minutes()").fetchone() == (0,)
        left = ingester.execute("SELECT count(*) FROM heartbeats").fetchone()
        assert left == (2,)
        migrate(database_url, retention_days=100)
        assert drop_expired_heartbeats(ingester, retention_days=40) == 1


def test_an_ingester_whose_policy_takes_older_heartbeats_says_what_to_run(
    database_url: str, mosquitto: MosquittoBroker
) -> None:
    """Before its first batch would be refused."""
    migrate(database_url, limits=Limits(presence_reach=2))
    with connect(database_url) as connection:
        assert read_presence_reach(connection) == 2
    done = jieru("ingest", database_url=as_role(database_url, INGEST), mqtt_url=mosquitto.url())
    assert done.returncode == 1
    assert "run `jieru migrate` with the same JIERU_POLICY" in done.stderr
    assert jieru("migrate", database_url=database_url).returncode == 0
    with connect(database_url) as connection:
        assert read_presence_reach(connection) == 45


def test_passwords_of_roles_are_set_by_the_migration(timescale_url: str) -> None:
    """Only those that are named; each lets its own role in."""
    migrate(timescale_url, role_passwords={API: "eins", BROKER: "zwei"})
    for role, password in ((API, "eins"), (BROKER, "zwei")):
        with psycopg.connect(timescale_url, user=role, password=password) as connection:
            assert connection.execute("SELECT is_simulation FROM installation").fetchone()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(timescale_url, user=BROKER, password="eins")  # noqa: S106 - the other's
    migrate(timescale_url, role_passwords={API: "darf-was-sie-muss", BROKER: "darf-was-sie-muss"})


def test_a_simulation_plays_any_year_under_the_ingesters_role(url: str) -> None:
    """Its event clock is not the server's; evidence is not made there."""
    with connect(as_role(url, INGEST), autocommit=True) as ingester:
        ingester.execute("INSERT INTO presence VALUES (1, '2024-02-01', ~0::bit(744))")
        ingester.execute("INSERT INTO presence VALUES (1, '2031-02-01', ~0::bit(744))")
