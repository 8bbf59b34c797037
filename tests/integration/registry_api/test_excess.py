"""What is said of a device that sends more than its rate: in answers, and on its page."""

from datetime import UTC, datetime, timedelta

import pytest

from api.access.roles import Role
from tests.support.people import session_of
from tests.support.registry_api import RegistryApi
from tests.support.visiting import add_person, visiting

_INSERT = (
    "INSERT INTO device_excess (hour, device_id, ingester, heartbeats) VALUES (%s, %s, %s, %s)"
)
_PATH = "/devices/alpha/CNC-01/excess"
_NOON = datetime(2026, 5, 30, 4, tzinfo=UTC)


def _device(api: RegistryApi) -> int:
    api.build.platform("alpha")
    return api.build.device("alpha", "CNC-01")


async def test_the_excess_is_listed_by_hour_newest_first(api: RegistryApi) -> None:
    """All ingesters' together; of another device's hours nothing."""
    device = _device(api)
    other = api.build.device("alpha", "CNC-02")
    for back, ingester, count in ((0, "a", 7), (1, "a", 5), (1, "b", 20), (50, "a", 1)):
        api.connection.execute(_INSERT, (_NOON - timedelta(hours=back), device, ingester, count))
    api.connection.execute(_INSERT, (_NOON, other, "a", 99))
    answer = await api.ask("GET", _PATH, from_="2026-05-30T00:00:00Z", to="2026-05-31T00:00:00Z")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "hours": [
            {"starts_at": "2026-05-30T04:00:00Z", "heartbeats": 7},
            {"starts_at": "2026-05-30T03:00:00Z", "heartbeats": 25},
        ]
    }


async def test_an_answer_is_bounded(api: RegistryApi) -> None:
    """More than a month is not asked for at once."""
    _device(api)
    answer = await api.ask("GET", _PATH, from_="2026-03-01T00:00:00Z", to="2026-05-31T00:00:00Z")
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["from"]


async def test_an_operator_sees_the_own_platforms_only(api: RegistryApi) -> None:
    """Another platform's device is not there."""
    _device(api)
    api.build.platform("beta")
    answer = await api.ask("GET", _PATH, by=Role.OPERATOR, of="beta")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("language", "meaning"),
    [
        ("zh", "凡收到过心跳的小时仍照常计入在线时段"),
        ("en", "every hour in which it was heard still counts"),
    ],
)
async def test_the_page_says_what_it_means_and_what_to_do(
    api: RegistryApi, language: str, meaning: str
) -> None:
    """Where there was excess within a month, and nowhere else; a long list is cut."""
    device, now = _device(api), datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    api.build.device("alpha", "CNC-02")
    api.connection.execute(_INSERT, (now - timedelta(days=31), device, "a", 10**6))
    for back in range(40):
        api.connection.execute(_INSERT, (now - timedelta(hours=back), device, "a", 1_000 + back))
    add_person(api.connection, "lin", Role.AUDITOR)
    async with visiting(api.app) as browser:
        browser.cookies.set("jieru_session", session_of(api.connection, "lin"))
        headers = {"accept-language": language}
        page = (await browser.get("/devices/alpha/CNC-01", headers=headers)).text
        other = (await browser.get("/devices/alpha/CNC-02", headers=headers)).text
    assert meaning in page
    assert "40,780" in page, "the sum of all forty hours"
    assert ("1,023" in page, "1,024" in page) == (True, False), "the newest 24"
    assert 'id="excess-title"' not in other
