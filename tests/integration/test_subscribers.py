"""The contract of a subscriber, kept alike by both, against a real Mosquitto."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.message import Batch
from ingest.mqtt5_subscriber import Mqtt5Subscriber
from ingest.mqtt311_subscriber import Mqtt311Subscriber
from ingest.subscriber import Subscriber, Subscription
from jieru.broker import BrokerAddress
from jieru.errors import UserError
from tests.support.fleet import PLATFORM, Publisher, Sent, wait_until
from tests.support.messages import NOON_MS, topic_of
from tests.support.mosquitto import MosquittoBroker

_AGE_S, _IDLE_S = 0.05, 10.0

_KINDS: dict[str, Callable[[BrokerAddress, Subscription], Subscriber]] = {
    "5": Mqtt5Subscriber,
    "3.1.1": Mqtt311Subscriber,
}


@pytest.fixture(params=list(_KINDS))
def protocol(request: pytest.FixtureRequest) -> str:
    """Both subscribers, one after the other."""
    return str(request.param)


@pytest.fixture
def gateway(mosquitto: MosquittoBroker) -> Iterator[Publisher]:
    """The gateway of the platform."""
    publisher = Publisher(mosquitto.add_user(PLATFORM))
    yield publisher
    publisher.close()


def _make(
    protocol: str,
    url: str,
    *,
    receive_maximum: int = 100,
    client_id: str = "ingest-1",
    is_draining: bool = False,
) -> Subscriber:
    subscription = Subscription(
        client_id=client_id,
        group="jieru" if protocol == "5" else "",
        receive_maximum=receive_maximum,
        session_expiry_s=600,
        is_draining=is_draining,
    )
    return _KINDS[protocol](BrokerAddress.of_url(url), subscription)


@asynccontextmanager
async def _subscribed(subscriber: Subscriber) -> AsyncIterator[Subscriber]:
    await subscriber.start()
    try:
        await _connected(subscriber)
        yield subscriber
    finally:
        await subscriber.close()


async def _connected(subscriber: Subscriber) -> None:
    async with asyncio.timeout(20):
        while not subscriber.is_connected:  # noqa: ASYNC110 - what is asked of every subscriber
            await asyncio.sleep(0.01)


async def _receive(subscriber: Subscriber, count: int) -> list[Batch]:
    batches: list[Batch] = []
    while sum(len(batch.messages) for batch in batches) < count:
        batch = await subscriber.receive(count, _AGE_S, _IDLE_S)
        assert batch is not None, f"only {batches} came"
        batches.append(batch)
    return batches


async def _receive_for_ever(subscriber: Subscriber) -> None:
    while True:
        await subscriber.receive(1, _AGE_S, 0.1)


def _serials(batches: list[Batch]) -> list[str]:
    return [message.topic.split("/")[3] for batch in batches for message in batch.messages]


def _beats(count: int) -> list[Sent]:
    return [Sent(f"D{number:03}", NOON_MS) for number in range(count)]


async def test_messages_come_in_the_order_of_publishing(
    mosquitto: MosquittoBroker, gateway: Publisher, protocol: str
) -> None:
    """Whole batches, nothing missing, payload and length as they were sent."""
    async with _subscribed(_make(protocol, mosquitto.url())) as subscriber:
        gateway.publish(_beats(50))
        batches = await _receive(subscriber, 50)
        assert _serials(batches) == [beat.serial for beat in gateway.sent]
        first = batches[0].messages[0]
        assert first.payload == b'{"ts":%d}' % NOON_MS
        assert first.payload_bytes == len(first.payload)
        assert subscriber.unacknowledged == 50
        assert all(subscriber.acknowledge(batch) for batch in batches)
        assert subscriber.unacknowledged == 0


async def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(
    mosquitto: MosquittoBroker, gateway: Publisher, protocol: str
) -> None:
    """The session outlives the connection; half of the batch was durable."""
    async with _subscribed(_make(protocol, mosquitto.url())) as subscriber:
        gateway.publish(_beats(20))
        batch = await subscriber.receive(10, _AGE_S, _IDLE_S)
        assert batch is not None
        assert len(batch.messages) == 10
        assert subscriber.acknowledge(batch)
        await _receive(subscriber, 10)
    # It reads packet by packet: one who comes too soon under this name ends the old connection
    # before the broker has read all acknowledgements.
    wait_until(lambda: b"ingest-1 disconnected" in mosquitto.log.read_bytes(), "it has left")
    async with _subscribed(_make(protocol, mosquitto.url())) as subscriber:
        again = await _receive(subscriber, 10)
        assert _serials(again) == [f"D{number:03}" for number in range(10, 20)]


async def test_messages_published_while_away_are_delivered_later(
    mosquitto: MosquittoBroker, gateway: Publisher, protocol: str
) -> None:
    """The broker keeps them under the stable client id."""
    async with _subscribed(_make(protocol, mosquitto.url())):
        pass
    gateway.publish(_beats(30))
    gateway.wait_until_acknowledged()
    async with _subscribed(_make(protocol, mosquitto.url())) as subscriber:
        assert len(_serials(await _receive(subscriber, 30))) == 30


async def test_a_batch_of_a_lost_connection_is_not_acknowledged_on_the_next(
    mosquitto: MosquittoBroker, gateway: Publisher, protocol: str
) -> None:
    """Packet ids begin anew: the old batch's would acknowledge messages nobody has stored."""
    async with _subscribed(_make(protocol, mosquitto.url())) as subscriber:
        gateway.publish(_beats(10))
        gateway.wait_until_acknowledged()
        old = await _receive(subscriber, 10)
        mosquitto.restart()
        new = await _receive(subscriber, 10)
        assert [subscriber.acknowledge(batch) for batch in old] == [False] * len(old)
        assert sorted(_serials(new)) == sorted(_serials(old))
        assert subscriber.unacknowledged == 10
    async with _subscribed(_make(protocol, mosquitto.url())) as subscriber:
        assert len(_serials(await _receive(subscriber, 10))) == 10, "still not acknowledged"


