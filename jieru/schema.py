"""The schema of a database: made, upgraded, and checked to be the one this program knows."""

from collections.abc import Mapping
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Final

import psycopg

from jieru.auditor.fence import ROLE as AUDITOR
from jieru.auditor.fence import fence_in
from jieru.auditor.views import create_views, drop_views
from jieru.database import connect
from jieru.database_options import WATCHED_WORK
from jieru.errors import UserError, WorldError
from jieru.migrating import (
    MIGRATIONS,
    apply_migration,
    apply_patiently,
    find_pending,
    prepare_records,
    read_applied,
    read_last_steps,
    read_migrations,
)
from jieru.migration_lock import wait_for_turn
from jieru.ownership import explain_missing_schema, require_ownership
from jieru.roles.granting import give_audit_away, grant_all, pin_functions
from jieru.roles.limits import USUAL_LIMITS, Limits, note_limits
from jieru.suitable_server import require_suitable_server
from jieru.timescale import create_extension, set_policies

__all__ = ["migrate", "require_current_schema"]

_NAME: Final = "jieru migrate"
"""What other sessions see while a migration keeps them waiting."""
_SELECT_IS_SIMULATION: Final = "SELECT is_simulation FROM installation"
_INSERT_INSTALLATION: Final = "INSERT INTO installation (is_simulation) VALUES (%s)"


def migrate(  # noqa: PLR0913 - the options of a command
    database_url: str,
    *,
    simulation: bool = False,
    compress_after_days: int = 14,
    retention_days: int | None = 1_830,
    limits: Limits = USUAL_LIMITS,
    role_passwords: Mapping[str, str] | None = None,
    auditor_password: str = "",
    folder: Path = MIGRATIONS,
    is_first_step: bool = False,
) -> tuple[UserError, ...]:
    """Create or upgrade the schema; a second run changes nothing but the storage policies.

    The views of auditors and the fence around their role are made anew each time. All of it is
    done by one session, which holds the lock of migrations: killed at any moment, the next run
    goes on where this one was.

    Args:
        database_url: a PostgreSQL address.
        simulation: marks a new database as a simulation, for good.
        compress_after_days: see `Settings.heartbeat_compress_after_days`.
        retention_days: see `Settings.heartbeat_retention_days`; None: dropping is the archive's
            business.
        limits: what no process may go beyond.
        role_passwords: see `Settings.role_passwords`.
        auditor_password: of the role jieru_auditor, as one of them.
        folder: where the migrations are.
        is_first_step: do only what programs of the release before can live with; the rest is for
            a second run, when none of them runs any more.

    Returns:
        What this database user may not do and a superuser should: sentences, mostly none.

    Raises:
        UserError: server or database are not suitable, the schema is newer than this program or
            made of other files, this database user may not make it or does not own it, or a
            simulation mark is asked for on a database that was made without it.
        WorldError: the database cannot be reached, another migration goes on for long, or somebody
            holds a table for long.
    """
    with connect(
        database_url, autocommit=True, application_name=_NAME, work=WATCHED_WORK
    ) as connection:
        require_suitable_server(connection)
        require_ownership(connection, has_tables=read_applied(connection) is not None)
        wait_for_turn(connection)
        applied = read_applied(connection) or set()
        _refuse_newer(applied, known=_names(folder))
        if applied and simulation and not _is_simulation(connection):
            raise UserError(
                "This database was made without --simulation and cannot become a simulation; "
                "use a new one."
            )
        create_extension(connection)
        prepare_records(connection, database_url)
        _apply_pending(connection, database_url, folder, is_first_step=is_first_step)
        auditors = {AUDITOR: auditor_password} if auditor_password else {}
        notes = fence_in(connection, passwords={**(role_passwords or {}), **auditors})
        pin_functions(connection)
        is_given = _give_audit_away(connection, database_url)
        # Where roles are still to be made, that is what has to be done first.
        if not is_given and not notes:
            notes += (
                UserError(
                    "This database user may not give the audit to the role jieru_audit_writer, so "
                    "whoever has this user's rights can write into it: have a superuser grant the "
                    "role to it and make it the owner of the schema, then run `jieru migrate` "
                    "again."
                ),
            )
        grant_all(connection, is_taking=not is_first_step)
        note_limits(connection, limits, heartbeats_days=retention_days)
        create_views(connection)

        def set_storage_policies() -> None:
            set_policies(
                connection, compress_after_days=compress_after_days, retention_days=retention_days
            )

        if connection.execute(_SELECT_IS_SIMULATION).fetchone() is None:
            connection.execute(_INSERT_INSTALLATION, (simulation,))
        apply_patiently(connection, database_url, name="heartbeats", work=set_storage_policies)
    return notes


def _apply_pending(
    connection: psycopg.Connection, database_url: str, folder: Path, *, is_first_step: bool
) -> None:
    pending = find_pending(connection, folder)
    if is_first_step:
        pending = tuple(takewhile(lambda each: not each.is_last_step, pending))
    if not pending:
        return
    drop_views(connection)
    try:
        for migration in pending:
            apply_migration(connection, database_url, migration)
    except BaseException:
        _restore_views(connection)
        raise


def _give_audit_away(connection: psycopg.Connection, database_url: str) -> bool:
    """Let the audit be its own role's, once nobody's transaction holds its tables."""
    is_given = False

    def work() -> None:
        nonlocal is_given
        is_given = give_audit_away(connection)

    try:
        apply_patiently(connection, database_url, name="audit_entries", work=work)
    except BaseException:
        _restore_views(connection)
        raise
    return is_given


def _names(folder: Path) -> set[str]:
    return {each.name for each in read_migrations(folder)}


def _restore_views(connection: psycopg.Connection) -> None:
    """Give auditors their views back after a migration that failed, where they fit the tables."""
    with suppress(psycopg.Error, UserError, WorldError):
        create_views(connection)


def require_current_schema(connection: psycopg.Connection) -> None:
    """Check that the schema is one that this program can work on.

    That is its own; its own before the last step of its upgrade; or a newer one, as long as nothing
    was taken away that this program uses.

    Raises:
        UserError: it is missing, older, newer or not this user's; the message says what to do.
    """
    applied = read_applied(connection)
    if not applied:
        raise explain_missing_schema(connection)
    migrations = read_migrations()
    unknown = applied - {each.name for each in migrations}
    if unknown:
        last_steps = read_last_steps(connection)
        _refuse_newer(unknown if last_steps is None else unknown & last_steps, known=set())
    missing = {each.name for each in migrations if not each.is_last_step} - applied
    if missing:
        raise UserError(
            "The database's schema is older than this program (missing: {missing}): "
            "run `jieru migrate` first.",
            missing=", ".join(sorted(missing)),
        )


def _refuse_newer(applied: set[str], *, known: set[str]) -> None:
    if applied - known:
        raise UserError(
            "The database's schema is newer than this program (unknown: {unknown}): "
            "install the newer release of Jieru.",
            unknown=", ".join(sorted(applied - known)),
        )


def _is_simulation(connection: psycopg.Connection) -> bool:
    row = connection.execute(_SELECT_IS_SIMULATION).fetchone()
    return row is None or bool(row[0])
