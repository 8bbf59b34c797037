"""Every page of the console, as the tests and the pictures of all pages visit it."""

from collections.abc import Callable
from typing import Final, NamedTuple

import psycopg
from playwright.sync_api import Browser, FilePayload, Page

from api.access.roles import Role
from jieru.database import connect
from tests.browser.console import Console
from tests.browser.watched_page import watched_page
from tests.support.administered import administer
from tests.support.asked_enterprise import (
    CHALLENGE_CODE,
    QUESTION_CODE,
    ask_enterprise,
    keep_opening_stocks,
)
from tests.support.credentials import issue_to
from tests.support.kept_counts import keep_counts
from tests.support.kept_draws import keep_draws
from tests.support.lively_city import SHOWN_DEVICE, SHOWN_ENTERPRISE
from tests.support.registry_files import registry_csv, uscc_of
from tests.support.shown_case import open_shown_case
from tests.support.small_city import COUNTED_ON_XIELIAN, ON_GUOLIAN

__all__ = ["EVIDENCE", "PAGES", "Shown", "fill_console", "wait_for_panels"]


def _as_it_is(_page: Page) -> None:
    """Nothing to do before it is looked at."""


class Shown(NamedTuple):
    """A page in a state worth looking at."""

    name: str
    address: str
    role: Role | None = Role.OPERATOR
    prepare: Callable[[Page], None] = _as_it_is
    may_fail: bool = False
    """The answer is no 200."""
    is_long: bool = False
    """It holds many times what others do."""


def _press(page: Page, button: str) -> None:
    # A click returns before its answer is there, and who looks then sees the old page or none.
    with page.expect_navigation():
        page.locator(button).last.click()


def _send(page: Page) -> None:
    _press(page, "main form button[type=submit]")


def _replace_credential(page: Page) -> None:
    of_cloud = "section[aria-labelledby='credentials-title']"
    page.locator(f"{of_cloud} details:has(form[action$='/replace']) summary").click()
    _press(page, f"{of_cloud} form[action$='/replace'] button")


def _create_key(page: Page) -> None:
    page.locator("#field-name").fill("协联数据同步")
    _send(page)


def _open_every_summary(page: Page) -> None:
    for summary in page.locator("main summary").all():
        summary.click()


# From the first day of March to the first of July, in milliseconds.
EVIDENCE: Final = (
    f"/panels/jieru-enterprise?var-platform=xielian&var-enterprise={uscc_of(SHOWN_ENTERPRISE)}"
    "&from=1772294400000&to=1782835200000"
)
"""What a link from an enterprise opens."""


def wait_for_panels(page: Page) -> None:
    """Until every panel has come and every chart is drawn."""
    page.wait_for_function(_ALL_PANELS_DRAWN)


_ALL_PANELS_DRAWN: Final = """
() => !document.querySelector(".panel-body > p > a[href^='/panels/']")
  && ![...document.querySelectorAll("[data-chart]")].some((chart) => !chart.dataset.drawn)
"""
_ENTERPRISE: Final = f"/enterprises/{uscc_of(SHOWN_ENTERPRISE)}"
_DEVICE: Final = f"/devices/xielian/{SHOWN_DEVICE}"
_COUNTED: Final = f"/counts/2026/xielian/{uscc_of(COUNTED_ON_XIELIAN)}"
_DECISION: Final = f"/counts/2026/decision?platform=xielian&uscc={uscc_of(COUNTED_ON_XIELIAN)}"

