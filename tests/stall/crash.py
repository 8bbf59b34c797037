"""What breaks the parts themselves, and heals: each kind of crash."""

import time
from typing import Final

import psycopg

from jieru.database import connect
from jieru.errors import WorldError
from tests.stall.schedule import Event, Kind
from tests.stall.stage import DOCUMENTS, TEMPORARY, Stage

__all__ = ["crash"]

_BACKEND_OF_API: Final = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND usename = 'jieru_api' ORDER BY state = 'active' DESC, pid
"""
_PATIENCE_S: Final = 60.0
_POLL_S: Final = 0.2


def crash(event: Event, parts: Stage) -> None:
    """Let it happen, and heal it after its time."""
    first = parts.serves[0]
    match event.kind:
        case Kind.KILL_SERVE:
            first.kill()
            time.sleep(event.for_s)
            first.start_again()
        case Kind.TERMINATE_SERVE:
            first.terminate()
            first.start_again()
        case Kind.KILL_BACKEND:
            _kill_backend(parts)
        case Kind.RESTART_DATABASE:
            parts.server.stop()
            time.sleep(event.for_s)
            parts.server.start()
        case Kind.FULL_TEMPORARY:
            _fill(parts, TEMPORARY, event.for_s)
        case Kind.FULL_DOCUMENTS:
            _fill(parts, DOCUMENTS, event.for_s)
        case _:
            raise ValueError(f"{event.kind} is no crash")


def _kill_backend(parts: Stage) -> None:
    """SIGKILL one session of `serve`, at which PostgreSQL ends all others and recovers."""
    try:
        with connect(parts.url, autocommit=True) as connection:
            row = connection.execute(_BACKEND_OF_API).fetchone()
    except (psycopg.OperationalError, WorldError):  # another crash is at it already
        return
    if row is not None:
        parts.server.kill_process(row[0])
    deadline = time.monotonic() + _PATIENCE_S
    while not parts.server.answers and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _fill(parts: Stage, disk: str, for_s: float) -> None:
    parts.disks.fill(disk)
    try:
        time.sleep(for_s)
    finally:
        parts.disks.free(disk)
