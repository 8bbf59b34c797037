"""Other sessions of the database, as far as this user may know: who they are, and who waits."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from jieru.database import connect
from jieru.errors import WorldError

__all__ = ["UNKNOWN", "Session", "watching"]

_LOOK_EVERY_S: Final = 0.1

# The oldest transaction: the others wait themselves.
_SELECT_BLOCKER: Final = """
    SELECT blocking.pid, usename, application_name, xact_start
    FROM unnest(pg_blocking_pids(%s)) AS blocking (pid) LEFT JOIN pg_stat_activity USING (pid)
    ORDER BY xact_start NULLS LAST LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A session of the database; what PostgreSQL hides from this user is None."""

    pid: int | None
    user: str | None
    application: str | None
    since: datetime | None

    def described(self) -> dict[str, str]:
        """Its parts for a sentence; a question mark for what is not known."""
        return {
            "pid": str(self.pid or "?"),
            "user": self.user or "?",
            "application": self.application or "?",
            "since": self.since.isoformat(timespec="seconds") if self.since else "?",
        }


UNKNOWN: Final = Session(None, None, None, None)


@contextmanager
def watching(database_url: str, pid: int) -> Iterator[Callable[[], Session]]:
    """See over a second connection whom a session waits for.

    Afterwards it would be too late: who gave up no longer waits, and whoever was in its way is one
    of many.

    Yields:
        What to call for whom it waited for last.
    """
    seen = [UNKNOWN]
    stop = threading.Event()

    def look() -> None:
        try:
            with connect(database_url, autocommit=True) as connection:
                while not stop.wait(_LOOK_EVERY_S):
                    if row := connection.execute(_SELECT_BLOCKER, (pid,)).fetchone():
                        seen[0] = Session(*row)
        except (psycopg.Error, WorldError):
            return  # no connection to spare: the sentence then has no name

    thread = threading.Thread(target=look, name="who-is-in-the-way", daemon=True)
    thread.start()
    try:
        yield lambda: seen[0]
    finally:
        stop.set()
        thread.join()
