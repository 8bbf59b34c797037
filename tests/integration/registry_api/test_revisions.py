"""Optimistic locking: of two people who read the same record, one change is taken."""

import asyncio

import pytest

from api.access.roles import Role
from tests.support.registry_api import RegistryApi

_RECORDS = {
    "/platforms/alpha": {"name": "甲"},
    "/recognitions/1": {"revoked_on": "2027-01-01"},
    "/enterprises/{uscc}": {"name": "甲"},
    "/connections/1": {"contract_no": "甲"},
    "/devices/alpha/CNC-01": {"name": "甲"},
    "/assignments/1": {"to_date": "2027-01-01"},
}


def _build(api: RegistryApi) -> str:
    api.build.platform("alpha")
    uscc = api.build.enterprise(1)
    api.build.connection("alpha", uscc)
    api.build.device("alpha", "CNC-01", uscc)
    return uscc


@pytest.mark.parametrize("path", _RECORDS)
async def test_a_change_names_the_revision_that_was_read(api: RegistryApi, path: str) -> None:
    """None is 428, an old one 412 with the present ETag, the present one is taken."""
    change = _RECORDS[path]
    path = path.format(uscc=_build(api))
    without = await api.ask("PATCH", path, json=change)
    assert without.status_code == 428
    for stale in (2, 'W/"1"', '"1x"', "1", '"01"', '"99999999999999999999"', '""'):
        answer = await api.ask("PATCH", path, json=change, revision=stale)
        assert answer.status_code == 412, stale
        assert answer.headers["etag"] == '"1"'
    read = await api.ask("GET", path)
    for place, current in enumerate((read.headers["etag"], '"7", "2"', "*")):
        taken = await api.ask("PATCH", path, json=change, revision=current)
        assert taken.status_code == 200, taken.text
        assert taken.headers["etag"] == f'"{place + 2}"'


@pytest.mark.parametrize("path", _RECORDS)
async def test_an_end_names_the_revision_too(api: RegistryApi, path: str) -> None:
    """Before anything else is said of it."""
    path = path.format(uscc=_build(api))
    without = await api.ask("POST", f"{path}/end", json={"on": "2026-01-01"})
    stale = await api.ask("POST", f"{path}/end", json={"on": "2026-01-01"}, revision=9)
    assert (without.status_code, stale.status_code) == (428, 412)


@pytest.mark.parametrize(
    "path", ["/platforms/alpha", "/enterprises/{uscc}", "/devices/alpha/CNC-01"]
)
async def test_a_reopening_names_the_revision_too(api: RegistryApi, path: str) -> None:
    """Whoever saw another end than the one that stands is told."""
    path = path.format(uscc=_build(api))
    without = await api.ask("POST", f"{path}/reopen")
    stale = await api.ask("POST", f"{path}/reopen", revision=9)
    assert (without.status_code, stale.status_code) == (428, 412)


async def test_of_two_changes_at_once_one_is_taken(api: RegistryApi) -> None:
    """The other is told that somebody was quicker."""
    _build(api)
    api.header(Role.ADMIN)  # made before three ask at once
    answers = await asyncio.gather(
        *[
            api.ask("PATCH", "/devices/alpha/CNC-01", json={"name": name}, revision=1)
            for name in ("甲", "乙", "丙")
        ]
    )
    assert sorted(each.status_code for each in answers) == [200, 412, 412]


async def test_of_two_that_overlap_one_is_registered(api: RegistryApi) -> None:
    """The other is a conflict, never a fault."""
    uscc = _build(api)
    new = {"platform": "alpha", "uscc": uscc, "to_date": "2020-02-01"}
    api.header(Role.ADMIN)
    days = [f"2020-01-{day:02}" for day in (1, 5, 9)]
    answers = await asyncio.gather(
        *[api.ask("POST", "/connections", json={**new, "from_date": day}) for day in days]
    )
    assert sorted(each.status_code for each in answers) == [201, 409, 409]
