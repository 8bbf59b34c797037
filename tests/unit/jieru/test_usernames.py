"""Whom a username stands for, and where that one may publish."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jieru.credentials.broker_files import ACL
from jieru.credentials.usernames import EquipmentUser, parse_username
from jieru.wire import (
    CLOUD,
    HEARTBEAT_TOPIC_FILTERS,
    ITSELF,
    DeviceAddress,
    HeartbeatTopic,
    Publisher,
    PublisherKind,
    heartbeat_topic,
    parse_heartbeat_topic,
)

_GATEWAY = Publisher(PublisherKind.GATEWAY, "hall-2")

_levels = st.sampled_from(["own", "via", "a", "b-1", "own.", "xielian", "..", "heartbeat", "", "+"])
_names = st.from_regex(r"(?:[a-z0-9-]{2,5}|own|via|[A-Za-z0-9._-]{1,4})", fullmatch=True)


@pytest.mark.parametrize(
    ("username", "user"),
    [
        ("xielian", EquipmentUser("xielian", CLOUD)),
        ("xielian/via/hall-2", EquipmentUser("xielian", _GATEWAY)),
        ("xielian/own/CNC-1", EquipmentUser("xielian", ITSELF, "CNC-1")),
        ("xielian/CNC-1", EquipmentUser("xielian", CLOUD, "CNC-1")),
        ("via/own.", EquipmentUser("via", CLOUD, "own.")),
        ("own", EquipmentUser("own", CLOUD)),
    ],
)
def test_a_username_says_who_publishes(username: str, user: EquipmentUser) -> None:
    """Its own topic names the same platform, publisher and device."""
    assert parse_username(username) == user
    named = HeartbeatTopic(DeviceAddress(user.platform, user.serial or "any"), user.publisher)
    assert parse_heartbeat_topic(user.topic("any")) == named


@pytest.mark.parametrize(
    "username",
    [
        *("", "x", "Xielian", "_ingest", "xielian/", "xielian/own", "xielian/via", "xielian/own/"),
        *("xielian/own/own", "xielian/via/via", "xielian/via/a/b", "xielian/a/b", "xielian/+"),
        *("xielian/own/#", "xielian\n", "xielian/own/a\n"),
    ],
)
def test_what_is_nobodys_name_is_none(username: str) -> None:
    """`own` and `via` are no serials and no names of gateways."""
    assert parse_username(username) is None


@pytest.mark.parametrize(
    "topic",
    [
        *("jieru/v1/xielian/own/heartbeat", "jieru/v1/xielian/via/heartbeat"),
        *("jieru/v1/xielian/via/a/heartbeat", "jieru/v1/xielian/own/own/heartbeat"),
        *("jieru/v1/xielian/via/own/a/heartbeat", "jieru/v1/xielian/via/a/via/heartbeat"),
        *("jieru/v1/xielian/own/a/b/heartbeat", "jieru/v1/xielian/a/b/heartbeat"),
    ],
)
def test_a_topic_that_names_nobody_breaks_the_contract(topic: str) -> None:
    """Whoever may write it."""
    assert parse_heartbeat_topic(topic) is None


@given(st.lists(_levels, min_size=1, max_size=6))
def test_every_topic_of_the_contract_matches_exactly_one_filter(levels: list[str]) -> None:
    """So that each message is delivered, and once."""
    topic = "/".join(["jieru/v1/xielian", *levels, "heartbeat"])
    named = parse_heartbeat_topic(topic)
    matching = [each for each in HEARTBEAT_TOPIC_FILTERS if _matches(each, topic)]
    assert len(matching) <= 1
    if named is not None:
        assert len(matching) == 1
        assert heartbeat_topic(*named) == topic


@given(
    st.lists(_names, min_size=1, max_size=3).map("/".join),
    st.lists(_levels, min_size=1, max_size=4),
)
def test_the_brokers_patterns_let_a_user_write_his_topics_and_no_others(
    username: str, levels: list[str]
) -> None:
    """Of all the topics that the contract knows, and whatever the names."""
    platform = username.partition("/")[0]
    topic = "/".join(["jieru/v1", platform, *levels, "heartbeat"])
    user, named = parse_username(username), parse_heartbeat_topic(topic)
    if user is None or named is None:
        return
    may_write = any(_matches(pattern.replace("%u", username), topic) for pattern in _patterns())
    is_his = named.publisher == user.publisher and user.serial in (None, named.device.serial)
    assert may_write == is_his


def _patterns() -> list[str]:
    return re.findall(r"^pattern write (.+)$", ACL.read_text(), re.MULTILINE)


def _matches(topic_filter: str, topic: str) -> bool:
    wanted, levels = topic_filter.split("/"), topic.split("/")
    return len(wanted) == len(levels) and all(
        each in ("+", level) for each, level in zip(wanted, levels, strict=True)
    )
