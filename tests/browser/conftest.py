"""A real Chromium, and the console on a real database."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from api.app import create_app
from api.server import serving
from jieru.database import connect, open_pool
from jieru.schema import migrate
from jieru.settings import Settings
from tests.support.browser import BROWSER_ARGUMENTS, ensure_chromium
from tests.support.databases import DatabaseServer
from tests.support.small_city import AS_OF, build_small_city


# Playwright keeps an event loop running in this thread, which asynchronous tests cannot have
# beside their own: so it ends with this package.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests; each opens a context of its own."""
    path = ensure_chromium()
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path, args=list(BROWSER_ARGUMENTS)) as chromium,
    ):
        yield chromium


@pytest.fixture(scope="package")
def console(embedded_server: DatabaseServer) -> Iterator[str]:
    """The address of a console on a simulation that holds the small city."""
    with embedded_server.database() as url:
        migrate(url, simulation=True)
        with connect(url) as connection:
            build_small_city(connection)
        with (
            open_pool(url, size=4) as pool,
            serving(
                create_app(Settings(), pool, as_of=lambda: AS_OF, year=2026), "127.0.0.1", 0
            ) as address,
        ):
            yield address
