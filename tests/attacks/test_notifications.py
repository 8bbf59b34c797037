"""Auditors who hold transactions open, fill queues and burn memory: nobody waits for them (S10)."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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


_VIEWS: Final = """
    SELECT format('SELECT count(*) FROM audit.%I', viewname) FROM pg_views
    WHERE schemaname = 'audit'
"""
_BURN: Final = """
    SELECT count(*) FROM (SELECT repeat(number::text, 20) AS text
                          FROM generate_series(1, 400000) AS number
                          ORDER BY text DESC) AS sorted
"""
_HOLDERS, _BURNERS = 8, 2


def _reader(url: str) -> psycopg.Connection:
    """An auditor who put every limit of a session aside."""
    connection = psycopg.connect(auditor_address(url), autocommit=True)
    for setting in ("statement_timeout = 0", "idle_in_transaction_session_timeout = 0"):
        connection.execute(f"SET {setting}".encode())
    connection.execute("SET work_mem = '256MB'")
    return connection


def _burn(url: str, stop: threading.Event) -> None:
    with _reader(url) as connection:
        while not stop.is_set():
            connection.execute(_BURN)


@contextmanager
def _auditors_at_their_worst(url: str) -> Iterator[None]:
    """Some who read everything and never end, some who sort for ever in memory."""
    stop = threading.Event()
    with ExitStack() as stack:
        for _holder in range(_HOLDERS):
            holder = stack.enter_context(_reader(url))
            statements = [row[0] for row in holder.execute(_VIEWS).fetchall()]
            holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            for statement in statements:
                holder.execute(statement.encode())
        threads = [threading.Thread(target=_burn, args=(url, stop)) for _each in range(_BURNERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_auditors_who_hold_transactions_and_burn_memory_delay_no_write(
    database_url: str, broker: MosquittoBroker, book: Book, tmp_path: Path
) -> None:
    """They hold every table that they may read, and no lock that stands in a writer's way."""
    with opened_stage(database_url, broker, tmp_path, book=book) as stage, stage.ingester():
        stage.wait_until_subscribed()
        stage.publish(100)
        stage.wait_until_stored()
        stage.connection.rollback()
        with _auditors_at_their_worst(database_url):
            leaked = issue_to(stage.connection, f"{PLATFORM}/own/{DEVICES[0]}")
            register_devices(stage.connection, ["new"])
            revoke(stage.connection, leaked.id)
            stage.publish(300)
            stage.settle(
                "transactions without end, sorts without end",
                "to hold up every write",
                seen="pg_stat_activity; docs/secure.md, which recommends a standby",
            )


def _versions(stage: Stage) -> dict[str, int]:
    return dict(stage.connection.execute(_SELECT_VERSIONS).fetchall())
