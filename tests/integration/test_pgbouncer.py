"""PgBouncer before the database: sessions of one's own work, lent ones are refused.

Lent are those that a client has for one transaction (`transaction`) or statement (`statement`).
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest

from api.health.probe import Finding, HealthProbe
from jieru import own_session
from jieru.database import connect, open_pool
from jieru.database_options import UNBOUNDED_WORK, WATCHED_WORK
from jieru.errors import UserError, WorldError
from jieru.retry import connect_patiently
from jieru.schema import require_current_schema
from tests.support.command import jieru
from tests.support.debian_root import DebianRoot
from tests.support.fleet import (
    PLATFORM,
    Publisher,
    Sent,
    ingester,
    register_devices,
    stored_heartbeats,
    wait_until,
)
from tests.support.ingester_status import said
from tests.support.mosquitto import MosquittoBroker
from tests.support.pgbouncer import PgBouncer, PoolMode
from tests.support.processes import free_port
from tests.support.served import jieru_serve

_REFUSAL: Final = "pool_mode = session"
_NO_SESSION: Final = "no session to spare"
_SETTINGS: Final = {
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "5s",
}
"""What every session of ours relies on."""
_OTHERS: Final = 6
_OFTEN: Final = 10
"""More often than psycopg asks a question before it prepares it."""
_AHEAD: Final = 3


def _shown(connection: psycopg.Connection) -> dict[str, str]:
    """The settings of a session, each asked for in a transaction of its own."""
    shown = {}
    for name in (*_SETTINGS, "idle_in_transaction_session_timeout"):
        (shown[name],) = connection.execute(f"SHOW {name}".encode()).fetchone() or ("",)
        connection.commit()
    return shown


@contextmanager
def _others_ask(url: str) -> Iterator[None]:
    """Others ask one thing after another, so that a pooler's sessions change hands all the time."""
    stop = threading.Event()

    def ask() -> int:
        asked = 0
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute("SELECT 1")
                asked += 1
        return asked

    with ThreadPoolExecutor(_OTHERS) as threads:
        asking = [threads.submit(ask) for _ in range(_OTHERS)]
        try:
            yield
        finally:
            stop.set()
    assert all(each.result() > 0 for each in asking)


