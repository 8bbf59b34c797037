"""How each kind of fault is made, and how it heals."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import psycopg

from tests.faults.load import Load
from tests.faults.schedule import HOSTILE, Fault, Kind
from tests.faults.servers import DATA, LOG
from tests.faults.stage import Stage
from tests.support.fleet import register_devices
from tests.support.processes import StartError
from tests.support.tcp_proxy import BOTH, Direction, TcpProxy

__all__ = ["NEWCOMER", "inject"]

NEWCOMER: Final = "newcomer"
"""The device that a registry change adds."""

_FLOOD: Final = 1_500
_PATIENCE_S: Final = 60.0
_SEGMENTS: Final = 60
"""More segments of the log than are kept for further use: the next one needs room."""

_OF_INGESTERS: Final = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND backend_type = 'client backend'
    ORDER BY query LIKE '%heartbeats%' DESC, pid LIMIT 1
"""
_FIRST_AND_LAST: Final = "SELECT min(device_id), max(device_id) FROM presence"
_TOUCH_DEVICE: Final = "UPDATE presence SET late_hours = late_hours WHERE device_id = %s"
_TOUCH_ALL: Final = "UPDATE presence SET late_hours = late_hours"
_TOUCH_HOURS: Final = "UPDATE ingest_hours SET late = late"
_WRITE_SEGMENT: Final = "SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1000000))"
_LOCK_PRESENCE: Final = "LOCK TABLE presence IN SHARE ROW EXCLUSIVE MODE"
_SERIALIZABLE: Final = """
    DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable',
                               current_database()); END $$
"""
_NOT_SERIALIZABLE: Final = """
    DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_isolation',
                               current_database()); END $$
"""
_SHORT_TIMEOUT: Final = """
    DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 40',
                               current_database()); END $$
"""
_NO_TIMEOUT: Final = """
    DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET statement_timeout',
                               current_database()); END $$
"""


def inject(fault: Fault, stage: Stage, load: Load) -> None:
    """Break something, wait for as long as the fault lasts, heal it."""
    with _FAULTS[fault.kind](fault, stage, load):
        time.sleep(fault.for_s)


_Maker = Callable[[Fault, Stage, Load], Iterator[None]]


