"""The views of schema `audit`, one for each question: plain files in `sql/views/`.

They hold no data and are made anew at every migration, so that the files say what there is.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg

from jieru.errors import UserError, WorldError

__all__ = ["create_views", "drop_views"]

_FOLDER: Final = Path(__file__).parent / "sql" / "views"
_SUBJECTS: Final = (
    "installation",
    "registry",
    "counts",
    "presence",
    "ingest",
    "records",
    "cases",
    "integrity",
    "signals",
)
"""The files, each after those whose views it uses."""
_ATTEMPTS: Final = 5

_LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '5s'"
_DROP: Final = "DROP SCHEMA IF EXISTS audit CASCADE"
_CREATE: Final = """
    CREATE SCHEMA audit;
    COMMENT ON SCHEMA audit IS
        'What auditors may see. Made anew by every `jieru migrate`: put nothing of your own here.'
"""
_GRANT: Final = """
    DO $$
    BEGIN
        IF to_regrole('jieru_auditor') IS NOT NULL THEN
            GRANT USAGE ON SCHEMA audit TO jieru_auditor;
            GRANT SELECT ON ALL TABLES IN SCHEMA audit TO jieru_auditor;
        END IF;
    END
    $$
"""
_SEND_AUDITORS_AWAY: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = 'jieru_auditor'
      AND pg_has_role(usesysid, 'USAGE')
"""


def drop_views(connection: psycopg.Connection) -> None:
    """Take all views away, so that none stands in the way of a table that changes.

    Args:
        connection: outside a transaction, in autocommit mode.

    Raises:
        UserError: this database user may not.
        WorldError: somebody's query holds them for too long.
    """
    _patiently(connection, lambda: connection.execute(_DROP))


def create_views(connection: psycopg.Connection) -> None:
    """Make all views, in the place of those that were there, all or none.

    Args:
        connection: to a migrated database, outside a transaction, in autocommit mode.

    Raises:
        UserError: this database user may not.
        WorldError: somebody's query holds those that were there for too long.
    """

    def create() -> None:
        connection.execute(_DROP)
        connection.execute(_CREATE)
        for subject in _SUBJECTS:
            connection.execute((_FOLDER / f"{subject}.sql").read_bytes())
        connection.execute(_GRANT)

    _patiently(connection, create)


def _patiently(connection: psycopg.Connection, work: Callable[[], object]) -> None:
    for _attempt in range(_ATTEMPTS):
        try:
            with connection.transaction():
                connection.execute(_LOCK_TIMEOUT)
                work()
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            # A query of an auditor who took his time limit away would hold up a migration for good.
            connection.execute(_SEND_AUDITORS_AWAY)
        except psycopg.errors.InsufficientPrivilege as error:
            raise UserError(
                "This database user may not make the schema audit anew ({reason}): it needs CREATE "
                "on the database, and must own the schema where there is one.",
                reason=error.diag.message_primary or "",
            ) from None
        else:
            return
    raise WorldError(
        "The views of the schema audit are in use and could not be made anew: try again."
    )
