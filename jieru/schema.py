"""The schema: plain `.sql` files in `migrations/`, each applied once, in order, by yoyo."""

import logging
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict
from yoyo import get_backend, read_migrations
from yoyo.exceptions import LockTimeout

from jieru.auditor.fence import fence_in
from jieru.auditor.views import create_views, drop_views
from jieru.database import connect
from jieru.errors import UserError, WorldError
from jieru.ownership import explain_missing_schema, require_ownership
from jieru.timescale import create_extension, set_policies

__all__ = ["migrate", "require_current_schema"]

_FOLDER = Path(__file__).parent / "migrations"
_TABLE = "schema_migrations"

_SELECT_APPLIED = "SELECT migration_id FROM schema_migrations"
_SELECT_IS_SIMULATION = "SELECT is_simulation FROM installation"
_INSERT_INSTALLATION = "INSERT INTO installation (is_simulation) VALUES (%s)"


def _available() -> set[str]:
    return {path.stem for path in _FOLDER.glob("*.sql")}


def _yoyo_url(database_url: str) -> str:
    """The same address in the one form yoyo reads: every part beyond the name as a parameter."""
    parts = conninfo_to_dict(database_url)
    name = quote(str(parts.pop("dbname", "") or ""))
    parameters = {key: str(value) for key, value in parts.items() if value is not None}
    return f"postgresql+psycopg:///{name}?{urlencode(parameters, quote_via=quote)}"


def _applied(connection: psycopg.Connection) -> set[str] | None:
    """Which migrations were applied here; None: their table is not there or not readable."""
    try:
        with connection.transaction():
            return {row[0] for row in connection.execute(_SELECT_APPLIED)}
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        return None


def migrate(
    database_url: str,
    *,
    simulation: bool = False,
    compress_after_days: int = 14,
    retention_days: int | None = 1_830,
    auditor_password: str = "",
) -> tuple[UserError, ...]:
    """Create or upgrade the schema; a second run changes nothing but the storage policies.

    The views of auditors and the fence around their role are made anew each time.

    Args:
        database_url: a PostgreSQL address.
        simulation: marks a new database as a simulation, for good.
        compress_after_days: see `Settings.heartbeat_compress_after_days`.
        retention_days: see `Settings.heartbeat_retention_days`; None: dropping is the archive's
            business.
        auditor_password: see `Settings.auditor_password`.

    Returns:
        What this database user may not do and a superuser should: sentences, mostly none.

    Raises:
        UserError: the schema is newer than this program, this database user may not make it or
            does not own it, or a simulation mark is asked for on a database that was made without
            it.
        WorldError: the database cannot be reached, or another migration holds its lock.
    """
    with connect(database_url, autocommit=True) as connection:
        applied = _applied(connection)
        require_ownership(connection, has_tables=applied is not None)
        _refuse_newer(applied or set())
        if applied and simulation and not _is_simulation(connection):
            raise UserError(
                "This database was made without --simulation and cannot become a simulation; "
                "use a new one."
            )
        create_extension(connection)
    logging.getLogger("yoyo.migrations").setLevel(logging.WARNING)
    backend = get_backend(_yoyo_url(database_url), migration_table=_TABLE)
    try:
        with backend.lock(timeout=60), connect(database_url, autocommit=True) as connection:
            migrations = backend.to_apply(read_migrations(str(_FOLDER)))
            if migrations:
                drop_views(connection)
            try:
                backend.apply_migrations(migrations)
            except Exception:
                _restore_views(connection)
                raise
            notes = fence_in(connection, password=auditor_password)
            create_views(connection)
    except LockTimeout:
        raise WorldError(
            "Another migration of this database is running or died: wait for it, or run "
            "`yoyo break-lock` on the database if none runs."
        ) from None
    finally:
        backend.connection.close()
    with connect(database_url) as connection:
        if connection.execute(_SELECT_IS_SIMULATION).fetchone() is None:
            connection.execute(_INSERT_INSTALLATION, (simulation,))
        set_policies(
            connection, compress_after_days=compress_after_days, retention_days=retention_days
        )
    return notes


def _restore_views(connection: psycopg.Connection) -> None:
    """Give auditors their views back after a migration that failed, where they fit the tables."""
    with suppress(psycopg.Error, UserError, WorldError):
        create_views(connection)


def require_current_schema(connection: psycopg.Connection) -> None:
    """Check that the schema is the one this program was written for.

    Raises:
        UserError: it is missing, older, newer or not this user's; the message says what to do.
    """
    applied = _applied(connection)
    if not applied:
        raise explain_missing_schema(connection)
    _refuse_newer(applied)
    if _available() - applied:
        raise UserError(
            "The database's schema is older than this program (missing: {missing}): "
            "run `jieru migrate` first.",
            missing=", ".join(sorted(_available() - applied)),
        )


def _refuse_newer(applied: set[str]) -> None:
    if applied - _available():
        raise UserError(
            "The database's schema is newer than this program (unknown: {unknown}): "
            "install the newer release of Jieru.",
            unknown=", ".join(sorted(applied - _available())),
        )


def _is_simulation(connection: psycopg.Connection) -> bool:
    row = connection.execute(_SELECT_IS_SIMULATION).fetchone()
    return row is None or bool(row[0])
