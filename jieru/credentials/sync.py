"""Keeping the broker's files as the database has its credentials: once, or following changes."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

import psycopg
import structlog

from jieru.beside import running_beside
from jieru.credentials.broker_files import BrokerFiles, SyncResult, User, VanishedFileError
from jieru.credentials.kept_files import (
    FileKind,
    note_there,
    note_vanished,
    read_others,
    was_there,
)
from jieru.credentials.secret import HashedSecret
from jieru.database import connect
from jieru.errors import UserError, WorldError
from jieru.retry import backoff_delays, is_worth_retrying

__all__ = ["follow_credentials", "following_credentials", "sync_broker"]

_SELECT_VERSION: Final = "SELECT version FROM change_versions WHERE kind = 'credentials'"
_SELECT_OPEN: Final = """
    SELECT username, salt, password_hash FROM credentials WHERE revoked_at IS NULL
    ORDER BY username COLLATE "C"
"""
_PAUSE_S: Final = 1.0
"""Between two syncs at least: a reload costs the broker a hash for each client it holds."""
_TOLD_AGAIN_S: Final = 5.0
"""After a reload the broker is told once more. Mosquitto drops a SIGHUP that comes while it still
reloads for another (an earlier change, another process, a person), and says nothing; then a
credential that was just revoked would stay good until the next change."""
_ASK_EVERY_S: Final = 1.0
"""How often the database is asked whether a credential changed."""
_ANEW_S: Final = 60.0
"""A sync without a change: it finds files that somebody else changed, and a database that
went away in silence."""

_log = structlog.get_logger()


def sync_broker(
    connection: psycopg.Connection,
    files: BrokerFiles,
    *,
    were_there: bool = False,
    is_anew: bool = False,
) -> SyncResult:
    """Write the open credentials into the broker's files.

    Args:
        connection: to the database.
        files: of the broker.
        were_there: whether the files are known to have been there before.
        is_anew: whether a password file that is gone is written all the same.

    Raises:
        VanishedFileError: the password file is gone, and with it the users that are not ours.
        WorldError: a file cannot be written, or the broker not be told.
    """
    passwords, acl = files.password_file, files.acl_file
    were_there = were_there or was_there(connection, passwords)
    if was_there(connection, acl) and not acl.exists():
        # All of it is ours: it is written anew, and whoever took it away is looked for.
        _tell_vanished(connection, FileKind.ACL, acl)

    def read_users() -> Iterator[User]:
        for username, salt, password_hash in connection.execute(_SELECT_OPEN):
            yield username, HashedSecret(salt, password_hash)

    others = read_others(connection, passwords)
    try:
        result = files.write(read_users, were_there=were_there, is_anew=is_anew, others=others)
    except VanishedFileError as error:
        _tell_vanished(connection, FileKind.PASSWORDS, passwords, error=str(error))
        raise
    note_there(connection, FileKind.PASSWORDS, passwords, files.others())
    note_there(connection, FileKind.ACL, acl)
    return result


def _tell_vanished(
    connection: psycopg.Connection, kind: FileKind, path: Path, **about: str
) -> None:
    """To whoever reads the log, and to whoever looks at the console or is woken."""
    _log.error("broker_file_vanished", path=str(path), file=kind.value, **about)
    note_vanished(connection, kind, path)
    if not connection.autocommit:
        connection.commit()  # whatever becomes of the sync


def follow_credentials(database_url: str, files: BrokerFiles, stop: threading.Event) -> None:
    """Sync now and after every change until `stop`; wait for what is away.

    Changes that come close together are one sync.
    """
    delays = backoff_delays(random.random)
    is_owed = False
    """Whether the broker has still to be told again."""
    were_there = False
    """Whether both files are known to have been there."""
    while not stop.is_set():
        try:
            with connect(database_url, autocommit=True) as connection:
                while not stop.is_set():
                    # Before what it stands for is read: a change that comes between is seen later.
                    version = _read_version(connection)
                    is_owed = _sync_and_log(connection, files, were_there=were_there) or is_owed
                    were_there = True
                    delays = backoff_delays(random.random)
                    stop.wait(_PAUSE_S)
                    is_changed = is_owed and _changes(
                        connection, version, stop, within_s=_TOLD_AGAIN_S
                    )
                    if is_owed and not is_changed:
                        files.tell_again()
                        is_owed = False
                    if not is_changed:
                        _changes(connection, version, stop, within_s=_ANEW_S)
        except VanishedFileError:  # told already; somebody may bring it back
            pass
        except (UserError, WorldError) as error:  # somebody may correct the files' rights meanwhile
            _log.warning("broker_sync_failed", error=str(error))
        except psycopg.Error as error:
            if not is_worth_retrying(error):
                raise
            _log.warning("broker_sync_failed", error=" ".join(str(error).split()))
        stop.wait(next(delays))


def following_credentials(database_url: str, files: BrokerFiles) -> AbstractContextManager[None]:
    """Follow changes in a thread until the block ends."""
    return running_beside(partial(_follow_and_log_a_bug, database_url, files), name="broker-sync")


def _follow_and_log_a_bug(database_url: str, files: BrokerFiles, stop: threading.Event) -> None:
    try:
        follow_credentials(database_url, files, stop)
    except Exception:  # noqa: BLE001 - the console that this thread belongs to goes on
        _log.exception("broker_sync_ended")


def _sync_and_log(connection: psycopg.Connection, files: BrokerFiles, *, were_there: bool) -> bool:
    """Sync; whether the broker was told to reload."""
    result = sync_broker(connection, files, were_there=were_there)
    if result.written or result.is_reloaded:
        _log.info("broker_synced", **result._asdict())
    return result.is_reloaded


def _changes(
    connection: psycopg.Connection, version: int, stop: threading.Event, *, within_s: float
) -> bool:
    """Wait for another version of the credentials, or for the end, or for so long."""
    deadline = time.monotonic() + within_s
    while _read_version(connection) == version:
        if time.monotonic() > deadline or stop.wait(_ASK_EVERY_S):
            return False
    return True


def _read_version(connection: psycopg.Connection) -> int:
    (version,) = connection.execute(_SELECT_VERSION).fetchone() or (0,)
    return int(version)
