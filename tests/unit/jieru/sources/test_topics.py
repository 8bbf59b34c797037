"""Topics of messages in others' formats, and who alone may publish on each."""

import re
from collections.abc import Iterable
from itertools import product
from typing import Final

import pytest

from jieru.credentials.broker_files import ACL
from jieru.credentials.usernames import EquipmentUser, parse_username
from jieru.sources.topics import SOURCE_TOPIC_FILTERS, SourceTopic, parse_source_topic
from jieru.sparkplug.topics import SPARKPLUG_TOPIC_FILTERS
from jieru.wire import (
    CLOUD,
    HEARTBEAT_TOPIC_FILTERS,
    ITSELF,
    Publisher,
    PublisherKind,
    parse_heartbeat_topic,
)
from jieru.wrong_topics import WRONG_ENDINGS, WRONG_TOPIC_FILTERS

_HALL: Final = Publisher(PublisherKind.GATEWAY, "hall-2")
_WORDS: Final = ("p1", "in", "own", "via", "heartbeat", "x", "telemetry")
"""Every word with a meaning, the platform, a name that may be anybody's, and a usual mistake."""


_FEWEST_USERS: Final = 3


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


def _patterns() -> list[str]:
    return [
        line.removeprefix("pattern write ")
        for line in ACL.read_text().splitlines()
        if line.startswith("pattern write ")
    ]


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """One expression for what several filters match; asking each of many topics takes minutes."""
    parts = (re.escape(each).replace(r"\+", "[^/]*") for each in patterns)
    return re.compile(f"(?:{'|'.join(parts)})")


def _writable(username: str) -> re.Pattern[str]:
    return _any_of(each.replace("%u", username) for each in _patterns())


def _users() -> dict[str, EquipmentUser]:
    return {
        name: user
        for name in ("p1", *(f"p1/{'/'.join(words)}" for words in _names()))
        if (user := parse_username(name)) is not None
    }


def test_one_topic_is_one_publisher() -> None:
    """By the ACL's patterns, whoever else has a credential and whatever it is called."""
    users = _users()
    writable = {name: _writable(name) for name in users}
    assert len(users) > _FEWEST_USERS
    for topic in _topics():
        source, heartbeat = parse_source_topic(topic), parse_heartbeat_topic(topic)
        writers = [user for name, user in users.items() if writable[name].fullmatch(topic)]
        if source is not None and source.platform == "p1":
            assert {(user.publisher, user.serial) for user in writers} <= {
                (source.publisher, source.own_serial)
            }, topic
        if heartbeat is not None:
            assert {user.publisher for user in writers} <= {heartbeat.publisher}, topic


def _names() -> list[tuple[str, ...]]:
    return [(word,) for word in _WORDS] + list(product(("own", "via"), _WORDS))


def test_usual_mistakes_are_allowed_and_nothing_else_is_new() -> None:
    """The broker's file names each ending twice, with a part before it and without."""
    endings = [f"jieru/v1/%u/{part}{ending}" for ending in WRONG_ENDINGS for part in ("+/", "")]
    native, sources, sparkplug = 2, 2, len(SPARKPLUG_TOPIC_FILTERS)
    assert _patterns()[native + sources + sparkplug :] == endings


def test_what_a_mistake_may_reach_is_subscribed_to() -> None:
    """Nothing is allowed that nobody hears of: by every user, with every word in every place."""
    heard = _any_of((*HEARTBEAT_TOPIC_FILTERS, *SOURCE_TOPIC_FILTERS, *WRONG_TOPIC_FILTERS))
    # But for a device's credential of earlier releases, which reached some such topics before.
    writable = [_writable(name) for name in _users() if name.count("/") != 1]
    allowed = [topic for topic in _topics() if any(each.fullmatch(topic) for each in writable)]
    assert allowed
    assert [topic for topic in allowed if not heard.fullmatch(topic)] == []


def test_no_heartbeat_reaches_those_who_read_mistakes() -> None:
    """But of devices and gateways that are called by a word with a meaning."""
    mistakes = _any_of(WRONG_TOPIC_FILTERS)
    for topic in _topics():
        if parse_heartbeat_topic(topic) is not None and "in" not in topic.split("/"):
            assert not mistakes.fullmatch(topic), topic
