"""Sparkplug's publishers: what an edge node sends is stored under whose credential it came with.

Every kind of user of two platforms publishes on every topic of all others, edge nodes and devices
called as gateways, words of topics and kinds of messages are.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Final, NamedTuple

from jieru.credentials.usernames import parse_username
from jieru.sparkplug.topics import MessageKind, parse_sparkplug_topic
from jieru.wire import DeviceAddress, Publisher, PublisherKind
from tests.attacks.stage import DEVICES, HOSTILE, Stage
from tests.support import raw_mqtt
from tests.support.credentials import issue_to
from tests.support.fleet import PLATFORM, ingester, register_devices, wait_until
from tests.support.sources import declare
from tests.support.sparkplug import payload

_ISSUED: Final = (
    HOSTILE,
    f"{HOSTILE}/via/gw-1",
    f"{HOSTILE}/own/x-1",
    f"{HOSTILE}/DDATA",
    f"{HOSTILE}/NDATA",
    f"{PLATFORM}/via/gw-1",
    f"{PLATFORM}/via/gw-2",
    f"{PLATFORM}/via/DDATA",
    f"{PLATFORM}/own/CNC-001",
    f"{PLATFORM}/CNC-002",
)
"""Each kind, of two platforms, some called as messages are; the honest gateway is the cloud."""
_FORGED: Final = (f"{HOSTILE}/", f"{HOSTILE}/DDATA/gw-1", "+", "+.via", f"{PLATFORM}/#")
"""Names that the database refuses; they come to nothing though they stood in the broker's file. One
that would not, `hostile.via`, is tried in `test_publishers`: the database refuses it too."""
_GROUPS: Final = (PLATFORM, f"{PLATFORM}.via", HOSTILE, f"{HOSTILE}.via")
_EDGES: Final = ("gw-1", "gw-2", "DDATA", "via")
_SERIALS: Final = (DEVICES[0], DEVICES[1], "x-1")
_TOPICS: Final = (
    *(
        f"spBv1.0/{group}/{kind}/{edge}/{serial}"
        for group in _GROUPS
        for kind in (MessageKind.DBIRTH, MessageKind.DDATA)
        for edge in _EDGES
        for serial in _SERIALS
    ),
    *(
        f"spBv1.0/{group}/{MessageKind.NDATA}/{edge}"
        for group in _GROUPS
        for edge in (*_EDGES, *_SERIALS)
    ),
    *(f"spBv1.0/{PLATFORM}/via/gw-1/DDATA/{DEVICES[0]}", f"spBv1.0/{PLATFORM}/NDATA/DDATA/x-1"),
    *(f"spBv1.0/{PLATFORM}/DDATA//{DEVICES[0]}", f"spBv1.0//DDATA/gw-1/{DEVICES[0]}"),
    *(f"spBv1.0/{PLATFORM}.via/DDATA/+/{DEVICES[0]}", f"/spBv1.0/{PLATFORM}/DDATA/a/x-1"),
    *(f"spBv1.0/{PLATFORM}.via/DCMD/gw-1/{DEVICES[0]}", "spBv1.0/STATE/host"),
)
_STORED: Final = """
    SELECT (extract(epoch FROM h.time) * 1000)::bigint, p.code, d.serial, w.kind, w.name, g.code
    FROM heartbeats h
    JOIN devices d ON d.id = h.device_id JOIN platforms p ON p.id = d.platform_id
    JOIN publishers w ON w.id = h.publisher_id LEFT JOIN platforms g ON g.id = w.platform_id
"""
_AN_HOUR_MS: Final = 3_600_000


class _Landed(NamedTuple):
    """What a heartbeat is stored as."""

    device: DeviceAddress
    publisher: Publisher


def _allowed(username: str, topic: str) -> _Landed | None:
    """What may become of a try, worked out without the broker; None: nothing may."""
    user, named = parse_username(username), parse_sparkplug_topic(topic)
    if user is None or named is None or user.serial is not None:
        return None
    if (user.platform, user.publisher) != (named.platform, named.publisher):
        return None
    is_registered = named.name in (DEVICES if user.platform == PLATFORM else ["x-1"])
    return (
        _Landed(DeviceAddress(named.platform, named.name), named.publisher)
        if is_registered
        else None
    )


def _users(stage: Stage) -> Iterator[tuple[str, str]]:
    """Usernames, and addresses that let them in."""
    register_devices(stage.connection, ["DDATA", "NDATA"], HOSTILE)
    for username in _ISSUED:
        secret = issue_to(stage.connection, username).secret
        yield username, stage.broker.add_user(username, secret)
    for username in _FORGED:
        yield username, stage.broker.add_user(username)


def test_no_edge_node_is_stored_under_the_name_of_another_publisher(stage: Stage) -> None:
    """The cloud may call its edge node as a gateway is called: it is the cloud's all the same."""
    everything = {
        "format": "sparkplug_b",
        "sparkplug": {"messages": ["NBIRTH", "NDATA", "DBIRTH", "DDATA"]},
    }
    for platform in (PLATFORM, HOSTILE):
        declare(stage.connection, "sparkplug-b", everything, platform)
    next_ms = stage._clock_ms - _AN_HOUR_MS
    tried: set[int] = set()
    expected: dict[int, _Landed] = {}
    sources_log = stage.log.with_name("sources.log")
    with (
        stage.ingester(),
        ingester(stage.url, stage.broker.url(), sources_log, "--sources") as process,
        ExitStack() as stack,
    ):
        stage.wait_until_subscribed()
        stage.wait_until_subscribed(sources_log)
        for username, url in _users(stage):
            plug = None
            for topic in _TOPICS:
                if plug is None:
                    plug = stack.enter_context(closing(raw_mqtt.let_in(url, "publisher")))
                next_ms += 1
                tried.add(next_ms)
                is_acknowledged = raw_mqtt.publish(plug, topic, payload((), next_ms))
                landed = _allowed(username, topic)
                if landed is not None:
                    assert is_acknowledged, (username, topic)
                    expected[next_ms] = landed
                if not is_acknowledged:
                    plug = None
        stage.publish(100)
        stage.settle(
            "others' edge nodes",
            "to have Sparkplug's data stored under another publisher's name",
            seen="nobody need: it has no effect",
        )
        wait_until(lambda: _landed(stage, tried).keys() >= expected.keys(), "all is stored")
        assert process.poll() is None
    assert {each.publisher.gateway for each in expected.values()} == {"", "gw-1", "gw-2"}
    assert _landed(stage, tried) == expected


def _landed(stage: Stage, tried: set[int]) -> dict[int, _Landed]:
    stage.connection.rollback()
    found = {}
    for ts_ms, platform, serial, kind, name, of_gateway in stage.connection.execute(_STORED):
        assert of_gateway in {None, platform}, "a gateway of another platform"
        publisher = Publisher(PublisherKind(kind), name or "")
        if ts_ms in tried:
            found[ts_ms] = _Landed(DeviceAddress(platform, serial), publisher)
    return found