class TestSessionsOfOnesOwn:
    """In session mode."""

    @pytest.fixture
    def pooler(self, debian_root: DebianRoot, database_url: str) -> Iterator[PgBouncer]:
        """As PgBouncer comes, but for where it listens: it ignores no parameter."""
        with PgBouncer(debian_root, database_url, mode="session") as pooler:
            yield pooler

    async def test_are_what_every_session_of_ours_is(self, pooler: PgBouncer) -> None:
        """Setting by setting, transactions later, for each way in which one is begun."""
        with connect(pooler.url) as command:
            assert _shown(command) == {
                **_SETTINGS,
                "idle_in_transaction_session_timeout": UNBOUNDED_WORK.thought,
            }
        with open_pool(pooler.url, size=2) as pool:
            for _ in range(3):
                with pool.connection() as pooled:
                    assert _shown(pooled).items() >= _SETTINGS.items()
        async with await connect_patiently(pooler.url, application_name="jieru-1") as patient:
            for name, value in _SETTINGS.items():
                cursor = await patient.execute(f"SHOW {name}".encode())
                assert await cursor.fetchone() == (value,)
            cursor = await patient.execute("SHOW idle_in_transaction_session_timeout")
            assert await cursor.fetchone() == ("1min",)
            cursor = await patient.execute("SHOW application_name")
            assert await cursor.fetchone() == ("jieru-1",)
        assert WATCHED_WORK.thought == "60s"

    def test_a_session_is_left_as_it_was_found(self, pooler: PgBouncer) -> None:
        """Neither a transaction nor a subscription of the check stays in it."""
        with connect(pooler.url) as connection:
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            assert connection.autocommit is False
            listening = connection.execute("SELECT pg_listening_channels()").fetchall()
        assert listening == []

    def test_are_taken_for_what_they_are_among_busy_others(self, pooler: PgBouncer) -> None:
        """Whatever they do, a session of session mode is never called lent."""
        with _others_ask(pooler.url):
            for _ in range(5):
                connect(pooler.url).close()

    def test_a_pool_without_another_session_says_so(
        self,
        debian_root: DebianRoot,
        database_url: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A pool of one is too small for anything here; it is not mistaken for a lending one."""
        monkeypatch.setattr(own_session, "_PATIENCE_S", 0.5)
        with (
            PgBouncer(debian_root, database_url, mode="session", pool_size=1) as pooler,
            pytest.raises(WorldError, match=_NO_SESSION),
        ):
            connect(pooler.url)

    def test_carry_a_heartbeat_from_the_schema_to_the_count(
        self,
        debian_root: DebianRoot,
        timescale_url: str,
        mosquitto: MosquittoBroker,
        tmp_path: Path,
    ) -> None:
        """Migrate, serve, ingest and count, each through the pooler."""
        log = tmp_path / "ingester.log"
        with PgBouncer(debian_root, timescale_url, mode="session") as pooler:
            done = jieru("migrate", database_url=pooler.url)
            assert done.returncode == 0, done.stderr
            sent = Sent("A", time.time_ns() // 1_000_000)
            with (
                connect(pooler.url) as connection,
                jieru_serve(pooler.url, free_port()),
                ingester(pooler.url, mosquitto.url(), log),
            ):
                register_devices(connection, ["A"])
                wait_until(lambda: bool(said(log, "subscribed")), "the ingester listens")
                publisher = Publisher(mosquitto.add_user(PLATFORM))
                publisher.publish([sent])
                wait_until(lambda: stored_heartbeats(connection) == {sent: 1}, "it is stored")
                publisher.close()
            done = jieru("count", "2026", database_url=pooler.url)
            assert done.returncode == 0, done.stderr


class TestLentSessions:
    """In transaction and in statement mode."""

    @pytest.mark.parametrize("mode", ["transaction", "statement"])
    @pytest.mark.parametrize("pool_size", [1, 2, 20])
    @pytest.mark.parametrize("is_in_turn", [False, True])
    def test_are_refused_in_a_pool_of_any_size(
        self,
        debian_root: DebianRoot,
        timescale_url: str,
        mode: PoolMode,
        pool_size: int,
        is_in_turn: bool,
    ) -> None:
        """Whichever session a pooler gives: the one that was used last, or each in its turn."""
        settings = {"server_round_robin": str(int(is_in_turn)), "max_prepared_statements": "0"}
        with (
            PgBouncer(
                debian_root, timescale_url, mode=mode, pool_size=pool_size, settings=settings
            ) as pooler,
            pytest.raises(UserError, match=_REFUSAL),
        ):
            connect(pooler.url)

    def test_are_refused_among_busy_others(
        self, debian_root: DebianRoot, timescale_url: str
    ) -> None:
        """Who else uses the pool, and how often its sessions change hands, has no part in it."""
        with (
            PgBouncer(debian_root, timescale_url, mode="transaction", pool_size=3) as pooler,
            _others_ask(pooler.url),
        ):
            for _ in range(3):
                with pytest.raises(UserError, match=_REFUSAL):
                    connect(pooler.url)

    async def test_are_refused_to_who_connects_patiently(
        self, debian_root: DebianRoot, timescale_url: str
    ) -> None:
        """No waiting heals it, so an ingester ends instead of trying again."""
        with (
            PgBouncer(debian_root, timescale_url, mode="transaction") as pooler,
            pytest.raises(UserError, match=_REFUSAL),
        ):
            await connect_patiently(pooler.url)

    def test_are_refused_by_every_command_in_one_sentence(
        self, debian_root: DebianRoot, database_url: str
    ) -> None:
        """It says what to do, in the language of whoever asked."""
        with PgBouncer(debian_root, database_url, mode="transaction") as pooler:
            for command in (["migrate"], ["ingest"], ["serve"], ["count", "2026"]):
                done = jieru(*command, database_url=pooler.url)
                assert (done.returncode, done.stdout) == (1, ""), done
                (line,) = done.stderr.splitlines()
                assert _REFUSAL in line
            done = jieru("migrate", database_url=pooler.url, language="zh")
            assert "会话模式" in done.stderr

    def test_are_said_by_the_health_of_a_console_that_runs(
        self, debian_root: DebianRoot, database_url: str
    ) -> None:
        """Somebody may change the pooler's mode while it does; back again, it is well again."""
        with (
            PgBouncer(debian_root, database_url, mode="session") as pooler,
            open_pool(pooler.url, size=2) as pool,
        ):
            probe = HealthProbe(str(pool.conninfo))
            assert probe.look() is Finding.WELL
            pooler.restart("transaction")
            assert probe.look() is Finding.LENT
            pooler.restart("session")
            wait_until(lambda: probe.look() is Finding.WELL, "there are sessions again")

    def test_are_said_by_the_health_though_a_connection_still_works_in_part(
        self, debian_root: DebianRoot, database_url: str
    ) -> None:
        """A pooler that goes on in another mode mixes up what sessions have prepared."""
        settings = {"max_prepared_statements": "0"}
        with (
            PgBouncer(debian_root, database_url, mode="session", settings=settings) as pooler,
            open_pool(pooler.url, size=2) as pool,
            pool.connection() as other,
        ):
            probe = HealthProbe(str(pool.conninfo))
            assert probe.look() is Finding.WELL
            for _ in range(_AHEAD):
                require_current_schema(other)  # who asks more often prepares first
                other.commit()
            pooler.reload("transaction")
            seen = set()
            for _ in range(_OFTEN):
                require_current_schema(other)
                other.commit()
                seen.add(probe.look())
        assert seen == {Finding.WELL, Finding.LENT}
