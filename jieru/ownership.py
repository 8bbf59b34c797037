"""Whose our tables are: told apart from tables that are not there.

PostgreSQL says of a table in a schema that somebody may not look into that it does not exist, and
everybody may read in its catalogue that it does.
"""

from pathlib import Path
from typing import Final

import psycopg

from jieru.errors import UserError

__all__ = ["explain_missing_schema", "require_ownership"]

_TAKE_OVER: Final = Path(__file__).parent / "take_over.sql"

# `schema_migrations` alone is a name that others give their tables too.
_SELECT_TABLES: Final = """
    SELECT n.nspname, pg_get_userbyid(c.relowner), current_user::text, current_database()::text,
           has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'),
           n.nspname = ANY (current_schemas(false))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class other ON other.relnamespace = n.oid AND other.relname = 'installation'
    WHERE c.relname = 'schema_migrations' AND c.relkind = 'r'
    ORDER BY c.oid LIMIT 1
"""
# Whatever of ours this user may not alter; what belongs to an extension is not ours.
_SELECT_FOREIGN_OWNER: Final = """
    SELECT pg_get_userbyid(c.relowner), current_user::text, current_database()::text
    FROM pg_class c
    WHERE c.relnamespace = (SELECT relnamespace FROM pg_class
                            WHERE oid = to_regclass('schema_migrations'))
      AND c.relkind IN ('r', 'p', 'v') AND NOT pg_has_role(c.relowner, 'USAGE')
      AND NOT EXISTS (SELECT FROM pg_depend
                      WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
    ORDER BY c.oid LIMIT 1
"""
_SELECT_MAY_CREATE: Final = """
    SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
           has_database_privilege(current_database(), 'CREATE'),
           current_user::text, current_database()::text
"""


def explain_missing_schema(connection: psycopg.Connection) -> UserError:
    """Why our tables cannot be read: they are somebody else's, elsewhere, or not there.

    Args:
        connection: on which reading them has failed, and which can be used again.
    """
    row = connection.execute(_SELECT_TABLES).fetchone()
    if row is not None:
        schema, owner, user, database, is_readable, is_on_path = row
        if not is_readable:
            return _not_ours(owner, user, database)
        if not is_on_path:
            return UserError(
                "The tables of Jieru are in the schema {schema}, where the database user {user} "
                "does not look: have a superuser run ALTER ROLE with SET search_path = {schema}.",
                schema=schema,
                user=user,
            )
    return UserError("This database has no schema of Jieru: run `jieru migrate` first.")


def require_ownership(connection: psycopg.Connection, *, has_tables: bool) -> None:
    """Check that this database user may change the tables, or make them where there are none.

    Raises:
        UserError: it may not; the message says whose they are and what a superuser should run.
    """
    if has_tables:
        if foreign := connection.execute(_SELECT_FOREIGN_OWNER).fetchone():
            raise _not_ours(*foreign)
        return
    explained = explain_missing_schema(connection)
    if connection.execute(_SELECT_TABLES).fetchone() is not None:
        raise explained
    row = connection.execute(_SELECT_MAY_CREATE).fetchone()
    if row is not None and not (row[0] and row[1]):
        raise UserError(
            "The database user {user} may not make a schema in the database {database}, because it "
            'is not its owner: have a superuser run ALTER DATABASE "{database}" OWNER TO "{user}".',
            user=row[2],
            database=row[3],
        )


def _not_ours(owner: str, user: str, database: str) -> UserError:
    return UserError(
        "The tables of Jieru in the database {database} belong to {owner}, and its user {user} "
        "may not use them (as after a restore by somebody else): have a superuser run "
        "`psql --set=ON_ERROR_STOP=1 --dbname={database} --set=owner={user} --file={file}`.",
        owner=owner,
        user=user,
        database=database,
        file=_TAKE_OVER,
    )
