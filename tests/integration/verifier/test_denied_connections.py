"""A count that counts an enterprise which denies its connection is not frozen unseen."""

from collections.abc import Iterator

import psycopg
import pytest

from jieru.audit import Actor, changing
from jieru.database import connect
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.procedure import CHECKER, POLICY, TRUSTED, submitted
from tests.support.registry_builder import RegistryBuilder
from verifier.counting.decisions import record_decision
from verifier.procedure.deeds import read_deeds
from verifier.procedure.hindrances import hindrances
from verifier.procedure.separation import DeedKind
from verifier.procedure.states import Step

_CONTACT = """
    INSERT INTO enterprise_contacts (enterprise_id, name, telephone, entered_by)
    SELECT id, 'Lin', '0594-1234567', 'user:chen' FROM enterprises WHERE uscc = %s
"""
_DENIAL = """
    INSERT INTO confirmations (connection_id, contact_id, sent_by, contract_no, from_date,
                               token_sha256, asked_by, expires_at, answer, reason, answered_at,
                               answered_from)
    SELECT id, (SELECT max(id) FROM enterprise_contacts), 'letter', contract_no, from_date,
           sha256('a'), 'user:chen', now() + interval '1 day', 'denied', 'no', now(), '192.0.2.1'
    FROM connections
"""


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a migrated TimescaleDB."""
    with connect(database_url) as connection:
        yield connection


def test_a_denial_hinders_freezing_until_somebody_looked(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """It is counted all the same, for the policy only reports; and the count says so."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    database.commit()
    with changing(database, Actor("user:chen", "127.0.0.1")):
        database.execute(_CONTACT, (uscc,))
        database.execute(_DENIAL)
    record = submitted(database)

    def codes() -> list[str]:
        found = hindrances(database, record, Step.FREEZE, CHECKER.at, TRUSTED)
        database.commit()
        return [each.code for each in found]

    assert "denied_connection" in codes()
    record_decision(
        database, "keep", "alpha", uscc, reason="去过现场", decided_by="Lin", policy=POLICY
    )
    database.commit()
    assert "denied_connection" not in codes()


def _keep(database: psycopg.Connection, uscc: str, by: str) -> int:
    number = record_decision(
        database, "keep", "alpha", uscc, reason="去过现场", decided_by=by, policy=POLICY
    )
    database.commit()
    return number


def test_who_kept_an_enterprise_before_it_denied_settled_nothing(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Not even on the same day: what was looked at was another thing."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    database.commit()
    _keep(database, uscc, "Lin")
    with changing(database, Actor("user:chen", "127.0.0.1")):
        database.execute(_CONTACT, (uscc,))
        database.execute(_DENIAL)
    record = submitted(database)
    found = hindrances(database, record, Step.FREEZE, CHECKER.at, TRUSTED)
    assert "denied_connection" in [each.code for each in found]


def test_a_yes_of_a_new_contact_after_a_no_takes_a_second_person(
    database: psycopg.Connection, registry: RegistryBuilder
) -> None:
    """Whoever enters a contact could answer for it, and checks no count that rests on it."""
    uscc = registry.served_enterprise(1, registry.platform(), WORKED_EXAMPLE)
    database.commit()
    with changing(database, Actor("user:chen", "127.0.0.1")):
        database.execute(_CONTACT, (uscc,))
        database.execute(_DENIAL)
    with changing(database, Actor("user:chen", "127.0.0.1")):
        database.execute(_CONTACT, (uscc,))
        database.execute(
            _DENIAL.replace("sha256('a')", "sha256('b')")
            .replace("'denied', 'no'", "'confirmed', NULL")
            .encode()
        )
    record = submitted(database)

    def codes() -> list[str]:
        found = hindrances(database, record, Step.FREEZE, CHECKER.at, TRUSTED)
        database.commit()
        return [each.code for each in found]

    assert "undone_denial" in codes()
    _keep(database, uscc, "CHEN")
    assert "undone_denial" in codes()
    _keep(database, uscc, "Wu")
    assert not {"undone_denial", "denied_connection"} & set(codes())
    deeds = {(each.kind, each.person) for each in read_deeds(database, record)}
    assert {
        (DeedKind.CONTACTED, "user:chen"),
        (DeedKind.ASKED, "user:chen"),
        (DeedKind.DECIDED, "Wu"),
    } <= deeds
