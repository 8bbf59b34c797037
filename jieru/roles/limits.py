"""What no process may go beyond, whatever its settings say: noted in the database by its owner."""

from typing import Final

import psycopg

__all__ = ["note_limits", "read_presence_reach"]

_NOTE_RETENTION: Final = """
    UPDATE retention SET heartbeats_days = coalesce(%(heartbeats)s, heartbeats_days),
                         rejections_days = %(rejections)s
    WHERE (heartbeats_days, rejections_days)
          IS DISTINCT FROM (coalesce(%(heartbeats)s, heartbeats_days), %(rejections)s)
"""
_READ_REACH: Final = "SELECT presence_reach_days()"
_NOTE_REACH: Final = """
    CREATE OR REPLACE FUNCTION presence_reach_days() RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN {days}
"""


def note_limits(
    connection: psycopg.Connection,
    *,
    heartbeats_days: int | None,
    rejections_days: int,
    presence_reach_days: int,
) -> None:
    """Note how long evidence is kept at least, and how far back presence may be written.

    Args:
        connection: of the owner of the tables, in autocommit mode.
        heartbeats_days: None: it stays what it is, for dropping is the archive's business.
        rejections_days: for rejections.
        presence_reach_days: see `migrations/0048_roles.sql`.
    """
    connection.execute(
        _NOTE_RETENTION, {"heartbeats": heartbeats_days, "rejections": rejections_days}
    )
    if read_presence_reach(connection) != presence_reach_days:
        connection.execute(_NOTE_REACH.format(days=int(presence_reach_days)).encode())


def read_presence_reach(connection: psycopg.Connection) -> int:
    """How many days back an ingester may say that a device was heard in time."""
    (days,) = connection.execute(_READ_REACH).fetchone() or (0,)
    return int(days)
