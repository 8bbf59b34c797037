"""The dashboards on the console: what is drawn is what the count says."""

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from api.access.roles import Role
from dashboards.grafana_json import grafana_dashboards
from jieru.database import connect
from tests.browser.console import Console
from tests.browser.pages import EVIDENCE, wait_for_panels
from tests.browser.watched_page import watched_page
from tests.support.registry_files import uscc_of
from tests.support.small_city import AS_OF, ON_GUOLIAN
from verifier.counting.explain import explain
from verifier.policy import load_policy
from verifier.procedure.overview import CountSummary, count_summary
from verifier.procedure.records import standing_count

_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_COLOURS = """
(holder) => {
  const seen = new Set();
  for (const drawn of holder.querySelectorAll("canvas")) {
    // A copy, because Chromium warns of reading a canvas that is drawn on the graphics card.
    const copy = Object.assign(document.createElement("canvas"), { width: drawn.width, height: drawn.height });
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(drawn, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] === 255) seen.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
    }
  }
  return [...seen];
}
"""  # noqa: E501
# A function: the page's policy lets nobody evaluate a text again and again.
_NO_CHART_IS_OLD = """
() => ![...document.querySelectorAll("[data-drawn=narrow]")].some((chart) => chart.clientWidth >= 480)
"""  # noqa: E501
_GREEN, _BLUE, _GREY = "56,158,13", "22,104,220", "140,140,140"
"""--panel-green, --panel-blue and --panel-text."""


def panel(page: Page, number: int) -> Locator:
    """The body of a panel."""
    return page.locator(f"#panel-{number}")


def chart_of(page: Page, number: int) -> dict[str, Any]:
    """What the script of a chart was given."""
    text = panel(page, number).locator("[data-chart]").get_attribute("data-chart")
    assert text is not None
    chart: dict[str, Any] = json.loads(text)
    return chart


def colours_of(page: Page, number: int) -> set[str]:
    """What stands on the canvas of a chart."""
    return set(panel(page, number).locator("[data-chart]").evaluate(_COLOURS))


def summary_of(console: Console) -> CountSummary:
    """The count of 2026 that stands, as the verifier says it."""
    with connect(console.database_url) as connection:
        record = standing_count(connection, 2026)
        summary = count_summary(connection, record) if record else None
    assert summary is not None
    return summary


def test_the_overview_shows_the_figures_of_the_count(
    browser: Browser, lively_console: Console
) -> None:
    """Large ones, the rows of the platforms, and the bars of the months."""
    summary = summary_of(lively_console)
    counted = sum(each.counted for each in summary.platforms)
    with watched_page(browser, lively_console) as page:
        page.goto("/panels")
        wait_for_panels(page)
        expect(panel(page, 1).locator("dd")).to_have_text("Published")
        expect(panel(page, 3).locator("dd")).to_have_text(f"{counted:,}")
        expect(panel(page, 5).locator("dd")).to_have_text(f"{summary.total_yuan:,}")
        expect(panel(page, 6).locator("dd")).to_have_text(f"{summary.budget_left_yuan:,}")
        for each in summary.platforms:
            row = panel(page, 10).get_by_role("row").filter(has_text=each.platform)
            cells = row.get_by_role("cell").all_inner_texts()
            assert cells[2] == f"{each.counted:,}"
            assert cells[5] == f"{each.award_yuan:,}"
        assert chart_of(page, 21)["series"][0]["values"][-1] == counted
        assert {_BLUE} <= colours_of(page, 21)


