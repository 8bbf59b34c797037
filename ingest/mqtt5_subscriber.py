"""Subscriber for MQTT 5 brokers: the `mqtt5` codec under an `asyncio.Protocol` of our own.

A client library's queue, callback and future for every message cost more than the heartbeat's
whole way to the database; here a read from the socket becomes a list of messages, and a batch's
PUBACKs become one write. Section numbers are those of the MQTT 5.0 specification (OASIS).
"""

import asyncio
import contextlib
import random
import time
from itertools import cycle, zip_longest
from typing import Any, Final, TypeVar

import mqtt5
import structlog

from ingest.inbox import Inbox
from ingest.message import Batch
from ingest.mqtt5_packets import encode_pubacks, read_packets
from ingest.session_troubles import SessionTrouble, SessionTroubles
from ingest.subscriber import KEEP_ALIVE_S, Subscription
from jieru.broker import BrokerAddress
from jieru.errors import UserError
from jieru.i18n import marked
from jieru.retry import backoff_delays

__all__ = ["Mqtt5Subscriber"]

_CONNECT_TIMEOUT_S: Final = 10
_LARGEST_PACKET_BYTES: Final = 16 * 1024 * 1024
"""A broker drops what is larger (3.1.2.11.4); all below is received, if only to be refused."""
_GATHER_S: Final = 0.005
_MUCH_BYTES: Final = 64 * 1024
"""A broker writes every message by itself. To read every one by itself would cost more than to
decode it, so after a read that brought little the socket is left alone for some milliseconds."""
_LOOK_S: Final = 0.1
_STEADY_S: Final = 60.0
"""A connection that lasted so long was a good one; what ended it is a new matter."""
_PATIENCE: Final = 12
"""Times the usual wait, at most, when somebody else comes under our name again and again."""
_SUBSCRIBE_PACKET_ID: Final = 1
_FIRST_UNSUBSCRIBE_PACKET_ID: Final = 2
_LAST_PACKET_ID: Final = 65_535
_GRANTED: Final = int(mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE)
_UNSUBSCRIBED: Final = (
    int(mqtt5.UnsubAckReasonCode.SUCCESS),
    int(mqtt5.UnsubAckReasonCode.NO_SUBSCRIPTION_EXISTED),
)

# By number: the codec's enumerations are neither hashable nor ordered, nor have they names.
_REFUSALS: Final = {
    int(mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD): marked(
        "The broker at {address} refuses the user name or password in JIERU_MQTT_URL."
    ),
    int(mqtt5.ConnAckReasonCode.NOT_AUTHORIZED): marked(
        "The broker at {address} does not authorize the user in JIERU_MQTT_URL to connect."
    ),
    int(mqtt5.ConnAckReasonCode.CLIENT_ID_NOT_VALID): marked(
        "The broker at {address} does not accept the client id; set another JIERU_INGEST_CLIENT_ID."
    ),
    int(mqtt5.ConnAckReasonCode.UNSUPPORTED_PROTOCOL_VERSION): marked(
        "The broker at {address} does not speak MQTT 5; set JIERU_MQTT_PROTOCOL=3.1.1."
    ),
}

_log = structlog.get_logger()


class _ConnectionLostError(Exception):
    """This connection ended; another is tried."""


