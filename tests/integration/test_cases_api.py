"""Cases through the application: opened by signals, asked, answered, visited, concluded."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from jieru.database import connect, open_pool
from jieru.settings import Settings
from tests.integration.verifier.conftest import WORKED_EXAMPLE
from tests.support.callers import bearer
from tests.support.photographs import jpeg_with_position
from tests.support.registry_builder import RegistryBuilder
from tests.support.roles import API, as_role
from tests.support.signal_runs import insert_run
from tests.support.visiting import add_person, form_token_of, sign_in, visiting
from verifier.counting.decisions import list_decisions
from verifier.trust.cases.records import open_cases_of_run
from verifier.trust.signal import Kind

_PDF: Final = b"%PDF-1.7\n%%EOF\n"
_LATE: Final = """
    INSERT INTO declarations
        (platform_id, enterprise_id, kind, from_date, to_date, declared_by, declared_at)
    SELECT platform_id, enterprise_id, 'stop', '2026-03-01', '2026-03-05', 'user:wang', '2026-02-01'
    FROM cases
"""
_BACKDATED: Final = """
    INSERT INTO declarations
        (platform_id, enterprise_id, kind, from_date, to_date, declared_by, declared_at)
    SELECT platform_id, enterprise_id, 'stop', CURRENT_DATE + 1, CURRENT_DATE + 2, 'user:wang',
           '2026-02-01'
    FROM cases RETURNING declared_at = now()
"""
_QUESTION: Final = "请说明 5 月 6 日更换控制器的情况。"


def _kept(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


@dataclass
class Bureau:
    """The application on a city with one case, and browsers of its people."""

    app: FastAPI
    connection: psycopg.Connection
    uscc: str
    other: str
    case_id: int
    tokens: dict[str, tuple[dict[str, str], str]] = field(default_factory=dict)

    async def ask(self, method: str, path: str, person: str, body: object = None) -> httpx.Response:
        """One request of somebody who is signed in, in English."""
        cookies, token = await self._session(person)
        async with visiting(self.app) as browser:
            browser.cookies.update(cookies)
            return await browser.request(method, path, json=body, headers={"x-form-token": token})

    async def send(
        self,
        path: str,
        person: str,
        fields: Mapping[str, str],
        files: list[tuple[str, bytes]] | None = None,
    ) -> httpx.Response:
        """What the console answers to a form."""
        cookies, token = await self._session(person)
        sent = [("documents", (name, content)) for name, content in files or []]
        async with visiting(self.app) as browser:
            browser.cookies.update(cookies)
            return await browser.post(
                path, data={**fields, "form_token": token}, files=sent or None
            )

    async def page(self, path: str, person: str) -> str:
        """A page that must be shown."""
        answer = await self.ask("GET", path, person)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def taken(self, step: str, person: str = "lin", **said: object) -> Any:  # noqa: ANN401
        """A step that must be taken; the case afterwards."""
        body = {"step": step, "text": "见附件", **said}
        path = f"/api/v1/cases/{self.case_id}/steps"
        answer = await self.ask("POST", path, person, body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def _session(self, person: str) -> tuple[dict[str, str], str]:
        if person not in self.tokens:
            async with visiting(self.app) as browser:
                await sign_in(browser, person)
                token = form_token_of(await browser.get("/account/password"))
                self.tokens[person] = (dict(browser.cookies), token)
        return self.tokens[person]


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Where files are kept."""
    return tmp_path / "documents"


@pytest.fixture
def bureau(embedded_database_url: str, documents: Path) -> Iterator[Bureau]:
    """A city with two platforms, and a case of an enterprise on the first."""
    documents.mkdir()
    settings = Settings(document_folder=str(documents))
    with (
        connect(embedded_database_url) as connection,
        open_pool(as_role(embedded_database_url, API), size=4) as pool,
    ):
        build = RegistryBuilder(connection)
        build.platform("beta")
        other = build.served_enterprise(2, "beta", WORKED_EXAMPLE)
        uscc = build.served_enterprise(1, build.platform("alpha"), WORKED_EXAMPLE)
        connection.commit()
        for name in ("lin", "chen"):
            add_person(connection, name, Role.VERIFIER)
        add_person(connection, "shen", Role.AUDITOR)
        add_person(connection, "wang", Role.OPERATOR, platform="alpha")
        add_person(connection, "he", Role.OPERATOR, platform="beta")
        detail = {"platform": "beta", "uscc": other, "serials": ["m2-0"], "lag_days": 7}
        run = insert_run(
            connection,
            [(Kind.RHYTHM_ALIKE, "alpha", uscc), (Kind.HANDED_OVER, "alpha", uscc)],
            serials=["m1-0", "m1-1"],
            detail=detail,
        )
        (case_id,) = open_cases_of_run(connection, run, "command:jieru")
        connection.commit()
        yield Bureau(create_app(settings, pool), connection, uscc, other, case_id)