async def test_a_restarted_broker_is_found_again(
    mosquitto: MosquittoBroker, gateway: Publisher, protocol: str
) -> None:
    """Nobody has to restart the ingester."""
    async with _subscribed(_make(protocol, mosquitto.url())) as subscriber:
        mosquitto.restart()
        gateway.publish(_beats(5))
        for batch in await _receive(subscriber, 5):
            assert subscriber.acknowledge(batch)


async def test_a_broker_that_restarts_while_nothing_more_can_be_held_is_read_again(
    mosquitto: MosquittoBroker, gateway: Publisher, protocol: str
) -> None:
    """The new connection begins with an empty inbox, so there is room."""
    async with _subscribed(_make(protocol, mosquitto.url(), receive_maximum=10)) as subscriber:
        gateway.publish(_beats(10))
        gateway.wait_until_acknowledged()
        time.sleep(0.3)  # noqa: ASYNC251 - all wait at once for this thread
        await asyncio.sleep(0.1)
        assert subscriber.unacknowledged == 10
        mosquitto.restart()
        await asyncio.sleep(0.1)  # what this thread was told meanwhile
        assert len(_serials(await _receive(subscriber, 10))) == 10


async def test_a_huge_payload_is_held_only_in_part(
    mosquitto: MosquittoBroker, gateway: Publisher, protocol: str
) -> None:
    """One megabyte: its first 4,096 bytes and its length suffice to refuse it."""
    async with _subscribed(_make(protocol, mosquitto.url())) as subscriber:
        gateway.publish_raw(topic_of("D1"), b"x" * 1_000_000)
        (batch,) = await _receive(subscriber, 1)
        assert batch.messages[0].payload == b"x" * 4096
        assert batch.messages[0].payload_bytes == 1_000_000


async def test_a_wrong_password_is_said_in_one_sentence(
    mosquitto: MosquittoBroker, protocol: str
) -> None:
    """No waiting heals it, so the ingester ends instead of knocking for ever."""
    url = mosquitto.url().replace("@", "x@")
    subscriber = _make(protocol, url)
    await subscriber.start()
    with pytest.raises(UserError, match="JIERU_MQTT_URL"):
        await _receive_for_ever(subscriber)
    await subscriber.close()


async def test_a_broker_that_is_away_is_waited_for(
    mosquitto: MosquittoBroker, protocol: str
) -> None:
    """It may start after the ingester."""
    mosquitto.stop()
    subscriber = _make(protocol, mosquitto.url())
    await subscriber.start()
    assert await subscriber.receive(1, _AGE_S, 0.3) is None
    mosquitto.start()
    await _connected(subscriber)
    await subscriber.close()