PAGES: Final = (
    Shown("sign-in", "/sign-in", None),
    Shown("year", "/"),
    Shown("overview", "/overview", prepare=_open_every_summary),
    Shown("administration", "/administration", Role.ADMIN),
    Shown("administration-processes", "/administration/processes", Role.ADMIN, _open_every_summary),
    Shown("administration-policy", "/administration/policy", Role.ADMIN),
    Shown("administration-signing-keys", "/administration/signing-keys", Role.ADMIN),
    Shown("administration-ingesters", "/administration/ingesters", Role.ADMIN),
    Shown("administration-records", "/administration/records", Role.ADMIN),
    Shown("accounts", "/administration/accounts", Role.ADMIN, _open_every_summary),
    Shown("account", "/administration/accounts/zheng", Role.ADMIN, _open_every_summary),
    Shown("account-new", "/administration/accounts/new", Role.ADMIN),
    Shown("account-new-mistakes", "/administration/accounts/new", Role.ADMIN, _send, may_fail=True),
    Shown("platforms", "/platforms", Role.ADMIN),
    Shown("platform", "/platforms/xielian", Role.ADMIN),
    Shown("platform-of-operator", "/platforms/xielian"),
    Shown("platform-new", "/platforms/_new", Role.ADMIN),
    Shown("gateways", "/platforms/xielian/gateways", prepare=_open_every_summary),
    Shown("gateway-new", "/platforms/xielian/gateways/new"),
    Shown("gateway-mistakes", "/platforms/xielian/gateways/new", prepare=_send, may_fail=True),
    Shown("gateway-edit", "/platforms/xielian/gateways/licheng-1/edit"),
    Shown("broker", "/broker", Role.ADMIN),
    Shown("broker-of-platform", "/platforms/xielian/broker"),
    Shown("connect-cloud", "/platforms/xielian/connect"),
    Shown("connect-gateway", "/platforms/xielian/gateways/licheng-1/connect?snippet=go"),
    Shown("connect-device", f"{_DEVICE}/connect", Role.AUDITOR),
    Shown("sources", "/platforms/xielian/sources"),
    Shown("source-new", "/platforms/xielian/sources/new?name=telegraf"),
    Shown("source-mistakes", "/platforms/xielian/sources/new", prepare=_send, may_fail=True),
    Shown("source-try", "/platforms/xielian/sources/try?source=ready-made:telegraf"),
    Shown(
        "source-tried", "/platforms/xielian/sources/try?source=ready-made:telegraf", prepare=_send
    ),
    Shown("recognition-new", "/platforms/xielian/recognitions/new", Role.ADMIN),
    Shown("enterprises", "/enterprises"),
    Shown("enterprises-none", "/enterprises?text=nobody"),
    Shown("enterprise", _ENTERPRISE, Role.ADMIN),
    Shown("enterprise-new", "/enterprises/new"),
    Shown("enterprise-mistakes", "/enterprises/new", prepare=_send, may_fail=True),
    Shown("enterprise-edit", f"{_ENTERPRISE}/edit", Role.ADMIN),
    Shown("connection-new", f"{_ENTERPRISE}/connections/new"),
    Shown("connection-new-by-code", "/connections/new"),
    Shown("connection-mistakes", "/connections/new", prepare=_send, may_fail=True),
    Shown("connection-requests", "/connection-requests", prepare=_open_every_summary),
    Shown("connection-requests-of-verifier", "/connection-requests", Role.VERIFIER),
    Shown("connection-request-confirm", "/connection-requests/2/confirm", Role.VERIFIER),
    Shown(
        "connection-request-refused",
        "/connection-requests/2/refuse",
        Role.VERIFIER,
        _send,
        may_fail=True,
    ),
    Shown("enterprise-of-verifier", _ENTERPRISE, Role.VERIFIER),
    Shown("enterprise-contact", f"{_ENTERPRISE}/contact", Role.VERIFIER),
    Shown("enterprise-contact-edit", f"{_ENTERPRISE}/contact/edit", Role.VERIFIER),
    Shown("confirmations", "/confirmations", Role.VERIFIER),
    Shown("confirmations-of-operator", "/confirmations"),
    Shown("confirm-code", "/confirm", None),
    Shown("confirm-question", f"/confirm/{QUESTION_CODE}", None),
    Shown("confirm-unknown", f"/confirm/{'0' * 20}", None, may_fail=True),
    Shown("challenges", "/challenges", Role.VERIFIER),
    Shown("challenge-of-enterprise", f"/challenge/{CHALLENGE_CODE}", None),
    Shown("devices", "/devices"),
    Shown("devices-of-admin", "/devices?status=late", Role.ADMIN),
    Shown("device", _DEVICE, prepare=_open_every_summary),
    Shown("device-in-trouble", "/devices/xielian/m2-1"),
    Shown("credential-secret", "/platforms/xielian", prepare=_replace_credential),
    Shown("device-new", "/devices/new"),
    Shown("device-heartbeats", f"{_DEVICE}/heartbeats"),
    Shown("device-end", f"{_DEVICE}/end"),
    Shown("device-reopen", f"{_DEVICE}/reopen"),
    Shown("hand-over", f"{_DEVICE}/hand-over"),
    Shown("imports", "/imports"),
    Shown("import-rejected", "/imports/1"),
    Shown("import-checked", "/imports/2"),
    Shown("import-asking", "/imports/3"),
    Shown("rejections", "/rejections", Role.ADMIN),
    Shown("rejected-messages", "/rejections/messages", Role.ADMIN),
    Shown("api-keys", "/api-keys", prepare=_open_every_summary),
    Shown("api-key-new", "/api-keys/new", Role.ADMIN),
    Shown("api-key-text", "/api-keys/new", prepare=_create_key),
    Shown("personal-keys", "/account/personal-keys", Role.VERIFIER),
    Shown("personal-key-new", "/account/personal-keys/new", Role.VERIFIER),
    Shown("personal-key-text", "/account/personal-keys/new", Role.VERIFIER, _create_key),
    Shown("audit", "/audit", Role.AUDITOR),
    Shown("access-log", "/access-log", Role.AUDITOR),
    Shown("password", "/account/password"),
    Shown("second-step", "/account/totp"),
    Shown("counts", "/counts", Role.AUDITOR),
    Shown("count-now", "/counts/2026?as_of=2027-03-15", Role.AUDITOR),
    Shown("count-published", "/counts/2026?revision=1", Role.ADMIN),
    Shown("count-in-review", "/counts/2026?revision=2", Role.VERIFIER),
    Shown("count-of-operator", "/counts/2026"),
    Shown("count-enterprise", f"{_COUNTED}?revision=1", Role.VERIFIER),
    Shown("count-review", "/counts/2026/review", Role.VERIFIER),
    Shown("count-compare", "/counts/compare?before=2026-1&after=2026-2", Role.AUDITOR),
    Shown("count-draft", "/counts/2026/draft", Role.VERIFIER),
    Shown("count-freeze", "/counts/2026/freeze", Role.VERIFIER),
    Shown("count-freeze-refused", "/counts/2026/freeze", Role.VERIFIER, _send, may_fail=True),
    Shown("count-publish", "/counts/2025/publish", Role.ADMIN),
    Shown("count-pay", "/counts/2026/pay?platform=xielian", Role.ADMIN),
    Shown("count-waive", f"{_DECISION}&act=waive", Role.VERIFIER),
    Shown("opening-stocks", "/opening-stocks", Role.VERIFIER),
    Shown("opening-stock-new", "/opening-stocks/new", Role.VERIFIER),
    Shown(
        "opening-stock-withdraw", "/opening-stocks/2/withdraw", Role.VERIFIER, _send, may_fail=True
    ),
    Shown("draws", "/draws", Role.VERIFIER),
    Shown("draw-visited", "/draws/1", Role.VERIFIER),
    Shown("draw-waiting", "/draws/2", Role.AUDITOR),
    Shown("draw-publish", "/draws/publish?year=2026", Role.VERIFIER),
    Shown("draw-publish-refused", "/draws/publish", Role.VERIFIER, _send, may_fail=True),
    Shown("draw-now", "/draws/2/draw", Role.VERIFIER),
    Shown("visits", "/visits", Role.AUDITOR),
    Shown("visit-new", f"/visits/new?platform=xielian&uscc={uscc_of(3)}", Role.VERIFIER),
    Shown("cases", "/cases", Role.VERIFIER),
    Shown("cases-none", "/cases?state=upheld", Role.AUDITOR),
    Shown("case", "/cases/1", Role.VERIFIER),
    Shown("case-new", "/cases/new", Role.VERIFIER),
    Shown("case-ask-operator", "/cases/1/ask-operator", Role.VERIFIER),
    Shown("case-visit", "/cases/1/visit", Role.VERIFIER),
    Shown("case-uphold", "/cases/1/uphold", Role.VERIFIER),
    Shown("case-upheld-refused", "/cases/1/uphold", Role.VERIFIER, _send, may_fail=True),
    Shown("questions", "/questions"),
    Shown("question", f"/questions/{uscc_of(SHOWN_ENTERPRISE)}"),
    Shown("question-answer", f"/questions/{uscc_of(SHOWN_ENTERPRISE)}/answer"),
    Shown("declarations", "/declarations", Role.VERIFIER),
    Shown("declaration-new", f"{_ENTERPRISE}/declarations/new"),
    Shown("declaration-confirm", "/declarations/1/confirm", Role.VERIFIER),
    Shown("panels-overview", "/panels", Role.AUDITOR, wait_for_panels),
    Shown("panels-enterprise", EVIDENCE, Role.VERIFIER, wait_for_panels),
    Shown("panels-operations", "/panels/jieru-operations", Role.ADMIN, wait_for_panels),
    Shown("docs", "/docs", None, is_long=True),
    Shown("docs-signed-in", "/docs", is_long=True),
    Shown("not-found", "/devices/xielian/nothing", may_fail=True),
    Shown("not-allowed", "/platforms/_new", may_fail=True),
)


