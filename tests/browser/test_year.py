"""An operator sees where the platform stands this year, and what to do next."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from api.access.roles import Role
from jieru.database import connect
from tests.browser.console import Console, running_console
from tests.browser.watched_page import watched_page
from tests.support.year_city import AS_OF, NOW, build_year_city


@pytest.fixture
def console(database_url: str) -> Iterator[Console]:
    """A console in the middle of the year, for the operator of alpha."""
    with connect(database_url) as connection:
        build_year_city(connection)
        connection.commit()
    with running_console(
        database_url, platform="alpha", as_of=AS_OF, year=AS_OF.year, clock=lambda: NOW
    ) as running:
        yield running


def test_an_operator_finds_the_enterprise_at_risk_and_its_window(
    browser: Browser, console: Console
) -> None:
    """From the first page, which names it, over the number that is a filter, to its calendar."""
    with watched_page(browser, console, role=Role.OPERATOR) as page:
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("My 2026")
        expect(page.locator(".next-thing")).to_contain_text("8 days of gap left")
        expect(page.locator(".award-facts")).to_contain_text("10,000 yuan")
        page.get_by_role("link", name="1 At risk").click()
        rows = page.locator("#pipeline tbody tr")
        expect(rows).to_have_count(1)
        expect(rows.first).to_contain_text("19/60")
        rows.first.get_by_role("link", name="第2鞋厂").click()
        expect(page.get_by_role("heading", name="2026: where it stands")).to_contain_text("At risk")
        expect(page.locator(".calendar:not(.weeks) .day.window.active")).to_have_count(19)
        expect(page.locator(".calendar:not(.weeks) td .day.window")).to_have_count(90)


def test_a_search_changes_the_list_and_keeps_what_is_typed(
    browser: Browser, console: Console
) -> None:
    """The address follows, and leads back to the same list."""
    with watched_page(browser, console, role=Role.OPERATOR) as page:
        page.goto("/")
        search = page.locator("input[type=search]")
        search.press_sequentially("第4")
        expect(page.locator("#pipeline tbody tr")).to_have_count(1)
        expect(search).to_be_focused()
        expect(search).to_have_value("第4")
        page.reload()
        expect(page.locator("#pipeline tbody tr")).to_have_count(1)
        page.get_by_label("Sorted by").select_option(label="Most active days")
        page.get_by_role("link", name="Reset").click()
        expect(page.locator("#pipeline tbody tr")).to_have_count(5)


def test_an_auditors_first_page_is_the_overview(browser: Browser, console: Console) -> None:
    """Who looks after all platforms has no year of an own one."""
    with watched_page(browser, console, role=Role.AUDITOR) as page:
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
