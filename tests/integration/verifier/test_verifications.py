"""What panels show of a count's signature: verified by the programs, compared by the view."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from jieru.audit import changing
from jieru.database import connect
from tests.integration.verifier.conftest import WORKED_EXAMPLE, Run
from tests.support.fleet import wait_until
from tests.support.procedure import (
    CHECKER,
    KEY,
    TRUSTED,
    drafted,
    frozen,
    payable,
    published,
    write_key,
)
from tests.support.registry_builder import RegistryBuilder
from verifier.procedure.objections import record_objection
from verifier.procedure.verifications import verify_counts, verifying_counts

_VERDICTS = "SELECT count_id, verdict FROM audit.count_verifications ORDER BY id"
_SHOWN = "SELECT place, code, finding_zh, finding_en FROM audit.count_findings"


@pytest.fixture
def embedded_database_url(database_url: str) -> str:
    """The commands run on TimescaleDB here."""
    return database_url


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection]:
    """A database with a platform that earns 10,000 yuan in 2026."""
    with connect(database_url) as connection:
        registry = RegistryBuilder(connection)
        registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
        connection.commit()
        yield connection


def _verdicts(database: psycopg.Connection) -> dict[str, str]:
    found: dict[str, str] = dict(database.execute(_VERDICTS).fetchall())
    database.commit()
    return found


def _forge(database: psycopg.Connection) -> None:
    database.execute("SET session_replication_role = replica")
    database.execute("UPDATE count_payments SET amount_yuan = 1")
    database.execute("SET session_replication_role = origin")
    database.commit()


def test_a_panel_says_whether_a_count_is_as_it_was_signed(database: psycopg.Connection) -> None:
    """Not frozen, never verified, as signed, changed since, not as signed; then what differs."""
    drafted(database)
    assert _verdicts(database) == {"2026-1": "not_frozen"}
    assert verify_counts(database, TRUSTED) == []
    record = payable(database, frozen(database), "alpha")
    assert _verdicts(database) == {"2026-1": "never"}
    (verified,) = verify_counts(database, TRUSTED)
    assert (verified.record.count_id, list(verified.found)) == (record.count_id, [])
    assert _verdicts(database) == {"2026-1": "as_signed"}
    _forge(database)
    assert _verdicts(database) == {"2026-1": "changed"}
    verify_counts(database, TRUSTED)
    assert _verdicts(database) == {"2026-1": "not_as_signed"}
    ((place, code, zh, en), state) = database.execute(_SHOWN).fetchall()
    assert (place, code, state[1]) == (1, "statement_differs", "state_changed")
    assert "签名记录为 10000" in zh
    assert "what was signed says 10000" in en


def test_a_change_of_an_earlier_revision_shows_on_those_that_follow(
    database: psycopg.Connection,
) -> None:
    """What was paid there is not due here."""
    payable(database, frozen(database), "alpha")
    frozen(database, reason="复核")
    verify_counts(database, TRUSTED)
    assert _verdicts(database) == {"2026-1": "as_signed", "2026-2": "as_signed"}
    _forge(database)
    assert _verdicts(database) == {"2026-1": "changed", "2026-2": "changed"}
    verify_counts(database, TRUSTED)
    assert _verdicts(database) == {"2026-1": "not_as_signed", "2026-2": "not_as_signed"}


def test_what_did_not_change_is_left_out_for_a_while(database: psycopg.Connection) -> None:
    """Each step makes a count be verified again at the next look."""
    record = published(database, frozen(database))
    assert len(verify_counts(database, TRUSTED)) == 1
    hour = timedelta(hours=1)
    assert verify_counts(database, TRUSTED, good_for=hour) == []
    with changing(database, CHECKER.actor):
        record_objection(
            database, record, CHECKER, trusted=TRUSTED, key=KEY, name="甲", statement="漏计"
        )
    assert _verdicts(database) == {"2026-1": "changed"}
    assert len(verify_counts(database, TRUSTED, good_for=hour)) == 1
    assert verify_counts(database, TRUSTED, year=2025) == []


def test_the_console_verifies_by_itself(database: psycopg.Connection, database_url: str) -> None:
    """As soon as it serves, and whatever it finds it records."""
    frozen(database)
    database.commit()
    with verifying_counts(database_url, TRUSTED):
        wait_until(lambda: _verdicts(database) == {"2026-1": "as_signed"}, "the verification")
    assert "count-verification" not in {each.name for each in threading.enumerate()}


def test_counts_are_verified_at_the_command_line(
    database: psycopg.Connection,
    jieru: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 1 where one is not as it was signed."""
    payable(database, frozen(database), "alpha")
    database.commit()
    monkeypatch.setenv("JIERU_SIGNING_KEY_FILE", str(write_key(tmp_path / "count.pem")))
    assert jieru("procedure", "verify") == (0, "2026-1 is as it was signed.\n", "")
    _forge(database)
    code, _out, err = jieru("procedure", "verify", 2026)
    assert (code, err.startswith("2026-1 is not as it was signed:\n")) == (1, True)
    assert "what was signed says 10000" in err
    assert _verdicts(database) == {"2026-1": "not_as_signed"}
