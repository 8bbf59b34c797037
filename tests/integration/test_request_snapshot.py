"""One request that asks several questions: all of them see one moment."""

import psycopg
import pytest

from api.web.database import RequestDatabase
from jieru.audit import command_actor
from jieru.database import connect, open_pool
from tests.support.registry_builder import RegistryBuilder

_COUNT = "SELECT count(*) FROM platforms"


def test_questions_of_a_snapshot_see_one_moment(embedded_database_url: str) -> None:
    """What others commit meanwhile is not seen, nothing is written, and the next user may write."""
    with open_pool(embedded_database_url, size=1) as pool:
        database = RequestDatabase(pool)
        with database.snapshot() as connection:
            assert connection.execute(_COUNT).fetchone() == (0,)
            with connect(embedded_database_url) as other:
                RegistryBuilder(other).platform()
                other.commit()
            assert connection.execute(_COUNT).fetchone() == (0,)
        with (
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
            database.snapshot() as connection,
        ):
            connection.execute("DELETE FROM platforms")
        with database.changing(command_actor()) as connection:
            connection.execute("UPDATE platforms SET name = '改名'")
        with database.reading() as connection:
            assert connection.execute(_COUNT).fetchone() == (1,)
