"""The demonstration's broker: exact books, the database's credentials, nothing left behind."""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import paho.mqtt.client as paho
import psutil
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from command.embedded_broker import EmbeddedBroker
from command.embedded_broker_users import subject_of, writable_topic
from jieru.broker import BrokerAddress
from jieru.database import connect
from jieru.wire import HEARTBEAT_TOPIC_FILTERS
from simulators.fleet import Fleet, build_fleet
from simulators.messages import messages_of_fleet
from simulators.play import play
from simulators.scenario import load_scenario
from tests.support.credentials import issue_to, replace, revoke
from tests.support.fleet import register_devices, wait_until
from tests.support.messages import topic_of

Delivery = tuple[str, bytes]

_DOTTED = ("CNC-01.a", ".", "..", ".a..b.", "a.b.c")
_GATEWAYS = "the gateway's"
_REFUSED = 135
"""Not authorized, as paho calls it in either protocol."""


@pytest.fixture
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for temporary files that must be empty at the end."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def broker(temporary_files: Path, embedded_database_url: str) -> Iterator[EmbeddedBroker]:
    """A broker that asks a database of the test's own."""
    del temporary_files
    with EmbeddedBroker(embedded_database_url) as broker:
        yield broker


@pytest.fixture
def database(embedded_database_url: str) -> Iterator[psycopg.Connection]:
    """The same database, with a platform and its devices registered."""
    with connect(embedded_database_url) as connection:
        register_devices(connection, ["CNC-01", *_DOTTED])
        register_devices(connection, ["CNC-02"], platform="haichuang")
        yield connection


@pytest.fixture(scope="module")
def small_city() -> Fleet:
    """Some thirty thousand messages of the demonstration."""
    return build_fleet(load_scenario("small-city", today=date(2026, 11, 30)))


class _Client:
    """A client of another make, with what it was told."""

    def __init__(self, url: str, client_id: str = "", *, is_acknowledging: bool = True) -> None:
        self.heard: list[Delivery] = []
        self.refusals: list[int] = []
        self.acknowledged: list[int] = []
        self.granted: list[bool] = []
        self.losses = 0
        address = BrokerAddress.of_url(url)
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=not client_id,
            protocol=paho.MQTTv311,
            manual_ack=not is_acknowledging,
            reconnect_on_failure=False,
        )
        if address.username:
            self._client.username_pw_set(address.username, address.password)
        self._client.on_connect = lambda _c, _u, _flags, reason, _p: (
            self.refusals.append(reason.value) if reason.is_failure else None
        )
        self._client.on_subscribe = lambda _c, _u, _id, reasons, _p: self.granted.append(
            not reasons[0].is_failure
        )
        self._client.on_publish = lambda _c, _u, number, _r, _p: self.acknowledged.append(number)
        self._client.on_message = lambda _c, _u, message: self.heard.append(
            (message.topic, bytes(message.payload))
        )
        self._client.on_disconnect = lambda *_: self._lose()
        self._client.connect(address.host, address.port)
        self._client.loop_start()
        wait_until(lambda: bool(self.is_connected or self.refusals), "the broker answered")

    def _lose(self) -> None:
        self.losses += 1

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected()

    def subscribe(self, topic_filter: str) -> bool:
        """Whether the broker grants it."""
        asked = len(self.granted)
        self._client.subscribe(topic_filter, 1)
        wait_until(lambda: len(self.granted) > asked, "the broker answered")
        return self.granted[-1]

    def publish(self, topic: str, payload: bytes = b"{}", *, is_retained: bool = False) -> None:
        """Publish, and wait for the acknowledgement."""
        number = self._client.publish(topic, payload, qos=1, retain=is_retained).mid
        wait_until(lambda: number in self.acknowledged, "the broker acknowledged")

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def vanish(self) -> None:
        """Go without a word, as one that was killed."""
        sock = self._client.socket()
        assert isinstance(sock, socket.socket)
        sock.shutdown(socket.SHUT_RDWR)
        self._client.loop_stop()


@contextmanager
def _client(url: str, client_id: str = "", *, is_acknowledging: bool = True) -> Iterator[_Client]:
    client = _Client(url, client_id, is_acknowledging=is_acknowledging)
    try:
        yield client
    finally:
        client.leave()


@contextmanager
def _ingester(broker: EmbeddedBroker) -> Iterator[_Client]:
    with _client(broker.ingest_url, "ingester") as client:
        assert client.subscribe(HEARTBEAT_TOPIC_FILTERS[0])
        yield client


def _books(fleet: Fleet) -> Counter[Delivery]:
    return Counter((message.topic, message.payload) for message in messages_of_fleet(fleet))


def _play(broker: EmbeddedBroker, fleet: Fleet) -> int:
    return asyncio.run(play(fleet, broker.simulator_url, protocol="3.1.1")).sent


