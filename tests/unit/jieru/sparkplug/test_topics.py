"""Sparkplug's topics, and who alone may publish on each."""

from itertools import product
from typing import Final

import pytest

from jieru.credentials.broker_files import acl_for
from jieru.credentials.usernames import parse_username
from jieru.sparkplug.topics import (
    SPARKPLUG_TOPIC_FILTERS,
    MessageKind,
    SparkplugTopic,
    parse_sparkplug_topic,
)
from jieru.wire import CLOUD, PLATFORM_CODE, Publisher, PublisherKind

_HALL: Final = Publisher(PublisherKind.GATEWAY, "hall-2")
_WORDS: Final = ("p1", "p1.via", "own", "via", "x", "NDATA", "DDATA", "DBIRTH", "hall-2")
"""Every word with a meaning, and names that may be anybody's."""


@pytest.mark.parametrize(
    ("topic", "named"),
    [
        (
            "spBv1.0/p1/DDATA/hall-2/CNC-1",
            SparkplugTopic("p1", CLOUD, MessageKind.DDATA, "hall-2", "CNC-1"),
        ),
        (
            "spBv1.0/p1/NBIRTH/二号 车间",
            SparkplugTopic("p1", CLOUD, MessageKind.NBIRTH, "二号 车间", None),
        ),
        (
            "spBv1.0/p1.via/DBIRTH/hall-2/CNC 1",
            SparkplugTopic("p1", _HALL, MessageKind.DBIRTH, "hall-2", "CNC 1"),
        ),
    ],
)
def test_a_topic_names_platform_publisher_and_device(topic: str, named: SparkplugTopic) -> None:
    """In the platform's group it is the cloud, though an edge node is called as a gateway is."""
    assert parse_sparkplug_topic(topic) == named


@pytest.mark.parametrize(
    "topic",
    [
        "spBv1.0/p1/DDATA/edge",
        "spBv1.0/p1/NDATA/edge/CNC-1",
        "spBv1.0/p1/DCMD/edge/CNC-1",
        "spBv1.0/STATE/host",
        "spBv1.0/P1/DDATA/edge/CNC-1",
        "spBv1.0/p1.own/NDATA/CNC-1",
        "spBv1.0/p1.via/NDATA/hall 2",
        "spBv1.0/p1.via/NDATA/own",
        "spBv1.0/p1/DDATA/NDATA/CNC-1",
        "spBv1.0/p1/DDATA/edge/",
        "spBv1.0/p1/ddata/edge/CNC-1",
        "spAv1.0/p1/DDATA/edge/CNC-1",
        f"spBv1.0/p1/DDATA/edge/{'x' * 129}",
    ],
)
def test_what_breaks_the_contract_names_nothing(topic: str) -> None:
    """Commands, the state of a host, and names that another user's pattern would reach too."""
    assert parse_sparkplug_topic(topic) is None


def test_data_is_named_by_the_birth_of_its_own_device() -> None:
    """An edge node's by its own, and a gateway's in the gateways' group."""
    births = {
        "spBv1.0/p1/DDATA/e/d": "spBv1.0/p1/DBIRTH/e/d",
        "spBv1.0/p1/NDATA/e": "spBv1.0/p1/NBIRTH/e",
        "spBv1.0/p1.via/DDATA/g/d": "spBv1.0/p1.via/DBIRTH/g/d",
    }
    for topic, birth in births.items():
        named = parse_sparkplug_topic(topic)
        assert named is not None
        assert named.birth_topic == birth


def test_every_topic_is_subscribed_to_once() -> None:
    """A topic that matched two filters would be delivered twice, and none must be missed."""
    for topic in _topics():
        matching = [each for each in SPARKPLUG_TOPIC_FILTERS if _matches(topic, each)]
        assert len(matching) <= 1, topic
        assert matching or parse_sparkplug_topic(topic) is None, topic


def test_one_topic_is_one_publisher() -> None:
    """By all lines of the ACL, whoever else has a credential and whatever it is called."""
    names = ["p1", "x", *(f"p1/{each}" for each in _WORDS)]
    names += [f"p1/{kind}/{each}" for kind in ("own", "via") for each in _WORDS]
    users = {name: user for name in names if (user := parse_username(name)) is not None}
    assert len(users) > 15
    allowed = {name: _allowed(name, list(users)) for name in users}
    counted = 0
    for topic in _topics():
        named = parse_sparkplug_topic(topic)
        if named is None:
            continue
        writers = {name for name in users if any(_matches(topic, each) for each in allowed[name])}
        counted += 1
        gateway = named.publisher.gateway
        assert writers <= {f"{named.platform}/via/{gateway}" if gateway else named.platform}, topic
        if named.platform == "p1" and f"p1/via/{gateway}" in users:
            assert writers, topic
    assert counted > 50


def test_what_may_be_published_is_subscribed_to() -> None:
    """Otherwise it would be lost, and nobody would see it."""
    for name in ("p1", "p1/via/hall-2", "p1/DDATA"):
        for each in _allowed(name, ["p1", "p1/via/hall-2"]):
            topic = each.replace("+", "x")
            # What a pattern makes of a longer username is no topic that Sparkplug's software knows.
            if topic.startswith("spBv1.0/") and len(topic.split("/")) <= 5:
                assert any(_matches(topic, wanted) for wanted in SPARKPLUG_TOPIC_FILTERS), each


def _allowed(name: str, users: list[str]) -> list[str]:
    """The filters that a user may write to."""
    filters, of = [], None
    for line in acl_for(users).decode().splitlines():
        if line.startswith("user "):
            of = line.removeprefix("user ")
        elif line.startswith("pattern write "):
            filters.append(line.removeprefix("pattern write ").replace("%u", name))
        elif line.startswith("topic write ") and of == name:
            filters.append(line.removeprefix("topic write "))
    return filters


def _topics() -> list[str]:
    groups = [each for each in _WORDS if PLATFORM_CODE.fullmatch(each.removesuffix(".via"))]
    return [
        "/".join(["spBv1.0", group, *words])
        for group in groups
        for length in range(1, 5)
        for words in product(_WORDS, repeat=length)
    ]


def _matches(topic: str, pattern: str) -> bool:
    parts, wanted = topic.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(
        word in ("+", part) for part, word in zip(parts, wanted, strict=True)
    )
