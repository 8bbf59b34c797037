"""Databases with the auditors' role, once with TimescaleDB and once without."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import psycopg
import pytest

from jieru.database import connect
from jieru.schema import migrate
from tests.support.auditors import AUDITOR_PASSWORD, auditor_address, plant_secrets

if TYPE_CHECKING:
    from tests.support.databases import DatabaseServer


@pytest.fixture(scope="module", params=["timescale_server", "embedded_server"])
def guarded_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database full of secrets, for all tests of a module."""
    server: DatabaseServer = request.getfixturevalue(request.param)
    with server.database() as url:
        assert migrate(url, auditor_password=AUDITOR_PASSWORD) == ()
        with connect(url, autocommit=True) as connection:
            plant_secrets(connection)
        yield url


@pytest.fixture
def owner(guarded_url: str) -> Iterator[psycopg.Connection]:
    """Whoever owns the tables."""
    with connect(guarded_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def auditor(guarded_url: str) -> Iterator[psycopg.Connection]:
    """Somebody who logged in as the auditors' role and put its settings aside."""
    with psycopg.connect(auditor_address(guarded_url), autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET search_path = audit, public")
        yield connection
