"""`jieru doctor`: what it says of an installation, and what it never says."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from api.access.roles import Role
from doctor.check import Check, State
from doctor.examination import examine
from jieru.database import connect
from jieru.roles.grants import PROCESSES
from jieru.settings import Settings
from jieru.told_processes import tell_process
from tests.support.command import clean_environment
from tests.support.databases import DatabaseServer
from tests.support.planted_secrets import PLANTED, settings_with_secrets
from tests.support.roles import API, INGEST, as_role
from tests.support.visiting import add_person


def doctor(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run `jieru doctor`."""
    return subprocess.run(
        [sys.executable, "-m", "jieru", "doctor", *arguments],
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def examined(settings: Settings, now: datetime | None = None) -> dict[str, Check]:
    """Every check by its name."""
    return {each.name: each for each in examine(settings, now or datetime.now(UTC))}


def test_each_part_is_one_entry_with_state_finding_and_advice(database_url: str) -> None:
    """As JSON for programs; a fresh database is reached, and its broker is not."""
    done = doctor(
        "--json",
        database_url=as_role(database_url, API),
        language="en",
        mqtt_url="mqtt://127.0.0.1:1",
    )
    assert done.returncode == 1, done.stderr
    checks = {each["name"]: each for each in json.loads(done.stdout)["checks"]}
    assert checks["database"]["state"] == "green"
    assert checks["roles"]["state"] == "green"
    assert checks["policy"]["state"] == "green"
    assert checks["broker"]["state"] == "red"
    assert checks["broker"]["advice"] == "Start the broker, or correct JIERU_MQTT_URL."
    assert checks["administrators"]["state"] == "red"
    assert all(set(each) == set(checks["broker"]) for each in checks.values())


def test_a_person_reads_words_in_chinese_and_what_needs_him_stands_first(database_url: str) -> None:
    """States are words, not colours alone."""
    done = doctor(
        database_url=as_role(database_url, API), language="zh", mqtt_url="mqtt://127.0.0.1:1"
    )
    assert "故障" in done.stdout
    assert done.stdout.index("故障") < done.stdout.index("正常")
    assert "请启动消息代理" in done.stdout.replace("\n", "")


def test_a_database_that_is_away_is_a_finding_and_no_error() -> None:
    """The rest is examined all the same."""
    done = doctor("--json", database_url="postgresql://nobody:x@127.0.0.1:1/none", language="en")
    checks = {each["name"]: each for each in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1
    assert checks["database"]["state"] == "red"
    assert "holidays" in checks


def test_settings_that_are_wrong_are_a_check_that_was_not_made() -> None:
    """Exit code 2, as for the other checks."""
    assert doctor(database_url="", api_port="x").returncode == 2


def test_a_pending_migration_is_told(timescale_server: DatabaseServer) -> None:
    """With what to do."""
    with timescale_server.database() as url:
        found = examined(Settings(database_url=url))
    assert found["database"].state is State.RED
    assert found["database"].advice is not None


@pytest.mark.parametrize("is_json", [True, False])
def test_the_command_shows_no_secret(database_url: str, *, is_json: bool) -> None:
    """Though every setting that can hold one does."""
    planted = settings_with_secrets(as_role(database_url, API))
    values = {
        name: str(getattr(planted, name))
        for name in Settings.model_fields
        if PLANTED in str(getattr(planted, name))
    }
    done = doctor(*["--json"] * is_json, language="en", **values)
    assert done.returncode == 1, done.stderr
    assert PLANTED not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "url", [f"postgresq://lin:{PLANTED}@h/d", f"lin:{PLANTED}@h", f"host=127.0.0.1 {PLANTED}"]
)
def test_a_wrong_address_is_not_repeated(url: str) -> None:
    """What is no address may hold a password all the same."""
    done = doctor(database_url=url, mqtt_url=url, language="en")
    assert done.returncode == 1
    assert PLANTED not in done.stdout + done.stderr


def test_every_process_may_say_what_it_is(database_url: str) -> None:
    """Under its own role; a second start replaces what the first one said."""
    for role in PROCESSES:
        settings = Settings(database_url=as_role(database_url, role), grafana_token=PLANTED)
        tell_process("ingest", settings, name=role)
        tell_process("ingest", settings, name=role)
    with connect(database_url) as connection:
        rows = connection.execute("SELECT name, settings FROM processes").fetchall()
    assert sorted(name for name, _settings in rows) == sorted(PROCESSES)
    assert {found["JIERU_GRAFANA_TOKEN"] for _name, found in rows} == {"***"}


def test_a_process_starts_though_it_can_tell_nobody() -> None:
    """An ingester without a database waits for it, and does not fail at its card."""
    tell_process("ingest", Settings(database_url="postgresql://x@127.0.0.1:1/none"))


def test_two_policies_at_work_are_a_fault(database_url: str) -> None:
    """An ingester that judges by other rules than the console counts by."""
    settings = Settings(database_url=as_role(database_url, INGEST))
    tell_process("ingest", settings, name="one", policy_sha256="a" * 64)
    assert examined(Settings(database_url=database_url))["processes"].state is State.GREEN
    tell_process("serve", settings, policy_sha256="b" * 64)
    assert examined(Settings(database_url=database_url))["processes"].state is State.RED


def test_a_right_that_a_role_lacks_is_found(database_url: str) -> None:
    """Whoever took it, by hand or by a dump without rights."""
    with connect(database_url, autocommit=True) as connection:
        connection.execute("REVOKE SELECT ON presence FROM jieru_verifier")
    assert examined(Settings(database_url=database_url))["roles"].state is State.RED


def test_what_was_found_stays_red_and_what_is_old_asks_for_care(database_url: str) -> None:
    """The audit's last verification, by its findings and its age."""
    settings = Settings(database_url=database_url)
    with connect(database_url, autocommit=True) as connection:
        assert examined(settings)["audit"].state is State.YELLOW
        _check_audit(connection, days_ago=3)
        assert examined(settings)["audit"].state is State.YELLOW
        _check_audit(connection, days_ago=0)
        assert examined(settings)["audit"].state is State.GREEN
        _check_audit(connection, days_ago=0, findings=1)
        assert examined(settings)["audit"].state is State.RED


def test_an_ingester_that_fell_silent_is_told(database_url: str) -> None:
    """One of two: care; all of them: broken."""
    settings = Settings(database_url=database_url)
    with connect(database_url, autocommit=True) as connection:
        _minute(connection, "a", minutes_ago=20)
        assert examined(settings)["ingesters"].state is State.RED
        _minute(connection, "b", minutes_ago=1)
        assert examined(settings)["ingesters"].state is State.YELLOW
        _minute(connection, "a", minutes_ago=1)
        assert examined(settings)["ingesters"].state is State.GREEN


def test_clocks_that_are_apart_are_told(database_url: str) -> None:
    """Beyond a minute no step of a count is taken."""
    settings = Settings(database_url=database_url)
    assert examined(settings)["clock"].state is State.GREEN
    late = examined(settings, datetime.now(UTC) - timedelta(minutes=2))
    assert late["clock"].state is State.RED


def test_one_administrator_is_too_few_for_two_people(database_url: str) -> None:
    """None is a fault, one asks for care."""
    settings = Settings(database_url=database_url)
    with connect(database_url) as connection:
        add_person(connection, "wu", Role.ADMIN)
        assert examined(settings)["administrators"].state is State.YELLOW
        add_person(connection, "zhao", Role.ADMIN)
        assert examined(settings)["administrators"].state is State.GREEN


def test_a_key_that_everybody_may_read_is_a_fault(tmp_path: Path) -> None:
    """Its folder and its rights are what protects it."""
    key = tmp_path / "totp.key"
    key.write_bytes(b"x" * 32)
    for mode, state in ((0o600, State.GREEN), (0o644, State.RED)):
        key.chmod(mode)
        found = examined(Settings(totp_key_file=str(key)))
        assert found["file:JIERU_TOTP_KEY_FILE"].state is state


def test_a_folder_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    """As when its disk is not mounted."""
    gone = examined(Settings(archive_dir=str(tmp_path / "gone")))
    assert gone["folder:JIERU_ARCHIVE_DIR"].state is State.RED


def _check_audit(connection: psycopg.Connection, *, days_ago: int, findings: int = 0) -> None:
    connection.execute(
        "INSERT INTO audit_checks (checked_at, last_number, last_hash, findings)"
        " VALUES (now() - make_interval(days => %s), 1, decode(repeat('00', 32), 'hex'), %s)",
        (days_ago, findings),
    )


def _minute(connection: psycopg.Connection, ingester: str, *, minutes_ago: int) -> None:
    connection.execute(
        "INSERT INTO ingest_minutes (ingester, minute, received, committed, duplicates, late,"
        " rejected, batches, commit_ms_sum, commit_ms_max, behind_s_max, unacknowledged_max)"
        " VALUES (%s, date_trunc('minute', now() - make_interval(mins => %s), 'UTC'),"
        " 1, 1, 0, 0, 0, 1, 1, 1, 0, 0)",
        (ingester, minutes_ago),
    )
