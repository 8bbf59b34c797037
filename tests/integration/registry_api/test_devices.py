"""Devices: registered, assigned, changed, ended, reopened."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from api.access.roles import Role
from tests.support.credentials import issue_to
from tests.support.registry_api import RegistryApi
from tests.support.registry_files import uscc_of

_OF_ALPHA: dict[str, Any] = {"by": Role.OPERATOR, "of": "alpha"}
_NEW = {"platform": "alpha", "serial": "CNC-01", "kind": "cnc", "name": "车床"}


async def test_a_device_is_registered_and_changed(api: RegistryApi) -> None:
    """With an interval of five minutes unless another is given."""
    api.build.platform("alpha")
    created = await api.ask("POST", "/devices", json=_NEW, **_OF_ALPHA)
    assert created.status_code == 201, created.text
    assert created.headers["location"] == "/api/v1/devices/alpha/CNC-01"
    found = created.json()
    registered_at = datetime.fromisoformat(found.pop("registered_at"))
    assert abs(datetime.now(UTC) - registered_at) < timedelta(minutes=10)
    assert found == {
        **_NEW,
        "expected_interval_s": 300,
        "ended_on": None,
        "status": "never",
        "last_seen_at": None,
        "reported": None,
        "enterprise": None,
        "revision": 1,
    }
    change = {"kind": None, "expected_interval_s": 60}
    changed = await api.ask("PATCH", "/devices/alpha/CNC-01", json=change, revision=1, **_OF_ALPHA)
    found = changed.json()
    assert (found["kind"], found["name"], found["expected_interval_s"]) == (None, "车床", 60)
    assert changed.headers["etag"] == '"2"'


async def test_a_device_may_be_assigned_at_once(api: RegistryApi) -> None:
    """The answer says whose it is."""
    api.build.platform("alpha")
    uscc = api.build.enterprise(1)
    new = {**_NEW, "uscc": uscc, "assigned_from": "2026-03-01"}
    created = await api.ask("POST", "/devices", json=new, **_OF_ALPHA)
    assert created.json()["enterprise"] == {
        "uscc": uscc,
        "name": "第1鞋厂",
        "district": "licheng",
        "assigned_from": "2026-03-01",
    }


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"serial": "CNC 01"}, 422, "serial: “CNC 01” is no serial"),
        ({"serial": "via"}, 422, "`own` and `via` are none"),
        ({"platform": "beta"}, 422, "platform: Is not your platform"),
        ({"expected_interval_s": 0}, 422, "expected_interval_s: must be at least 1"),
        ({"expected_interval_s": 604_801}, 422, "expected_interval_s: must be at most 604800"),
        ({"expected_interval_s": True}, 422, "expected_interval_s: must be a whole number"),
        ({"expected_interval_s": None}, 422, "expected_interval_s: must be a whole number"),
        ({"uscc": uscc_of(1)}, 422, "assigned_from: uscc, assigned_from belong together"),
        ({"uscc": uscc_of(2), "assigned_from": "2026-01-01"}, 422, "uscc: The enterprise"),
        ({"serial": "was-there"}, 409, "It is registered already."),
    ],
)
async def test_a_wrong_one_is_refused(
    api: RegistryApi, change: dict[str, object], status: int, said: str
) -> None:
    """And nothing of it is registered."""
    api.build.platform("alpha")
    api.build.platform("beta")
    api.build.enterprise(1)
    api.build.device("alpha", "was-there")
    answer = await api.ask("POST", "/devices", json={**_NEW, **change}, **_OF_ALPHA)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    errors = [f"{each['field']}: {each['message']}" for each in problem["errors"]]
    assert said in " ".join([problem["detail"], *errors])
    assert await api.listed("/devices", "serial") == ["was-there"]


async def test_a_device_is_not_registered_on_a_platform_that_ended(api: RegistryApi) -> None:
    """A conflict, not a wrong field."""
    api.build.platform("alpha")
    api.connection.execute("UPDATE platforms SET ended_on = '2026-01-01'")
    assert (await api.ask("POST", "/devices", json=_NEW)).status_code == 409


async def test_a_device_ends_with_its_assignment_and_its_credential(api: RegistryApi) -> None:
    """Ending again is refused."""
    api.build.platform("alpha")
    uscc = api.build.enterprise(1)
    api.build.device("alpha", "CNC-01", uscc, date(2026, 1, 1))
    api.build.device("alpha", "CNC-02", uscc, date(2026, 1, 1))
    for username in ("alpha", "alpha/CNC-01", "alpha/own/CNC-01", "alpha/CNC-02"):
        issue_to(api.connection, username)
    path = "/devices/alpha/CNC-01"
    ended = await api.ask("POST", f"{path}/end", json={"on": "2026-06-01"}, revision=1, **_OF_ALPHA)
    assert (ended.status_code, ended.json()["ended_on"]) == (200, "2026-06-01")
    assert await api.listed("/assignments", "to_date", serial="CNC-01", state="all") == [
        "2026-06-01"
    ]
    assert api.open_credentials() == ["alpha", "alpha/CNC-02"]
    again = await api.ask("POST", f"{path}/end", json={"on": "2026-07-01"}, revision=2)
    assert again.status_code == 409
    assert await api.listed("/devices", "serial") == ["CNC-02"]
    assert await api.listed("/devices", "serial", state="ended") == ["CNC-01"]
    assert await api.listed("/devices", "serial", state="all") == ["CNC-01", "CNC-02"]


def _ahead() -> str:
    """A day that an end may be set to and that does not come while the test runs."""
    return str(datetime.now(UTC).date() + timedelta(days=30))


async def test_an_end_ahead_keeps_the_credential(api: RegistryApi) -> None:
    """The device works until then."""
    api.build.platform("alpha")
    api.build.device("alpha", "CNC-01")
    issue_to(api.connection, "alpha/CNC-01")
    path = "/devices/alpha/CNC-01/end"
    answer = await api.ask("POST", path, json={"on": _ahead()}, revision=1)
    assert answer.status_code == 200
    assert api.open_credentials() == ["alpha/CNC-01"]
    assert await api.listed("/devices", "serial") == ["CNC-01"]


async def test_a_device_does_not_end_before_its_assignment_begins(api: RegistryApi) -> None:
    """What is assigned from a later day would hang in the air."""
    api.build.platform("alpha")
    api.build.device("alpha", "CNC-01", api.build.enterprise(1), date(2026, 3, 1))
    path = "/devices/alpha/CNC-01/end"
    for on in ("2026-03-01", "2026-02-01", "0001-01-01", "9999-12-31", "today"):
        answer = await api.ask("POST", path, json={"on": on}, revision=1)
        assert answer.status_code == 422, on
        assert answer.json()["errors"][0]["field"] == "on"


async def test_the_end_of_a_device_is_taken_back(api: RegistryApi) -> None:
    """What ended with it stays ended, until the assignment is changed and a credential issued."""
    api.build.platform("alpha")
    api.build.device("alpha", "CNC-01", api.build.enterprise(1), date(2026, 1, 1))
    issue_to(api.connection, "alpha/CNC-01")
    path = "/devices/alpha/CNC-01"
    await api.ask("POST", f"{path}/end", json={"on": "2026-06-01"}, revision=1, **_OF_ALPHA)
    reopened = await api.ask("POST", f"{path}/reopen", revision=2, **_OF_ALPHA)
    assert (reopened.status_code, reopened.headers["etag"]) == (200, '"3"')
    assert reopened.json() == (await api.ask("GET", path)).json()
    assert reopened.json()["ended_on"] is None
    action, actor, before, after = api.last_audited("devices")
    assert (action, actor[:4]) == ("change", "key:")
    assert (before["ended_on"], after["ended_on"]) == ("2026-06-01", None)
    assert api.open_credentials() == []
    asked: dict[str, Any] = {"serial": "CNC-01", "state": "all", **_OF_ALPHA}
    assert await api.listed("/assignments", "to_date", **asked) == ["2026-06-01"]
    (assignment,) = await api.listed("/assignments", "id", **asked)
    mended = await api.ask(
        "PATCH", f"/assignments/{assignment}", json={"to_date": None}, revision=2, **_OF_ALPHA
    )
    assert (mended.status_code, mended.json()["to_date"]) == (200, None)
    again = await api.ask("POST", f"{path}/reopen", revision=3, **_OF_ALPHA)
    assert again.status_code == 409
    assert again.json()["detail"] == "It has no end that could be taken back."


async def test_a_device_is_not_reopened_on_a_platform_that_ended(api: RegistryApi) -> None:
    """As none is registered on it: the platform comes first."""
    api.build.platform("alpha")
    api.build.device("alpha", "CNC-01")
    api.connection.execute("UPDATE devices SET ended_on = '2026-01-01'")
    api.connection.execute("UPDATE platforms SET ended_on = '2026-01-01'")
    refused = await api.ask("POST", "/devices/alpha/CNC-01/reopen", revision=2)
    assert refused.status_code == 409
    assert refused.json()["detail"].startswith("alpha ended on 2026-01-01")
    await api.ask("POST", "/platforms/alpha/reopen", revision=2)
    reopened = await api.ask("POST", "/devices/alpha/CNC-01/reopen", revision=2)
    assert reopened.status_code == 200


async def test_an_operator_reaches_the_own_ones_only(api: RegistryApi) -> None:
    """Another's is answered as one that does not exist, whatever is asked of it."""
    api.build.platform("alpha")
    api.build.platform("beta")
    api.build.device("alpha", "a-1")
    api.build.device("beta", "b-1")
    assert await api.listed("/devices", "serial", **_OF_ALPHA) == ["a-1"]
    assert await api.listed("/devices", "serial", platform="beta", **_OF_ALPHA) == []
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/heartbeats", None),
        ("GET", "/presence", None),
        ("PATCH", "", {}),
        ("POST", "/end", {"on": "2026-01-01"}),
        ("POST", "/reopen", None),
    ):
        other, none = [
            await api.ask(
                method, f"/devices/beta/{serial}{path}", json=body, revision=1, **_OF_ALPHA
            )
            for serial in ("b-1", "c-1")
        ]
        assert (other.status_code, none.status_code) == (404, 404), (method, path)
        assert other.json()["detail"].replace("b-1", "c-1") == none.json()["detail"]


