"""Corrections: a new revision supersedes, and what was paid too much is claimed back."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import psycopg
import pytest

from jieru.audit import changing
from jieru.database import connect
from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.procedure import (
    CHECKER,
    HOLIDAYS,
    KEY,
    MAKER,
    POLICY,
    TRUSTED,
    drafted,
    frozen,
    frozen_with_award,
    payable,
    submitted,
)
from tests.support.registry_builder import RegistryBuilder
from verifier.counting.award import AwardLine
from verifier.counting.decisions import record_decision
from verifier.procedure.comparison import PlatformChange, compare_documents
from verifier.procedure.freezing import export_count, freeze_count
from verifier.procedure.overview import count_summary
from verifier.procedure.payments import (
    amounts_due,
    list_payments,
    list_recoveries,
    record_payment,
)
from verifier.procedure.records import find_count, list_steps, read_document, standing_count
from verifier.procedure.states import State, Step
from verifier.procedure.steps import publish_count
from verifier.reports import read_signed_count
from verifier.reports.sheets import sheet


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a migrated TimescaleDB."""
    with connect(database_url) as connection:
        yield connection


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIERU_LANGUAGE", "en")


def _counted(registry: RegistryBuilder, number: int) -> list[str]:
    """So many enterprises that count on alpha."""
    platform = registry.platform()
    return [
        registry.served_enterprise(each, platform, WORKED_EXAMPLE) for each in range(1, number + 1)
    ]


def _exclude(database: psycopg.Connection, *usccs: str) -> None:
    for uscc in usccs:
        record_decision(
            database, "exclude", "alpha", uscc, reason="虚假", decided_by="lin", policy=POLICY
        )


def _claimed(database: psycopg.Connection) -> list[tuple[str, str | None, int]]:
    record = standing_count(database, 2026)
    assert record is not None
    return [(each.kind, each.uscc, each.amount_yuan) for each in list_recoveries(database, record)]


