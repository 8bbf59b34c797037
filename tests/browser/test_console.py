"""What all pages of the console share: the door, the menu, forms, and who may do what."""

import pytest
from playwright.sync_api import Browser, Page, expect

from api.access.roles import Role
from jieru.database import connect
from tests.browser.console import PASSWORD, PEOPLE, Console
from tests.browser.watched_page import watched_page
from tests.support.registry_files import uscc_of
from tests.support.small_city import name_of

_RENAME = "UPDATE devices SET name = %s WHERE serial = %s"


def press_until(page: Page, name: str) -> None:
    """Press Tab until something with this name, or these first words, has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "(document.activeElement.name || document.activeElement.innerText || '').trim()"
        )
        if focused.startswith(name):
            return
    raise AssertionError(f"{name} cannot be reached")


def test_a_person_signs_in_finds_a_device_and_changes_it_with_the_keyboard_alone(
    browser: Browser, lively_console: Console
) -> None:
    """From the door to the answer, without a mouse."""
    with watched_page(browser, lively_console, role=None) as page:
        page.goto("/devices")
        expect(page.get_by_label("Account")).to_be_focused()
        page.keyboard.type(PEOPLE[Role.OPERATOR][0])
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{lively_console.address}/devices")
        page.wait_for_load_state()  # the filter needs its script
        press_until(page, "text")
        page.keyboard.type("m9-1")
        expect(page.get_by_role("status")).to_have_text("1 shown")
        press_until(page, "m9-1")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("m9-1")
        press_until(page, "Edit")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Change the device")
        press_until(page, "name")
        page.keyboard.press("Control+A")
        page.keyboard.type("冲床 9 号")
        page.keyboard.press("Enter")
        expect(page.locator(".done")).to_have_text("Saved.")
        expect(page.get_by_role("heading", level=1)).to_contain_text("冲床 9 号")


def test_a_wrong_password_is_told_and_the_name_is_kept(
    browser: Browser, lively_console: Console
) -> None:
    """Without saying which of the two was wrong."""
    with watched_page(browser, lively_console, role=None, may_fail=True) as page:
        page.goto("/sign-in")
        page.get_by_label("Account").fill(PEOPLE[Role.AUDITOR][0])
        page.get_by_label("Password").fill("not it, by no means")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("Account")).to_have_value(PEOPLE[Role.AUDITOR][0])


def test_whoever_signs_out_is_out(browser: Browser, lively_console: Console) -> None:
    """Also after going back."""
    with watched_page(browser, lively_console, role=Role.VERIFIER) as page:
        page.goto("/devices")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        page.goto("/devices")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        (Role.OPERATOR, {"/enterprises": 1, "/devices": 1, "/platforms": 0, "/api-keys": 1}),
        (Role.VERIFIER, {"/enterprises": 1, "/devices": 1, "/platforms": 1, "/api-keys": 0}),
        (Role.AUDITOR, {"/enterprises": 0, "/devices": 0, "/platforms": 0, "/api-keys": 0}),
        (Role.ADMIN, {"/enterprises": 1, "/devices": 1, "/platforms": 1, "/api-keys": 1}),
    ],
)
def test_a_list_offers_something_new_to_those_who_may_register_it(
    browser: Browser, lively_console: Console, role: Role, offered: dict[str, int]
) -> None:
    """Nobody is shown a button that would be refused."""
    with watched_page(browser, lively_console, role=role) as page:
        for address, number in offered.items():
            page.goto(address)
            buttons = page.locator("main a.button.primary", has_text="New")
            expect(buttons).to_have_count(number)


def test_an_operator_sees_nothing_of_another_platform(
    browser: Browser, lively_console: Console
) -> None:
    """Neither in a list nor under an address."""
    with watched_page(browser, lively_console, role=Role.OPERATOR, may_fail=True) as page:
        page.goto("/devices?platform=guolian")
        expect(page.get_by_text("No device fits.")).to_be_visible()
        page.goto("/devices/guolian/m31-0")
        expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
        page.goto("/platforms")
        expect(page.locator("#platforms tbody tr")).to_have_count(1)


def test_a_form_that_is_refused_says_why_beside_each_field_and_keeps_the_rest(
    browser: Browser, lively_console: Console
) -> None:
    """Also to those who hear the page instead of seeing it."""
    with watched_page(browser, lively_console, role=Role.OPERATOR, may_fail=True) as page:
        page.goto("/enterprises/new")
        page.locator("#field-uscc").fill("9135")
        page.locator("#field-name").fill("莆田市新鞋厂")
        page.get_by_role("button", name="Register").click()
        summary = page.get_by_role("alert").filter(has_text="correct the marked fields")
        expect(summary).to_be_visible()
        uscc = page.locator("#field-uscc")
        expect(uscc).to_have_attribute("aria-invalid", "true")
        expect(uscc).to_have_accessible_description(
            "“9135” is not a unified social credit code: its length is 4, not 18."
        )
        expect(page.locator("#field-name")).to_have_value("莆田市新鞋厂")
        summary.get_by_role("link", name="Unified social credit code").click()
        expect(uscc).to_be_focused()


def test_a_stale_form_is_refused_with_the_present_values(
    browser: Browser, lively_console: Console
) -> None:
    """So that nobody's change is lost without a word; sent again, it is taken."""
    with watched_page(browser, lively_console, role=Role.OPERATOR, may_fail=True) as page:
        page.goto("/devices/xielian/m8-0/edit")
        name = page.get_by_label("Name of the device")
        with connect(lively_console.database_url) as connection:
            connection.execute(_RENAME, ("别人改的名称", "m8-0"))
            connection.commit()
        name.fill("我改的名称")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert").first).to_contain_text("Somebody else changed")
        expect(name).to_have_value("别人改的名称")
        expect(name).to_have_accessible_description("is different now; you had typed “我改的名称”")
        name.fill("我改的名称")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("我改的名称")


