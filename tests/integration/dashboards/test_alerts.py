"""Alert rules, asked as Grafana asks them: when each fires, and when it is quiet."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import psycopg
import pytest

from dashboards.alerts import Alert, all_alerts
from jieru.audit_chain import record_check, verify_audit
from jieru.auditor.fence import ROLE, fence_in
from jieru.database import connect
from tests.support.auditors import AUDITOR_PASSWORD, auditor_address

_ALERTS: Final = {alert.name: alert for alert in all_alerts(1)}

_MINUTES: Final = """
    INSERT INTO ingest_minutes (ingester, minute, received, committed, duplicates, late, rejected,
                                batches, commit_ms_sum, commit_ms_max, behind_s_max,
                                unacknowledged_max)
    SELECT 'ingest-1', date_trunc('minute', now(), 'UTC') - back * interval '1 minute',
           1000, 1000, 0, 0, %(rejected)s, 60, 300, 9, %(behind)s, 300
    FROM generate_series(%(last)s::integer, %(first)s::integer) AS back
"""
_PLATFORM: Final = "INSERT INTO platforms (code, name) VALUES ('xielian', '协联')"
_TAMPER: Final = """
    ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_are_for_good;
    UPDATE audit_entries SET after = after || '{"name": "别的"}';
    ALTER TABLE audit_entries ENABLE TRIGGER audit_entries_are_for_good;
"""
_CUT: Final = """
    ALTER TABLE audit_head DISABLE TRIGGER audit_head_stays;
    DELETE FROM audit_head;
"""


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection]:
    """Who may change what the alerts look at."""
    with connect(database_url, autocommit=True) as connection:
        fence_in(connection, passwords={ROLE: AUDITOR_PASSWORD})
        connection.execute(_PLATFORM)
        yield connection


@pytest.fixture
def auditor(database_url: str, owner: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Whom Grafana's data source logs in as."""
    del owner
    with connect(auditor_address(database_url), autocommit=True) as connection:
        yield connection


def minutes(
    owner: psycopg.Connection,
    *,
    first: int = 1,
    last: int = 1,
    behind: float = 0,
    rejected: int = 0,
) -> None:
    """What an ingester reported, minute by minute, from so many minutes ago to so many."""
    owner.execute(_MINUTES, {"first": first, "last": last, "behind": behind, "rejected": rejected})


def fires(auditor: psycopg.Connection, name: str) -> bool:
    """Whether the number of an alert is above its threshold; it always is one number."""
    alert: Alert = _ALERTS[name]
    found = auditor.execute(alert.sql.encode())
    assert found.description is not None
    assert [column.type_display for column in found.description] in (
        ["float8"], ["float4"], ["int4"],
    )  # fmt: skip
    ((number,),) = found.fetchall()
    return bool(number > alert.threshold)


