"""A picture of every page, to be looked at: `python -m tests.browser.screenshots FOLDER`.

Pages are pictured in both languages at a desk in the light; in Chinese also in the dark and in
the hand. The console behind them is a real one, on a database of a small city of today.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from playwright.sync_api import Browser, sync_playwright

from command.embedded import EmbeddedPostgres
from jieru.database import connect
from jieru.schema import migrate
from tests.browser.console import Console, running_console
from tests.browser.pages import PAGES, Shown, fill_console
from tests.browser.watched_page import Screen, watched_page
from tests.support.browser import BROWSER_ARGUMENTS, ensure_chromium
from tests.support.databases import DatabaseServer
from tests.support.lively_city import build_lively_city

_FOLDER: Final = Path("screenshots")
_LANGUAGES: Final = {"zh": "zh-CN", "en": "en-GB"}
_CHART_S: Final = 0.5
_TALLEST: Final = 1800


class _Look(NamedTuple):
    """How a page is looked at."""

    language: str
    width: int
    screen: Screen

    def name(self, page: str) -> str:
        return f"{page}.{self.language}.{self.width}.{self.screen}.png"


_LOOKS: Final = (
    _Look("zh", 1280, "light"),
    _Look("en", 1280, "light"),
    _Look("zh", 1280, "dark"),
    _Look("zh", 390, "light"),
)


def take_screenshots(folder: Path, only: str = "") -> Iterator[Path]:
    """Picture the pages whose name begins so; the paths of the pictures as they are made."""
    folder.mkdir(parents=True, exist_ok=True)
    with EmbeddedPostgres() as server, DatabaseServer(server.url).database() as url:
        migrate(url, simulation=True)
        with connect(url) as connection:
            build_lively_city(connection)
        with (
            running_console(url) as console,
            sync_playwright() as playwright,
            playwright.chromium.launch(
                executable_path=ensure_chromium(), args=list(BROWSER_ARGUMENTS)
            ) as browser,
        ):
            fill_console(browser, console)
            for look in _LOOKS:
                for shown in (each for each in PAGES if each.name.startswith(only)):
                    path = folder / look.name(shown.name)
                    _picture(browser, console, shown, look, path)
                    yield path


def _picture(browser: Browser, console: Console, shown: Shown, look: _Look, path: Path) -> None:
    with watched_page(
        browser,
        console,
        role=shown.role,
        language=_LANGUAGES[look.language],
        width=look.width,
        screen=look.screen,
        may_fail=shown.may_fail,
    ) as page:
        page.goto(shown.address)
        shown.prepare(page)
        # The whole page in one window, for the menu reaches as far down as the window does.
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": look.width, "height": min(height, _TALLEST)})
        page.wait_for_timeout(_CHART_S * 1000)
        page.screenshot(path=path)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots")
    parser.add_argument("folder", nargs="?", type=Path, default=_FOLDER)
    parser.add_argument("--only", default="", help="pages whose name begins so")
    arguments = parser.parse_args()
    for path in take_screenshots(arguments.folder, arguments.only):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
