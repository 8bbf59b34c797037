"""Connections: how one is registered, changed and ended."""

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

__all__ = ["change_connection", "create_connection", "end_connection"]

_RELATION: Final = KINDS["connections"].relations[0]
_LOCK: Final = """
    SELECT platforms.code AS platform, uscc, contract_no, signed_on, from_date, to_date,
           connections.revision
    FROM connections
    JOIN platforms ON platforms.id = platform_id
    JOIN enterprises ON enterprises.id = enterprise_id
    WHERE connections.id = %(id)s FOR UPDATE OF connections
"""


def create_connection(connection: psycopg.Connection, said: Mapping[str, Value]) -> int:
    """Register a connection, whoever keeps the enterprise; its id.

    An operator connects by `registry.connection_requests`, which asks where that is needed.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        said: by column of the import file.

    Raises:
        WrongColumnsError: columns are wrong.
        ConflictError: the two are connected at that time already, or one of them has ended.
    """
    connection_id, _row = create_record(connection, "connections", _RELATION, said)
    return connection_id


def change_connection(
    connection: psycopg.Connection,
    connection_id: int,
    changes: Mapping[str, Value],
    revisions: Revisions,
) -> None:
    """Change some columns of a connection.

    Raises:
        NotRegisteredError: there is no such connection.
        ChangedMeanwhileError: it has another revision by now.
        WrongColumnsError: columns that change are wrong.
        ConflictError: its period would meet another one, or outlast what it hangs on.
    """
    found = lock_record(connection, _LOCK, revisions, id=connection_id)
    change_record(connection, "connections", _RELATION, found, changes)


def end_connection(
    connection: psycopg.Connection, connection_id: int, on: date, revisions: Revisions
) -> None:
    """End a connection.

    Raises:
        NotRegisteredError: there is no such connection.
        ChangedMeanwhileError: it has another revision by now.
        WrongColumnsError: it begins later.
        ConflictError: it has an end already.
    """
    found = lock_record(connection, _LOCK, revisions, id=connection_id)
    end_period(connection, _RELATION, found, on)
