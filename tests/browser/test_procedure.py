"""The annual count from its draft to its payment, by two people in two browsers."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from api.access.roles import Role
from jieru.audit import changing
from jieru.database import connect
from jieru.settings import Settings
from tests.browser.console import PEOPLE, Console, running_console
from tests.browser.watched_page import Screen, serious_violations, watched_page
from tests.support.databases import DatabaseServer
from tests.support.debian_packages import ensure_debian_packages
from tests.support.procedure import CHECKER, KEY, MAKER, TRUSTED, submitted, write_key
from tests.support.registry_files import uscc_of
from tests.support.small_city import (
    COUNTED_ON_XIELIAN,
    HELD,
    PENDING,
    TOTAL_YUAN,
    build_small_city,
    name_of,
)
from verifier.counting.decisions import withdraw_decision
from verifier.procedure.closings import close_pending
from verifier.procedure.freezing import freeze_count
from verifier.procedure.signing import check_signed_file

_MAKER, _CHECKER = PEOPLE[Role.VERIFIER][0], PEOPLE[Role.ADMIN][0]
_BLANK_PAGE_BYTES = 10_000
"""A picture of the first page with nothing on it would be smaller."""
_HOLD_ID = 1
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass
class Clock:
    """What the console takes for the present."""

    now: datetime = datetime(2027, 5, 6, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """This moment."""
        return self.now


@dataclass
class Desk:
    """Somebody before the page of the count of 2026."""

    page: Page

    @property
    def alert(self) -> Locator:
        """Why a form was not taken."""
        return self.page.locator("main").get_by_role("alert")

    def open(self) -> None:
        """Look at the count."""
        self.page.goto("/counts/2026")

    def begin(self, step: str) -> None:
        """Open the form of a step."""
        self.open()
        self.page.locator(".offer, .page-head").get_by_role("link", name=step, exact=True).click()

    def send(self, button: str) -> None:
        """Press the button of the form."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def take(self, step: str, button: str, **fields: str) -> None:
        """Take a step that goes through."""
        self.begin(step)
        for label, value in fields.items():
            self.page.locator(f"#field-{label}").fill(value)
        self.send(button)
        expect(self.page.locator(".done")).to_be_visible(timeout=30_000)

    def expect_state(self, state: str) -> None:
        """The tag beside the title."""
        self.open()
        expect(self.page.locator(".page-head .tag").first).to_have_text(state)

    def decide(self, link: str, button: str) -> None:
        """Settle something of the review queue."""
        self.page.goto("/counts/2026/review")
        self.page.get_by_role("link", name=re.compile(link)).click()
        self.page.locator("#field-reason").fill("现场核查无误")
        self.send(button)
        expect(self.page.locator(".done")).to_be_visible()

    def fetch(self, name: str, folder: Path, *, place: int = 0) -> Path:
        """Download a report, the Chinese one first."""
        self.open()
        with self.page.expect_download() as waiting:
            self.page.get_by_role("link", name=name, exact=True).nth(place).click()
        path = folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path


@contextmanager
def bureau(
    server: DatabaseServer, template: str, *, clock: Clock, folder: Path
) -> Iterator[Console]:
    """A console on the small city, with a key to sign with."""
    key = write_key(folder / "key.pem")
    with server.database(template=template) as url:
        with connect(url) as connection:
            build_small_city(connection)
        with running_console(
            url, settings=Settings(signing_key_file=str(key)), clock=clock
        ) as console:
            yield console


def pdf_text(path: Path) -> str:
    """What a reader copies out of a PDF."""
    said = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, check=True)
    return said.stdout.decode()


def first_page(path: Path) -> Path:
    """The first page of a PDF as a picture."""
    subprocess.run(
        ["pdftoppm", "-png", "-singlefile", "-r", "70", path, path.with_suffix("")], check=True
    )
    return path.with_suffix(".png")


def draft_and_submit(maker: Desk) -> None:
    """The first draft, in review."""
    maker.begin("Begin the procedure")
    maker.send("Draft")
    expect(maker.page.locator(".done")).to_be_visible(timeout=30_000)
    maker.take("Submit for review", "Submit", note="请复核")
    maker.expect_state("In review")
    expect(maker.page.locator(".offer")).to_contain_text(
        ["You submitted this count: another person must check it."]
    )


def be_refused_and_settle(checker: Desk) -> None:
    """A hold and a pending enterprise are in the way; once settled, the count is another one."""
    checker.begin("Freeze")
    expect(checker.page.locator(".hint").first).to_contain_text("is held by decision 1")
    checker.send("Freeze and sign")
    expect(checker.alert).to_contain_text("2 things are in the way")
    checker.decide(f"Withdraw.*{name_of(HELD)}", "Withdraw")
    checker.decide(f"Do not wait for it.*{name_of(PENDING)}", "Close the pending enterprise")
    checker.begin("Freeze")
    checker.send("Freeze and sign")
    expect(checker.alert).to_contain_text(
        "return it, draft it anew and submit that", timeout=30_000
    )


