"""Which records changed since a count was computed, by the entries of the audit."""

from dataclasses import dataclass
from typing import Final

import psycopg

__all__ = ["Touched", "has_changed_since", "touched_since"]

# What a count rests on. Presence is not audited: no heartbeat changes it once its days are final.
_RECORD_KINDS: Final = [
    "platforms",
    "recognitions",
    "enterprises",
    "connections",
    "devices",
    "assignments",
    "decisions",
    "opening_stocks",
    "pending_closings",
    "confirmations",
]
_SELECT_CHANGE_SINCE = """
    SELECT EXISTS (SELECT FROM audit_entries WHERE number > %s AND record_kind = ANY (%s))
"""
_SELECT_TOUCHED_ENTERPRISES = """
    WITH changed AS MATERIALIZED (
        SELECT record_kind, record_id::integer AS record_id, before, after
        FROM audit_entries WHERE number > %(since)s AND record_kind = ANY (%(kinds)s)
    ), touched AS (
        SELECT record_id AS id FROM changed WHERE record_kind = 'enterprises'
        UNION
        SELECT (said ->> 'enterprise_id')::integer
        FROM changed CROSS JOIN LATERAL (VALUES (before), (after)) AS sides (said)
        UNION
        SELECT a.enterprise_id FROM changed JOIN assignments a ON a.device_id = record_id
        WHERE record_kind = 'devices'
        UNION
        SELECT c.enterprise_id FROM changed
        JOIN connections c ON c.id = (after ->> 'connection_id')::integer
        WHERE record_kind = 'confirmations'
    )
    SELECT e.uscc FROM touched JOIN enterprises e USING (id)
    ORDER BY e.uscc COLLATE "C" LIMIT %(limit)s
"""
_SELECT_TOUCHED_PLATFORMS = """
    SELECT p.code FROM platforms p
    WHERE p.id IN (
        SELECT CASE record_kind WHEN 'platforms' THEN record_id ELSE platform_id END
        FROM audit_entries WHERE number > %s AND record_kind IN ('platforms', 'recognitions'))
    ORDER BY p.code COLLATE "C"
"""


@dataclass(frozen=True, slots=True)
class Touched:
    """Whose records changed."""

    uscc: tuple[str, ...]
    """Of enterprises, in order; as many as were asked for at most."""
    platforms: tuple[str, ...]
    """Codes of those whose own record or recognitions changed."""


def has_changed_since(connection: psycopg.Connection, change: int) -> bool:
    """Whether a record that a count rests on changed after this audit entry."""
    row = connection.execute(_SELECT_CHANGE_SINCE, (change, _RECORD_KINDS)).fetchone()
    return row is None or bool(row[0])


def touched_since(connection: psycopg.Connection, change: int, *, limit: int) -> Touched:
    """Whose records changed after this audit entry.

    Args:
        connection: where to look.
        change: number of the entry.
        limit: how many enterprises to name at most.
    """
    values = {"since": change, "kinds": _RECORD_KINDS, "limit": limit}
    return Touched(
        uscc=tuple(row[0] for row in connection.execute(_SELECT_TOUCHED_ENTERPRISES, values)),
        platforms=tuple(row[0] for row in connection.execute(_SELECT_TOUCHED_PLATFORMS, (change,))),
    )
