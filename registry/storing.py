"""The registry's tables: what they hold of the records a file names, and writing its changes.

Whole columns travel as arrays, so that 100,000 rows are a handful of statements.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, LiteralString, NamedTuple

import psycopg

from registry.cells import Value
from registry.changes import Changes, Ends, Key
from registry.kinds import Kind, Reference, Relation
from registry.rows import FileRow

__all__ = [
    "ended_records",
    "enterprises_of_others",
    "enterprises_to_ask_for",
    "known_references",
    "registered_records",
    "today_of",
    "write_changes",
    "write_created",
]

_KNOWN_PLATFORMS = "SELECT code FROM platforms WHERE code = ANY (%s::text[])"
_KNOWN_ENTERPRISES = "SELECT uscc FROM enterprises WHERE uscc = ANY (%s::text[])"
_TODAY = """
    SELECT (now() AT TIME ZONE 'Asia/Shanghai')::date FROM installation WHERE NOT is_simulation
"""
_ENDED: Final[dict[tuple[str, ...], LiteralString]] = {
    ("platform",): """
        SELECT ended_on, code FROM platforms
        WHERE ended_on IS NOT NULL AND code = ANY (%(platform)s::text[])
    """,
    ("uscc",): """
        SELECT ended_on, uscc FROM enterprises
        WHERE ended_on IS NOT NULL AND uscc = ANY (%(uscc)s::text[])
    """,
    ("platform", "serial"): """
        SELECT devices.ended_on, platforms.code, devices.serial
        FROM unnest(%(platform)s::text[], %(serial)s::text[]) AS file (platform, serial)
        JOIN platforms ON platforms.code = file.platform
        JOIN devices ON platform_id = platforms.id AND devices.serial = file.serial
        WHERE devices.ended_on IS NOT NULL
    """,
}
_ENTERPRISES_OF_OTHERS = """
    SELECT uscc FROM enterprises LEFT JOIN platforms ON platforms.id = kept_by_platform_id
    WHERE uscc = ANY (%s::text[]) AND platforms.code IS DISTINCT FROM %s
"""
_ENTERPRISES_TO_ASK_FOR = """
    SELECT uscc FROM enterprises
    WHERE uscc = ANY (%(usccs)s::text[])
      AND kept_by_platform_id IS DISTINCT FROM (SELECT id FROM platforms WHERE code = %(own)s)
      AND NOT EXISTS (SELECT FROM connections
                      WHERE enterprise_id = enterprises.id
                        AND platform_id = (SELECT id FROM platforms WHERE code = %(own)s))
      AND (kept_by_platform_id IS NOT NULL
           OR EXISTS (SELECT FROM connections WHERE enterprise_id = enterprises.id))
"""


class _Statements(NamedTuple):
    """What is done with one table; `%(column)s` is the array of that column of the file's rows.

    `%(own_platform)s` is the code of the importing operator's platform, else NULL.
    """

    select: LiteralString
    """The relation's key and other columns, of every record that could meet one of the rows."""
    insert: LiteralString
    update: LiteralString


