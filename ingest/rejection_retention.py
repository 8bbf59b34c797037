"""Old rejections are deleted; how many there were by hour, platform and reason stays for ever."""

from typing import Final

import psycopg

__all__ = ["delete_old_rejections"]

# So many at a time: nobody waits for a transaction that deletes millions.
_DELETE: Final = """
    DELETE FROM rejections WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM rejections WHERE received_at < now() - make_interval(days => %s)
        ORDER BY received_at LIMIT 20000))
"""


def delete_old_rejections(connection: psycopg.Connection, *, retention_days: int) -> int:
    """Delete rejections that were received longer ago; how many there were.

    Args:
        connection: outside a transaction; each part is one of its own.
        retention_days: for how long they are kept.
    """
    deleted = 0
    while True:
        part = connection.execute(_DELETE, (retention_days,)).rowcount
        connection.commit()
        deleted += part
        if part == 0:
            return deleted
