"""Freezing needs the evidence of every counted window verified, or two people who say why not."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from jieru.calendar import SHANGHAI
from jieru.database import connect
from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.command import jieru
from tests.support.heard import hear, run_ingester
from tests.support.people import personal_key_file
from tests.support.procedure import CHECKER, KEY, TRUSTED, drafted, submitted, write_key
from tests.support.registry_builder import RegistryBuilder
from tests.support.rewriting import past_all_triggers
from verifier.counting.progress import no_progress
from verifier.procedure.deeds import read_deeds
from verifier.procedure.freezing import freeze_count
from verifier.procedure.hindrances import hindrances
from verifier.procedure.records import CountRecord
from verifier.procedure.separation import DeedKind
from verifier.procedure.states import State, Step

_MONTHS = ["2026-03", "2026-04", "2026-05"]
"""Of the window that begins on 2026-03-02."""


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection]:
    """An enterprise that counts, with the heartbeats behind it, and another that does not."""
    with connect(database_url) as connection:
        registry = RegistryBuilder(connection)
        platform = registry.platform()
        uscc = registry.served_enterprise(1, platform, [])
        registry.served_enterprise(2, platform, [date(2026, 1, 5)])
        run_ingester(connection)
        for serial in range(3):
            device = registry.device(platform, f"heard-{serial}", uscc)
            hear(
                connection,
                device,
                [
                    datetime(day.year, day.month, day.day, hour, 30, tzinfo=SHANGHAI)
                    for day in WORKED_EXAMPLE
                    for hour in range(8, 13)
                ],
            )
        connection.commit()
        yield connection


def _codes(connection: psycopg.Connection, record: CountRecord) -> list[str]:
    found = hindrances(connection, record, Step.FREEZE, CHECKER.at, TRUSTED)
    return [each.code for each in found]


def _verify(url: str, *arguments: str, **settings: str) -> int:
    done = jieru("verify-evidence", *arguments, timeout_s=60, database_url=url, **settings)
    return done.returncode


def _freeze(connection: psycopg.Connection, record: CountRecord) -> CountRecord:
    connection.commit()
    return freeze_count(connection, record, CHECKER, KEY, TRUSTED, no_progress)


def test_each_month_of_a_counted_window_is_needed(
    database: psycopg.Connection, database_url: str
) -> None:
    """What was never verified is named with the command; other months are nobody's business."""
    record = drafted(database)
    found = hindrances(database, record, Step.FREEZE, CHECKER.at, TRUSTED)
    assert [(each.code, each.values["month"]) for each in found] == [
        ("evidence_unverified", month) for month in _MONTHS
    ]
    assert "run `jieru verify-evidence --month 2026-03`" in str(found[0])
    database.commit()
    for month in _MONTHS:
        assert _verify(database_url, "--month", month) == 0
    assert _codes(database, record) == []


def test_a_verified_count_is_frozen(database: psycopg.Connection, database_url: str) -> None:
    """From heartbeats to the signature, with the commands that people use."""
    record = submitted(database)
    past_all_triggers(database, "DELETE FROM evidence_verifications")
    database.commit()
    assert _verify(database_url) == 1  # January's presence has no heartbeat, and no window either
    assert _freeze(database, record).state is State.FROZEN


def test_a_difference_is_a_hindrance(database: psycopg.Connection, database_url: str) -> None:
    """One invented bit in a month of the window: found, recorded, and nothing is frozen."""
    database.execute(
        "UPDATE presence SET hours = set_bit(hours, 20, 1) WHERE month = '2026-04-01'"
        " AND device_id = (SELECT max(device_id) FROM presence)"
    )
    record = submitted(database)
    database.commit()
    for month in _MONTHS:
        _verify(database_url, "--month", month)
    assert _codes(database, record) == ["evidence_differs"]
    with pytest.raises(UserError, match="Presence of 2026-04 and its heartbeats differ in 1 hours"):
        _freeze(database, record)


def test_presence_that_changed_since_has_to_be_verified_again(
    database: psycopg.Connection, database_url: str
) -> None:
    """Said when it is frozen, as the whole of presence has to be read for it."""
    record = submitted(database)
    database.execute(
        "UPDATE presence SET hours = set_bit(hours, 20, 1) WHERE month = '2026-04-01'"
        " AND device_id = (SELECT max(device_id) FROM presence)"
    )
    with pytest.raises(UserError, match="Presence of 2026-04 was changed since it was verified"):
        _freeze(database, record)
    database.execute(
        "UPDATE presence SET hours = set_bit(hours, 20, 0) WHERE month = '2026-04-01'"
        " AND device_id = (SELECT max(device_id) FROM presence)"
    )
    database.execute("UPDATE presence SET late_hours = set_bit(late_hours, 20, 1)")
    assert _freeze(database, record).state is State.FROZEN
    assert _verify(database_url, "--month", "2026-04") == 1


