"""Subscriber for MQTT 3.1.1 brokers, over paho-mqtt with manual acknowledgement.

MQTT 3.1.1 has no Receive Maximum: the broker's own limit of messages in flight is the window
(Mosquitto: `max_inflight_messages`, 20 unless set). It has no shared subscriptions either, and a
broker sends its retained messages at each subscription again, which changes nothing: they are
stored already.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from typing import Final

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.inbox import Inbox
from ingest.message import Batch, Message
from ingest.session_troubles import SessionTrouble, SessionTroubles
from ingest.subscriber import KEEP_ALIVE_S, Subscription
from jieru.broker import BrokerAddress
from jieru.errors import UserError, WorldError
from jieru.i18n import marked

__all__ = ["Mqtt311Subscriber"]

_QOS: Final = 1
_LONGEST_DELAY_S: Final = 5
_ANSWER_TIMEOUT_S: Final = 10
_LOOK_S: Final = 0.1
_SHORT_S: Final = 10.0
"""A connection that the broker ends sooner than this was ended for a reason that it cannot tell."""
_SUSPICIOUS: Final = 3
"""Short connections in a row, after which somebody else is supposed to have our name."""
_LONGEST_WAIT_S: Final = 60
_REFUSALS: Final = {
    134: marked("The broker at {address} refuses the user name or password in JIERU_MQTT_URL."),
    135: marked(
        "The broker at {address} does not authorize the user in JIERU_MQTT_URL to connect."
    ),
    133: marked(
        "The broker at {address} does not accept the client id; set another JIERU_INGEST_CLIENT_ID."
    ),
}
"""By the MQTT 5 code into which paho translates a CONNACK return code."""

_log = structlog.get_logger()


class Mqtt311Subscriber:
    """Receives heartbeats from an MQTT 3.1.1 broker; see `Subscriber`.

    paho runs in a thread of its own. What it receives waits in `_received` under a lock and is
    fetched by the event loop; the epoch grows when paho reports a lost connection, which it does
    before it tries the next one, so an acknowledgement can never reach the wrong connection.
    """

    def __init__(self, address: BrokerAddress, subscription: Subscription) -> None:
        """Know where to connect to and what to ask for; nothing happens yet.

        Raises:
            UserError: a shared subscription is asked for, which MQTT 3.1.1 does not have.
        """
        if subscription.group:
            raise UserError(
                "MQTT 3.1.1 has no shared subscriptions: run a single ingester with "
                "JIERU_INGEST_GROUP= (empty), or use an MQTT 5 broker."
            )
        self._address = address
        self._subscription = subscription
        self._inbox = Inbox(limit=subscription.receive_maximum, on_room=self._make_room)
        self._lock = threading.Lock()
        self._room = threading.Event()
        self._room.set()
        self._received: deque[tuple[int, Message]] = deque()
        self._epoch = 0
        self._unsubscribed_id: int | None = None
        """Packet id of the last answer to an unsubscription."""
        self._refused: UserError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_connected = False
        self.troubles = SessionTroubles()
        self._expects_session = subscription.expects_session
        self._connected_s = 0.0
        self._short_connections = 0
        self._client = self._make_client()
        self._listen(self._client)

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
        self._loop = asyncio.get_running_loop()
        self._client.connect_async(self._address.host, self._address.port, KEEP_ALIVE_S)
        self._client.loop_start()

    async def receive(self, size: int, age_s: float, idle_s: float) -> Batch | None:
        """Up to `size` messages; see `Subscriber.receive`."""
        if self._refused is not None:
            raise self._refused
        return await self._inbox.take(size, age_s, idle_s)

    def acknowledge(self, batch: Batch) -> bool:
        """Acknowledge in the order of receipt."""
        if not self._inbox.settle(batch):
            return False
        with self._lock:
            if batch.epoch != self._epoch:
                return False
            for message in batch.messages:
                if message.packet_id is not None:
                    self._client.ack(message.packet_id, _QOS)
        return True

    async def end_if_empty(self) -> bool:
        """End the session if the broker has nothing more for it; see `Subscriber.end_if_empty`.

        Raises:
            WorldError: it went away at the last moment, and keeps an empty session.
        """
        epoch = self._epoch
        if not self.is_connected or self._inbox.unacknowledged:
            return False
        _result, packet_id = self._client.unsubscribe(self._subscription.every)
        if packet_id is None:  # the connection was just lost
            return False
        deadline_s = time.monotonic() + _ANSWER_TIMEOUT_S
        # Messages that fill the inbox would keep the answer behind them from being read; and an
        # earlier answer may still be unread, behind messages that have been acknowledged since.
        while self._unsubscribed_id != packet_id and not self._inbox.unacknowledged:
            if epoch != self._epoch or time.monotonic() > deadline_s:
                return False
            await asyncio.sleep(_LOOK_S)
        if epoch != self._epoch or self._inbox.unacknowledged:
            return False
        await self.close()
        await asyncio.to_thread(self._end_session)
        return True

    def _end_session(self) -> None:
        """Come back without a session, which ends the one that there was (MQTT 3.1.1, 3.1.2.4)."""
        client = self._make_client(clean_session=True)
        try:
            client.connect(self._address.host, self._address.port, KEEP_ALIVE_S)
            deadline_s = time.monotonic() + _ANSWER_TIMEOUT_S
            while not client.is_connected():
                if client.loop() != paho.MQTT_ERR_SUCCESS or time.monotonic() > deadline_s:
                    raise TimeoutError
            client.disconnect()
        except OSError:
            raise WorldError(
                "The session of {client_id} is empty, but the broker at {address} went away before "
                "it was ended; try again.",
                client_id=self._subscription.client_id,
                address=self._address,
            ) from None

    async def close(self) -> None:
        """Leave; the broker keeps the session."""
        self._room.set()
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _make_client(self, *, clean_session: bool = False) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._subscription.client_id,
            clean_session=clean_session,
            protocol=paho.MQTTv311,
            manual_ack=True,
        )
        client.reconnect_delay_set(min_delay=1, max_delay=_LONGEST_DELAY_S)
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        context = self._address.tls_context()
        if context is not None:
            client.tls_set_context(context)
        return client

    def _listen(self, client: paho.Client) -> None:
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe
        client.on_message = self._on_message

    # Called by paho in its own thread.

    def _on_connect(
        self,
        client: paho.Client,
        _userdata: object,
        flags: paho.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._connected_s = time.monotonic()
        if reason.value in _REFUSALS:
            self._refuse(UserError(_REFUSALS[reason.value], address=self._address))
        elif not reason.is_failure and self._subscription.is_draining:
            client.unsubscribe(self._subscription.every)
        elif not reason.is_failure:
            self._note_session(is_present=flags.session_present)
            client.subscribe([(wanted, _QOS) for wanted in self._subscription.wanted])

    def _on_subscribe(
        self,
        _client: paho.Client,
        _userdata: object,
        _packet_id: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        for wanted, reason in zip_longest(self._subscription.wanted, reasons):
            if reason is None or reason.is_failure or reason.value != _QOS:
                self._refuse(
                    UserError(
                        "The broker at {address} refuses the subscription to {topic_filter} "
                        "({reason}); allow the user in JIERU_MQTT_URL to read it.",
                        address=self._address,
                        topic_filter=wanted,
                        reason=reason,
                    )
                )
                return
        self.is_connected = True
        _log.info(
            "subscribed",
            broker=str(self._address),
            topic_filters=self._subscription.wanted,
        )

    def _on_unsubscribe(
        self,
        _client: paho.Client,
        _userdata: object,
        packet_id: int,
        _reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if not self.is_connected:
            self.is_connected = True
            _log.info("draining", broker=str(self._address))
        # Behind the messages that came before: the loop takes one after the other.
        self._call_soon(partial(self._note_unsubscribed, packet_id))

    def _on_disconnect(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self.is_connected = False
        with self._lock:
            self._epoch += 1
            self._received.clear()
        self._call_soon(self._fetch)
        if reason.is_failure:
            _log.warning("broker_connection_lost", broker=str(self._address), reason=str(reason))
            self._note_end(is_short=time.monotonic() - self._connected_s < _SHORT_S)

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

    def _note_end(self, *, is_short: bool) -> None:
        """MQTT 3.1.1 does not say that somebody else came under our name; it only looks so."""
        self._short_connections = self._short_connections + 1 if is_short else 0
        delay_s = min(2**self._short_connections, _LONGEST_WAIT_S) if is_short else 1
        self._client.reconnect_delay_set(
            min_delay=delay_s, max_delay=max(delay_s, _LONGEST_DELAY_S)
        )
        if self._short_connections >= _SUSPICIOUS:
            self.troubles.note(SessionTrouble.TAKEN_OVER, time.monotonic())
            _log.error(
                "session_taken_over",
                broker=str(self._address),
                client_id=self._subscription.name,
                advice="The broker ends every connection at once. Another ingester may run under "
                "this name: give each a JIERU_INGEST_CLIENT_ID of its own.",
            )

    def _on_message(
        self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage
    ) -> None:
        taken = Message(
            message.topic,
            bytes(message.payload[: self._subscription.payload_limit_bytes]),
            len(message.payload),
            time.time_ns() // 1_000_000,
            message.mid if message.qos else None,
        )
        with self._lock:
            is_first = not self._received
            self._received.append((self._epoch, taken))
        if is_first:
            self._call_soon(self._fetch)
        # Bounds memory where the broker's window does not. A long wait costs the connection,
        # and with it nothing but a second delivery.
        self._room.wait()

    def _refuse(self, error: UserError) -> None:
        self._refused = error
        self._client.disconnect()

    def _call_soon(self, function: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)

    # Called in the event loop.

    def _fetch(self) -> None:
        with self._lock:
            received, epoch = list(self._received), self._epoch
            self._received.clear()
        if epoch != self._inbox.epoch:
            while self._inbox.epoch < epoch:
                self._inbox.begin_epoch()
            self._room.set()  # an inbox that was full is empty now, and nobody else will say so
        messages = [message for of, message in received if of == epoch]
        if messages:
            self._inbox.put(messages)
        if self._inbox.is_full:
            self._room.clear()

    def _note_unsubscribed(self, packet_id: int) -> None:
        self._unsubscribed_id = packet_id

    def _make_room(self) -> None:
        self._room.set()
