"""Fleets played against real brokers: every message arrives, each device's in order."""

import asyncio
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from types import TracebackType
from typing import Literal, Self

import paho.mqtt.client as paho
import pytest
from click.testing import CliRunner
from paho.mqtt.enums import CallbackAPIVersion

import simulators.play
from command.embedded_broker import EmbeddedBroker
from command.simulate import command
from jieru.broker import BrokerAddress
from jieru.errors import UserError, WorldError
from simulators.beats import BeatKind
from simulators.fleet import Fleet, build_fleet
from simulators.messages import messages_of_fleet
from simulators.play import Played, play
from simulators.scenario import load_scenario
from tests.support.mosquitto import MosquittoBroker
from tests.support.processes import free_port

_TODAY = date(2026, 11, 23)
_PLATFORMS = ("ceshi", "jingxiang")
_WAIT_S = 60

Delivery = tuple[str, bytes]


class _Listener:
    """Another client than ours, that keeps all it hears; used as a context manager.

    Its session is kept by the broker, so that it misses nothing while the broker restarts.
    """

    def __init__(self, url: str) -> None:
        self.heard: list[Delivery] = []
        self._address = BrokerAddress.of_url(url)
        self._is_subscribed = threading.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False
        )
        self._client.username_pw_set(self._address.username, self._address.password)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("jieru/v1/+/+/heartbeat", 1)
        self._client.on_subscribe = lambda *_: self._is_subscribed.set()
        self._client.on_message = lambda _client, _userdata, message: self.heard.append(
            (message.topic, bytes(message.payload))
        )

    def __enter__(self) -> Self:
        self._client.connect(self._address.host, self._address.port)
        self._client.loop_start()
        assert self._is_subscribed.wait(_WAIT_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait_for(self, wanted: Iterable[Delivery]) -> None:
        """Wait until everything wanted was heard, as often as it is wanted."""
        missing, read = Counter(wanted), 0
        deadline = time.monotonic() + _WAIT_S
        while +missing and time.monotonic() < deadline:
            news = self.heard[read:]
            missing.subtract(news)
            read += len(news)
            time.sleep(0.05)
        assert not +missing


def _by_device(deliveries: Iterable[Delivery]) -> dict[str, list[bytes]]:
    """What each device is heard to say, in order, without what is said again."""
    said: dict[str, dict[bytes, None]] = defaultdict(dict)
    for topic, payload in deliveries:
        said[topic].setdefault(payload)
    return {topic: list(payloads) for topic, payloads in said.items()}


def _deliveries(fleet: Fleet) -> list[Delivery]:
    return [(message.topic, message.payload) for message in messages_of_fleet(fleet)]


def _play(fleet: Fleet, url: str, protocol: Literal["5", "3.1.1"] = "5") -> Played:
    return asyncio.run(play(fleet, url, protocol=protocol))


@pytest.fixture(scope="module")
def faults() -> Fleet:
    """Every fault, on two platforms."""
    return build_fleet(load_scenario("faults", today=_TODAY))


@pytest.fixture(scope="module")
def worked_example() -> Fleet:
    """One enterprise, 1,560 messages of four months."""
    return build_fleet(load_scenario("worked-example", today=_TODAY))


@pytest.fixture
def embedded_broker(embedded_database_url: str) -> Iterator[EmbeddedBroker]:
    """The broker of the demonstration."""
    with EmbeddedBroker(embedded_database_url) as broker:
        yield broker


@pytest.fixture
def gateways(mosquitto: MosquittoBroker) -> str:
    """An address by which each platform has its own user at Mosquitto."""
    for platform in (*_PLATFORMS, "xielian"):
        mosquitto.add_user(platform, "secret")
    return f"mqtt://{{platform}}:secret@127.0.0.1:{mosquitto.port}"


def test_every_message_arrives_through_the_embedded_broker_in_order(
    embedded_broker: EmbeddedBroker, faults: Fleet
) -> None:
    """One connection for the whole city, MQTT 3.1.1."""
    with _Listener(embedded_broker.ingest_url) as listener:
        played = _play(faults, embedded_broker.simulator_url, "3.1.1")
        listener.wait_for(_deliveries(faults))
    assert Counter(listener.heard) == Counter(_deliveries(faults))
    assert _by_device(listener.heard) == _by_device(_deliveries(faults))
    assert (played.sent, played.resent) == (399, 0)
    assert played.by_kind == Counter(message.kind for message in messages_of_fleet(faults))


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_every_message_arrives_through_the_gateways_of_the_platforms(
    mosquitto: MosquittoBroker, gateways: str, faults: Fleet, protocol: Literal["5", "3.1.1"]
) -> None:
    """Each platform may write under its own name only, so each has a connection."""
    with _Listener(mosquitto.url()) as listener:
        played = _play(faults, gateways, protocol)
        listener.wait_for(_deliveries(faults))
    assert Counter(listener.heard) == Counter(_deliveries(faults))
    assert _by_device(listener.heard) == _by_device(_deliveries(faults))
    assert played.sent == 399


def _once_half_is_sent(act: Callable[[], None]) -> tuple[Callable[[int, int], None], list[int]]:
    """A progress callback that acts once, and what it was told."""
    told: list[int] = []

    def progress(sent: int, total: int) -> None:
        was_before = not told or told[-1] < total / 2
        told.append(sent)
        if was_before and sent >= total / 2:
            act()

    return progress, told


def test_nothing_is_lost_when_the_broker_restarts(
    mosquitto: MosquittoBroker, gateways: str, worked_example: Fleet
) -> None:
    """What was not acknowledged is sent again, before what follows."""
    progress, told = _once_half_is_sent(mosquitto.restart)
    with _Listener(mosquitto.url()) as listener:
        played = asyncio.run(play(worked_example, gateways, progress=progress))
        listener.wait_for(_deliveries(worked_example))
    assert played.sent == told[-1] == 1_560
    assert played.resent > 0
    assert _by_device(listener.heard) == _by_device(_deliveries(worked_example))


def test_a_broker_that_stays_away_is_one_sentence(
    mosquitto: MosquittoBroker,
    gateways: str,
    worked_example: Fleet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After some attempts to come back."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    monkeypatch.setattr(simulators.play, "_RETRY_WAITS_S", (0.1, 0.1))
    progress, _ = _once_half_is_sent(mosquitto.stop)
    with pytest.raises(WorldError, match=rf"127\.0\.0\.1:{mosquitto.port} cannot be reached"):
        asyncio.run(play(worked_example, gateways, progress=progress))


def test_a_broker_that_is_not_there_is_one_sentence(
    worked_example: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, without further attempts."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    port = free_port()
    with pytest.raises(WorldError, match=rf"127\.0\.0\.1:{port} cannot be reached; start it"):
        _play(worked_example, f"mqtt://127.0.0.1:{port}")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_user_whom_the_broker_refuses_is_told_so(
    mosquitto: MosquittoBroker,
    worked_example: Fleet,
    protocol: Literal["5", "3.1.1"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In both protocols."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    with pytest.raises(UserError, match="does not authorize the user"):
        _play(worked_example, f"mqtt://xielian:wrong@127.0.0.1:{mosquitto.port}", protocol)


def test_a_protocol_that_the_broker_does_not_speak_is_named(
    embedded_broker: EmbeddedBroker, worked_example: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded broker has MQTT 3.1.1 only."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    with pytest.raises(UserError, match="does not speak MQTT 5: set JIERU_MQTT_PROTOCOL"):
        _play(worked_example, embedded_broker.simulator_url, "5")


def test_an_address_of_another_kind_is_refused(worked_example: Fleet) -> None:
    """Before anything is sent."""
    with pytest.raises(UserError, match="JIERU_MQTT_URL"):
        _play(worked_example, "http://127.0.0.1:1883")


def test_at_a_speed_the_time_between_messages_is_kept_in_proportion(
    embedded_broker: EmbeddedBroker, worked_example: Fleet
) -> None:
    """Four months in one second."""
    times = [message.sent_at_ms for message in messages_of_fleet(worked_example)]
    seconds = (times[-1] - times[0]) / 1_000
    started_at = time.monotonic()
    with _Listener(embedded_broker.ingest_url) as listener:
        asyncio.run(
            play(worked_example, embedded_broker.simulator_url, protocol="3.1.1", speed=seconds)
        )
        assert time.monotonic() - started_at >= 1
        listener.wait_for(_deliveries(worked_example))
    assert _by_device(listener.heard) == _by_device(_deliveries(worked_example))


def test_the_command_plays_a_scenario_and_says_what_it_sent(
    embedded_broker: EmbeddedBroker, faults: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the settings of the process."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    monkeypatch.setenv("JIERU_MQTT_URL", embedded_broker.simulator_url)
    monkeypatch.setenv("JIERU_MQTT_PROTOCOL", "3.1.1")
    result = CliRunner().invoke(command, ["faults"], catch_exceptions=False)
    kinds = Counter(message.kind for message in messages_of_fleet(faults))
    assert result.exit_code == 0
    assert result.stdout == (
        f"Sent 399 messages: {kinds[BeatKind.HEARTBEAT]} heartbeats, "
        f"{kinds[BeatKind.DUPLICATE]} duplicates, 36 malformed, 12 of unknown devices.\n"
    )
