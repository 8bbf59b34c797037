"""Which hours were live is said by ingesters while they can hear them, and by nobody afterwards."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
import pytest

from jieru.calendar import civil_hour_of
from jieru.database import connect
from tests.support.heard import hear
from tests.support.roles import INGEST, acting_as

_ALL_LIVE: Final = "UPDATE presence SET live_hours = hours WHERE device_id = %s"


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """The owner's, to a database of real evidence with an hour of long ago and one of now."""
    with connect(database_url, autocommit=True) as opened:
        hear(opened, 1, [datetime(2026, 3, 2, 4, tzinfo=UTC)])
        hear(opened, 2, [datetime.now(UTC) - timedelta(minutes=1)])
        yield opened


def test_an_hour_of_now_becomes_live(connection: psycopg.Connection) -> None:
    """As an ingester says of what it hears."""
    with acting_as(connection, INGEST):
        connection.execute(_ALL_LIVE, (2,))
    live = connection.execute(
        "SELECT live_hours = hours FROM presence WHERE device_id = 2"
    ).fetchall()
    assert live == [(True,)]


def test_an_hour_of_long_ago_does_not(connection: psycopg.Connection) -> None:
    """It could not be heard live now."""
    with (
        acting_as(connection, INGEST),
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="may write now"),
    ):
        connection.execute(_ALL_LIVE, (1,))


def test_an_hour_that_was_live_stays_so(connection: psycopg.Connection) -> None:
    """Bits are only added."""
    with acting_as(connection, INGEST):
        connection.execute(_ALL_LIVE, (2,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE presence SET live_hours = 0::bit(744) WHERE device_id = 2")


@pytest.mark.parametrize("table", ["presence", "presence_by_others"])
def test_only_an_hour_that_counts_can_be_live(connection: psycopg.Connection, table: str) -> None:
    """Whoever writes it, the owner too."""
    month, bit = civil_hour_of(round(datetime.now(UTC).timestamp() * 1000))
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            f"INSERT INTO {table} (device_id, month, publisher_id, live_hours)"  # noqa: S608 - ours
            " VALUES (3, %s, %s, set_bit(0::bit(744), %s, 1))".encode(),
            (month, 1 if table == "presence" else 7, bit),
        )