class _Connection(asyncio.Protocol):
    """One connection: bytes in, messages into the inbox; acknowledgements out."""

    def __init__(
        self, inbox: Inbox, loop: asyncio.AbstractEventLoop, payload_limit_bytes: int
    ) -> None:
        self._inbox = inbox
        self._payload_limit_bytes = payload_limit_bytes
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._is_paused = False
        self.last_received_s = loop.time()
        self._loop = loop
        self.connack: asyncio.Future[mqtt5.ConnAckPacket] = loop.create_future()
        self.suback: asyncio.Future[mqtt5.SubAckPacket] = loop.create_future()
        self.unsuback: asyncio.Future[mqtt5.UnsubAckPacket] = loop.create_future()
        self._unsubscribe_ids = cycle(range(_FIRST_UNSUBSCRIBE_PACKET_ID, _LAST_PACKET_ID + 1))
        self._unsubscribe_id = 0
        self.lost: asyncio.Future[str] = loop.create_future()
        self.is_taken_over = False
        """Whether the broker ended it because somebody else came under our name."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream transport is needed")
        self._transport = transport

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def unsubscribe(self, topic_filters: list[str]) -> None:
        """Ask for no more, and expect the answer to this and to no earlier request.

        An earlier one's may still be unread, behind messages that have been acknowledged since.
        """
        self.unsuback = self._loop.create_future()
        self._unsubscribe_id = next(self._unsubscribe_ids)
        self.write(mqtt5.UnsubscribePacket(self._unsubscribe_id, topic_filters).write())

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)
        if self._transport is not None:
            self._transport.abort()

    def resume(self) -> None:
        """Read on, unless the inbox is full."""
        if (
            self._is_paused
            and not self._inbox.is_full
            and self._transport is not None
            and not self._transport.is_closing()
        ):
            self._is_paused = False
            self._transport.resume_reading()

    def _pause(self) -> None:
        if not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(str(exc) if exc else "closed by the broker")

    def data_received(self, data: bytes) -> None:
        self.last_received_s = self._loop.time()
        if self._rest:
            data = self._rest + data
        try:
            consumed, messages, others = read_packets(
                data, time.time_ns() // 1_000_000, self._payload_limit_bytes
            )
            for packet in others:
                self._take_control(packet)
        except (ValueError, _ConnectionLostError) as error:
            self.abort(f"protocol error: {error}")
            return
        self._rest = data[consumed:]
        if messages:
            self._inbox.put(messages)
            if self._inbox.is_full:
                self._pause()
            elif len(data) < _MUCH_BYTES:
                self._pause()
                self._loop.call_later(_GATHER_S, self.resume)

    def _take_control(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.ConnAckPacket):
            if not self.connack.done():
                self.connack.set_result(packet)
        elif isinstance(packet, mqtt5.SubAckPacket):
            if not self.suback.done():
                self.suback.set_result(packet)
        elif isinstance(packet, mqtt5.UnsubAckPacket):
            if packet.packet_id == self._unsubscribe_id and not self.unsuback.done():
                self.unsuback.set_result(packet)
        elif isinstance(packet, mqtt5.DisconnectPacket):
            taken_over = mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER
            self.is_taken_over = int(packet.reason_code) == int(taken_over)
            raise _ConnectionLostError(f"the broker said {packet.reason_code!r}")


class Mqtt5Subscriber:
    """Receives heartbeats from an MQTT 5 broker; see `Subscriber`."""

    def __init__(self, address: BrokerAddress, subscription: Subscription) -> None:
        """Know where to connect to and what to ask for; nothing happens yet."""
        self._address = address
        self._subscription = subscription
        self._inbox = Inbox(limit=subscription.receive_maximum, on_room=self._resume)
        self._connection: _Connection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._is_ending = False
        self._expects_session = subscription.expects_session
        self.troubles = SessionTroubles()
        self.is_connected = False

    @property
    def unacknowledged(self) -> int:
        """Messages of this connection received and not yet acknowledged."""
        return self._inbox.unacknowledged

    @property
    def window(self) -> int | None:
        """Messages that the broker leaves unacknowledged at most; see `Subscriber.window`."""
        return self._inbox.window

    async def start(self) -> None:
        """Begin to connect; returns at once."""
        self._keeper = asyncio.create_task(self._keep_connected(), name="mqtt5 connection")

    async def receive(self, size: int, age_s: float, idle_s: float) -> Batch | None:
        """Up to `size` messages; see `Subscriber.receive`."""
        if self._keeper is not None and self._keeper.done():
            self._keeper.result()  # raises what ended it
        return await self._inbox.take(size, age_s, idle_s)

    def acknowledge(self, batch: Batch) -> bool:
        """Acknowledge in the order of receipt (4.6), by one write."""
        if not self._inbox.settle(batch) or self._connection is None:
            return False
        packet_ids = [message.packet_id for message in batch.messages]
        self._connection.write(encode_pubacks([each for each in packet_ids if each is not None]))
        return True

    async def end_if_empty(self) -> bool:
        """End the session if the broker has nothing more for it; see `Subscriber.end_if_empty`."""
        connection = self._connection
        if connection is None or not self.is_connected or self._inbox.unacknowledged:
            return False
        asking = asyncio.create_task(self._unsubscribe(connection, self._subscription.every))
        try:
            # Messages that fill the inbox would keep the answer behind them from being read.
            while not (asking.done() or self._inbox.unacknowledged):
                await asyncio.wait([asking], timeout=_LOOK_S)
            if asking.done():
                asking.result()
        except _ConnectionLostError:
            return False
        finally:
            asking.cancel()
        if connection.lost.done() or self._inbox.unacknowledged:
            return False
        self._is_ending = True
        await self.close()
        await connection.lost  # what was written is on its way
        return True

    async def close(self) -> None:
        """Leave; the broker keeps the session for as long as was agreed."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError, UserError):
                await self._keeper

    def _resume(self) -> None:
        if self._connection is not None:
            self._connection.resume()

    async def _keep_connected(self) -> None:
        delays = backoff_delays(random.random)
        takeovers = 0
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection = await self._connect()
            except (OSError, TimeoutError, _ConnectionLostError) as error:
                reason = str(error) or type(error).__name__
            else:
                connected_s = loop.time()
                try:
                    reason = await self._watch(connection)
                except asyncio.CancelledError:
                    expiry_s = 0 if self._is_ending else None  # ends the session (3.14.2.2.2)
                    connection.write(
                        mqtt5.DisconnectPacket(session_expiry_interval=expiry_s).write()
                    )
                    connection.close()
                    raise
                finally:
                    self.is_connected = False
                if connection.is_taken_over and self._subscription.is_draining:
                    raise UserError(
                        "Another process runs as {client_id}: stop it, then drain its session.",
                        client_id=self._subscription.name,
                    )
                if loop.time() - connected_s >= _STEADY_S:
                    delays, takeovers = backoff_delays(random.random), 0
                if connection.is_taken_over:
                    takeovers += 1
                    self._note_takeover()
            delay = next(delays) * min(2**takeovers, _PATIENCE)
            _log.warning(
                "broker_connection_lost",
                broker=str(self._address),
                reason=reason,
                retry_seconds=round(delay, 2),
            )
            await asyncio.sleep(delay)

    def _note_takeover(self) -> None:
        self.troubles.note(SessionTrouble.TAKEN_OVER, time.monotonic())
        _log.error(
            "session_taken_over",
            broker=str(self._address),
            client_id=self._subscription.name,
            advice="Another ingester runs under this name, or somebody knows it: give each "
            "ingester a JIERU_INGEST_CLIENT_ID of its own.",
        )

    def _note_session(self, *, is_present: bool) -> None:
        if self._expects_session and not is_present:
            self.troubles.note(SessionTrouble.LOST, time.monotonic())
            _log.error(
                "session_lost",
                broker=str(self._address),
                client_id=self._subscription.name,
                advice="The broker did not keep the session: heartbeats that it acknowledged "
                "meanwhile may be lost.",
            )
        self._expects_session = True

    async def _connect(self) -> _Connection:
        """Connect, check what the broker can do, subscribe; or unsubscribe, to be drained.

        Raises:
            UserError: it refuses what no waiting heals.
            OSError, TimeoutError, _ConnectionLostError: another try may succeed.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            _transport, connection = await loop.create_connection(
                lambda: _Connection(self._inbox, loop, self._subscription.payload_limit_bytes),
                self._address.host,
                self._address.port,
                ssl=self._address.tls_context(),
            )
            try:
                # From here on messages may come: a kept session delivers before the SUBACK.
                self._inbox.begin_epoch()
                self._connection = connection
                connection.write(self._connect_packet().write())
                connack = await _answer(connection.connack, connection)
                self._check(connack)
                if self._subscription.is_draining:
                    await self._unsubscribe(connection, self._subscription.every)
                else:
                    self._note_session(is_present=connack.session_present)
                    await self._subscribe(connection, is_kept=connack.session_present)
            except BaseException:
                connection.abort("gave up")
                raise
        self.is_connected = True
        _log.info(
            "draining" if self._subscription.is_draining else "subscribed",
            broker=str(self._address),
            topic_filters=self._subscription.wanted,
            session_present=connack.session_present,
        )
        return connection

    def _connect_packet(self) -> mqtt5.ConnectPacket:
        password = self._address.password
        return mqtt5.ConnectPacket(
            self._subscription.client_id,
            username=self._address.username,
            password=None if password is None else password.encode(),
            clean_start=False,
            keep_alive=KEEP_ALIVE_S,
            session_expiry_interval=self._subscription.session_expiry_s,
            receive_max=self._subscription.receive_maximum,
            max_packet_size=_LARGEST_PACKET_BYTES,
        )

    async def _subscribe(self, connection: _Connection, *, is_kept: bool) -> None:
        connection.write(self._subscribe_packet().write())
        self._check_granted(await _answer(connection.suback, connection))
        if is_kept and self._subscription.unwanted:
            await self._unsubscribe(connection, self._subscription.unwanted)

    async def _unsubscribe(self, connection: _Connection, topic_filters: list[str]) -> None:
        """Want no more; what the session holds still comes, and before the answer to this.

        Raises:
            UserError: the broker refuses.
            _ConnectionLostError: there is no answer.
        """
        connection.unsubscribe(topic_filters)
        for code in (await _answer(connection.unsuback, connection)).reason_codes:
            if int(code) not in _UNSUBSCRIBED:
                raise UserError(
                    "The broker at {address} refuses to end the subscription ({reason}).",
                    address=self._address,
                    reason=repr(code),
                )

    def _subscribe_packet(self) -> mqtt5.SubscribePacket:
        return mqtt5.SubscribePacket(
            _SUBSCRIBE_PACKET_ID,
            [
                mqtt5.TopicFilter(
                    wanted,
                    max_qos=mqtt5.QoS.AT_LEAST_ONCE,
                    # They came when they were published, and are stored already.
                    retain_handling=mqtt5.RetainHandling.SEND_NEVER,
                )
                for wanted in self._subscription.wanted
            ],
        )

    def _check(self, connack: mqtt5.ConnAckPacket) -> None:
        code = int(connack.reason_code)
        if code in _REFUSALS:
            raise UserError(_REFUSALS[code], address=self._address)
        if code != int(mqtt5.ConnAckReasonCode.SUCCESS):
            raise _ConnectionLostError(f"the broker said {connack.reason_code!r}")
        if int(connack.max_qos) < int(mqtt5.QoS.AT_LEAST_ONCE):
            raise UserError(
                "The broker at {address} offers no QoS 1, without which heartbeats get lost; "
                "use another broker.",
                address=self._address,
            )
        if not connack.wildcard_subscription_available:
            raise UserError(
                "The broker at {address} offers no wildcard subscriptions; use another broker.",
                address=self._address,
            )
        if self._subscription.group and not connack.shared_subscription_available:
            raise UserError(
                "The broker at {address} offers no shared subscriptions; run a single ingester "
                "with JIERU_INGEST_GROUP= (empty), or use another broker.",
                address=self._address,
            )
        kept_s = connack.session_expiry_interval
        if kept_s is not None and kept_s < self._subscription.session_expiry_s:
            _log.warning("session_expiry_shortened_by_broker", seconds=kept_s)

    def _check_granted(self, suback: mqtt5.SubAckPacket) -> None:
        for wanted, code in zip_longest(self._subscription.wanted, suback.reason_codes):
            if code is None or int(code) != _GRANTED:
                raise UserError(
                    "The broker at {address} refuses the subscription to {topic_filter} "
                    "({reason}); allow the user in JIERU_MQTT_URL to read it.",
                    address=self._address,
                    topic_filter=wanted,
                    reason=repr(code),
                )

    async def _watch(self, connection: _Connection) -> str:
        """Ping when it is quiet (3.1.2.10) until the connection is lost.

        Returns:
            Why it was lost.
        """
        loop = asyncio.get_running_loop()
        ping = mqtt5.PingReqPacket().write()
        while True:
            done, _pending = await asyncio.wait([connection.lost], timeout=KEEP_ALIVE_S / 2)
            if done:
                return connection.lost.result()
            # A paused connection reads no answers, which is our doing and not the broker's.
            if not self._inbox.is_full and (
                loop.time() - connection.last_received_s > 1.5 * KEEP_ALIVE_S
            ):
                connection.abort("no answer from the broker")
            connection.write(ping)


_Answer = TypeVar("_Answer")


async def _answer(answer: asyncio.Future[_Answer], connection: _Connection) -> _Answer:
    waiting: list[asyncio.Future[Any]] = [answer, connection.lost]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if answer.done():
        return answer.result()
    raise _ConnectionLostError(connection.lost.result())
