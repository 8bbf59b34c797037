"""Draws and visits in the console and the API: published, drawn, visited, by people alone."""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from api.access.roles import Role
from jieru.database import connect
from tests.integration.test_procedure_api import Bureau, opened
from tests.support.callers import bearer
from tests.support.databases import DatabaseServer
from tests.support.photographs import jpeg_with_position
from tests.support.procedure import write_key
from tests.support.registry_files import uscc_of
from tests.support.small_city import ON_GUOLIAN, build_small_city
from verifier.trust.draws.drawing import draw_sample

_SEALED: Final = "b7c1 5e02"
_COMMITMENT: Final = hashlib.sha256(f"{_SEALED}\n".encode()).hexdigest()
_PUBLICATION: Final = {
    "year": 2026,
    "size": 6,
    "announced_source": "双色球第2027050期",
    "announced_on": "2027-05-09",
    "value_form": "00 00 00 00 00 00 + 00",
    "commitment": _COMMITMENT,
}
_DRAWING: Final = {"public_value": "03 07 12 18 25 31 + 09", "revealed": _SEALED}
_AFTERWARDS: Final = datetime(2027, 5, 9, 14, tzinfo=UTC)
_VISIT: Final = {
    "year": 2026,
    "visited_on": "2027-05-09",
    "first_visitor": "林晓",
    "second_visitor": "陈静",
    "found": "as_registered",
    "notes": "三台机床在产",
}


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
    """The bureau on a copy of it."""
    key = str(write_key(tmp_path / "key.pem"))
    with (
        embedded_server.database(template=city) as url,
        opened(url, signing_key_file=key) as bureau,
    ):
        yield bureau


@pytest.fixture
def with_folder(embedded_server: DatabaseServer, city: str, tmp_path: Path) -> Iterator[Bureau]:
    """The bureau where files are kept."""
    with (
        embedded_server.database(template=city) as url,
        opened(url, document_folder=str(tmp_path / "documents")) as bureau,
    ):
        yield bureau


