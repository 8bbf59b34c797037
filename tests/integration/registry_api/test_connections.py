"""Connections: a platform serves an enterprise, from one day until another."""

from datetime import date, timedelta
from typing import Any

import pytest

from api.access.roles import Role
from tests.support.recorded import extend_on
from tests.support.registry_api import RegistryApi
from tests.support.registry_files import uscc_of

_OF_ALPHA: dict[str, Any] = {"by": Role.OPERATOR, "of": "alpha"}
_NEW = {
    "platform": "alpha",
    "uscc": uscc_of(1),
    "contract_no": "HT-1",
    "signed_on": "2026-02-20",
    "from_date": "2026-03-01",
    "to_date": None,
}


async def test_an_operator_connects_changes_and_ends(api: RegistryApi) -> None:
    """An enterprise that others registered is connected by its code."""
    api.build.platform("alpha")
    api.build.enterprise(1)
    created = await api.ask("POST", "/connections", json=_NEW, **_OF_ALPHA)
    assert created.status_code == 201, created.text
    place = created.headers["location"].removeprefix("/api/v1")
    expected = {
        **_NEW,
        "enterprise_name": "第1鞋厂",
        "revision": 1,
        "id": int(place[13:]),
        "confirmation": "no_contact",
        "confirmation_since": None,
        "extended_from": None,
        "extended_on": None,
    }
    told = created.json()
    recorded_on = date.fromisoformat(told.pop("recorded_on"))
    counts_from = max(date.fromisoformat(str(_NEW["from_date"])), recorded_on - timedelta(days=7))
    expected |= {"evidence_from": counts_from.isoformat()}
    assert told == expected
    expected |= {"recorded_on": recorded_on.isoformat()}
    change = {"contract_no": None, "signed_on": "2026-02-21"}
    changed = await api.ask("PATCH", place, json=change, revision=1, **_OF_ALPHA)
    assert changed.json() == {**expected, **change, "revision": 2}
    ended = await api.ask("POST", f"{place}/end", json={"on": "2026-06-01"}, revision=2)
    assert ended.json()["to_date"] == "2026-06-01"
    again = await api.ask("POST", f"{place}/end", json={"on": "2026-05-01"}, revision=3)
    assert again.status_code == 409
    assert again.json()["detail"] == "It has an end already: 2026-06-01."
    mended = await api.ask("PATCH", place, json={"to_date": "2026-05-01"}, revision=3)
    assert mended.json()["to_date"] == "2026-05-01"


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"uscc": uscc_of(2)}, 422, "uscc: The enterprise"),
        ({"platform": "beta"}, 422, "platform: Is not your platform"),
        ({"platform": "none"}, 422, "platform: Is not your platform"),
        ({"from_date": "20260301"}, 422, "from_date: “20260301” must be written 2026-03-01"),
        ({"to_date": "2026-03-01"}, 422, "to_date: 2026-03-01 is not after"),
        ({"contract_no": "9" * 101}, 422, "contract_no: Has 101 characters"),
        ({"from_date": "2026-01-01"}, 409, "from 2026-01-01 is registered already"),
        ({"from_date": "2026-02-01"}, 409, "from 2026-01-01 until 2026-02-02"),
        ({"from_date": "2025-01-01"}, 409, "from 2026-01-01 until 2026-02-02"),
    ],
)
async def test_a_wrong_one_is_refused(
    api: RegistryApi, change: dict[str, str], status: int, said: str
) -> None:
    """By field, or with the one that it meets; others' platforms are not told from none."""
    api.build.platform("alpha")
    api.build.platform("beta")
    api.build.enterprise(1)
    api.build.connection("alpha", uscc_of(1), date(2026, 1, 1), date(2026, 2, 2))
    answer = await api.ask("POST", "/connections", json={**_NEW, **change}, **_OF_ALPHA)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    errors = [f"{each['field']}: {each['message']}" for each in problem["errors"]]
    text = " ".join([problem["detail"].replace("One that begins on", "from"), *errors])
    assert said in text


async def test_a_change_may_not_meet_the_next_one(api: RegistryApi) -> None:
    """Opening an ended one again would."""
    api.build.platform("alpha")
    uscc = api.build.enterprise(1)
    api.build.connection("alpha", uscc, date(2026, 1, 1), date(2026, 2, 1))
    api.build.connection("alpha", uscc, date(2026, 3, 1))
    first, _second = await api.listed("/connections", "id", state="all")
    answer = await api.ask("PATCH", f"/connections/{first}", json={"to_date": None}, revision=1)
    assert answer.status_code == 409
    assert "from 2026-03-01, which is open" in answer.json()["detail"]
    until = {"to_date": "2026-03-01"}
    fits = await api.ask("PATCH", f"/connections/{first}", json=until, revision=1)
    assert fits.status_code == 200


