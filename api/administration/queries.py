"""What administrators look at in the database."""

from datetime import datetime
from typing import Final, NamedTuple

import psycopg
from psycopg.rows import class_row

from api.access.sessions import LONGEST_IDLE
from api.administration.answers import Account, Process
from jieru.told_processes import read_processes

__all__ = [
    "IngestMinute",
    "RecordRun",
    "Session",
    "list_accounts",
    "list_minutes",
    "list_processes",
    "list_record_runs",
    "list_sessions",
]

_ACCOUNTS: Final = """
    SELECT users.name, display_name, role, platforms.code AS platform,
           password_hash IS NOT NULL AS has_password,
           EXISTS (SELECT FROM second_factors f WHERE f.user_id = users.id
                   AND f.ended_at IS NULL AND f.confirmed_at IS NOT NULL) AS has_second_step,
           created_at, disabled_at,
           (SELECT max(s.created_at) FROM sessions s WHERE s.user_id = users.id)
               AS last_signed_in_at,
           (SELECT count(*) FROM sessions s WHERE s.user_id = users.id AND revoked_at IS NULL
            AND expires_at > now() AND last_used_at > now() - %(idle)s) AS open_sessions
    FROM users LEFT JOIN platforms ON platforms.id = platform_id
    WHERE %(name)s::text IS NULL OR users.name = %(name)s
    ORDER BY disabled_at IS NOT NULL, users.name
"""
_SESSIONS: Final = """
    SELECT s.created_at, last_used_at, origin, user_agent,
           revoked_at IS NULL AND expires_at > now()
               AND last_used_at > now() - %(idle)s AS is_open
    FROM sessions s JOIN users ON users.id = user_id
    WHERE users.name = %(name)s ORDER BY s.created_at DESC LIMIT 20
"""
_MINUTES: Final = """
    SELECT ingester, minute, received, committed, rejected, late, behind_s_max,
           unacknowledged_max, session_troubles
    FROM ingest_minutes WHERE minute >= now() - interval '1 day'
    ORDER BY minute DESC, ingester LIMIT 120
"""
_RUNS: Final = """
    (SELECT 'audit' AS kind, checked_at AS at, findings, last_number AS number
     FROM audit_checks ORDER BY id DESC LIMIT 10)
    UNION ALL
    (SELECT 'checkpoint', written_at, findings, number FROM checkpoints ORDER BY id DESC LIMIT 10)
    UNION ALL
    (SELECT 'archive', archived_at, 0, heartbeats FROM heartbeat_archives
     ORDER BY archived_at DESC LIMIT 10)
    UNION ALL
    (SELECT 'archive-verified', verified_at, findings, files
     FROM archive_verifications ORDER BY id DESC LIMIT 10)
    UNION ALL
    (SELECT 'evidence', max(verified_at), sum(differences), sum(heartbeats)
     FROM evidence_verifications GROUP BY date_trunc('hour', verified_at)
     ORDER BY max(verified_at) DESC LIMIT 10)
    ORDER BY at DESC
"""


class Session(NamedTuple):
    """What a browser holds open, or held."""

    created_at: datetime
    last_used_at: datetime
    origin: str
    user_agent: str
    is_open: bool


class IngestMinute(NamedTuple):
    """One minute of one ingester."""

    ingester: str
    minute: datetime
    received: int
    committed: int
    rejected: int
    late: int
    behind_s_max: float
    unacknowledged_max: int
    session_troubles: int


class RecordRun(NamedTuple):
    """Something that was verified, stated or archived."""

    kind: str
    at: datetime
    findings: int
    number: int


def list_accounts(connection: psycopg.Connection, name: str | None = None) -> list[Account]:
    """All accounts, or the one of this name; disabled ones last."""
    with connection.cursor(row_factory=class_row(Account)) as cursor:
        return cursor.execute(_ACCOUNTS, {"name": name, "idle": LONGEST_IDLE}).fetchall()


def list_sessions(connection: psycopg.Connection, name: str) -> list[Session]:
    """The last sessions of an account."""
    with connection.cursor(row_factory=class_row(Session)) as cursor:
        return cursor.execute(_SESSIONS, {"name": name, "idle": LONGEST_IDLE}).fetchall()


def list_minutes(connection: psycopg.Connection) -> list[IngestMinute]:
    """The last minutes of all ingesters, the newest first."""
    with connection.cursor(row_factory=class_row(IngestMinute)) as cursor:
        return cursor.execute(_MINUTES).fetchall()


def list_record_runs(connection: psycopg.Connection) -> list[RecordRun]:
    """The last runs over audit, checkpoints, archive and evidence, the newest first."""
    with connection.cursor(row_factory=class_row(RecordRun)) as cursor:
        return cursor.execute(_RUNS).fetchall()


def list_processes(connection: psycopg.Connection) -> list[Process]:
    """What each process said at its last start."""
    return [
        Process(
            kind=each.kind,
            name=each.name,
            host=each.host,
            version=each.version,
            policy=each.policy,
            started_at=each.started_at,
            settings=dict(each.settings),
        )
        for each in read_processes(connection)
    ]
