"""What happened is found in the database, again and again, and told once by its key.

Nobody has to be told of an event when it happens: whoever finds it later finds the same key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from jieru.calendar import SHANGHAI
from jieru.notices.kinds import Kind
from jieru.notices.silences import tell_silences
from jieru.notices.telling import Notice, tell

__all__ = ["find_and_tell"]

# Two followers find the same: one after the other.
_SINCE: Final = "SELECT since_at FROM notice_following FOR UPDATE"
_Row = Mapping[str, Any]

_FIRST_HEARTBEATS: Final = """
    SELECT DISTINCT ON (a.enterprise_id, d.platform_id)
           d.platform_id, p.code AS platform, e.uscc, e.name AS enterprise, e.id AS enterprise_id,
           s.last_seen_at AS happened_at
    FROM connections n
    JOIN assignments a ON a.enterprise_id = n.enterprise_id
    JOIN devices d ON d.id = a.device_id AND d.platform_id = n.platform_id
    JOIN device_states s ON s.device_id = d.id
    JOIN enterprises e ON e.id = n.enterprise_id
    JOIN platforms p ON p.id = n.platform_id
    WHERE n.recorded_at >= %(since)s AND n.recorded_at >= %(now)s - interval '400 days'
      AND NOT EXISTS (SELECT FROM notices t WHERE t.event_key =
                      'first_heartbeat/' || d.platform_id || '/' || a.enterprise_id)
    ORDER BY a.enterprise_id, d.platform_id, s.last_seen_at
"""
_REFUSALS: Final = """
    SELECT platform_id, reason, max(hour) AS happened_at, sum(rejections)::bigint AS number
    FROM rejection_hours
    WHERE hour >= %(now)s - interval '2 hours' AND hour + interval '1 hour' > %(since)s
      AND platform_id IS NOT NULL
    GROUP BY platform_id, reason HAVING sum(rejections) >= 10
"""
_QUESTIONS: Final = """
    SELECT s.id, c.platform_id, e.uscc, e.name AS enterprise, s.due_on, s.taken_at AS happened_at
    FROM case_steps s JOIN cases c ON c.id = s.case_id JOIN enterprises e ON e.id = c.enterprise_id
    WHERE s.step = 'asked_operator' AND s.taken_at >= %(since)s
      AND s.taken_at >= %(now)s - interval '60 days'
"""
_CONFIRMATIONS: Final = """
    SELECT n.platform_id, (f.expires_at AT TIME ZONE 'Asia/Shanghai')::date AS expires_on,
           count(*) AS number
    FROM confirmations f JOIN connections n ON n.id = f.connection_id
    WHERE f.answer IS NULL AND f.expires_at BETWEEN %(now)s AND %(now)s + interval '14 days'
    GROUP BY 1, 2
"""
_STEPS: Final = """
    SELECT c.year, c.revision, c.state, last.id, last.taken_at AS happened_at, last.taken_by
    FROM counts c
    JOIN LATERAL (SELECT id, taken_at, taken_by FROM count_steps WHERE count_id = c.id
                  AND step NOT IN ('object', 'resolve', 'pay')
                  ORDER BY id DESC LIMIT 1) AS last ON true
    WHERE c.state IN ('in_review', 'returned', 'frozen', 'payable') AND last.taken_at >= %(since)s
"""
_NOTICE_ENDS: Final = """
    SELECT id, year, notice_ends_on, p.platform_id FROM counts
    CROSS JOIN LATERAL (SELECT NULL::integer AS platform_id UNION ALL
                        SELECT DISTINCT platforms.id FROM count_determinations
                        JOIN platforms ON platforms.code = platform
                        WHERE count_id = counts.id) AS p
    WHERE state = 'published' AND notice_ends_on < %(today)s
      AND notice_ends_on >= (%(since)s AT TIME ZONE 'Asia/Shanghai')::date
"""
_PAYMENTS: Final = """
    SELECT y.id, y.platform_id, c.year, y.amount_yuan, y.paid_on, y.recorded_at AS happened_at
    FROM count_payments y JOIN counts c ON c.id = y.count_id
    WHERE y.recorded_at >= %(since)s AND y.recorded_at >= %(now)s - interval '60 days'
"""
_KEYS: Final = """
    SELECT id, name, platform_id, expires_at FROM api_keys
    WHERE revoked_at IS NULL AND expires_at BETWEEN %(now)s AND %(now)s + interval '14 days'
"""
_BEHIND: Final = """
    SELECT max(minute) AS happened_at, max(behind_s_max)::integer / 60 AS minutes
    FROM ingest_minutes WHERE minute >= %(now)s - interval '5 min' AND minute >= %(since)s
    HAVING max(behind_s_max) >= 300
