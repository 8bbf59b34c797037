"""A real Chromium, and the console on a real database."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from jieru.database import connect
from tests.browser.console import Console, running_console
from tests.browser.pages import fill_console
from tests.support.browser import BROWSER_ARGUMENTS, ensure_chromium
from tests.support.databases import DatabaseServer
from tests.support.lively_city import build_lively_city
from tests.support.small_city import build_small_city


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
def console(
    embedded_server: DatabaseServer, embedded_simulation_template: str
) -> Iterator[Console]:
    """A console on a simulation that holds the small city."""
    with embedded_server.database(template=embedded_simulation_template) as url:
        with connect(url) as connection:
            build_small_city(connection)
        with running_console(url) as console:
            yield console


@pytest.fixture(scope="package")
def lively_console(
    embedded_server: DatabaseServer, embedded_simulation_template: str, browser: Browser
) -> Iterator[Console]:
    """A console on the small city of today, with something on every page."""
    with embedded_server.database(template=embedded_simulation_template) as url:
        with connect(url) as connection:
            build_lively_city(connection)
        with running_console(url) as console:
            fill_console(browser, console)
            yield console