_STATEMENTS: Final = {
    "platforms": _Statements(
        select="""
            SELECT code, name, operator_uscc FROM platforms WHERE code = ANY (%(code)s::text[])
        """,
        insert="""
            INSERT INTO platforms (code, name, operator_uscc)
            SELECT * FROM unnest(%(code)s::text[], %(name)s::text[], %(operator_uscc)s::text[])
        """,
        update="""
            UPDATE platforms SET name = file.name, operator_uscc = file.operator_uscc
            FROM unnest(%(code)s::text[], %(name)s::text[], %(operator_uscc)s::text[])
                 AS file (code, name, operator_uscc)
            WHERE platforms.code = file.code
        """,
    ),
    "recognitions": _Statements(
        select="""
            SELECT platforms.code, level, recognised_on, revoked_on
            FROM recognitions JOIN platforms ON platforms.id = platform_id
            WHERE platforms.code = ANY (%(platform)s::text[])
        """,
        insert="""
            INSERT INTO recognitions (platform_id, level, recognised_on, revoked_on)
            SELECT platforms.id, file.level, file.recognised_on, file.revoked_on
            FROM unnest(%(platform)s::text[], %(level)s::text[],
                        %(recognised_on)s::date[], %(revoked_on)s::date[])
                 AS file (platform, level, recognised_on, revoked_on)
            JOIN platforms ON platforms.code = file.platform
        """,
        update="""
            UPDATE recognitions SET revoked_on = file.revoked_on
            FROM unnest(%(platform)s::text[], %(level)s::text[],
                        %(recognised_on)s::date[], %(revoked_on)s::date[])
                 AS file (platform, level, recognised_on, revoked_on)
            JOIN platforms ON platforms.code = file.platform
            WHERE recognitions.platform_id = platforms.id AND recognitions.level = file.level
              AND recognitions.recognised_on = file.recognised_on
        """,
    ),
    "enterprises": _Statements(
        select="""
            SELECT uscc, name, district, industry_code FROM enterprises
            WHERE uscc = ANY (%(uscc)s::text[])
        """,
        insert="""
            INSERT INTO enterprises (uscc, name, district, industry_code, kept_by_platform_id)
            SELECT file.*, (SELECT id FROM platforms WHERE code = %(own_platform)s)
            FROM unnest(%(uscc)s::text[], %(name)s::text[], %(district)s::text[],
                        %(industry_code)s::text[]) AS file
        """,
        update="""
            UPDATE enterprises SET name = file.name, district = file.district,
                                   industry_code = file.industry_code,
                                   kept_by_platform_id =
                                       (SELECT id FROM platforms WHERE code = %(own_platform)s)
            FROM unnest(%(uscc)s::text[], %(name)s::text[], %(district)s::text[],
                        %(industry_code)s::text[])
                 AS file (uscc, name, district, industry_code)
            WHERE enterprises.uscc = file.uscc
        """,
    ),
    "connections": _Statements(
        select="""
            SELECT platforms.code, enterprises.uscc, from_date, contract_no, signed_on, to_date
            FROM (SELECT DISTINCT * FROM unnest(%(platform)s::text[], %(uscc)s::text[]))
                 AS file (platform, uscc)
            JOIN platforms ON platforms.code = file.platform
            JOIN enterprises ON enterprises.uscc = file.uscc
            JOIN connections ON platform_id = platforms.id AND enterprise_id = enterprises.id
        """,
        insert="""
            INSERT INTO connections (platform_id, enterprise_id, contract_no, signed_on,
                                     from_date, to_date, recorded_at)
            SELECT platforms.id, enterprises.id, file.contract_no, file.signed_on,
                   file.from_date, file.to_date,
                   file.recorded_on::timestamp AT TIME ZONE 'Asia/Shanghai'
            FROM unnest(%(platform)s::text[], %(uscc)s::text[], %(from_date)s::date[],
                        %(contract_no)s::text[], %(signed_on)s::date[], %(to_date)s::date[],
                        %(recorded_on)s::date[])
                 AS file (platform, uscc, from_date, contract_no, signed_on, to_date, recorded_on)
            JOIN platforms ON platforms.code = file.platform
            JOIN enterprises ON enterprises.uscc = file.uscc
        """,
        update="""
            UPDATE connections SET contract_no = file.contract_no, signed_on = file.signed_on,
                                   to_date = file.to_date
            FROM unnest(%(platform)s::text[], %(uscc)s::text[], %(from_date)s::date[],
                        %(contract_no)s::text[], %(signed_on)s::date[], %(to_date)s::date[])
                 AS file (platform, uscc, from_date, contract_no, signed_on, to_date)
            JOIN platforms ON platforms.code = file.platform
            JOIN enterprises ON enterprises.uscc = file.uscc
            WHERE connections.platform_id = platforms.id
              AND connections.enterprise_id = enterprises.id
              AND connections.from_date = file.from_date
        """,
    ),
    "devices": _Statements(
        select="""
            SELECT platforms.code, devices.serial, devices.kind, devices.name,
                   devices.expected_interval_s
            FROM (SELECT DISTINCT * FROM unnest(%(platform)s::text[], %(serial)s::text[]))
                 AS file (platform, serial)
            JOIN platforms ON platforms.code = file.platform
            JOIN devices ON platform_id = platforms.id AND devices.serial = file.serial
        """,
        insert="""
            INSERT INTO devices (platform_id, serial, kind, name, expected_interval_s)
            SELECT platforms.id, file.serial, file.kind, file.name,
                   coalesce(file.expected_interval_s, 300)
            FROM unnest(%(platform)s::text[], %(serial)s::text[], %(kind)s::text[],
                        %(name)s::text[], %(expected_interval_s)s::integer[])
                 AS file (platform, serial, kind, name, expected_interval_s)
            JOIN platforms ON platforms.code = file.platform
        """,
        update="""
            UPDATE devices SET kind = file.kind, name = file.name,
                   expected_interval_s =
                       coalesce(file.expected_interval_s, devices.expected_interval_s)
            FROM unnest(%(platform)s::text[], %(serial)s::text[], %(kind)s::text[],
                        %(name)s::text[], %(expected_interval_s)s::integer[])
                 AS file (platform, serial, kind, name, expected_interval_s)
            JOIN platforms ON platforms.code = file.platform
            WHERE devices.platform_id = platforms.id AND devices.serial = file.serial
        """,
    ),
    "assignments": _Statements(
        select="""
            SELECT platforms.code, devices.serial, from_date, enterprises.uscc, to_date
            FROM (SELECT DISTINCT * FROM unnest(%(platform)s::text[], %(serial)s::text[]))
                 AS file (platform, serial)
            JOIN platforms ON platforms.code = file.platform
            JOIN devices ON platform_id = platforms.id AND devices.serial = file.serial
            JOIN assignments ON device_id = devices.id
            JOIN enterprises ON enterprises.id = enterprise_id
        """,
        insert="""
            INSERT INTO assignments (device_id, enterprise_id, from_date, to_date, recorded_at)
            SELECT devices.id, enterprises.id, file.assigned_from, file.assigned_to,
                   file.recorded_on::timestamp AT TIME ZONE 'Asia/Shanghai'
            FROM unnest(%(platform)s::text[], %(serial)s::text[], %(assigned_from)s::date[],
                        %(uscc)s::text[], %(assigned_to)s::date[], %(recorded_on)s::date[])
                 AS file (platform, serial, assigned_from, uscc, assigned_to, recorded_on)
            JOIN platforms ON platforms.code = file.platform
            JOIN devices ON platform_id = platforms.id AND devices.serial = file.serial
            JOIN enterprises ON enterprises.uscc = file.uscc
        """,
        update="""
            UPDATE assignments SET to_date = file.assigned_to
            FROM unnest(%(platform)s::text[], %(serial)s::text[], %(assigned_from)s::date[],
                        %(assigned_to)s::date[])
                 AS file (platform, serial, assigned_from, assigned_to)
            JOIN platforms ON platforms.code = file.platform
            JOIN devices ON platform_id = platforms.id AND devices.serial = file.serial
            WHERE assignments.device_id = devices.id
              AND assignments.from_date = file.assigned_from
        """,
    ),
}


