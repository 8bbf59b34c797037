"""Migrations: plain `.sql` files in `migrations/`, each applied once, in order, with its record.

A file and its record are one transaction: whatever ends it, a signal or a server that stops,
leaves the database as it was before that file. Why no library does this: decision 0018.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import psycopg

from jieru.database_sessions import watching
from jieru.errors import UserError, WorldError

__all__ = [
    "MIGRATIONS",
    "Migration",
    "apply_migration",
    "apply_patiently",
    "find_pending",
    "prepare_records",
    "read_applied",
    "read_last_steps",
    "read_migrations",
]

MIGRATIONS: Final = Path(__file__).parent / "migrations"

_ATTEMPTS: Final = 10
_PAUSE_S: Final = 3.0

# While a migration waits for a table, whoever comes after it waits too, heartbeats included. Two
# seconds are longer than any batch of an ingester takes, twice what PostgreSQL needs to see a
# deadlock, and a fifth of the silence after which an ingester gives its connection up.
# Half an hour is five hundred times the largest upgrade that was measured; both hold whatever
# limits the role or the database have.
_SET_TIMEOUTS: Final = "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '30min'"

_SELECT_APPLIED: Final = "SELECT migration_id FROM schema_migrations"
_SELECT_DIGESTS: Final = "SELECT migration_id, sha256 FROM schema_migrations"
_SELECT_TRANSACTION: Final = "SELECT pg_current_xact_id()::text"
_INSERT_RECORD: Final = "INSERT INTO schema_migrations (migration_id, sha256) VALUES (%s, %s)"

_NOTE_LAST_STEP: Final = "INSERT INTO last_steps (migration_id) VALUES (%s)"
_KNOWS_LAST_STEPS: Final = "SELECT to_regclass('last_steps') IS NOT NULL"
_SELECT_LAST_STEPS: Final = "SELECT migration_id FROM last_steps"
_LAST_STEP: Final = b"-- Last step of an upgrade: "
"""How the file of a migration begins that takes away what the release before uses; it goes on with
what that is."""

_CREATE_RECORDS: Final = """
    CREATE TABLE schema_migrations (
        migration_id text NOT NULL,
        applied_at   timestamptz NOT NULL DEFAULT now(),
        sha256       text,
        PRIMARY KEY (migration_id))
"""
_ARE_YOYOS: Final = """
    SELECT EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = to_regclass('schema_migrations')
                     AND attname = 'migration_hash' AND NOT attisdropped)
