"""A page of the browser that is watched: what it asks for, and what it complains of."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

from api.access.roles import Role
from tests.browser.console import Console
from tests.support.browser import AXE_SCRIPT

__all__ = ["Screen", "serious_violations", "watched_page"]

Screen = Literal["light", "dark"]

_FAILED_REQUEST = ("Failed to load resource", "Response Status Error Code", "htmx:")
_SESSION_COOKIE = "jieru_session"
_SERIOUS = {"serious", "critical"}


@contextmanager
def watched_page(
    browser: Browser,
    console: Console,
    *,
    role: Role | None = Role.AUDITOR,
    language: str = "en-GB",
    width: int = 1280,
    screen: Screen = "light",
    scripts: bool = True,
    may_fail: bool = False,
) -> Iterator[Page]:
    """A page; at its end it must have asked only this console, and complained of nothing.

    Args:
        browser: the running browser.
        console: the console; its address is the base of relative addresses.
        role: who is signed in already; None: nobody.
        language: what the browser says that its user reads.
        width: of the window, in CSS pixels.
        screen: which colours the user prefers.
        scripts: whether scripts run.
        may_fail: requests of the page may fail, of which Chromium and htmx complain by themselves.
    """
    foreign, complaints = [], []
    with browser.new_context(
        base_url=console.address,
        locale=language,
        viewport={"width": width, "height": 900},
        color_scheme=screen,
        reduced_motion="reduce",
        java_script_enabled=scripts,
    ) as context:
        if role is not None:
            token = console.session(role)
            context.add_cookies([{"name": _SESSION_COOKIE, "value": token, "url": console.address}])
        page = context.new_page()
        page.on(
            "request",
            lambda request: (
                None
                if urlsplit(request.url).netloc == urlsplit(console.address).netloc
                else foreign.append(request.url)
            ),
        )
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text) if message.type in {"error", "warning"} else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
    if may_fail:
        complaints = [each for each in complaints if not each.startswith(_FAILED_REQUEST)]
    assert not foreign, foreign
    assert not complaints, complaints


def serious_violations(page: Page) -> list[dict[str, Any]]:
    """What axe finds serious or critical in the page as it stands (WCAG 2 A and AA, practices)."""
    # By the debugger and not as a script element, which the page's own policy would refuse.
    page.evaluate(AXE_SCRIPT.read_text())
    found = page.evaluate("axe.run()")["violations"]
    return [
        {"rule": each["id"], "nodes": [node["html"] for node in each["nodes"]]}
        for each in found
        if each["impact"] in _SERIOUS
    ]
