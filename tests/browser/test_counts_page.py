"""The page of a year's count, as people use it."""

import re
from functools import partial
from itertools import product

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.console import Console
from tests.browser.watched_page import Screen, serious_violations, watched_page
from tests.support.registry_files import uscc_of
from tests.support.small_city import (
    ALL,
    COUNTED_ON_XIELIAN,
    HELD,
    ON_GUOLIAN,
    PENDING,
    TOTAL_YUAN,
    name_of,
)

_COLOURS_OF_CHART = """
() => {
  const { width, height } = document.querySelector("#award-chart canvas");
  // A copy, because Chromium warns of reading a canvas that is drawn on the graphics card.
  const copy = Object.assign(document.createElement("canvas"), { width, height });
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(document.querySelector("#award-chart canvas"), 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const seen = new Set();
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] === 255) seen.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
  }
  return [...seen];
}
"""
_OPEN_DETAILS = "document.querySelectorAll('details').forEach(each => each.open = true)"
_REPEATED_IDS = """
() => {
    const ids = [...document.querySelectorAll("[id]")].map(each => each.id);
    return ids.filter((id, place) => ids.indexOf(id) !== place);
}
"""
_KEEP_EVERY_TENTH = """
selector => {
    const all = [...document.querySelectorAll(selector)];
    all.filter((_, place) => place % 10).forEach(each => each.remove());
    return document.querySelectorAll(selector).length;
}
"""
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def rows(page: Page) -> list[str]:
    """The names in the table of determinations."""
    return page.locator("#determinations tbody th a").all_inner_texts()


def chooser(page: Page, name: str) -> Locator:
    """A list of the filter to choose from."""
    return page.get_by_role("search").get_by_role("combobox", name=name)


def test_the_page_shows_the_chart_the_totals_and_the_determinations(
    browser: Browser, console: Console
) -> None:
    """What an auditor looks for, without a click."""
    with watched_page(browser, console) as page:
        page.goto("/counts/2026")
        expect(page.get_by_role("heading", level=1)).to_have_text("2026 annual count")
        expect(page.get_by_role("note")).to_contain_text("Simulation")
        expect(page.locator(".statistic").first).to_contain_text(f"{TOTAL_YUAN:,}")
        expect(page.locator("#award-chart canvas")).to_be_visible()
        capped = page.get_by_role("row", name=re.compile("平台 xielian"))
        expect(capped.first).to_contain_text("at the cap")
        assert len(rows(page)) == 50
        expect(page.get_by_role("status")).to_contain_text(f"{ALL} of {ALL}")


def test_the_chart_has_bars_for_both_clauses_the_uncapped_amount_and_the_cap(
    browser: Browser, console: Console
) -> None:
    """Each in its colour: the canvas is not empty."""
    with watched_page(browser, console) as page:
        page.goto("/counts/2026")
        expect(page.locator("#award-chart canvas")).to_be_visible()
        page.wait_for_timeout(200)
        colours = set(page.evaluate(_COLOURS_OF_CHART))
        # --chart-award, --chart-title, --chart-uncapped, --chart-cap
        assert {"22,104,220", "114,46,209", "188,212,245", "207,19,34"} <= colours


def test_the_chart_follows_the_colours_the_user_prefers(browser: Browser, console: Console) -> None:
    """Also when they change while the page is open."""
    with watched_page(browser, console, screen="dark") as page:
        page.goto("/counts/2026")
        expect(page.locator("#award-chart canvas")).to_be_visible()
        page.wait_for_timeout(200)
        assert "74,144,240" in page.evaluate(_COLOURS_OF_CHART)
        page.emulate_media(color_scheme="light")
        page.wait_for_timeout(200)
        assert "22,104,220" in page.evaluate(_COLOURS_OF_CHART)


def test_a_filter_changes_the_table_and_the_address_but_not_the_page(
    browser: Browser, console: Console
) -> None:
    """By htmx: the chart stays, the focus stays, and the address can be shared."""
    with watched_page(browser, console) as page:
        page.goto("/counts/2026")
        page.evaluate("document.querySelector('#award-chart').dataset.kept = 'yes'")
        chooser(page, "Outcome").focus()
        chooser(page, "Outcome").select_option("pending")
        expect(page.get_by_role("status")).to_contain_text(f"1 of {ALL}")
        assert rows(page) == [name_of(PENDING)]
        expect(page).to_have_url(f"{console.address}/counts/2026?as_of=2027-03-15&outcome=pending")
        assert page.evaluate("document.querySelector('#award-chart').dataset.kept") == "yes"
        assert page.evaluate("document.activeElement.name") == "outcome"
        page.reload()
        assert rows(page) == [name_of(PENDING)]
        expect(chooser(page, "Outcome")).to_have_value("pending")


