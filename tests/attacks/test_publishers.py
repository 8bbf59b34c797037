"""Publishers: a heartbeat is stored under the name of whose credential it came with, or not at all.

Every kind of user of two platforms publishes on every topic of all others, and subscribes to every
filter there is.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import psycopg
import pytest

from jieru.credentials.usernames import parse_username
from jieru.wire import (
    CLOUD,
    HEARTBEAT_TOPIC_FILTERS,
    ITSELF,
    DeviceAddress,
    Publisher,
    PublisherKind,
    encode_payload,
    heartbeat_topic,
    parse_heartbeat_topic,
)
from tests.attacks.stage import DEVICES, HOSTILE, Stage
from tests.support import raw_mqtt
from tests.support.credentials import issue_to
from tests.support.fleet import PLATFORM, register_devices, wait_until

_ISSUED: Final = (
    "hostile",
    "hostile/via/gw-1",
    "hostile/own/x-1",
    "xielian/via/gw-1",
    "xielian/via/gw-2",
    "xielian/own/CNC-000",
    "xielian/own/CNC-001",
    "xielian/CNC-002",
)
"""Each kind, of two platforms; the honest gateway is another one."""
_FORGED: Final = (
    "hostile/via",
    "hostile/x-1/own",
    "hostile/",
    "hostile//x-1",
    "hostile/+",
    "hostile/own/+",
    "hostile/#",
    "+",
    "x#",
    "+/own/+",
    "$share/jieru/jieru",
)
"""Names that the database refuses; they come to nothing though they stood in the broker's file."""
_FORGED_WITH_EFFECT: Final = ("hostile/own", "hostile/via/gw-1/x-1", "hostile.via")
"""As these would not: that the database refuses them is all the protection there is."""
_RESERVED: Final = ("hostile/own/own", "hostile/via/own", "hostile/via/via")
"""Names of a device or a gateway that is called what topics begin with."""
_SERIALS: Final = (*DEVICES[:3], "x-1")
_PUBLISHERS: Final = (
    CLOUD,
    ITSELF,
    Publisher(PublisherKind.GATEWAY, "gw-1"),
    Publisher(PublisherKind.GATEWAY, "gw-2"),
)
_TOPICS: Final = tuple(
    heartbeat_topic(DeviceAddress(platform, serial), publisher)
    for platform in (PLATFORM, HOSTILE)
    for serial in _SERIALS
    for publisher in _PUBLISHERS
)
_TRICKS: Final = (
    *("jieru/v1/xielian//CNC-000/heartbeat", "jieru/v1//CNC-000/heartbeat"),
    *("jieru/v1//own/CNC-000/heartbeat", "jieru/v1/xielian/own//heartbeat"),
    *("jieru/v1/xielian/via//CNC-000/heartbeat", "jieru/v1/xielian/via/gw-1//heartbeat"),
    *("jieru/v1/xielian/own/heartbeat", "jieru/v1/xielian/via/heartbeat"),
    *("jieru/v1/hostile/own/heartbeat", "jieru/v1/hostile/own/own/heartbeat"),
    *("jieru/v1/hostile/via/own/x-1/heartbeat", "jieru/v1/hostile/via/via/x-1/heartbeat"),
    *("jieru/v1/hostile/via/gw-1/own/heartbeat", "jieru/v1/hostile/via/gw-1/heartbeat"),
    *("jieru/v1/hostile/own/x-1/CNC-000/heartbeat", "jieru/v1/hostile/x-1/x-1/heartbeat"),
    *("jieru/v1/hostile/x-1/own/x-1/heartbeat", "jieru/v1/hostile/heartbeat"),
    *("jieru/v1/+/CNC-000/heartbeat", "jieru/v1/hostile/+/heartbeat"),
    *("jieru/v1/hostile/own/+/heartbeat", "jieru/v1/hostile/#", "#"),
    *(f"$share/jieru/{each}" for each in _TOPICS[:4]),
    *("$share/jieru/jieru/v1/hostile/own/x-1/heartbeat", "$SYS/broker/version"),
    *("/jieru/v1/xielian/CNC-000/heartbeat", "jieru/v1/xielian/CNC-000/heartbeat/"),
    *("jieru/v1/hostile/../xielian/CNC-000/heartbeat", "jieru/v1/xielian%2FCNC-000/heartbeat"),
    *("jieru/v1/XIELIAN/CNC-000/heartbeat", "jieru/v1/xielian/cnc-000/heartbeat"),
)
_STORED: Final = """
    SELECT (extract(epoch FROM h.time) * 1000)::bigint, p.code, d.serial, w.kind, w.name, g.code
    FROM heartbeats h
    JOIN devices d ON d.id = h.device_id JOIN platforms p ON p.id = d.platform_id
    JOIN publishers w ON w.id = h.publisher_id LEFT JOIN platforms g ON g.id = w.platform_id
"""
_FORGE: Final = """
    INSERT INTO credentials (platform_id, device_id, publisher_id, username, salt, password_hash)
    SELECT platform_id, device_id, publisher_id, %s, salt, password_hash
    FROM credentials WHERE username = %s
"""
_AN_HOUR_MS: Final = 3_600_000


class _Landed(NamedTuple):
    """What a heartbeat is stored as."""

    device: DeviceAddress
    publisher: Publisher


