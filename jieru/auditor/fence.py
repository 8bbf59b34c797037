"""The role `jieru_auditor`, under which auditors read, and what keeps it to the views of `audit`.

The roles of processes (`jieru.roles`) are made in the same go.

Whoever looks at Grafana can send SQL of his own, so privileges are the boundary and settings of the
role are not: a session can change those. Some of what PostgreSQL lets everybody do only a superuser
can take away; where `jieru migrate` runs as another user, it says what is left to do.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from jieru.errors import UserError

__all__ = ["ROLE", "fence_in"]

ROLE: Final = "jieru_auditor"

_FOLDER: Final = Path(__file__).parent / "sql" / "fence"
_FILES: Final = ("role.sql", "processes.sql", "database.sql", "catalogue.sql")
"""In this order; the last one is for superusers only."""
_ATTEMPTS: Final = 10

_IS_SUPERUSER: Final = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
_SET_PASSWORD: Final = SQL("ALTER ROLE {} PASSWORD {}")
_SETTINGS: Final = {
    ROLE: "JIERU_AUDITOR_PASSWORD",
    "jieru_api": "JIERU_DATABASE_PASSWORD_API",
    "jieru_ingest": "JIERU_DATABASE_PASSWORD_INGEST",
    "jieru_verifier": "JIERU_DATABASE_PASSWORD_VERIFIER",
    "jieru_broker": "JIERU_DATABASE_PASSWORD_BROKER",
    "jieru_archive": "JIERU_DATABASE_PASSWORD_ARCHIVE",
}
_SELECT_OPEN: Final = """
    SELECT file FROM (VALUES
        ('database.sql', has_database_privilege('public', current_database(), 'TEMPORARY')
                         OR has_schema_privilege('public', current_schema(), 'USAGE')),
        ('catalogue.sql', has_language_privilege('public', 'plpgsql', 'USAGE')
                          OR NOT has_function_privilege(to_regrole('jieru_archive')::oid,
                                                        'pg_advisory_lock(bigint)', 'EXECUTE')),
        ('processes.sql', to_regrole('jieru_archive') IS NULL
                          OR to_regrole('jieru_audit_writer') IS NULL
                          OR NOT pg_has_role(to_regrole('jieru_audit_writer')::oid, 'USAGE')
                          OR NOT pg_has_role(to_regrole('jieru_api')::oid,
                                             to_regrole('jieru_auditor')::oid, 'MEMBER'))
    ) AS fence (file, is_open)
    WHERE is_open
"""
"""The files by which something should have been taken from everybody and was not."""
_SELECT_MEMBERSHIPS: Final = """
    SELECT roleid::regrole::text FROM pg_auth_members
    WHERE member = to_regrole('jieru_auditor')::oid ORDER BY 1
"""


def fence_in(
    connection: psycopg.Connection, *, passwords: Mapping[str, str] | None = None
) -> tuple[UserError, ...]:
    """Make the role what it should be, and take from everybody what it shall not have.

    Args:
        connection: to a migrated database, outside a transaction, in autocommit mode.
        passwords: of roles; others stay as they are, and a new role has none to log in with.

    Returns:
        What is left for a superuser to do: sentences, none where all is done.
    """
    (is_superuser,) = connection.execute(_IS_SUPERUSER).fetchone() or (False,)
    left = {
        name
        for name in (_FILES if is_superuser else _FILES[:-1])
        if not _run(connection, (_FOLDER / name).read_bytes())
    }
    left.update(name for (name,) in connection.execute(_SELECT_OPEN))
    notes = []
    if left:
        notes.append(
            UserError(
                "The database roles of auditors and processes are not all made and fenced in yet, "
                "for this database user may not do it: have a superuser run {files} from {folder} "
                "in this database with psql, then run `jieru migrate` again.",
                files=", ".join(sorted(left, key=_FILES.index)),
                folder=_FOLDER,
            )
        )
    notes += [
        UserError(
            "This database user may not set the password of the role {role}: have a superuser "
            "set it, and leave {setting} empty.",
            role=role,
            setting=_SETTINGS[role],
        )
        for role, password in (passwords or {}).items()
        if not _set_password(connection, role, password)
    ]
    if memberships := [row[0] for row in connection.execute(_SELECT_MEMBERSHIPS)]:
        notes.append(
            UserError(
                "The role jieru_auditor is a member of {roles}, and may do whatever these may: "
                "revoke them, for auditors shall see the views of the schema audit only.",
                roles=", ".join(memberships),
            )
        )
    return tuple(notes)


def _set_password(connection: psycopg.Connection, role: str, password: str) -> bool:
    # Neither the statement nor the server's log shows more than the verifier.
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    statement = _SET_PASSWORD.format(Identifier(role), Literal(verifier))
    return _run(connection, statement.as_bytes(connection))


def _run(connection: psycopg.Connection, statements: bytes) -> bool:
    """Run statements all or none; whether this user may, and there was a role to run them on."""
    attempts = 0
    while True:
        try:
            connection.execute(statements)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedObject):
            return False
        except (psycopg.errors.InternalError_, psycopg.errors.UniqueViolation):
            # "tuple concurrently updated": a migration of another database changed the role.
            attempts += 1
            if attempts == _ATTEMPTS:
                raise
        else:
            return True
