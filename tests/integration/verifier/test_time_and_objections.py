"""Steps follow one another in time, payments follow approval, objections stop them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from jieru.audit import changing
from jieru.database import connect
from jieru.errors import UserError
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.procedure import (
    APPROVER,
    AS_OF,
    CHECKER,
    HOLIDAYS,
    KEY,
    MAKER,
    PAYER,
    POLICY,
    TRUSTED,
    drafted,
    frozen,
    payable,
    published,
    submitted,
)
from tests.support.registry_builder import RegistryBuilder
from verifier.procedure.drafting import draft_count
from verifier.procedure.hindrances import hindrances
from verifier.procedure.objections import record_objection, resolve_objection
from verifier.procedure.payments import approve_payment, record_payment
from verifier.procedure.records import count_by_id
from verifier.procedure.states import Step
from verifier.procedure.steps import publish_count
from verifier.procedure.submitting import submit_count


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


def test_a_step_is_not_taken_before_the_one_it_follows(database: psycopg.Connection) -> None:
    """A clock that went back takes no step (finding C4)."""
    record = drafted(database)
    early = replace(MAKER, at=MAKER.at - timedelta(seconds=1))
    with pytest.raises(UserError, match="correct the clock"):
        submit_count(database, record, early)
    database.rollback()
    record = frozen(database)
    with pytest.raises(UserError, match="correct the clock"), changing(database, MAKER.actor):
        publish_count(
            database,
            record,
            replace(MAKER, at=MAKER.at - timedelta(days=90)),
            trusted=TRUSTED,
            notice_days=5,
            holidays=HOLIDAYS,
            key=KEY,
        )


@pytest.mark.parametrize("day", [date(2027, 5, 20), date(2027, 5, 22), date(2099, 1, 1)])
def test_a_payment_lies_between_approval_and_today(database: psycopg.Connection, day: date) -> None:
    """Neither before the count was payable nor in the future."""
    record = payable(database, frozen(database))
    with pytest.raises(UserError, match="between 2027-05-21 and 2027-05-21"):
        record_payment(
            database,
            record,
            "alpha",
            PAYER,
            trusted=TRUSTED,
            reference="国库-1",
            paid_on=day,
            key=KEY,
        )


def test_an_objection_that_is_upheld_stops_every_yuan(database: psycopg.Connection) -> None:
    """Until another count supersedes this one (finding U1)."""
    record = published(database, frozen(database))
    with changing(database, MAKER.actor):
        number = record_objection(
            database, record, MAKER, trusted=TRUSTED, name="群众", statement="已停产", key=KEY
        )
        resolve_objection(
            database,
            record,
            number,
            CHECKER,
            trusted=TRUSTED,
            outcome="upheld",
            resolution="属实",
            key=KEY,
        )
    for step in (Step.APPROVE_PAYMENT, Step.PAY):
        (found,) = hindrances(database, record, step, PAYER.at, TRUSTED)
        assert found.code == "upheld_objection"
    with pytest.raises(UserError, match="was upheld"), changing(database, APPROVER.actor):
        approve_payment(database, record, APPROVER, TRUSTED, key=KEY)
    database.rollback()
    corrected = frozen(database, reason="异议成立")
    later = replace(PAYER, at=datetime(2027, 6, 20, tzinfo=UTC))
    assert hindrances(database, corrected, Step.APPROVE_PAYMENT, later.at, TRUSTED) == []
    assert count_by_id(database, record.id).state == "superseded"


def test_a_count_is_not_drafted_as_of_a_day_to_come(database: psycopg.Connection) -> None:
    """Days that nobody can have been heard on would be taken as silent."""
    today = MAKER.at.date()
    with pytest.raises(UserError, match=f"as of {today} at the latest"):
        draft_count(database, MAKER, 2026, as_of=today + timedelta(days=1), policy=POLICY)
    assert draft_count(database, MAKER, 2026, as_of=today, policy=POLICY).as_of == today


def test_a_year_that_has_not_begun_is_not_drafted(database: psycopg.Connection) -> None:
    """It would stand among the years for ever (finding C8)."""
    with pytest.raises(UserError, match="has not begun"):
        draft_count(database, MAKER, 2028, as_of=AS_OF, policy=POLICY)
    assert submitted(database).year == 2026