async def _ask(bureau: Bureau, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    answer = await bureau.ask(method, f"/api/v1/{path}", person="zheng", body=body)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


def _form_of(case: dict[str, str]) -> dict[str, str]:
    return {name: str(value) for name, value in _VISIT.items()} | case


async def _published(bureau: Bureau) -> dict[str, Any]:
    await bureau.settle_and_submit()
    found: dict[str, Any] = await _ask(bureau, "POST", "draws", _PUBLICATION)
    return found


async def _drawn(bureau: Bureau) -> dict[str, Any]:
    draw = await _published(bureau)
    bureau.now = _AFTERWARDS
    found: dict[str, Any] = await _ask(bureau, "POST", f"draws/{draw['id']}/draw", _DRAWING)
    return found


async def test_a_draw_goes_from_its_list_to_what_was_found(bureau: Bureau) -> None:
    """The list is the very bytes of the digest, and the sample follows from it."""
    draw = await _published(bureau)
    assert (draw["listed"], draw["size"], draw["drawn"]) == (20, 6, [])
    file = await bureau.ask("GET", f"/api/v1/draws/{draw['id']}/list.csv", person="chen")
    assert hashlib.sha256(file.content).hexdigest() == draw["digest"]
    early = await bureau.ask(
        "POST", f"/api/v1/draws/{draw['id']}/draw", person="zheng", body=_DRAWING
    )
    assert (early.status_code, "2027-05-09" in early.json()["detail"]) == (409, True)
    bureau.now = _AFTERWARDS
    drawn = await _ask(bureau, "POST", f"draws/{draw['id']}/draw", _DRAWING)
    sample = draw_sample(
        file.content,
        size=6,
        public_value=_DRAWING["public_value"],
        revealed=f"{_SEALED}\n".encode(),
    )
    assert [each["uscc"] for each in drawn["drawn"]] == [each.listed.uscc for each in sample.drawn]
    assert {each["platform"] for each in drawn["drawn"]} == {"xielian", "guolian"}
    first, *others = drawn["drawn"]
    case = {"platform": first["platform"], "uscc": first["uscc"]}
    visit = await _ask(
        bureau,
        "POST",
        "visits",
        {**_VISIT, **case, "found": "not_found", "documents": f"{'0' * 64}, {'1' * 64}"},
    )
    assert (visit["draw_id"], visit["case_id"]) == (draw["id"], 1)
    assert visit["documents"] == ["0" * 64, "1" * 64]
    for each in others:
        await _ask(
            bureau,
            "POST",
            "visits",
            {**_VISIT, "platform": each["platform"], "uscc": each["uscc"]},
        )
    result = (await _ask(bureau, "GET", f"draws/{draw['id']}"))["result"]
    assert (result["visited"], result["not_found"], result["as_registered"]) == (6, 1, 5)
    assert [each["year"] for each in (await _ask(bureau, "GET", "visits?year=2026"))["items"]] == (
        [2026] * 6
    )
    assert (await _ask(bureau, "GET", "draws?year=2025"))["items"] == []


async def test_a_frozen_count_shows_what_visits_found(bureau: Bureau) -> None:
    """And its notice says it in one sentence."""
    drawn = await _drawn(bureau)
    for each in drawn["drawn"]:
        case = {"platform": each["platform"], "uscc": each["uscc"]}
        await _ask(bureau, "POST", "visits", {**_VISIT, **case})
    record = await _ask(bureau, "GET", "counts/2026/procedure")
    frozen = await bureau.take("2026/freeze", {"content_sha256": record["content_sha256"]}, "wu")
    assert frozen.status_code == 200, frozen.text
    answer = await bureau.ask(
        "GET", "/api/v1/counts/2026/report?kind=csv&table=about&language=zh", person="wu"
    )
    assert "从 20 家中抽查走访 6 家：与登记相符 6 家" in answer.text
    notice = await bureau.ask(
        "GET", "/api/v1/counts/2026/report?kind=notice&language=zh", person="wu"
    )
    assert notice.content.startswith(b"%PDF")
    page = await bureau.ask("GET", "/counts/2026", person="zheng")
    assert "Of 20 enterprises 6 were drawn and visited" in page.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("draws", _PUBLICATION),
        ("draws/1/draw", _DRAWING),
        ("visits", {**_VISIT, "platform": "xielian", "uscc": uscc_of(1)}),
    ],
)
async def test_a_program_with_a_key_takes_no_step_of_a_draw(
    bureau: Bureau, path: str, body: object
) -> None:
    """Whatever its scopes: people answer for whom they visit."""
    with connect(bureau.url) as connection:
        headers = bearer(connection, Role.ADMIN)
    answer = await bureau.ask("POST", f"/api/v1/{path}", headers=headers, body=body)
    assert (answer.status_code, "not a program" in answer.json()["detail"]) == (403, True)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"year": 1999}, "year"),
        ({"size": 0}, "size"),
        ({"announced_source": " "}, "announced_source"),
        ({"announced_on": "tomorrow"}, "announced_on"),
        ({"value_form": " "}, "value_form"),
        ({"commitment": "abc"}, "commitment"),
    ],
)
async def test_a_publication_that_cannot_be_meant_names_its_fields(
    bureau: Bureau, changed: dict[str, object], field: str
) -> None:
    """Before anything is looked for."""
    answer = await bureau.ask(
        "POST", "/api/v1/draws", person="zheng", body={**_PUBLICATION, **changed}
    )
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_a_draw_that_is_not_there_is_not_found(bureau: Bureau) -> None:
    """Nor one whose number no database holds."""
    for number in (7, 2**40, -1):
        for path in (f"/api/v1/draws/{number}", f"/draws/{number}", f"/draws/{number}/list.csv"):
            assert (await bureau.ask("GET", path, person="zheng")).status_code == 404