def test_silence_fires_where_nobody_reported(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """Neither within five minutes nor ever."""
    assert fires(auditor, "ingest-silent")
    minutes(owner, first=10, last=10)
    assert fires(auditor, "ingest-silent")
    minutes(owner)
    assert not fires(auditor, "ingest-silent")


def test_being_behind_fires_beyond_five_minutes(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """Of what was reported just now: an ingester that is silent has its own alert."""
    assert not fires(auditor, "ingest-behind")
    minutes(owner, first=60, last=30, behind=900)
    assert not fires(auditor, "ingest-behind")
    minutes(owner, first=2, last=2, behind=299)
    assert not fires(auditor, "ingest-behind")
    minutes(owner, behind=301)
    assert fires(auditor, "ingest-behind")


def test_a_session_that_was_lost_or_taken_fires_at_once(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """And for a quarter of an hour, whatever came after."""
    minutes(owner, first=20, last=1)
    owner.execute(
        "UPDATE ingest_minutes SET session_troubles = 1 WHERE minute < now() - interval '16 min'"
    )
    assert not fires(auditor, "session-trouble")
    owner.execute(
        "UPDATE ingest_minutes SET session_troubles = 1"
        " WHERE minute = (SELECT max(minute) - interval '9 min' FROM ingest_minutes)"
    )
    assert fires(auditor, "session-trouble")


def test_rejections_fire_when_they_are_many_times_the_usual(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """A flood, not what comes all day."""
    assert not fires(auditor, "rejections-rising")
    minutes(owner, first=1400, last=20, rejected=3)
    assert not fires(auditor, "rejections-rising")
    minutes(owner, first=14, last=1, rejected=3)
    assert not fires(auditor, "rejections-rising")
    owner.execute(
        "UPDATE ingest_minutes SET rejected = 60 WHERE minute > now() - interval '15 min'"
    )
    assert fires(auditor, "rejections-rising")


def test_a_few_rejections_on_a_quiet_day_wake_nobody(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """Twenty in a quarter of an hour, though there were none before."""
    minutes(owner, first=1400, last=11)
    minutes(owner, first=10, last=1, rejected=2)
    assert not fires(auditor, "rejections-rising")


def test_many_refusals_at_the_broker_fire(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """Connections and messages together; who comes and goes is no refusal."""
    insert = """
        INSERT INTO broker_events (hour, kind, username, is_user, client_id, address, topic, detail,
                                   number, first_at, at)
        VALUES (date_trunc('hour', now(), 'UTC'), %s, %s, false, '', '', '', '', %s, now(), now())
    """
    owner.execute(insert, ("connected", "a", 5_000))
    owner.execute(insert, ("refused", "a", 1_500))
    assert not fires(auditor, "broker-refusals")
    owner.execute(insert, ("denied", "b", 1_500))
    assert fires(auditor, "broker-refusals")


def test_a_whole_chain_is_quiet(auditor: psycopg.Connection) -> None:
    """With an entry in it."""
    assert not fires(auditor, "audit-chain-broken")


@pytest.mark.parametrize("damage", [_TAMPER, _CUT], ids=["changed entry", "no head"])
def test_a_broken_chain_fires(
    owner: psycopg.Connection, auditor: psycopg.Connection, damage: str
) -> None:
    """Whichever way it is broken."""
    owner.execute(damage.encode())
    assert fires(auditor, "audit-chain-broken")


def test_an_audit_that_nobody_verified_fires(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """Until a run is recorded."""
    assert fires(auditor, "audit-unverified")
    record_check(owner, verify_audit(owner, {}, lambda _finding: None), 0)
    assert not fires(auditor, "audit-unverified")


def test_the_size_of_the_database_is_that_of_the_server(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """As a share of the gigabyte that it may take here."""
    assert not fires(auditor, "disk-filling")
    ((share,),) = auditor.execute(_ALERTS["disk-filling"].sql.encode()).fetchall()
    ((size,),) = owner.execute("SELECT pg_database_size(current_database())").fetchall()
    assert share == pytest.approx(size / 10**9, rel=0.05)


_VERIFIED: Final = """
    INSERT INTO evidence_verifications
        (month, verified_at, verified_by, code_version, presence_sha256, heartbeats, archives,
         differences, unprovable, unverifiable_days)
    VALUES (%s, now() - %s::interval, 'command:x', 'x', repeat('0', 64), 1, '[]', %s, 0, '{}')
"""
_SIGNALS_RUN: Final = """
    INSERT INTO signal_runs (as_of, from_on, run_at, run_by, code_version, policy, policy_sha256,
                             signals, sha256)
    VALUES ('2026-03-31', '2026-01-01', now() - %s::interval, 'test', '1', 'putian-2026',
            repeat('0', 64), 0, repeat('0', 64))
"""
_CHECKPOINT: Final = """
    INSERT INTO checkpoints (number, written_at, occasion, sha256, findings, cosigned, witnesses)
    VALUES (%s, now() - %s::interval, 'day', repeat('0', 64), %s, %s, 1)
"""


def test_evidence_that_differs_fires_until_it_was_verified_anew(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """The last result of each month, whatever others say."""
    assert not fires(auditor, "evidence-differs")
    owner.execute(_VERIFIED, ("2026-03-01", "3 hours", 1))
    owner.execute(_VERIFIED, ("2026-04-01", "2 hours", 0))
    assert fires(auditor, "evidence-differs")
    owner.execute(_VERIFIED, ("2026-03-01", "1 hour", 0))
    assert not fires(auditor, "evidence-differs")


def test_evidence_that_was_long_not_verified_fires(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """Never, or not for two days."""
    assert fires(auditor, "evidence-unverified")
    owner.execute(_VERIFIED, ("2026-03-01", "3 days", 0))
    assert fires(auditor, "evidence-unverified")
    owner.execute(_VERIFIED, ("2026-03-01", "1 day", 0))
    assert not fires(auditor, "evidence-unverified")


_ARCHIVED: Final = """
    INSERT INTO heartbeat_archives (file, range_from, range_to, heartbeats, file_bytes, file_sha256,
                                    rows_sha256, schema_version, archived_at)
    VALUES ('heartbeats-1.parquet', '2020-01-01', '2020-01-02', 1, 1, repeat('0', 64),
            repeat('0', 64), '0001', now() - interval '10 days')
"""
_ARCHIVE_VERIFIED: Final = """
    INSERT INTO archive_verifications (verified_at, files, heartbeats, findings)
    VALUES (now() - %s::interval, 1, 1, %s)
"""


def test_an_archive_that_is_damaged_or_was_long_not_verified_fires(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """Not before anything was archived; until it was found whole within nine days."""
    assert not fires(auditor, "archive-damaged")
    owner.execute(_ARCHIVED)
    assert fires(auditor, "archive-damaged")
    owner.execute(_ARCHIVE_VERIFIED, ("8 days", 0))
    assert not fires(auditor, "archive-damaged")
    owner.execute(_ARCHIVE_VERIFIED, ("2 hours", 1))
    assert fires(auditor, "archive-damaged")
    owner.execute(_ARCHIVE_VERIFIED, ("1 hour", 0))
    assert not fires(auditor, "archive-damaged")


def test_a_file_of_the_broker_that_vanished_fires_until_it_is_back_for_an_hour(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """Somebody took it away, also where it was written anew at once."""
    owner.execute("INSERT INTO broker_files (path, kind) VALUES ('/etc/mosquitto/acl', 'acl')")
    assert not fires(auditor, "broker-file-vanished")
    owner.execute("UPDATE broker_files SET vanished_at = now() - interval '3 hours'")
    assert fires(auditor, "broker-file-vanished")
    owner.execute("UPDATE broker_files SET back_at = now() - interval '50 minutes'")
    assert fires(auditor, "broker-file-vanished")
    owner.execute("UPDATE broker_files SET back_at = now() - interval '70 minutes'")
    assert not fires(auditor, "broker-file-vanished")


def test_signals_that_nobody_looked_for_fire(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """Never, or not for two days."""
    assert fires(auditor, "signals-overdue")
    owner.execute(_SIGNALS_RUN, ("3 days",))
    assert fires(auditor, "signals-overdue")
    owner.execute(_SIGNALS_RUN, ("1 day",))
    assert not fires(auditor, "signals-overdue")


@pytest.mark.parametrize("is_simulation", [False, True])
def test_a_month_that_was_never_verified_fires_whatever_others_say(
    owner: psycopg.Connection, auditor: psycopg.Connection, *, is_simulation: bool
) -> None:
    """Of which heartbeats came; not this month on its first days, and in no simulation."""
    owner.execute("SET session_replication_role = replica")
    owner.execute("UPDATE installation SET is_simulation = %s", (is_simulation,))
    owner.execute("SET session_replication_role = origin")
    owner.execute(_VERIFIED, ("2026-03-01", "1 hour", 0))
    received = """
        INSERT INTO ingest_hours (hour, platform_id, ingester, heartbeats, late)
        SELECT %s, id, 'ingest-1', 1, 0 FROM platforms
    """
    owner.execute(received, ("2026-03-15T00:00:00+08:00",))
    owner.execute(received, (datetime.now(UTC),))
    this = owner.execute("SELECT date_trunc('month', now() AT TIME ZONE 'Asia/Shanghai')::date")
    owner.execute(_VERIFIED, (*this.fetchall()[0], "1 hour", 0))
    assert not fires(auditor, "evidence-unverified")
    owner.execute(received, ("2026-05-31T23:00:00+08:00",))
    assert fires(auditor, "evidence-unverified") is not is_simulation
    owner.execute(_VERIFIED, ("2026-05-01", "1 hour", 0))
    assert not fires(auditor, "evidence-unverified")


def test_checkpoints_that_are_missing_unsigned_or_in_trouble_fire(
    owner: psycopg.Connection, auditor: psycopg.Connection
) -> None:
    """None, none that the witness signed, and one that found the record changed."""
    assert fires(auditor, "checkpoint-overdue")
    owner.execute(_CHECKPOINT, (1, "1 day", 0, 0))
    assert fires(auditor, "checkpoint-overdue")
    owner.execute(_CHECKPOINT, (2, "1 hour", 0, 1))
    assert not fires(auditor, "checkpoint-overdue")
    owner.execute(_CHECKPOINT, (3, "1 minute", 1, 1))
    assert fires(auditor, "checkpoint-overdue")
