"""Old rejections are deleted, and old messages in others' formats.

How many rejections there were by hour, platform and reason stays for ever.
"""

from typing import Final, LiteralString

import psycopg

__all__ = ["delete_old_rejections", "delete_old_source_messages"]

_DELETE_SOURCE_MESSAGES: Final = "SELECT delete_expired_source_messages(%s, %s)"
_FEW: Final = 1_000
"""Of messages that may have 256 KiB each."""
_DELETE: Final = "SELECT delete_expired_rejections(%s, %s)"
_AT_ONCE: Final = 20_000
"""Nobody waits for a transaction that deletes millions."""


def delete_old_rejections(connection: psycopg.Connection, *, retention_days: int) -> int:
    """Delete rejections that were received longer ago; how many there were.

    Args:
        connection: outside a transaction; each part is one of its own.
        retention_days: for how long they are kept; a process that does not own the tables deletes
            none before what `jieru migrate` noted.
    """
    return _delete(connection, _DELETE, retention_days, _AT_ONCE)


def delete_old_source_messages(connection: psycopg.Connection, *, retention_days: int) -> int:
    """Delete messages in others' formats as `delete_old_rejections` does rejections.

    They are kept for as long as heartbeats are, which were read from them.
    """
    return _delete(connection, _DELETE_SOURCE_MESSAGES, retention_days, _FEW)


def _delete(
    connection: psycopg.Connection, statement: LiteralString, retention_days: int, at_once: int
) -> int:
    deleted = 0
    while True:
        (part,) = connection.execute(statement, (retention_days, at_once)).fetchone() or (0,)
        connection.commit()
        deleted += int(part)
        if part == 0:
            return deleted
