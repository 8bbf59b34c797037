"""Recognitions: how one is registered, changed and revoked."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import psycopg

from registry.cells import Value
from registry.kinds import KINDS
from registry.writing import (
    Revisions,
    change_record,
    create_record,
    end_period,
    lock_record,
)

__all__ = ["change_recognition", "create_recognition", "end_recognition"]

_RELATION: Final = KINDS["recognitions"].relations[0]
_LOCK: Final = """
    SELECT platforms.code AS platform, level, recognised_on, revoked_on, recognitions.revision
    FROM recognitions JOIN platforms ON platforms.id = platform_id
    WHERE recognitions.id = %(id)s FOR UPDATE OF recognitions
"""


def create_recognition(
    connection: psycopg.Connection, said: Mapping[str, Value], *, own_platform: str | None = None
) -> int:
    """Register a recognition; its id.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        said: by column of the import file.
        own_platform: the code of an operator's only platform.

    Raises:
        WrongColumnsError: columns are wrong.
        ConflictError: the platform had this level already.
    """
    recognition_id, _row = create_record(
        connection, "recognitions", _RELATION, said, own_platform=own_platform
    )
    return recognition_id


def change_recognition(
    connection: psycopg.Connection,
    recognition_id: int,
    changes: Mapping[str, Value],
    revisions: Revisions,
) -> None:
    """Change until when a recognition holds; without a change it keeps its revision.

    Raises:
        NotRegisteredError: there is no such recognition.
        ChangedMeanwhileError: it has another revision by now.
        WrongColumnsError: the end is wrong.
        ConflictError: the platform would have this level twice.
    """
    found = lock_record(connection, _LOCK, revisions, id=recognition_id)
    if changes:
        change_record(connection, "recognitions", _RELATION, found, changes)


def end_recognition(
    connection: psycopg.Connection, recognition_id: int, on: date, revisions: Revisions
) -> None:
    """Revoke a recognition.

    Raises:
        NotRegisteredError: there is no such recognition.
        ChangedMeanwhileError: it has another revision by now.
        WrongColumnsError: it begins later.
        ConflictError: it has an end already.
    """
    found = lock_record(connection, _LOCK, revisions, id=recognition_id)
    end_period(connection, _RELATION, found, on)
