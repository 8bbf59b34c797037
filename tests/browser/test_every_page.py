"""Every page of the console, at a desk and in the hand, in the light and in the dark."""

from collections.abc import Mapping
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.console import Console
from tests.browser.pages import PAGES, Shown
from tests.browser.watched_page import Screen, serious_violations, watched_page

_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_DESK, _HAND = 1280, 390
_LOOKS: Final[Mapping[str, tuple[tuple[int, Screen], tuple[int, Screen]]]] = {
    "zh-CN": ((_DESK, "light"), (_HAND, "dark")),
    "en-GB": ((_HAND, "light"), (_DESK, "dark")),
}
"""Every pair of language, width and scheme is looked at; all three together find nothing more."""


@pytest.mark.parametrize("language", _LOOKS)
@pytest.mark.parametrize("shown", PAGES, ids=[shown.name for shown in PAGES])
def test_a_page_has_one_heading_fits_its_window_and_has_no_serious_violation(
    browser: Browser, lively_console: Console, shown: Shown, language: str
) -> None:
    """And asks for nothing from another machine, and complains of nothing."""
    with watched_page(
        browser, lively_console, role=shown.role, language=language, may_fail=shown.may_fail
    ) as page:
        page.goto(shown.address)
        shown.prepare(page)
        expect(page.locator("h1")).to_have_count(1)
        for width, screen in _LOOKS[language]:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=screen)
            assert page.evaluate(_OVERFLOW) == 0, width
            # A look at the page of the API takes half a minute; test_counts_page.py has two.
            if not shown.is_long:
                assert serious_violations(page) == [], (width, screen)