def return_and_submit_again(maker: Desk, checker: Desk) -> None:
    """What was returned comes back."""
    checker.take("Return", "Return the count", reason="裁定已变更")
    maker.expect_state("Returned")
    maker.begin("Draft the count")
    maker.send("Draft")
    expect(maker.page.locator(".done")).to_be_visible(timeout=30_000)
    maker.take("Submit for review", "Submit")


def publish_and_hear_an_objection(maker: Desk, checker: Desk) -> None:
    """Payment waits for the outcome, and for the end of the notice, which a person named."""
    checker.begin("Publish")
    checker.page.locator("#field-notice_ends_on").fill("2027-05-10")
    checker.send("Publish the count")
    expect(checker.alert).to_contain_text("cannot end on 2027-05-10 already")
    checker.take("Publish", "Publish the count", notice_ends_on="2027-05-20")
    expect(checker.page.get_by_text("Public notice from")).to_contain_text("2027-05-20")
    maker.take("Record an objection", "Record", name="群众来电", statement="一户未计入")
    expect(maker.page.get_by_text("Objection 1 by 群众来电 has no outcome yet")).to_be_visible()
    checker.begin("Approve payment")
    checker.send("Approve payment")
    expect(checker.alert).to_contain_text("2 things are in the way")
    checker.open()
    checker.page.get_by_role("link", name="Resolve", exact=True).click()
    checker.page.locator("#field-outcome").select_option(label="Dismissed")
    checker.page.locator("#field-resolution").fill("核查无误")
    checker.send("Resolve")
    expect(checker.page.locator(".done")).to_be_visible()


def pay_every_platform(maker: Desk) -> None:
    """One order for each."""
    for reference, number_due in (("国库 2027-1", 3), ("国库 2027-2", 1)):
        maker.open()
        links = maker.page.get_by_role("link", name=re.compile("Record a payment"))
        expect(links).to_have_count(number_due)
        links.first.click()
        maker.page.locator("#field-reference").fill(reference)
        maker.send("Record")
        expect(maker.page.locator(".done")).to_be_visible()
    maker.expect_state("Paid")


def check_the_steps(page: Page) -> None:
    """Each with the name of who took it."""
    steps = page.locator("section", has=page.get_by_role("heading", name="Steps of the"))
    expect(steps.locator("tbody tr")).to_have_count(14)
    expect(steps).to_contain_text(_MAKER)
    expect(steps).to_contain_text(_CHECKER)
    expect(page.locator(".statistics")).to_contain_text(f"{TOTAL_YUAN:,}")


def check_the_reports(reader: Desk, digest: str, folder: Path) -> None:
    """What is printed is what was frozen."""
    notice = reader.fetch("Public notice (PDF)", folder)
    text = pdf_text(notice)
    assert "2026-1" in text
    assert digest in re.sub(r"\s", "", text)
    assert f"{TOTAL_YUAN:,}" in text
    assert "平台 xielian" in text
    assert first_page(notice).stat().st_size > _BLANK_PAGE_BYTES
    assert "2026-1" in pdf_text(reader.fetch("Public notice (PDF)", folder, place=1))
    approval = pdf_text(reader.fetch("Approval sheet (PDF)", folder))
    for place in ("制表人", "复核人", "核定人"):
        assert place in approval
    signed = check_signed_file(reader.fetch("Signed file", folder).read_bytes())
    assert signed.digest == digest


def test_two_people_lead_a_count_from_its_draft_to_paid(
    browser: Browser,
    embedded_server: DatabaseServer,
    embedded_simulation_template: str,
    tmp_path: Path,
) -> None:
    """Returned once, refused once for an open hold, objected to once; then paid."""
    ensure_debian_packages("fonts-noto-cjk", "poppler-utils")
    clock = Clock()
    with (
        bureau(
            embedded_server, embedded_simulation_template, clock=clock, folder=tmp_path
        ) as console,
        watched_page(browser, console, role=Role.VERIFIER, may_fail=True) as makers,
        watched_page(browser, console, role=Role.ADMIN, may_fail=True) as checkers,
    ):
        maker, checker = Desk(makers), Desk(checkers)
        draft_and_submit(maker)
        be_refused_and_settle(checker)
        return_and_submit_again(maker, checker)
        checker.take("Freeze", "Freeze and sign")
        checker.expect_state("Frozen")
        digest = checkers.locator(".digest").inner_text()
        publish_and_hear_an_objection(maker, checker)
        clock.now = datetime(2027, 5, 21, 1, tzinfo=UTC)
        checker.take("Approve payment", "Approve payment")
        maker.expect_state("Payable")
        pay_every_platform(maker)
        check_the_steps(makers)
        check_the_reports(checker, digest, tmp_path)


def freeze_at_once(database_url: str) -> None:
    """The count of 2026, frozen without a browser."""
    with connect(database_url) as connection:
        with changing(connection, MAKER.actor):
            withdraw_decision(connection, _HOLD_ID, reason="核查无误", withdrawn_by="zheng")
            close_pending(connection, 2026, "xielian", uscc_of(PENDING), reason="停产", by="zheng")
        freeze_count(connection, submitted(connection), CHECKER, KEY, trusted=TRUSTED)


