"""The annual count as a procedure over HTTP: who may do what, and what each answer says."""

import asyncio
import html
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from api.counts.long_steps import Work
from api.counts.procedure_source import ProcedureSource
from api.web.clock import Clock
from jieru.audit import changing
from jieru.database import connect, open_pool
from jieru.errors import UserError
from jieru.settings import Settings
from tests.support.callers import bearer
from tests.support.databases import DatabaseServer
from tests.support.fleet import wait_until
from tests.support.people import session_of
from tests.support.procedure import MAKER, frozen_with_award, payable
from tests.support.registry_files import uscc_of
from tests.support.roles import API, as_role
from tests.support.small_city import (
    AS_OF,
    COUNTED_ON_XIELIAN,
    HELD,
    PENDING,
    TOTAL_YUAN,
    build_small_city,
)
from tests.support.visiting import add_person, form_token_of
from verifier.counting.award import AwardLine
from verifier.counting.count import Count
from verifier.counting.decisions import withdraw_decision
from verifier.counting.progress import Phase, Progress
from verifier.counting.run import count_year
from verifier.procedure.document import content_sha256, in_version
from verifier.procedure.drafting import draft_count
from verifier.procedure.records import CountRecord, find_count, read_document, store_content
from verifier.procedure.signing import check_signed_file, load_signing_key, new_signing_key
from verifier.procedure.staleness import StaleDraftError

PEOPLE = {
    "lin": (Role.OPERATOR, "xielian"),
    "zheng": (Role.VERIFIER, None),
    "wu": (Role.ADMIN, None),
    "chen": (Role.AUDITOR, None),
}
MAY = datetime(2027, 5, 6, 1, tzinfo=UTC)
JUNE = datetime(2027, 6, 1, 1, tzinfo=UTC)
OLD = "2a" * 32
_REACHED: Final = "SELECT phase FROM long_steps ORDER BY id DESC LIMIT 1"
STEPS: tuple[tuple[str, Mapping[str, str] | None], ...] = (
    ("2026/draft", {}),
    ("2026/submit", {}),
    ("2026/return", {"reason": "再核"}),
    ("2026/discard", {"reason": "年度选错"}),
    ("2026/freeze", {"content_sha256": OLD}),
    ("2026/publish", {}),
    ("2026/objections", {"name": "甲", "statement": "有误"}),
    ("2026/objections/1/resolve", {"outcome": "upheld", "resolution": "属实"}),
    ("2026/objections/1/override", {"reason": "另行追回"}),
    ("2026/objections/1/override/confirm", None),
    ("2026/approve-payment", None),
    ("2026/payments", {"platform": "xielian", "reference": "1", "paid_on": "2027-06-01"}),
    ("2026/closings", {"platform": "xielian", "uscc": uscc_of(1), "reason": "停产"}),
    ("decisions", {"kind": "hold", "platform": "xielian", "uscc": uscc_of(1), "reason": "存疑"}),
    ("decisions/99/confirm", None),
    ("decisions/99/withdraw", {"reason": "误"}),
    ("closings/99/withdraw", {"reason": "误"}),
)


@dataclass
class Bureau:
    """An application on the small city, its people, and the hand of its clock."""

    app: FastAPI
    url: str
    now: datetime = MAY
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        person: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> httpx.Response:
        """One request in English, of somebody who is signed in or of a program."""
        sent = {"accept-language": "en", **(headers or {})}
        if person is not None:
            cookie, token = await self._session(person)
            sent |= {"cookie": f"jieru_session={cookie}", "x-form-token": token}
        async with self._client() as client:
            return await client.request(method, path, headers=sent, json=body)

    async def send(
        self,
        path: str,
        fields: Mapping[str, str],
        person: str = "zheng",
        files: Mapping[str, bytes] | None = None,
    ) -> httpx.Response:
        """What the console answers to a form, which may hold files by their names."""
        cookie, token = await self._session(person)
        headers = {"cookie": f"jieru_session={cookie}", "accept-language": "en"}
        data = {**fields, "form_token": token}
        sent = [("documents", each) for each in (files or {}).items()]
        async with self._client() as client:
            return await client.post(path, headers=headers, data=data, files=sent or None)

    async def read(self, path: str, person: str = "zheng") -> Any:  # noqa: ANN401 - JSON
        """What the API answers."""
        answer = await self.ask("GET", f"/api/v1/counts{path}", person=person)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def take(self, step: str, body: object = None, person: str = "zheng") -> httpx.Response:
        """What the API answers to a step."""
        return await self.ask("POST", f"/api/v1/counts/{step}", person=person, body=body)

    async def done(self, step: str, body: object = None, person: str = "zheng") -> Any:  # noqa: ANN401 - JSON
        """A step that must be taken."""
        answer = await self.take(step, body, person)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()

    async def settle_and_draft(self) -> Any:  # noqa: ANN401 - JSON
        """The count of the small city, drafted, with nothing in the way."""
        await self.done("decisions/1/withdraw", {"reason": "核查无误"})
        await self.done(
            "2026/closings", {"platform": "xielian", "uscc": uscc_of(PENDING), "reason": "停产"}
        )
        return await self.done("2026/draft", {"as_of": str(AS_OF)})

    async def settle_and_submit(self) -> Any:  # noqa: ANN401 - JSON
        """That count, in review."""
        drafted = await self.settle_and_draft()
        return await self.done("2026/submit", {"content_sha256": drafted["content_sha256"]})

    async def freeze(self) -> Any:  # noqa: ANN401 - JSON
        """That count, frozen by another person."""
        submitted = await self.settle_and_submit()
        return await self.done(
            "2026/freeze", {"content_sha256": submitted["content_sha256"]}, person="wu"
        )

    def _client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://jieru.test")

    async def _session(self, person: str) -> tuple[str, str]:
        if person not in self.tokens:
            with connect(self.url) as connection:
                cookie = session_of(connection, person)
            async with self._client() as client:
                page = await client.get("/counts", headers={"cookie": f"jieru_session={cookie}"})
            self.tokens[person] = cookie, form_token_of(page)
        return self.tokens[person]


@contextmanager
def opened(url: str, *, signing_key_file: str = "", document_folder: str = "") -> Iterator[Bureau]:
    """The bureau on a database that holds the small city."""
    with connect(url) as connection:
        for name, (role, platform) in PEOPLE.items():
            add_person(connection, name, role, platform=platform)
    with open_pool(as_role(url, API), size=4) as pool:
        settings = Settings(signing_key_file=signing_key_file, document_folder=document_folder)
        clock = Clock(lambda: opening.now, lambda: opening.now)
        app = create_app(settings, pool, as_of=lambda: AS_OF, year=2026, clock=clock)
        opening = Bureau(app, url)
        yield opening


@pytest.fixture(scope="module")
def city(embedded_server: DatabaseServer, embedded_simulation_template: str) -> Iterator[str]:
    """A small city, to be copied."""
    with embedded_server.database(template=embedded_simulation_template) as url:
        with connect(url) as connection:
            build_small_city(connection)
        embedded_server.seal(url)
        yield url


