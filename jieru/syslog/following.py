"""Sending what was entered since the last time, once a second, in a thread beside the console.

Nobody waits for it: what is entered is read afterwards by its number. How far it was sent is kept
in the database, and moves on only after the server took it, so each entry of the audit is sent at
least once, whoever was away meanwhile. The same thread deletes old entries of the access log.
"""

import os
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Final, NamedTuple

import psycopg
import structlog

from jieru.access_entries import forget_old_entries
from jieru.beside import running_beside
from jieru.database import connect
from jieru.errors import UserError, WorldError
from jieru.retry import backoff_delays, is_worth_retrying
from jieru.syslog.message import AccessRow, AuditRow, access_message, audit_message
from jieru.syslog.sender import SyslogSender, syslog_sender

__all__ = ["follow_entries", "following_entries", "send_new_entries"]

_PAUSE_S: Final = 1.0
_AT_ONCE: Final = 500
_FORGET_EVERY_S: Final = 3_600.0

# Where it was never sent anything, it begins with what is entered from now on.
_BEGIN_AUDIT: Final = """
    INSERT INTO syslog_cursors (record, number) SELECT 'audit', number FROM audit_head
    ON CONFLICT (record) DO NOTHING
"""
_BEGIN_ACCESS: Final = """
    INSERT INTO syslog_cursors (record, number)
    SELECT 'access', coalesce(max(number), 0) FROM access_entries
    ON CONFLICT (record) DO NOTHING
"""
# Of two consoles one sends, and the other does not wait for it.
_CURSOR: Final = "SELECT number FROM syslog_cursors WHERE record = %s FOR UPDATE SKIP LOCKED"
_MOVE: Final = "UPDATE syslog_cursors SET number = %s WHERE record = %s"
_AUDIT: Final = """
    SELECT number, changed_at, actor, origin, action, record_kind, record_id, encode(hash, 'hex')
    FROM audit_entries WHERE number > %s ORDER BY number LIMIT %s
"""
# Numbers of the access log are given before the commit, so that a later one may be seen first: what
# lies behind a gap waits for it, but not for ever.
_ACCESS: Final = """
    SELECT number, at, kind, actor, origin, record FROM (
        SELECT *, bool_and(number - lag = 1 OR at < now() - interval '10 seconds')
                      OVER (ORDER BY number) AS is_next
        FROM (SELECT *, lag(number, 1, %s::bigint) OVER (ORDER BY number) AS lag
              FROM access_entries WHERE number > %s ORDER BY number LIMIT %s) AS numbered
        ) AS following
    WHERE is_next ORDER BY number
"""

_log = structlog.get_logger()


class _Record(NamedTuple):
    name: str
    read: Callable[[psycopg.Connection, int], Sequence[AuditRow] | Sequence[AccessRow]]
    written: Callable[[Any, str, int], bytes]


def _read_audit(connection: psycopg.Connection, after: int) -> Sequence[AuditRow]:
    return [AuditRow(*row) for row in connection.execute(_AUDIT, (after, _AT_ONCE))]


def _read_access(connection: psycopg.Connection, after: int) -> Sequence[AccessRow]:
    return [AccessRow(*row) for row in connection.execute(_ACCESS, (after, after, _AT_ONCE))]


_RECORDS: Final = (
    _Record("audit", _read_audit, audit_message),
    _Record("access", _read_access, access_message),
)


def send_new_entries(connection: psycopg.Connection, sender: SyslogSender) -> int:
    """Send what was entered since the last time; how many entries that were.

    Args:
        connection: outside of a transaction.
        sender: the way to the server.

    Raises:
        OSError: the server is away; what it did not take is sent the next time.
    """
    with connection.transaction():
        connection.execute(_BEGIN_AUDIT)
        connection.execute(_BEGIN_ACCESS)
    sent = 0
    for record in _RECORDS:
        while number := _send_batch(connection, sender, record):
            sent += number
    return sent


def _send_batch(connection: psycopg.Connection, sender: SyslogSender, record: _Record) -> int:
    host, process_id = socket.gethostname(), os.getpid()
    with connection.transaction():
        cursor = connection.execute(_CURSOR, (record.name,)).fetchone()
        rows = record.read(connection, cursor[0]) if cursor else []
        if rows:
            sender.send([record.written(row, host, process_id) for row in rows])
            connection.execute(_MOVE, (rows[-1].number, record.name))
    return len(rows)


def follow_entries(
    database_url: str, syslog: str, access_log_days: int, stop: threading.Event
) -> None:
    """Send new entries and delete old ones until `stop`; wait for what is away.

    Args:
        database_url: of the database.
        syslog: where to, as the setting has it; empty: nowhere.
        access_log_days: how long entries of the access log are kept.
        stop: ends it.
    """
    sender = syslog_sender(syslog) if syslog else None
    delays = backoff_delays(random.random)
    is_away = False
    while not stop.is_set():
        try:
            with connect(database_url, autocommit=True) as connection:
                forget_at = time.monotonic()
                while not stop.is_set():
                    if time.monotonic() >= forget_at:
                        _forget(connection, access_log_days)
                        forget_at = time.monotonic() + _FORGET_EVERY_S
                    if sender is not None:
                        is_away = _is_away(connection, sender, was_away=is_away)
                    delays = backoff_delays(random.random)
                    stop.wait(_PAUSE_S)
        except (UserError, WorldError) as error:
            _log.warning("entries_not_followed", error=str(error))
        except psycopg.Error as error:
            if not is_worth_retrying(error):
                raise
            _log.warning("entries_not_followed", error=" ".join(str(error).split()))
        stop.wait(next(delays))


def following_entries(
    database_url: str, syslog: str, access_log_days: int
) -> AbstractContextManager[None]:
    """Follow entries in a thread until the block ends."""
    return running_beside(
        partial(_follow_and_log_a_bug, database_url, syslog, access_log_days), name="entries"
    )


def _follow_and_log_a_bug(
    database_url: str, syslog: str, access_log_days: int, stop: threading.Event
) -> None:
    try:
        follow_entries(database_url, syslog, access_log_days, stop)
    except Exception:  # noqa: BLE001 - the console that this thread belongs to goes on
        _log.exception("entries_ended")


def _is_away(connection: psycopg.Connection, sender: SyslogSender, *, was_away: bool) -> bool:
    """Whether the server cannot be reached, which is said once, as its return is."""
    try:
        send_new_entries(connection, sender)
    except OSError as error:
        if not was_away:
            _log.warning("syslog_away", error=str(error))
        return True
    if was_away:
        _log.info("syslog_back")
    return False


def _forget(connection: psycopg.Connection, days: int) -> None:
    number = forget_old_entries(connection, days)
    if number:
        _log.info("old_accesses_deleted", entries=number)