def test_two_people_may_say_why_gone_heartbeats_count(
    database: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    """One names, another confirms; it is for these days and this evidence, and nothing else."""
    database.execute("DELETE FROM heartbeats WHERE \"time\" < '2026-03-20 00:00Z'")
    record = submitted(database)
    database.commit()
    age = (datetime.now(SHANGHAI).date() - date(2026, 3, 25)).days
    # What the owner noted counts, and not what a process says of itself.
    assert _verify(database_url, "--month", "2026-03", heartbeat_retention_days="30") == 1
    database.execute("UPDATE retention SET heartbeats_days = %s", (max(age, 30),))
    database.commit()
    for month, code in zip(_MONTHS, (4, 0, 0), strict=True):
        assert _verify(database_url, "--month", month) == code
    assert _codes(database, record) == ["evidence_gone"]
    database.commit()

    keys = {name: personal_key_file(database, tmp_path, name) for name in ("lin", "chen", "wu")}

    def procedure(who: str, *arguments: str) -> "tuple[int, str]":
        words = ("procedure", *arguments, "--key-file", str(keys[who]))
        done = jieru(*words, timeout_s=60, database_url=database_url)
        return done.returncode, done.stdout + done.stderr

    code, said = procedure("lin", "except-evidence", "2026-04", "--reason", "x")
    assert (code, "An exception is for heartbeats that are gone" in said) == (1, True)
    named = procedure("lin", "except-evidence", "2026-03", "--reason", "retention")
    assert named[0] == 0
    assert "Exception 1 is recorded, for 16 days of 2026-03; another person" in named[1]
    assert _codes(database, record) == ["evidence_gone"]
    database.commit()
    deeds = [each for each in read_deeds(database, record) if each.kind is DeedKind.NAMED]
    assert [(each.person, each.number) for each in deeds] == [("lin", 1)]
    for statement in (
        "UPDATE evidence_exceptions SET confirmed_by = 'user:LIN', confirmed_at = now()",
        """INSERT INTO evidence_exceptions
               (month, presence_sha256, days, reason, named_by, confirmed_by, confirmed_at)
           SELECT month, presence_sha256, days, reason, 'wu', 'chen', now()
           FROM evidence_exceptions""",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
            database.execute(statement.encode())
    database.commit()
    code, said = procedure("lin", "confirm-exception", "1")
    assert (code, "another person confirms it" in said) == (1, True)
    assert procedure("chen", "confirm-exception", "1") == (0, "Exception 1 is confirmed.\n")
    assert procedure("wu", "confirm-exception", "1")[0] == 1
    assert _codes(database, record) == []
    database.commit()
    assert _freeze(database, record).state is State.FROZEN
    kinds = database.execute(
        "SELECT action FROM audit_entries WHERE record_kind = 'evidence_exceptions'"
    )
    assert kinds.fetchall() == [("create",), ("change",)]
    verified = database.execute(
        "SELECT DISTINCT action, actor ~ '^command:', origin FROM audit_entries"
        " WHERE record_kind = 'evidence_verifications'"
    )
    assert ("create", True, "command line") in verified.fetchall()


def test_a_step_of_money_leaves_a_checkpoint(simulation_database_url: str, tmp_path: Path) -> None:
    """At the command line; where it cannot be made that is said, and the step stands."""
    with connect(simulation_database_url) as connection:
        registry = RegistryBuilder(connection)
        registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    settings = {
        "database_url": simulation_database_url,
        "signing_key_file": str(write_key(tmp_path / "key.pem")),
        "checkpoint_dir": str(folder),
    }

    def step(*arguments: str, **changed: str) -> str:
        done = jieru("procedure", *arguments, timeout_s=60, **{**settings, **changed})
        assert done.returncode == 0, done.stderr
        return done.stderr

    step("draft", "2026", "--as-of", "2027-04-05", "--by", "lin")
    step("submit", "2026", "--by", "lin")
    assert "WARNING" not in step("freeze", "2026", "--by", "chen")
    content = (folder / "checkpoint-00000001.json").read_text(encoding="utf-8")
    assert '"occasion":"freeze 2026-1"' in content
    ends = (datetime.now(SHANGHAI).date() + timedelta(days=30)).isoformat()
    missing = str(tmp_path / "missing")
    said = step("publish", "2026", "--notice-ends", ends, "--by", "lin", checkpoint_dir=missing)
    assert "WARNING: the step is taken, and its checkpoint is not as it should be" in said
