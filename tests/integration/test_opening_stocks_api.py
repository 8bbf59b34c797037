"""Opening stocks in the console and the API: accepted by one person, confirmed by another."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from api.access.roles import Role
from jieru.calendar import civil_date
from jieru.database import connect
from tests.integration.test_procedure_api import Bureau, opened
from tests.support.callers import bearer
from tests.support.registry_builder import RegistryBuilder
from verifier.counting.opening_stocks import accept_opening_stock

_PATH: Final = "/api/v1/opening-stocks"
_SAID: Final = {"stood_on": "2026-03-01", "reason": "市工信局第12次办公会纪要"}


@pytest.fixture
def bureau(database_url: str) -> Iterator[Bureau]:
    """The bureau on a real registry with one platform."""
    with connect(database_url) as connection:
        RegistryBuilder(connection).platform("xielian")
        connection.commit()
    with opened(database_url) as bureau:
        bureau.now = datetime.now(UTC)
        yield bureau


async def _listed(bureau: Bureau) -> list[dict[str, Any]]:
    answer = await bureau.ask("GET", _PATH, person="chen")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_an_opening_stock_takes_two_people_over_the_api(bureau: Bureau) -> None:
    """Whoever accepted it cannot confirm it; it stays on record when it is withdrawn."""
    accepted = await bureau.ask(
        "POST", _PATH, person="zheng", body={**_SAID, "platform": "xielian"}
    )
    assert accepted.status_code == 201, accepted.text
    assert (accepted.json()["waits"], accepted.json()["decided_by"]) == (True, "zheng")
    again = await bureau.ask("POST", f"{_PATH}/1/confirm", person="zheng")
    assert (again.status_code, "another person" in again.json()["detail"]) == (409, True)
    confirmed = await bureau.ask("POST", f"{_PATH}/1/confirm", person="wu")
    assert confirmed.status_code == 200, confirmed.text
    assert (confirmed.json()["waits"], confirmed.json()["confirmed_by"]) == (False, "wu")
    withdrawn = await bureau.ask(
        "POST", f"{_PATH}/1/withdraw", person="wu", body={"reason": "范围有误"}
    )
    assert withdrawn.json()["withdrawn_reason"] == "范围有误"
    (stands,) = await _listed(bureau)
    assert (stands["platform"], stands["withdrawn_by"]) == ("xielian", "wu")
    assert (await bureau.ask("POST", f"{_PATH}/1/confirm", person="wu")).status_code == 409
    entries = await bureau.ask(
        "GET", "/api/v1/audit-entries?record_kind=opening_stocks", person="chen"
    )
    assert {each["actor"] for each in entries.json()["items"]} == {"user:zheng", "user:wu"}


async def test_forms_accept_confirm_and_withdraw_an_opening_stock(bureau: Bureau) -> None:
    """The page offers each person what that person may do, and forms say what is wrong."""
    refused = await bureau.send("/opening-stocks/new", {"stood_on": "2026-13-01"})
    assert (refused.status_code, "mistake-reason" in refused.text) == (422, True)
    early = await bureau.send("/opening-stocks/new", {**_SAID, "stood_on": "2099-01-01"})
    assert (early.status_code, "no day on which a registry stood" in early.text) == (409, True)
    sent = await bureau.send(
        "/opening-stocks/new", {**_SAID, "platform": "", "attachment": "莆工信〔2026〕88号"}
    )
    assert (sent.status_code, sent.headers["location"]) == (303, "/opening-stocks")
    own = (await bureau.ask("GET", "/opening-stocks", person="zheng")).text
    assert "all platforms" in own
    assert "waits for a second person" in own
    assert "/opening-stocks/1/confirm" not in own
    others = (await bureau.ask("GET", "/opening-stocks", person="wu")).text
    assert "/opening-stocks/1/confirm" in others
    form = await bureau.ask("GET", "/opening-stocks/1/confirm", person="wu")
    assert "zheng accepted it: 市工信局第12次办公会纪要" in form.text
    assert (await bureau.send("/opening-stocks/1/confirm", {})).status_code == 409
    assert (await bureau.send("/opening-stocks/1/confirm", {}, "wu")).status_code == 303
    looked = (await bureau.ask("GET", "/opening-stocks", person="chen")).text
    assert "in effect" in looked
    assert "/opening-stocks/1/withdraw" not in looked
    nothing = await bureau.send("/opening-stocks/1/withdraw", {"reason": " "}, "wu")
    assert nothing.status_code == 422
    gone = await bureau.send("/opening-stocks/1/withdraw", {"reason": "范围有误"}, "wu")
    assert gone.status_code == 303
    assert "范围有误" in (await bureau.ask("GET", "/opening-stocks", person="chen")).text


@pytest.mark.parametrize("person", ["lin", "chen"])
async def test_operators_and_auditors_accept_nothing(bureau: Bureau, person: str) -> None:
    """Auditors read; an operator sees none of it."""
    assert (await bureau.ask("POST", _PATH, person=person, body=_SAID)).status_code == 403
    for address in (_PATH, "/opening-stocks"):
        looked = await bureau.ask("GET", address, person=person)
        assert looked.status_code == (200 if person == "chen" else 403)
    assert await _listed(bureau) == []


async def test_a_program_answers_for_no_opening_stock(bureau: Bureau) -> None:
    """It lists them, whatever its role."""
    with connect(bureau.url) as connection:
        accept_opening_stock(
            connection, None, civil_date(bureau.now), reason="启用", decided_by="zheng"
        )
        connection.commit()
        key = bearer(connection, Role.ADMIN)
    assert len((await bureau.ask("GET", _PATH, headers=key)).json()["items"]) == 1
    for path, body in {
        _PATH: _SAID,
        f"{_PATH}/1/confirm": None,
        f"{_PATH}/1/withdraw": {"reason": "误"},
    }.items():
        answer = await bureau.ask("POST", path, headers=key, body=body)
        assert (answer.status_code, "person" in answer.json()["detail"]) == (403, True)


@pytest.mark.parametrize("number", ["0", "99", "99999999999"])
async def test_an_opening_stock_that_is_not_there_is_not_found(bureau: Bureau, number: str) -> None:
    """As a page and as an answer."""
    for act in ("confirm", "withdraw"):
        page = await bureau.ask("GET", f"/opening-stocks/{number}/{act}", person="zheng")
        answer = await bureau.ask(
            "POST", f"{_PATH}/{number}/{act}", person="zheng", body={"reason": "误"}
        )
        assert (page.status_code, answer.status_code) == (404, 404)
