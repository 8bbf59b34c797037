"""What keeps rows as they are covers the whole row, so also a column that comes later."""

from typing import Final

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from jieru.database import connect

_KEPT: Final = frozenset(
    {
        *("api_keys", "challenges", "confirmations", "connection_requests", "counts", "decisions"),
        *("declarations", "device_days", "draws", "evidence_exceptions", "heartbeat_archives"),
        *("objection_overrides", "objections", "opening_stocks", "outbox", "pending_closings"),
        *("account_changes", "notice_channels"),
        "sources",
    }
)
"""Tables whose rows may be changed in a few columns only."""
_FREE: Final = frozenset(
    {
        # Records of the registry: people change them, each change is in the audit.
        *("assignments", "connections", "devices", "enterprises", "platforms", "publishers"),
        *("recognitions", "users"),
        # Kept or refused as a whole, once their count is frozen.
        *("count_determinations", "count_documents"),
        # Evidence, written by each heartbeat: no row is compared there.
        *("presence", "presence_by_others", "receipt_hours"),
    }
)
_REFUSALS: Final = (psycopg.errors.RestrictViolation, psycopg.errors.CheckViolation)
_SELECT_WATCHED: Final = """
    SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
    WHERE NOT tgisinternal AND tgtype & 1 = 1 AND tgtype & 2 = 2 AND tgtype & 16 = 16
      AND c.relnamespace = to_regnamespace('public')
"""
_SELECT_CHECKS: Final = """
    SELECT conname FROM pg_constraint
    WHERE conrelid = %(table)s::regclass AND contype IN ('c', 'f', 'p')
"""
_SELECT_NEEDED: Final = """
    SELECT attname FROM pg_attribute
    WHERE attrelid = %(table)s::regclass AND attnum > 0 AND attnotnull AND attidentity = ''
      AND NOT atthasdef AND NOT attisdropped
"""


def test_every_table_whose_updates_are_looked_at_is_known_here(database_url: str) -> None:
    """A new one is either kept whole, or stands among the others with its reason."""
    with connect(database_url) as connection:
        watched = {table for (table,) in connection.execute(_SELECT_WATCHED)}
    assert watched == _KEPT | _FREE


@pytest.mark.parametrize("table", sorted(_KEPT))
def test_a_column_that_comes_later_cannot_be_changed(database_url: str, table: str) -> None:
    """In a row that is as open as can be: nothing of it was confirmed, settled or withdrawn."""
    with connect(database_url) as connection:
        name = Identifier(table)
        _let_anything_stand(connection, table)
        connection.execute(SQL("ALTER TABLE {} ADD COLUMN later text").format(name))
        connection.execute("SET session_replication_role = replica")  # no trigger asks who made it
        connection.execute(SQL("INSERT INTO {} DEFAULT VALUES").format(name))
        connection.execute("SET session_replication_role = origin")
        with pytest.raises(_REFUSALS), connection.transaction():
            connection.execute(SQL("UPDATE {} SET later = 'changed'").format(name))
        found = connection.execute(SQL("SELECT later FROM {}").format(name)).fetchall()
    assert found == [(None,)]


def _let_anything_stand(connection: psycopg.Connection, table: str) -> None:
    """Take away what would keep an empty row out of a table."""
    name, values = Identifier(table), {"table": table}
    for (check,) in connection.execute(_SELECT_CHECKS, values).fetchall():
        statement = SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {} CASCADE")
        connection.execute(statement.format(name, Identifier(check)))
    for (column,) in connection.execute(_SELECT_NEEDED, values).fetchall():
        statement = SQL("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL")
        connection.execute(statement.format(name, Identifier(column)))
