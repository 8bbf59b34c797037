"""Gateways: registered with their platform, where each stands, and what it publishes with."""

from typing import Any

import pytest

from api.access.roles import Role
from tests.support.registry_api import RegistryApi

_NEW = {"platform": "alpha", "name": "gw-1", "site": "一号车间"}
_PATH = "/gateways/alpha/gw-1"
_OF_ALPHA: dict[str, Any] = {"by": Role.OPERATOR, "of": "alpha"}


async def test_a_gateway_is_registered_by_the_operator(api: RegistryApi) -> None:
    """Without a credential at first; who did it is in the audit."""
    api.build.platform("alpha")
    created = await api.ask("POST", "/gateways", json=_NEW, **_OF_ALPHA)
    assert created.status_code == 201, created.text
    assert (created.headers["location"], created.headers["etag"]) == (f"/api/v1{_PATH}", '"1"')
    record = created.json()
    assert record == {
        **_NEW,
        "created_at": record["created_at"],
        "credential": None,
        "topic": "jieru/v1/alpha/via/gw-1/+/heartbeat",
        "revision": 1,
    }
    assert (await api.ask("GET", _PATH, **_OF_ALPHA)).json() == record
    action, actor, _before, after = api.last_audited("publishers")
    assert (action, actor[:4], after["name"]) == ("create", "key:", "gw-1")


async def test_a_gateways_credential_is_part_of_it(api: RegistryApi) -> None:
    """As long as it is open."""
    api.build.platform("alpha")
    await api.ask("POST", "/gateways", json=_NEW)
    body = {"platform": "alpha", "gateway": "gw-1"}
    issued = (await api.ask("POST", "/credentials", json=body, **_OF_ALPHA)).json()
    (listed,) = await api.listed("/gateways", "credential")
    assert listed == {name: issued[name] for name in ("id", "username", "created_at")}
    await api.ask("POST", f"/credentials/{issued['id']}/revoke")
    assert await api.listed("/gateways", "credential") == [None]
    again = await api.ask("POST", "/credentials", json=body, **_OF_ALPHA)
    assert again.json()["username"] == "alpha/via/gw-1"


async def test_a_gateways_site_is_changed_by_whoever_has_read_it(api: RegistryApi) -> None:
    """A change is made to the revision that was read; what is left out stays."""
    api.build.platform("alpha")
    await api.ask("POST", "/gateways", json=_NEW)
    unread = await api.ask("PATCH", _PATH, json={"site": "二号车间"}, **_OF_ALPHA)
    assert unread.status_code == 428
    moved = await api.ask("PATCH", _PATH, json={"site": "二号车间"}, revision=1, **_OF_ALPHA)
    assert (moved.status_code, moved.headers["etag"]) == (200, '"2"')
    assert moved.json()["site"] == "二号车间"
    stale = await api.ask("PATCH", _PATH, json={"site": "三号车间"}, revision=1, **_OF_ALPHA)
    assert (stale.status_code, stale.headers["etag"]) == (412, '"2"')
    same = await api.ask("PATCH", _PATH, json={}, revision=2)
    assert (same.json()["site"], same.json()["revision"]) == ("二号车间", 2)
    forgotten = await api.ask("PATCH", _PATH, json={"site": None}, revision=2)
    assert forgotten.json()["site"] is None
    renamed = await api.ask("PATCH", _PATH, json={"name": "gw-2"}, revision=3)
    assert renamed.status_code == 422


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"platform": "none"}, 422, "platform: There is no platform none."),
        ({"platform": "beta"}, 422, "platform: There is no platform beta."),
        ({"name": ""}, 422, "name: Is empty, but required."),
        ({"name": "a b"}, 422, "name: “a b” is no name of a gateway"),
        ({"name": "own"}, 422, "`own` and `via` are none"),
        ({"name": "via"}, 422, "`own` and `via` are none"),
        ({"site": "x" * 201}, 422, "site: Has 201 characters; at most 200"),
        ({"site": "a\0b"}, 422, "site: Holds the invisible character"),
        ({"kind": "gateway"}, 422, "kind: "),
        ({"name": "was-there"}, 409, "It is registered already."),
    ],
)
async def test_a_wrong_one_is_refused(
    api: RegistryApi, change: dict[str, str], status: int, said: str
) -> None:
    """By field; of another platform as of one that does not exist."""
    api.build.platform("alpha")
    api.build.platform("beta")
    await api.ask("POST", "/gateways", json={**_NEW, "name": "was-there"})
    answer = await api.ask("POST", "/gateways", json={**_NEW, **change}, **_OF_ALPHA)
    assert answer.status_code == status, answer.text
    problem = answer.json()
    errors = [f"{each['field']}: {each['message']}" for each in problem["errors"]]
    assert said in " ".join([problem["detail"], *errors])
    assert await api.listed("/gateways", "name") == ["was-there"]


