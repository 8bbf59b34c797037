"""Auditors who hold transactions open and fill the queue of NOTIFY: nobody waits for them (S10)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest

from jieru.schema import migrate
from tests.attacks.book import Book
from tests.attacks.stage import DEVICES, Stage, opened_stage
from tests.support.auditors import AUDITOR_PASSWORD, auditor_address
from tests.support.credentials import issue_to, revoke
from tests.support.debian_root import DebianRoot
from tests.support.fleet import PLATFORM, Sent, register_devices
from tests.support.mosquitto import MosquittoBroker
from tests.support.timescaledb import TimescaleServer

_SMALLEST_QUEUE: Final = {"max_notify_queue_pages": "64"}
"""512 kB; PostgreSQL's own is 8 GB, and fills just the same."""
_ROUNDS: Final = 1_000
_FILL: Final = """
    SELECT pg_notify('anything', repeat('x', 7900) || number) FROM generate_series(1, 20) AS number
"""
_SELECT_VERSIONS: Final = "SELECT kind, version FROM change_versions"


@pytest.fixture
def database_url(debian_root: DebianRoot) -> Iterator[str]:
    """A server of the test's own whose queue is soon full, with the auditors' role."""
    with TimescaleServer(debian_root, settings=_SMALLEST_QUEUE) as server, server.database() as url:
        migrate(url, auditor_password=AUDITOR_PASSWORD)
        yield url


@contextmanager
def _full_queue(url: str) -> Iterator[None]:
    """Whoever listens and ends no transaction; whoever fills the queue until it takes no more."""
    with (
        psycopg.connect(auditor_address(url), autocommit=True) as listener,
        psycopg.connect(auditor_address(url), autocommit=True) as filler,
    ):
        listener.execute("SET idle_in_transaction_session_timeout = 0")
        listener.execute("LISTEN anything")
        listener.execute("BEGIN; SELECT count(*) FROM audit.platforms")
        with pytest.raises(psycopg.errors.ProgramLimitExceeded):
            _fill(filler)
        yield
        assert listener.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS


def _fill(connection: psycopg.Connection) -> None:
    for _round in range(_ROUNDS):
        connection.execute(_FILL)


def test_a_full_queue_of_notifications_delays_nobody(
    database_url: str, broker: MosquittoBroker, book: Book, tmp_path: Path
) -> None:
    """Devices are registered and heard, a leaked credential is revoked, and the sync sees it."""
    with opened_stage(database_url, broker, tmp_path, book=book) as stage, stage.ingester():
        stage.wait_until_subscribed()
        with _full_queue(database_url):
            leaked = issue_to(stage.connection, f"{PLATFORM}/own/{DEVICES[0]}")
            register_devices(stage.connection, ["new"])
            before = _versions(stage)
            revoke(stage.connection, leaked.id)
            assert _versions(stage) == {**before, "credentials": before["credentials"] + 1}
            stage.publish(100)
            stage.gateway.publish([Sent("new", 1_772_400_000_000)])
            stage.settle(
                "queue of NOTIFY",
                "to keep everybody from committing",
                seen="a transaction without end in pg_stat_activity; docs/secure.md",
            )


def _versions(stage: Stage) -> dict[str, int]:
    return dict(stage.connection.execute(_SELECT_VERSIONS).fetchall())
