"""Statements kept outside of the database: whoever rewrites the record is found by them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive.archiving import archive_expired
from jieru.audit import changing
from jieru.audit_chain import verify_audit
from jieru.errors import UserError
from tests.support.archives import ACTOR
from tests.support.heard import hear, run_ingester
from tests.support.procedure import KEY, TRUSTED
from tests.support.rewriting import past_all_triggers, rewrite_audit
from verifier.checkpoints.folder import CheckpointFolder
from verifier.checkpoints.statement import StatedSignals
from verifier.checkpoints.verifying import check_database, check_statements
from verifier.checkpoints.writing import Written, record_checkpoint, write_checkpoint
from verifier.counting.reading import consistent_snapshot
from verifier.policy import load_policy
from verifier.procedure.signing import SigningKey
from verifier.procedure.trusted_keys import NOBODY
from verifier.trust.records import store_run
from verifier.trust.running import run_signals

_DAY = timedelta(days=1)
_SET_BIT = """
    UPDATE presence SET hours = set_bit(hours, {place}, {bit})
    WHERE device_id = 2 AND month = date '{month}'
"""
_STRANGER = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(5, 37))))


@dataclass
class _Installation:
    """A database with evidence, and the folder of its checkpoints."""

    connection: psycopg.Connection
    path: Path
    first_day: datetime = field(
        default_factory=lambda: (
            datetime.now(UTC).replace(hour=2, minute=5, second=0, microsecond=0) - 12 * _DAY
        )
    )

    @property
    def folder(self) -> CheckpointFolder:
        return CheckpointFolder(self.path)

    def checkpoint(self, occasion: str = "day", key: SigningKey = KEY) -> Written:
        return write_checkpoint(
            self.connection, self.folder, key, occasion=occasion, max_delay_hours=72
        )

    def register(self, code: str) -> None:
        with changing(self.connection, ACTOR):
            self.connection.execute(
                "INSERT INTO platforms (code, name) VALUES (%s, %s)", (code, code)
            )

    def findings(self) -> list[str]:
        found: list[str] = []
        checked = check_statements(
            self.folder, TRUSTED, {}, lambda finding: found.append(str(finding))
        )
        with consistent_snapshot(self.connection):
            check_database(
                self.connection, self.folder, checked, lambda finding: found.append(str(finding))
            )
        return found

    def is_chain_whole(self) -> bool:
        """As `jieru audit verify` alone sees it."""
        found: list[str] = []
        verify_audit(self.connection, {}, lambda finding: found.append(str(finding)))
        return not found


@pytest.fixture
def installation(connection: psycopg.Connection, tmp_path: Path) -> _Installation:
    """Ten days of two devices, a platform, and one checkpoint."""
    (tmp_path / "checkpoints").mkdir()
    made = _Installation(connection, tmp_path / "checkpoints")
    run_ingester(connection)
    for device in (1, 2):
        hear(connection, device, [made.first_day + day * _DAY for day in range(12)])
    made.register("before")
    made.checkpoint()
    return made


def _day(at: datetime) -> str:
    return (at + timedelta(hours=8)).date().isoformat()


def test_what_goes_on_as_it_should_is_clean(installation: _Installation) -> None:
    """Records change, days pass, heartbeats come late or today: each checkpoint fits the last."""
    installation.register("after")
    installation.checkpoint("freeze 2026-1")
    hear(
        installation.connection,
        1,
        [installation.first_day + timedelta(hours=3)],
        after=timedelta(days=9),
    )
    hear(installation.connection, 1, [datetime.now(UTC)])
    third = installation.checkpoint()
    assert third.findings == ()
    assert (third.signed.statement.number, third.signed.statement.days) == (3, ())
    assert installation.findings() == []


def test_days_are_closed_when_nothing_that_counts_can_come(installation: _Installation) -> None:
    """Late by the rules, a day's margin, and the day itself: then it is stated, silent or not."""
    (number,) = installation.folder.numbers()
    statement = installation.folder.read(number).statement
    assert statement.closed_through is not None
    assert datetime.now(UTC).date() - statement.closed_through >= timedelta(days=4)
    assert statement.days[0].day.day == 1
    assert statement.days[-1].day == statement.closed_through
    heard = [each for each in statement.days if each.rows]
    assert heard[0].day.isoformat() == _day(installation.first_day)
    assert {each.rows for each in heard} == {2}


