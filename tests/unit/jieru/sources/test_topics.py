"""Topics of messages in others' formats, and who alone may publish on each."""

from itertools import product
from typing import Final

import pytest

from jieru.credentials.broker_files import ACL
from jieru.credentials.usernames import parse_username
from jieru.sources.topics import SOURCE_TOPIC_FILTERS, SourceTopic, parse_source_topic
from jieru.wire import (
    CLOUD,
    HEARTBEAT_TOPIC_FILTERS,
    ITSELF,
    Publisher,
    PublisherKind,
    parse_heartbeat_topic,
)

_HALL: Final = Publisher(PublisherKind.GATEWAY, "hall-2")
_WORDS: Final = ("p1", "in", "own", "via", "heartbeat", "x")
"""Every word with a meaning, the platform, and a name that may be anybody's."""


def _matches(topic: str, pattern: str) -> bool:
    parts, wanted = topic.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(
        word in ("+", part) for part, word in zip(parts, wanted, strict=True)
    )


def _topics() -> list[str]:
    return [
        "/".join(["jieru", "v1", "p1", *words])
        for length in range(1, 6)
        for words in product(_WORDS, repeat=length)
    ]


@pytest.mark.parametrize(
    ("topic", "named"),
    [
        ("jieru/v1/p1/in/telegraf", SourceTopic("p1", "telegraf", CLOUD, None, None)),
        ("jieru/v1/p1/in/telegraf/CNC-1", SourceTopic("p1", "telegraf", CLOUD, None, "CNC-1")),
        ("jieru/v1/p1/via/hall-2/in/iotda", SourceTopic("p1", "iotda", _HALL, None, None)),
        ("jieru/v1/p1/via/hall-2/in/iotda/c", SourceTopic("p1", "iotda", _HALL, None, "c")),
        ("jieru/v1/p1/own/CNC-1/in/kura", SourceTopic("p1", "kura", ITSELF, "CNC-1", None)),
    ],
)
def test_a_topic_names_platform_source_and_publisher(topic: str, named: SourceTopic) -> None:
    """And the serial, where there is one at its end."""
    assert parse_source_topic(topic) == named


@pytest.mark.parametrize(
    "topic",
    [
        "jieru/v1/p1/in/heartbeat",
        "jieru/v1/p1/in/telegraf/heartbeat",
        "jieru/v1/p1/in/in",
        "jieru/v1/p1/in/Telegraf",
        "jieru/v1/p1/in/telegraf/",
        "jieru/v1/p1/in/telegraf/a/b",
        "jieru/v1/p1/telegraf",
        "jieru/v1/P1/in/telegraf",
        "jieru/v2/p1/in/telegraf",
        "jieru/v1/p1/in/telegraf\n",
    ],
)
def test_what_breaks_the_contract_names_nothing(topic: str) -> None:
    """Nor does the topic of a heartbeat, whatever its device is called."""
    assert parse_source_topic(topic) is None


def test_every_topic_of_a_source_is_subscribed_to_once() -> None:
    """A topic that matched two filters would be delivered twice, and none must be missed."""
    for topic in _topics():
        matching = [each for each in SOURCE_TOPIC_FILTERS if _matches(topic, each)]
        assert len(matching) <= 1, topic
        if parse_source_topic(topic) is not None:
            assert matching, topic
            assert not any(_matches(topic, each) for each in HEARTBEAT_TOPIC_FILTERS), topic


def test_one_topic_is_one_publisher() -> None:
    """By the ACL's patterns, whoever else has a credential and whatever it is called."""
    patterns = [
        line.removeprefix("pattern write ")
        for line in ACL.read_text().splitlines()
        if line.startswith("pattern write ")
    ]
    users = {
        name: user
        for name in ("p1", *(f"p1/{'/'.join(words)}" for words in _names()))
        if (user := parse_username(name)) is not None
    }
    assert len(users) > 3
    for topic in _topics():
        source, heartbeat = parse_source_topic(topic), parse_heartbeat_topic(topic)
        writers = [
            user
            for name, user in users.items()
            if any(_matches(topic, each.replace("%u", name)) for each in patterns)
        ]
        if source is not None and source.platform == "p1":
            assert {(user.publisher, user.serial) for user in writers} <= {
                (source.publisher, source.own_serial)
            }, topic
        if heartbeat is not None:
            assert {user.publisher for user in writers} <= {heartbeat.publisher}, topic


def _names() -> list[tuple[str, ...]]:
    return [(word,) for word in _WORDS] + list(product(("own", "via"), _WORDS))
