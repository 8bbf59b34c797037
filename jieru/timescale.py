"""TimescaleDB: whether it is here, which edition, and how long raw heartbeats are kept.

The Community edition compresses and drops chunks by policies of its own. The Apache edition
(Debian's) has no policies, so an ingester calls `drop_expired_heartbeats` once an hour; where the
extension is missing that deletes rows instead. Where heartbeats are archived (`archive`),
nothing else drops them.
"""

from datetime import timedelta
from enum import StrEnum
from typing import LiteralString

import psycopg

from jieru.errors import UserError

__all__ = [
    "Edition",
    "create_extension",
    "detect_edition",
    "drop_expired_heartbeats",
    "leave_dropping_to_archive",
    "set_policies",
]

_IS_AVAILABLE = "SELECT count(*) = 1 FROM pg_available_extensions WHERE name = 'timescaledb'"
# Who is no superuser may not read shared_preload_libraries; but only a library that was loaded when
# the server started has settings in this view.
_IS_PRELOADED = "SELECT EXISTS (SELECT FROM pg_settings WHERE starts_with(name, 'timescaledb.'))"
_CREATE = "CREATE EXTENSION IF NOT EXISTS timescaledb"
_IS_INSTALLED = "SELECT count(*) = 1 FROM pg_extension WHERE extname = 'timescaledb'"
_LICENCE = "SELECT current_setting('timescaledb.license')"

_ENABLE_COMPRESSION = """
    ALTER TABLE heartbeats SET (timescaledb.compress,
        timescaledb.compress_segmentby = 'device_id', timescaledb.compress_orderby = 'time')
"""
_IS_COMPRESSION_ENABLED = """
    SELECT compression_enabled FROM timescaledb_information.hypertables
    WHERE hypertable_name = 'heartbeats'
"""
_REMOVE_COMPRESSION_POLICY = "SELECT remove_compression_policy('heartbeats', if_exists => true)"
_ADD_COMPRESSION_POLICY = "SELECT add_compression_policy('heartbeats', %s::interval)"
_REMOVE_RETENTION_POLICY = "SELECT remove_retention_policy('heartbeats', if_exists => true)"
_ADD_RETENTION_POLICY = "SELECT add_retention_policy('heartbeats', %s::interval)"

_IS_ARCHIVED = "SELECT EXISTS (SELECT FROM heartbeat_archiving)"
# With its owner's rights, and not before what `jieru migrate` noted (`migrations/0048_roles.sql`).
_DROP_EXPIRED = "SELECT drop_expired_heartbeats(%s)"
_LEAVE_TO_ARCHIVE = "SELECT leave_dropping_to_archive()"


class Edition(StrEnum):
    """Which TimescaleDB a database has."""

    MISSING = "missing"
    APACHE = "apache"
    COMMUNITY = "community"


def _one(connection: psycopg.Connection, query: LiteralString, *parameters: object) -> object:
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None


def create_extension(connection: psycopg.Connection) -> None:
    """Install TimescaleDB in this database where the server has it.

    Raises:
        UserError: the server has it but does not preload it, or this user may not install it.
    """
    if _one(connection, _IS_INSTALLED) or not _one(connection, _IS_AVAILABLE):
        return
    if not _one(connection, _IS_PRELOADED):
        raise UserError(
            "TimescaleDB is installed but not loaded: put shared_preload_libraries = "
            "'timescaledb' into postgresql.conf and restart PostgreSQL."
        )
    try:
        connection.execute(_CREATE)
    except psycopg.errors.InsufficientPrivilege:
        raise UserError(
            "This database user may not install TimescaleDB: run "
            "CREATE EXTENSION timescaledb in this database as a superuser first."
        ) from None


def detect_edition(connection: psycopg.Connection) -> Edition:
    """Which TimescaleDB this database has."""
    if not _one(connection, _IS_INSTALLED):
        return Edition.MISSING
    return Edition.COMMUNITY if _one(connection, _LICENCE) == "timescale" else Edition.APACHE


def set_policies(
    connection: psycopg.Connection, *, compress_after_days: int, retention_days: int | None
) -> None:
    """Give the Community edition its compression and retention policies; others have none.

    Args:
        connection: to a database with the current schema.
        compress_after_days: age at which a chunk is compressed.
        retention_days: age at which it is dropped; None: the archive's business.
    """
    if detect_edition(connection) is not Edition.COMMUNITY:
        return
    if not _one(connection, _IS_COMPRESSION_ENABLED):
        connection.execute(_ENABLE_COMPRESSION)
    connection.execute(_REMOVE_COMPRESSION_POLICY)
    connection.execute(_ADD_COMPRESSION_POLICY, (timedelta(days=compress_after_days),))
    connection.execute(_REMOVE_RETENTION_POLICY)
    if retention_days is not None and not _one(connection, _IS_ARCHIVED):
        connection.execute(_ADD_RETENTION_POLICY, (timedelta(days=retention_days),))


def leave_dropping_to_archive(connection: psycopg.Connection) -> None:
    """From now on nothing but the archive drops heartbeats, whoever's settings say what."""
    connection.execute(_LEAVE_TO_ARCHIVE)


def drop_expired_heartbeats(connection: psycopg.Connection, *, retention_days: int) -> int:
    """Drop raw heartbeats older than the retention; several callers at once do it once.

    Returns:
        Chunks dropped, or rows deleted where heartbeats are a plain table (at most 50,000 a
        call, so that no transaction grows long); 0 for the Community edition, which does it
        by its own policy, and where heartbeats are archived.

    Raises:
        psycopg.errors.LockNotAvailable: there is too much writing just now.
    """
    if detect_edition(connection) is Edition.COMMUNITY:
        return 0
    dropped = _one(connection, _DROP_EXPIRED, retention_days)
    return dropped if isinstance(dropped, int) else 0