def test_the_evidence_shows_days_and_hours_of_each_device(
    browser: Browser, lively_console: Console
) -> None:
    """The active days are those of the verifier's explanation."""
    with connect(lively_console.database_url) as connection:
        explanation = explain(
            connection, 2026, "xielian", uscc_of(1), as_of=AS_OF, policy=load_policy("putian-2026")
        )
    window = explanation.determination.window
    assert window is not None
    with watched_page(browser, lively_console) as page:
        page.goto(EVIDENCE)
        wait_for_panels(page)
        expect(panel(page, 1).locator("dd")).to_have_text("Counted")
        expect(panel(page, 4).locator("dd")).to_have_text(str(window.active_days))
        bars = chart_of(page, 20)
        active, _heard, required = (each["values"] for each in bars["series"])
        days = {
            name: have >= need
            for name, have, need in zip(bars["names"], active, required, strict=True)
            if have is not None
        }
        for month in explanation.calendar:
            for day, mark in enumerate(month.days, start=1):
                name = f"{month.month:%Y-%m}-{day:02}"
                assert days.get(name, mark == "#") is (mark == "#"), name
        assert len(days) > 100
        assert {_GREEN, _GREY} <= colours_of(page, 21)
        assert _GREEN in colours_of(page, 22)
        assert chart_of(page, 22)["max"] == len(explanation.devices)


def test_a_reader_chooses_platforms_and_gets_to_one_of_them(
    browser: Browser, lively_console: Console
) -> None:
    """By boxes to tick, and from a row of the table."""
    with watched_page(browser, lively_console) as page:
        page.goto("/panels")
        page.locator(".choices summary").click()
        page.get_by_label("guolian").check()
        page.get_by_role("button", name="Show").click()
        wait_for_panels(page)
        expect(panel(page, 3).locator("dd")).to_have_text(str(len(ON_GUOLIAN)))
        panel(page, 10).get_by_role("link", name="guolian", exact=True).click()
        wait_for_panels(page)
        expect(page.get_by_role("combobox", name="Platform")).to_have_value("guolian")
        expect(panel(page, 2).locator("dd")).to_have_text(str(len(ON_GUOLIAN)))
        panel(page, 11).get_by_role("link", name=uscc_of(ON_GUOLIAN[0])).click()
        expect(page.get_by_role("combobox", name="Enterprise")).to_have_value(
            uscc_of(ON_GUOLIAN[0])
        )


def test_another_platform_brings_its_own_enterprises(
    browser: Browser, lively_console: Console
) -> None:
    """The enterprise of before gives way."""
    with watched_page(browser, lively_console) as page:
        page.goto(EVIDENCE)
        page.get_by_role("combobox", name="Platform").select_option("guolian")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("combobox", name="Enterprise")).to_have_value(
            uscc_of(ON_GUOLIAN[0])
        )


def test_a_panel_that_fails_says_so_and_the_others_stay(
    browser: Browser, lively_console: Console
) -> None:
    """A sentence in its place."""
    with watched_page(browser, lively_console, may_fail=True) as page:
        page.route("**/panels/jieru-overview/3?*", lambda route: route.fulfill(status=503))
        page.goto("/panels")
        expect(panel(page, 3)).to_contain_text("could not be loaded")
        expect(panel(page, 1).locator("dd")).to_have_text("Published")


@pytest.mark.parametrize("uid", [each["uid"] for each in grafana_dashboards()])
def test_a_dashboard_fits_a_phone_and_a_desk_in_both_languages(
    browser: Browser, lively_console: Console, uid: str
) -> None:
    """And all its charts are drawn again when the window changes."""
    for language in ("zh-CN", "en-GB"):
        with watched_page(browser, lively_console, language=language, width=390) as page:
            page.goto(f"/panels/{uid}")
            wait_for_panels(page)
            assert page.evaluate(_OVERFLOW) == 0
            page.set_viewport_size({"width": 1280, "height": 900})
            page.wait_for_function(_NO_CHART_IS_OLD)
            assert page.evaluate(_OVERFLOW) == 0


def test_an_operator_has_no_panels(browser: Browser, lively_console: Console) -> None:
    """Neither in the menu nor by the address."""
    with watched_page(browser, lively_console, role=Role.OPERATOR, may_fail=True) as page:
        page.goto("/")
        expect(page.get_by_role("link", name="Audit panels")).to_have_count(0)
        answer = page.goto("/panels")
        assert answer is not None
        assert answer.status == 403