def known_references(
    connection: psycopg.Connection,
    kind: Kind,
    rows: Iterable[FileRow],
    own_platform: str | None = None,
) -> dict[Reference, set[str]]:
    """Which of the platforms and enterprises that the rows name are registered.

    To an operator, who has an `own_platform`, another's enterprise is known only where a row may
    ask for it.
    """
    known = {}
    for reference, statement in (
        (Reference.PLATFORM, _KNOWN_PLATFORMS),
        (Reference.ENTERPRISE, _KNOWN_ENTERPRISES),
    ):
        columns = [column.name for column in kind.columns if column.names is reference]
        named = {row.values.get(column) for row in rows for column in columns} - {None}
        known[reference] = {row[0] for row in connection.execute(statement, (list(named),))}
    if own_platform is not None and not kind.may_ask:
        enterprises = known[Reference.ENTERPRISE]
        enterprises -= enterprises_to_ask_for(connection, enterprises, own_platform)
    return known


def today_of(connection: psycopg.Connection) -> date | None:
    """The civil day by the database's clock; None in a simulation, which plays another time."""
    row = connection.execute(_TODAY).fetchone()
    today: date | None = row[0] if row else None
    return today


def ended_records(
    connection: psycopg.Connection, relation: Relation, rows: Sequence[FileRow]
) -> Ends:
    """The records that have ended among those on which the rows of a table hang."""
    columns_of_table = set(relation.key + relation.others)
    ends: dict[tuple[str, ...], dict[Key, date]] = {}
    for columns, statement in _ENDED.items():
        # A device does not hang on itself, nor what the bureau recognised on the platform's end.
        if (
            columns_of_table.issuperset(columns)
            and columns != relation.key
            and relation.name != "recognitions"
        ):
            found = connection.execute(statement, _arrays(columns, rows))
            ends[columns] = {tuple(key): ended_on for ended_on, *key in found}
    return ends