"""
# Altered, not copied: rights on the table stay. Its hash is that of the name, and says nothing.
_TAKE_OVER_YOYOS: Final = """
    ALTER TABLE schema_migrations DROP COLUMN migration_hash;
    ALTER TABLE schema_migrations RENAME COLUMN applied_at_utc TO applied_at;
    ALTER TABLE schema_migrations
        ALTER migration_id TYPE text,
        ALTER applied_at TYPE timestamptz USING applied_at AT TIME ZONE 'UTC',
        ALTER applied_at SET NOT NULL,
        ALTER applied_at SET DEFAULT now(),
        ADD sha256 text;
    ALTER TABLE schema_migrations ADD PRIMARY KEY (migration_id)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    name: str
    """The file's, without `.sql`; its number comes first, so names sort in order."""
    statements: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the file, in hexadecimal digits."""
        return sha256(self.statements).hexdigest()

    @property
    def is_last_step(self) -> bool:
        """Whether it takes away what programs of the release before use."""
        return self.statements.startswith(_LAST_STEP)


def read_migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """All files of a folder, in their order."""
    return tuple(Migration(path.stem, path.read_bytes()) for path in sorted(folder.glob("*.sql")))


def read_applied(connection: psycopg.Connection) -> set[str] | None:
    """Which migrations were applied here; None: their table is not there or not readable."""
    try:
        with connection.transaction():
            return {row[0] for row in connection.execute(_SELECT_APPLIED)}
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        return None


def read_last_steps(connection: psycopg.Connection) -> set[str] | None:
    """Which applied migrations took away what the release before them used; None: not known."""
    if connection.execute(_KNOWS_LAST_STEPS).fetchone() != (True,):
        return None
    return {row[0] for row in connection.execute(_SELECT_LAST_STEPS)}


def prepare_records(connection: psycopg.Connection, database_url: str) -> None:
    """Make the table of what was applied, or take it over from yoyo, which earlier releases used.

    Args:
        connection: in autocommit mode, which holds the lock of migrations.
        database_url: for a second connection, see `apply_migration`.

    Raises:
        WorldError: somebody's transaction holds the table for long.
    """
    if read_applied(connection) is None:
        connection.execute(_CREATE_RECORDS)
        return
    (are_yoyos,) = connection.execute(_ARE_YOYOS).fetchone() or (False,)
    if are_yoyos:
        apply_patiently(
            connection,
            database_url,
            name="schema_migrations",
            work=lambda: connection.execute(_TAKE_OVER_YOYOS),
        )


def find_pending(connection: psycopg.Connection, folder: Path) -> tuple[Migration, ...]:
    """The migrations that were not applied here yet, in their order.

    Raises:
        UserError: a file is not what was applied here under its name.
    """
    applied: dict[str, str | None] = dict(connection.execute(_SELECT_DIGESTS).fetchall())
    migrations = read_migrations(folder)
    changed = [
        each.name for each in migrations if applied.get(each.name) not in {None, each.digest}
    ]
    if changed:
        raise UserError(
            "These migrations were changed after they were applied to this database: {changed}. "
            "Install the release of Jieru anew, as it was published.",
            changed=", ".join(changed),
        )
    return tuple(each for each in migrations if each.name not in applied)


def apply_migration(
    connection: psycopg.Connection, database_url: str, migration: Migration
) -> None:
    """Run a file and record it, in one transaction; tried again where somebody holds a table.

    Args:
        connection: in autocommit mode, which holds the lock of migrations.
        database_url: for a second connection that sees who holds the table, opened only then.
        migration: one that was not applied yet.

    Raises:
        WorldError: somebody's transaction holds a table for long; nothing was changed.
        RuntimeError: the file ends the transaction it runs in.
    """

    def work() -> None:
        begun = connection.execute(_SELECT_TRANSACTION).fetchone()
        connection.execute(migration.statements)
        if connection.execute(_SELECT_TRANSACTION).fetchone() != begun:
            raise RuntimeError(f"{migration.name} ends the transaction that should undo it")
        connection.execute(_INSERT_RECORD, (migration.name, migration.digest))
        if migration.is_last_step and read_last_steps(connection) is not None:
            connection.execute(_NOTE_LAST_STEP, (migration.name,))

    apply_patiently(connection, database_url, name=migration.name, work=work)


def apply_patiently(
    connection: psycopg.Connection, database_url: str, *, name: str, work: Callable[[], object]
) -> None:
    """Do it in a transaction; where that waits too long for a lock, later again.

    Args:
        connection: in autocommit mode.
        database_url: for a second connection that sees who holds the table, opened only then.
        name: of what is done, for the message.
        work: what to do; it may be done more than once.

    Raises:
        WorldError: somebody's transaction holds a table for long; nothing was changed.
    """
    if _is_done(connection, work):
        return
    with watching(database_url, connection.info.backend_pid) as find_blocker:
        for _attempt in range(_ATTEMPTS - 1):
            time.sleep(_PAUSE_S)
            if _is_done(connection, work):
                return
        blocker = find_blocker()
    raise WorldError(
        "The migration cannot go on with {name}: another transaction holds a table for long "
        "(process {pid} of the database, user {user}, application {application}, since {since}); "
        "wait for it or end it, then run `jieru migrate` again. Nothing of {name} was changed.",
        name=name,
        **blocker.described(),
    )


def _is_done(connection: psycopg.Connection, work: Callable[[], object]) -> bool:
    try:
        with connection.transaction():
            connection.execute(_SET_TIMEOUTS)
            work()
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        return False
    return True
