"""Platforms: how one is registered, changed, ended and reopened."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import psycopg

from jieru.i18n import marked as _
from registry.cells import Value
from registry.kinds import KINDS
from registry.refusals import ConflictError
from registry.writing import (
    Revisions,
    change_record,
    create_record,
    lock_record,
    require_ended,
    require_not_ended,
    require_plausible_end,
)

__all__ = ["change_platform", "create_platform", "end_platform", "reopen_platform"]

_RELATION: Final = KINDS["platforms"].relations[0]
_LOCK: Final = """
    SELECT id, code, name, operator_uscc, ended_on, revision FROM platforms WHERE code = %(code)s
    FOR UPDATE
"""
_COUNT_OPEN_CONNECTIONS: Final = """
    SELECT count(*) FROM connections
    WHERE platform_id = %(id)s AND (to_date IS NULL OR to_date > %(on)s)
"""
_SET_END: Final = "UPDATE platforms SET ended_on = %(on)s WHERE id = %(id)s"
_REVOKE_CREDENTIALS: Final = """
    UPDATE credentials SET revoked_at = now() WHERE platform_id = %(id)s AND revoked_at IS NULL
"""


def create_platform(connection: psycopg.Connection, said: Mapping[str, Value]) -> str:
    """Register a platform; its code.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        said: by column of the import file.

    Raises:
        WrongColumnsError: columns are wrong.
        ConflictError: the platform is registered already.
    """
    _id, row = create_record(connection, "platforms", _RELATION, said)
    return str(row.values["code"])


def change_platform(
    connection: psycopg.Connection, code: str, changes: Mapping[str, Value], revisions: Revisions
) -> None:
    """Change some columns of a platform.

    Raises:
        NotRegisteredError: there is no such platform.
        ChangedMeanwhileError: it has another revision by now.
        WrongColumnsError: columns that change are wrong.
    """
    found = lock_record(connection, _LOCK, revisions, code=code)
    change_record(connection, "platforms", _RELATION, found, changes)


def end_platform(
    connection: psycopg.Connection, code: str, on: date, revisions: Revisions, *, today: date
) -> None:
    """End a platform whose connections have ended; all its credentials are revoked.

    They stay as they are while the end lies ahead.

    Raises:
        NotRegisteredError: there is no such platform.
        ChangedMeanwhileError: it has another revision by now.
        ConflictError: it has an end already, or connections of it are open.
    """
    found = lock_record(connection, _LOCK, revisions, code=code)
    require_not_ended(found["ended_on"])
    require_plausible_end(connection, on)
    values = {"id": found["id"], "on": on}
    ((count,),) = connection.execute(_COUNT_OPEN_CONNECTIONS, values)
    if count:
        raise ConflictError(
            _("Connections of it that are still open on {on}: {count}. End them first."),
            on=on,
            count=count,
        )
    connection.execute(_SET_END, values)
    if on <= today:
        connection.execute(_REVOKE_CREDENTIALS, values)


def reopen_platform(connection: psycopg.Connection, code: str, revisions: Revisions) -> None:
    """Take back the end of a platform; credentials that were revoked stay so.

    Raises:
        NotRegisteredError: there is no such platform.
        ChangedMeanwhileError: it has another revision by now.
        ConflictError: it has no end.
    """
    found = lock_record(connection, _LOCK, revisions, code=code)
    require_ended(found["ended_on"])
    connection.execute(_SET_END, {"id": found["id"], "on": None})
