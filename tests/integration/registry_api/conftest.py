"""The application on an empty registry."""

from collections.abc import Iterator

import pytest

from api.app import create_app
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.support.registry_api import RegistryApi
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, as_role


@pytest.fixture
def api(database_url: str) -> Iterator[RegistryApi]:
    """The application on a database with our schema and nothing in it."""
    with connect(database_url) as connection, open_pool(as_role(database_url, API), size=4) as pool:
        yield RegistryApi(create_app(Settings(), pool), connection, RegistryBuilder(connection))
