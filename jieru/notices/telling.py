"""Telling: an event is written down once, with everybody who hears of it, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import psycopg
from psycopg.types.json import Jsonb

from jieru.notices.kinds import KINDS, Kind

__all__ = ["Notice", "tell"]

_INSERT: Final = """
    INSERT INTO notices (event_key, kind, platform_id, said, path, happened_at, told_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (event_key) DO NOTHING RETURNING id
"""
# An operator is of one platform, and hears of nothing else.
_RING: Final = """
    WITH hearing AS (
        SELECT id FROM users
        WHERE disabled_at IS NULL AND role = ANY (%(roles)s)
          AND (role <> 'operator' OR platform_id = %(platform_id)s)
          AND NOT ('user:' || name = ANY (%(without)s))),
    rung AS (
        INSERT INTO notice_readers (notice_id, user_id) SELECT %(notice_id)s, id FROM hearing
        ON CONFLICT DO NOTHING)
    INSERT INTO notice_deliveries (notice_id, channel_id)
    SELECT %(notice_id)s, c.id FROM notice_channels c JOIN hearing ON hearing.id = c.user_id
    WHERE c.left_at IS NULL AND %(kind)s = ANY (c.kinds)
    ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Notice:
    """One event that people should hear of."""

    event_key: str
    """What happened; the same key twice is one notice."""
    kind: Kind
    happened_at: datetime
    path: str
    """The page of the console where one does something about it."""
    said: Mapping[str, str | int] = field(default_factory=dict)
    """What fills the sentence of the kind."""
    platform_id: int | None = None
    """Whose operators hear of it; None: no operator does."""
    without: tuple[str, ...] = ()
    """Who is not told, as `user:NAME`: whoever did it, or may not do what comes next."""


def tell(connection: psycopg.Connection, notice: Notice, *, now: datetime) -> bool:
    """Tell everybody whose matter it is, once the caller's transaction is committed.

    Returns:
        Whether it is new.
    """
    with connection.transaction():
        values = (Jsonb(dict(notice.said)), notice.path, notice.happened_at, now)
        key = (notice.event_key, notice.kind, notice.platform_id)
        row = connection.execute(_INSERT, (*key, *values)).fetchone()
        if row is None:
            return False
        roles = list(KINDS[notice.kind].roles)
        connection.execute(
            _RING,
            {
                "notice_id": row[0],
                "roles": roles,
                "platform_id": notice.platform_id,
                "kind": notice.kind,
                "without": list(notice.without),
            },
        )
    return True