def fill_console(browser: Browser, console: Console) -> None:
    """What lies beyond the registry: imports, a key, credentials, requests, kept counts."""
    with connect(console.database_url) as connection:
        _fill_workbench(connection)
        administer(connection, console.database_url)
    with watched_page(browser, console, role=Role.OPERATOR) as page:
        for row in (("9135", "莆田市荔城区新鞋厂", "licheng", "C18"), _GOOD_ROW):
            page.goto("/imports")
            page.locator("#field-kind").select_option("enterprises")
            content = registry_csv("enterprises", row, ("", "", "nowhere", "X"), _GOOD_ROW)
            if row is _GOOD_ROW:
                content = registry_csv("enterprises", row)
            file = FilePayload(name="企业.csv", mimeType="text/csv", buffer=content.encode())
            page.locator("#field-file").set_input_files(file)
            page.get_by_role("button", name="Check the file").click()
        page.goto("/imports")
        page.locator("#field-kind").select_option("connections")
        rows = [("xielian", uscc_of(n), "", "", "2026-11-01", "") for n in ON_GUOLIAN]
        content = registry_csv("connections", *rows)
        file = FilePayload(name="接入关系.csv", mimeType="text/csv", buffer=content.encode())
        page.locator("#field-file").set_input_files(file)
        page.get_by_role("button", name="Check the file").click()
        page.goto("/api-keys/new")
        page.get_by_label("What it is for").fill("协联数据同步")
        page.get_by_role("button", name="Create the key").click()
        for address in (_DEVICE, "/platforms/xielian"):
            page.goto(address)
            page.get_by_role("button", name="Issue a credential").click()
        for name, site in _GATEWAYS.items():
            page.goto("/platforms/xielian")
            page.get_by_role("link", name="New gateway").click()
            page.get_by_label("Name of the gateway").fill(name)
            page.get_by_label("Site").fill(site)
            page.get_by_role("button", name="Register").click()
        page.get_by_role("button", name="Issue a credential licheng-1").click()
        for number in ON_GUOLIAN:
            page.goto("/connection-requests")
            page.get_by_role("link", name="Connect an enterprise").click()
            page.get_by_label("Enterprise's unified social credit code").fill(uscc_of(number))
            page.get_by_label("Contract").fill(f"XL-2026-{number}")
            page.get_by_role("button", name="Connect").click()
        page.goto(f"{_DEVICE}/edit")
        page.get_by_label("Name of the device").fill("数控车床 1 号")
        page.get_by_role("button", name="Save").click()
    with watched_page(browser, console, role=Role.VERIFIER) as page:
        page.goto("/connection-requests")
        page.get_by_role("link", name="Refuse").first.click()
        page.get_by_label("Reason").fill("未附企业同意接入的书面材料，请补充后重新申请。")
        page.get_by_role("button", name="Refuse").click()

    with connect(console.database_url) as connection:
        connection.execute(_SOME_BY_ITSELF, (SHOWN_DEVICE,))
        connection.execute(_SOME_BY_A_GATEWAY, (SHOWN_DEVICE,))
        connection.execute(_HOURS_BY_BOTH, (SHOWN_DEVICE,))