async def test_nothing_outlasts_what_it_hangs_on(api: RegistryApi) -> None:
    """Neither a platform nor an enterprise that has ended."""
    api.build.platform("alpha")
    api.build.enterprise(1)
    api.connection.execute("UPDATE enterprises SET ended_on = '2026-04-01'")
    answer = await api.ask("POST", "/connections", json=_NEW)
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith(f"{uscc_of(1)} ended on 2026-04-01")
    within = await api.ask("POST", "/connections", json={**_NEW, "to_date": "2026-04-01"})
    assert within.status_code == 201


async def test_an_operator_reaches_the_own_ones_only(api: RegistryApi) -> None:
    """Others are answered as if they did not exist."""
    api.build.platform("alpha")
    api.build.platform("beta")
    uscc = api.build.enterprise(1)
    api.build.connection("alpha", uscc)
    api.build.connection("beta", uscc)
    mine, other = await api.listed("/connections", "id")
    assert await api.listed("/connections", "id", **_OF_ALPHA) == [mine]
    assert await api.listed("/connections", "id", platform="beta", **_OF_ALPHA) == []
    path = f"/connections/{other}"
    answers = [
        await api.ask("GET", path, **_OF_ALPHA),
        await api.ask("PATCH", path, json={}, revision=1, **_OF_ALPHA),
        await api.ask("POST", f"{path}/end", json={"on": "2026-01-01"}, revision=1, **_OF_ALPHA),
    ]
    assert [each.status_code for each in answers] == [404, 404, 404]


@pytest.mark.parametrize("number", ["0", "-1", "2147483648", "9" * 30])
async def test_a_number_that_can_be_none_is_not_found(api: RegistryApi, number: str) -> None:
    """Not even the database is asked."""
    assert (await api.ask("GET", f"/connections/{number}")).status_code == 404


async def test_lists_are_filtered(api: RegistryApi) -> None:
    """By platform, enterprise, district, text and state."""
    api.build.platform("alpha")
    api.build.platform("beta")
    first, second = api.build.enterprise(1), api.build.enterprise(2, district="xiuyu")
    api.build.connection("alpha", first)
    api.build.connection("beta", second)
    api.build.connection("beta", first, date(2024, 1, 1), date(2024, 2, 1))
    path, key = "/connections", "uscc"
    assert await api.listed(path, key) == [first, second]
    assert await api.listed(path, key, platform="beta") == [second]
    assert await api.listed(path, key, enterprise=first) == [first]
    assert await api.listed(path, key, district="xiuyu") == [second]
    assert await api.listed(path, key, text="BETA-") == [second]
    assert await api.listed(path, key, text="第1") == [first]
    assert await api.listed(path, "from_date", state="ended") == ["2024-01-01"]


async def test_an_end_is_audited(api: RegistryApi) -> None:
    """Who, and what before and after."""
    api.build.platform("alpha")
    api.build.connection("alpha", api.build.enterprise(1))
    (number,) = await api.listed("/connections", "id")
    await api.ask("POST", f"/connections/{number}/end", json={"on": "2026-06-01"}, revision=1)
    action, actor, before, after = api.last_audited("connections")
    assert (action, actor[:4]) == ("change", "key:")
    assert (before["to_date"], after["to_date"]) == (None, "2026-06-01")


async def test_who_lets_a_connection_go_on_is_told_from_when_its_evidence_counts(
    api: RegistryApi,
) -> None:
    """Not from its first day: what lies between was told too late. The same day it is a slip."""
    platform, uscc = api.build.platform("alpha"), api.build.enterprise(1)
    api.build.connection(platform, uscc, date(2025, 3, 1))
    api.connection.commit()
    (found,) = (await api.ask("GET", "/connections")).json()["items"]
    place = f"/connections/{found['id']}"
    first = found["from_date"]
    await api.ask("POST", f"{place}/end", json={"on": "2025-06-01"}, revision=1)
    slip = await api.ask("PATCH", place, json={"to_date": None}, revision=2)
    told = slip.json()
    assert (told["extended_from"], told["extended_on"]) == (None, None)
    await api.ask("POST", f"{place}/end", json={"on": "2025-06-01"}, revision=3)
    extend_on(api.connection, "connections", found["id"], date(2025, 6, 1))
    api.connection.commit()
    told = (await api.ask("PATCH", place, json={"to_date": None}, revision=4)).json()
    today = date.fromisoformat(told["extended_on"])
    assert told["extended_from"] == "2025-06-01"
    assert told["evidence_from"] == (today - timedelta(days=7)).isoformat()
    assert told["from_date"] == first
    (listed,) = (await api.ask("GET", "/connections")).json()["items"]
    assert (listed["extended_from"], listed["extended_on"]) == ("2025-06-01", str(today))
