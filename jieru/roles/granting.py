"""Giving the roles what they may do, at each `jieru migrate`: what differs is put right."""

from collections.abc import Iterable
from typing import Final

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from jieru.roles.grants import AUDIT_WRITER, PROCESSES, Grant, listed_names, wanted_grants

__all__ = ["actual_grants", "give_audit_away", "grant_all", "pin_functions", "unlisted_names"]

# Of ours is what is in the schema of our tables and belongs to no extension.
_OURS: Final = """
    home AS (SELECT relnamespace AS oid FROM pg_class WHERE oid = to_regclass('installation')),
    relations AS (
        SELECT c.oid, c.relname::text AS name, c.relkind, c.relacl AS acl, c.relowner AS owner
        FROM pg_class c JOIN home ON home.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S')
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                          AND d.objid = c.oid AND d.deptype = 'e')),
    functions AS (
        SELECT p.oid, p.proname || '(' || coalesce(
                   (SELECT string_agg(CASE type WHEN 'timestamptz'::regtype THEN 'timestamptz'
                                                ELSE format_type(type, NULL) END,
                                      ',' ORDER BY place)
                    FROM unnest(p.proargtypes) WITH ORDINALITY AS t (type, place)), '') || ')'
                   AS name,
               p.proowner AS owner, coalesce(p.proacl, acldefault('f', p.proowner)) AS acl,
               p.prosecdef AS has_owners_rights, p.proconfig AS settings, l.lanname AS language
        FROM pg_proc p JOIN home ON home.oid = p.pronamespace
             JOIN pg_language l ON l.oid = p.prolang
        WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                          AND d.objid = p.oid AND d.deptype = 'e'))
"""
_SELECT_GRANTS: Final = f"""
    WITH {_OURS}, held AS (
        SELECT name, a.grantee, a.privilege_type, '' AS column_name, owner
        FROM relations, aclexplode(acl) AS a
        UNION ALL
        SELECT name, a.grantee, a.privilege_type, attname::text, owner
        FROM relations JOIN pg_attribute ON attrelid = relations.oid AND attacl IS NOT NULL,
             aclexplode(attacl) AS a
        UNION ALL
        SELECT name, a.grantee, a.privilege_type, '', owner
        FROM functions, aclexplode(acl) AS a WHERE has_owners_rights
    )
    SELECT DISTINCT name, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END,
           privilege_type, column_name
    FROM held
    WHERE grantee = 0 OR pg_get_userbyid(grantee) = ANY (%s)
"""  # noqa: S608 - our own text
_SELECT_NAMES: Final = f"""
    WITH {_OURS}
    SELECT name FROM relations WHERE relkind <> 'S' UNION ALL
    SELECT name FROM functions WHERE has_owners_rights
"""  # noqa: S608 - our own text
_SELECT_ROLES: Final = "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)"

# Whoever may make temporary tables could otherwise put one of his own in the place of ours, and
# have a function of ours read it.
_SELECT_UNPINNED: Final = f"""
    WITH {_OURS},
    path AS (SELECT string_agg(DISTINCT quote_ident(nspname), ', ') || ', pg_temp' AS value
             FROM pg_namespace
             WHERE oid IN (SELECT oid FROM home UNION ALL
                           SELECT extnamespace FROM pg_extension WHERE extname = 'timescaledb'))
    SELECT format('ALTER FUNCTION %s SET search_path = %s', functions.oid::regprocedure, path.value)
    FROM functions, path
    WHERE (language = 'plpgsql' OR has_owners_rights) AND name NOT LIKE 'extend_audit_chain(%'
      AND NOT coalesce('search_path=' || path.value = ANY (settings), false)
"""  # noqa: S608 - our own text
"""Statements. What is called for each entry of the audit names no table, and is left as it is."""