def _kill_ingester(_fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    both = stage.ingesters[0], stage.http_ingester
    for each in both:
        each.kill()
    yield
    for each in both:
        each.start()


def _suspend_ingester(_fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    both = stage.ingesters[0], stage.http_ingester
    for each in both:
        each.suspend()
    yield
    for each in both:
        each.resume()


def _kill_backend(_fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    def pid_of(connection: psycopg.Connection) -> int | None:
        row = connection.execute(_OF_INGESTERS).fetchone()
        return row[0] if row else None

    pid = stage.patiently(pid_of)
    if pid is not None:
        stage.database.kill_process(pid)
    yield


def _kill_database(_fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    stage.database.kill()
    yield
    stage.database.start()


def _suspend_database(_fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    stage.database.suspend()
    yield
    stage.database.resume()


def _data_disk_full(_fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    stage.database.disks.fill(DATA)
    yield
    stage.database.disks.free(DATA)


def _log_disk_full(_fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    stage.database.disks.fill(LOG)
    with suppress(psycopg.Error), psycopg.connect(stage.database_url, autocommit=True) as rival:
        for _ in range(_SEGMENTS):
            with suppress(psycopg.errors.DiskFull):
                rival.execute(_WRITE_SEGMENT)
    yield
    stage.database.disks.free(LOG)
    # A server that cannot write its log panics, cannot recover either, and ends; whoever watches
    # over services starts it again.
    deadline = time.monotonic() + _PATIENCE_S
    while not stage.database.answers:
        if not stage.database.is_running:
            with suppress(StartError):
                stage.database.start()
        if time.monotonic() > deadline:
            raise StartError("The database does not come back though its log has room again.")
        time.sleep(0.1)


def _kill_broker(_fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    # It acknowledges what it has not saved, and forgets it: whoever published sends that again.
    saved_s = time.time()
    stage.broker.save()
    stage.broker.kill()
    yield
    stage.broker.start()
    for each in stage.gateways:
        each.publish_again(saved_s)


def _restart_broker(_fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    stage.broker.stop()
    yield
    stage.broker.start()


def _suspend_broker(_fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    stage.broker.suspend()
    yield
    stage.broker.resume()


def _on(link: Callable[[Stage], TcpProxy], begin: Callable[[TcpProxy, Fault], None]) -> _Maker:
    def make(fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
        begin(link(stage), fault)
        yield
        link(stage).heal()

    return make


def _database_link(stage: Stage) -> TcpProxy:
    return stage.database_link


def _broker_link(stage: Stage) -> TcpProxy:
    return stage.broker_link


def _directions(fault: Fault) -> tuple[Direction, ...]:
    return BOTH if fault.detail == "both" else (Direction(fault.detail),)


def _refuse(link: TcpProxy, _fault: Fault) -> None:
    link.refuse()


def _stall(link: TcpProxy, fault: Fault) -> None:
    link.stall(_directions(fault))


def _delay(link: TcpProxy, fault: Fault) -> None:
    link.delay(fault.amount / 1000)


def _forget(link: TcpProxy, _fault: Fault) -> None:
    link.forget()


def _drop_mid(link: TcpProxy, fault: Fault) -> None:
    link.cut_after_bytes(fault.amount)


def _drop_after_commit(link: TcpProxy, _fault: Fault) -> None:
    link.cut_after(b"COMMIT\0")


def _statement_timeout(_fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    def hold_presence(rival: psycopg.Connection) -> None:
        with rival.transaction():
            rival.execute("SET LOCAL statement_timeout = 0")
            rival.execute(_LOCK_PRESENCE)
            time.sleep(0.3)

    stage.execute(_SHORT_TIMEOUT)
    stage.end_sessions()
    with _rival(stage, hold_presence):
        yield
    stage.execute(_NO_TIMEOUT)


def _deadlock(_fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    def lock_backwards(rival: psycopg.Connection) -> None:
        row = rival.execute(_FIRST_AND_LAST).fetchone()
        if row is None or row[0] is None:
            return
        first, last = row
        with rival.transaction():
            rival.execute(_TOUCH_DEVICE, [last])
            time.sleep(0.15)
            rival.execute(_TOUCH_DEVICE, [first])

    with _rival(stage, lock_backwards):
        yield


def _serialization(_fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    def change_what_they_change(rival: psycopg.Connection) -> None:
        with rival.transaction():
            rival.execute(_TOUCH_ALL)
            rival.execute(_TOUCH_HOURS)
            time.sleep(0.02)

    stage.execute(_SERIALIZABLE)
    stage.end_sessions()
    with _rival(stage, change_what_they_change):
        yield
    stage.execute(_NOT_SERIALIZABLE)


@contextmanager
def _rival(stage: Stage, act: Callable[[psycopg.Connection], None]) -> Iterator[None]:
    """Do something over and over in another session, whatever becomes of it."""
    enough = threading.Event()

    def repeat() -> None:
        while not enough.wait(0.05):
            with (
                suppress(psycopg.Error),
                psycopg.connect(
                    stage.database_url, autocommit=True, connect_timeout=10
                ) as connection,
            ):
                while not enough.wait(0.05):
                    act(connection)

    thread = threading.Thread(target=repeat, name="rival")
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def _clock_jump(fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    stage.set_clock(fault.amount)
    yield
    stage.set_clock(0)


def _registry_change(_fault: Fault, stage: Stage, load: Load) -> Iterator[None]:
    load.newcomer(NEWCOMER, is_early=True)
    time.sleep(0.3)
    with suppress(psycopg.errors.UniqueViolation):  # the answer to an earlier try may be lost
        stage.patiently(lambda connection: register_devices(connection, [NEWCOMER]))
    load.newcomer(NEWCOMER, is_early=False)
    yield


def _rejection_flood(_fault: Fault, _stage: Stage, load: Load) -> Iterator[None]:
    load.flood(_FLOOD)
    yield


def _hostile(fault: Fault, stage: Stage, _load: Load) -> Iterator[None]:
    with stage.hostiles[fault.kind].at_work():
        yield


_MAKERS: Final[dict[Kind, _Maker]] = {
    Kind.KILL_INGESTER: _kill_ingester,
    Kind.SUSPEND_INGESTER: _suspend_ingester,
    Kind.KILL_BACKEND: _kill_backend,
    Kind.KILL_DATABASE: _kill_database,
    Kind.SUSPEND_DATABASE: _suspend_database,
    Kind.DATA_DISK_FULL: _data_disk_full,
    Kind.LOG_DISK_FULL: _log_disk_full,
    Kind.KILL_BROKER: _kill_broker,
    Kind.RESTART_BROKER: _restart_broker,
    Kind.SUSPEND_BROKER: _suspend_broker,
    Kind.CUT_DATABASE_LINK: _on(_database_link, _refuse),
    Kind.STALL_DATABASE_LINK: _on(_database_link, _stall),
    Kind.DELAY_DATABASE_LINK: _on(_database_link, _delay),
    Kind.HALF_OPEN_DATABASE_LINK: _on(_database_link, _forget),
    Kind.DROP_MID_STATEMENT: _on(_database_link, _drop_mid),
    Kind.DROP_AFTER_COMMIT: _on(_database_link, _drop_after_commit),
    Kind.CUT_BROKER_LINK: _on(_broker_link, _refuse),
    Kind.STALL_BROKER_LINK: _on(_broker_link, _stall),
    Kind.DELAY_BROKER_LINK: _on(_broker_link, _delay),
    Kind.HALF_OPEN_BROKER_LINK: _on(_broker_link, _forget),
    Kind.DROP_MID_PACKET: _on(_broker_link, _drop_mid),
    Kind.STATEMENT_TIMEOUT: _statement_timeout,
    Kind.DEADLOCK: _deadlock,
    Kind.SERIALIZATION: _serialization,
    Kind.CLOCK_JUMP: _clock_jump,
    Kind.REGISTRY_CHANGE: _registry_change,
    Kind.REJECTION_FLOOD: _rejection_flood,
    **dict.fromkeys(HOSTILE, _hostile),
}
_FAULTS: Final = {kind: contextmanager(maker) for kind, maker in _MAKERS.items()}