def enterprises_of_others(
    connection: psycopg.Connection, usccs: Iterable[Value], own_platform: str
) -> set[str]:
    """Those of these registered enterprises that this platform does not keep."""
    cursor = connection.execute(_ENTERPRISES_OF_OTHERS, (list(usccs), own_platform))
    return {row[0] for row in cursor}


def enterprises_to_ask_for(
    connection: psycopg.Connection, usccs: Iterable[Value], own_platform: str
) -> set[str]:
    """Those of these registered enterprises of which an operator may read nothing yet.

    They are another's: this platform neither keeps them nor was ever connected with them, and
    another one does or was.
    """
    values = {"usccs": list(usccs), "own": own_platform}
    return {row[0] for row in connection.execute(_ENTERPRISES_TO_ASK_FOR, values)}


def registered_records(
    connection: psycopg.Connection, relation: Relation, rows: Sequence[FileRow]
) -> dict[Key, tuple[Value, ...]]:
    """What a table holds that one of the rows could be, or could overlap."""
    named = [row for row in rows if row.key(relation.key) is not None]
    width = len(relation.key)
    cursor = connection.execute(
        _STATEMENTS[relation.name].select, _arrays(relation.key, named), binary=True
    )
    return {record[:width]: record[width:] for record in cursor}


def write_changes(
    connection: psycopg.Connection,
    relation: Relation,
    changes: Changes,
    *,
    own_platform: str | None,
) -> None:
    """Write what `changes_to` found.

    An enterprise is from then on kept by `own_platform`, or by no platform where there is none.
    Changes come first: an end that makes room for a new period must be there before it is.
    """
    statements = _STATEMENTS[relation.name]
    said = relation.key + relation.others
    for statement, columns, rows in (
        (statements.update, said, changes.changed),
        (statements.insert, said + relation.told, changes.created),
    ):
        if rows:  # an empty statement would still announce a change of the registry
            arrays = _arrays(columns, rows)
            connection.execute(statement, {**arrays, "own_platform": own_platform})


def write_created(
    connection: psycopg.Connection, relation: Relation, row: FileRow, *, own_platform: str | None
) -> int:
    """Write one new record; its id."""
    columns = relation.key + relation.others + relation.told
    values = {**_arrays(columns, [row]), "own_platform": own_platform}
    created = connection.execute(_STATEMENTS[relation.name].insert + " RETURNING id", values)
    return int(created.fetchall()[0][0])


def _arrays(columns: Iterable[str], rows: Sequence[FileRow]) -> dict[str, list[Value]]:
    return {column: [row.values[column] for row in rows] for column in columns}
