"""Rejections: what was not taken, and why, for those whom it concerns."""

import base64
from datetime import UTC, datetime, timedelta

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