async def test_mqtt5_holds_no_more_than_the_receive_maximum(
    mosquitto: MosquittoBroker, gateway: Publisher
) -> None:
    """The broker keeps the rest until some are acknowledged: so memory is bounded."""
    async with _subscribed(_make("5", mosquitto.url(), receive_maximum=20)) as subscriber:
        gateway.publish(_beats(60))
        gateway.wait_until_acknowledged()
        first = await _receive(subscriber, 20)
        assert await subscriber.receive(1, _AGE_S, 0.5) is None
        assert subscriber.unacknowledged == 20
        for batch in first:
            subscriber.acknowledge(batch)
        assert len(_serials(await _receive(subscriber, 20))) == 20


async def test_two_members_of_a_group_share_the_messages(
    mosquitto: MosquittoBroker, gateway: Publisher
) -> None:
    """Each message goes to one of them, and what one leaves behind goes to the other."""
    async with (
        _subscribed(_make("5", mosquitto.url(), client_id="ingest-2")) as second,
        _subscribed(_make("5", mosquitto.url())) as first,
    ):
        gateway.publish(_beats(40))
        gateway.wait_until_acknowledged()
        received: list[str] = []
        for subscriber in (first, second):
            while batch := await subscriber.receive(40, _AGE_S, 0.5):
                received += _serials([batch])
                assert subscriber.acknowledge(batch)
        assert sorted(received) == [f"D{number:03}" for number in range(40)]


async def test_a_member_that_is_away_keeps_its_share_until_it_is_drained(
    mosquitto: MosquittoBroker, gateway: Publisher
) -> None:
    """Mosquitto goes on queueing for it, so to stop an ingester for good is not enough."""
    async with _subscribed(_make("5", mosquitto.url())) as first:
        async with _subscribed(_make("5", mosquitto.url(), client_id="ingest-2")):
            pass
        gateway.publish(_beats(40))
        gateway.wait_until_acknowledged()
        await _receive(first, 20)
        assert await first.receive(1, _AGE_S, 0.3) is None
        second = _make("5", mosquitto.url(), client_id="ingest-2", is_draining=True)
        await second.start()
        assert len(await _drain(second)) == 20
        gateway.publish(_beats(40))
        assert len(_serials(await _receive(first, 40))) == 40


class TestDraining:
    """A session that somebody has left is emptied and ended, and takes nothing new."""

    @pytest.fixture
    async def held(self, mosquitto: MosquittoBroker, gateway: Publisher, protocol: str) -> int:
        """So many messages wait in the session, whose client is away."""
        async with _subscribed(_make(protocol, mosquitto.url())):
            pass
        gateway.publish(_beats(50))
        gateway.wait_until_acknowledged()
        return 50

    @pytest.fixture
    async def draining(
        self, mosquitto: MosquittoBroker, protocol: str
    ) -> AsyncIterator[Subscriber]:
        """Under the same name; takes ten messages at a time, where the protocol lets it say so."""
        at_once = 10 if protocol == "5" else 100
        subscriber = _make(protocol, mosquitto.url(), receive_maximum=at_once, is_draining=True)
        yield subscriber
        await subscriber.close()

    async def test_what_the_session_holds_comes_and_nothing_new(
        self, gateway: Publisher, held: int, draining: Subscriber
    ) -> None:
        """Once the broker has answered it adds nothing, and delivers all that it had."""
        await draining.start()
        (batch, *more) = await _receive(draining, 10)
        await _connected(draining)
        gateway.publish([Sent("new", NOON_MS)] * 20)
        gateway.wait_until_acknowledged()
        for each in (batch, *more):
            assert draining.acknowledge(each)
        serials = _serials([batch, *more]) + await _drain(draining)
        assert serials == [f"D{number:03}" for number in range(held)]

    async def test_the_session_is_gone_afterwards(
        self, mosquitto: MosquittoBroker, held: int, draining: Subscriber, protocol: str
    ) -> None:
        """The broker knows nothing of the name any more."""
        assert _has_session(mosquitto.url(), protocol)
        await draining.start()
        assert len(await _drain(draining)) == held
        assert not _has_session(mosquitto.url(), protocol)

    async def test_a_session_with_messages_is_not_ended(
        self, mosquitto: MosquittoBroker, held: int, draining: Subscriber, protocol: str
    ) -> None:
        """Neither before they are acknowledged, nor by whoever leaves in the middle."""
        await draining.start()
        await _receive(draining, 10)
        assert not await draining.end_if_empty()
        await draining.close()
        assert _has_session(mosquitto.url(), protocol)
        again = _make(protocol, mosquitto.url(), is_draining=True)
        await again.start()
        assert len(await _drain(again)) == held

    async def test_a_broker_that_restarts_in_the_middle_loses_nothing(
        self, mosquitto: MosquittoBroker, held: int, draining: Subscriber
    ) -> None:
        """The next connection unsubscribes again and goes on."""
        await draining.start()
        first = await _receive(draining, 10)
        assert all(draining.acknowledge(batch) for batch in first)
        mosquitto.restart()
        rest = await _drain(draining)
        assert {*_serials(first), *rest} == {f"D{number:03}" for number in range(held)}

    async def test_a_broker_that_stalls_is_not_taken_for_an_empty_one(
        self, mosquitto: MosquittoBroker, held: int, draining: Subscriber
    ) -> None:
        """It has said nothing for a while, and has more to say."""
        await draining.start()
        first = await _receive(draining, 10)
        mosquitto.suspend()
        assert all(draining.acknowledge(batch) for batch in first)
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                assert not await draining.end_if_empty()
        mosquitto.resume()
        rest = await _drain(draining)
        assert len(_serials(first)) + len(rest) == held

    async def test_draining_what_is_not_there_ends_at_once(
        self, mosquitto: MosquittoBroker, draining: Subscriber, protocol: str
    ) -> None:
        """And leaves no session behind."""
        await draining.start()
        assert await _drain(draining) == []
        assert not _has_session(mosquitto.url(), protocol)


