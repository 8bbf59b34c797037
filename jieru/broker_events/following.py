"""Following what the broker tells until the end, whoever is away meanwhile."""

import random
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import psycopg
import structlog

from jieru.beside import running_beside
from jieru.broker_events.event import BrokerEvent
from jieru.broker_events.log_file import LogFile
from jieru.broker_events.mosquitto_log import MosquittoLog
from jieru.broker_events.stored import (
    delete_old_events,
    read_position,
    read_sessions,
    write_position,
    write_tally,
)
from jieru.broker_events.tally import Tally
from jieru.database import connect
from jieru.errors import WorldError
from jieru.retry import backoff_delays, is_worth_retrying

__all__ = ["EventInbox", "follow_log", "following_inbox", "take_lines"]

_PAUSE_S: Final = 1.0
_FORGET_EVERY_S: Final = 3_600.0

_log = structlog.get_logger()


def follow_log(
    database_url: str, path: Path, stop: threading.Event, *, retention_days: int
) -> None:
    """Follow Mosquitto's log file until `stop`; what was read and what it told are one transaction.

    Raises:
        UserError: the log cannot be read by this user.
    """
    name = str(path.absolute())

    def follow(connection: psycopg.Connection) -> None:
        position = read_position(connection, name)
        reader = MosquittoLog(read_sessions(connection))
        log = LogFile(path, position)
        _log.info("broker_log_opened", path=name, is_resumed=position is not None)
        if position is None:
            with connection.transaction():
                write_position(connection, name, log.position)
        with closing(log):
            read_on(connection, reader, log)

    def read_on(connection: psycopg.Connection, reader: MosquittoLog, log: LogFile) -> None:
        forget_at = time.monotonic()
        while not stop.is_set():
            forget_at = _forget(connection, retention_days, forget_at)
            lines = log.read()
            if lines:
                tally = _tally(reader, lines)
                with connection.transaction():
                    rows = write_tally(connection, tally)
                    write_position(connection, name, log.position)
                _say(tally, rows)
            else:
                stop.wait(_PAUSE_S)

    _patiently(database_url, follow, stop)


class EventInbox:
    """Events that a broker brings, counted until they are written; safe for threads."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._tally = Tally()

    def add(self, event: BrokerEvent) -> None:
        """Count one."""
        with self._lock:
            self._tally.add(event)

    def take(self) -> Tally:
        """What was counted since the last time."""
        with self._lock:
            tally, self._tally = self._tally, Tally()
        return tally

    def give_back(self, tally: Tally) -> None:
        """Count what could not be written together with what came meanwhile."""
        with self._lock:
            self._tally.add_earlier(tally)


def take_lines(inbox: EventInbox, lines: Iterable[bytes]) -> None:
    """Read lines of Mosquitto's log as they come, from the journal or a pipe, until they end.

    It waits for nobody, or whoever writes them would.
    """
    reader = MosquittoLog()
    for line in lines:
        text = line.rstrip(b"\n").decode("utf-8", "replace")
        for event in reader.read(text, now=datetime.now(UTC)):
            inbox.add(event)


def following_inbox(
    database_url: str, inbox: EventInbox, *, retention_days: int
) -> AbstractContextManager[None]:
    """Write what comes into an inbox, once a second, in a thread until the block ends."""
    return running_beside(
        partial(_follow_inbox, database_url, inbox, retention_days), name="broker-events"
    )


def _follow_inbox(
    database_url: str, inbox: EventInbox, retention_days: int, stop: threading.Event
) -> None:
    def follow(connection: psycopg.Connection) -> None:
        forget_at = time.monotonic()
        is_last = False
        while not is_last:
            is_last = stop.wait(_PAUSE_S)  # what came before the end is written
            forget_at = _forget(connection, retention_days, forget_at)
            tally = inbox.take()
            try:
                with connection.transaction():
                    rows = write_tally(connection, tally)
            except psycopg.Error:
                inbox.give_back(tally)
                raise
            _say(tally, rows)

    try:
        _patiently(database_url, follow, stop)
    except Exception:  # noqa: BLE001 - the process that this thread belongs to goes on
        _log.exception("broker_events_ended")


def _patiently(
    database_url: str, follow: Callable[[psycopg.Connection], None], stop: threading.Event
) -> None:
    """Follow, and begin again where the database was away."""
    delays = backoff_delays(random.random)
    while not stop.is_set():
        try:
            with connect(database_url, autocommit=True) as connection:
                delays = backoff_delays(random.random)
                follow(connection)
        except WorldError as error:
            _log.warning("broker_events_wait", error=str(error))
        except psycopg.Error as error:
            if not is_worth_retrying(error):
                raise
            _log.warning("broker_events_wait", error=" ".join(str(error).split()))
        else:
            return
        stop.wait(next(delays))


def _tally(reader: MosquittoLog, lines: Iterable[str]) -> Tally:
    now, tally = datetime.now(UTC), Tally()
    for line in lines:
        for event in reader.read(line, now=now):
            tally.add(event)
    return tally


def _say(tally: Tally, rows: int) -> None:
    if rows:
        number = sum(told.number for told in tally.rows.values())
        _log.info("broker_events_written", events=number, rows=rows)


def _forget(connection: psycopg.Connection, retention_days: int, due_at: float) -> float:
    """Delete what is old, once an hour; when next."""
    if time.monotonic() < due_at:
        return due_at
    deleted = delete_old_events(connection, retention_days=retention_days)
    if deleted:
        _log.info("old_broker_events_deleted", rows=deleted)
    return time.monotonic() + _FORGET_EVERY_S
