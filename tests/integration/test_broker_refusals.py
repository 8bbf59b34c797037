"""What brokers may refuse and Mosquitto cannot be made to: said by a small server of our own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import mqtt5
import pytest

from ingest.mqtt5_subscriber import Mqtt5Subscriber
from ingest.mqtt311_subscriber import Mqtt311Subscriber
from ingest.subscriber import Subscriber, Subscription
from jieru.broker import BrokerAddress
from jieru.errors import UserError
from jieru.wire import HEARTBEAT_TOPIC_FILTERS

_ONE = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
_GRANTED = mqtt5.SubAckPacket(1, [_ONE] * len(HEARTBEAT_TOPIC_FILTERS)).write()
_GOOD_CONNACK = mqtt5.ConnAckPacket().write()


@asynccontextmanager
async def _server(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[BrokerAddress]:
    """A server that talks to each client as told, then waits until the client leaves."""
    conversations = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        with suppress(ConnectionError):
            await talk(reader, writer)
            await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield BrokerAddress("127.0.0.1", server.sockets[0].getsockname()[1])
        await asyncio.gather(*conversations)


@asynccontextmanager
async def _broker(*answers: bytes) -> AsyncIterator[BrokerAddress]:
    """A server that answers the first packet with the first answer, and so on."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            if not await reader.read(65_536):
                break
            writer.write(answer)
            await writer.drain()

    async with _server(talk) as address:
        yield address


async def _refusal(subscriber: Subscriber) -> str:
    await subscriber.start()
    try:
        with pytest.raises(UserError) as caught:
            await _receive_for_ever(subscriber)
    finally:
        await subscriber.close()
    return str(caught.value)


async def _receive_for_ever(subscriber: Subscriber) -> None:
    async with asyncio.timeout(20):
        while True:
            await subscriber.receive(1, 0.01, 0.05)


@pytest.mark.parametrize(
    ("connack", "suback", "said"),
    [
        (mqtt5.ConnAckPacket(shared_subscription_available=False), _GRANTED, "JIERU_INGEST_GROUP"),
        (mqtt5.ConnAckPacket(wildcard_subscription_available=False), _GRANTED, "wildcard"),
        (mqtt5.ConnAckPacket(max_qos=mqtt5.QoS.AT_MOST_ONCE), _GRANTED, "QoS 1"),
        (
            mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION),
            _GRANTED,
            "JIERU_MQTT_PROTOCOL=3.1.1",
        ),
        (
            mqtt5.ConnAckPacket(),
            mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.NOT_AUTHORIZED]).write(),
            "JIERU_MQTT_URL",
        ),
        (
            mqtt5.ConnAckPacket(),
            mqtt5.SubAckPacket(1, [_ONE, mqtt5.SubAckReasonCode.NOT_AUTHORIZED, _ONE]).write(),
            "$share/jieru/jieru/v1/+/own/+/heartbeat (",
        ),
        (
            mqtt5.ConnAckPacket(),
            mqtt5.SubAckPacket(1, [_ONE]).write(),
            "$share/jieru/jieru/v1/+/own/+/heartbeat (None)",
        ),
        (
            mqtt5.ConnAckPacket(),
            mqtt5.SubAckPacket(
                1, [mqtt5.SubAckReasonCode.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED]
            ).write(),
            "SHARED_SUBSCRIPTIONS_NOT_SUPPORTED",
        ),
        (
            mqtt5.ConnAckPacket(),
            mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_MOST_ONCE]).write(),
            "GRANTED_QOS_AT_MOST_ONCE",
        ),
    ],
)
async def test_what_an_mqtt5_broker_cannot_do_is_said_clearly(
    monkeypatch: pytest.MonkeyPatch, connack: mqtt5.ConnAckPacket, suback: bytes, said: str
) -> None:
    """Before a single message is lost by it."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    async with _broker(connack.write(), suback) as address:
        subscriber = Mqtt5Subscriber(address, Subscription("one", "jieru", 100, 600))
        assert said in await _refusal(subscriber)


@pytest.mark.parametrize(
    ("suback", "refused"),
    [
        (b"\x90\x05\x00\x01\x80\x01\x01", "jieru/v1/+/+/heartbeat"),
        (b"\x90\x05\x00\x01\x01\x01\x00", "jieru/v1/+/via/+/+/heartbeat"),
        (b"\x90\x03\x00\x01\x01", "jieru/v1/+/own/+/heartbeat"),
    ],
)
async def test_a_refused_subscription_of_mqtt_311_is_said_clearly(
    monkeypatch: pytest.MonkeyPatch, suback: bytes, refused: str
) -> None:
    """SUBACK 0x80 (MQTT 3.1.1, 3.9.3), QoS 0, or no answer to one of the filters."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    async with _broker(b"\x20\x02\x00\x00", suback) as address:
        subscriber = Mqtt311Subscriber(address, Subscription("one", "", 100, 600))
        said = await _refusal(subscriber)
    assert "JIERU_MQTT_URL" in said
    assert f" {refused} (" in said


