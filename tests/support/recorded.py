"""When registered periods were recorded, for tests that look back on a time before them.

A real database takes the day from its own clock and no other, so it is set behind its triggers, as
only a superuser can.
"""

from datetime import date, datetime, time
from typing import Final, Literal, TypeAlias

import psycopg
from psycopg import sql

from jieru.calendar import SHANGHAI

__all__ = ["Table", "decide_on", "extend_on", "record_in_time", "record_on"]

Table: TypeAlias = Literal["connections", "assignments"]

_SET: Final = sql.SQL("""
    SET session_replication_role = replica;
    UPDATE {table}
    SET recorded_at = ({day}::timestamp + interval '12 hours') AT TIME ZONE 'Asia/Shanghai'
    WHERE {which};
    SET session_replication_role = origin;
""")

_EXTEND: Final = sql.SQL("""
    SET session_replication_role = replica;
    UPDATE {table} SET extended_at = array_fill({at}::timestamptz, ARRAY[cardinality(extended_at)]),
                       end_changed_at = CASE WHEN end_before IS NOT NULL THEN {at}::timestamptz END
    WHERE id = {number};
    SET session_replication_role = origin;
""")
_DECIDE: Final = sql.SQL("""
    SET session_replication_role = replica;
    UPDATE decisions SET decided_at = {at} WHERE id = {number};
    SET session_replication_role = origin;
""")


def record_on(
    connection: psycopg.Connection,
    table: Table,
    record_id: int,
    day: date,
) -> None:
    """Let a record have been recorded at noon of a day."""
    statement = _SET.format(
        table=sql.Identifier(table),
        day=sql.Literal(day),
        which=sql.SQL("id = {}").format(sql.Literal(record_id)),
    )
    connection.execute(statement)


def record_in_time(connection: psycopg.Connection) -> None:
    """Let every connection and assignment have been recorded on its first day."""
    for table in ("connections", "assignments"):
        statement = _SET.format(
            table=sql.Identifier(table), day=sql.SQL("from_date"), which=sql.SQL("true")
        )
        connection.execute(statement)


def extend_on(connection: psycopg.Connection, table: Table, record_id: int, day: date) -> None:
    """Let the server have been told at noon of a day that a record goes on."""
    at = datetime.combine(day, time(12), SHANGHAI)
    connection.execute(
        _EXTEND.format(
            table=sql.Identifier(table), at=sql.Literal(at), number=sql.Literal(record_id)
        )
    )


def decide_on(connection: psycopg.Connection, number: int, day: date) -> None:
    """Let a decision have been made in the evening of a day."""
    at = datetime.combine(day, time(18), SHANGHAI)
    connection.execute(_DECIDE.format(at=sql.Literal(at), number=sql.Literal(number)))
