"""The whole job of a platform operator, without the command line."""

import time

from playwright.sync_api import Browser, FilePayload, Page, expect

from api.access.roles import Role
from jieru.database import connect
from tests.browser.console import PASSWORD, PEOPLE, running_console
from tests.browser.watched_page import watched_page
from tests.support.debian_root import DebianRoot
from tests.support.equipment import equipment_side
from tests.support.registry_builder import RegistryBuilder
from tests.support.registry_files import registry_csv, uscc_of

_PATIENCE_S = 60.0
_WRONG = "91350300000000001X"
"""Its check character does not fit."""
_MENDED = (
    (uscc_of(1), "莆田市荔城区鞋厂", "licheng", "C1952"),
    (uscc_of(2), "莆田市涵江区机械厂", "hanjiang", "C3311"),
)


def send_enterprises(page: Page, content: str) -> None:
    """Have a file of enterprises checked."""
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Import").click()
    page.locator("#field-kind").select_option(label="Enterprises")
    file = FilePayload(name="enterprises.csv", mimeType="text/csv", buffer=content.encode())
    page.locator("#field-file").set_input_files(file)
    page.get_by_role("button", name="Check the file").click()


def reload_until_online(page: Page) -> None:
    """Look at a device's page again and again, as people do."""
    deadline = time.monotonic() + _PATIENCE_S
    status = page.locator("main .status").first
    while status.inner_text() != "online" and time.monotonic() < deadline:
        page.reload()
    expect(status).to_have_text("online")


def test_an_operator_imports_registers_hands_out_a_credential_and_sees_the_device_online(
    browser: Browser, database_url: str, debian_root: DebianRoot
) -> None:
    """On a real broker, with a real `mosquitto_pub`."""
    with connect(database_url) as connection:
        RegistryBuilder(connection).platform("xielian")
        connection.commit()
    with (
        running_console(database_url) as console,
        equipment_side(debian_root, database_url) as side,
        watched_page(browser, console, role=None) as page,
    ):
        page.goto("/")
        page.get_by_label("Account").fill(PEOPLE[Role.OPERATOR][0])
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("My 2026")

        wrong = ((_WRONG, *_MENDED[0][1:]), _MENDED[1])
        send_enterprises(page, registry_csv("enterprises", *wrong))
        expect(page.locator("main .tag").first).to_have_text("has errors")
        mistake = page.locator("#errors tbody tr")
        expect(mistake).to_have_count(1)
        expect(mistake).to_contain_text("uscc")
        expect(mistake).to_contain_text("check character")

        page.get_by_role("link", name="Send the mended file").click()
        send_enterprises(page, registry_csv("enterprises", *_MENDED))
        expect(page.locator(".statistic").first).to_have_text("New2")
        page.get_by_role("button", name="Import now").click()
        expect(page.locator(".done")).to_have_text("The file is imported.")

        page.get_by_role("link", name="Enterprises", exact=True).click()
        page.get_by_role("link", name=_MENDED[0][1]).click()
        page.get_by_role("link", name="New connection").click()
        page.get_by_role("button", name="Register").click()
        expect(page.locator(".done")).to_have_text("Registered.")

        page.get_by_role("link", name="New device").click()
        page.locator("#field-serial").fill("CNC-01")
        page.get_by_role("button", name="Register").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("CNC-01")
        expect(page.locator("main .status").first).to_have_text("never heard")

        page.get_by_role("button", name="Issue a credential").click()
        username, secret = (page.locator(id_).inner_text() for id_ in ("#username", "#secret"))
        expect(page.locator("#example")).to_contain_text("mosquitto_pub")
        side.publish_heartbeat(username, secret)

        page.get_by_role("link", name="I have kept it").click()
        reload_until_online(page)
        heartbeats = page.get_by_role("region", name="Heartbeats", exact=True)
        expect(heartbeats.locator("tbody tr")).to_contain_text("running")
        expect(page.locator(".hours .day.active")).to_have_count(1)
        page.goto("/devices?status=online")
        expect(page.get_by_role("row", name="CNC-01")).to_be_visible()