def test_a_notice_ends_as_it_was_shown_though_the_holidays_are_not_known(
    browser: Browser,
    embedded_server: DatabaseServer,
    embedded_simulation_template: str,
    tmp_path: Path,
) -> None:
    """The form says what is not known; another day by then is shown before it is taken."""
    clock = Clock()
    with (
        bureau(
            embedded_server, embedded_simulation_template, clock=clock, folder=tmp_path
        ) as console,
        watched_page(browser, console, role=Role.ADMIN, may_fail=True) as page,
    ):
        freeze_at_once(console.database_url)
        desk = Desk(page)
        desk.begin("Publish")
        expect(page.locator(".outlook")).to_contain_text("ends on 2027-05-13: 5 working days")
        warning = "Holidays of 2027 not known yet: check the last day."
        expect(page.locator(".hint")).to_have_text([warning])
        clock.now = datetime(2027, 5, 6, 16, tzinfo=UTC)
        desk.send("Publish the count")
        expect(desk.alert).to_contain_text("would end on 2027-05-14 by now")
        expect(page.locator(".outlook")).to_contain_text("2027-05-14")
        desk.send("Publish the count")
        expect(page.locator(".done")).to_be_visible()
        expect(page.get_by_text("Public notice from")).to_contain_text("2027-05-14")
        steps = page.locator("section", has=page.get_by_role("heading", name="Steps of the"))
        expect(steps.locator("tbody tr").first).to_contain_text("2027 年法定节假日安排")


def test_the_form_of_a_publication_fits_every_reader(
    browser: Browser,
    embedded_server: DatabaseServer,
    embedded_simulation_template: str,
    tmp_path: Path,
) -> None:
    """In both languages, in the hand and at a desk."""
    said = {
        "zh-CN": "2027 年法定节假日安排尚未收录，请核对公示截止日。",
        "en-GB": "Holidays of 2027 not known yet: check the last day.",
    }
    with bureau(
        embedded_server, embedded_simulation_template, clock=Clock(), folder=tmp_path
    ) as console:
        freeze_at_once(console.database_url)
        for language, width in product(said, (390, 1280)):
            with watched_page(
                browser, console, role=Role.ADMIN, language=language, width=width
            ) as page:
                page.goto("/counts/2026/publish")
                expect(page.get_by_text(said[language])).to_be_visible()
                assert page.evaluate(_OVERFLOW) == 0
                assert serious_violations(page) == []


def test_an_enterprise_of_a_kept_count_opens_in_a_drawer_that_fits(
    browser: Browser, lively_console: Console
) -> None:
    """In both languages, in the hand and at a desk."""
    for language, width in (("zh-CN", 390), ("en-GB", 1280)):
        with watched_page(
            browser, lively_console, role=Role.VERIFIER, language=language, width=width
        ) as page:
            page.goto("/counts/2026?revision=1&outcome=counted&platform=xielian")
            page.get_by_role("link", name=name_of(COUNTED_ON_XIELIAN), exact=True).click()
            expect(page.get_by_role("dialog")).to_be_visible()
            assert page.evaluate(_OVERFLOW) == 0
            assert serious_violations(page) == []


_MORE_MONEY = """
    UPDATE count_documents
    SET head = jsonb_set(head, '{platforms,0,lines,0,amount_yuan}', '150000')
"""


@pytest.mark.parametrize(("width", "screen"), [(1280, "light"), (390, "dark")])
def test_a_count_that_was_changed_past_the_system_says_so_on_each_of_its_pages(
    browser: Browser,
    embedded_server: DatabaseServer,
    embedded_simulation_template: str,
    tmp_path: Path,
    width: int,
    screen: Screen,
) -> None:
    """In red, to everybody; no step is offered, and no report is made of it."""
    with (
        bureau(
            embedded_server, embedded_simulation_template, clock=Clock(), folder=tmp_path
        ) as console,
        watched_page(
            browser, console, role=Role.ADMIN, width=width, screen=screen, may_fail=True
        ) as page,
    ):
        freeze_at_once(console.database_url)
        addresses = [
            "/counts/2026",
            "/counts",
            f"/counts/2026/xielian/{uscc_of(1)}?revision=1",
            "/counts/2026/review",
            "/counts/compare?before=2026-1&after=2026-1",
        ]
        for address in addresses:
            page.goto(address)
            expect(page.locator(".faults")).to_have_count(0)
        with connect(console.database_url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(_MORE_MONEY)
        for address in addresses:
            page.goto(address)
            expect(page.locator(".faults")).to_contain_text(
                "What the database holds of 2026-1 is not what was frozen"
            )
            assert serious_violations(page) == [], address
        page.goto("/counts/2026/publish")
        expect(page.locator(".hint").first).to_contain_text("is not what was frozen")
        refused = page.request.get("/api/v1/counts/2026/report?kind=signed")
        assert refused.status == 409
