"""Rejections: what was not taken, and why, for those whom it concerns."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from api.access.roles import Role
from tests.support.registry_api import RegistryApi

_INSERT = """
    INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes)
    VALUES (%s, %s, %s, %s, %s)
"""
_START = datetime(2026, 5, 30, 4, tzinfo=UTC)
_TOPICS = (
    "jieru/v1/alpha/a-1/heartbeat",
    "jieru/v1/alpha-2/a-1/heartbeat",
    "jieru/v1/beta/b_1/heartbeat",
    "jieru/v1/alpha",
    "other/v1/alpha/a-1/heartbeat",
)


def _build(api: RegistryApi) -> None:
    api.build.platform("alpha")
    for place, topic in enumerate(_TOPICS):
        reason = "unknown_device" if place % 2 else "malformed_payload"
        at = _START + timedelta(minutes=place)
        payload = b"\xff\x00" if place % 2 else '{"名": 1}'.encode()
        api.connection.execute(_INSERT, (at, reason, topic, payload, len(payload)))


async def test_rejections_are_listed_newest_first(api: RegistryApi) -> None:
    """The payload as it came, and as text where it is text."""
    _build(api)
    answer = await api.ask("GET", "/rejections")
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [each["topic"] for each in items] == [*reversed(_TOPICS)]
    assert items[4]["payload_text"] == '{"名": 1}'
    assert base64.b64decode(items[4]["payload_base64"]) == '{"名": 1}'.encode()
    assert (items[3]["payload_text"], items[3]["payload_bytes"]) == (None, 2)
    assert items[4]["received_at"] == "2026-05-30T04:00:00Z"


async def test_an_operator_sees_the_own_topics_only(api: RegistryApi) -> None:
    """A platform whose code begins with the own one is another platform."""
    _build(api)
    own = {"by": Role.OPERATOR, "of": "alpha"}
    assert await api.listed("/rejections", "topic", **own) == [_TOPICS[0]]
    assert await api.listed("/rejections", "topic", platform="beta", **own) == []
    assert await api.listed("/rejections", "topic", topic_prefix="other", **own) == []


async def test_rejections_are_filtered(api: RegistryApi) -> None:
    """By reason, platform, beginning of the topic, and time; a wildcard is a letter."""
    _build(api)
    path, key = "/rejections", "topic"
    assert await api.listed(path, key, reason="unknown_device") == [_TOPICS[3], _TOPICS[1]]
    assert await api.listed(path, key, platform="alpha") == [_TOPICS[0]]
    assert await api.listed(path, key, topic_prefix="jieru/v1/alpha/") == [_TOPICS[0]]
    assert await api.listed(path, key, topic_prefix="jieru/v1/beta/b%") == []
    assert await api.listed(path, key, topic_prefix="jieru/v1/beta/b_") == [_TOPICS[2]]
    assert await api.listed(path, key, from_="2026-05-30T04:01:00Z", to="2026-05-30T04:03:00Z") == [
        _TOPICS[2],
        _TOPICS[1],
    ]
    wrong = await api.ask("GET", path, reason="bad_luck")
    assert wrong.json()["errors"][0]["field"] == "reason"


async def test_pages_go_back_in_time(api: RegistryApi) -> None:
    """Also where several came at the same moment."""
    for place in range(5):
        api.connection.execute(_INSERT, (_START, "retained", f"t{place}", b"", 0))
    topics: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await api.ask("GET", "/rejections", limit=2, cursor=cursor)).json()
        topics += [each["topic"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert topics == ["t4", "t3", "t2", "t1", "t0"]


async def test_each_rejection_says_what_is_wrong_in_the_reader_s_language(
    api: RegistryApi,
) -> None:
    """From its own bytes, so also those that were kept before anything could be told."""
    _build(api)
    items = (await api.ask("GET", "/rejections", lang="en")).json()["items"]
    assert items[3]["detail"] == {
        "fault": "No device of alpha-2 has the serial a-1.",
        "cause": "It is not registered, or spelt otherwise: small and capital letters differ.",
        "remedy": "register_device",
        "path": None,
    }
    items = (await api.ask("GET", "/rejections", lang="zh")).json()["items"]
    assert items[4]["detail"]["fault"] == "缺少 ts：应为整数，即自 1970 年起的毫秒数。"


async def test_rejections_are_grouped_by_topic_and_reason(api: RegistryApi) -> None:
    """A row with first, last, number and the last message; the newest group first."""
    for minute in range(90):
        for serial, payload in (("a-1", b'{"ts": 1}'), ("a-2", b"[]")):
            at = _START + timedelta(minutes=minute, seconds=serial == "a-2")
            reason = "before_epoch" if serial == "a-1" else "malformed_payload"
            topic = f"jieru/v1/alpha/{serial}/heartbeat"
            api.connection.execute(_INSERT, (at, reason, topic, payload, len(payload)))
    period: dict[str, Any] = {
        "from_": "2026-05-30T04:00:00Z",
        "to": "2026-05-30T06:00:00Z",
        "lang": "en",
    }
    page = (await api.ask("GET", "/rejections/groups", **period)).json()
    assert [
        (each["topic"], each["reason"], each["number"], each["first_at"], each["last_at"])
        for each in page["items"]
    ] == [
        (
            "jieru/v1/alpha/a-2/heartbeat",
            "malformed_payload",
            90,
            "2026-05-30T04:00:01Z",
            "2026-05-30T05:29:01Z",
        ),
        (
            "jieru/v1/alpha/a-1/heartbeat",
            "before_epoch",
            90,
            "2026-05-30T04:00:00Z",
            "2026-05-30T05:29:00Z",
        ),
    ]
    example = page["items"][0]["example"]
    assert example["received_at"] == "2026-05-30T05:29:01Z"
    assert example["detail"]["fault"].startswith("It is an array of 0")
    assert page["next_cursor"] is None


async def test_groups_are_of_the_last_week_and_of_the_own_platform(api: RegistryApi) -> None:
    """Unless other days are asked for; of others nothing is seen."""
    _build(api)
    assert await api.listed("/rejections/groups", "topic") == []
    period: dict[str, Any] = {"from_": "2026-05-30T00:00:00Z", "to": "2026-05-31T00:00:00Z"}
    assert await api.listed("/rejections/groups", "topic", **period) == [*reversed(_TOPICS)]
    own: dict[str, Any] = {"by": Role.OPERATOR, "of": "alpha"}
    assert await api.listed("/rejections/groups", "topic", **period, **own) == [_TOPICS[0]]
    too_long: dict[str, Any] = {"from_": "2026-01-01T00:00:00Z", "to": "2026-05-31T00:00:00Z"}
    wrong = await api.ask("GET", "/rejections/groups", **too_long)
    assert wrong.json()["errors"][0]["field"] == "from"


async def test_pages_of_groups_lose_and_repeat_none(api: RegistryApi) -> None:
    """Also where several were added to at one moment."""
    for place in range(7):
        at = _START + timedelta(minutes=place // 3)
        api.connection.execute(_INSERT, (at, "bad_topic", f"t{place}", b"", 0))
    period: dict[str, Any] = {"from_": "2026-05-30T00:00:00Z", "to": "2026-05-31T00:00:00Z"}
    topics: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await api.ask("GET", "/rejections/groups", limit=2, cursor=cursor, **period)
        topics += [each["topic"] for each in page.json()["items"]]
        cursor = page.json()["next_cursor"]
    assert topics == ["t6", "t3", "t4", "t5", "t0", "t1", "t2"]


async def test_all_of_them_are_exported(api: RegistryApi) -> None:
    """With what is wrong, and the message as text where it is text."""
    _build(api)
    answer = await api.ask("GET", "/rejections.csv", lang="en", topic_prefix="jieru/v1/alpha/")
    lines = answer.text.lstrip("\ufeff").splitlines()
    assert lines[0] == "received_at,reason,topic,fault,cause,payload,payload_bytes,path"
    assert lines[1].startswith("2026-05-30T04:00:00+00:00,malformed_payload,jieru/v1/alpha/a-1/")
    assert "ts is missing" in lines[1]
    assert len(lines) == 2
