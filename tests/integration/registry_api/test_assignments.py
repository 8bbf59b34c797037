"""Assignments: whose a device is, from one day until another."""

from datetime import date, timedelta
from typing import Any

import pytest

from api.access.roles import Role
from tests.support.registry_api import RegistryApi
from tests.support.registry_files import uscc_of

_OF_ALPHA: dict[str, Any] = {"by": Role.OPERATOR, "of": "alpha"}
_NEW = {
    "platform": "alpha",
    "serial": "CNC-01",
    "uscc": uscc_of(1),
    "from_date": "2026-03-01",
    "to_date": None,
}


async def test_a_device_is_assigned_and_the_assignment_ended(api: RegistryApi) -> None:
    """Its end can be corrected, its enterprise never."""
    api.build.platform("alpha")
    api.build.enterprise(1)
    api.build.device("alpha", "CNC-01")
    created = await api.ask("POST", "/assignments", json=_NEW, **_OF_ALPHA)
    assert created.status_code == 201, created.text
    place = created.headers["location"].removeprefix("/api/v1")
    expected = {
        **_NEW,
        "enterprise_name": "第1鞋厂",
        "revision": 1,
        "id": int(place[13:]),
        "extended_from": None,
        "extended_on": None,
    }
    told = created.json()
    recorded_on = date.fromisoformat(told.pop("recorded_on"))
    counts_from = max(date.fromisoformat(str(_NEW["from_date"])), recorded_on - timedelta(days=7))
    expected |= {"evidence_from": counts_from.isoformat()}
    assert told == expected
    expected |= {"recorded_on": recorded_on.isoformat()}
    ended = await api.ask("POST", f"{place}/end", json={"on": "2026-05-01"}, revision=1)
    assert ended.json() == {**expected, "to_date": "2026-05-01", "revision": 2}
    again = await api.ask("POST", f"{place}/end", json={"on": "2026-06-01"}, revision=2)
    assert again.status_code == 409
    mended = await api.ask("PATCH", place, json={"to_date": "2026-06-01"}, revision=2, **_OF_ALPHA)
    assert mended.json()["to_date"] == "2026-06-01"
    other = await api.ask("PATCH", place, json={"uscc": uscc_of(2)}, revision=3)
    assert other.json()["errors"][0]["message"] == "is not known here"


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"serial": "CNC-02"}, 422, "serial: The device CNC-02 is not registered."),
        ({"uscc": uscc_of(2)}, 422, "uscc: The enterprise"),
        ({"uscc": ""}, 422, "uscc: uscc, assigned_from belong together"),
        ({"uscc": "", "from_date": " "}, 422, "uscc: Is empty, but required."),
        ({"from_date": "2026-13-01"}, 422, "from_date: “2026-13-01” is not in the calendar"),
        ({"to_date": "2026-02-01"}, 422, "to_date: 2026-02-01 is not after"),
        ({"platform": "beta"}, 422, "platform: Is not your platform"),
        ({"from_date": "2026-01-01"}, 409, "One that begins on 2026-01-01"),
        ({"from_date": "2026-01-31"}, 409, "from 2026-01-01 until 2026-02-01"),
    ],
)
async def test_a_wrong_one_is_refused(
    api: RegistryApi, change: dict[str, str], status: int, said: str
) -> None:
    """By field, or with the one that it meets."""
    api.build.platform("alpha")
    api.build.platform("beta")
    uscc = api.build.enterprise(1)
    api.build.device("alpha", "CNC-01", uscc, date(2026, 1, 1), date(2026, 2, 1))
    answer = await api.ask("POST", "/assignments", json={**_NEW, **change}, **_OF_ALPHA)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    errors = [f"{each['field']}: {each['message']}" for each in problem["errors"]]
    assert said in " ".join([problem["detail"], *errors])


async def test_nothing_outlasts_its_device(api: RegistryApi) -> None:
    """Neither a new assignment nor a changed one."""
    api.build.platform("alpha")
    uscc = api.build.enterprise(1)
    api.build.device("alpha", "CNC-01", uscc, date(2025, 1, 1), date(2025, 2, 1))
    api.connection.execute("UPDATE devices SET ended_on = '2026-04-01'")
    assert (await api.ask("POST", "/assignments", json=_NEW)).status_code == 409
    (number,) = await api.listed("/assignments", "id", state="all")
    opened = await api.ask("PATCH", f"/assignments/{number}", json={"to_date": None}, revision=1)
    assert opened.status_code == 409
    assert opened.json()["detail"].startswith("CNC-01 ended on 2026-04-01")


async def test_an_operator_reaches_the_own_ones_only(api: RegistryApi) -> None:
    """Others are answered as if they did not exist."""
    api.build.platform("alpha")
    api.build.platform("beta")
    uscc = api.build.enterprise(1)
    api.build.device("alpha", "a-1", uscc)
    api.build.device("beta", "b-1", uscc)
    mine, other = await api.listed("/assignments", "id")
    assert await api.listed("/assignments", "id", **_OF_ALPHA) == [mine]
    path = f"/assignments/{other}"
    answers = [
        await api.ask("GET", path, **_OF_ALPHA),
        await api.ask("PATCH", path, json={}, revision=1, **_OF_ALPHA),
        await api.ask("POST", f"{path}/end", json={"on": "2026-01-01"}, revision=1, **_OF_ALPHA),
    ]
    assert [each.status_code for each in answers] == [404, 404, 404]


async def test_lists_are_filtered(api: RegistryApi) -> None:
    """By platform, device, enterprise, district, text and state."""
    api.build.platform("alpha")
    api.build.platform("beta")
    first, second = api.build.enterprise(1), api.build.enterprise(2, district="xiuyu")
    api.build.device("alpha", "CNC-01", first)
    api.build.device("beta", "mill-1", second)
    api.build.device("beta", "mill-2", first, date(2024, 1, 1), date(2024, 2, 1))
    path, key = "/assignments", "serial"
    assert await api.listed(path, key) == ["CNC-01", "mill-1"]
    assert await api.listed(path, key, platform="beta") == ["mill-1"]
    assert await api.listed(path, key, serial="CNC-01") == ["CNC-01"]
    assert await api.listed(path, key, enterprise=second) == ["mill-1"]
    assert await api.listed(path, key, district="licheng") == ["CNC-01"]
    assert await api.listed(path, key, text="MILL") == ["mill-1"]
    assert await api.listed(path, key, text="第1鞋") == ["CNC-01"]
    assert await api.listed(path, key, state="ended") == ["mill-2"]


async def test_an_assignment_is_audited_under_its_platform(api: RegistryApi) -> None:
    """Whose operator may then read who did it."""
    api.build.platform("alpha")
    api.build.enterprise(1)
    api.build.device("alpha", "CNC-01")
    await api.ask("POST", "/assignments", json=_NEW, **_OF_ALPHA)
    action, actor, before, after = api.last_audited("assignments")
    assert (action, actor[:4], before) == ("create", "key:", None)
    assert after["from_date"] == "2026-03-01"
