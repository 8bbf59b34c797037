"""Old rejections are deleted; how many there were by hour, platform and reason stays for ever."""

from typing import Final

import psycopg

__all__ = ["delete_old_rejections"]

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
    deleted = 0
    while True:
        (part,) = connection.execute(_DELETE, (retention_days, _AT_ONCE)).fetchone() or (0,)
        connection.commit()
        deleted += int(part)
        if part == 0:
            return deleted