async def test_from_a_signal_to_a_decision(bureau: Bureau) -> None:
    """Asked and answered in the console with files, upheld with the decision that follows."""
    case = f"/cases/{bureau.case_id}"
    assert "第1鞋厂" in await bureau.page("/cases", "lin")
    asked = await bureau.send(f"{case}/ask-operator", "lin", {"text": _QUESTION})
    assert (asked.status_code, asked.headers["location"]) == (303, case)
    waiting = await bureau.page("/questions", "wang")
    assert _QUESTION in waiting
    assert "waits for your answer" in waiting
    answered = await bureau.send(
        f"/questions/{bureau.uscc}/answer",
        "wang",
        {"text": "已更换，见附件"},
        [("C:\\维修\\维修记录.pdf", _PDF)],
    )
    assert answered.status_code == 303, answered.text
    page = await bureau.page(case, "lin")
    assert "已更换，见附件" in page
    assert "维修记录.pdf" in page
    upheld = await bureau.send(f"{case}/uphold", "lin", {"text": "铭牌不符", "leads_to": "exclude"})
    assert upheld.status_code == 303, upheld.text
    (decision,) = list_decisions(bureau.connection, "alpha", bureau.uscc)
    assert (decision.decision.kind, decision.decision.decided_by) == ("exclude", "lin")
    assert "No case fits." in await bureau.page("/cases", "lin")
    assert "第1鞋厂" in await bureau.page("/cases?state=upheld", "shen")


async def test_a_case_shows_its_evidence(bureau: Bureau) -> None:
    """Both calendars of a likeness, the machines on one axis, and what a signal says in words."""
    page = await bureau.page(f"/cases/{bureau.case_id}", "shen")
    for said in (
        "Two calendars, to be compared",
        "第2鞋厂",
        "Exceptions are compared 7 days apart.",
        "Machines on one axis",
        "m2-0",
        "The same exceptions as another enterprise",
        "No heartbeats of these days are in the database any more",
    ):
        assert said in page, said
    assert page.count('class="hours usual"') == 2
    assert "Clear the case" not in page  # an auditor reads


async def test_nothing_is_chosen_beforehand(bureau: Bureau) -> None:
    """Whoever upholds says what follows, or is asked again."""
    path = f"/cases/{bureau.case_id}/uphold"
    form = await bureau.page(path, "lin")
    assert '<option value="" selected></option>' in form
    again = await bureau.send(path, "lin", {"text": "铭牌不符", "leads_to": ""})
    assert again.status_code in {409, 422}
    assert list_decisions(bureau.connection, "alpha", bureau.uscc) == []


async def test_an_operator_reads_the_question_and_nothing_else(bureau: Bureau) -> None:
    """Neither case nor signal nor threshold nor another's enterprise, on pages or by programs."""
    await bureau.taken("asked_operator", text=_QUESTION)
    await bureau.taken("noted", text="内部备注")
    bureau.connection.commit()
    header = bearer(bureau.connection, Role.OPERATOR, "alpha")
    async with visiting(bureau.app) as program:
        program.headers.update({**header, "accept": "application/json"})
        for path in (
            "/api/v1/cases",
            f"/api/v1/cases/{bureau.case_id}",
            "/cases",
            f"/cases/{bureau.case_id}",
        ):
            assert (await program.get(path)).status_code == 403
        told = (await program.get(f"/api/v1/questions/{bureau.uscc}")).json()
        entries = (await program.get("/api/v1/audit-entries")).text
    assert set(told) == {"uscc", "enterprise_name", "state", "due_on", "questions", "answers"}
    assert [each["text"] for each in told["questions"]] == [_QUESTION]
    assert "内部备注" not in str(told)
    assert '"cases"' not in entries
    assert "case_steps" not in entries
    for path in (
        "/questions",
        f"/questions/{bureau.uscc}",
        "/audit",
        f"/enterprises/{bureau.uscc}",
    ):
        page = await bureau.page(path, "wang")
        for hidden in ("rhythm", "threshold", ">lin<", "内部备注", "第2鞋厂", '"/cases', "signal"):
            assert hidden not in page, (path, hidden)


async def test_another_operator_learns_nothing(bureau: Bureau) -> None:
    """Not even that something was asked."""
    await bureau.taken("asked_operator", text=_QUESTION)
    assert "The bureau asks you nothing." in await bureau.page("/questions", "he")
    for path in (f"/questions/{bureau.uscc}", f"/questions/{bureau.uscc}/answer"):
        assert (await bureau.ask("GET", path, "he")).status_code == 404
    answer = await bureau.ask(
        "POST", f"/api/v1/questions/{bureau.uscc}/answer", "he", {"text": "与我无关"}
    )
    assert answer.status_code == 404


