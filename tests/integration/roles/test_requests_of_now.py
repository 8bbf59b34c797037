"""When a connection was asked for, and confirmed, the database says: what counts rests on it."""

from collections.abc import Iterator
from datetime import date
from typing import Final

import psycopg
import pytest

from jieru.audit import Actor, changing
from jieru.database import connect
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, acting_as

_ASK: Final = """
    INSERT INTO connection_requests
        (platform_id, uscc, from_date, requested_by, requested_at, status, decided_by, decided_at)
    SELECT id, %(uscc)s, '2025-03-01', 'user:op', '2025-03-01 12:00+08', %(status)s::text,
           CASE WHEN %(status)s <> 'open' THEN 'user:op' END,
           CASE WHEN %(status)s <> 'open' THEN now() END
    FROM platforms
"""
_ENTER_CONTACT: Final = """
    INSERT INTO enterprise_contacts (enterprise_id, name, telephone, entered_by)
    SELECT id, 'Lin', '0594-1234567', 'user:chen' FROM enterprises
"""
_ASK_ENTERPRISE: Final = """
    INSERT INTO confirmations (connection_id, contact_id, sent_by, from_date, token_sha256,
                               asked_by, asked_at, expires_at)
    SELECT c.id, t.id, 'letter', c.from_date, sha256(int8send(c.id)), 'user:chen',
           '2025-03-02 12:00+08', now() + interval '9 days'
    FROM connections c, enterprise_contacts t
"""
_ANSWER: Final = """
    UPDATE confirmations SET answer = 'confirmed', answered_at = '2025-03-03 12:00+08',
                             answered_from = '192.0.2.1'
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """The owner's, to a real database of a platform and an enterprise."""
    with connect(database_url, autocommit=True) as opened:
        RegistryBuilder(opened).platform("alpha")
        yield opened


def _ask(connection: psycopg.Connection, status: str) -> None:
    uscc = RegistryBuilder(connection).enterprise(1)
    with acting_as(connection, API), changing(connection, Actor("user:op", "192.0.2.1")):
        connection.execute(_ASK, {"uscc": uscc, "status": status})


def test_a_process_does_not_choose_when_a_connection_was_asked_for(
    connection: psycopg.Connection,
) -> None:
    """Else a request of today would let evidence of last year count."""
    _ask(connection, "open")
    (row,) = connection.execute(
        "SELECT requested_at > now() - interval '1 hour' FROM connection_requests"
    ).fetchall()
    assert row == (True,)


def test_a_process_does_not_ask_what_is_settled_already(connection: psycopg.Connection) -> None:
    """A request is made, and decided afterwards."""
    with pytest.raises(psycopg.errors.RestrictViolation, match="requested before anybody decides"):
        _ask(connection, "withdrawn")


def test_a_process_does_not_choose_when_an_enterprise_was_asked_or_answered(
    connection: psycopg.Connection,
) -> None:
    """Else a yes of today would stand before the no that it undoes."""
    registry = RegistryBuilder(connection)
    registry.platform("beta")
    registry.connection("beta", registry.enterprise(1), date(2025, 3, 1))
    with acting_as(connection, API), changing(connection, Actor("user:op", "192.0.2.1")):
        connection.execute(_ENTER_CONTACT)
        connection.execute(_ASK_ENTERPRISE)
        connection.execute(_ANSWER)
    (row,) = connection.execute(
        "SELECT asked_at > now() - interval '1 hour', answered_at > now() - interval '1 hour'"
        " FROM confirmations"
    ).fetchall()
    assert row == (True, True)
