"""Connections that look alive and are not: an ingester finds out by itself, and goes on.

Each is broken by a proxy that leaves both ends in the belief that the other is there, so that no
keep-alive of the kernel can find out. The waits are shortened.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import psycopg
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from ingest import mqtt5_subscriber, mqtt311_subscriber, registry, writer
from ingest.mqtt5_subscriber import Mqtt5Subscriber
from ingest.mqtt311_subscriber import Mqtt311Subscriber
from ingest.registry import DeviceRegistry
from ingest.subscriber import Subscriber, Subscription
from ingest.writer import Writer
from jieru.broker import BrokerAddress
from tests.support.fleet import PLATFORM, Publisher, Sent, register_devices, stored_heartbeats
from tests.support.messages import NOON_MS, heartbeat, topic_of
from tests.support.mosquitto import MosquittoBroker
from tests.support.tcp_proxy import TcpProxy

_WAIT_S = 0.5
_NAME = "tests"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (writer, registry):
        monkeypatch.setattr(module, "SILENCE_S", _WAIT_S)
    for name in ("_LOOK_UP_S", "_ASK_EVERY_S"):
        monkeypatch.setattr(registry, name, _WAIT_S)
    for subscriber in (mqtt5_subscriber, mqtt311_subscriber):
        monkeypatch.setattr(subscriber, "KEEP_ALIVE_S", 1)


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection past the proxy, to a database with two devices."""
    with psycopg.connect(database_url) as connection:
        register_devices(connection, ["A", "B"])
        yield connection


@pytest.fixture
def link(connection: psycopg.Connection) -> Iterator[TcpProxy]:
    """The proxy before that database."""
    with TcpProxy(connection.info.port) as link:
        yield link


def _given_up(said: Sequence[EventDict]) -> int:
    """How many times a batch was not written."""
    return sum(each["event"] == "write_failed" for each in said)


def _through(database_url: str, link: TcpProxy) -> str:
    port = psycopg.conninfo.conninfo_to_dict(database_url)["port"]
    return database_url.replace(f":{port}/", f":{link.port}/")


def _writer(url: str, *, is_leaving: Callable[[], bool] = lambda: False) -> Writer:
    return Writer(url, ingester=_NAME, state_interval_s=30, is_leaving=is_leaving)


async def test_a_batch_is_stored_though_its_connection_became_half_open(
    database_url: str, connection: psycopg.Connection, link: TcpProxy
) -> None:
    """By another connection."""
    writes = _writer(_through(database_url, link))
    await writes.write([heartbeat(1)], [])
    link.forget()
    await writes.write([heartbeat(2)], [])
    await writes.close()
    assert stored_heartbeats(connection) == {Sent("A", NOON_MS): 1, Sent("B", NOON_MS): 1}


async def test_who_is_told_to_leave_does_not_wait_for_a_silent_database(
    database_url: str, link: TcpProxy
) -> None:
    """The batch stays with the broker."""
    writes = _writer(_through(database_url, link), is_leaving=lambda: True)
    await writes.write([heartbeat(1)], [])
    link.forget()
    with pytest.raises(psycopg.OperationalError):
        await writes.write([heartbeat(2)], [])
    await writes.close()


async def test_a_transaction_that_a_lost_connection_left_open_is_ended(
    database_url: str, connection: psycopg.Connection, link: TcpProxy
) -> None:
    """It holds what is to be stored, and its server waits for a client that is gone."""
    with closing(psycopg.connect(_through(database_url, link), application_name=_NAME)) as forsaken:
        forsaken.execute(
            "INSERT INTO heartbeats (device_id, time, received_at)"
            " VALUES (1, to_timestamp(%s / 1000.0), now())",
            [NOON_MS],
        )
        link.forget()
        writes = _writer(_through(database_url, link))
        async with asyncio.timeout(60):
            written = await writes.write([heartbeat(1)], [])
        await writes.close()
    assert written.duplicates == 0
    assert stored_heartbeats(connection) == {Sent("A", NOON_MS): 1}


