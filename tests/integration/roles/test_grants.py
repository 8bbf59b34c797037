"""What each role may do in a real database is what the table of grants says, and nothing else."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import psycopg
import pytest

from jieru.roles.granting import actual_grants, unlisted_names
from jieru.roles.grants import PROCESSES, Grant, listed_names, wanted_grants
from jieru.schema import migrate

if TYPE_CHECKING:
    from tests.support.databases import DatabaseServer

_UNPINNED: Final = """
    SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND prosecdef
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = pg_proc.oid AND d.deptype = 'e')
      AND NOT coalesce(array_to_string(proconfig, ' ') ~ 'search_path=.*pg_temp', false)
"""
_ROOMS: Final = """
    SELECT rolname::text, privilege
    FROM pg_roles,
         unnest(ARRAY['TEMPORARY on database', 'CREATE on database', 'CREATE on schema'])
             AS privilege
    WHERE rolname = ANY (%s)
      AND CASE privilege
          WHEN 'CREATE on schema' THEN has_schema_privilege(oid, 'public', 'CREATE')
          ELSE has_database_privilege(oid, current_database(), split_part(privilege, ' ', 1)) END
"""
_OWNED: Final = """
    SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = ANY (%(roles)s)
    UNION ALL SELECT count(*) FROM pg_proc WHERE pg_get_userbyid(proowner) = ANY (%(roles)s)
"""
_ATTRIBUTES: Final = """
    SELECT rolname FROM pg_roles
    WHERE rolname = ANY (%s)
      AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls OR rolinherit)
"""


@pytest.fixture(scope="module", params=["timescale_server", "embedded_server"])
def connection(request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    """The owner's, to a migrated database: once with TimescaleDB and once without."""
    server: DatabaseServer = request.getfixturevalue(request.param)
    with server.database() as url:
        assert migrate(url) == ()
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


def test_every_table_view_and_function_has_its_line(connection: psycopg.Connection) -> None:
    """Who adds one says who may use it."""
    assert unlisted_names(connection) == [], (
        "add a line for each of these to jieru/roles/grants.txt: what each process does with it"
    )


def test_no_line_is_about_what_is_not_there(connection: psycopg.Connection) -> None:
    """A table that went takes its line along."""
    listed = listed_names()
    assert len(listed) == len(set(listed))
    there = {each.name for each in wanted_grants()} & {
        each.name for each in actual_grants(connection)
    }
    assert {each.name for each in wanted_grants()} - there == set()


def test_each_role_has_what_its_column_says(connection: psycopg.Connection) -> None:
    """Tables, columns, views, sequences, functions; and everybody has nothing."""
    assert actual_grants(connection) == wanted_grants()


def test_a_second_migration_takes_back_what_somebody_gave(connection: psycopg.Connection) -> None:
    """And gives back what somebody took; a third finds nothing to do."""
    connection.execute("GRANT DELETE ON presence TO jieru_ingest")
    connection.execute("GRANT SELECT (secret) ON ingester_secret TO jieru_api")
    connection.execute("GRANT EXECUTE ON FUNCTION write_audit_entries() TO PUBLIC")
    connection.execute("REVOKE SELECT ON platforms FROM jieru_api")
    assert actual_grants(connection) != wanted_grants()
    migrate(f"{_address(connection)}")
    assert actual_grants(connection) == wanted_grants()


def _address(connection: psycopg.Connection) -> str:
    return psycopg.conninfo.make_conninfo(connection.info.dsn, password=connection.info.password)


def test_no_process_owns_or_makes_anything(connection: psycopg.Connection) -> None:
    """Who owns a table may disable its triggers; temporary tables are for two of them."""
    roles = list(PROCESSES)
    assert connection.execute(_OWNED, {"roles": roles}).fetchall() == [(0,), (0,)]
    assert connection.execute(_ATTRIBUTES, (roles,)).fetchall() == []
    assert set(connection.execute(_ROOMS, (roles,))) == {
        ("jieru_ingest", "TEMPORARY on database"),
        ("jieru_archive", "TEMPORARY on database"),
    }


def test_functions_with_their_owners_rights_look_in_our_schema_alone(
    connection: psycopg.Connection,
) -> None:
    """Or whoever may make temporary tables has them read one of his own."""
    assert connection.execute(_UNPINNED).fetchall() == []


def test_the_audit_is_nobodys(connection: psycopg.Connection) -> None:
    """Its owner cannot log in, and no process is a member."""
    rows = connection.execute(
        "SELECT relname, pg_get_userbyid(relowner) FROM pg_class WHERE relname LIKE 'audit_%'"
        " AND relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    owners: dict[str, str] = dict(rows.fetchall())
    assert owners["audit_entries"] == owners["audit_head"] == "jieru_audit_writer"
    assert connection.execute(
        "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'jieru_audit_writer'"
    ).fetchone() == (False,)
    for role in PROCESSES:
        row = connection.execute("SELECT pg_has_role(%s, 'jieru_audit_writer', 'MEMBER')", (role,))
        assert row.fetchone() == (False,)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("platforms r r", "needs a word for each"), ("platforms q - - - -", "says nothing")],
)
def test_a_line_of_another_form_is_refused(line: str, complaint: str) -> None:
    """With what it lacks."""
    with pytest.raises(ValueError, match=complaint):
        wanted_grants(line)


def test_a_line_says_columns_too() -> None:
    """In parentheses, for one privilege each."""
    assert wanted_grants("things r(a,b)aw - X - -") == {
        Grant("things", "jieru_api", "SELECT", "a"),
        Grant("things", "jieru_api", "SELECT", "b"),
        Grant("things", "jieru_api", "INSERT", ""),
        Grant("things", "jieru_api", "UPDATE", ""),
        Grant("things", "jieru_verifier", "EXECUTE", ""),
    }
