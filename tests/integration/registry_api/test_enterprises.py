"""Enterprises: who sees them, who keeps them, how their devices stand."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from api.access.roles import Role
from tests.support.registry_api import RegistryApi
from tests.support.registry_files import uscc_of

_NEW = {"uscc": uscc_of(7), "name": "第七鞋厂", "district": "licheng", "industry_code": "C1951"}
_OF_ALPHA: dict[str, Any] = {"by": Role.OPERATOR, "of": "alpha"}
_OF_BETA: dict[str, Any] = {"by": Role.OPERATOR, "of": "beta"}


async def test_an_operators_platform_keeps_what_it_registers(api: RegistryApi) -> None:
    """Until the bureau changes it; from then on only the bureau does."""
    api.build.platform("alpha")
    created = await api.ask("POST", "/enterprises", json=_NEW, **_OF_ALPHA)
    assert created.status_code == 201, created.text
    assert created.json()["kept_by"] == "alpha"
    path = f"/enterprises/{_NEW['uscc']}"
    assert created.headers["location"] == f"/api/v1{path}"
    own = await api.ask("PATCH", path, json={"district": "xiuyu"}, revision=1, **_OF_ALPHA)
    assert (own.json()["district"], own.json()["kept_by"]) == ("xiuyu", "alpha")
    bureau = await api.ask("PATCH", path, json={"name": "七"}, revision=2, by=Role.VERIFIER)
    assert (bureau.json()["name"], bureau.json()["kept_by"]) == ("七", None)
    api.build.connection("alpha", api.build.known_enterprise(_NEW["uscc"]))
    refused = await api.ask("PATCH", path, json={"name": "甲"}, revision=3, **_OF_ALPHA)
    assert refused.status_code == 403
    assert "ask the bureau" in refused.json()["detail"]


async def test_an_operator_sees_what_was_ever_connected_or_is_kept(api: RegistryApi) -> None:
    """Others are answered as if they did not exist."""
    api.build.platform("alpha")
    api.build.platform("beta")
    was, others = api.build.enterprise(1), api.build.enterprise(2)
    api.build.connection("alpha", was, date(2024, 1, 1), date(2024, 2, 1))
    api.build.connection("beta", others)
    await api.ask("POST", "/enterprises", json=_NEW, **_OF_ALPHA)
    assert await api.listed("/enterprises", "uscc", **_OF_ALPHA) == [was, _NEW["uscc"]]
    assert await api.listed("/enterprises", "uscc", platform="beta", **_OF_ALPHA) == []
    for method, path in (("GET", ""), ("PATCH", ""), ("POST", "/end"), ("GET", "/presence")):
        answer = await api.ask(
            method,
            f"/enterprises/{others}{path}",
            json=None if method == "GET" else {} if method == "PATCH" else {"on": "2026-01-01"},
            revision=1,
            **_OF_ALPHA,
        )
        assert answer.status_code == 404, (method, path)
    assert await api.listed("/enterprises", "uscc", **_OF_BETA) == [others]


async def test_an_enterprise_is_registered_once(api: RegistryApi) -> None:
    """Whoever registered it; a connection needs only its code."""
    api.build.platform("alpha")
    api.build.enterprise(7)
    answer = await api.ask("POST", "/enterprises", json=_NEW, **_OF_ALPHA)
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"uscc": uscc_of(7)[:-1] + "0"}, "uscc"),
        ({"name": "长" * 201}, "name"),
        ({"district": "atlantis"}, "district"),
        ({"industry_code": "c1951"}, "industry_code"),
    ],
)
async def test_a_wrong_field_is_named(api: RegistryApi, change: dict[str, str], field: str) -> None:
    """When registered and, but for the code, when changed."""
    answer = await api.ask("POST", "/enterprises", json={**_NEW, **change})
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    uscc = api.build.enterprise(8)
    changed = await api.ask("PATCH", f"/enterprises/{uscc}", json=change, revision=1)
    assert changed.status_code == 422
    assert [each["field"] for each in changed.json()["errors"]] == [field]


async def test_a_change_is_not_stopped_by_what_stays(api: RegistryApi) -> None:
    """A district that the policy no longer lists does not forbid another name."""
    uscc = api.build.enterprise(1, district="once-a-district")
    path = f"/enterprises/{uscc}"
    answer = await api.ask("PATCH", path, json={"name": "甲", "industry_code": None}, revision=1)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["name"], found["district"], found["industry_code"]) == (
        "甲",
        "once-a-district",
        None,
    )


async def test_an_enterprise_ends_when_nothing_hangs_on_it(api: RegistryApi) -> None:
    """Until then the refusal says what does."""
    api.build.platform("alpha")
    uscc = api.build.served_enterprise(1, "alpha", [], devices=2)
    ending: dict[str, Any] = {"json": {"on": "2026-01-01"}, "revision": 1}
    refused = await api.ask("POST", f"/enterprises/{uscc}/end", **ending)
    assert refused.status_code == 409
    assert "connections 1, assignments 2" in refused.json()["detail"]
    api.connection.execute("UPDATE connections SET to_date = '2026-01-01'")
    api.connection.execute("UPDATE assignments SET to_date = '2026-01-01'")
    ended = await api.ask("POST", f"/enterprises/{uscc}/end", **ending)
    assert ended.json()["ended_on"] == "2026-01-01"
    assert await api.listed("/enterprises", "uscc") == []
    again = await api.ask("POST", f"/enterprises/{uscc}/end", json={"on": "2026-01-02"}, revision=2)
    assert again.status_code == 409


async def test_the_end_of_an_enterprise_is_taken_back_by_its_keeper(api: RegistryApi) -> None:
    """Once the bureau has done so, the bureau keeps it."""
    api.build.platform("alpha")
    await api.ask("POST", "/enterprises", json=_NEW, **_OF_ALPHA)
    path = f"/enterprises/{_NEW['uscc']}"
    ending: dict[str, Any] = {"json": {"on": "2026-01-01"}}
    await api.ask("POST", f"{path}/end", **ending, revision=1, **_OF_ALPHA)
    own = await api.ask("POST", f"{path}/reopen", revision=2, **_OF_ALPHA)
    assert (own.status_code, own.headers["etag"]) == (200, '"3"')
    assert (own.json()["ended_on"], own.json()["kept_by"]) == (None, "alpha")
    await api.ask("POST", f"{path}/end", **ending, revision=3, **_OF_ALPHA)
    bureau = await api.ask("POST", f"{path}/reopen", revision=4, by=Role.VERIFIER)
    assert (bureau.json()["ended_on"], bureau.json()["kept_by"]) == (None, None)
    action, actor, before, after = api.last_audited("enterprises")
    assert (action, actor[:4]) == ("change", "key:")
    assert (before["ended_on"], after["ended_on"]) == ("2026-01-01", None)
    again = await api.ask("POST", f"{path}/reopen", revision=5)
    assert again.status_code == 409


async def test_an_operator_reopens_only_what_the_own_platform_keeps(api: RegistryApi) -> None:
    """What it sees it may not reopen, and what it does not see it does not find."""
    api.build.platform("alpha")
    seen, unseen = api.build.enterprise(1), api.build.enterprise(2)
    api.build.connection("alpha", seen, to_date=date(2026, 1, 1))
    api.connection.execute("UPDATE enterprises SET ended_on = '2026-01-01'")
    for uscc, status in ((seen, 403), (unseen, 404)):
        answer = await api.ask("POST", f"/enterprises/{uscc}/reopen", revision=2, **_OF_ALPHA)
        assert answer.status_code == status


async def test_the_detail_counts_devices_by_status(api: RegistryApi) -> None:
    """Those assigned today and not ended, of the platforms that the caller may see."""
    api.build.platform("alpha")
    api.build.platform("beta")
    uscc = api.build.enterprise(1)
    api.build.connection("alpha", uscc)
    now = datetime.now(UTC)
    for place, silent_s in enumerate((0, 700, 5_000, None)):
        device = api.build.device("alpha", f"a-{place}", uscc)
        if silent_s is not None:
            api.build.last_seen(device, now - timedelta(seconds=silent_s))
    api.build.device("alpha", "was", uscc, date(2024, 1, 1), date(2024, 2, 1))
    api.build.device("beta", "b-1", uscc)
    path = f"/enterprises/{uscc}"
    everything = (await api.ask("GET", path)).json()["devices"]
    own = (await api.ask("GET", path, **_OF_ALPHA)).json()["devices"]
    assert everything == {"online": 1, "late": 1, "offline": 1, "never": 2}
    assert own == {"online": 1, "late": 1, "offline": 1, "never": 1}


async def test_lists_are_filtered(api: RegistryApi) -> None:
    """By platform, district and text."""
    api.build.platform("alpha")
    first, second = api.build.enterprise(1), api.build.enterprise(2, district="xiuyu")
    api.build.connection("alpha", second)
    assert await api.listed("/enterprises", "uscc") == [first, second]
    assert await api.listed("/enterprises", "uscc", platform="alpha") == [second]
    assert await api.listed("/enterprises", "uscc", district="licheng") == [first]
    assert await api.listed("/enterprises", "uscc", text="第2鞋") == [second]
    assert await api.listed("/enterprises", "uscc", text=second[-5:].lower()) == [second]


async def test_who_changed_an_enterprise_is_audited(api: RegistryApi) -> None:
    """And that the bureau keeps it from then on."""
    api.build.platform("alpha")
    await api.ask("POST", "/enterprises", json=_NEW, **_OF_ALPHA)
    await api.ask("PATCH", f"/enterprises/{_NEW['uscc']}", json={"district": "other"}, revision=1)
    action, actor, before, after = api.last_audited("enterprises")
    assert (action, actor[:4]) == ("change", "key:")
    assert (before["district"], after["district"]) == ("licheng", "other")
    assert before["kept_by_platform_id"] is not None
    assert after["kept_by_platform_id"] is None


@pytest.mark.parametrize("path", ["/enterprises", f"/enterprises/{uscc_of(7)}"])
async def test_half_a_surrogate_pair_is_a_wrong_name(api: RegistryApi, path: str) -> None:
    """JSON can say it and no text can hold it; the field is named."""
    api.build.enterprise(7)
    method = "POST" if path == "/enterprises" else "PATCH"
    said = {**_NEW, "uscc": uscc_of(8)} if method == "POST" else {}
    answer = await api.ask(method, path, raw=json.dumps({**said, "name": "甲\ud800乙"}), revision=1)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert (error["field"], "U+D800" in error["message"]) == ("name", True)
