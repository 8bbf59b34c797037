"""A case without an outcome keeps a count from being frozen; who cleared it does not freeze."""

from typing import Any, Final

import psycopg
import pytest

from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.procedure import CHECKER, HOLIDAYS, KEY, POLICY, TRUSTED, submitted
from tests.support.registry_builder import RegistryBuilder
from tests.support.signal_runs import insert_run
from verifier.procedure.freezing import freeze_count
from verifier.procedure.hindrances import OPEN_CASE, hindrances
from verifier.procedure.records import CountRecord
from verifier.procedure.states import State, Step
from verifier.trust.cases.records import open_cases_of_run
from verifier.trust.cases.states import CaseStep
from verifier.trust.cases.taking import NewStep, take_step
from verifier.trust.signal import Kind

_DEVICES: Final = 3


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture
def registry_of_two(database: psycopg.Connection, registry: RegistryBuilder) -> tuple[str, str]:
    """One enterprise that counts, and one that has too few devices."""
    platform = registry.platform()
    counted = registry.served_enterprise(1, platform, WORKED_EXAMPLE, devices=_DEVICES)
    lacking = registry.served_enterprise(2, platform, WORKED_EXAMPLE, devices=1)
    database.commit()
    return counted, lacking


def _open(database: psycopg.Connection, uscc: str) -> int:
    run = insert_run(database, [(Kind.COUNTER_FELL, "alpha", uscc)])
    (case_id,) = open_cases_of_run(database, run, "command:jieru")
    database.commit()
    return case_id


def _take(database: psycopg.Connection, case_id: int, step: CaseStep, **said: Any) -> None:  # noqa: ANN401
    new = NewStep(**{"step": step, "by": "wu", "text": "见附件", **said})
    take_step(database, case_id, new, policy=POLICY, holidays=HOLIDAYS)
    database.commit()


def _codes(database: psycopg.Connection, record: CountRecord) -> list[str]:
    found = hindrances(database, record, Step.FREEZE, CHECKER.at, TRUSTED)
    database.commit()
    return [each.code for each in found]


def test_a_case_without_an_outcome_hinders_freezing(
    database: psycopg.Connection, registry_of_two: tuple[str, str]
) -> None:
    """Though signals are on trial; cleared by another person, it does no more."""
    counted, _lacking = registry_of_two
    case_id = _open(database, counted)
    record = submitted(database)
    said = (
        f"Case {case_id} of 第1鞋厂 ({counted}) on alpha has no outcome yet: clear or uphold it "
        "before the count is frozen."
    )
    with pytest.raises(UserError) as refused:
        freeze_count(database, record, CHECKER, KEY, trusted=TRUSTED)
    assert str(refused.value) == said
    database.rollback()
    _take(database, case_id, CaseStep.ASKED_OPERATOR)
    assert _codes(database, record) == [OPEN_CASE]
    _take(database, case_id, CaseStep.CLEARED)
    assert _codes(database, record) == []
    assert freeze_count(database, record, CHECKER, KEY, trusted=TRUSTED).state is State.FROZEN


def test_who_cleared_a_case_does_not_freeze_its_count(
    database: psycopg.Connection, registry_of_two: tuple[str, str]
) -> None:
    """Neither by the program nor past it."""
    case_id = _open(database, registry_of_two[0])
    record = submitted(database)
    _take(database, case_id, CaseStep.CLEARED, by=CHECKER.name.upper())
    with pytest.raises(UserError, match="cleared case"):
        freeze_count(database, record, CHECKER, KEY, trusted=TRUSTED)
    database.rollback()
    with pytest.raises(psycopg.errors.CheckViolation, match="had a part in making"):
        database.execute(
            "UPDATE counts SET state = 'frozen', frozen_by = %s, frozen_at = now(),"
            " code_version = 'x', digest = repeat('0', 64), signature = %s, public_key = %s",
            (CHECKER.name, bytes(64), bytes(32)),
        )


def test_a_case_of_who_gets_nothing_hinders_nothing(
    database: psycopg.Connection, registry_of_two: tuple[str, str]
) -> None:
    """It is looked at all the same."""
    _open(database, registry_of_two[1])
    record = submitted(database)
    assert _codes(database, record) == []


def test_an_upheld_case_hinders_by_its_decision_until_the_count_knows_it(
    database: psycopg.Connection, registry_of_two: tuple[str, str]
) -> None:
    """A hold is a hindrance of its own; the case is none any more."""
    case_id = _open(database, registry_of_two[0])
    record = submitted(database)
    _take(database, case_id, CaseStep.UPHELD, leads_to="hold")
    assert "open_hold" in _codes(database, record)
    assert OPEN_CASE not in _codes(database, record)