def test_the_owner_rewrites_the_audit_and_is_found(installation: _Installation) -> None:
    """Entries changed, the chain and its head made anew by the database's own functions."""
    installation.register("second")
    installation.checkpoint()
    rewrite_audit(
        installation.connection,
        "UPDATE audit_entries SET actor = 'user:somebody'"
        " WHERE number = (SELECT max(number) FROM audit_entries)",
    )
    assert installation.is_chain_whole()
    (finding,) = installation.findings()
    assert "an entry from 2 to 2 is not what checkpoint 2" in finding
    assert "this was done after checkpoint 2 (" in finding


def test_between_which_checkpoints_the_audit_was_rewritten_is_told(
    installation: _Installation,
) -> None:
    """The checkpoint after it says so when it is made, and again whenever all are verified."""
    installation.register("second")
    rewrite_audit(
        installation.connection,
        "UPDATE audit_entries SET actor = 'user:somebody' WHERE number = 1",
    )
    installation.register("third")
    second = installation.checkpoint()
    assert ["the audit was written anew" in str(each) for each in second.findings] == [True]
    assert any(
        "an entry from 1 to 1 " in each
        and "between checkpoint 1 (" in each
        and "checkpoint 2 (" in each
        for each in installation.findings()
    )


@pytest.mark.parametrize(("bit", "said"), [(1, "hours added: 23"), (0, "hours removed: 10")])
def test_the_owner_changes_presence_and_is_found(
    installation: _Installation, bit: int, said: str
) -> None:
    """Which device, which day, which hour, and after which checkpoint."""
    day = installation.first_day + 2 * _DAY
    place = (int(_day(day)[-2:]) - 1) * 24 + (23 if bit else 10)
    past_all_triggers(
        installation.connection,
        _SET_BIT.format(place=place, bit=bit, month=f"{_day(day)[:7]}-01"),
    )
    (finding,) = installation.findings()
    assert f"Presence of #2 (publisher 1) on {_day(day)} is not what checkpoint 1 states" in finding
    assert said in finding
    assert "changed after checkpoint 1 (" in finding
    second = installation.checkpoint()
    assert ["was not what earlier checkpoints state" in str(e) for e in second.findings] == [True]
    assert any(
        said in each and "changed between checkpoint 1 (" in each and "checkpoint 2 (" in each
        for each in installation.findings()
    )


def test_presence_before_all_that_was_stated_is_found(installation: _Installation) -> None:
    """A month of which there was nothing when it was closed."""
    installation.connection.execute(
        "INSERT INTO presence (device_id, month, hours)"
        " VALUES (1, '2025-01-01', set_bit(0::bit(744), 24, 1))"
    )
    assert installation.findings() == [
        "Presence of 2025-01-02 was added after that day was closed without any."
    ]


def test_an_archive_record_that_was_changed_is_found(
    installation: _Installation, tmp_path: Path
) -> None:
    """Files are stated once, by name and digest."""
    (tmp_path / "archive").mkdir()
    archive_expired(
        installation.connection,
        tmp_path / "archive",
        ACTOR,
        older_than=timedelta(days=9),
        report=lambda _progress: None,
    )
    installation.checkpoint()
    assert installation.findings() == []
    past_all_triggers(
        installation.connection, "UPDATE heartbeat_archives SET heartbeats = 1 WHERE id = 1"
    )
    (finding,) = installation.findings()
    assert "is not what checkpoint 2" in finding


def test_a_checkpoint_that_is_missing_changed_or_a_strangers_is_found(
    installation: _Installation,
) -> None:
    """The folder itself may have been somebody's: gaps, other bytes and other keys show."""
    installation.register("second")
    installation.checkpoint()
    installation.register("third")
    installation.checkpoint()
    path = installation.path / "checkpoint-00000002.json"
    content = path.read_bytes()
    path.unlink()
    assert any(
        "Checkpoint 3" in each and "2 was expected" in each for each in installation.findings()
    )
    path.write_bytes(content.replace(b'"number":2', b'"number":4', 1))
    assert any("2" in each and "signature" in each for each in installation.findings())
    path.write_bytes(b"{}")
    assert any(
        "checkpoint-00000002.json cannot be read" in each for each in installation.findings()
    )
    path.write_bytes(content)
    assert installation.findings() == []
    installation.checkpoint(key=_STRANGER)
    assert any("a key that nobody vouches for" in each for each in installation.findings())


