"""Connection requests: an operator asks for another's enterprise, and the bureau answers."""

from datetime import date
from typing import Any, Final

import psycopg
import pytest

from api.access.roles import Role
from tests.support.registry_api import RegistryApi
from tests.support.registry_files import uscc_of

_OF_ALPHA: Final[dict[str, Any]] = {"by": Role.OPERATOR, "of": "alpha"}
_OF_BETA: Final[dict[str, Any]] = {"by": Role.OPERATOR, "of": "beta"}
_VERIFIER: Final[dict[str, Any]] = {"by": Role.VERIFIER}
_NAME: Final = "第1鞋厂"
_NEW: Final = {
    "platform": "alpha",
    "uscc": uscc_of(1),
    "contract_no": "HT-1",
    "signed_on": "2026-02-20",
    "from_date": "2026-03-01",
    "to_date": None,
}
_REASON: Final = {"reason": "已核对合同原件"}


@pytest.fixture
def city(api: RegistryApi) -> RegistryApi:
    """Two platforms, and an enterprise that beta serves."""
    api.build.platform("alpha")
    api.build.platform("beta")
    api.build.connection("beta", api.build.enterprise(1))
    return api


async def _requested(api: RegistryApi, **change: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    answer = await api.ask("POST", "/connections", json={**_NEW, **change}, **_OF_ALPHA)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_another_platforms_enterprise_is_requested(city: RegistryApi) -> None:
    """The answer holds what the operator typed, and nothing of the enterprise."""
    answer = await city.ask("POST", "/connections", json=_NEW, **_OF_ALPHA)
    assert answer.status_code == 202, answer.text
    request = answer.json()
    assert answer.headers["location"] == f"/api/v1/connection-requests/{request['id']}"
    assert {name: request[name] for name in _NEW} == _NEW
    assert (request["status"], request["enterprise_name"]) == ("open", None)
    assert request["requested_by"].startswith("key:")
    assert await city.listed("/connections", "id", **_OF_ALPHA) == []
    assert (await city.ask("GET", f"/enterprises/{_NEW['uscc']}", **_OF_ALPHA)).status_code == 404
    assert await city.listed("/enterprises", "uscc", **_OF_ALPHA) == []


@pytest.mark.parametrize("kept_by", ["beta", None])
async def test_whose_an_enterprise_is_decides(api: RegistryApi, kept_by: str | None) -> None:
    """One that another platform keeps is requested, one that only the bureau has is connected."""
    api.build.platform("alpha")
    api.build.platform("beta")
    api.build.enterprise(1)
    if kept_by is not None:
        api.connection.execute(
            "UPDATE enterprises SET kept_by_platform_id = "
            "(SELECT id FROM platforms WHERE code = %s)",
            (kept_by,),
        )
    answer = await api.ask("POST", "/connections", json=_NEW, **_OF_ALPHA)
    assert answer.status_code == (202 if kept_by else 201)


async def test_who_was_ever_connected_or_keeps_it_need_not_ask(city: RegistryApi) -> None:
    """Its operator reads the enterprise anyway."""
    city.build.connection("alpha", uscc_of(1), date(2024, 1, 1), date(2024, 2, 1))
    own = {"uscc": uscc_of(7), "name": "七厂", "district": "licheng"}
    assert (await city.ask("POST", "/enterprises", json=own, **_OF_ALPHA)).status_code == 201
    city.build.connection("beta", city.build.known_enterprise(uscc_of(7)))
    for uscc in (uscc_of(1), uscc_of(7)):
        connected = await city.ask("POST", "/connections", json={**_NEW, "uscc": uscc}, **_OF_ALPHA)
        assert connected.status_code == 201, connected.text


async def test_the_bureau_asks_nobody(city: RegistryApi) -> None:
    """What it registers is registered."""
    answer = await city.ask("POST", "/connections", json=_NEW, **_VERIFIER)
    assert answer.status_code == 201


async def test_a_confirmed_request_is_the_connection(city: RegistryApi) -> None:
    """As it was asked; from then on the operator reads the enterprise."""
    request = await _requested(city)
    path = f"/connection-requests/{request['id']}"
    confirmed = await city.ask("POST", f"{path}/confirm", json=_REASON, **_VERIFIER)
    assert confirmed.status_code == 200, confirmed.text
    found = confirmed.json()
    assert (found["status"], found["confirmation"]) == ("confirmed", "bureau")
    assert found["reason"] == _REASON["reason"]
    assert found["enterprise_name"] == _NAME
    assert found["requested_at"] == request["requested_at"]
    connection = await city.ask("GET", f"/connections/{found['connection_id']}", **_OF_ALPHA)
    assert {name: connection.json()[name] for name in _NEW} == _NEW
    assert connection.json()["enterprise_name"] == _NAME
    action, actor, _before, after = city.last_audited("connection_requests")
    assert (action, actor[:4], after["status"]) == ("change", "key:", "confirmed")
    assert city.last_audited("connections")[1] == actor


async def test_a_refused_request_is_told_with_its_reason(city: RegistryApi) -> None:
    """The operator reads why, and may ask again."""
    request = await _requested(city)
    path = f"/connection-requests/{request['id']}"
    refused = await city.ask("POST", f"{path}/refuse", json={"reason": "缺合同"}, **_VERIFIER)
    assert refused.status_code == 200, refused.text
    told = (await city.ask("GET", path, **_OF_ALPHA)).json()
    assert (told["status"], told["reason"], told["enterprise_name"]) == ("refused", "缺合同", None)
    assert await city.listed("/connections", "id", platform="alpha") == []
    await _requested(city)


async def test_a_request_is_decided_once(city: RegistryApi) -> None:
    """By whomever, in whichever way; and the table says so too."""
    request = await _requested(city)
    path = f"/connection-requests/{request['id']}"
    assert (await city.ask("POST", f"{path}/withdraw", **_OF_ALPHA)).json()["status"] == "withdrawn"
    for step, asked in (
        ("confirm", {"json": _REASON, **_VERIFIER}),
        ("refuse", {"json": _REASON, **_VERIFIER}),
        ("withdraw", _OF_ALPHA),
    ):
        answer = await city.ask("POST", f"{path}/{step}", **asked)
        assert answer.status_code == 409, step
    for change in (
        "UPDATE connection_requests SET status = 'open', decided_by = NULL, decided_at = NULL",
        "UPDATE connection_requests SET from_date = '2020-01-01'",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation), city.connection.transaction():
            city.connection.execute(change.encode())


async def test_what_was_asked_cannot_be_changed_before_it_is_decided(city: RegistryApi) -> None:
    """Nor deleted: what the bureau confirms is what it saw."""
    await _requested(city)
    for statement in (
        "UPDATE connection_requests SET to_date = '2030-01-01'",
        "UPDATE connection_requests SET requested_at = now() - interval '1 year'",
        "DELETE FROM connection_requests",
        "TRUNCATE connection_requests CASCADE",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation), city.connection.transaction():
            city.connection.execute(statement.encode())


async def test_the_same_is_not_requested_twice(city: RegistryApi) -> None:
    """As long as nobody has decided."""
    await _requested(city)
    again = await city.ask("POST", "/connections", json=_NEW, **_OF_ALPHA)
    assert again.status_code == 409
    assert "requested already" in again.json()["detail"]
    await _requested(city, from_date="2026-05-01")


async def test_a_confirmation_keeps_to_the_rules_of_a_connection(city: RegistryApi) -> None:
    """An enterprise that has ended, or a period that overlaps, is the bureau's to hear of."""
    ended = await _requested(city)
    overlapping = await _requested(city, from_date="2026-05-01")
    city.connection.execute("UPDATE enterprises SET ended_on = '2026-04-01'")
    path = "/connection-requests/{}/confirm"
    refused = await city.ask("POST", path.format(ended["id"]), json=_REASON, **_VERIFIER)
    assert refused.status_code == 409
    assert "ended on 2026-04-01" in refused.json()["detail"]
    city.connection.execute("UPDATE enterprises SET ended_on = NULL")
    first = await city.ask("POST", path.format(ended["id"]), json=_REASON, **_VERIFIER)
    assert first.status_code == 200, first.text
    second = await city.ask("POST", path.format(overlapping["id"]), json=_REASON, **_VERIFIER)
    assert second.status_code == 409
    still = await city.ask("GET", f"/connection-requests/{overlapping['id']}")
    assert still.json()["status"] == "open"


async def test_whether_it_has_ended_is_not_told_to_who_asks(city: RegistryApi) -> None:
    """A request for an ended enterprise is answered as any other."""
    city.connection.execute("UPDATE enterprises SET ended_on = '2026-01-01'")
    await _requested(city)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1_001, "甲\u200b乙", None])
