"""One connection to the broker that publishes as fast as it is acknowledged, or as it is due.

At QoS 1 within the Receive Maximum that the broker grants (MQTT 5.0, 3.2.2.3.3). What was not
acknowledged when a connection broke is sent again over the next, before all else.
"""

import asyncio
import random
import time
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, Final

import mqtt5

from jieru.broker import BrokerAddress
from jieru.errors import UserError, WorldError
from jieru.retry import backoff_delays
from simulators.load.ledger import Ledger
from simulators.load.packets import PacketError, Puback, duplicate_of, publish_packet, read_pubacks
from simulators.load.payloads import MessageMaker
from simulators.load.turns import Turn
from simulators.refusals import REFUSALS

__all__ = ["LoadPublisher"]

_KEEP_ALIVE_S: Final = 30
_CONNECT_TIMEOUT_S: Final = 10
_AT_ONCE: Final = 500
"""Packets to a write: between two writes acknowledgements are read and other connections served."""
_LARGEST_PACKET_BYTES: Final = 127
"""Of the broker's to us: no reason strings, so that a length is one byte."""


class _ConnectionLostError(Exception):
    """This connection ended; another is tried."""


class _Connection(asyncio.Protocol):
    """Bytes of one connection: the CONNACK first, then acknowledgements."""

    def __init__(self, publisher: "LoadPublisher", loop: asyncio.AbstractEventLoop) -> None:
        self._publisher = publisher
        self._rest = b""
        self.transport: asyncio.Transport | None = None
        self.connack: asyncio.Future[mqtt5.ConnAckPacket] = loop.create_future()
        self.lost: asyncio.Future[str] = loop.create_future()
        self.last_received_s = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream transport is needed")
        self.transport = transport

    def write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def close(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(mqtt5.DisconnectPacket().write())
            self.transport.close()

    def abort(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(str(exc) if exc else "closed by the broker")

    def pause_writing(self) -> None:
        self._publisher.pause()

    def resume_writing(self) -> None:
        self._publisher.resume()

    def data_received(self, data: bytes) -> None:
        self.last_received_s = time.monotonic()
        data = self._rest + data
        try:
            if not self.connack.done():
                data = data[self._take_connack(data) :]
            size, pubacks = read_pubacks(data)
        except IndexError:  # the rest of the CONNACK is still on its way
            size, pubacks = 0, []
        except (ValueError, PacketError) as error:
            self.abort(f"protocol error: {error}")
            return
        self._rest = data[size:]
        if pubacks:
            self._publisher.take(pubacks)

    def _take_connack(self, data: bytes) -> int:
        """Take the first packet; its size."""
        packet, size = mqtt5.read(memoryview(data))
        if not isinstance(packet, mqtt5.ConnAckPacket):
            raise PacketError("the broker did not begin with a CONNACK")
        self.connack.set_result(packet)
        return size


class LoadPublisher:
    """Publishes turns over one connection at a time, and keeps the books."""

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        turns: Iterator[Turn],
        maker: MessageMaker,
        ledger: Ledger,
        *,
        is_paced: bool,
        window: int,
        patience_s: float,
    ) -> None:
        """Know what to publish where; nothing happens yet.

        Args:
            address: the broker and who we are there.
            client_id: of the session, which the broker keeps while a connection is made anew.
            turns: in the order of sending.
            maker: makes their messages.
            ledger: the books, shared with other publishers.
            is_paced: send each when its `ts_ms` has come, instead of at once.
            window: unacknowledged messages at most, if the broker grants as many.
            patience_s: for how long to try to come back to a broker that is away.
        """
        self._address = address
        self._client_id = client_id
        self._turns = turns
        self._maker = maker
        self._ledger = ledger
        self._is_paced = is_paced
        self._window = window
        self._patience_s = patience_s
        self._free_ids: list[int] = []
        self._in_flight: dict[int, tuple[int, bytes, float]] = {}
        """By packet id: the ledger's line, the packet, and when it was first sent."""
        self._waiting: Turn | None = None
        """Taken, but not due yet."""
        self._timer: asyncio.TimerHandle | None = None
        self._giving_up: asyncio.TimerHandle | None = None
        self._is_paused = True
        self._is_stopping = False
        self._connection: _Connection | None = None
        self._done: asyncio.Event = asyncio.Event()
        self.latencies_s = array("d")
        """Of each acknowledged message, from its first sending to its PUBACK."""

    @property
    def unacknowledged(self) -> int:
        """Messages out and not yet acknowledged."""
        return len(self._in_flight)

    async def connect(self) -> None:
        """Make the first connection; nothing is published yet.

        Raises:
            UserError: the broker refuses what no waiting heals.
            WorldError: it cannot be reached.
        """
        try:
            self._connection = await self._connected()
        except (OSError, TimeoutError, _ConnectionLostError) as error:
            raise self._unreachable(error) from None

    async def publish_all(self) -> None:
        """Publish until the turns end or `stop`, then until all is acknowledged.

        Raises:
            UserError: the broker refuses what no waiting heals.
            WorldError: it did not come back in time.
        """
        finished = asyncio.ensure_future(self._done.wait())
        pings = asyncio.create_task(self._keep_alive())
        try:
            while True:
                connection = self._connection
                if connection is None:
                    raise RuntimeError("not connected yet")
                self._begin()
                await _first_of(finished, connection.lost)
                self.pause()
                if finished.done():
                    return
                self._connection = await self._come_back(connection.lost.result())
        finally:
            pings.cancel()
            finished.cancel()
            for timer in (self._timer, self._giving_up):
                if timer is not None:
                    timer.cancel()
            if self._connection is not None:
                self._connection.close()

    def stop(self) -> None:
        """Take no further turn; wait for what is out, but not longer than patience lasts."""
        if not self._is_stopping:
            self._is_stopping = True
            self._giving_up = asyncio.get_running_loop().call_later(
                self._patience_s, self._done.set
            )
        self._check_done()

    def pause(self) -> None:
        """Send nothing for now."""
        self._is_paused = True

    def resume(self) -> None:
        """Send on."""
        self._is_paused = False
        self._send()

    def take(self, pubacks: Sequence[Puback]) -> None:
        """Note what the broker has acknowledged, and send on."""
        now_s = time.monotonic()
        pop, free = self._in_flight.pop, self._free_ids.append
        acknowledge, note = self._ledger.acknowledge, self.latencies_s.append
        for packet_id, reason_code in pubacks:
            sent = pop(packet_id, None)
            if sent is None:  # of a message that was sent twice
                continue
            number, _packet, sent_s = sent
            acknowledge(number, reason_code)
            note(now_s - sent_s)
            free(packet_id)
        self._send()
        self._check_done()

    def _begin(self) -> None:
        """First over a new connection: what the last one left open, under the same packet ids."""
        connection, open_ = self._connection, self._in_flight
        if connection is not None and open_:
            self._ledger.resent += len(open_)
            connection.write(b"".join([duplicate_of(each[1]) for each in open_.values()]))
        self.resume()

    def _send(self) -> None:
        """Send what may be sent now."""
        connection = self._connection
        if self._is_paused or self._is_stopping or connection is None or not self._free_ids:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        packets: list[bytes] = []
        now_s, now_ms = time.monotonic(), time.time() * 1000
        enter, message_of, in_flight = self._ledger.enter, self._maker.message_of, self._in_flight
        while self._free_ids and len(packets) < _AT_ONCE:
            turn = self._waiting or next(self._turns, None)
            self._waiting = None
            if turn is None:
                self.stop()
                break
            if self._is_paced and turn.ts_ms > now_ms:
                self._waiting = turn
                self._later((turn.ts_ms - now_ms) / 1000)
                break
            message = message_of(turn)
            packet_id = self._free_ids.pop()
            packet = publish_packet(message, packet_id)
            number = enter(turn.device, turn.ts_ms, turn.seq, message.fault)
            in_flight[packet_id] = (number, packet, now_s)
            packets.append(packet)
        if packets:
            connection.write(b"".join(packets))
        if len(packets) == _AT_ONCE:
            self._later(0)

    def _later(self, delay_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._send)

    def _check_done(self) -> None:
        if self._is_stopping and not self._in_flight:
            self._done.set()

    async def _keep_alive(self) -> None:
        ping = mqtt5.PingReqPacket().write()
        while True:
            await asyncio.sleep(_KEEP_ALIVE_S / 2)
            connection = self._connection
            if connection is None:
                continue
            if time.monotonic() - connection.last_received_s > 2 * _KEEP_ALIVE_S:
                connection.abort("no answer from the broker")
            connection.write(ping)

    async def _come_back(self, reason: str) -> _Connection:
        """Another connection."""
        deadline_s = time.monotonic() + self._patience_s
        error: Exception = _ConnectionLostError(reason)
        for delay_s in backoff_delays(random.random):
            if time.monotonic() + delay_s > deadline_s:
                break
            await asyncio.sleep(delay_s)
            try:
                return await self._connected()
            except (OSError, TimeoutError, _ConnectionLostError) as failure:
                error = failure
        raise self._unreachable(error)

    def _unreachable(self, error: Exception) -> WorldError:
        return WorldError(
            "The broker at {address} cannot be reached; start it, or correct "
            "JIERU_MQTT_URL. ({reason})",
            address=self._address,
            reason=error,
        )

    async def _connected(self) -> _Connection:
        address = self._address
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            _transport, connection = await loop.create_connection(
                lambda: _Connection(self, loop),
                address.host,
                address.port,
                ssl=address.tls_context(),
            )
            connection.write(
                mqtt5.ConnectPacket(
                    self._client_id,
                    username=address.username,
                    password=None if address.password is None else address.password.encode(),
                    clean_start=not self._in_flight,
                    keep_alive=_KEEP_ALIVE_S,
                    session_expiry_interval=int(self._patience_s) + _KEEP_ALIVE_S,
                    max_packet_size=_LARGEST_PACKET_BYTES,
                ).write()
            )
            await _first_of(connection.connack, connection.lost)
        if not connection.connack.done():
            raise _ConnectionLostError(connection.lost.result())
        connack = connection.connack.result()
        code = int(connack.reason_code)
        if code:
            connection.abort("refused")
            if code in REFUSALS:
                raise UserError(REFUSALS[code], address=address, protocol="5")
            raise _ConnectionLostError(f"the broker said {connack.reason_code!r}")
        ids = range(min(self._window, connack.receive_max), 0, -1)
        self._free_ids = [number for number in ids if number not in self._in_flight]
        return connection


async def _first_of(*futures: asyncio.Future[Any]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