@pytest.mark.parametrize("address", ["none/x", "alpha/%00", "%00/x", "alpha/%F0%9F%92%A9", "A/b"])
async def test_an_address_that_can_be_none_is_not_found(api: RegistryApi, address: str) -> None:
    """Not even the database is asked."""
    assert (await api.ask("GET", f"/devices/{address}")).status_code == 404


async def test_lists_are_filtered(api: RegistryApi) -> None:
    """By platform, owner of today, district, status, text; each alone and together."""
    api.build.platform("alpha")
    api.build.platform("beta")
    first, second = api.build.enterprise(1), api.build.enterprise(2, district="xiuyu")
    now = datetime.now(UTC)
    api.build.last_seen(api.build.device("alpha", "CNC-01", first), now, "running")
    api.build.last_seen(api.build.device("alpha", "mill-1", second), now - timedelta(days=1))
    api.build.device("beta", "CNC-02", first, date(2024, 1, 1), date(2025, 1, 1))
    path, key = "/devices", "serial"
    assert await api.listed(path, key) == ["CNC-01", "mill-1", "CNC-02"]
    assert await api.listed(path, key, platform="alpha") == ["CNC-01", "mill-1"]
    assert await api.listed(path, key, enterprise=first) == ["CNC-01"]
    assert await api.listed(path, key, district="xiuyu") == ["mill-1"]
    assert await api.listed(path, key, status="online") == ["CNC-01"]
    assert await api.listed(path, key, status="offline") == ["mill-1"]
    assert await api.listed(path, key, status="never") == ["CNC-02"]
    assert await api.listed(path, key, status="late") == []
    assert await api.listed(path, key, text="cnc") == ["CNC-01", "CNC-02"]
    assert await api.listed(path, key, text="机床 MILL") == ["mill-1"]
    assert await api.listed(path, key, text="cnc", platform="beta", status="never") == ["CNC-02"]
    assert await api.listed(path, "reported") == ["running", None, None]


async def test_a_change_is_audited(api: RegistryApi) -> None:
    """Who, and what before and after."""
    api.build.platform("alpha")
    api.build.device("alpha", "CNC-01")
    change: dict[str, Any] = {"json": {"name": "乙"}, "revision": 1}
    await api.ask("PATCH", "/devices/alpha/CNC-01", **change, **_OF_ALPHA)
    action, actor, before, after = api.last_audited("devices")
    assert (action, actor[:4]) == ("change", "key:")
    assert (before["name"], after["name"]) == ("机床 CNC-01", "乙")