async def test_a_decision_has_a_reason(city: RegistryApi, reason: str | None) -> None:
    """One that can be read."""
    request = await _requested(city)
    for step in ("confirm", "refuse"):
        body = {} if reason is None else {"reason": reason}
        path = f"/connection-requests/{request['id']}/{step}"
        answer = await city.ask("POST", path, json=body, **_VERIFIER)
        assert answer.status_code == 422, (step, answer.text)
        assert [each["field"] for each in answer.json()["errors"]] == ["reason"]


async def test_requests_of_others_are_as_good_as_none(city: RegistryApi) -> None:
    """An operator sees and withdraws the own ones, and decides none."""
    request = await _requested(city)
    path = f"/connection-requests/{request['id']}"
    assert (await city.ask("GET", path, **_OF_BETA)).status_code == 404
    assert (await city.ask("POST", f"{path}/withdraw", **_OF_BETA)).status_code == 404
    assert await city.listed("/connection-requests", "id", **_OF_BETA) == []
    for step in ("confirm", "refuse"):
        answer = await city.ask("POST", f"{path}/{step}", json=_REASON, **_OF_ALPHA)
        assert answer.status_code == 403
    assert (await city.ask("POST", f"{path}/withdraw", by=Role.ADMIN)).status_code == 403


async def test_lists_are_filtered(city: RegistryApi) -> None:
    """By platform, enterprise and status, in pages; an auditor reads them all."""
    first = await _requested(city)
    second = await _requested(city, from_date="2026-05-01")
    await city.ask("POST", f"/connection-requests/{first['id']}/withdraw", **_OF_ALPHA)
    path, both = "/connection-requests", [first["id"], second["id"]]
    assert await city.listed(path, "id", by=Role.AUDITOR) == both
    assert await city.listed(path, "id", status="open") == [second["id"]]
    assert await city.listed(path, "id", status="withdrawn", **_OF_ALPHA) == [first["id"]]
    assert await city.listed(path, "id", platform="beta") == []
    assert await city.listed(path, "id", platform="alpha", enterprise=_NEW["uscc"]) == both
    page = (await city.ask("GET", path, limit=1)).json()
    rest = (await city.ask("GET", path, limit=1, cursor=page["next_cursor"])).json()
    assert [page["items"][0]["id"], rest["items"][0]["id"]] == both
    assert rest["next_cursor"] is None
    assert page["items"][0]["enterprise_name"] == _NAME


@pytest.mark.parametrize("number", ["0", "-1", "2147483648", "9" * 30])
async def test_a_number_that_can_be_none_is_not_found(api: RegistryApi, number: str) -> None:
    """Not even the database is asked."""
    assert (await api.ask("GET", f"/connection-requests/{number}")).status_code == 404


async def test_a_device_is_not_assigned_to_what_is_only_requested(city: RegistryApi) -> None:
    """The answer is the same where no such enterprise is registered, so it tells nothing."""
    await _requested(city)
    city.build.device("alpha", "CNC-01")
    answers = []
    for uscc in (uscc_of(1), uscc_of(2)):
        new = {"platform": "alpha", "serial": "CNC-01", "uscc": uscc, "from_date": "2026-03-01"}
        answer = await city.ask("POST", "/assignments", json=new, **_OF_ALPHA)
        assert answer.status_code == 422, answer.text
        answers.append(answer.text.replace(uscc, "USCC"))
    assert answers[0] == answers[1]
    assert "none of your platform" in answers[0]
    bureau = {
        "platform": "alpha",
        "serial": "CNC-01",
        "uscc": uscc_of(1),
        "from_date": "2026-03-01",
    }
    assert (await city.ask("POST", "/assignments", json=bureau)).status_code == 201
