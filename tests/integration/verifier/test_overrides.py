"""An objection that was upheld is overridden by two people who did not make the count."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import psycopg
import pytest

from jieru.audit import changing
from jieru.database import connect
from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.procedure import (
    APPROVER,
    CHECKER,
    KEY,
    MAKER,
    PAYER,
    POLICY,
    TRUSTED,
    frozen,
    published,
)
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import uscc_of
from verifier.counting.decisions import record_decision
from verifier.procedure.freezing import export_count
from verifier.procedure.hindrances import hindrances
from verifier.procedure.objections import list_objections, record_objection, resolve_objection
from verifier.procedure.overrides import (
    confirm_override,
    propose_override,
    withdraw_override,
)
from verifier.procedure.payments import approve_payment, record_payment
from verifier.procedure.people import Act
from verifier.procedure.records import CountRecord, count_by_id
from verifier.procedure.states import Step
from verifier.procedure.verifying import faults
from verifier.reports import read_signed_count
from verifier.reports.tables import csv_table

_WU = replace(PAYER, name="wu")
_ZHOU = replace(PAYER, name="zhou")


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection]:
    """A database with a platform that earns 10,000 yuan in 2026."""
    with connect(database_url) as connection:
        registry = RegistryBuilder(connection)
        registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
        connection.commit()
        yield connection


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


@pytest.fixture
def objected(database: psycopg.Connection) -> tuple[CountRecord, int]:
    """A published count, and the number of an objection to it that was upheld."""
    record = published(database, frozen(database))
    with changing(database, MAKER.actor):
        number = record_objection(
            database, record, MAKER, trusted=TRUSTED, key=KEY, name="群众", statement="已停产"
        )
        resolve_objection(
            database,
            record,
            number,
            CHECKER,
            trusted=TRUSTED,
            key=KEY,
            outcome="upheld",
            resolution="属实",
        )
    return count_by_id(database, record.id), number


def _propose(database: psycopg.Connection, record: CountRecord, number: int, act: Act) -> None:
    with changing(database, act.actor):
        propose_override(
            database, record, number, act, trusted=TRUSTED, key=KEY, reason="奖励另行追回"
        )


def _confirm(database: psycopg.Connection, record: CountRecord, number: int, act: Act) -> None:
    with changing(database, act.actor):
        confirm_override(database, record, number, act, trusted=TRUSTED, key=KEY)


def _withdraw(database: psycopg.Connection, record: CountRecord, number: int, act: Act) -> None:
    with changing(database, act.actor):
        withdraw_override(database, record, number, act, trusted=TRUSTED, key=KEY, reason="误提")


def test_two_people_override_what_stopped_payment(
    database: psycopg.Connection, objected: tuple[CountRecord, int]
) -> None:
    """Signed, shown with the objection and in what is reported, and paid then."""
    record, number = objected
    _propose(database, record, number, _WU)
    (waiting,) = hindrances(database, record, Step.APPROVE_PAYMENT, PAYER.at, TRUSTED)
    assert "wu proposed to override it: another person confirms that" in str(waiting)
    _confirm(database, record, number, _ZHOU)
    (objection,) = list_objections(database, record)
    assert (objection.override_reason, objection.override_proposed_by) == ("奖励另行追回", "wu")
    assert objection.override_confirmed_by == "zhou"
    with changing(database, APPROVER.actor):
        payable = approve_payment(database, record, APPROVER, TRUSTED, key=KEY)
        paid = record_payment(
            database,
            payable,
            "alpha",
            PAYER,
            trusted=TRUSTED,
            key=KEY,
            reference="国库-1",
            paid_on=date(2027, 5, 21),
        )
    assert paid.state == "paid"
    assert faults(database, paid, TRUSTED) == []
    content = export_count(database, paid)
    kinds = [json.loads(each["content"])["kind"] for each in json.loads(content)["statements"]]
    assert kinds == [
        *("publish", "object", "resolve", "propose_override", "override"),
        *("approve_payment", "pay"),
    ]
    about = csv_table(read_signed_count(content), "about", "en").decode("utf-8-sig")
    assert "奖励另行追回 (proposed by wu, confirmed by zhou)" in about


def test_whoever_proposed_an_override_withdraws_it_until_it_is_confirmed(
    database: psycopg.Connection, objected: tuple[CountRecord, int]
) -> None:
    """With a reason, signed, on record for good; then it may be proposed anew, by anybody."""
    record, number = objected
    with pytest.raises(UserError, match="there is nothing to withdraw"):
        _withdraw(database, record, number, _WU)
    _propose(database, record, number, _WU)
    with pytest.raises(UserError, match="wu proposed to override objection 1, and nobody else"):
        _withdraw(database, record, number, _ZHOU)
    _withdraw(database, record, number, _WU)
    (waiting,) = hindrances(database, record, Step.APPROVE_PAYMENT, PAYER.at, TRUSTED)
    assert waiting.code == "upheld_objection"
    with pytest.raises(UserError, match="propose one with a reason"):
        _confirm(database, record, number, _ZHOU)
    _propose(database, record, number, _ZHOU)
    assert [each.override_proposed_by for each in list_objections(database, record)] == ["zhou"]
    _confirm(database, record, number, _WU)
    with pytest.raises(UserError, match="there is nothing to withdraw"):
        _withdraw(database, record, number, _ZHOU)
    assert faults(database, record, TRUSTED) == []
    kept = database.execute(
        "SELECT proposed_by, withdrawn_by, withdrawn_reason, confirmed_by"
        " FROM objection_overrides ORDER BY id"
    )
    assert kept.fetchall() == [("wu", "wu", "误提", None), ("zhou", None, None, "wu")]


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE objection_overrides SET (withdrawn_by, withdrawn_at, withdrawn_reason)"  # noqa: ISC004
        " = (NULL, NULL, NULL)",
        "UPDATE objection_overrides SET withdrawn_reason = 'x'",
    ],
)
def test_a_withdrawal_that_was_forged_is_found(
    database: psycopg.Connection, objected: tuple[CountRecord, int], forged: str
) -> None:
    """As each signed step; the database itself takes one of the proposer only."""
    record, number = objected
    _propose(database, record, number, _WU)
    withdrawn = (
        "UPDATE objection_overrides SET withdrawn_by = 'zhou', withdrawn_at = now(),"
        " withdrawn_reason = 'x'"
    )
    with pytest.raises(psycopg.errors.RestrictViolation), database.transaction():
        database.execute(withdrawn.encode())
    _withdraw(database, record, number, _WU)
    database.execute("SET session_replication_role = replica")
    database.execute(forged.encode())
    database.execute("SET session_replication_role = origin")
    assert faults(database, record, TRUSTED) != []


def test_whoever_made_the_count_overrides_nothing(
    database: psycopg.Connection, objected: tuple[CountRecord, int]
) -> None:
    """Neither proposes nor confirms, whatever the letters of the name."""
    record, number = objected
    maker = replace(_WU, name="LIN")
    with pytest.raises(UserError, match="another person must check it"):
        _propose(database, record, number, maker)
    _propose(database, record, number, _WU)
    with pytest.raises(UserError, match="another person must check it"):
        _confirm(database, record, number, maker)
    with pytest.raises(UserError, match="another person must confirm it"):
        _confirm(database, record, number, replace(_WU, name="Wu"))
    with pytest.raises(psycopg.errors.RestrictViolation), changing(database, _WU.actor):
        database.execute("UPDATE objection_overrides SET confirmed_by = 'wu', confirmed_at = now()")


def _insert(database: psycopg.Connection, number: int, person: str, second: str = "") -> None:
    """An override, past the programs."""
    database.execute(
        "INSERT INTO objection_overrides (objection_id, reason, proposed_by, proposed_at,"
        " confirmed_by, confirmed_at) VALUES (%s, 'x', %s, now(), nullif(%s, ''),"
        " CASE WHEN %s <> '' THEN now() END)",
        (number, person, second, second),
    )


@pytest.mark.parametrize(
    ("proposer", "confirmer"),
    [("user: L I N", ""), ("hua", ""), ("ｗｕ", "w u"), ("wu", "user:lin"), ("wu", "HUA")],
)
def test_the_database_asks_for_two_people_who_made_nothing_of_the_count(
    database: psycopg.Connection,
    objected: tuple[CountRecord, int],
    proposer: str,
    confirmer: str,
) -> None:
    """Past the programs: every maker, not the last alone, in any spelling; one after the other."""
    _record, number = objected
    record_decision(
        database, "exclude", "alpha", uscc_of(1), reason="走访", decided_by="hua", policy=POLICY
    )
    if not confirmer:
        with pytest.raises(psycopg.errors.RestrictViolation), changing(database, _WU.actor):
            _insert(database, number, proposer)
        return
    with changing(database, _WU.actor):
        _insert(database, number, proposer)
    confirm = "UPDATE objection_overrides SET confirmed_by = %s, confirmed_at = now()"
    with pytest.raises(psycopg.errors.RestrictViolation), changing(database, _WU.actor):
        database.execute(confirm, (confirmer,))


def test_an_override_is_never_born_confirmed(
    database: psycopg.Connection, objected: tuple[CountRecord, int]
) -> None:
    """The second person comes after the first."""
    with pytest.raises(psycopg.errors.RestrictViolation), changing(database, _WU.actor):
        _insert(database, objected[1], "wu", "zhou")


def test_an_override_is_proposed_once_and_confirmed_once(
    database: psycopg.Connection, objected: tuple[CountRecord, int]
) -> None:
    """Of an objection that was upheld, with a reason; nothing is taken back."""
    record, number = objected
    with pytest.raises(UserError, match="No override"):
        _confirm(database, record, number, _ZHOU)
    with pytest.raises(UserError, match="nothing to override"):
        _propose(database, record, number + 1, _WU)
    _propose(database, record, number, _WU)
    with pytest.raises(UserError, match="wu has proposed"):
        _propose(database, record, number, _ZHOU)
    _confirm(database, record, number, _ZHOU)
    with pytest.raises(UserError, match="No override"):
        _confirm(database, record, number, _ZHOU)
    for statement in (
        "DELETE FROM objection_overrides",
        "UPDATE objection_overrides SET reason = 'x'",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation), changing(database, _WU.actor):
            database.execute(statement.encode())


def test_an_override_that_nobody_signed_is_found(
    database: psycopg.Connection, objected: tuple[CountRecord, int]
) -> None:
    """Written into the database, it lets nothing be paid."""
    record, number = objected
    with changing(database, _WU.actor):
        _insert(database, number, "a")
        database.execute("UPDATE objection_overrides SET confirmed_by = 'b', confirmed_at = now()")
    with pytest.raises(UserError, match="and nothing that was signed says so"):
        approve_payment(database, record, PAYER, TRUSTED, key=KEY)
    assert PAYER.at == datetime(2027, 5, 21, 1, tzinfo=UTC)


def test_on_a_simulation_one_name_suffices(
    database: psycopg.Connection, objected: tuple[CountRecord, int]
) -> None:
    """Who submitted it excepted, as for every step of a checker there."""
    record, number = objected
    database.execute("SET session_replication_role = replica")
    database.execute("UPDATE installation SET is_simulation = true")
    database.execute("SET session_replication_role = origin")
    person = replace(_WU, name="chen")
    _propose(database, record, number, person)
    _confirm(database, record, number, person)
    (objection,) = list_objections(database, record)
    assert objection.override_confirmed_by == "chen"
