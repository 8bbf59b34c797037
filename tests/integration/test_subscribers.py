"""The contract of a subscriber, kept alike by both, against a real Mosquitto."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from ingest.message import Batch
from ingest.mqtt5_subscriber import Mqtt5Subscriber
from ingest.mqtt311_subscriber import Mqtt311Subscriber
from ingest.subscriber import Subscriber, Subscription
from jieru.broker import BrokerAddress
from jieru.errors import UserError
from tests.support.fleet import PLATFORM, Publisher, Sent
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
    protocol: str, url: str, *, receive_maximum: int = 100, client_id: str = "ingest-1"
) -> Subscriber:
    subscription = Subscription(
        client_id=client_id,
        group="jieru" if protocol == "5" else "",
        receive_maximum=receive_maximum,
        session_expiry_s=600,
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
        assert not first.is_retained
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


async def test_mqtt5_knows_a_retained_message_when_it_is_published(
    mosquitto: MosquittoBroker, gateway: Publisher
) -> None:
    """A plain subscription asks for the flag as published."""
    subscription = Subscription("ingest-1", "", 100, 600)
    subscriber = Mqtt5Subscriber(BrokerAddress.of_url(mosquitto.url()), subscription)
    async with _subscribed(subscriber):
        gateway.publish_raw(topic_of("D1"), b"{}", is_retained=True)
        (batch,) = await _receive(subscriber, 1)
        assert batch.messages[0].is_retained


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
