"""Connections of the heavy lane: their time is given back, whatever happens to them."""

from typing import Final

import psycopg
import pytest

from api.web import database as request_database
from api.web.database import RequestDatabase
from api.web.lanes import Lane
from jieru.database import open_pool
from jieru.database_options import SHORT_WORK, Work

_SHOW: Final = "SELECT current_setting('statement_timeout')"


def _time_of_a_page(database: RequestDatabase) -> str:
    with database.reading() as connection:
        modes = [connection.autocommit]
        row = connection.execute(_SHOW).fetchone()
    modes.append(connection.autocommit)
    assert modes == [True, False]
    assert row is not None
    return str(row[0])


def test_heavy_work_has_more_time_than_the_page_after_it(database_url: str) -> None:
    """On one and the same connection."""
    with open_pool(database_url, size=1, work=SHORT_WORK) as pool:
        database = RequestDatabase(pool)
        with database.snapshot(Lane.HEAVY) as connection:
            assert connection.execute(_SHOW).fetchone() == ("10min",)
        assert _time_of_a_page(database) == "30s"


def test_a_connection_that_cannot_be_set_back_is_thrown_away(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next page has another, with the time of a page and in its usual mode."""
    with open_pool(database_url, size=1, work=SHORT_WORK) as pool:
        database = RequestDatabase(pool)
        with monkeypatch.context() as patch:
            patch.setattr(request_database, "SHORT_WORK", Work("no time at all"))
            with database.reading(Lane.HEAVY) as heavy:
                heavy.execute("SELECT 1")
        assert heavy.closed
        assert _time_of_a_page(database) == "30s"


def test_a_connection_that_cannot_be_given_time_goes_back_as_it_was(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heavy work fails; the page after it does not notice."""
    with open_pool(database_url, size=1, work=SHORT_WORK) as pool:
        database = RequestDatabase(pool)
        with monkeypatch.context() as patch:
            patch.setattr(request_database, "LONG_WORK", Work("no time at all"))
            with pytest.raises(psycopg.DataError), database.reading(Lane.HEAVY):
                pass
        assert _time_of_a_page(database) == "30s"