def test_a_secret_is_shown_once(browser: Browser, lively_console: Console) -> None:
    """Afterwards no page has it; a replacement has another one."""
    with watched_page(browser, lively_console, role=Role.OPERATOR) as page:
        page.goto("/devices/xielian/m7-0")
        page.get_by_role("button", name="Issue a credential").click()
        first = page.locator("#secret").inner_text()
        page.get_by_role("link", name="I have kept it").click()
        expect(page.locator("#secret")).to_have_count(0)
        assert first not in page.content()
        page.get_by_text("Replace", exact=True).click()
        page.get_by_role("button", name="Replace the credential").click()
        assert page.locator("#secret").inner_text() != first
        page.get_by_role("link", name="I have kept it").click()
        page.get_by_text("Revoke", exact=True).click()
        page.get_by_role("button", name="Revoke the credential").click()
        expect(page.locator(".done")).to_have_text("Revoked.")
        expect(page.get_by_text("There is no valid credential.")).to_be_visible()


def test_a_secret_can_be_copied_with_a_button(browser: Browser, lively_console: Console) -> None:
    """Which says that it did."""
    with watched_page(browser, lively_console, role=Role.OPERATOR) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto("/devices/xielian/m6-0")
        page.get_by_role("button", name="Issue a credential").click()
        secret = page.locator("#secret").inner_text()
        page.locator("[data-copy=secret]").click()
        expect(page.locator("[data-copy=secret]")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == secret


def test_a_device_is_handed_over_to_another_enterprise(
    browser: Browser, lively_console: Console
) -> None:
    """The old assignment ends on the day on which the new one begins."""
    with watched_page(browser, lively_console, role=Role.OPERATOR) as page:
        page.goto("/devices/xielian/m5-0/hand-over")
        page.locator("#field-uscc").fill(uscc_of(6))
        page.get_by_role("button", name="Hand over").click()
        expect(page.locator(".done")).to_have_text("The device is handed over.")
        owners = page.get_by_role("region", name="Assignments").locator("tbody tr")
        expect(owners.nth(0)).to_contain_text(name_of(5))
        expect(owners.nth(1)).to_contain_text(name_of(6))
        expect(owners.nth(1)).to_contain_text("still open")


def test_a_filter_and_the_next_page_change_only_the_list(
    browser: Browser, lively_console: Console
) -> None:
    """By htmx; the address follows and can be shared."""
    with watched_page(browser, lively_console, role=Role.ADMIN) as page:
        page.goto("/devices")
        page.evaluate("document.querySelector('h1').dataset.kept = 'yes'")
        first = page.locator("#devices tbody th").all_inner_texts()
        page.get_by_role("link", name="Next page").click()
        expect(page.locator("#devices tbody th").first).not_to_have_text(first[0])
        page.get_by_role("combobox", name="Status of the device").select_option("late")
        expect(page.locator("#devices tbody .status").first).to_have_text("late")
        assert page.evaluate("document.querySelector('h1').dataset.kept") == "yes"
        expect(page).to_have_url(f"{lively_console.address}/devices?status=late")


def test_older_heartbeats_and_another_month_come_without_a_new_page(
    browser: Browser, lively_console: Console
) -> None:
    """Twenty at a time, and month by month."""
    with watched_page(browser, lively_console, role=Role.OPERATOR) as page:
        page.goto("/devices/xielian/m1-0")
        region = page.get_by_role("region", name="Heartbeats", exact=True)
        rows = region.locator("tbody tr:not(.more)")
        expect(rows).to_have_count(20)
        page.get_by_role("link", name="Older heartbeats").click()
        expect(rows).to_have_count(40)
        month = page.locator(".month-choice strong")
        shown = month.inner_text()
        page.locator(".month-choice a").first.click()
        expect(month).not_to_have_text(shown)
        expect(rows).to_have_count(40)


def test_the_console_works_without_scripts(browser: Browser, lively_console: Console) -> None:
    """Filters, forms, confirmations and pages of a list."""
    with watched_page(browser, lively_console, role=Role.OPERATOR, scripts=False) as page:
        page.goto("/enterprises/new")
        page.locator("#field-uscc").fill(uscc_of(801))
        page.locator("#field-name").fill("没有脚本的鞋厂")
        page.locator("#field-district").select_option("licheng")
        page.get_by_role("button", name="Register").click()
        expect(page.locator(".done")).to_have_text("Registered.")
        page.goto("/enterprises")
        page.get_by_role("searchbox", name="Enterprise").fill("没有脚本")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("#enterprises tbody tr")).to_have_count(1)
        page.goto("/devices")
        page.get_by_role("link", name="Next page").click()
        expect(page.get_by_role("link", name="First page")).to_be_visible()


def test_another_language_is_one_click_away_on_a_refused_form_too(
    browser: Browser, lively_console: Console
) -> None:
    """The page under the form's address is the form."""
    with watched_page(browser, lively_console, role=Role.OPERATOR, may_fail=True) as page:
        page.goto("/enterprises/new")
        page.get_by_role("button", name="Register").click()
        page.get_by_role("link", name="中文").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("新建企业")


@pytest.mark.parametrize("address", ["/", "/devices", "/counts/2026"])
def test_a_page_of_a_simulation_says_once_that_it_is_one(
    browser: Browser, lively_console: Console, address: str
) -> None:
    """Nobody takes invented devices for real ones."""
    with watched_page(browser, lively_console, role=Role.AUDITOR) as page:
        page.goto(address)
        expect(page.get_by_role("note")).to_have_count(1)
        expect(page.get_by_role("note")).to_contain_text("Simulation")