async def test_a_slow_database_has_its_way_in_the_end(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Patience grows each time a connection was given up, and the batch is stored once."""
    # Whoever reads passes this lock, so that a session begins well and only its batch waits.
    connection.execute("LOCK TABLE heartbeats IN SHARE MODE")
    writes = _writer(database_url)
    with capture_logs() as said:
        writing = asyncio.create_task(writes.write([heartbeat(1)], []))
        async with asyncio.timeout(60):
            while _given_up(said) < 2:  # noqa: ASYNC110 - a log has no event for that
                await asyncio.sleep(0.05)
    assert writes._silence_s >= 4 * _WAIT_S
    connection.commit()
    async with asyncio.timeout(60):
        await writing
    await writes.close()
    assert stored_heartbeats(connection) == {Sent("A", NOON_MS): 1}


async def test_settings_that_made_a_batch_fail_are_left_behind(
    database_url: str, connection: psycopg.Connection
) -> None:
    """A session keeps the time limit it began with, though the limit has long been lifted."""
    name = psycopg.sql.Identifier(connection.info.dbname)
    limit = psycopg.sql.SQL("ALTER DATABASE {} SET statement_timeout = 1").format(name)
    no_limit = psycopg.sql.SQL("ALTER DATABASE {} RESET statement_timeout").format(name)
    connection.execute(limit)
    connection.commit()
    writes = _writer(database_url)
    batch = [heartbeat(1, NOON_MS + number) for number in range(20_000)]
    writing = asyncio.create_task(writes.write(batch, []))
    async with asyncio.timeout(30):
        while writes.is_healthy:  # noqa: ASYNC110 - it has no event for that
            await asyncio.sleep(0.01)
    connection.execute(no_limit)
    connection.commit()
    async with asyncio.timeout(60):
        await writing
    await writes.close()
    assert len(stored_heartbeats(connection)) == len(batch)


async def test_a_look_up_finds_its_device_though_its_connection_became_half_open(
    database_url: str, connection: psycopg.Connection, link: TcpProxy
) -> None:
    """A good heartbeat is not refused, nor does it wait for ever."""
    devices = DeviceRegistry(_through(database_url, link))
    await devices.look_up([topic_of("A")], is_leaving=lambda: False)
    link.forget()
    register_devices(connection, ["C"])
    await devices.look_up([topic_of("C")], is_leaving=lambda: False)
    await devices.close()
    assert topic_of("C") in devices.origins


async def test_a_change_of_the_registry_is_heard_though_the_connection_became_half_open(
    database_url: str, connection: psycopg.Connection, link: TcpProxy
) -> None:
    """A quiet connection is asked from time to time whether it is one still."""
    devices = DeviceRegistry(_through(database_url, link))
    following = asyncio.create_task(devices.follow())
    async with asyncio.timeout(30):
        while topic_of("A") not in devices.origins:  # noqa: ASYNC110 - it has no event for that
            await asyncio.sleep(0.01)
    link.forget()
    register_devices(connection, ["C"])
    async with asyncio.timeout(60):
        while topic_of("C") not in devices.origins:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


@pytest.mark.parametrize("subscriber_of", [Mqtt5Subscriber, Mqtt311Subscriber])
async def test_a_broker_that_is_silent_is_left_for_a_new_connection(
    mosquitto: MosquittoBroker, subscriber_of: Callable[[BrokerAddress, Subscription], Subscriber]
) -> None:
    """It delivers what came meanwhile."""
    subscription = Subscription("ingest-1", "", receive_maximum=100, session_expiry_s=600)
    gateway = Publisher(mosquitto.add_user(PLATFORM))
    with TcpProxy(mosquitto.ingest_port) as link:
        url = mosquitto.url().replace(f":{mosquitto.ingest_port}", f":{link.port}")
        subscriber = subscriber_of(BrokerAddress.of_url(url), subscription)
        await subscriber.start()
        async with asyncio.timeout(30):
            while not subscriber.is_connected:  # noqa: ASYNC110 - as in its contract
                await asyncio.sleep(0.01)
        link.forget()
        gateway.publish([Sent("A", NOON_MS)])
        async with asyncio.timeout(60):
            while (batch := await subscriber.receive(1, 0.05, 0.2)) is None:
                pass
        assert [message.topic for message in batch.messages] == [topic_of("A")]
        await subscriber.close()
    gateway.close()
