"""Calendars: what was heard of a device, and of an enterprise over its devices."""

from datetime import date
from typing import Any

import pytest

from api.access.roles import Role
from tests.support.registry_api import RegistryApi
from tests.support.registry_builder import days_between

_DEVICE = "/devices/alpha/CNC-01/presence"
_DAY = date(2026, 5, 31)
_NEXT = date(2026, 6, 1)


async def test_a_device_has_the_hours_of_each_day(api: RegistryApi) -> None:
    """Over the end of a month; late hours stand apart."""
    api.build.platform("alpha")
    device = api.build.device("alpha", "CNC-01")
    api.build.presence(device, [_DAY], [0, 8, 23])
    api.build.presence(device, [_NEXT], [1])
    api.build.presence(device, [_NEXT], [2, 3], is_late=True)
    answer = await api.ask("GET", _DEVICE, from_="2026-05-30", to="2026-06-01")
    assert answer.json() == {
        "days": [
            {"day": "2026-05-30", "hours": "0" * 24, "late_hours": "0" * 24},
            {
                "day": "2026-05-31",
                "hours": "1" + "0" * 7 + "1" + "0" * 14 + "1",
                "late_hours": "0" * 24,
            },
            {
                "day": "2026-06-01",
                "hours": "01" + "0" * 22,
                "late_hours": "0011" + "0" * 20,
            },
        ]
    }


async def test_ninety_days_are_answered_unasked(api: RegistryApi) -> None:
    """Up to today."""
    api.build.platform("alpha")
    api.build.device("alpha", "CNC-01")
    assert len((await api.ask("GET", _DEVICE)).json()["days"]) == 90
    year = await api.ask("GET", _DEVICE, from_="2024-01-01", to="2024-12-31")
    assert len(year.json()["days"]) == 366


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("2026-01-02", "2026-01-01", "from"),
        ("2024-01-01", "2025-01-01", "from"),
        ("20260101", "", "from"),
        ("", "0001-01-01", "to"),
        ("9999-12-31", "", "from"),
    ],
)
async def test_days_that_cannot_be_are_refused(
    api: RegistryApi, first: str, last: str, field: str
) -> None:
    """Backwards, too many, in another form, or of another age."""
    api.build.platform("alpha")
    uscc = api.build.enterprise(1)
    api.build.device("alpha", "CNC-01", uscc)
    for path in (_DEVICE, f"/enterprises/{uscc}/presence"):
        answer = await api.ask("GET", path, from_=first, to=last)
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert (error["location"], error["field"]) == ("query", field)


async def _days(api: RegistryApi, uscc: str, **asked: Any) -> list[tuple[int, int, int]]:  # noqa: ANN401
    answer = await api.ask(
        "GET", f"/enterprises/{uscc}/presence", from_="2026-05-30", to="2026-06-01", **asked
    )
    assert answer.status_code == 200, answer.text
    return [
        (each["devices_assigned"], each["devices_heard"], each["longest_hours"])
        for each in answer.json()["days"]
    ]


async def test_an_enterprise_has_the_devices_of_each_day(api: RegistryApi) -> None:
    """Only those assigned that day; what came late does not show."""
    api.build.platform("alpha")
    api.build.platform("beta")
    uscc, other = api.build.enterprise(1), api.build.enterprise(2)
    api.build.connection("alpha", uscc)
    first = api.build.device("alpha", "a-1", uscc)
    moved = api.build.device("alpha", "a-2", uscc, date(2026, 1, 1), _NEXT)
    api.build.assignment("alpha", "a-2", other, _NEXT)
    third = api.build.device("beta", "b-1", uscc, _DAY)
    always = days_between(date(2026, 5, 1), date(2026, 6, 30))
    api.build.presence(first, always, [8, 9])
    api.build.presence(moved, always, range(10))
    api.build.presence(third, [date(2026, 5, 30), _NEXT], [7])
    api.build.presence(third, [_DAY], [7], is_late=True)
    assert await _days(api, uscc) == [(2, 2, 10), (3, 2, 10), (2, 2, 2)]
    assert await _days(api, uscc, platform="beta") == [(0, 0, 0), (1, 0, 0), (1, 1, 1)]
    assert await _days(api, uscc, platform="none") == [(0, 0, 0)] * 3
    own = {"by": Role.OPERATOR, "of": "alpha"}
    assert await _days(api, uscc, **own) == [(2, 2, 10), (2, 2, 10), (1, 1, 2)]


async def test_an_enterprise_without_devices_has_empty_days(api: RegistryApi) -> None:
    """As many as were asked for."""
    assert await _days(api, api.build.enterprise(1)) == [(0, 0, 0)] * 3
