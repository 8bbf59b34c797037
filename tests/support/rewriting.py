"""The owner of the database, who rewrites past all triggers what he likes, by its own functions."""

from typing import Final

import psycopg

__all__ = ["past_all_triggers", "rewrite_audit"]

# The chain is built anew from the first entry on, by the functions that built it, and the head
# moved to its end: `jieru audit verify` alone finds it whole.
_REBUILD: Final = """
    WITH chained AS (
        SELECT number, audit_chain(sha256('jieru audit chain, version 1'),
                   audit_content(number, changed_at, actor, origin, action, record_kind, record_id,
                                 platform_id, before, after))
               OVER (ORDER BY number ROWS UNBOUNDED PRECEDING) AS hash
        FROM audit_entries
    ), linked AS (
        SELECT number, hash,
               lag(hash, 1, sha256('jieru audit chain, version 1')) OVER (ORDER BY number) AS before
        FROM chained
    )
    UPDATE audit_entries e SET hash = l.hash, previous_hash = l.before
    FROM linked l WHERE l.number = e.number
"""
_MOVE_HEAD: Final = """
    UPDATE audit_head SET (number, hash) = (
        SELECT number, hash FROM audit_entries ORDER BY number DESC LIMIT 1)
"""


def past_all_triggers(connection: psycopg.Connection, *statements: str) -> None:
    """Change what triggers forbid."""
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            assert connection.execute(statement.encode()).rowcount > 0, statement


def rewrite_audit(connection: psycopg.Connection, change: str) -> None:
    """Change entries, and make the chain whole again around them."""
    past_all_triggers(connection, change, _REBUILD, _MOVE_HEAD)
