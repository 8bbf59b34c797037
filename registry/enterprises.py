"""Enterprises: how one is registered, changed, ended and reopened, and which platform keeps it."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, Final

import psycopg

from jieru.i18n import marked as _
from registry.cells import Value
from registry.kinds import KINDS
from registry.refusals import ConflictError, NotKeptError
from registry.storing import enterprises_of_others
from registry.writing import (
    Revisions,
    change_record,
    create_record,
    lock_record,
    require_ended,
    require_not_ended,
    require_plausible_end,
)

__all__ = ["change_enterprise", "create_enterprise", "end_enterprise", "reopen_enterprise"]

_RELATION: Final = KINDS["enterprises"].relations[0]
_LOCK: Final = """
    SELECT id, uscc, name, district, industry_code, ended_on, revision FROM enterprises
    WHERE uscc = %(uscc)s FOR UPDATE
"""
_COUNT_OPEN: Final = """
    SELECT (SELECT count(*) FROM connections
            WHERE enterprise_id = %(id)s AND (to_date IS NULL OR to_date > %(on)s)),
           (SELECT count(*) FROM assignments
            WHERE enterprise_id = %(id)s AND (to_date IS NULL OR to_date > %(on)s))
"""
_SET_END: Final = """
    UPDATE enterprises SET ended_on = %(on)s,
                           kept_by_platform_id =
                               (SELECT id FROM platforms WHERE code = %(own_platform)s)
    WHERE id = %(id)s
"""


def create_enterprise(
    connection: psycopg.Connection,
    said: Mapping[str, Value],
    *,
    districts: Collection[str],
    own_platform: str | None,
) -> str:
    """Register an enterprise, which the platform of an operator then keeps; its uscc.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        said: by column of the import file.
        districts: those it may have.
        own_platform: the code of an operator's only platform; None: the bureau keeps it.

    Raises:
        WrongColumnsError: columns are wrong.
        ConflictError: the enterprise is registered already.
    """
    _id, row = create_record(
        connection,
        "enterprises",
        _RELATION,
        said,
        districts=districts,
        own_platform=own_platform,
    )
    return str(row.values["uscc"])


def change_enterprise(
    connection: psycopg.Connection,
    uscc: str,
    changes: Mapping[str, Value],
    revisions: Revisions,
    *,
    districts: Collection[str],
    own_platform: str | None,
) -> None:
    """Change some columns of an enterprise; the bureau keeps what the bureau changes.

    Raises:
        NotRegisteredError: there is no such enterprise.
        NotKeptError: it is not the operator's to change.
        ChangedMeanwhileError: it has another revision by now.
        WrongColumnsError: columns that change are wrong.
    """
    found = _lock_kept(connection, uscc, revisions, own_platform)
    change_record(
        connection,
        "enterprises",
        _RELATION,
        found,
        changes,
        districts=districts,
        own_platform=own_platform,
    )


def end_enterprise(
    connection: psycopg.Connection,
    uscc: str,
    on: date,
    revisions: Revisions,
    *,
    own_platform: str | None,
) -> None:
    """End an enterprise that nothing is connected or assigned to any more.

    Raises:
        NotRegisteredError: there is no such enterprise.
        NotKeptError: it is not the operator's to change.
        ChangedMeanwhileError: it has another revision by now.
        ConflictError: it has an end already, or connections or assignments of it are open.
    """
    found = _lock_kept(connection, uscc, revisions, own_platform)
    require_not_ended(found["ended_on"])
    require_plausible_end(connection, on)
    values = {"id": found["id"], "on": on, "own_platform": own_platform}
    ((connections, assignments),) = connection.execute(_COUNT_OPEN, values)
    if connections or assignments:
        raise ConflictError(
            _(
                "Still open on {on}: connections {connections}, assignments {assignments}. "
                "End them first."
            ),
            on=on,
            connections=connections,
            assignments=assignments,
        )
    connection.execute(_SET_END, values)


def reopen_enterprise(
    connection: psycopg.Connection, uscc: str, revisions: Revisions, *, own_platform: str | None
) -> None:
    """Take back the end of an enterprise; what was ended before it stays ended.

    Raises:
        NotRegisteredError: there is no such enterprise.
        NotKeptError: it is not the operator's to change.
        ChangedMeanwhileError: it has another revision by now.
        ConflictError: it has no end.
    """
    found = _lock_kept(connection, uscc, revisions, own_platform)
    require_ended(found["ended_on"])
    connection.execute(_SET_END, {"id": found["id"], "on": None, "own_platform": own_platform})


def _lock_kept(
    connection: psycopg.Connection, uscc: str, revisions: Revisions, own_platform: str | None
) -> dict[str, Any]:
    """The locked row of an enterprise that is the caller's to change."""
    if own_platform is not None and enterprises_of_others(connection, [uscc], own_platform):
        raise NotKeptError
    return lock_record(connection, _LOCK, revisions, uscc=uscc)