async def test_a_program_with_a_key_takes_no_step(bureau: Bureau) -> None:
    """It reads; people conclude."""
    header = bearer(bureau.connection, Role.VERIFIER)
    async with visiting(bureau.app) as program:
        program.headers.update(header)
        read = await program.get(f"/api/v1/cases/{bureau.case_id}")
        assert read.status_code == 200
        assert read.json()["kinds"] == ["handed_over", "rhythm_alike"]
        for path, body in (
            ("/api/v1/cases", {"platform": "alpha", "uscc": bureau.uscc, "text": "x"}),
            (f"/api/v1/cases/{bureau.case_id}/steps", {"step": "noted", "text": "x"}),
        ):
            refused = await program.post(path, json=body)
            assert refused.status_code == 403, refused.text


async def test_a_hold_is_decided_by_another_person(bureau: Bureau) -> None:
    """Proposed after a visit; the proposer is not even offered the decision."""
    path = f"/cases/{bureau.case_id}"
    assert "Propose a hold" not in await bureau.page(path, "lin")
    await bureau.taken("visited", visited_on="2026-07-01")
    await bureau.taken("hold_proposed")
    assert "Decide the hold" not in await bureau.page(path, "lin")
    refused = await bureau.send(f"{path}/decide-hold", "lin", {"text": "同意"})
    assert refused.status_code == 409
    assert "Decide the hold" in await bureau.page(path, "chen")
    done = await bureau.taken("hold_decided", "chen")
    assert done["steps"][-1]["decision_id"] is not None
    (decision,) = list_decisions(bureau.connection, "alpha", bureau.uscc)
    assert (decision.decision.kind, decision.decision.decided_by) == ("hold", "chen")


async def test_a_photograph_comes_to_others_without_its_position(
    bureau: Bureau, documents: Path
) -> None:
    """Whoever took it gets it as it is; the folder keeps it as it is."""
    photograph = jpeg_with_position()
    sha256 = hashlib.sha256(photograph).hexdigest()
    visited = await bureau.send(
        f"/cases/{bureau.case_id}/visit",
        "lin",
        {"visited_on": "2026-07-01", "text": "厂房已空"},
        [("IMG_1.JPG", photograph)],
    )
    assert visited.status_code == 303, visited.text
    assert (documents / sha256[:2] / sha256).read_bytes() == photograph
    path = f"/api/v1/cases/{bureau.case_id}/documents/{sha256}"
    own = await bureau.ask("GET", path, "lin")
    assert own.content == photograph
    assert own.headers["content-type"] == "image/jpeg"
    assert own.headers["content-disposition"].startswith("attachment; ")
    others = await bureau.ask("GET", path, "chen")
    assert others.status_code == 200
    assert b"GPS" not in others.content
    assert len(others.content) < len(photograph)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("维修.exe", b"MZ\x90\x00", "is of no kind that is taken here"),
        ("假.pdf", b"<html></html>", "is of no kind that is taken here"),
        ("空.pdf", b"", "is empty"),
        ("大.pdf", b"%PDF-" + bytes(10 << 20), "is larger than 10 MB"),
    ],
)
async def test_a_file_that_is_not_taken_is_named_and_leaves_no_step(
    bureau: Bureau, documents: Path, name: str, content: bytes, said: str
) -> None:
    """By its content, whatever its name says."""
    answer = await bureau.send(
        f"/cases/{bureau.case_id}/note", "lin", {"text": "备注"}, [(name, content)]
    )
    assert answer.status_code == 422
    assert said in answer.text
    assert _kept(documents) == []
    body = {
        "step": "noted",
        "text": "备注",
        "documents": [{"name": name, "content": base64.b64encode(content).decode()}],
    }
    path = f"/api/v1/cases/{bureau.case_id}/steps"
    assert (await bureau.ask("POST", path, "lin", body)).status_code == 422
    found = await bureau.ask("GET", f"/api/v1/cases/{bureau.case_id}", "lin")
    assert found.json()["steps"] == []


async def test_a_verifier_opens_a_case_for_a_reason(bureau: Bureau) -> None:
    """And not a second one beside it."""
    new = {"platform": "beta", "uscc": bureau.other, "text": "收到群众举报"}
    opened = await bureau.ask("POST", "/api/v1/cases", "lin", new)
    assert opened.status_code == 201, opened.text
    assert (opened.json()["cause"], opened.json()["steps"][0]["text"]) == (
        "verifier",
        "收到群众举报",
    )
    again = await bureau.send("/cases/new", "chen", new)
    assert again.status_code == 409
    assert "is open: go on with that one" in again.text


