"""Recognitions: a platform's levels, given and revoked by the bureau."""

from datetime import date

import pytest

from api.access.roles import Role
from tests.support.registry_api import RegistryApi

_NEW = {"platform": "alpha", "level": "national", "recognised_on": "2026-03-01"}


async def test_a_recognition_is_registered_and_revoked(api: RegistryApi) -> None:
    """Revoking is its end."""
    api.build.platform("alpha", level=None)
    created = await api.ask("POST", "/recognitions", json=_NEW, by=Role.VERIFIER)
    assert created.status_code == 201, created.text
    place = created.headers["location"].removeprefix("/api/v1")
    assert created.json() == {**_NEW, "id": int(place[14:]), "revoked_on": None, "revision": 1}
    ended = await api.ask("POST", f"{place}/end", json={"on": "2026-05-01"}, revision=1)
    assert (ended.status_code, ended.json()["revoked_on"]) == (200, "2026-05-01")
    again = await api.ask("POST", f"{place}/end", json={"on": "2026-05-02"}, revision=2)
    assert again.status_code == 409
    changed = await api.ask("PATCH", place, json={"revoked_on": None}, revision=2)
    assert changed.json()["revoked_on"] is None
    assert (await api.ask("GET", place)).headers["etag"] == '"3"'


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"platform": "none"}, 422, "platform: The platform none is not registered"),
        ({"level": "global"}, 422, "level: must be one of"),
        ({"recognised_on": "2026-02-30"}, 422, "recognised_on: “2026-02-30” is not in"),
        ({"revoked_on": "2026-03-01"}, 422, "revoked_on: 2026-03-01 is not after"),
        ({"recognised_on": "2025-01-01"}, 409, "One that begins on 2025-01-01 is registered"),
        ({"recognised_on": "2026-01-01"}, 409, "from 2025-01-01, which is open"),
        (
            {"recognised_on": "2024-01-01", "revoked_on": "2025-01-02"},
            409,
            "overlaps the one registered from 2025-01-01",
        ),
    ],
)
async def test_a_wrong_one_is_refused(
    api: RegistryApi, change: dict[str, str], status: int, said: str
) -> None:
    """By field, or with the one that it meets."""
    api.build.platform("alpha", level="national", recognised_on=date(2025, 1, 1))
    answer = await api.ask("POST", "/recognitions", json={**_NEW, **change})
    assert answer.status_code == status
    problem = answer.json()
    errors = [f"{each['field']}: {each['message']}" for each in problem["errors"]]
    assert said in " ".join([problem["detail"], *errors])


async def test_an_end_before_the_start_names_the_field(api: RegistryApi) -> None:
    """As every wrong field."""
    api.build.platform("alpha", recognised_on=date(2026, 1, 1))
    (number,) = await api.listed("/recognitions", "id")
    answer = await api.ask(
        "POST", f"/recognitions/{number}/end", json={"on": "2026-01-01"}, revision=1
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "on"


async def test_lists_are_filtered(api: RegistryApi) -> None:
    """An operator sees the own platform's; revoked ones are asked for."""
    api.build.platform("alpha", level="municipal")
    api.build.platform("beta", level="national")
    api.build.recognition("beta", "municipal", date(2020, 1, 1), date(2021, 1, 1))
    path, key = "/recognitions", "platform"
    assert await api.listed(path, key) == ["alpha", "beta"]
    assert await api.listed(path, key, level="national") == ["beta"]
    assert await api.listed(path, key, platform="alpha") == ["alpha"]
    assert await api.listed(path, key, text="平台 b") == ["beta"]
    assert await api.listed(path, "level", state="ended") == ["municipal"]
    assert await api.listed(path, key, by=Role.OPERATOR, of="alpha", state="all") == ["alpha"]


async def test_an_operator_cannot_change_one(api: RegistryApi) -> None:
    """Nobody says of himself that he is recognised."""
    api.build.platform("alpha", level=None)
    answer = await api.ask("POST", "/recognitions", json=_NEW, by=Role.OPERATOR, of="alpha")
    assert answer.status_code == 403