async def test_bytes_that_are_not_mqtt5_end_the_connection_and_not_the_ingester() -> None:
    """Another server on the port, or a broken one: it is tried again."""
    async with _broker(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        subscriber = Mqtt5Subscriber(address, Subscription("one", "jieru", 100, 600))
        await subscriber.start()
        for _attempt in range(5):
            assert await subscriber.receive(1, 0.01, 0.1) is None
        assert not subscriber.is_connected
        await subscriber.close()


async def test_packets_in_pieces_are_put_together() -> None:
    """A read from the socket ends anywhere, even within the length of a packet."""
    publish = mqtt5.PublishPacket(
        "jieru/v1/ab/D1/heartbeat", b"{}" * 100, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=7
    ).write()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (_GOOD_CONNACK, _GRANTED):
            await reader.read(65_536)
            writer.write(answer)
        for byte in publish * 3:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    async with _server(talk) as address:
        subscriber = Mqtt5Subscriber(address, Subscription("one", "jieru", 100, 600))
        await subscriber.start()
        batch = await subscriber.receive(3, 5, 5)
        assert batch is not None
        assert [message.payload for message in batch.messages] == [b"{}" * 100] * 3
        await subscriber.close()


async def test_an_answer_to_an_earlier_question_ends_no_session() -> None:
    """It comes late, behind messages that are acknowledged by then; the broker has another one.

    Only the answer to the last question says that there is nothing more.
    """
    ended: list[mqtt5.Packet] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        packets = _packets(reader)
        await anext(packets)
        writer.write(mqtt5.ConnAckPacket(session_present=True).write())
        writer.write(_unsuback(await anext(packets)))
        asked = await anext(packets)
        writer.write(_heartbeat(1))
        await anext(packets)  # it is acknowledged
        await anext(packets)  # it asks again
        writer.write(_unsuback(asked))
        await asyncio.sleep(0.5)  # this one is read, and more is to come
        writer.write(_heartbeat(2))
        await anext(packets)
        writer.write(_unsuback(await anext(packets)))
        ended.append(await anext(packets))

    received = 0
    async with _server(talk) as address:
        subscriber = Mqtt5Subscriber(address, Subscription("one", "", 10, 60, is_draining=True))
        await subscriber.start()
        async with asyncio.timeout(20):
            while not await subscriber.end_if_empty():
                if batch := await subscriber.receive(10, 0.01, 0.05):
                    received += len(batch.messages)
                    subscriber.acknowledge(batch)
    assert received == 2
    (farewell,) = ended
    assert isinstance(farewell, mqtt5.DisconnectPacket)
    assert farewell.session_expiry_interval == 0


async def _packets(reader: asyncio.StreamReader) -> AsyncIterator[mqtt5.Packet]:
    """What a client sends, packet by packet, until it leaves."""
    rest = b""
    while data := await reader.read(65_536):
        rest += data
        while rest:
            packet, size = mqtt5.read(memoryview(rest))
            rest = rest[size:]
            yield packet


def _unsuback(packet: mqtt5.Packet) -> bytes:
    assert isinstance(packet, mqtt5.UnsubscribePacket)
    codes = [mqtt5.UnsubAckReasonCode.SUCCESS] * len(packet.patterns)
    return mqtt5.UnsubAckPacket(packet.packet_id, codes).write()


def _heartbeat(packet_id: int) -> bytes:
    return mqtt5.PublishPacket(
        "jieru/v1/xielian/one/heartbeat",
        payload=b"{}",
        qos=mqtt5.QoS.AT_LEAST_ONCE,
        packet_id=packet_id,
    ).write()