_SELECT_AUDIT: Final = f"""
    WITH {_OURS}
    SELECT CASE relkind WHEN 'r' THEN 'TABLE' ELSE 'VIEW' END || ' ' || oid::regclass, owner
    FROM relations WHERE name IN ('audit_entries', 'audit_head')
    UNION ALL
    SELECT 'FUNCTION ' || oid::regprocedure, owner
    FROM functions WHERE name IN ('write_audit_entries()', 'hold_audit_head()')
"""  # noqa: S608 - our own text
_IS_WRITERS: Final = "SELECT to_regrole('jieru_audit_writer')::oid"
_HOME: Final = """
    SELECT quote_ident(nspname) FROM pg_namespace
    WHERE oid = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('installation'))
"""
_GIVE_TO_WRITER: Final = """
    GRANT USAGE, CREATE ON SCHEMA {home} TO jieru_audit_writer;
    GRANT SELECT (id, platform_id) ON devices TO jieru_audit_writer;
    {changes}
    REVOKE CREATE ON SCHEMA {home} FROM jieru_audit_writer
"""
# CONNECT and USAGE for all; temporary tables for batches with duplicates, and for heartbeats that
# come back from the archive.
_SELECT_ROOMS: Final = """
    SELECT format('GRANT %%s TO %%I', room.name, role.rolname)
    FROM pg_roles role,
         (SELECT quote_ident(nspname) AS name FROM pg_namespace
          WHERE oid = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('installation'))
         ) AS home,
         LATERAL (VALUES
             (format('CONNECT ON DATABASE %%I', current_database()),
              has_database_privilege(role.oid, current_database(), 'CONNECT')),
             (format('USAGE ON SCHEMA %%s', home.name),
              has_schema_privilege(role.oid, home.name, 'USAGE')),
             (format('TEMPORARY ON DATABASE %%I', current_database()),
              has_database_privilege(role.oid, current_database(), 'TEMPORARY')
              OR role.rolname NOT IN ('jieru_ingest', 'jieru_archive'))
         ) AS room (name, is_open)
    WHERE role.rolname = ANY (%s) AND NOT room.is_open
"""


def actual_grants(connection: psycopg.Connection) -> frozenset[Grant]:
    """What the roles of processes and everybody may do with what is ours, in this database."""
    rows = connection.execute(_SELECT_GRANTS, (list(PROCESSES),))
    return frozenset(Grant(*row) for row in rows)


def unlisted_names(connection: psycopg.Connection) -> list[str]:
    """Tables, views and functions with their owner's rights that no line is about."""
    there = {name for (name,) in connection.execute(_SELECT_NAMES)}
    return sorted(there - set(listed_names()))


def pin_functions(connection: psycopg.Connection) -> None:
    """Let every function of ours look for tables in our schema alone, whoever calls it."""
    for (statement,) in connection.execute(_SELECT_UNPINNED).fetchall():
        connection.execute(statement.encode())


def give_audit_away(connection: psycopg.Connection) -> bool:
    """Give the audit to its own role; whether it is that role's now.

    Args:
        connection: of the owner of the tables, in autocommit mode.
    """
    (writer,) = connection.execute(_IS_WRITERS).fetchone() or (None,)
    if writer is None:
        return False
    others = [
        thing for thing, owner in connection.execute(_SELECT_AUDIT).fetchall() if owner != writer
    ]
    if not others:
        return True
    (home,) = connection.execute(_HOME).fetchone() or ("public",)
    changes = "\n".join(f"ALTER {thing} OWNER TO {AUDIT_WRITER};" for thing in others)
    try:
        with connection.transaction():
            connection.execute(_GIVE_TO_WRITER.format(home=home, changes=changes).encode())
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def grant_all(connection: psycopg.Connection, *, is_taking: bool = True) -> None:
    """Give and take until the roles that there are have what `grants.txt` says.

    Args:
        connection: of the owner of the tables, in autocommit mode.
        is_taking: whether to take as well; programs of the release before may still need it.
    """
    roles = {name for (name,) in connection.execute(_SELECT_ROLES, (list(PROCESSES),))}
    if not roles:
        return
    there = {name for (name,) in connection.execute(_SELECT_NAMES)}
    wanted = {each for each in wanted_grants() if each.name in there and each.role in roles}
    actual = actual_grants(connection)
    with connection.transaction():
        for (statement,) in connection.execute(_SELECT_ROOMS, (sorted(roles),)).fetchall():
            connection.execute(statement.encode())
        taken = actual - wanted if is_taking else frozenset()
        for statement in _statements("REVOKE", "FROM", taken):
            connection.execute(statement)
        for statement in _statements("GRANT", "TO", wanted - actual):
            connection.execute(statement)


def _statements(verb: str, preposition: str, grants: Iterable[Grant]) -> list[Composed]:
    return [
        SQL("{verb} {privilege} {columns} ON {kind} {name} {preposition} {role}").format(
            verb=SQL(verb),
            privilege=SQL(each.privilege),
            columns=SQL("({})").format(Identifier(each.column)) if each.column else SQL(""),
            kind=SQL("FUNCTION" if "(" in each.name else "TABLE"),
            name=SQL(each.name) if "(" in each.name else Identifier(each.name),
            preposition=SQL(preposition),
            role=SQL("PUBLIC") if each.role == "PUBLIC" else Identifier(each.role),
        )
        for each in sorted(grants)
    ]
