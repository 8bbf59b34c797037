"""When something was told is said by the database's clock, whatever a process writes."""

import psycopg
import pytest

from jieru.schema import migrate
from tests.support.databases import DatabaseServer
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import uscc_of

_REQUEST = """
    INSERT INTO connection_requests (platform_id, uscc, from_date, requested_by, requested_at)
    SELECT id, %s, '2025-01-01', 'x', '2025-01-02' FROM platforms
    RETURNING requested_at = now()
"""
_DECIDED = """
    INSERT INTO connection_requests (platform_id, uscc, from_date, requested_by, status, decided_by,
                                     decided_at, reason)
    SELECT id, %s, '2025-01-01', 'x', 'refused', 'x', now(), 'x' FROM platforms
"""


def test_no_process_requests_a_connection_long_ago(embedded_server: DatabaseServer) -> None:
    """Else evidence of a year would count that nobody had told of; nor does one decide at once."""
    with embedded_server.database() as url, psycopg.connect(url) as connection:
        migrate(url)
        build = RegistryBuilder(connection)
        build.platform("alpha")
        build.enterprise(1)
        connection.execute("SET ROLE jieru_api")
        found = connection.execute(_REQUEST, (uscc_of(1),)).fetchone()
        assert found == (True,)
        decided = connection.execute(
            "UPDATE connection_requests SET status = 'refused', reason = 'x', decided_by = 'x',"
            " decided_at = '2025-01-03' RETURNING decided_at = now()"
        ).fetchone()
        assert decided == (True,)
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(_DECIDED, (uscc_of(1),))