async def test_cases_are_listed_by_due_date_and_strength(bureau: Bureau) -> None:
    """What nobody began is due since it was opened; pages follow one another."""
    run = insert_run(bureau.connection, [(Kind.COUNTER_FELL, "beta", bureau.other)])
    (hard,) = open_cases_of_run(bureau.connection, run, "command:jieru")
    bureau.connection.commit()

    async def listed(query: str = "") -> list[int]:
        answer = await bureau.ask("GET", f"/api/v1/cases{query}", "shen")
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()["items"]]

    assert await listed() == [hard, bureau.case_id]
    first = (await bureau.ask("GET", "/api/v1/cases?limit=1", "shen")).json()
    assert await listed(f"?limit=1&cursor={first['next_cursor']}") == [bureau.case_id]
    await bureau.taken("asked_enterprise")
    assert await listed("?state=asked") == [bureau.case_id]
    assert await listed("?platform=beta") == [hard]
    await bureau.taken("cleared")
    assert await listed() == [hard]
    assert await listed("?state=all") == [hard, bureau.case_id]


async def test_an_answer_closes_with_the_case(bureau: Bureau) -> None:
    """The operator may add to it until then."""
    await bureau.taken("asked_operator", text=_QUESTION)
    path = f"/api/v1/questions/{bureau.uscc}/answer"
    for text in ("第一次答复", "补充"):
        assert (await bureau.ask("POST", path, "wang", {"text": text})).status_code == 201
    await bureau.taken("cleared")
    closed = await bureau.ask("POST", path, "wang", {"text": "再补充"})
    assert closed.status_code == 409
    assert (await bureau.ask("GET", f"/api/v1/questions/{bureau.uscc}", "wang")).json()[
        "state"
    ] == "closed"


async def test_a_stop_is_declared_in_time_and_confirmed_by_the_bureau(bureau: Bureau) -> None:
    """Yesterday at the earliest; the enterprise's page shows it."""
    path = f"/enterprises/{bureau.uscc}/declarations/new"
    late = {"kind": "stop", "from_date": "2026-03-01", "to_date": "2026-03-05", "reason": "检修"}
    refused = await bureau.send(path, "wang", late)
    assert refused.status_code == 422
    assert "declared in time" in refused.text
    today = date.today().isoformat()  # noqa: DTZ011 - the civil day or the one before
    declared = await bureau.send(
        path, "wang", {**late, "from_date": today, "to_date": today, "serial": "m1-0"}
    )
    assert declared.status_code == 303, declared.text
    (found,) = (await bureau.ask("GET", "/api/v1/declarations", "wang")).json()["items"]
    assert (found["serial"], found["confirmed_by"]) == ("m1-0", None)
    assert (await bureau.ask("GET", "/api/v1/declarations", "he")).json()["items"] == []
    foreign = await bureau.send(path, "he", {**late, "from_date": today, "to_date": today})
    assert foreign.status_code in {404, 409}
    confirm = f"/declarations/{found['id']}/confirm"
    assert f'href="{confirm}"' in await bureau.page("/declarations", "lin")
    assert confirm not in await bureau.page("/declarations", "shen")
    assert confirm not in await bureau.page("/declarations?platform=beta", "lin")
    assert (await bureau.ask("GET", "/declarations", "wang")).status_code == 403
    assert (await bureau.ask("GET", confirm, "wang")).status_code == 403
    confirmed = await bureau.send(confirm, "lin", {"confirmation": "电话核实"})
    assert confirmed.status_code == 303, confirmed.text
    assert "电话核实" in await bureau.page(f"/enterprises/{bureau.uscc}", "wang")
    assert confirm not in await bureau.page("/declarations", "lin")
    assert "电话核实" in await bureau.page("/declarations?confirmed=yes", "shen")
    assert (await bureau.send(confirm, "lin", {"confirmation": "x"})).status_code == 409


def test_the_database_takes_no_late_declaration_of_a_process(
    bureau: Bureau, embedded_database_url: str
) -> None:
    """Nor one with a time of its own; whoever owns the tables puts in what is simulated."""
    bureau.connection.commit()
    with connect(as_role(embedded_database_url, API)) as process:
        with pytest.raises(psycopg.errors.RestrictViolation, match="declared in time"):
            process.execute(_LATE)
        process.rollback()
        row = process.execute(_BACKDATED).fetchone()
    assert row == (True,)
    bureau.connection.execute(_LATE)


async def test_without_a_folder_no_file_is_taken(
    bureau: Bureau, embedded_database_url: str
) -> None:
    """And what to set is named."""
    with open_pool(as_role(embedded_database_url, API), size=2) as pool:
        bureau.app = create_app(Settings(), pool)
        bureau.tokens.clear()
        answer = await bureau.send(
            f"/cases/{bureau.case_id}/note", "lin", {"text": "备注"}, [("a.pdf", _PDF)]
        )
    assert answer.status_code == 422
    assert "JIERU_DOCUMENT_FOLDER" in answer.text