def test_statements_that_are_missing_at_the_end_are_found(installation: _Installation) -> None:
    """What is left is whole in itself; the database remembers how many there were, and which."""
    for name in ("second", "third"):
        installation.register(name)
        record_checkpoint(
            installation.connection, installation.checkpoint(), cosigned=0, witnesses=0
        )
    assert installation.findings() == []
    (installation.path / "checkpoint-00000003.json").unlink()
    (finding,) = installation.findings()
    assert "Checkpoint 3 (" in finding
    assert "is not in the folder: the checkpoints end with 2" in finding
    installation.checkpoint()
    (finding,) = installation.findings()
    assert "Checkpoint 3 (" in finding
    assert "is another one in the folder than the one that was made" in finding


def test_a_folder_that_lost_all_statements_is_not_begun_anew(installation: _Installation) -> None:
    """A second number 1 would be another history, which witnesses refuse."""
    record_checkpoint(installation.connection, installation.checkpoint(), cosigned=0, witnesses=0)
    for path in installation.path.glob("checkpoint-*.json"):
        path.unlink()
    with pytest.raises(UserError, match="restore the folder, or copy the statements from a"):
        installation.checkpoint()
    assert installation.folder.numbers() == []


def test_without_any_trusted_key_no_statement_counts(installation: _Installation) -> None:
    """The key in a statement is never taken for whose it is."""
    found: list[str] = []
    checked = check_statements(
        installation.folder, NOBODY, {}, lambda finding: found.append(str(finding))
    )
    assert checked.statements == ()
    assert any("a key that nobody vouches for" in each for each in found)


def test_another_databases_checkpoints_are_refused(
    installation: _Installation, simulation_database_url: str
) -> None:
    """They say nothing about this one."""
    with psycopg.connect(simulation_database_url, autocommit=True) as other:
        found: list[str] = []
        checked = check_statements(installation.folder, TRUSTED, {}, lambda _finding: None)
        with consistent_snapshot(other):
            check_database(other, installation.folder, checked, lambda f: found.append(str(f)))
    assert ["are of another database" in each for each in found] == [True]


def test_presence_on_a_silent_day_is_found(installation: _Installation) -> None:
    """Stated as a day on which nothing was heard."""
    (number,) = installation.folder.numbers()
    silent = [each for each in installation.folder.read(number).statement.days if not each.rows]
    assert silent
    place = (silent[0].day.day - 1) * 24 + 5
    past_all_triggers(
        installation.connection,
        _SET_BIT.format(place=place, bit=1, month=silent[0].day.replace(day=1)),
    )
    (finding,) = installation.findings()
    assert f"Presence of #2 (publisher 1) on {silent[0].day}" in finding
    assert "hours added: 05; hours removed: -" in finding


def test_a_day_whose_rows_are_lost_is_found_all_the_same(installation: _Installation) -> None:
    """Without the file beside the statements one cannot say what differs, only that it does."""
    for path in (installation.path / "presence").rglob("*.rows"):
        path.unlink()
    assert installation.findings() == []
    day = installation.first_day + 2 * _DAY
    past_all_triggers(
        installation.connection,
        f"UPDATE presence SET hours = 0::bit(744) WHERE month = '{_day(day)[:7]}-01'",  # noqa: S608
    )
    assert any(
        _day(day) in each and "which would tell what, are missing" in each
        for each in installation.findings()
    )


def test_a_run_of_the_signals_that_was_rewritten_is_found(installation: _Installation) -> None:
    """What it found, or that it ran at all, is told by the first checkpoint after it."""
    connection = installation.connection
    run = run_signals(connection, load_policy("putian-2026"), installation.first_day.date())
    with connection.transaction():
        assert store_run(connection, run, by="test") == 1
    assert installation.checkpoint().signed.statement.signals == StatedSignals(
        run=1, as_of=run.as_of, signals=0, sha256=run.sha256()
    )
    assert installation.findings() == []
    past_all_triggers(connection, "UPDATE signal_runs SET from_on = from_on - 1")
    (said,) = installation.findings()
    assert "Run 1 of the signals is not what checkpoint 2 (" in said