@pytest.fixture
def bureau(embedded_server: DatabaseServer, city: str, tmp_path: Path) -> Iterator[Bureau]:
    """A small city with a signing key."""
    key = tmp_path / "key.pem"
    new_signing_key(key)
    with (
        embedded_server.database(template=city) as url,
        opened(url, signing_key_file=str(key)) as bureau,
    ):
        yield bureau


@pytest.fixture(scope="module")
def quiet(embedded_server: DatabaseServer, city: str) -> Iterator[Bureau]:
    """A small city in which nothing is changed, and without a signing key."""
    with embedded_server.database(template=city) as url, opened(url) as bureau:
        yield bureau


async def test_a_frozen_count_that_was_changed_past_the_system_is_not_gone_on_with(
    bureau: Bureau,
) -> None:
    """Its answer names what differs; no step, no report, no signed file."""
    await bureau.freeze()
    shown = (await bureau.ask("GET", "/api/v1/counts/2026/procedure", person="wu")).json()
    assert shown["faults"] == []
    with connect(bureau.url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE counts SET frozen_by = 'mallory'")
    for person in ("wu", "chen"):
        shown = (await bureau.ask("GET", "/api/v1/counts/2026/procedure", person=person)).json()
        assert [each["code"] for each in shown["faults"]] == ["row_changed"]
        assert "mallory" in shown["faults"][0]["message"]
    for step in ("2026/publish", "2026/approve-payment"):
        assert (await bureau.take(step, {}, "wu")).status_code == 409
    for kind in ("signed", "notice"):
        answer = await bureau.ask("GET", f"/api/v1/counts/2026/report?kind={kind}", person="wu")
        assert (answer.status_code, "mallory" in answer.json()["detail"]) == (409, True)


_UNREADABLE: Final = {
    "no head": "UPDATE count_documents SET head = '{}'",
    "another kind of head": "UPDATE count_documents SET head = '[]'",
    "no lines": "UPDATE count_documents SET head = head #- '{platforms,0,lines}'",
    "text for an amount": (
        "UPDATE count_documents SET head = jsonb_set(head, '{platforms,0,award_yuan}', '\"much\"')"
    ),
    "no parameters": "UPDATE count_documents SET head = head - 'parameters'",
    "numbers for lists": (
        """UPDATE count_determinations SET entry = entry || '{"devices": 7, "criteria": 7}'"""
    ),
    "half a determination": "UPDATE count_determinations SET entry = entry - 'devices'",
    "no document": "DELETE FROM count_documents",
}


@pytest.mark.parametrize("broken", _UNREADABLE)
async def test_a_frozen_count_that_cannot_be_read_any_more_says_so_everywhere(
    bureau: Bureau, broken: str
) -> None:
    """Whatever its rows hold by now: in one sentence, and never as a fault of this program."""
    await bureau.freeze()
    with connect(bureau.url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        assert connection.execute(_UNREADABLE[broken].encode()).rowcount > 0
    answers = {}
    for path in (
        "/api/v1/counts/2026/procedure",
        "/api/v1/counts/2026",
        "/api/v1/counts",
        "/api/v1/counts/2026/report?kind=notice",
        "/api/v1/counts/2026/determinations",
        "/counts",
        "/counts/2026",
        f"/counts/2026/xielian/{uscc_of(1)}?revision=1",
        "/counts/compare?before=2026-1&after=2026-1",
        "/counts/2026/review",
        "/counts/2026/publish",
        "/",
    ):
        answers[path] = await bureau.ask("GET", path, person="wu")
    assert all(each.status_code < 500 for each in answers.values()), answers
    for path in ("/api/v1/counts/2026/procedure", "/counts", "/counts/2026"):
        assert "Restore it from a backup" in answers[path].text, path
    taken = await bureau.take("2026/publish", {}, "wu")
    assert (taken.status_code, "Restore it from a backup" in taken.text) == (409, True)


@pytest.mark.parametrize(("step", "body"), STEPS, ids=[step for step, _body in STEPS])
async def test_a_program_with_a_key_takes_no_step(
    quiet: Bureau, step: str, body: Mapping[str, str] | None
) -> None:
    """Not even one that may do everything else: a person answers for public money."""
    with connect(quiet.url) as connection:
        key = bearer(connection, Role.ADMIN)
    answer = await quiet.ask("POST", f"/api/v1/counts/{step}", headers=key, body=body)
    assert answer.status_code == 403
    assert "person" in answer.json()["detail"]


@pytest.mark.parametrize("person", ["lin", "chen"])
@pytest.mark.parametrize(("step", "body"), STEPS, ids=[step for step, _body in STEPS])
async def test_operators_and_auditors_take_no_step(
    quiet: Bureau, person: str, step: str, body: Mapping[str, str] | None
) -> None:
    """They only look."""
    assert (await quiet.take(step, body, person)).status_code == 403


@pytest.mark.parametrize("step", ["draft", "submit", "freeze", "decision?act=hold"])
async def test_the_forms_of_steps_are_for_those_who_take_them(quiet: Bureau, step: str) -> None:
    """Pages follow the same table."""
    for person, expected in {"lin": 403, "chen": 403, "zheng": 200, "wu": 200}.items():
        answer = await quiet.ask("GET", f"/counts/2026/{step}", person=person)
        assert answer.status_code == expected, person


async def test_the_whole_procedure_leads_from_a_draft_to_paid(bureau: Bureau) -> None:
    """Two people, one count."""
    frozen = await bureau.freeze()
    assert (frozen["state"], frozen["submitted_by"], frozen["frozen_by"]) == (
        "frozen",
        "zheng",
        "wu",
    )
    stale = await bureau.take("2026/publish", {"last_day_shown": "2027-05-12"})
    assert (stale.status_code, "would end on 2027-05-13 by now" in stale.json()["detail"]) == (
        409,
        True,
    )
    published = await bureau.done("2026/publish", {"notice_ends_on": "2027-05-20"})
    assert published["notice_ends_on"] == "2027-05-20"
    number = (await bureau.done("2026/objections", {"name": "甲厂", "statement": "少计"}))["id"]
    await bureau.done(
        f"2026/objections/{number}/resolve", {"outcome": "dismissed", "resolution": "无误"}
    )
    bureau.now = JUNE
    assert (await bureau.done("2026/approve-payment", person="wu"))["state"] == "payable"
    due = (await bureau.read("/2026/procedure"))["due"]
    assert sum(each["amount_yuan"] for each in due) == TOTAL_YUAN
    states = []
    for platform in ("guolian", "xielian"):
        paid = {"platform": platform, "reference": "国库 1", "paid_on": "2027-06-01"}
        states.append((await bureau.done("2026/payments", paid))["state"])
    assert states == ["payable", "paid"]
    detail = await bureau.read("/2026/procedure", "chen")
    assert [each["step"] for each in detail["steps"]] == [
        "open",
        "draft",
        "submit",
        "freeze",
        "publish",
        "object",
        "resolve",
        "approve_payment",
        "pay",
        "pay",
        "finish_payment",
    ]
    assert detail["paid_yuan"] == detail["total_yuan"] == TOTAL_YUAN
    assert detail["budget_yuan"] == 10_000_000


async def test_two_people_override_an_upheld_objection(bureau: Bureau) -> None:
    """Each by a form or for programs; the page and the answers say so, and who signed payments."""
    await bureau.freeze()
    await bureau.done("2026/publish", {"notice_ends_on": "2027-05-20"})
    number = (await bureau.done("2026/objections", {"name": "群众", "statement": "停产"}))["id"]
    resolved = {"outcome": "upheld", "resolution": "属实"}
    await bureau.done(f"2026/objections/{number}/resolve", resolved)
    bureau.now = JUNE
    refused = await bureau.take("2026/approve-payment", person="wu")
    assert [each["field"] for each in refused.json()["errors"]] == ["upheld_objection"]
    offered = [each["step"] for each in (await bureau.read("/2026/procedure"))["offers"]]
    assert "propose_override" in offered
    assert "override" not in offered
    page = await bureau.ask("GET", "/counts/2026", person="wu")
    address = f"/counts/2026/propose_override?number={number}"
    assert address in page.text
    assert (await bureau.ask("GET", address, person="wu")).status_code == 200
    taken = await bureau.send(
        "/counts/2026/propose_override", {"number": str(number), "reason": "另行追回"}, person="wu"
    )
    assert taken.status_code == 303
    (objection,) = (await bureau.read("/2026/procedure"))["objections"]
    assert (objection["override_proposed_by"], objection["override_confirmed_by"]) == ("wu", None)
    page = await bureau.ask("GET", "/counts/2026", person="wu")
    assert f"/counts/2026/override?number={number}" in page.text
    assert "另行追回" in page.text
    address = f"/counts/2026/withdraw_override?number={number}"
    assert address in page.text
    assert (await bureau.ask("GET", address, person="wu")).status_code == 200
    withdrawn = {"number": str(number), "reason": "误提"}
    taken = await bureau.send("/counts/2026/withdraw_override", withdrawn, person="wu")
    assert taken.status_code == 303
    again = await bureau.take(
        f"2026/objections/{number}/override/withdraw", {"reason": "误提"}, "wu"
    )
    assert again.status_code == 409
    await bureau.done(f"2026/objections/{number}/override", {"reason": "另行追回"}, "wu")
    await bureau.done(f"2026/objections/{number}/override/confirm", person="wu")
    assert (await bureau.done("2026/approve-payment", person="wu"))["state"] == "payable"
    paid = {"platform": "guolian", "reference": "国库 1", "paid_on": "2027-06-01"}
    await bureau.done("2026/payments", paid)
    detail = await bureau.read("/2026/procedure", "chen")
    kinds = [each["said"]["kind"] for each in detail["statements"]]
    assert kinds == [
        *("publish", "object", "resolve", "propose_override", "withdraw_override"),
        *("propose_override", "override", "approve_payment", "pay", "pay"),
    ]
    assert all(each["is_trusted"] for each in detail["statements"])
    assert sorted(each["statement"] for each in detail["payments"]) == [9, 10]
    assert {each["signing_key"] for each in detail["payments"]} == {detail["public_key"]}
    page = await bureau.ask("GET", "/counts/2026", person="chen")
    assert "key of this installation" in page.text
    assert "Overridden" in page.text


async def test_no_step_is_taken_while_the_clocks_are_apart(bureau: Bureau) -> None:
    """Steps take the database's clock; one that is far from it here refuses (finding C4)."""
    with open_pool(as_role(bureau.url, API), size=4) as pool:
        clock = Clock(lambda: bureau.now)
        other = Bureau(create_app(Settings(), pool, clock=clock), bureau.url)
        answer = await other.take("2026/draft", {"as_of": str(AS_OF)})
    assert answer.status_code == 409
    assert "that of the database says" in answer.json()["detail"]
    bureau.now = datetime.now(UTC) - timedelta(seconds=30)
    assert (await bureau.take("2026/submit", {})).json()["detail"] == (
        "No count of 2026 is being made: draft one first."
    )


async def test_without_a_signing_key_nothing_is_published(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said in one sentence, as when it is frozen."""
    await bureau.freeze()
    monkeypatch.setattr(ProcedureSource, "signing_key", lambda _self: load_signing_key(""))
    answer = await bureau.take("2026/publish", {})
    assert answer.status_code == 409
    assert "No signing key is named" in answer.json()["detail"]
    assert (await bureau.read("/2026/procedure"))["state"] == "frozen"


async def test_the_maker_does_not_check(bureau: Bureau) -> None:
    """Told so before anything is computed, and on the page before that."""
    submitted = await bureau.settle_and_submit()
    body = {"content_sha256": submitted["content_sha256"]}
    answer = await bureau.take("2026/freeze", body)
    assert answer.status_code == 409
    assert "another person must check it" in answer.json()["detail"]
    page = await bureau.ask("GET", "/counts/2026", person="zheng")
    assert "another person must check it" in page.text


async def test_an_open_hold_and_a_pending_enterprise_keep_a_count_from_being_frozen(
    bureau: Bureau,
) -> None:
    """Each is named, in the reader's language."""
    drafted = await bureau.done("2026/draft", {"as_of": str(AS_OF)})
    await bureau.done("2026/submit", {})
    body = {"content_sha256": drafted["content_sha256"]}
    answer = await bureau.take("2026/freeze", body, person="wu")
    assert answer.status_code == 409
    assert [each["field"] for each in answer.json()["errors"]] == ["open_hold", "pending"]
    assert "is held by decision 1" in answer.json()["errors"][0]["message"]
    offers = {each["step"]: each for each in (await bureau.read("/2026/procedure"))["offers"]}
    assert {each["code"] for each in offers["freeze"]["hindrances"]} == {"open_hold", "pending"}
    review = await bureau.read("/2026/review")
    assert [(each["kind"], each["uscc"]) for each in review["items"]] == [
        ("hold", uscc_of(HELD)),
        ("pending", uscc_of(PENDING)),
    ]


async def test_a_count_that_was_drafted_anew_is_not_frozen_unread(bureau: Bureau) -> None:
    """The button freezes what its page showed."""
    await bureau.settle_and_submit()
    answer = await bureau.take("2026/freeze", {"content_sha256": OLD}, person="wu")
    assert answer.status_code == 412


async def test_a_count_drafted_anew_beside_a_freeze_that_runs_is_not_frozen(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its maker returned it, drafted it otherwise and submitted that, at another `jieru serve`."""
    submitted = await bureau.settle_and_submit()
    redrafted: list[Any] = []

    async def redraft() -> Any:  # noqa: ANN401 - JSON
        with open_pool(as_role(bureau.url, API), size=2) as pool:
            settings = Settings(signing_key_file="")
            clock = Clock(lambda: bureau.now, lambda: bureau.now)
            app = create_app(settings, pool, as_of=lambda: AS_OF, year=2026, clock=clock)
            other = Bureau(app, bureau.url)
            await other.done("2026/return", {"reason": "补录"})
            exclusion = {"kind": "exclude", "platform": "xielian", "uscc": uscc_of(2)}
            await other.done("decisions", {**exclusion, "reason": "不实"})
            drafted = await other.done("2026/draft", {"as_of": str(AS_OF)})
            return await other.done("2026/submit", {"content_sha256": drafted["content_sha256"]})

    def tell(_work: Work, _phase: Phase, _fraction: float) -> None:
        if not redrafted:
            redrafted.append(None)
            redrafted[0] = asyncio.run(redraft())

    monkeypatch.setattr(Work, "tell", tell)
    await bureau.send(
        "/counts/2026/freeze", {"content_sha256": submitted["content_sha256"]}, person="wu"
    )
    work = bureau.app.state.services.get(ProcedureSource).works.of_year(2026)
    assert isinstance(await asyncio.to_thread(work.future.exception, 60), UserError)
    page = await bureau.ask("GET", "/counts/2026/work", person="wu")
    assert "drafted anew meanwhile: look at it, then freeze it" in page.text
    assert (await bureau.read("/2026/procedure"))["content_sha256"] == redrafted[0][
        "content_sha256"
    ]
    frozen = await bureau.done(
        "2026/freeze", {"content_sha256": redrafted[0]["content_sha256"]}, person="wu"
    )
    assert frozen["state"] == "frozen"


async def test_a_stale_draft_is_refused_with_what_changed_and_drafted_again(
    bureau: Bureau,
) -> None:
    """By the API with a problem of its own kind, on the page beforehand (finding U2)."""
    drafted = await bureau.settle_and_draft()
    decision = {"kind": "exclude", "platform": "xielian", "uscc": uscc_of(1), "reason": "不实"}
    number = (await bureau.done("decisions", decision))["id"]
    said = (
        f"第1鞋厂 ({uscc_of(1)}) on xielian: decision {number} of zheng was made after the draft."
    )
    answer = await bureau.take("2026/submit", {"content_sha256": drafted["content_sha256"]})
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (409, "/docs#problem-stale_draft")
    assert [(each["field"], each["message"]) for each in problem["errors"]] == [
        ("stale_decision", said)
    ]
    detail = await bureau.read("/2026/procedure")
    assert [each["message"] for each in detail["stale"]] == [said]
    page = await bureau.ask("GET", "/counts/2026", person="zheng")
    again = f'href="/counts/2026/draft?as_of={AS_OF}"'
    for part in ("This draft is out of date", html.escape(said), again):
        assert part in page.text
    assert (
        f'value="{AS_OF}"'
        in (await bureau.ask("GET", f"/counts/2026/draft?as_of={AS_OF}", person="zheng")).text
    )
    form = await bureau.ask("GET", "/counts/2026/submit", person="zheng")
    assert html.escape(said) in form.text
    sent = await bureau.send("/counts/2026/submit", {})
    assert sent.status_code == 409
    assert "draft it again" in sent.text
    drafted = await bureau.done("2026/draft", {"as_of": str(AS_OF)})
    assert (await bureau.read("/2026/procedure"))["stale"] == []
    await bureau.done("2026/submit", {"content_sha256": drafted["content_sha256"]})


async def test_a_draft_submitted_in_the_console_is_computed_once_more_where_it_must_be(
    bureau: Bureau,
) -> None:
    """A simulation's heartbeats come at the time of no clock; the page that waits says the rest."""
    await bureau.settle_and_draft()
    with connect(bureau.url) as connection:
        connection.execute("UPDATE presence SET hours = ~hours WHERE device_id = 1")
    begun = await bureau.send("/counts/2026/submit", {"note": "请复核"})
    assert begun.headers["location"] == "/counts/2026/work"
    work = bureau.app.state.services.get(ProcedureSource).works.of_year(2026)
    assert isinstance(work.future.exception(30), StaleDraftError)
    page = await bureau.ask("GET", "/counts/2026/work", person="zheng")
    for part in (
        "older than what it rests on",
        "heartbeats came after the draft",
        "Draft it again",
    ):
        assert part in page.text
    await bureau.done("2026/draft", {"as_of": str(AS_OF)})
    await bureau.send("/counts/2026/submit", {"note": "请复核"})
    work = bureau.app.state.services.get(ProcedureSource).works.of_year(2026)
    assert work.future.result(30).state == "in_review"
    done = await bureau.ask("GET", "/counts/2026/work", person="zheng")
    assert done.headers["location"] == "/counts/2026"


async def test_a_step_that_met_a_fault_of_the_database_says_so_and_can_be_begun_again(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of that moment is not kept as a state of the page (finding C3)."""

    def broken(*_arguments: Any, **_options: Any) -> CountRecord:  # noqa: ANN401 - draft_count's own
        raise psycopg.errors.AdminShutdown

    works = bureau.app.state.services.get(ProcedureSource).works
    with monkeypatch.context() as patched:
        patched.setattr("api.counts.steps.draft_count", broken)
        await bureau.send("/counts/2026/draft", {"as_of": str(AS_OF)})
        assert works.of_year(2026).future.exception(30) is not None
    for _look in range(2):
        page = await bureau.ask("GET", "/counts/2026/work", person="zheng")
        assert page.status_code == 200
        assert "The database could not be reached meanwhile" in page.text
        assert re.search(r'href="/counts/2026/draft">\s*Begin it again', page.text)
    auditors = await bureau.ask("GET", "/counts/2026/work", person="chen")
    assert 'href="/counts/2026/draft"' not in auditors.text
    await bureau.send("/counts/2026/draft", {"as_of": str(AS_OF)})
    assert works.of_year(2026).future.result(30).state == "draft"


async def test_a_step_of_another_server_is_followed_and_told_when_that_server_is_gone(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a minute without a word from it; then the step is begun again here."""
    may_end = threading.Event()

    def slow_draft(*arguments: Any, progress: Progress, **options: Any) -> CountRecord:  # noqa: ANN401 - draft_count's own
        progress(Phase.PRESENCE, 0.0)
        assert may_end.wait(60)
        return draft_count(*arguments, progress=progress, **options)

    monkeypatch.setattr("api.counts.long_steps._HEARD_EVERY_S", 0.05)
    monkeypatch.setattr("api.counts.steps.draft_count", slow_draft)
    polling = {"hx-request": "true", "hx-target": "work"}
    with open_pool(as_role(bureau.url, API), size=4) as pool:
        other = Bureau(create_app(Settings(), pool, as_of=lambda: AS_OF, year=2026), bureau.url)
        await bureau.send("/counts/2026/draft", {"as_of": str(AS_OF)})
        with connect(bureau.url, autocommit=True) as connection:
            reached = partial(connection.execute, _REACHED)
            await asyncio.to_thread(
                wait_until, lambda: reached().fetchone() == ("presence",), "it is told how far"
            )
        page = await other.ask("GET", "/counts/2026/work", person="chen")
        assert "Reading presence · 20 %" in page.text
        assert "zheng" in page.text
        year = await other.ask("GET", "/counts/2026", person="chen")
        assert "zheng takes this step at this moment" in year.text
        second = await other.send("/counts/2026/draft", {"as_of": str(AS_OF)}, person="wu")
        assert second.status_code == 409
        assert "zheng is drafting or freezing" in second.text
        monkeypatch.setattr("api.counts.long_steps.hear_kept", lambda *_arguments: None)
        with connect(bureau.url, autocommit=True) as connection:  # as if half a minute had gone
            connection.execute("UPDATE long_steps SET heard_at = now() - interval '31 seconds'")
        part = await other.ask("GET", "/counts/2026/work", person="wu", headers=polling)
        assert part.status_code == 200
        assert "<html" not in part.text
        assert "was not heard for half a minute" in part.text
        assert re.search(r'href="/counts/2026/draft">\s*Begin it again', part.text)
        monkeypatch.setattr("api.counts.steps.draft_count", draft_count)
        begun = await other.send("/counts/2026/draft", {"as_of": str(AS_OF)}, person="wu")
        assert begun.status_code == 303
        work = other.app.state.services.get(ProcedureSource).works.of_year(2026)
        assert work.future.result(30).state == "draft"
        done = await bureau.ask("GET", "/counts/2026/work", person="zheng", headers=polling)
        assert done.headers["hx-redirect"] == "/counts/2026"
        may_end.set()


async def test_a_refusal_and_what_made_it_are_told_by_the_process_that_comes_after(
    bureau: Bureau,
) -> None:
    """In each reader's own language, with the button to draft again."""
    await bureau.settle_and_draft()
    with connect(bureau.url) as connection:
        connection.execute("UPDATE presence SET hours = ~hours WHERE device_id = 1")
    await bureau.send("/counts/2026/submit", {"note": "请复核"})
    work = bureau.app.state.services.get(ProcedureSource).works.of_year(2026)
    assert isinstance(work.future.exception(30), StaleDraftError)
    here = await bureau.ask("GET", "/counts/2026/work", person="zheng")
    assert "heartbeats came after the draft" in here.text
    with open_pool(as_role(bureau.url, API), size=4) as pool:
        other = Bureau(create_app(Settings(), pool, as_of=lambda: AS_OF, year=2026), bureau.url)
        there = await other.ask("GET", "/counts/2026/work", person="zheng")
        year = await other.ask("GET", "/counts/2026", person="zheng")
    told = re.compile(r'<div class="mistakes" role="alert">.*?</div>', re.DOTALL)
    assert told.findall(there.text) == told.findall(here.text)
    assert "Draft it again" in there.text
    assert "was not done" in year.text


async def test_a_decision_is_in_the_review_the_moment_it_is_made(bureau: Bureau) -> None:
    """By the API, in the queue and on the enterprise's page (finding U2)."""
    await bureau.settle_and_draft()
    decision = {"kind": "exclude", "platform": "xielian", "uscc": uscc_of(1), "reason": "不实"}
    number = (await bureau.done("decisions", decision))["id"]
    twice = await bureau.take("decisions", decision)
    assert twice.status_code == 409
    assert f"decision {number} of zheng says the same" in twice.json()["detail"]
    (item,) = [
        each for each in (await bureau.read("/2026/review"))["items"] if each["kind"] == "decided"
    ]
    (since,) = item["since"]
    assert (since["number"], since["kind"], since["by"], since["outcome"]) == (
        number,
        "exclude",
        "zheng",
        "counted",
    )
    page = await bureau.ask("GET", "/counts/2026/review", person="zheng")
    assert "Decided since the draft (1)" in page.text
    assert f"#{number} Exclude" in page.text
    case = await bureau.ask("GET", f"/counts/2026/xielian/{uscc_of(1)}?revision=1", person="zheng")
    assert "Decided since the draft: Exclude, by zheng on" in case.text
    assert "because: 不实. Draft the count again to take it in." in case.text


async def test_an_overlap_is_settled_in_the_console_on_all_its_platforms_at_once(
    bureau: Bureau,
) -> None:
    """Seen, both stay: by whom and why, without a new draft."""
    with connect(bureau.url) as connection:
        _serve_on_guolian_too(connection, uscc_of(1))
    await bureau.settle_and_draft()
    with connect(bureau.url, autocommit=True) as connection:
        # Decisions are made at the database's time, the count of this test in May 2027.
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE counts SET opened_at = '2026-01-01'")
    page = await bureau.ask("GET", "/counts/2026/review", person="zheng")
    assert "Seen, both stay" in page.text
    fields = {"platform": "guolian,xielian", "uscc": uscc_of(1)}
    form = await bureau.ask(
        "GET", f"/counts/2026/decision?act=keep&{urlencode(fields)}", person="zheng"
    )
    for part in ("第1鞋厂", "平台 xielian", "平台 guolian", 'value="guolian,xielian"'):
        assert part in form.text
    sent = await bureau.send("/counts/2026/decision?act=keep", {**fields, "reason": "两份合同属实"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/counts/2026/review")
    (overlap,) = [
        each for each in (await bureau.read("/2026/review"))["items"] if each["kind"] == "overlap"
    ]
    assert (overlap["is_settled"], [each["by"] for each in overlap["kept"]]) == (
        True,
        ["zheng", "zheng"],
    )
    page = await bureau.ask("GET", "/counts/2026/review", person="zheng")
    for part in ("seen, stays", "Seen, stays on guolian: 两份合同属实 (zheng,"):
        assert part in page.text
    assert "Seen, both stay" not in page.text
    assert (await bureau.read("/2026/procedure"))["stale"] == []
    twice = await bureau.send("/counts/2026/decision?act=keep", {**fields, "reason": "再来"})
    assert twice.status_code == 409
    await bureau.done("2026/submit", {})


def _serve_on_guolian_too(connection: psycopg.Connection, uscc: str) -> None:
    """The enterprise's devices of xielian have twins on guolian."""
    connection.execute(
        """
        WITH enterprise AS (SELECT id FROM enterprises WHERE uscc = %s),
             platform AS (SELECT id FROM platforms WHERE code = 'guolian'),
             connected AS (
                 INSERT INTO connections (platform_id, enterprise_id, contract_no, from_date)
                 SELECT platform.id, enterprise.id, 'twin', '2026-03-02' FROM platform, enterprise),
             twins AS (
                 INSERT INTO devices (platform_id, serial)
                 SELECT platform.id, 'twin-' || a.device_id
                 FROM platform, assignments a JOIN enterprise ON enterprise.id = a.enterprise_id
                 RETURNING id, replace(serial, 'twin-', '')::integer AS twin_of),
             assigned AS (
                 INSERT INTO assignments (device_id, enterprise_id, from_date)
                 SELECT twins.id, enterprise.id, '2026-03-02' FROM twins, enterprise)
        INSERT INTO presence (device_id, month, hours, late_hours)
        SELECT twins.id, p.month, p.hours, p.late_hours
        FROM twins JOIN presence p ON p.device_id = twins.twin_of
        """,
        (uscc,),
    )


@pytest.mark.parametrize("act", ["exclude", "hold", "waive", "keep", "close"])
async def test_whoever_decides_sees_whom_on_what_evidence_and_for_how_much(
    bureau: Bureau, act: str
) -> None:
    """Before confirming it (finding U3); the cap is taken into account."""
    await bureau.settle_and_draft()
    form = await bureau.ask(
        "GET",
        f"/counts/2026/decision?act={act}&platform=guolian&uscc={uscc_of(31)}",
        person="zheng",
    )
    for part in (
        "第31鞋厂",
        "平台 guolian",
        "In the count 2026-1",
        "Counted",
        "effective window 2026-03-02 to 2026-05-30: 78 active days, longest gap 1 days; 3 devices",
        "10,000 yuan: the platform&#39;s award is 20,000 with it and 10,000 without it",
    ):
        assert part in form.text
    beyond_the_cap = await bureau.ask(
        "GET",
        f"/counts/2026/decision?act={act}&platform=xielian&uscc={uscc_of(1)}",
        person="zheng",
    )
    assert "0 yuan: the platform&#39;s award is 150,000 with it" in beyond_the_cap.text


async def test_whoever_withdraws_sees_what(bureau: Bureau) -> None:
    """The decision or the closing, and whom it is about."""
    form = await bureau.ask("GET", "/counts/2026/decision?act=withdraw&number=1", person="zheng")
    for part in (
        f"第{HELD}鞋厂",
        "#1 Hold: 现场核查 (林核验)",
        "no kept count of 2026 lists it yet",
    ):
        assert part in form.text
    await bureau.settle_and_draft()
    form = await bureau.ask("GET", "/counts/2026/decision?act=reopen&number=1", person="zheng")
    for part in (f"第{PENDING}鞋厂", "Do not wait for it: 停产 (zheng)"):
        assert part in form.text
    for number in ("99", "x", "9" * 50):
        path = f"/counts/2026/decision?act=withdraw&number={number}"
        assert (await bureau.ask("GET", path, person="zheng")).status_code == 200


async def test_a_draft_is_discarded_and_found_when_asked_for(bureau: Bureau) -> None:
    """From its page or by the API; lists leave it out, the year is counted afresh (finding C8)."""
    await bureau.settle_and_draft()
    page = await bureau.ask("GET", "/counts/2026", person="zheng")
    assert 'href="/counts/2026/discard"' in page.text
    assert (await bureau.send("/counts/2026/discard", {"reason": "  "})).status_code == 422
    answer = await bureau.send("/counts/2026/discard", {"reason": "证据期选错"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/counts/2026")
    assert (await bureau.read(""))["items"] == []
    (gone,) = (await bureau.read("?discarded=true"))["items"]
    assert (gone["count_id"], gone["state"]) == ("2026-1", "discarded")
    assert "2026-1" not in (await bureau.ask("GET", "/counts", person="zheng")).text
    assert (
        "/counts/2026?revision=1"
        in (await bureau.ask("GET", "/counts?discarded=true", person="zheng")).text
    )
    fresh = await bureau.ask("GET", "/counts/2026", person="zheng")
    assert "Begin the procedure" in fresh.text
    shown = await bureau.ask("GET", "/counts/2026?revision=1", person="zheng")
    assert "证据期选错" in shown.text
    assert (await bureau.take("2026/discard", {"reason": "再来"})).status_code == 409
    again = await bureau.done("2026/draft", {"as_of": str(AS_OF)})
    assert (again["count_id"], again["supersedes"]) == ("2026-2", None)
    assert (await bureau.read(""))["items"][0]["count_id"] == "2026-2"
    gone_by_api = await bureau.done("2026/discard", {"reason": "再来"})
    assert gone_by_api["state"] == "discarded"


async def test_nothing_is_frozen_without_a_signing_key(quiet: Bureau) -> None:
    """The message says how to make one."""
    answer = await quiet.take("2026/freeze", {"content_sha256": OLD}, person="wu")
    assert answer.status_code == 409
    assert "jieru signing-key new" in answer.json()["detail"]


async def test_a_frozen_year_is_counted_again_only_with_a_reason(bureau: Bureau) -> None:
    """And the correction can be compared with what it corrects."""
    await bureau.freeze()
    assert (await bureau.take("2026/draft", {"as_of": str(AS_OF)})).status_code == 409
    await bureau.done(
        "decisions",
        {"kind": "exclude", "platform": "guolian", "uscc": uscc_of(31), "reason": "不实"},
    )
    again = await bureau.done("2026/draft", {"as_of": str(AS_OF), "reason": "举报属实"})
    assert (again["count_id"], again["supersedes"]) == ("2026-2", "2026-1")
    publishing = await bureau.ask("GET", "/counts/2026/publish", person="zheng")
    assert "2026-1" in publishing.text
    assert "not where this step begins" not in publishing.text
    found = await bureau.read("/compare?before=2026-1&after=2026-2")
    assert found["total_before_yuan"] - found["total_after_yuan"] == 10_000
    changed = {each["uscc"]: each["outcome_after"] for each in found["enterprises"]}
    assert changed[uscc_of(31)] == "excluded"
    page = await bureau.ask("GET", "/counts/compare?before=2026-1&after=2026-2", person="chen")
    assert uscc_of(31) in page.text


async def test_an_operator_sees_what_is_published_of_the_own_platform(bureau: Bureau) -> None:
    """Nothing before that, and nobody's name after it."""
    await bureau.freeze()
    assert (await bureau.read("", "lin"))["items"] == []
    hidden = await bureau.ask("GET", "/api/v1/counts/2026/procedure", person="lin")
    assert hidden.status_code == 404
    await bureau.done("2026/publish", {"notice_ends_on": "2027-05-20"})
    detail = await bureau.read("/2026/procedure", "lin")
    assert [each["platform"] for each in detail["platforms"]] == ["xielian"]
    assert (detail["steps"], detail["overlaps"], detail["submitted_by"]) == ([], [], None)
    assert (detail["total_yuan"], detail["budget_yuan"]) == (150_000, None)
    rows = await bureau.read("/2026/determinations?limit=1000", "lin")
    assert {each["platform"] for each in rows["items"]} == {"xielian"}
    theirs = "/api/v1/counts/2026/determinations?platform=guolian"
    assert (await bureau.ask("GET", theirs, person="lin")).status_code == 404
    page = await bureau.ask("GET", "/counts/2026", person="lin")
    assert page.status_code == 200
    assert "guolian" not in page.text
    assert "zheng" not in page.text
    for kind, expected in {"notice": 200, "workbook": 403, "signed": 403}.items():
        path = f"/api/v1/counts/2026/report?kind={kind}"
        assert (await bureau.ask("GET", path, person="lin")).status_code == expected
    other = f"/counts/2026/guolian/{uscc_of(31)}?revision=1"
    assert (await bureau.ask("GET", other, person="lin")).status_code == 404


async def test_a_count_is_published_without_a_calendar_and_its_step_says_so(
    bureau: Bureau,
) -> None:
    """What was shown is what is stored."""
    await bureau.freeze()
    published = await bureau.done("2026/publish", {"last_day_shown": "2027-05-13"})
    assert published["notice_ends_on"] == "2027-05-13"
    steps = (await bureau.read("/2026/procedure"))["steps"]
    assert "2027" in steps[-1]["note"]


async def test_determinations_can_be_filtered(bureau: Bureau) -> None:
    """By outcome, platform and text."""
    await bureau.done("2026/draft", {"as_of": str(AS_OF)})
    counted = await bureau.read("/2026/determinations?outcome=counted&platform=xielian")
    assert counted["total"] == len(counted["items"]) == COUNTED_ON_XIELIAN
    one = await bureau.read(f"/2026/determinations?text={uscc_of(HELD)}")
    assert [each["outcome"] for each in one["items"]] == ["held"]


async def test_reports_are_made_of_what_was_signed(bureau: Bureau) -> None:
    """Workbook, CSV, JSON, PDF and the signed file itself; none before the count is frozen."""
    await bureau.settle_and_submit()
    early = await bureau.ask("GET", "/api/v1/counts/2026/report?kind=csv", person="chen")
    assert early.status_code == 409
    content = (await bureau.read("/2026/procedure"))["content_sha256"]
    frozen = await bureau.done("2026/freeze", {"content_sha256": content}, person="wu")

    async def report(query: str) -> bytes:
        path = f"/api/v1/counts/2026/report?{query}"
        answer = await bureau.ask("GET", path, person="chen")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"].startswith("attachment;")
        return answer.content

    signed = await report("kind=signed")
    assert check_signed_file(signed).digest == frozen["digest"]
    assert (await report("kind=workbook&language=en")).startswith(b"PK")
    csv = (await report("kind=csv&table=payment&language=zh")).decode("utf-8-sig")
    assert "xielian" in csv
    assert json.loads(await report("kind=json"))
    enterprise = f"kind=enterprise&platform=xielian&uscc={uscc_of(1)}"
    assert (await report(enterprise)).startswith(b"%PDF-")
    nobody = f"/api/v1/counts/2026/report?kind=enterprise&platform=xielian&uscc={uscc_of(999)}"
    assert (await bureau.ask("GET", nobody, person="chen")).status_code == 409


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"kind": "waive"}, ["criterion", "value"]),
        ({"kind": "hold", "criterion": "active_days_min"}, ["criterion"]),
        ({"kind": "waive", "criterion": "nothing", "value": 1}, ["criterion"]),
        ({"kind": "hold", "reason": " "}, ["reason"]),
        ({"kind": "hold", "reason": "\0"}, ["reason"]),
    ],
)
async def test_a_decision_that_is_half_said_is_refused(
    quiet: Bureau, body: Mapping[str, Any], fields: list[str]
) -> None:
    """Each field is named."""
    whole = {"platform": "xielian", "uscc": uscc_of(1), "reason": "存疑", **body}
    answer = await quiet.take("decisions", whole)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == fields


async def test_decisions_and_closings_are_withdrawn_once(bureau: Bureau) -> None:
    """With a reason; they stay on record."""
    case = {"platform": "xielian", "uscc": uscc_of(PENDING), "reason": "停产"}
    decision = {**case, "kind": "waive", "criterion": "active_devices_min", "value": 1}
    for made, withdrawn in (
        (await bureau.done("decisions", decision), "decisions"),
        (await bureau.done("2026/closings", case), "closings"),
    ):
        path = f"{withdrawn}/{made['id']}/withdraw"
        assert (await bureau.done(path, {"reason": "误"}))["id"] == made["id"]
        assert (await bureau.take(path, {"reason": "误"})).status_code == 409


@pytest.mark.parametrize(
    "path",
    [
        "/2026/procedure",
        "/1999/procedure",
        "/99999999999999999999/procedure",
        "/2026/procedure?revision=99999999999999999999",
        "/2026/determinations",
        "/2026/review",
        "/compare?before=2026-1&after=2026-2",
        "/compare?before=x&after=y",
        "/2026/report?kind=notice",
    ],
)
async def test_what_is_not_there_is_a_404_problem(quiet: Bureau, path: str) -> None:
    """No count of the quiet city was ever drafted."""
    answer = await quiet.ask("GET", f"/api/v1/counts{path}", person="zheng")
    assert answer.status_code == 404


async def test_a_kept_count_is_the_page_of_its_year_and_one_of_now_stays_a_click_away(
    bureau: Bureau,
) -> None:
    """The figures of the page are those that are kept."""
    before = await bureau.ask("GET", "/counts/2026", person="zheng")
    assert "Begin the procedure" in before.text
    await bureau.freeze()
    strange = await bureau.ask("GET", "/counts/2026?platform=%00&text=%00", person="chen")
    assert strange.status_code == 422
    kept = await bureau.ask("GET", "/counts/2026", person="chen")
    assert "Frozen" in kept.text
    assert "From today&#39;s records" in kept.text
    now = await bureau.ask("GET", f"/counts/2026?as_of={AS_OF}", person="chen")
    assert "To the count 2026-1, which is kept" in now.text
    years = await bureau.ask("GET", "/counts", person="chen")
    assert f"{TOTAL_YUAN:,}" in years.text


async def test_an_award_of_another_clause_is_shown_under_that_clause(bureau: Bureau) -> None:
    """On the page, in the chart, to its operator, in the form of its payment, and for programs."""
    with connect(bureau.url) as connection:
        withdraw_decision(connection, 1, reason="核查无误", withdrawn_by="zheng")
        connection.commit()
        record = frozen_with_award(connection, "xielian", AwardLine("2.2", 1, 200_000, 200_000))
        payable(connection, record)
    for person in ("chen", "lin"):
        page = await bureau.ask("GET", "/counts/2026", person=person)
        assert '<td class="number" data-label="Clause 2.2">200,000</td>' in page.text, person
        assert '"Clause 2.2"' in page.text
    detail = await bureau.read("/2026/procedure")
    (xielian,) = [each for each in detail["platforms"] if each["platform"] == "xielian"]
    assert [line["clause"] for line in xielian["lines"]] == ["1.2", "2.2"]
    assert {
        each["clause"]: each["amount_yuan"]
        for each in detail["due"]
        if each["platform"] == "xielian"
    }["2.2"] == 200_000


async def test_an_enterprise_is_shown_as_its_count_has_it(bureau: Bureau) -> None:
    """With what today's records would say instead, and with its history."""
    await bureau.freeze()
    await bureau.done(
        "decisions",
        {"kind": "exclude", "platform": "xielian", "uscc": uscc_of(1), "reason": "不实"},
    )
    path = f"/counts/2026/xielian/{uscc_of(1)}?revision=1"
    page = await bureau.ask("GET", path, person="chen")
    assert "From the records of today the outcome would be another one: Excluded." in page.text
    assert '<ul class="reasons hint">' not in page.text
    assert "In the counts that are kept" in page.text
    missing = await bureau.ask("GET", path.replace("revision=1", "revision=2"), person="chen")
    assert missing.status_code == 404


async def test_a_count_of_now_that_takes_long_shows_how_far_it_is(
    quiet: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The part that asks again turns the page into the count once it is done."""
    may_end = threading.Event()

    def slow_count(*arguments: Any, progress: Progress, **options: Any) -> Count:  # noqa: ANN401 - count_year's own
        progress(Phase.WINDOWS, 0.5)
        assert may_end.wait(10)
        return count_year(*arguments, progress=progress, **options)

    monkeypatch.setattr("api.counts.source.count_year", slow_count)
    monkeypatch.setattr("api.counts.pages._PATIENCE_S", 0.1)
    address = "/counts/2025?as_of=2026-02-01"
    page = await quiet.ask("GET", address, person="chen")
    assert "Finding windows · 50 %" in page.text
    assert f'hx-get="{address}"' in page.text
    polling = {"hx-request": "true", "hx-target": "work"}
    part = await quiet.ask("GET", address, person="chen", headers=polling)
    assert "<html" not in part.text
    assert "Finding windows" in part.text
    may_end.set()
    monkeypatch.setattr("api.counts.pages._PATIENCE_S", 10)
    done = await quiet.ask("GET", address, person="chen", headers=polling)
    assert done.headers["hx-refresh"] == "true"
    assert "Total award" in (await quiet.ask("GET", address, person="chen")).text


async def test_a_draft_run_in_the_console_tells_how_far_it_is_and_leads_back(
    bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one runs at a time for a year."""
    may_end = threading.Event()

    def slow_draft(*arguments: Any, progress: Progress, **options: Any) -> CountRecord:  # noqa: ANN401 - draft_count's own
        progress(Phase.PRESENCE, 0.0)
        assert may_end.wait(10)
        return draft_count(*arguments, progress=progress, **options)

    monkeypatch.setattr("api.counts.steps.draft_count", slow_draft)
    begun = await bureau.send("/counts/2026/draft", {"as_of": str(AS_OF)})
    assert (begun.status_code, begun.headers["location"]) == (303, "/counts/2026/work")
    page = await bureau.ask("GET", "/counts/2026/work", person="chen")
    assert "Reading presence · 20 %" in page.text
    second = await bureau.send("/counts/2026/draft", {"as_of": str(AS_OF)}, person="wu")
    assert second.status_code == 409
    assert "zheng is drafting or freezing" in second.text
    may_end.set()
    work = bureau.app.state.services.get(ProcedureSource).works.of_year(2026)
    assert work.future.result(10).state == "draft"
    polling = {"hx-request": "true", "hx-target": "work"}
    done = await bureau.ask("GET", "/counts/2026/work", person="zheng", headers=polling)
    assert done.headers["hx-redirect"] == "/counts/2026"


async def test_a_step_refused_in_its_thread_is_told_on_the_page_that_waits(bureau: Bureau) -> None:
    """The count is not what was reviewed any more."""
    await bureau.settle_and_submit()
    await bureau.done(
        "decisions",
        {"kind": "exclude", "platform": "xielian", "uscc": uscc_of(2), "reason": "不实"},
    )
    content = (await bureau.read("/2026/procedure"))["content_sha256"]
    await bureau.send("/counts/2026/freeze", {"content_sha256": content}, person="wu")
    work = bureau.app.state.services.get(ProcedureSource).works.of_year(2026)
    assert work.future.exception(30) is not None
    page = await bureau.ask("GET", "/counts/2026/work", person="wu")
    assert "return it, draft it anew and submit that" in page.text


async def test_a_decision_before_any_draft_leads_back_to_the_year(bureau: Bureau) -> None:
    """There is nothing to review yet."""
    fields = {"platform": "xielian", "uscc": uscc_of(3), "reason": "存疑"}
    taken = await bureau.send("/counts/2026/decision?act=hold", fields)
    assert taken.headers["location"] == "/counts/2026"
    await bureau.done("2026/draft", {"as_of": str(AS_OF)})
    half = await bureau.send("/counts/2026/decision?act=exclude", fields | {"reason": ""})
    assert half.status_code == 422
    assert "is required" in half.text
    again = await bureau.send("/counts/2026/decision?act=exclude", fields)
    assert again.headers["location"] == "/counts/2026/review"


def _sections(page: str) -> list[str]:
    """Criteria, calendar, devices, connections and decisions of an enterprise's page."""
    sections = re.findall(
        r'<section aria-labelledby="detail-(\w+)">(.*?)</section>', page, re.DOTALL
    )
    return [content for name, content in sections if name != "past"]


def _hand_over(connection: psycopg.Connection, number: int) -> None:
    """Change the registry of an enterprise: a device more, and one handed to another enterprise."""
    connection.execute(
        "UPDATE assignments SET to_date = '2027-02-01' WHERE device_id = ("
        "SELECT a.device_id FROM assignments a JOIN enterprises e ON e.id = a.enterprise_id "
        "WHERE e.uscc = %s ORDER BY a.device_id LIMIT 1)",
        (uscc_of(number),),
    )
    connection.execute(
        "WITH added AS (INSERT INTO devices (platform_id, serial, kind, name) "
        "SELECT id, 'added-later', 'CNC', '新机床' FROM platforms WHERE code = 'xielian' "
        "RETURNING id) INSERT INTO assignments (device_id, enterprise_id, from_date) "
        "SELECT added.id, e.id, '2026-01-01' FROM added, enterprises e WHERE e.uscc = %s",
        (uscc_of(number),),
    )
    connection.execute(
        "UPDATE connections SET to_date = '2027-01-01' FROM enterprises e "
        "WHERE e.id = enterprise_id AND e.uscc = %s",
        (uscc_of(number),),
    )
    connection.commit()


@pytest.mark.parametrize("number", [COUNTED_ON_XIELIAN, PENDING], ids=["counted", "pending"])
async def test_the_page_of_a_frozen_count_is_not_changed_by_the_registry_of_today(
    bureau: Bureau, number: int
) -> None:
    """Devices, calendar and connections are those of the count, and it says what changed since."""
    await bureau.freeze()
    path = f"/counts/2026/xielian/{uscc_of(number)}?revision=1"
    before = await bureau.ask("GET", path, person="chen")
    assert "Registry or presence were changed since" not in before.text
    with connect(bureau.url) as connection:
        _hand_over(connection, number)
    after = await bureau.ask("GET", path, person="chen")
    assert _sections(after.text) == _sections(before.text)
    assert "What is shown here is what the count holds." in after.text
    now = await bureau.ask("GET", path.replace("revision=1", f"as_of={AS_OF}"), person="chen")
    assert "added-later" in now.text


async def test_a_count_that_holds_no_calendar_says_when_it_is_not_the_one_it_rests_on(
    bureau: Bureau,
) -> None:
    """Frozen by an earlier version: today's calendar is shown while the digests fit it."""
    await bureau.settle_and_draft()
    with connect(bureau.url) as connection:
        record = find_count(connection, 2026, is_running=True)
        document = in_version(read_document(connection, record), 1)
        connection.commit()
        with changing(connection, MAKER.actor):
            store_content(connection, record.id, document)
            connection.execute(
                "UPDATE counts SET content_sha256 = %s WHERE id = %s",
                (content_sha256(document), record.id),
            )
    content = {"content_sha256": content_sha256(document)}
    await bureau.done("2026/submit", content)
    frozen = await bureau.done("2026/freeze", content, person="wu")
    signed = await bureau.ask("GET", "/api/v1/counts/2026/report?kind=signed", person="wu")
    assert check_signed_file(signed.content).digest == frozen["digest"]
    assert "version" not in json.loads(signed.content)["document"]
    path = f"/counts/2026/xielian/{uscc_of(COUNTED_ON_XIELIAN)}?revision=1"
    before = await bureau.ask("GET", path, person="chen")
    assert "Registry or presence were changed since" not in before.text
    assert "2026-03" in before.text
    with connect(bureau.url) as connection:
        _hand_over(connection, COUNTED_ON_XIELIAN)
    after = await bureau.ask("GET", path, person="chen")
    assert "and not what the count rests on" in after.text
    assert "added-later" not in after.text