async def test_people_publish_draw_and_record_in_the_console(bureau: Bureau) -> None:
    """Each form shows what was wrong, and leads on where it was right."""
    await bureau.settle_and_submit()
    count = await bureau.ask("GET", "/counts/2026", person="zheng")
    assert '/draws/publish?year=2026"' in count.text
    form = await bureau.ask("GET", "/draws/publish?year=2026", person="zheng")
    assert "lists 20 enterprises" in form.text
    fields = {name: str(value) for name, value in _PUBLICATION.items()}
    wrong = await bureau.send("/draws/publish", {**fields, "announced_on": "2027-05-06"})
    assert (wrong.status_code, "not after today" in wrong.text) == (409, True)
    done = await bureau.send("/draws/publish", fields)
    assert (done.status_code, done.headers["location"]) == (303, "/draws/1")
    waiting = await bureau.ask("GET", "/draws/1", person="zheng")
    assert "waits for its value" in waiting.text
    assert "/draws/1/draw" not in waiting.text
    count = await bureau.ask("GET", "/counts/2026", person="zheng")
    assert 'href="/draws/1"' in count.text
    bureau.now = _AFTERWARDS
    assert "/draws/1/draw" in (await bureau.ask("GET", "/draws/1", person="zheng")).text
    assert "What was sealed" in (await bureau.ask("GET", "/draws/1/draw", person="zheng")).text
    other = await bureau.send("/draws/1/draw", {**_DRAWING, "revealed": "other"})
    assert (other.status_code, "not what was sealed" in other.text) == (409, True)
    assert (await bureau.send("/draws/1/draw", _DRAWING)).headers["location"] == "/draws/1"
    shown = await bureau.ask("GET", "/draws/1", person="chen")
    assert "6 were drawn, and 0 of these visited so far" in shown.text
    assert "/visits/new" not in shown.text
    case = {"platform": "guolian", "uscc": uscc_of(ON_GUOLIAN[0])}
    visit = {name: str(value) for name, value in {**_VISIT, **case}.items()}
    alone = await bureau.send("/visits/new", {**visit, "second_visitor": "林晓"})
    assert (alone.status_code, "another one than the first" in alone.text) == (409, True)
    recorded = await bureau.send("/visits/new", {**visit, "found": "differs"})
    assert recorded.status_code == 303
    page = await bureau.ask("GET", "/visits", person="chen")
    assert "Case 1" in page.text
    assert "三台机床在产" in page.text
    listed = await bureau.ask("GET", "/draws", person="chen")
    assert 'href="/draws/1"' in listed.text


async def test_an_operator_reads_in_the_audit_of_no_draw_visit_or_case(bureau: Bureau) -> None:
    """Not that one of its enterprises was drawn, visited or is under review: page, API and CSV."""
    drawn = await _drawn(bureau)
    first = next(each for each in drawn["drawn"] if each["platform"] == "xielian")
    case = {"platform": "xielian", "uscc": first["uscc"]}
    await _ask(bureau, "POST", "visits", {**_VISIT, **case, "found": "differs"})
    asked = {"step": "asked_operator", "text": "请说明三号机床的位置"}
    await _ask(bureau, "POST", "cases/1/steps", asked)
    secret = {"draws", "draw_entries", "visits", "cases", "case_steps"}
    whole = await _ask(bureau, "GET", "audit-entries?platform=xielian&limit=500")
    assert secret - {"draws", "case_steps"} <= {each["record_kind"] for each in whole["items"]}
    own = await bureau.ask("GET", "/api/v1/audit-entries?limit=500", person="lin")
    kinds = {each["record_kind"] for each in own.json()["items"]}
    assert "decisions" in kinds
    assert not kinds & secret
    for kind in secret:
        address = f"/api/v1/audit-entries?record_kind={kind}"
        assert (await bureau.ask("GET", address, person="lin")).json()["items"] == []
    for address in ("/audit", "/api/v1/audit-entries.csv", "/audit?record_kind=visits"):
        told = (await bureau.ask("GET", address, person="lin")).text
        for each in ("三台机床在产", "请说明三号机床的位置", "draw_entries", "drawn enterprise"):
            assert each not in told


