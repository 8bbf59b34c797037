"""What a database says of itself and of all that writes into it, read at one go."""

from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from doctor.facts import DatabaseFacts, StartedProcess
from jieru.roles.granting import actual_grants
from jieru.roles.grants import PROCESSES, wanted_grants
from jieru.told_processes import read_processes

__all__ = ["read_database_facts"]

_SERVER: Final = """
    SELECT clock_timestamp() AS clock, current_setting('server_version') AS server_version,
           pg_database_size(current_database()) AS size_bytes,
           (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')
               AS timescaledb_version,
           (SELECT max(migration_id) FROM schema_migrations) AS schema_version,
           current_setting('archive_mode') <> 'off' AS is_wal_archived,
           (SELECT last_archived_time FROM pg_stat_archiver) AS wal_archived_at,
           (SELECT last_failed_time FROM pg_stat_archiver) AS wal_failed_at,
           (SELECT rolcanlogin FROM pg_roles WHERE rolname = 'jieru_auditor') AS may_auditor_log_in,
           (SELECT is_simulation FROM installation) AS is_simulation,
           (SELECT array_agg(rolname::text) FROM pg_roles WHERE rolname = ANY (%(roles)s)) AS roles
"""
_RECORDS: Final = """
    SELECT a.checked_at AS audit_checked_at, a.findings AS audit_findings,
           a.last_number AS audit_checked_up_to,
           (SELECT number FROM audit_head) AS audit_entries,
           c.number AS checkpoint_number, c.written_at AS checkpoint_at,
           c.cosigned, c.witnesses,
           coalesce((SELECT sum(findings) FROM checkpoints
                     WHERE written_at > now() - interval '30 days'), 0)::bigint
               AS checkpoint_findings,
           e.verified_at AS evidence_verified_at, e.differences AS evidence_differences,
           e.damaged_days,
           EXISTS (SELECT FROM heartbeat_archiving) AS is_archiving,
           (SELECT max(archived_at) FROM heartbeat_archives) AS archived_at,
           (SELECT count(*) FROM heartbeat_archives) AS archive_files,
           (SELECT min(archived_at) FROM heartbeat_archives) AS first_archived_at,
           v.verified_at AS archive_verified_at, v.findings AS archive_findings
    FROM (VALUES (1)) AS one (row)
    LEFT JOIN LATERAL (SELECT * FROM audit_checks ORDER BY id DESC LIMIT 1) a ON true
    LEFT JOIN LATERAL (SELECT * FROM checkpoints ORDER BY id DESC LIMIT 1) c ON true
    LEFT JOIN LATERAL (SELECT * FROM archive_verifications ORDER BY id DESC LIMIT 1) v ON true
    LEFT JOIN LATERAL (
        SELECT max(verified_at) AS verified_at, sum(differences)::bigint AS differences,
               sum(cardinality(unverifiable_days))::bigint AS damaged_days
        FROM (SELECT DISTINCT ON (month) * FROM evidence_verifications
              ORDER BY month, verified_at DESC) AS latest) e ON true
"""
_INTAKE: Final = """
    SELECT max(minute) AS heard_at,
           coalesce(max(behind_s_max) FILTER (WHERE minute >= now() - interval '5 minutes'), 0)
               AS behind_s,
           coalesce(max(unacknowledged_max) FILTER (WHERE minute >= now() - interval '5 minutes'),
                    0) AS unacknowledged,
           coalesce(sum(session_troubles) FILTER (WHERE minute >= now() - interval '15 minutes'),
                    0)::bigint AS session_troubles
    FROM ingest_minutes WHERE minute >= now() - interval '30 days'
"""
_INGESTERS: Final = """
    SELECT ingester, max(minute) AS heard_at FROM ingest_minutes
    WHERE minute >= now() - interval '7 days' GROUP BY ingester ORDER BY ingester
"""
_ACCESS: Final = """
    SELECT (SELECT count(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL
            AND (password_hash IS NOT NULL OR oidc_issuer IS NOT NULL)) AS administrators,
           (SELECT count(*) FROM api_keys WHERE revoked_at IS NULL AND kind = 'program'
            AND expires_at BETWEEN now() AND now() + interval '14 days') AS keys_ending,
           (SELECT count(*) FROM account_changes
            WHERE confirmed_at IS NULL AND withdrawn_at IS NULL) AS changes_waiting,
           (SELECT count(*) FROM users WHERE oidc_subject IS NOT NULL AND oidc_issuer IS NULL
            AND disabled_at IS NULL) AS without_issuer
"""
_BROKER_USERS: Final = "SELECT count(*) FROM broker_users"
_BROKER_HEARD: Final = "SELECT max(at) FROM broker_events"


def read_database_facts(connection: psycopg.Connection) -> DatabaseFacts:
    """Ask everything that a database with the current schema can tell."""
    server = _row(connection, _SERVER, {"roles": list(PROCESSES)})
    roles = set(server.pop("roles") or ())
    wanted = {each for each in wanted_grants() if each.role in roles}
    actual = {each for each in actual_grants(connection) if each.role in roles}
    return DatabaseFacts(
        server=server,
        missing_roles=tuple(each for each in PROCESSES if each not in roles),
        differing_grants=len(wanted ^ actual),
        records=_row(connection, _RECORDS),
        intake=_row(connection, _INTAKE),
        ingesters=tuple((name, at) for name, at in connection.execute(_INGESTERS)),
        access=_row(connection, _ACCESS),
        broker_users=_row(connection, _BROKER_USERS)["count"],
        broker_heard_at=_row(connection, _BROKER_HEARD)["max"],
        processes=tuple(
            StartedProcess(each.kind, each.version, each.policy_sha256)
            for each in read_processes(connection)
        ),
    )


def _row(
    connection: psycopg.Connection, query: str, values: dict[str, object] | None = None
) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query.encode(), values).fetchone()
    if row is None:
        raise TypeError("each of these questions has one row")
    return row