"""


def _broken(table: str, at: str) -> str:
    """What the newest check found; the key is the last one that found nothing."""
    return f"""
        SELECT last.findings AS number, last.{at} AS happened_at,
               coalesce((SELECT max(id) FROM {table} WHERE findings = 0), 0) AS whole
        FROM (SELECT findings, {at} FROM {table} ORDER BY id DESC LIMIT 1) AS last
        WHERE last.findings > 0
    """  # noqa: S608 - our own names


@dataclass(frozen=True, slots=True)
class _Finder:
    statement: str
    notice: Callable[[_Row], Notice]


def _day(day: object) -> str:
    return str(day)


def _first_heartbeat(row: _Row) -> Notice:
    key = f"first_heartbeat/{row['platform_id']}/{row['enterprise_id']}"
    said = {"enterprise": row["enterprise"]}
    path = f"/enterprises/{row['uscc']}"
    return Notice(key, Kind.FIRST_HEARTBEAT, row["happened_at"], path, said, row["platform_id"])


def _refusal(row: _Row) -> Notice:
    """Once a week for each reason, however long it goes on."""
    week = row["happened_at"].astimezone(SHANGHAI).strftime("%GW%V")
    key = f"refused/{row['platform_id']}/{row['reason']}/{week}"
    said = {"number": row["number"], "reason": row["reason"]}
    return Notice(
        key, Kind.MESSAGES_REFUSED, row["happened_at"], "/rejections", said, row["platform_id"]
    )


def _question(row: _Row) -> Notice:
    said = {"enterprise": row["enterprise"], "due_on": _day(row["due_on"])}
    path = f"/questions/{row['uscc']}"
    key = f"question/{row['id']}"
    return Notice(key, Kind.QUESTION, row["happened_at"], path, said, row["platform_id"])


def _confirmation(row: _Row) -> Notice:
    key = f"confirmation/{row['platform_id']}/{row['expires_on']}"
    said = {"number": row["number"], "on": _day(row["expires_on"])}
    happened = row["now"]
    return Notice(
        key, Kind.CONFIRMATION_OUTSTANDING, happened, "/confirmations", said, row["platform_id"]
    )


def _step(row: _Row) -> Notice:
    """Whoever submitted a count may not freeze it, and what was returned is the others' as well."""
    without = (row["taken_by"],) if row["state"] == "in_review" else ()
    said = {"year": row["year"], "step": row["state"]}
    path = f"/counts/{row['year']}?revision={row['revision']}"
    key = f"step/{row['id']}"
    return Notice(key, Kind.STEP_WAITING, row["happened_at"], path, said, None, without)


def _notice_end(row: _Row) -> Notice:
    platform = row["platform_id"]
    key = f"notice_ended/{row['id']}/{platform or 'city'}"
    said = {"year": row["year"], "on": _day(row["notice_ends_on"])}
    return Notice(
        key, Kind.NOTICE_PERIOD_ENDED, row["now"], f"/counts/{row['year']}", said, platform
    )


def _payment(row: _Row) -> Notice:
    said = {"amount": row["amount_yuan"], "year": row["year"], "on": _day(row["paid_on"])}
    path = f"/counts/{row['year']}"
    key = f"payment/{row['id']}"
    return Notice(key, Kind.PAYMENT_MADE, row["happened_at"], path, said, row["platform_id"])


def _key(row: _Row) -> Notice:
    on = row["expires_at"].astimezone(SHANGHAI).date()
    said = {"name": row["name"], "on": _day(on)}
    key = f"key_expiring/{row['id']}"
    return Notice(key, Kind.KEY_EXPIRING, row["now"], "/api-keys", said, row["platform_id"])


def _behind(row: _Row) -> Notice:
    """Once a day."""
    day = row["happened_at"].astimezone(SHANGHAI).date()
    said = {"minutes": row["minutes"]}
    return Notice(f"behind/{day}", Kind.BROKER_QUEUE, row["happened_at"], "/", said)


def _finder_of_breaks(kind: Kind, table: str, at: str, path: str) -> _Finder:
    """Once until it is whole again."""

    def notice(row: _Row) -> Notice:
        said = {"number": row["number"]}
        return Notice(f"{kind}/after-{row['whole']}", kind, row["happened_at"], path, said)

    return _Finder(_broken(table, at), notice)


_FINDERS: Final = (
    _Finder(_FIRST_HEARTBEATS, _first_heartbeat),
    _Finder(_REFUSALS, _refusal),
    _Finder(_QUESTIONS, _question),
    _Finder(_CONFIRMATIONS, _confirmation),
    _Finder(_STEPS, _step),
    _Finder(_NOTICE_ENDS, _notice_end),
    _Finder(_PAYMENTS, _payment),
    _Finder(_KEYS, _key),
    _Finder(_BEHIND, _behind),
    _finder_of_breaks(Kind.AUDIT_BROKEN, "audit_checks", "checked_at", "/audit"),
    _finder_of_breaks(Kind.CHECKPOINT_BROKEN, "checkpoints", "written_at", "/audit"),
    _finder_of_breaks(Kind.ARCHIVE_BROKEN, "archive_verifications", "verified_at", "/"),
)


def find_and_tell(connection: psycopg.Connection, *, now: datetime) -> int:
    """Tell what happened and was not told yet; how many notices that are.

    Args:
        connection: in autocommit mode, outside a transaction.
        now: the moment.
    """
    told = 0
    with connection.transaction():
        (since,) = connection.execute(_SINCE).fetchone() or (now,)
        moment = {"now": now, "since": since, "today": now.astimezone(SHANGHAI).date()}
        told += tell_silences(connection, since=since, now=now)
        for finder in _FINDERS:
            with connection.cursor(row_factory=dict_row) as cursor:
                rows = cursor.execute(finder.statement.encode(), moment).fetchall()
            for row in rows:
                told += tell(connection, finder.notice(moment | row), now=now)
    return told
