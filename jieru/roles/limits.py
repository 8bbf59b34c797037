"""What no process may go beyond, whatever its settings say: noted in the database by its owner."""

from typing import Final, NamedTuple

import psycopg

__all__ = ["USUAL_LIMITS", "Limits", "note_limits", "read_presence_reach"]

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


class Limits(NamedTuple):
    """For how many days."""

    rejections_kept: int = 90
    """At least; of heartbeats the settings of storage say it."""
    presence_reach: int = 45
    """How far back an ingester may say that a device was heard in time."""


USUAL_LIMITS: Final = Limits()


def note_limits(
    connection: psycopg.Connection, limits: Limits, *, heartbeats_days: int | None
) -> None:
    """Note how long evidence is kept at least, and how far back presence may be written.

    Args:
        connection: of the owner of the tables, in autocommit mode.
        limits: what to note.
        heartbeats_days: None: it stays what it is, for dropping is the archive's business.
    """
    connection.execute(
        _NOTE_RETENTION, {"heartbeats": heartbeats_days, "rejections": limits.rejections_kept}
    )
    if read_presence_reach(connection) != limits.presence_reach:
        connection.execute(_NOTE_REACH.format(days=int(limits.presence_reach)).encode())


def read_presence_reach(connection: psycopg.Connection) -> int:
    """How many days back an ingester may say that a device was heard in time."""
    (days,) = connection.execute(_READ_REACH).fetchone() or (0,)
    return int(days)
