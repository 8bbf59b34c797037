"""Whoever has a process's role in the database can do what it does, and nothing else (S7)."""

from collections.abc import Iterator
from typing import Final, LiteralString

import psycopg
import pytest

from jieru.audit import Actor, changing
from tests.attacks.stage import Stage
from tests.support.roles import API, ARCHIVE, BROKER, INGEST, VERIFIER, as_role

_WHAT_INGESTERS_DO: Final = """
    INSERT INTO presence AS p (device_id, month, hours)
    SELECT 1, date_trunc('month', now_here)::date,
           set_bit(0::bit(744), 24 * (extract(day FROM now_here)::integer - 1), 1)
    FROM (SELECT now() AT TIME ZONE 'Asia/Shanghai' AS now_here) AS clock
    ON CONFLICT (device_id, month) DO UPDATE SET hours = p.hours | excluded.hours
"""

_SAY_ARCHIVED: Final = """
    INSERT INTO heartbeat_archives (file, range_from, range_to, heartbeats, file_bytes, file_sha256,
                                    rows_sha256, schema_version, archived_at)
    VALUES ('heartbeats-X.parquet', '2020-01-01', now() + interval '1 day', 1, 1, repeat('0', 64),
            repeat('0', 64), '1', now())
"""

_OF_AN_INGESTER: Final[dict[str, LiteralString]] = {
    "a device of his own": "INSERT INTO devices (platform_id, serial) VALUES (1, 'mine')",
    "an enterprise": "INSERT INTO enterprises (uscc, name, district)"
    " VALUES ('91350302MA0TAL2M8N', 'x', 'other')",
    "a connection": "UPDATE connections SET from_date = '2020-01-01'",
    "a decision": "INSERT INTO decisions DEFAULT VALUES",
    "a count": "UPDATE counts SET opened_by = 'me'",
    "a credential": "UPDATE credentials SET password_hash = 'mine'",
    "what credentials are of": "SELECT platform_id, device_id FROM credentials",
    "a person": "SELECT * FROM users",
    "a session": "SELECT * FROM sessions",
    "heartbeats changed": "UPDATE heartbeats SET received_at = time",
    "heartbeats deleted": "DELETE FROM heartbeats",
    "heartbeats emptied": "TRUNCATE heartbeats",
    "chunks dropped": "SELECT drop_chunks('heartbeats', older_than => now())",
    "the archive's way to drop": "SELECT drop_archived_chunk('2020-01-01', now())",
    "presence deleted": "DELETE FROM presence",
    "presence emptied": "TRUNCATE presence",
    "bits taken away": "UPDATE presence SET hours = 0::bit(744) WHERE hours <> 0::bit(744)",
    "late bits taken away": "UPDATE presence SET late_hours = 0::bit(744)",
    "live bits taken away": "UPDATE presence SET live_hours = 0::bit(744)"
    " WHERE live_hours <> 0::bit(744)",
    "a row for somebody else": "UPDATE presence SET device_id = device_id + 1000",
    "another month's row": "UPDATE presence SET month = month - interval '1 month'",
    "a month long past": "INSERT INTO presence (device_id, month, hours)"
    " VALUES (1, '2026-03-01', ~0::bit(744))",
    "a month long past, by an upsert": "INSERT INTO presence AS p (device_id, month, hours)"
    " SELECT device_id, month - interval '4 months', ~0::bit(744) FROM presence LIMIT 1"
    " ON CONFLICT (device_id, month) DO UPDATE SET hours = p.hours | excluded.hours",
    "hours to come": "INSERT INTO presence (device_id, month, hours)"
    " SELECT 1, date_trunc('month', soon)::date,"
    " set_bit(0::bit(744), 24 * (extract(day FROM soon)::integer - 1), 1)"
    " FROM (SELECT now() AT TIME ZONE 'Asia/Shanghai' + interval '2 days' AS soon) AS instant",
    "another publisher's month": "INSERT INTO presence_by_others"
    " (device_id, month, publisher_id, hours) VALUES (1, '2026-03-01', 2, ~0::bit(744))",
    "the reach of presence": "CREATE OR REPLACE FUNCTION presence_reach_days() RETURNS integer"
    " LANGUAGE sql IMMUTABLE AS 'SELECT 10000'",
    "a trigger": "ALTER TABLE presence DISABLE TRIGGER USER",
    "all triggers": "SET session_replication_role = replica",
    "rejections deleted": "DELETE FROM rejections",
    "rules changed": "UPDATE evidence_rules SET max_delay_hours = 8784",
    "rules by which all is in time": "INSERT INTO evidence_rules"
    " (policy, max_delay_hours, max_clock_ahead_minutes, clock)"
    " VALUES ('putian-2026', 1081, 10, 'receipt')",
    "rules by which nothing is in time": "INSERT INTO evidence_rules"
    " (policy, max_delay_hours, max_clock_ahead_minutes, clock)"
    " VALUES ('putian-2026', -1, 10, 'receipt')",
    "retention": "UPDATE retention SET heartbeats_days = 1",
    "the audit read": "SELECT * FROM audit_entries",
    "the audit written": "INSERT INTO audit_entries SELECT * FROM audit_entries",
    "the audit's turn": "SELECT hold_audit_head()",
    "a simulation": "UPDATE installation SET is_simulation = true",
    "a table": "CREATE TABLE mine (id integer)",
    "a program": "COPY (SELECT 1) TO PROGRAM 'true'",
    "another role": "SET ROLE jieru_api",
    "a large object": "SELECT lo_create(0)",
}
_OF_THE_CONSOLE: Final[dict[str, LiteralString]] = {
    "an entry written": "INSERT INTO audit_entries"
    " SELECT number + 1, changed_at, 'user:somebody', origin, action,"
    " record_kind, record_id, platform_id, before, after, hash, hash FROM audit_entries",
    "an entry changed": "UPDATE audit_entries SET actor = 'user:somebody'",
    "entries deleted": "DELETE FROM audit_entries",
    "entries emptied": "TRUNCATE audit_entries CASCADE",
    "the head moved": "UPDATE audit_head SET number = 0",
    "the head locked for good": "LOCK TABLE audit_head IN ACCESS EXCLUSIVE MODE",
    "triggers disabled": "ALTER TABLE platforms DISABLE TRIGGER USER",
    "triggers of the audit disabled": "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
    "all triggers": "SET session_replication_role = replica",
    "the function replaced": "CREATE OR REPLACE FUNCTION write_audit_entries() RETURNS trigger"
    " LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "the function dropped": "DROP FUNCTION write_audit_entries() CASCADE",
    "the function on a table of his own": "CREATE TEMP TABLE counts (id integer);"
    " CREATE TRIGGER mine AFTER INSERT ON pg_temp.counts REFERENCING NEW TABLE AS new_rows"
    " FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries()",
    "a trigger of the audit's on another event": "CREATE TRIGGER mine"
    " AFTER INSERT ON sign_in_failures REFERENCING NEW TABLE AS new_rows"
    " FOR EACH STATEMENT EXECUTE FUNCTION write_audit_entries()",
    "the role that owns it": "SET ROLE jieru_audit_writer",
    "presence": "INSERT INTO presence (device_id, month, hours) VALUES (1, now(), ~0::bit(744))",
    "presence changed": "UPDATE presence SET hours = ~0::bit(744)",
    "a heartbeat": "INSERT INTO heartbeats (device_id, time, received_at) VALUES (1, now(), now())",
    "heartbeats deleted": "DELETE FROM heartbeats",
    "heartbeats dropped": "SELECT drop_expired_heartbeats(1)",
    "the ingesters' secret": "SELECT secret FROM ingester_secret",
    "an ingester's session": "UPDATE ingest_sessions SET expires_after = '0'",
    "a record deleted": "DELETE FROM connections",
    "a payment changed": "UPDATE count_payments SET amount_yuan = 1",
    "a table": "CREATE TABLE mine (id integer)",
    "a program": "COPY (SELECT 1) TO PROGRAM 'true'",
}
_OF_THE_OTHERS: Final[dict[str, tuple[LiteralString, ...]]] = {
    VERIFIER: (
        "SELECT * FROM users",
        "SELECT * FROM ingester_secret",
        "UPDATE presence SET hours = ~0::bit(744)",
        "INSERT INTO platforms (code, name) VALUES ('mine', 'M')",
        "DELETE FROM audit_checks",
    ),
    BROKER: (
        "SELECT * FROM platforms",
        "SELECT * FROM heartbeats",
        "UPDATE credentials SET revoked_at = NULL",
        "SELECT * FROM users",
    ),
    ARCHIVE: (
        "DELETE FROM heartbeats",
        "SELECT drop_expired_heartbeats(1)",
        "SELECT drop_archived_chunk('2020-01-01', now())",
        "SELECT * FROM delete_archived_heartbeats('2020-01-01', now())",
        _SAY_ARCHIVED + "; SELECT drop_archived_chunk('2020-01-01', now())",
        _SAY_ARCHIVED + "; SELECT * FROM delete_archived_heartbeats('2020-01-01', now())",  # noqa: S608 - our own text
        "UPDATE presence SET hours = ~0::bit(744)",
        "SELECT secret FROM ingester_secret",
        "SELECT * FROM users",
    ),
}


