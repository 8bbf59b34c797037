"""Platforms: registered and changed by the bureau alone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from api.access.roles import Role
from tests.support.credentials import issue_to
from tests.support.registry_api import RegistryApi
from tests.support.registry_files import uscc_of

_NEW = {"code": "alpha", "name": "甲平台", "operator_uscc": uscc_of(9)}


async def test_a_platform_is_registered_read_and_changed(api: RegistryApi) -> None:
    """The answer to each carries the ETag of the record as it is then."""
    created = await api.ask("POST", "/platforms", json=_NEW)
    assert created.status_code == 201, created.text
    assert created.headers["location"] == "/api/v1/platforms/alpha"
    assert created.headers["etag"] == '"1"'
    assert created.json() == {
        **_NEW,
        "ended_on": None,
        "level": None,
        "connections": 0,
        "revision": 1,
    }
    assert (await api.ask("GET", "/platforms/alpha")).json() == created.json()
    changed = await api.ask(
        "PATCH", "/platforms/alpha", json={"operator_uscc": None}, revision=1, by=Role.VERIFIER
    )
    assert changed.headers["etag"] == '"2"'
    assert changed.json() == {**created.json(), "operator_uscc": None, "revision": 2}


async def test_a_platform_shows_its_level_and_open_connections(api: RegistryApi) -> None:
    """Of today: the highest level that is not revoked."""
    api.build.platform("alpha", level="provincial")
    api.build.recognition("alpha", "municipal", date(2025, 1, 1))
    api.build.recognition("alpha", "national", date(2024, 1, 1), date(2025, 1, 1))
    api.build.connection("alpha", api.build.enterprise(1))
    api.build.connection("alpha", api.build.enterprise(2), to_date=date(2025, 1, 2))
    found = (await api.ask("GET", "/platforms/alpha")).json()
    assert (found["level"], found["connections"]) == ("provincial", 1)


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"code": "Alpha"}, "code", "no platform code"),
        ({"name": " "}, "name", "Is empty, but required."),
        ({"name": "甲\u0000"}, "name", "invisible character"),
        ({"operator_uscc": "91350300"}, "operator_uscc", "length is 8"),
        ({"colour": "red"}, "colour", "is not known here"),
        ({"name": 7}, "name", "must be text"),
    ],
)
async def test_what_is_wrong_with_a_field_is_said(
    api: RegistryApi, change: dict[str, object], field: str, said: str
) -> None:
    """In the words of the import; nothing is registered."""
    answer = await api.ask("POST", "/platforms", json={**_NEW, **change})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["location"], error["field"]) == ("body", field)
    assert said in error["message"]
    assert await api.listed("/platforms", "code", state="all") == []


async def test_a_code_is_registered_once(api: RegistryApi) -> None:
    """The second one is a conflict."""
    api.build.platform("alpha")
    answer = await api.ask("POST", "/platforms", json=_NEW)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "It is registered already."


async def test_an_operator_sees_the_own_platform_only(api: RegistryApi) -> None:
    """Another one is answered as one that does not exist."""
    api.build.platform("alpha")
    api.build.platform("beta")
    asked: dict[str, Any] = {"by": Role.OPERATOR, "of": "alpha"}
    assert await api.listed("/platforms", "code", **asked) == ["alpha"]
    other = await api.ask("GET", "/platforms/beta", **asked)
    none = await api.ask("GET", "/platforms/none", **asked)
    assert (other.status_code, none.status_code) == (404, 404)
    assert other.json()["detail"] == none.json()["detail"].replace("none", "beta")
    refused = await api.ask("PATCH", "/platforms/alpha", json={}, revision=1, **asked)
    assert refused.status_code == 403


async def test_a_platform_ends_after_its_connections_and_takes_its_credentials_along(
    api: RegistryApi,
) -> None:
    """Until then the refusal says how many are open."""
    api.build.platform("alpha")
    api.build.connection("alpha", api.build.enterprise())
    api.build.device("alpha", "a-1")
    issue_to(api.connection, "alpha")
    issue_to(api.connection, "alpha/a-1")
    ending: dict[str, Any] = {"json": {"on": "2026-01-01"}, "revision": 1}
    refused = await api.ask("POST", "/platforms/alpha/end", **ending)
    assert refused.status_code == 409
    assert "2026-01-01: 1" in refused.json()["detail"]
    api.connection.execute("UPDATE connections SET to_date = '2026-01-01'")
    ended = await api.ask("POST", "/platforms/alpha/end", **ending)
    assert ended.json()["ended_on"] == "2026-01-01"
    assert api.open_credentials() == []
    again = await api.ask("POST", "/platforms/alpha/end", json={"on": "2026-02-01"}, revision=2)
    assert again.status_code == 409
    assert again.json()["detail"] == "It has an end already: 2026-01-01."
    assert await api.listed("/platforms", "code") == []
    assert await api.listed("/platforms", "code", state="ended") == ["alpha"]


def _ahead() -> str:
    """A day that an end may be set to and that does not come while the test runs."""
    return str(datetime.now(UTC).date() + timedelta(days=30))


async def test_credentials_stay_while_the_end_lies_ahead(api: RegistryApi) -> None:
    """Equipment is heard until then."""
    api.build.platform("alpha")
    issue_to(api.connection, "alpha")
    ended = await api.ask("POST", "/platforms/alpha/end", json={"on": _ahead()}, revision=1)
    assert ended.status_code == 200
    assert api.open_credentials() == ["alpha"]
    assert await api.listed("/platforms", "code") == ["alpha"]


async def test_the_end_of_a_platform_is_taken_back(api: RegistryApi) -> None:
    """By the bureau alone; its credentials stay revoked, and it can end on another day."""
    api.build.platform("alpha")
    issue_to(api.connection, "alpha")
    path = "/platforms/alpha"
    await api.ask("POST", f"{path}/end", json={"on": "2026-01-01"}, revision=1)
    refused = await api.ask("POST", f"{path}/reopen", revision=2, by=Role.OPERATOR, of="alpha")
    assert refused.status_code == 403
    reopened = await api.ask("POST", f"{path}/reopen", revision=2, by=Role.VERIFIER)
    assert (reopened.status_code, reopened.headers["etag"]) == (200, '"3"')
    assert reopened.json() == (await api.ask("GET", path)).json()
    assert reopened.json()["ended_on"] is None
    assert api.open_credentials() == []
    ended = await api.ask("POST", f"{path}/end", json={"on": "2026-02-01"}, revision=3)
    assert ended.json()["ended_on"] == "2026-02-01"


async def test_a_platform_without_an_end_is_not_reopened(api: RegistryApi) -> None:
    """Nor one that does not exist."""
    api.build.platform("alpha")
    open_one = await api.ask("POST", "/platforms/alpha/reopen", revision=1)
    none = await api.ask("POST", "/platforms/none/reopen", revision=1)
    assert (open_one.status_code, none.status_code) == (409, 404)
    assert open_one.json()["detail"] == "It has no end that could be taken back."


async def test_a_reopening_is_audited(api: RegistryApi) -> None:
    """With the end that was taken back."""
    api.build.platform("alpha")
    await api.ask("POST", "/platforms/alpha/end", json={"on": "2026-01-01"}, revision=1)
    await api.ask("POST", "/platforms/alpha/reopen", revision=2)
    action, actor, before, after = api.last_audited("platforms")
    assert (action, actor[:4]) == ("change", "key:")
    assert (before["ended_on"], after["ended_on"]) == ("2026-01-01", None)


async def test_a_change_is_audited(api: RegistryApi) -> None:
    """Who, and what before and after."""
    api.build.platform("alpha")
    await api.ask("PATCH", "/platforms/alpha", json={"name": "乙"}, revision=1)
    action, actor, before, after = api.last_audited("platforms")
    assert (action, actor[:4]) == ("change", "key:")
    assert (before["name"], after["name"]) == ("平台 alpha", "乙")


@pytest.mark.parametrize("text", ["ALPH", "台 al", uscc_of(9)[-6:].lower()])
async def test_text_is_part_of_code_name_or_operator(api: RegistryApi, text: str) -> None:
    """Whatever the case of letters."""
    api.build.platform("alpha", operator_uscc=uscc_of(9))
    api.build.platform("beta")
    assert await api.listed("/platforms", "code", text=text) == ["alpha"]