def test_a_correction_supersedes_the_count_before_it(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Nothing of the first is lost, and the two can be compared."""
    (uscc,) = _counted(registry, 1)
    first = frozen(database)
    _exclude(database, uscc)
    with pytest.raises(UserError, match="A reason and the name"):
        drafted(database)
    second = frozen(database, reason="复核发现虚假接入")
    assert (second.count_id, second.supersedes) == ("2026-2", "2026-1")
    before = find_count(database, 2026, 1)
    assert (before.state, before.digest) == (State.SUPERSEDED, first.digest)
    assert list_steps(database, before)[-1].note == "2026-2"
    assert list_steps(database, second)[0].note == "复核发现虚假接入"
    comparison = compare_documents(read_document(database, before), read_document(database, second))
    (change,) = comparison.enterprises
    assert (change.kind, change.outcome_before, change.outcome_after) == (
        "outcome",
        "counted",
        "excluded",
    )
    assert comparison.platforms == (PlatformChange("alpha", "1.2", 1, 0, 10_000, 0),)
    assert list_recoveries(database, second) == []  # nothing was paid


def test_until_a_correction_is_frozen_the_first_count_stands(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """It may be drafted while the first is paid."""
    _counted(registry, 1)
    first = frozen(database)
    drafted(database, reason="x")
    assert payable(database, first, "alpha").state is State.PAID
    standing = standing_count(database, 2026)
    assert standing is not None
    assert standing.count_id == "2026-1"


def test_a_step_of_the_first_count_while_its_correction_is_computed_is_followed(
    database: psycopg.Connection, registry: RegistryBuilder, database_url: str
) -> None:
    """The correction was begun before it: the first is superseded at that moment, not earlier."""
    _counted(registry, 1)
    first = frozen(database)
    second = submitted(database, reason="x")
    assert second.submitted_at is not None
    act = replace(CHECKER, at=second.submitted_at)
    published_at = act.at + timedelta(hours=1)
    is_published: list[bool] = []

    def publish(_phase: object, _fraction: float) -> None:
        if not is_published:
            is_published.append(True)
            with connect(database_url) as other, changing(other, MAKER.actor):
                publish_count(
                    other,
                    first,
                    replace(MAKER, at=published_at),
                    notice_days=5,
                    holidays=HOLIDAYS,
                    notice_ends_on=published_at.date() + timedelta(days=14),
                    trusted=TRUSTED,
                    key=KEY,
                )

    corrected = freeze_count(database, second, act, KEY, TRUSTED, publish)
    assert corrected.frozen_at == act.at
    superseded = list_steps(database, find_count(database, 2026, 1))[-1]
    assert (superseded.step, superseded.taken_at) == (Step.SUPERSEDE, published_at)


def test_what_was_paid_for_an_enterprise_that_falls_away_is_claimed_back(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """12 counted, 11 after the correction: 10,000 yuan."""
    usccs = _counted(registry, 12)
    payable(database, frozen(database), "alpha")
    _exclude(database, usccs[4])
    second = frozen(database, reason="x")
    assert _claimed(database) == [("removed", usccs[4], 10_000)]
    assert amounts_due(database, second) == []
    assert payable(database, second).state is State.PAID


def test_above_the_cap_one_that_falls_away_costs_nothing(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """17 counted, 16 after the correction, at a cap of 15; 14 after the next: 10,000 yuan."""
    usccs = _counted(registry, 17)
    payable(database, frozen(database), "alpha")
    _exclude(database, usccs[0])
    second = payable(database, frozen(database, reason="x"))
    assert (_claimed(database), second.state) == ([], State.PAID)
    _exclude(database, usccs[1], usccs[2])
    frozen(database, reason="y")
    assert _claimed(database) == [
        ("removed", usccs[1], 10_000),
        ("removed", usccs[2], 10_000),
        ("cap", None, -10_000),
    ]


def test_what_was_not_paid_yet_is_not_claimed_back(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """The first correction added one that nobody paid for; the second takes two away."""
    usccs = _counted(registry, 2)
    payable(database, frozen(database), "alpha")
    usccs.append(registry.served_enterprise(3, "alpha", WORKED_EXAMPLE))
    second = frozen(database, reason="x")
    assert [each.amount_yuan for each in amounts_due(database, second)] == [10_000]
    _exclude(database, usccs[0], usccs[2])
    frozen(database, reason="y")
    assert _claimed(database) == [
        ("removed", usccs[0], 10_000),
        ("removed", usccs[2], 10_000),
        ("unpaid", None, -10_000),
    ]


def test_a_correction_pays_only_what_is_missing(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """And claims back under one clause while it pays under the other."""
    (uscc,) = _counted(registry, 1)
    payable(database, frozen(database), "alpha")
    registry.recognition("alpha", "national", date(2026, 6, 1))
    _exclude(database, uscc)
    second = payable(database, frozen(database, reason="x"), "alpha")
    assert [(each.clause, each.amount_yuan) for each in list_payments(database, second)] == [
        ("1.1", 300_000)
    ]
    assert _claimed(database) == [("removed", uscc, 10_000)]
    database.execute("UPDATE recognitions SET revoked_on = '2026-06-02' WHERE level = 'national'")
    database.execute("UPDATE recognitions SET level = 'provincial' WHERE level = 'national'")
    frozen(database, reason="y")
    assert _claimed(database) == [("title", None, 300_000)]


def test_an_award_of_another_clause_is_paid_and_claimed_back_under_that_clause(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """From the document through the reports and the payment to the recovery."""
    _counted(registry, 1)
    first = frozen_with_award(database, "alpha", AwardLine("2.2", 1, 200_000, 200_000))
    signed = read_signed_count(export_count(database, first))
    paid = [row[3:] for row in sheet("payment", signed, "en").rows()]
    assert paid[:2] == [("1.2", 1, 10_000, 10_000), ("2.2", 1, 200_000, 200_000)]
    summary = count_summary(database, first)
    assert summary is not None
    assert summary.figures.clauses == ("1.1", "1.2", "2.2")
    assert [summary.figures.amount_yuan(each) for each in summary.figures.clauses] == [
        0,
        10_000,
        200_000,
    ]
    payable(database, first, "alpha")
    assert [(each.clause, each.amount_yuan) for each in list_payments(database, first)] == [
        ("1.2", 10_000),
        ("2.2", 200_000),
    ]
    second = frozen(database, reason="x")
    assert _claimed(database) == [("award", None, 200_000)]
    (claimed,) = list_recoveries(database, second)
    assert claimed.clause == "2.2"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE recoveries SET amount_yuan = 1",
        "DELETE FROM recoveries",
        "DELETE FROM count_payments",
    ],
)
def test_money_is_recorded_for_good(
    database: psycopg.Connection, registry: RegistryBuilder, statement: str
) -> None:
    """Neither payments nor recoveries are changed or deleted."""
    (uscc,) = _counted(registry, 1)
    payable(database, frozen(database), "alpha")
    _exclude(database, uscc)
    frozen(database, reason="x")
    with pytest.raises(psycopg.errors.RestrictViolation):
        database.execute(statement.encode())


def test_a_superseded_count_is_paid_no_more(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """What is due is due under its correction."""
    _counted(registry, 1)
    payable(database, frozen(database))
    frozen(database, reason="x")
    with pytest.raises(UserError, match="2026-1 is not"):
        record_payment(
            database,
            find_count(database, 2026, 1),
            "alpha",
            CHECKER,
            reference="x",
            paid_on=date(2027, 5, 21),
            trusted=TRUSTED,
            key=KEY,
        )
    steps = [each.step for each in list_steps(database, find_count(database, 2026, 1))]
    assert steps[-1] is Step.SUPERSEDE
