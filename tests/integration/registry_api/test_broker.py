"""What the broker told is answered to those whom it concerns, and to nobody else."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from api.access.roles import Role
from jieru.broker_events.event import BrokerEvent, Detail, EventKind
from jieru.broker_events.stored import write_tally
from jieru.broker_events.tally import Tally
from tests.support.credentials import issue_to
from tests.support.people import session_of
from tests.support.registry_api import RegistryApi
from tests.support.visiting import add_person, visiting

_OWN: Final = "alpha/own/CNC-1"
_PAGES: Final = ("/broker", "/platforms/alpha/broker", "/devices/alpha/CNC-1")


def _tell(api: RegistryApi, *events: BrokerEvent) -> None:
    tally = Tally()
    for event in events:
        tally.add(event)
    write_tally(api.connection, tally)
    api.connection.commit()


@pytest.fixture
def told(api: RegistryApi) -> RegistryApi:
    """Two platforms, each with a device, of which the broker told; and a stranger."""
    for platform in ("alpha", "beta"):
        api.build.platform(platform)
        api.build.device(platform, "CNC-1")
        api.connection.commit()
        issue_to(api.connection, f"{platform}/own/CNC-1")
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    for name in (_OWN, "beta/own/CNC-1"):
        _tell(
            api,
            BrokerEvent(at, EventKind.CONNECTED, name, name, "203.0.113.7", 4711),
            BrokerEvent(at, EventKind.REFUSED, name, "", "203.0.113.8"),
            BrokerEvent(at, EventKind.DENIED, name, name, "203.0.113.7", 1, f"jieru/v1/{name}/x"),
        )
    _tell(api, BrokerEvent(at, EventKind.REFUSED, "<script>alert(1)</script>", "", "203.0.113.9"))
    return api


async def _usernames(api: RegistryApi, role: Role, platform: str | None = None) -> set[str]:
    found: set[str] = set()
    for path in ("/broker/events", "/broker/sessions"):
        answer = await api.ask("GET", path, by=role, of=platform)
        assert answer.status_code == 200, answer.text
        found |= {each["username"] for each in answer.json()["items"]}
    return found


async def test_an_operator_sees_the_own_platform_and_administrators_also_strangers(
    told: RegistryApi,
) -> None:
    """Whatever is asked for."""
    stranger = "<script>alert(1)</script>"
    both = {_OWN, "beta/own/CNC-1"}
    assert await _usernames(told, Role.OPERATOR, "alpha") == {_OWN}
    assert await _usernames(told, Role.VERIFIER) == both
    assert await _usernames(told, Role.AUDITOR) == both
    assert await _usernames(told, Role.ADMIN) == both | {stranger}
    for path in ("/broker/events", "/broker/sessions"):
        answer = await told.ask("GET", path, by=Role.OPERATOR, of="alpha", platform="beta")
        assert answer.json()["items"] == []


async def test_what_is_wrong_is_said(told: RegistryApi) -> None:
    """Of a topic what the contract has in its place, of a refusal what the credentials tell."""
    answer = await told.ask("GET", "/broker/events", username=_OWN)
    events: list[dict[str, Any]] = answer.json()["items"]
    by_kind = {each["kind"]: each for each in events}
    assert by_kind["refused"]["fault"] == "The secret is wrong."
    assert by_kind["denied"]["cause"] == "It must end with /heartbeat; it ends with /x."
    assert by_kind["connected"]["fault"] is None


async def test_pages_of_a_list_follow_each_other(told: RegistryApi) -> None:
    """Until all are told, each once."""
    for path in ("/broker/events", "/broker/sessions"):
        whole = (await told.ask("GET", path)).json()["items"]
        found: list[object] = []
        query: dict[str, Any] = {}
        while True:
            page = (await told.ask("GET", path, limit=1, **query)).json()
            found += page["items"]
            if page["next_cursor"] is None:
                break
            query = {"cursor": page["next_cursor"]}
        assert found == whole


async def test_the_later_of_two_connections_stays(told: RegistryApi) -> None:
    """The end of an old one is no end of the new one."""
    at = datetime.now(UTC)
    _tell(
        told,
        BrokerEvent(at, EventKind.DISCONNECTED, _OWN, "another", "203.0.113.7", detail=Detail.LOST),
    )
    (session,) = (await told.ask("GET", "/broker/sessions", username=_OWN)).json()["items"]
    assert session["is_connected"]
    _tell(
        told, BrokerEvent(at, EventKind.DISCONNECTED, _OWN, _OWN, "203.0.113.7", detail=Detail.LOST)
    )
    (session,) = (await told.ask("GET", "/broker/sessions", username=_OWN)).json()["items"]
    assert (session["is_connected"], session["last_event"]) == (False, "lost")


async def test_pages_show_it_to_the_same_people(told: RegistryApi) -> None:
    """In Chinese, with a stranger's markup as text, and what to do."""
    stranger = "&lt;script&gt;alert(1)&lt;/script&gt;"
    add_person(told.connection, "lin", Role.OPERATOR, platform="alpha")
    add_person(told.connection, "root", Role.ADMIN)
    told.connection.commit()
    for name, sees_strangers in (("lin", False), ("root", True)):
        async with visiting(told.app) as browser:
            browser.cookies.set("jieru_session", session_of(told.connection, name))
            browser.headers["accept-language"] = "zh"
            for page in _PAGES:
                text = (await browser.get(page)).text
                assert _OWN in text
                assert "密码错误。" in text
                assert ("beta/own" in text) == (sees_strangers and page == "/broker"), page
                assert (stranger in text) == (sees_strangers and page == "/broker"), page
                assert "<script>alert" not in text
            for page in _PAGES[1:]:
                assert "203.0.113.7" in (await browser.get(page)).text


async def test_pages_say_where_nothing_is_known(api: RegistryApi) -> None:
    """Without a follower an empty list would seem to say that nobody ever came."""
    api.build.platform("alpha")
    add_person(api.connection, "lin", Role.OPERATOR, platform="alpha")
    api.connection.commit()
    async with visiting(api.app) as browser:
        browser.cookies.set("jieru_session", session_of(api.connection, "lin"))
        browser.headers["accept-language"] = "zh"
        for page in _PAGES[:2]:
            assert "本系统未跟踪消息代理" in (await browser.get(page)).text
