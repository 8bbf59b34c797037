"""What an administrator looks after: processes that told what they are, and a change that waits."""

from typing import Final

import psycopg

from jieru.audit import Actor, changing
from jieru.settings import Settings
from jieru.told_processes import tell_process
from verifier.policy import load_policy

__all__ = ["administer"]

_MINUTES: Final = """
    INSERT INTO ingest_minutes (ingester, minute, received, committed, duplicates, late, rejected,
                                batches, commit_ms_sum, commit_ms_max, behind_s_max,
                                unacknowledged_max)
    SELECT name, date_trunc('minute', now() - make_interval(mins => back), 'UTC'),
           4100 + back, 4090 + back, 3, 5, 2, 300, 2400, 61, 0.4, 210
    FROM generate_series(1, 12) AS back, unnest(ARRAY['jieru-ingest-1', 'jieru-ingest-2']) AS name
"""
_CHANGES: Final = """
    INSERT INTO account_changes (kind, name, display_name, role, platform, proposed_by)
    VALUES ('add', 'huang', '黄运营', 'operator', 'xielian', 'user:sun'),
           ('reset', 'zheng', '', NULL, NULL, 'user:wu')
"""


def administer(connection: psycopg.Connection, database_url: str) -> None:
    """Two ingesters at work, their settings and the console's, and two changes that wait."""
    settings = Settings(database_url=database_url, grafana_token="x" * 8)
    sha256 = load_policy(settings.policy).sha256
    tell_process("serve", settings, policy_sha256=sha256)
    for name in ("jieru-ingest-1", "jieru-ingest-2"):
        tell_process("ingest", settings, name=name, policy_sha256=sha256)
    with changing(connection, Actor("user:wu", "203.0.113.7")):
        connection.execute(_MINUTES)
        connection.execute(_CHANGES)
    connection.commit()