async def test_photographs_of_a_visit_come_to_others_without_their_position(
    with_folder: Bureau,
) -> None:
    """They are handed in with the form or the body, listed by name, and kept as they are."""
    bureau, photograph = with_folder, jpeg_with_position()
    sha256 = hashlib.sha256(photograph).hexdigest()
    form = await bureau.ask("GET", "/visits/new", person="zheng")
    assert 'type="file"' in form.text
    assert "<textarea" in form.text
    case = {"platform": "xielian", "uscc": uscc_of(1), "visited_on": "2027-05-05"}
    fields = {**_form_of(case), "notes": "三台机床在产\n铭牌已核对"}
    refused = await bureau.send("/visits/new", fields, files={"厂房.exe": b"MZ\x90\x00"})
    assert (refused.status_code, "of no kind that is taken" in refused.text) == (422, True)
    assert (await _ask(bureau, "GET", "visits"))["items"] == []
    sent = await bureau.send("/visits/new", fields, files={"厂房.jpg": photograph})
    assert sent.status_code == 303, sent.text
    paper = {"name": "笔录.pdf", "content": base64.b64encode(b"%PDF-1.7 ...").decode()}
    body = {**_VISIT, **case, "documents": "0" * 64, "files": [paper]}
    recorded = await _ask(bureau, "POST", "visits", body)
    assert [each["name"] for each in recorded["files"]] == ["笔录.pdf"]
    assert recorded["documents"] == ["0" * 64, recorded["files"][0]["sha256"]]
    first, _second = (await _ask(bureau, "GET", "visits"))["items"]
    assert (first["documents"], first["files"]) == (
        [sha256],
        [{"sha256": sha256, "name": "厂房.jpg"}],
    )
    path = f"/api/v1/visits/{first['id']}/documents/{sha256}"
    page = await bureau.ask("GET", "/visits", person="chen")
    assert f'href="{path}"' in page.text
    assert "厂房.jpg</a>" in page.text
    assert (await bureau.ask("GET", path, person="zheng")).content == photograph
    others = await bureau.ask("GET", path, person="chen")
    assert (others.status_code, b"GPS" in others.content) == (200, False)
    assert others.headers["content-disposition"].startswith("attachment; ")
    assert (await bureau.ask("GET", path, person="lin")).status_code == 403
    for number, digest in ((2, sha256), (2, "0" * 64), (99, sha256), (2**40, sha256)):
        missing = f"/api/v1/visits/{number}/documents/{digest}"
        assert (await bureau.ask("GET", missing, person="chen")).status_code == 404


async def test_whoever_names_a_photograph_of_others_gets_it_without_its_position(
    with_folder: Bureau,
) -> None:
    """To know the digest of a file is not to have handed it in."""
    bureau, photograph = with_folder, jpeg_with_position()
    sha256 = hashlib.sha256(photograph).hexdigest()
    case = {"platform": "xielian", "uscc": uscc_of(1), "visited_on": "2027-05-05"}
    sent = await bureau.send("/visits/new", _form_of(case), files={"厂房.jpg": photograph})
    assert sent.status_code == 303, sent.text
    body = {**_VISIT, **case, "documents": sha256}
    named = await bureau.ask("POST", "/api/v1/visits", person="wu", body=body)
    assert named.status_code == 201, named.text
    path = f"/api/v1/visits/{named.json()['id']}/documents/{sha256}"
    told = await bureau.ask("GET", path, person="wu")
    assert (told.status_code, b"GPS" in told.content) == (200, False)


async def test_an_installation_without_a_folder_takes_digests_of_photographs(
    bureau: Bureau,
) -> None:
    """And says so to whoever sends a file all the same."""
    form = await bureau.ask("GET", "/visits/new", person="zheng")
    assert 'type="file"' not in form.text
    assert "SHA-256 of photographs" in form.text
    case = {"platform": "xielian", "uscc": uscc_of(1), "visited_on": "2027-05-05"}
    refused = await bureau.send("/visits/new", _form_of(case), files={"a.pdf": b"%PDF-1.7"})
    assert (refused.status_code, "JIERU_DOCUMENT_FOLDER" in refused.text) == (422, True)


async def test_an_operator_sees_neither_draws_nor_visits(bureau: Bureau) -> None:
    """Nor who shows signals."""
    for path in ("/draws", "/visits", "/api/v1/draws", "/api/v1/visits"):
        assert (await bureau.ask("GET", path, person="lin")).status_code == 403
    assert "/draws" not in (await bureau.ask("GET", "/counts", person="lin")).text
