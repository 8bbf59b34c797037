"""One migration of a database at a time: a lock that ends with the session that holds it.

Nothing is left of it when a migration is killed. It needs a session of its own, so `jieru migrate`
does not go through a pooler that lends sessions for a transaction.
"""

import time
from typing import Final

import psycopg

from jieru.database_sessions import UNKNOWN, Session
from jieru.errors import WorldError

__all__ = ["wait_for_turn"]

_PATIENCE_S: Final = 60.0
_ASK_EVERY_S: Final = 0.2

# Asked again and again, since whoever waits inside a statement keeps a snapshot, and with it rows
# from being cleaned up.
_TRY: Final = "SELECT pg_try_advisory_lock(hashtext('jieru'), hashtext('migration'))"
_SELECT_HOLDER: Final = """
    SELECT pid, usename, application_name, backend_start
    FROM pg_locks LEFT JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid = hashtext('jieru')::oid AND objid = hashtext('migration')::oid
"""


def wait_for_turn(connection: psycopg.Connection) -> None:
    """Take the lock, for as long as this session lasts; wait where another migration holds it.

    The server looks after a session of ours (`jieru.database_options`), so that it ends within
    seconds when we do, even in the middle of a statement.

    Args:
        connection: in autocommit mode.

    Raises:
        WorldError: the other migration takes longer than a minute; the message names it.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while connection.execute(_TRY).fetchone() != (True,):
        if time.monotonic() >= deadline:
            row = connection.execute(_SELECT_HOLDER).fetchone()
            holder = Session(*row) if row else UNKNOWN
            raise WorldError(
                "Another migration of this database is running (process {pid} of the database, "
                "user {user}, application {application}, since {since}): wait until it has ended, "
                "then run this one again.",
                **holder.described(),
            )
        time.sleep(_ASK_EVERY_S)