def _fill_workbench(connection: psycopg.Connection) -> None:
    """What verifiers and those they ask have done."""
    keep_counts(connection)
    keep_draws(connection)
    issue_to(connection, f"xielian/{SHOWN_DEVICE}")
    open_shown_case(connection)
    ask_enterprise(connection, uscc_of(SHOWN_ENTERPRISE))
    keep_opening_stocks(connection)


_GATEWAYS: Final = {
    "hanjiang-2": "涵江区某某精密机械有限公司二号车间",
    "licheng-1": "荔城区某某鞋业一号车间",
    "xianyou_press.line-03": "",
}
_SOME_BY_ITSELF: Final = """
    UPDATE heartbeats SET publisher_id = 2
    WHERE device_id = (SELECT id FROM devices WHERE serial = %s) AND seq %% 3 = 0
"""
_SOME_BY_A_GATEWAY: Final = """
    UPDATE heartbeats SET publisher_id = (SELECT id FROM publishers WHERE name = 'licheng-1')
    WHERE device_id = (SELECT id FROM devices WHERE serial = %s) AND seq %% 3 = 1
"""
_HOURS_BY_BOTH: Final = """
    INSERT INTO presence_by_others (device_id, month, publisher_id, hours, late_hours)
    SELECT device_id, month, publishers.id, hours, late_hours
    FROM ONLY presence JOIN publishers ON kind = 'device' OR name = 'licheng-1'
    WHERE device_id = (SELECT id FROM devices WHERE serial = %s)
"""
_GOOD_ROW: Final = (uscc_of(900), "莆田市荔城区新鞋厂", "licheng", "C1952")