async def test_a_session_in_use_is_not_drained(mosquitto: MosquittoBroker) -> None:
    """Two clients of one name cut each other off: the one that drains says so and ends."""
    draining = _make("5", mosquitto.url(), is_draining=True)
    async with _subscribed(draining), _subscribed(_make("5", mosquitto.url())):
        with pytest.raises(UserError, match="ingest-1"):
            await _receive_for_ever(draining)
    assert _has_session(mosquitto.url(), "5")


async def test_who_joins_a_group_leaves_the_subscription_that_it_had_alone(
    mosquitto: MosquittoBroker, gateway: Publisher
) -> None:
    """Otherwise it would get its own share twice and everybody else's besides."""
    address = BrokerAddress.of_url(mosquitto.url())
    async with _subscribed(Mqtt5Subscriber(address, Subscription("ingest-1", "", 100, 600))):
        pass
    gateway.publish([Sent("before", NOON_MS)])
    gateway.wait_until_acknowledged()
    async with _subscribed(_make("5", mosquitto.url())) as subscriber:
        gateway.publish([Sent("after", NOON_MS)])
        gateway.wait_until_acknowledged()
        assert _serials(await _receive(subscriber, 2)) == ["before", "after"]
        assert await subscriber.receive(1, _AGE_S, 0.3) is None


async def _drain(subscriber: Subscriber) -> list[str]:
    """The serials of all that came, once the session is ended."""
    serials: list[str] = []
    async with asyncio.timeout(30):
        while not await subscriber.end_if_empty():
            if batch := await subscriber.receive(100, _AGE_S, 0.1):
                serials += _serials([batch])
                subscriber.acknowledge(batch)
    return serials


def _has_session(url: str, protocol: str) -> bool:
    """Whether the broker keeps a session under the ingester's name; it does so afterwards too."""
    address = BrokerAddress.of_url(url)
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id="ingest-1",
        protocol=paho.MQTTv5 if protocol == "5" else paho.MQTTv311,
        clean_session=None if protocol == "5" else False,
    )
    client.username_pw_set(address.username, address.password)
    present: list[bool] = []
    client.on_connect = lambda _client, _data, flags, *_rest: present.append(flags.session_present)
    properties: Properties | None = None
    if protocol == "5":
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 600
    client.connect(
        address.host,
        address.port,
        clean_start=False if protocol == "5" else paho.MQTT_CLEAN_START_FIRST_ONLY,
        properties=properties,
    )
    while not present:
        assert client.loop() == paho.MQTT_ERR_SUCCESS
    client.disconnect()
    return present[0]