def test_typing_finds_an_enterprise_by_its_name_or_code(browser: Browser, console: Console) -> None:
    """After a short pause, without a button."""
    with watched_page(browser, console) as page:
        page.goto("/counts/2026")
        search = page.get_by_role("searchbox", name="Enterprise")
        search.press_sequentially(f"第{HELD}鞋")
        expect(page.get_by_role("status")).to_contain_text(f"1 of {ALL}")
        assert rows(page) == [name_of(HELD)]
        search.fill(uscc_of(ON_GUOLIAN[0]))
        expect(page.locator("#determinations tbody th a")).to_have_text(name_of(ON_GUOLIAN[0]))
        search.fill("nobody")
        expect(page.get_by_text("No enterprise fits.")).to_be_visible()


def test_back_undoes_a_filter(browser: Browser, console: Console) -> None:
    """With the chart drawn anew."""
    with watched_page(browser, console) as page:
        page.goto("/counts/2026")
        chooser(page, "Platform").select_option("guolian")
        expect(page.get_by_role("status")).to_contain_text(f"2 of {ALL}")
        page.go_back()
        expect(page.get_by_role("status")).to_contain_text(f"{ALL} of {ALL}")
        expect(page.locator("#award-chart canvas")).to_be_visible()


def test_the_next_page_has_the_other_rows(browser: Browser, console: Console) -> None:
    """Fifty at a time."""
    with watched_page(browser, console) as page:
        page.goto("/counts/2026")
        first = rows(page)
        page.get_by_role("navigation", name="Pages").get_by_role("link", name="Page 2").click()
        expect(page).to_have_url(re.compile("page=2"))
        second = rows(page)
        assert len(second) == ALL - 50
        assert not set(first) & set(second)


def test_an_enterprise_opens_in_a_drawer_and_escape_gives_the_focus_back(
    browser: Browser, console: Console
) -> None:
    """With the keyboard alone."""
    with watched_page(browser, console) as page:
        page.goto("/counts/2026?outcome=held")
        link = page.get_by_role("link", name=name_of(HELD))
        link.focus()
        page.keyboard.press("Enter")
        drawer = page.get_by_role("dialog")
        expect(drawer).to_be_visible()
        expect(drawer).to_have_accessible_name(re.compile(name_of(HELD)))
        expect(drawer).to_contain_text("held by decision #1")
        row = drawer.get_by_role("row", name=re.compile("Active days in the window"))
        expect(row).to_contain_text("at least 60")
        expect(drawer.locator(".calendar .day.window")).to_have_count(90)
        page.keyboard.press("Escape")
        expect(drawer).to_be_hidden()
        expect(link).to_be_focused()


def test_the_drawer_has_a_button_to_close_it(browser: Browser, console: Console) -> None:
    """For the mouse; a click beside it does the same."""
    with watched_page(browser, console) as page:
        page.goto("/counts/2026?outcome=held")
        for close in (
            page.get_by_role("button", name="Close").click,
            partial(page.mouse.click, 20, 450),
        ):
            page.get_by_role("link", name=name_of(HELD)).click()
            expect(page.get_by_role("dialog")).to_be_visible()
            close()
            expect(page.get_by_role("dialog")).to_be_hidden()


def test_everything_can_be_reached_with_the_tab_key(browser: Browser, console: Console) -> None:
    """In the order of the page, each with a visible outline."""
    with watched_page(browser, console) as page:
        page.goto("/counts/2026?outcome=held")
        reached = []
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate(
                    """() => {
                      const focused = document.activeElement;
                      const style = getComputedStyle(focused);
                      return [focused.name || focused.innerText?.trim() || focused.id,
                              style.outlineStyle !== "none"];
                    }"""
                )
            )
        names = [name for name, _outline in reached]
        order = ["Skip to the content", "Annual counts", "English", "year", "Count", "outcome"]
        order += ["text", "Search", name_of(HELD)]
        positions = [
            next(i for i, name in enumerate(names) if name.startswith(wanted)) for wanted in order
        ]
        assert positions == sorted(positions)
        assert all(outline for name, outline in reached if name in order)


def test_the_skip_link_leads_past_the_menu(browser: Browser, console: Console) -> None:
    """The first key press offers it."""
    with watched_page(browser, console) as page:
        page.goto("/counts/2026")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"