@pytest.fixture
def thief(stage: Stage, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    """Whoever is logged in as a stolen role."""
    with psycopg.connect(as_role(stage.url, request.param), autocommit=True) as connection:
        yield connection


def _is_refused(connection: psycopg.Connection, statement: LiteralString) -> bool:
    try:
        with connection.transaction():
            connection.execute("SET LOCAL statement_timeout = '20s'")
            connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


@pytest.mark.parametrize("thief", [INGEST], indirect=True)
def test_a_stolen_ingesters_role_adds_heartbeats_and_nothing_else(
    stage: Stage, thief: psycopg.Connection
) -> None:
    """Not presence of the past or the future, no bit less; nothing of registry, counts, audit."""
    with stage.ingester():
        stage.wait_until_subscribed()
        stage.publish(200)
        stage.wait_until_stored()
        stage.connection.execute("UPDATE presence SET late_hours = ~0::bit(744)")
        stage.connection.commit()  # TRUNCATE waits for readers before it is refused
        done = [name for name, sql in _OF_AN_INGESTER.items() if not _is_refused(thief, sql)]
        assert done == [], done
        assert thief.execute("SELECT delete_expired_rejections(0, 1000)").fetchone() == (0,)
        assert thief.execute("SELECT drop_expired_heartbeats(0)").fetchone() == (0,)
        # What an ingester does: the hours of now, which what it was sent would give as well.
        thief.execute(
            "INSERT INTO heartbeats (device_id, time, received_at) VALUES (1, now(), now())"
        )
        thief.execute(_WHAT_INGESTERS_DO)
        stage.publish(100)
        stage.settle(
            "stolen role of the ingesters",
            f"{len(_OF_AN_INGESTER)} statements beyond what ingesters do",
            seen="the server's log: permission denied",
        )


@pytest.mark.parametrize("thief", [API], indirect=True)
def test_the_audit_cannot_be_rewritten_as_the_console(
    stage: Stage, thief: psycopg.Connection
) -> None:
    """Its role changes records, and each change leaves its entry; evidence it only reads."""
    somebody = Actor("user:lin", "192.0.2.1")
    with stage.ingester():
        stage.wait_until_subscribed()
        with thief.transaction(), changing(thief, somebody):
            thief.execute("UPDATE platforms SET name = 'as the console does'")
        stage.publish(100)
        done = [name for name, sql in _OF_THE_CONSOLE.items() if not _is_refused(thief, sql)]
        assert done == []
        row = thief.execute(
            "SELECT actor, origin FROM audit_entries ORDER BY number DESC LIMIT 1"
        ).fetchone()
        assert row == (somebody.name, somebody.origin)
        stage.settle(
            "stolen role of the console",
            f"{len(_OF_THE_CONSOLE)} statements, to rewrite the audit or evidence",
            seen="the server's log: permission denied",
        )


@pytest.mark.parametrize("thief", list(_OF_THE_OTHERS), indirect=True)
def test_the_roles_of_smaller_processes_reach_less_still(
    stage: Stage, thief: psycopg.Connection
) -> None:
    """Who counts, who tells the broker, who archives."""
    statements = _OF_THE_OTHERS[thief.info.user]
    with stage.ingester():
        stage.wait_until_subscribed()
        stage.publish(100)
        assert [sql for sql in statements if not _is_refused(thief, sql)] == []
        stage.settle(
            f"stolen role {thief.info.user}",
            f"{len(statements)} statements beyond what it is for",
            seen="the server's log: permission denied",
        )