async def test_no_gateway_is_registered_on_a_platform_that_ended(api: RegistryApi) -> None:
    """A conflict, not a wrong field."""
    api.build.platform("alpha")
    api.connection.execute("UPDATE platforms SET ended_on = '2026-01-01'")
    assert (await api.ask("POST", "/gateways", json=_NEW)).status_code == 409


async def test_the_list_is_filtered_and_comes_in_pages(api: RegistryApi) -> None:
    """By platform, and by part of a name or site; an operator sees the own platform's."""
    for platform in ("alpha", "beta"):
        api.build.platform(platform)
        for name in ("b", "a", "c"):
            site = f"{platform}-{name}-hall"
            new = {"platform": platform, "name": name, "site": site}
            assert (await api.ask("POST", "/gateways", json=new)).status_code == 201
    assert await api.listed("/gateways", "name") == ["a", "b", "c", "a", "b", "c"]
    assert await api.listed("/gateways", "platform", platform="beta") == ["beta"] * 3
    assert await api.listed("/gateways", "site", text="beta-A") == ["beta-a-hall"]
    assert await api.listed("/gateways", "platform", **_OF_ALPHA) == ["alpha"] * 3
    assert await api.listed("/gateways", "name", platform="beta", **_OF_ALPHA) == []
    first = (await api.ask("GET", "/gateways", limit=2)).json()
    second = (await api.ask("GET", "/gateways", limit=4, cursor=first["next_cursor"])).json()
    pages = [[each["site"][:-5] for each in page["items"]] for page in (first, second)]
    assert pages == [["alpha-a", "alpha-b"], ["alpha-c", "beta-a", "beta-b", "beta-c"]]
    assert second["next_cursor"] is None


async def test_a_gateway_of_another_platform_is_not_there(api: RegistryApi) -> None:
    """Read or changed, it is answered as one that does not exist."""
    api.build.platform("alpha")
    api.build.platform("beta")
    await api.ask("POST", "/gateways", json={**_NEW, "platform": "beta"})
    change: dict[str, Any] = {"json": {"site": "x"}, "revision": 1}
    requests: tuple[tuple[str, dict[str, Any]], ...] = (("GET", {}), ("PATCH", change))
    for method, rest in requests:
        for path in ("/gateways/beta/gw-1", "/gateways/alpha/gw-1", "/gateways/al%20pha/own"):
            answer = await api.ask(method, path, **_OF_ALPHA, **rest)
            assert answer.status_code == 404, path


async def test_a_platforms_end_ends_its_gateways(api: RegistryApi) -> None:
    """Their credentials are revoked with the others; the gateways stay registered."""
    api.build.platform("alpha")
    await api.ask("POST", "/gateways", json=_NEW)
    for body in ({"platform": "alpha", "gateway": "gw-1"}, {"platform": "alpha"}):
        assert (await api.ask("POST", "/credentials", json=body)).status_code == 201
    assert api.open_credentials() == ["alpha", "alpha/via/gw-1"]
    await api.ask("POST", "/platforms/alpha/end", json={"on": "2026-01-01"}, revision=1)
    assert api.open_credentials() == []
    assert await api.listed("/gateways", "credential") == [None]
    refused = await api.ask("POST", "/credentials", json={"platform": "alpha", "gateway": "gw-1"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "platform"