def test_the_year_and_the_day_of_evidence_can_be_chosen(browser: Browser, console: Console) -> None:
    """A count of the past, from the evidence of the past."""
    with watched_page(browser, console) as page:
        page.goto("/counts/2026")
        page.get_by_label("Evidence up to").fill("2026-05-29")
        page.get_by_role("button", name="Count").click()
        expect(page).to_have_url(f"{console.address}/counts/2026?as_of=2026-05-29")
        expect(page.locator(".statistic").first).to_contain_text("300,000")


def test_another_language_is_one_click_away_and_stays(browser: Browser, console: Console) -> None:
    """Chinese first, English kept in a cookie."""
    with watched_page(browser, console, language="zh-CN") as page:
        page.goto("/counts/2026?outcome=held")
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        expect(page.get_by_role("heading", level=1)).to_have_text("2026 年度核定")
        page.get_by_role("link", name="English").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("2026 annual count")
        assert rows(page) == [name_of(HELD)]
        page.goto("/docs")
        expect(page.get_by_role("heading", level=1)).to_have_text("API reference")


def test_a_failed_request_is_told_and_the_table_stays(browser: Browser, console: Console) -> None:
    """In the words of the problem, or in ours when nobody answers."""
    with watched_page(browser, console, may_fail=True) as page:
        page.goto("/counts/2026")
        notice = page.get_by_role("alert")
        before = rows(page)
        page.route(
            "**/counts/2026?*outcome=held*",
            lambda route: route.fulfill(
                status=503, content_type="application/problem+json", body='{"detail": "Away."}'
            ),
        )
        chooser(page, "Outcome").select_option("held")
        expect(notice).to_have_text("Away.")
        page.route("**/counts/2026?*outcome=counted*", lambda route: route.abort())
        chooser(page, "Outcome").select_option("counted")
        expect(notice).to_have_text("The server did not answer. Please try again.")
        assert rows(page) == before
        chooser(page, "Outcome").select_option("pending")
        expect(page.get_by_role("status")).to_contain_text(f"1 of {ALL}")
        expect(notice).to_be_hidden()


@pytest.mark.parametrize(
    ("address", "width", "screen"),
    list(
        product(
            [
                "/counts/2026",
                "/counts/2026?outcome=pending&text=nobody",
                f"/counts/2026/xielian/{uscc_of(HELD)}",
            ],
            [1280, 390],
            ["light", "dark"],
        )
    ),
)
def test_a_page_fits_its_window_and_has_no_serious_violation(
    browser: Browser, console: Console, address: str, width: int, screen: Screen
) -> None:
    """At a desk and in the hand, in the light and in the dark."""
    with watched_page(browser, console, width=width, screen=screen) as page:
        page.goto(address)
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate(_OVERFLOW) == 0
        assert serious_violations(page) == []


@pytest.mark.parametrize(("width", "screen"), [(1280, "light"), (390, "dark")])
def test_the_reference_of_the_api_fits_its_window_and_has_no_serious_violation(
    browser: Browser, console: Console, width: int, screen: Screen
) -> None:
    """It fits as a whole; of its operations, all of one template, axe sees every tenth."""
    with watched_page(browser, console, width=width, screen=screen) as page:
        page.goto("/docs")
        page.evaluate(_OPEN_DETAILS)
        assert page.evaluate(_OVERFLOW) == 0
        assert page.evaluate(_REPEATED_IDS) == []
        assert page.evaluate(_KEEP_EVERY_TENTH, "article.operation") > 5
        assert serious_violations(page) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_open_drawer_fits_its_window_and_has_no_serious_violation(
    browser: Browser, console: Console, width: int
) -> None:
    """The drawer is a page of its own."""
    with watched_page(browser, console, width=width) as page:
        page.goto("/counts/2026?outcome=held")
        page.get_by_role("link", name=name_of(HELD)).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert page.evaluate(_OVERFLOW) == 0
        assert page.evaluate("detail.scrollWidth - detail.clientWidth") == 0
        assert serious_violations(page) == []


def test_the_page_works_without_scripts(browser: Browser, console: Console) -> None:
    """The filter is a form, an enterprise is a page."""
    with watched_page(browser, console, scripts=False) as page:
        page.goto("/counts/2026")
        chooser(page, "Outcome").select_option("counted")
        chooser(page, "Platform").select_option("xielian")
        page.get_by_role("button", name="Search").click()
        assert len(rows(page)) == COUNTED_ON_XIELIAN
        page.locator("#determinations tbody th a").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(name_of(1))


def test_an_unknown_page_leads_back(browser: Browser, console: Console) -> None:
    """To where everybody begins."""
    with watched_page(browser, console, may_fail=True) as page:
        page.goto("/counts/1999")
        expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
        page.get_by_role("link", name="To the first page").click()
        expect(page).to_have_url(f"{console.address}/")