def _wait_for(client: _Client, count: int) -> None:
    wait_until(lambda: len(client.heard) >= count, f"{count} messages are heard", timeout_s=120)


def test_what_was_acknowledged_arrives_though_the_publisher_leaves_at_once(
    broker: EmbeddedBroker, small_city: Fleet
) -> None:
    """Every message once, while the one who receives is slower than the one who sends."""
    with _ingester(broker) as ingester:
        slowly = ingester._client.on_message
        assert slowly is not None

        def slow(client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
            if len(ingester.heard) % 100 == 0:
                time.sleep(0.02)
            slowly(client, userdata, message)

        ingester._client.on_message = slow
        sent = _play(broker, small_city)
        _wait_for(ingester, sent)
        assert Counter(ingester.heard) == _books(small_city)


def test_a_session_is_kept_while_its_subscriber_is_away(
    broker: EmbeddedBroker, small_city: Fleet
) -> None:
    """Not only until the publisher leaves, and without a subscription made anew."""
    with _ingester(broker):
        pass
    sent = _play(broker, small_city)
    with _client(broker.ingest_url, "ingester") as ingester:
        _wait_for(ingester, sent)
        assert Counter(ingester.heard) == _books(small_city)


def test_what_was_not_acknowledged_comes_again(
    broker: EmbeddedBroker, database: psycopg.Connection
) -> None:
    """An ingester that was killed gets it when it is back, ten seconds later at most."""
    gateway = issue_to(database, "xielian")
    killed = _Client(broker.ingest_url, "ingester", is_acknowledging=False)
    assert killed.subscribe(HEARTBEAT_TOPIC_FILTERS[0])
    with _client(broker.url_of("xielian", gateway.secret)) as client:
        for number in range(100):
            client.publish(topic_of("CNC-01"), b"%d" % number)
    _wait_for(killed, 100)
    killed.vanish()
    with _client(broker.ingest_url, "ingester") as ingester:
        _wait_for(ingester, 100)
        assert [payload for _topic, payload in ingester.heard] == [b"%d" % n for n in range(100)]


def test_a_serial_may_have_dots(broker: EmbeddedBroker, database: psycopg.Connection) -> None:
    """NATS has a meaning of its own for them; a gateway and a device never see it."""
    gateway = issue_to(database, "xielian")
    with _ingester(broker) as ingester:
        for serial in _DOTTED:
            device = issue_to(database, f"xielian/{serial}")
            for username, secret in (("xielian", gateway.secret), (device.username, device.secret)):
                with _client(broker.url_of(username, secret)) as client:
                    client.publish(topic_of(serial), username.encode())
        wanted = [
            (topic_of(serial), username.encode())
            for serial in _DOTTED
            for username in ("xielian", f"xielian/{serial}")
        ]
        _wait_for(ingester, len(wanted))
        assert ingester.heard == wanted


def test_equipment_publishes_its_own_heartbeats_and_nothing_else(
    broker: EmbeddedBroker, database: psycopg.Connection
) -> None:
    """Whatever else it publishes reaches nobody; it hears nothing."""
    gateway = issue_to(database, "xielian")
    device = issue_to(database, "xielian/CNC-01.a")
    with _ingester(broker) as ingester:
        with _client(broker.url_of("xielian", gateway.secret)) as client:
            client.publish(topic_of("CNC-02", "haichuang"))
            client.publish("jieru/v1/xielian/CNC-01/command")
            client.publish("$MQTT/msgs/jieru/v1/haichuang/CNC-02/heartbeat")
            client.publish("$JS/API/STREAM/PURGE/$MQTT_msgs")
            for topic_filter in (*HEARTBEAT_TOPIC_FILTERS, "#", topic_of("CNC-01"), "$SYS/#"):
                assert not client.subscribe(topic_filter)
            client.publish(topic_of("CNC-01"), b"gateway")
        with _client(broker.url_of("xielian/CNC-01.a", device.secret)) as client:
            client.publish(topic_of("CNC-01"))
            client.publish(topic_of("CNC-01/a"))
            assert not client.subscribe(topic_of("CNC-01.a"))
            client.publish(topic_of("CNC-01.a"), b"device")
        _wait_for(ingester, 2)
        assert ingester.heard == [
            (topic_of("CNC-01"), b"gateway"),
            (topic_of("CNC-01.a"), b"device"),
        ]


def test_the_ingester_publishes_nothing(broker: EmbeddedBroker) -> None:
    """Its password stands in the environment of a process."""
    with _ingester(broker) as ingester, _client(broker.ingest_url) as other:
        other.publish(topic_of("CNC-01"), b"forged")
        with _client(broker.simulator_url) as simulator:
            assert not simulator.subscribe(HEARTBEAT_TOPIC_FILTERS[0])
            simulator.publish(topic_of("CNC-01"), b"played")
        _wait_for(ingester, 1)
        assert ingester.heard == [(topic_of("CNC-01"), b"played")]


@pytest.mark.parametrize(
    ("username", "secret"),
    [
        ("", ""),
        ("xielian", ""),
        ("xielian", "wrong"),
        ("xielian/CNC-01", _GATEWAYS),
        ("haichuang", _GATEWAYS),
        ("_ingest", "wrong"),
        ("_simulator", ""),
        ("*", _GATEWAYS),
        ("xielian ", _GATEWAYS),
        ("x" * 5_000, _GATEWAYS),
    ],
)
def test_nobody_comes_in_without_a_credential(
    broker: EmbeddedBroker, database: psycopg.Connection, username: str, secret: str
) -> None:
    """Nor with another's, whatever the name."""
    gateway = issue_to(database, "xielian")
    secret = gateway.secret if secret == _GATEWAYS else secret
    url = broker.url_of(username, secret) if username else f"mqtt://127.0.0.1:{broker.port}"
    with _client(url) as client:
        assert client.refusals == [_REFUSED]
    with _client(broker.url_of("xielian", gateway.secret)) as client:
        assert client.refusals == []


def test_a_credential_is_good_as_soon_as_it_is_issued_and_until_it_is_revoked(
    broker: EmbeddedBroker, database: psycopg.Connection
) -> None:
    """Who is connected with it is put out, and only he."""
    first = issue_to(database, "xielian")
    other = issue_to(database, "haichuang")
    with (
        _client(broker.url_of("xielian", first.secret)) as old,
        _client(broker.url_of("haichuang", other.secret)) as bystander,
    ):
        second = replace(database, first.id)
        wait_until(lambda: old.losses == 1, "the old credential's connection is ended")
        with _client(broker.url_of("xielian", first.secret)) as client:
            assert client.refusals == [_REFUSED]
        with _client(broker.url_of("xielian", second.secret)) as new:
            assert new.is_connected
            revoke(database, second.id)
            wait_until(lambda: new.losses == 1, "the revoked credential's connection is ended")
        assert bystander.is_connected


def test_it_listens_on_loopback_only_and_leaves_nothing(
    temporary_files: Path, embedded_database_url: str
) -> None:
    """Neither a process, nor a thread, nor a file that others may read while it runs."""
    threads = set(threading.enumerate())
    with EmbeddedBroker(embedded_database_url) as broker:
        (child,) = _servers()
        listening = [each.laddr for each in child.net_connections() if each.status == "LISTEN"]
        assert {address.ip for address in listening} == {"127.0.0.1"}
        assert broker.port in {address.port for address in listening}
        (folder,) = temporary_files.iterdir()
        assert folder.stat().st_mode & 0o077 == 0
    assert _servers() == []
    assert set(threading.enumerate()) == threads


def test_the_preferred_port_is_taken_if_it_is_free(
    temporary_files: Path, embedded_database_url: str
) -> None:
    """And another if it is not."""
    del temporary_files
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with EmbeddedBroker(embedded_database_url, preferred_port=port) as broker:
            assert broker.port != port
    with EmbeddedBroker(embedded_database_url, preferred_port=port) as broker:
        assert broker.port == port


@pytest.mark.parametrize("dies", ["on the way", "in the block"])
def test_an_error_leaves_nothing_either(
    temporary_files: Path, embedded_database_url: str, dies: str
) -> None:
    """Neither while it starts nor later."""
    del temporary_files
    url = embedded_database_url if dies == "in the block" else f"{embedded_database_url}_missing"
    with pytest.raises((psycopg.Error, ZeroDivisionError)), EmbeddedBroker(url):
        raise ZeroDivisionError
    assert _servers() == []


def test_a_broker_that_died_is_noticed(broker: EmbeddedBroker) -> None:
    """With what it said last; and nothing is left of it."""
    broker.check()
    (child,) = _servers()
    child.kill()
    child.wait()
    with pytest.raises(RuntimeError, match="Server is ready"):
        broker.check()


def _servers() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.name() == "nats-server"
    ]


@pytest.mark.parametrize(
    ("topic", "subject"),
    [
        (HEARTBEAT_TOPIC_FILTERS[0], "jieru.v1.*.*.heartbeat"),
        (topic_of("CNC-01"), "jieru.v1.xielian.CNC-01.heartbeat"),
        (topic_of(".a..b."), "jieru.v1.xielian.//a////b//.heartbeat"),
    ],
)
def test_topics_are_written_as_nats_has_them(topic: str, subject: str) -> None:
    """A dot is two slashes there, a level ends with a dot."""
    assert subject_of(topic) == subject


@pytest.mark.parametrize("username", ["", "+", "xielian/", "xielian/+", "xielian/a/b", "_ingest"])
def test_a_name_that_no_credential_can_have_writes_nowhere(username: str) -> None:
    """Least of all one with a wildcard in it."""
    assert writable_topic(username) is None
