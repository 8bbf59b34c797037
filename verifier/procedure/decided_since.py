"""What was decided on the enterprises of a draft since it was made, and what was seen and kept.

A draft says in each entry which decisions it knows, so no clock is asked: what it does not know, or
knows otherwise, is later than it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

import psycopg
from psycopg.rows import class_row

from verifier.counting.registry import DecisionKind
from verifier.procedure.records import CountRecord
from verifier.procedure.states import RUNNING

__all__ = ["DecidedSince", "Kept", "LaterKind", "decided_since", "list_kept"]

LaterKind: TypeAlias = DecisionKind | Literal["close"]
"""`close`: the count does not wait for a pending one."""

_SELECT_DECISIONS: Final = """
    SELECT c.platform, c.uscc, c.name, c.outcome, d.id AS number, d.kind, d.criterion, d.value,
           d.withdrawn_at IS NOT NULL AS is_withdrawn,
           coalesce(d.withdrawn_reason, d.reason) AS reason,
           coalesce(d.withdrawn_by, d.decided_by) AS by,
           coalesce(d.withdrawn_at, d.decided_at) AS at
    FROM decisions d
    JOIN platforms p ON p.id = d.platform_id
    JOIN enterprises e ON e.id = d.enterprise_id
    JOIN count_determinations c ON c.platform = p.code AND c.uscc = e.uscc
    WHERE c.count_id = %(count)s AND d.kind <> 'keep'
      AND NOT (d.needs_second AND d.confirmed_at IS NULL AND d.withdrawn_at IS NULL)
      AND (%(uscc)s::text IS NULL OR c.uscc = %(uscc)s)
      AND (%(platform)s::text IS NULL OR c.platform = %(platform)s)
      AND NOT EXISTS (
          SELECT FROM jsonb_array_elements(c.entry -> 'decisions') AS known
          WHERE (known ->> 'id')::integer = d.id
            AND (known ->> 'withdrawn_at' IS NULL) = (d.withdrawn_at IS NULL)
            AND (known ->> 'confirmed_at' IS NULL) = (d.confirmed_at IS NULL))
    ORDER BY d.id
"""
_SELECT_CLOSINGS: Final = """
    SELECT c.platform, c.uscc, c.name, c.outcome, l.id AS number, 'close' AS kind,
           NULL AS criterion, NULL::integer AS value,
           l.withdrawn_at IS NOT NULL AS is_withdrawn,
           coalesce(l.withdrawn_reason, l.reason) AS reason,
           coalesce(l.withdrawn_by, l.closed_by) AS by,
           coalesce(l.withdrawn_at, l.closed_at) AS at
    FROM pending_closings l
    JOIN platforms p ON p.id = l.platform_id
    JOIN enterprises e ON e.id = l.enterprise_id
    JOIN counts n ON n.id = %(count)s AND n.year = l.year
    JOIN count_determinations c ON c.count_id = n.id AND c.platform = p.code AND c.uscc = e.uscc
    WHERE (%(uscc)s::text IS NULL OR c.uscc = %(uscc)s)
      AND (%(platform)s::text IS NULL OR c.platform = %(platform)s)
      AND (coalesce((c.entry -> 'closing' ->> 'id')::integer, 0) = l.id)
          <> (l.withdrawn_at IS NULL)
    ORDER BY l.id
"""
_SELECT_KEPT: Final = """
    SELECT p.code AS platform, e.uscc, d.id AS number, d.reason, d.decided_by AS by,
           d.decided_at AS at
    FROM decisions d
    JOIN platforms p ON p.id = d.platform_id
    JOIN enterprises e ON e.id = d.enterprise_id
    WHERE d.kind = 'keep' AND d.withdrawn_at IS NULL
      AND d.decided_at >= (SELECT min(opened_at) FROM counts WHERE year = %(year)s)
      AND (%(uscc)s::text IS NULL OR e.uscc = %(uscc)s)
      AND (%(platform)s::text IS NULL OR p.code = %(platform)s)
    ORDER BY p.code COLLATE "C", d.id
"""


@dataclass(frozen=True, slots=True)
class DecidedSince:
    """A decision or a closing that the draft does not know, or knows otherwise.

    One that waits for a second person has no effect yet, and is listed as waiting.
    """

    platform: str
    uscc: str
    name: str
    outcome: str
    """What the draft says of the enterprise."""
    number: int
    """Of the decision or the closing."""
    kind: LaterKind
    criterion: str | None
    """Of a waiver, as the value it sets."""
    value: int | None
    is_withdrawn: bool
    """Then reason, person and time are those of the withdrawal."""
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """An enterprise of a platform that was looked at and stays as it is."""

    platform: str
    uscc: str
    number: int
    """Of the decision."""
    reason: str
    by: str
    at: datetime


def decided_since(
    connection: psycopg.Connection,
    record: CountRecord,
    *,
    platform: str | None = None,
    uscc: str | None = None,
) -> list[DecidedSince]:
    """What was decided since the draft of a count that is not frozen; of one case if named."""
    if record.state not in RUNNING:
        return []
    values = {"count": record.id, "platform": platform, "uscc": uscc}
    with connection.cursor(row_factory=class_row(DecidedSince)) as cursor:
        return [
            each
            for question in (_SELECT_DECISIONS, _SELECT_CLOSINGS)
            for each in cursor.execute(question, values).fetchall()
        ]


def list_kept(
    connection: psycopg.Connection,
    year: int,
    *,
    platform: str | None = None,
    uscc: str | None = None,
) -> list[Kept]:
    """The decisions that something stays as it is, which stand and were made in a year's count.

    Whoever looked before the year's first count was opened looked at the evidence of another year.
    """
    values = {"year": year, "platform": platform, "uscc": uscc}
    with connection.cursor(row_factory=class_row(Kept)) as cursor:
        return cursor.execute(_SELECT_KEPT, values).fetchall()