@dataclass(slots=True)
class _Tries:
    """Exact books of who published what: each try has a time of its own."""

    next_ms: int
    users: dict[int, str] = field(default_factory=dict)
    expected: dict[int, _Landed] = field(default_factory=dict)
    """Of these, what has to be stored."""
    let_in: set[str] = field(default_factory=set)

    def play(self, username: str, url: str) -> None:
        """Publish on every topic; after one that ends the connection, on another connection."""
        with ExitStack() as stack:
            plug = None
            for topic in (*_TOPICS, *_TRICKS):
                if plug is None:
                    plug = stack.enter_context(closing(raw_mqtt.let_in(url, "publisher")))
                    self.let_in.add(username)
                self.next_ms += 1
                self.users[self.next_ms] = username
                is_acknowledged = raw_mqtt.publish(plug, topic, encode_payload(self.next_ms))
                landed = _allowed(username, topic)
                if landed is not None:
                    assert is_acknowledged, (username, topic)
                    self.expected[self.next_ms] = landed
                if not is_acknowledged:
                    plug = None


def _allowed(username: str, topic: str) -> _Landed | None:
    """What may become of a try, worked out without the broker; None: nothing may."""
    user, named = parse_username(username), parse_heartbeat_topic(topic)
    if user is None or named is None or topic != user.topic(named.device.serial):
        return None
    is_registered = named.device.serial in (DEVICES if user.platform == PLATFORM else ["x-1"])
    return _Landed(named.device, named.publisher) if is_registered else None


def _landed(stage: Stage) -> dict[int, _Landed]:
    stage.connection.rollback()
    found = {}
    for ts_ms, platform, serial, kind, name, of_gateway in stage.connection.execute(_STORED):
        assert of_gateway in {None, platform}, "a gateway of another platform"
        publisher = Publisher(PublisherKind(kind), name or "")
        found[ts_ms] = _Landed(DeviceAddress(platform, serial), publisher)
    return found


def _credentials(stage: Stage) -> Iterator[tuple[str, str]]:
    """Usernames, and addresses that let them in."""
    for username in _ISSUED:
        secret = issue_to(stage.connection, username).secret
        yield username, stage.broker.add_user(username, secret)


def test_nothing_is_stored_under_the_name_of_another_publisher(stage: Stage) -> None:
    """Each on every other's topics, and on what only looks like a topic."""
    tries = _Tries(stage._clock_ms - _AN_HOUR_MS)
    with stage.ingester():
        stage.wait_until_subscribed()
        for username, url in _credentials(stage):
            tries.play(username, url)
        for username in (*_FORGED, *_RESERVED):
            tries.play(username, stage.broker.add_user(username))
        stage.publish(100)  # behind them all
        stage.settle(
            "others' topics",
            "to have a heartbeat stored under another publisher's name",
            seen="nobody need: it has no effect",
        )
    assert tries.let_in == {*_ISSUED, *_FORGED, *_RESERVED}
    assert len(tries.expected) > len(_ISSUED)
    landed = {at: what for at, what in _landed(stage).items() if at in tries.users}
    assert landed == tries.expected


def test_no_credential_has_a_name_that_would_have_an_effect_on_others(database_url: str) -> None:
    """Neither by the program nor by hand: a constraint of the database refuses it."""
    with psycopg.connect(database_url) as connection:
        register_devices(connection, DEVICES)
        register_devices(connection, ["x-1"], HOSTILE)
        for issued in _ISSUED:
            issue_to(connection, issued)
            for forged in (*_FORGED, *_FORGED_WITH_EFFECT):
                assert parse_username(forged) is None
                with pytest.raises(psycopg.errors.CheckViolation, match="credentials_username"):
                    connection.execute(_FORGE, (forged, issued))
                connection.rollback()


@pytest.mark.parametrize(
    ("protocol", "group"),
    [
        pytest.param("5", "", id="MQTT 5", marks=pytest.mark.nightly),
        pytest.param("3.1.1", "", id="MQTT 3.1.1", marks=pytest.mark.nightly),
        pytest.param("5", "jieru", id="MQTT 5 in a group"),
    ],
)
def test_no_subscription_keeps_a_heartbeat_from_the_ingester(
    stage: Stage, protocol: str, group: str
) -> None:
    """On the filters of all publishers, plain and shared; measured where it arrives."""
    published = 0
    with stage.ingester(mqtt_protocol=protocol, ingest_group=group), ExitStack() as stack:
        stage.wait_until_subscribed()
        plugs = {}
        for username, url in _credentials(stage):
            plugs[username] = stack.enter_context(closing(raw_mqtt.let_in(url, "spy")))
            for shared in ("", "$share/jieru/", "$share/spies/"):
                for each in (*HEARTBEAT_TOPIC_FILTERS, "jieru/#", "#"):
                    assert raw_mqtt.subscribe(plugs[username], f"{shared}{each}")
        expected = {}
        now_ms = stage._clock_ms - _AN_HOUR_MS
        for username, plug in plugs.items():
            user = parse_username(username)
            assert user is not None
            for _ in range(30):
                published += 1
                topic = user.topic("x-1" if user.platform == HOSTILE else DEVICES[0])
                # All that a spy is told is that the broker has it.
                assert raw_mqtt.publish(plug, topic, encode_payload(now_ms + published))
                landed = expected[now_ms + published] = _allowed(username, topic)
                assert landed is not None
        stage.publish(300)
        stage.settle(
            f"everything subscribed to ({protocol}, {'group' if group else 'alone'})",
            "to be given heartbeats in the ingester's place",
            seen="nobody need: it has no effect",
        )
        received = "jieru_ingest_received_total"
        wait_until(lambda: stage.metrics()[received] >= published + 300, "all have arrived")
        assert stage.metrics()[received] == published + 300
    landed_all = _landed(stage)
    assert {at: landed_all.get(at) for at in expected} == expected
