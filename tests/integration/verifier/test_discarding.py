"""A count that is not frozen can be given up: on record, out of the way, its number not reused."""

import json
from datetime import date
from pathlib import Path

import psycopg
import pytest

from jieru.audit import changing
from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE, Run
from tests.support.people import personal_key_file
from tests.support.procedure import CHECKER, MAKER, drafted, frozen, submitted
from tests.support.registry_builder import RegistryBuilder
from verifier.procedure.people import Act
from verifier.procedure.records import (
    CountRecord,
    find_count,
    list_steps,
    read_document,
    running_count,
    standing_count,
    store_content,
)
from verifier.procedure.states import State, Step
from verifier.procedure.steps import discard_count, return_count


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture(autouse=True)
def _city(database: psycopg.Connection, registry: RegistryBuilder) -> None:
    """One platform that earns 10,000 yuan in 2026."""
    registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    database.commit()


def _discarded(
    connection: psycopg.Connection, record: CountRecord, act: Act = MAKER
) -> CountRecord:
    with changing(connection, act.actor):
        return discard_count(connection, record, act, reason="年度选错")


@pytest.mark.parametrize("state", [State.DRAFT, State.IN_REVIEW, State.RETURNED])
def test_a_count_that_is_not_frozen_is_discarded(
    database: psycopg.Connection, state: State
) -> None:
    """With its reason, by whoever did; its content can be read and not be changed."""
    record = drafted(database) if state is State.DRAFT else submitted(database)
    if state is State.RETURNED:
        with changing(database, CHECKER.actor):
            record = return_count(database, record, CHECKER, reason="合同缺页")
    assert record.state is state
    gone = _discarded(database, record)
    assert gone.state is State.DISCARDED
    last = list_steps(database, gone)[-1]
    assert (last.step, last.note, last.taken_by) == (Step.DISCARD, "年度选错", "lin")
    assert running_count(database, 2026) is None
    document = read_document(database, gone)
    assert document["total_yuan"] == 10_000
    with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
        store_content(database, gone.id, document)
    database.commit()
    entries = database.execute(
        "SELECT actor, after ->> 'state' FROM audit_entries WHERE record_kind = 'counts'"
    ).fetchall()
    assert entries[-1] == ("user:lin", "discarded")


def test_a_discarded_count_comes_back_by_no_way(database: psycopg.Connection) -> None:
    """Neither by a step nor past the programs."""
    gone = _discarded(database, drafted(database))
    with pytest.raises(UserError, match="or was discarded"):
        _discarded(database, gone)
    for state in ("draft", "in_review", "frozen"):
        with pytest.raises(psycopg.Error), database.transaction():
            database.execute("UPDATE counts SET state = %s", (state,))
    with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
        database.execute("UPDATE counts SET content_sha256 = %s", ("0" * 64,))


def test_a_frozen_count_is_not_discarded(database: psycopg.Connection) -> None:
    """It is corrected, as ever."""
    with pytest.raises(UserError, match="Only a count that is not frozen"):
        _discarded(database, frozen(database))


def test_the_next_draft_has_a_number_of_its_own_and_corrects_nothing(
    database: psycopg.Connection,
) -> None:
    """What was discarded was never in force."""
    _discarded(database, drafted(database))
    again = frozen(database)
    assert (again.count_id, again.supersedes) == ("2026-2", None)
    assert standing_count(database, 2026) == again


def test_a_discarded_correction_leaves_the_count_that_stands(database: psycopg.Connection) -> None:
    """And the next correction supersedes that one."""
    first = frozen(database)
    correction = drafted(database, reason="复核")
    assert correction.supersedes == "2026-1"
    _discarded(database, correction, _after(correction))
    assert standing_count(database, 2026) == first
    again = frozen(database, reason="再次复核")
    assert (again.count_id, again.supersedes) == ("2026-3", "2026-1")
    assert find_count(database, 2026, 1).state is State.SUPERSEDED
    assert find_count(database, 2026, 2).state is State.DISCARDED


def _after(record: CountRecord) -> Act:
    assert record.drafted_at is not None
    return Act(MAKER.actor, MAKER.name, record.drafted_at)


def test_the_command_line_discards_and_hides_what_was_discarded(
    jieru: Run, database: psycopg.Connection, tmp_path: Path
) -> None:
    """`list` shows it when asked."""
    who = ("--key-file", personal_key_file(database, tmp_path, "lin"))
    assert jieru("procedure", "draft", 2026, "--as-of", date(2026, 5, 29), *who)[0] == 0
    code, out, _err = jieru("procedure", "discard", 2026, "--reason", "证据期太短", *who)
    assert (code, out) == (0, "2026-1 is discarded.\n")
    assert jieru("procedure", "list")[1] == "No count was drafted yet.\n"
    (listed,) = json.loads(jieru("procedure", "list", "--discarded", "--json")[1])
    assert (listed["count_id"], listed["state"]) == ("2026-1", "discarded")
    assert "Discarded" in jieru("procedure", "show", 2026, "--revision", 1)[1]
    code, _out, err = jieru("procedure", "discard", 2026, "--reason", "再来", *who)
    assert (code, err) == (1, "Error: No count of 2026 is being made: draft one first.\n")
