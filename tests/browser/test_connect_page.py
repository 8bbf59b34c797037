"""The page that connects equipment, with a real broker, a real ingester and a first message."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from api.access.roles import Role
from jieru.database import connect
from tests.browser.console import running_console
from tests.browser.watched_page import serious_violations, watched_page
from tests.support.debian_root import DebianRoot
from tests.support.equipment import EquipmentSide, equipment_side
from tests.support.registry_builder import RegistryBuilder

_PAGE = "/devices/xielian/CNC-01/connect"
_PATIENCE_MS = 30_000
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def side(database_url: str, debian_root: DebianRoot) -> Iterator[EquipmentSide]:
    """A broker and an ingester for a platform with one device, which has no credential yet."""
    with connect(database_url) as connection:
        build = RegistryBuilder(connection)
        build.platform("xielian")
        build.device("xielian", "CNC-01")
        connection.commit()
    with equipment_side(debian_root, database_url) as side:
        yield side


def _issue(page: Page) -> tuple[str, str]:
    page.goto("/devices/xielian/CNC-01")
    page.get_by_role("button", name="Issue a credential").click()
    username, secret = (page.locator(id_).inner_text() for id_ in ("#username", "#secret"))
    return username, secret


def test_the_first_message_appears_without_a_reload(
    browser: Browser, database_url: str, side: EquipmentSide
) -> None:
    """From the secret to the page that waits; what is refused says why, what is taken when."""
    with (
        running_console(database_url) as console,
        watched_page(browser, console, role=Role.OPERATOR) as page,
    ):
        username, secret = _issue(page)
        program = page.locator("#program-python-paho")
        expect(program).to_be_hidden()
        page.get_by_text("Python (paho-mqtt 2)").click()
        expect(program).to_contain_text(secret)

        page.get_by_role("link", name="Watch the first message arrive").click()
        state, rows = page.locator("#state"), page.locator("#arrivals tr")
        expect(state).to_have_text("Waiting for the first message …")
        expect(page.locator("#checks")).to_be_hidden()
        page.evaluate("window.isTheSamePage = true")

        side.publish_heartbeat(username, secret)
        expect(state).to_have_text("Heard: messages arrive.", timeout=_PATIENCE_MS)
        expect(rows.filter(has_text="running")).to_have_count(1)
        expect(rows.first).to_contain_text("CNC-01")
        expect(rows.first).to_contain_text(re.compile(r"\d+\.\d s later"))

        side.broker.publish("jieru/v1/xielian/own/CNC-01/heartbeat", '{"ts": "now"}', user=username)
        refused = rows.filter(has_text="ts must be an integer")
        expect(refused).to_have_count(1, timeout=_PATIENCE_MS)
        expect(state).to_have_text("Heard: messages arrive.")
        assert page.evaluate("window.isTheSamePage"), "the page was never reloaded"

        page.get_by_role("link", name=re.compile("^Go")).click()
        expect(page.locator("#program")).to_contain_text("package main")
        expect(page).to_have_url(re.compile(r"snippet=go$"))
        assert page.evaluate("window.isTheSamePage")
        expect(rows).to_have_count(2)
        for width, screen in ((1280, "dark"), (390, "light")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme="dark" if screen == "dark" else "light")
            assert page.evaluate(_OVERFLOW) == 0, width
            assert serious_violations(page) == [], (width, screen)


def test_hints_come_when_nothing_does(browser: Browser, database_url: str) -> None:
    """After some seconds, by the page's own clock, which here goes faster."""
    with connect(database_url) as connection:
        build = RegistryBuilder(connection)
        build.platform("xielian")
        build.device("xielian", "CNC-01")
        connection.commit()
    with (
        running_console(database_url) as console,
        watched_page(browser, console, role=Role.OPERATOR) as page,
    ):
        page.clock.install()
        page.goto(_PAGE)
        expect(page.locator("#checks")).to_be_hidden()
        page.clock.run_for(10_001)
        expect(page.locator("#checks")).to_be_visible()
        assert serious_violations(page) == []


def test_a_session_that_ends_is_told_on_the_page(browser: Browser, database_url: str) -> None:
    """Whether it ends while it is followed, or before."""
    with connect(database_url) as connection:
        build = RegistryBuilder(connection)
        build.platform("xielian")
        build.device("xielian", "CNC-01")
        connection.commit()
        with (
            running_console(database_url) as console,
            watched_page(browser, console, role=Role.OPERATOR, may_fail=True) as page,
        ):
            page.goto(_PAGE)
            connection.execute("UPDATE sessions SET revoked_at = now()")
            connection.commit()
            state = page.locator("#state")
            expect(state).to_contain_text("Your session has ended", timeout=_PATIENCE_MS)


def test_without_scripts_the_page_reloads_itself_and_has_all_it_needs(
    browser: Browser, database_url: str
) -> None:
    """Languages are links, texts can be marked, hints are there."""
    with connect(database_url) as connection:
        build = RegistryBuilder(connection)
        build.platform("xielian")
        build.device("xielian", "CNC-01")
        connection.commit()
    with (
        running_console(database_url) as console,
        watched_page(browser, console, role=Role.OPERATOR, scripts=False) as page,
    ):
        page.goto(_PAGE)
        assert page.locator("meta[http-equiv=refresh]").get_attribute("content") == "15"
        expect(page.locator("#checks")).to_be_visible()
        page.get_by_role("link", name=re.compile("^Go")).click()
        expect(page.locator("#program")).to_contain_text("package main")
