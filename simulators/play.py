"""Play a fleet against a broker: every message published through aiomqtt, QoS 1, not retained."""

import asyncio
import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from jieru.broker import BrokerAddress
from jieru.errors import UserError, WorldError
from simulators.beats import BeatKind, beats_of_fleet
from simulators.fleet import Fleet
from simulators.messages import Message, messages_of_fleet
from simulators.refusals import REFUSALS

__all__ = ["Played", "Progress", "play"]

MqttProtocol = Literal["5", "3.1.1"]
Progress = Callable[[int, int], None]
"""Called with the number of messages acknowledged so far and of all messages."""

_IN_FLIGHT: Final = 20
"""Messages sent and not yet acknowledged. Twenty is what Mosquitto allows a client by default
(Receive Maximum)."""
_PLATFORM_MARK: Final = "{platform}"
_KEEP_ALIVE_S: Final = 15
_RETRY_WAITS_S: Final = (0.1, 0.2, 0.5, 1, 2, 5, 5, 5, 5, 5)
"""Between attempts to come back after a lost connection: half a minute, then we give up."""
_PROGRESS_EVERY: Final = 100
_PROTOCOLS: Final = {
    "5": aiomqtt.ProtocolVersion.V5,
    "3.1.1": aiomqtt.ProtocolVersion.V311,
}
_MQTT_LOG: Final = logging.getLogger("simulators.mqtt")
_MQTT_LOG.setLevel(logging.CRITICAL)  # losses are handled here, and told by our own errors


@dataclass(slots=True)
class Played:
    """What was published."""

    sent: int = 0
    """Messages acknowledged by the broker."""
    by_kind: Counter[BeatKind] = field(default_factory=Counter)
    resent: int = 0
    """Sent again after a lost connection: the broker may have had them already."""


async def play(
    fleet: Fleet,
    mqtt_url: str,
    *,
    protocol: MqttProtocol = "5",
    ca_file: str = "",
    speed: float | None = None,
    progress: Progress | None = None,
) -> Played:
    """Publish every message of a fleet in the order of sending; each device's order is kept.

    Args:
        fleet: what to play.
        mqtt_url: the broker. With `{platform}` in it, as in
            `mqtt://{platform}:secret@127.0.0.1:1883`, each platform has a gateway: a connection
            with its own user. Then only the order within a platform is kept.
        protocol: of MQTT.
        ca_file: certificate authority for `mqtts://`; empty: the system's own.
        speed: seconds of the scenario to a second of ours; None: as fast as the broker takes it.
        progress: told how far it is.

    Raises:
        UserError: the address is malformed, or the broker refuses the user or the protocol.
        WorldError: the broker cannot be reached, or does not come back.
    """
    score = _Score(sum(1 for _ in beats_of_fleet(fleet)), progress)
    pace = _Pace(fleet, speed)
    platforms: list[str | None] = [None]
    if _PLATFORM_MARK in mqtt_url:
        platforms = [platform.code for platform in fleet.scenario.platforms]
    gateways = [
        _Gateway(
            BrokerAddress.of_url(mqtt_url.replace(_PLATFORM_MARK, platform or ""), ca_file),
            protocol,
            messages_of_fleet(fleet, platform),
            pace,
            score,
        )
        for platform in platforms
    ]
    await _together(gateway.publish_all() for gateway in gateways)
    score.report()
    return score.played


async def _together(parts: Iterable[Coroutine[None, None, None]]) -> None:
    """Run all until they are done, or until one fails: then the others stop too."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Score:
    """How far the play is."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.played = Played()
        self._total = total
        self._progress = progress

    def acknowledge(self, kind: BeatKind) -> None:
        self.played.sent += 1
        self.played.by_kind[kind] += 1
        if self.played.sent % _PROGRESS_EVERY == 0:
            self.report()

    def report(self) -> None:
        if self._progress is not None:
            self._progress(self.played.sent, self._total)


class _Pace:
    """When a message is due, at so many seconds of the scenario to one of ours."""

    def __init__(self, fleet: Fleet, speed: float | None) -> None:
        self._speed = speed
        self._first_at_ms = next((beat.sent_at_ms for beat in beats_of_fleet(fleet)), 0)
        self._started_at_s = time.monotonic()

    async def wait_for(self, message: Message) -> None:
        if self._speed is None:
            return
        due_at_s = (message.sent_at_ms - self._first_at_ms) / 1000 / self._speed
        await asyncio.sleep(self._started_at_s + due_at_s - time.monotonic())


class _Gateway:
    """One connection to the broker, made again when it is lost."""

    def __init__(
        self,
        address: BrokerAddress,
        protocol: MqttProtocol,
        messages: Iterator[Message],
        pace: _Pace,
        score: _Score,
    ) -> None:
        self._address = address
        self._protocol = protocol
        self._pace = pace
        self._score = score
        self._untaken = enumerate(messages)
        self._again: deque[tuple[int, Message]] = deque()
        """Taken, but lost with a connection; in order, and before all that is untaken."""
        self._in_flight: dict[int, Message] = {}
        """Taken and not yet acknowledged, in order."""
        self._turn = asyncio.Lock()
        self._waits_s = iter(_RETRY_WAITS_S)
        self._was_connected = False

    async def publish_all(self) -> None:
        """Publish every message; see `play` for what is raised."""
        while True:
            try:
                await self._publish_until_lost()
            except aiomqtt.MqttError as error:
                await self._wait_after(error)
            else:
                return

    async def _wait_after(self, error: aiomqtt.MqttError) -> None:
        """Make ready for the next attempt, unless there is no hope."""
        if isinstance(error, aiomqtt.MqttCodeError) and isinstance(error.rc, ReasonCode):
            refusal = REFUSALS.get(error.rc.value)
            if refusal is not None:
                raise UserError(refusal, address=self._address, protocol=self._protocol) from None
        wait_s = next(self._waits_s, None)
        if not self._was_connected or wait_s is None:
            raise WorldError(
                "The broker at {address} cannot be reached; start it, or correct "
                "JIERU_MQTT_URL. ({reason})",
                address=self._address,
                reason=error,
            ) from None
        self._again.extendleft(reversed(self._in_flight.items()))
        self._score.played.resent += len(self._in_flight)
        self._in_flight.clear()
        await asyncio.sleep(wait_s)

    async def _publish_until_lost(self) -> None:
        client = self._client()
        async with client:
            self._was_connected = True
            lost = asyncio.create_task(_watch(client))
            workers = (self._publish_in_turn(client) for _ in range(_IN_FLIGHT))
            work = asyncio.create_task(_together(workers))
            try:
                await asyncio.wait({lost, work}, return_when=asyncio.FIRST_COMPLETED)
                await (work if work.done() else lost)
            finally:
                lost.cancel()
                work.cancel()
                await asyncio.gather(lost, work, return_exceptions=True)

    def _client(self) -> aiomqtt.Client:
        address = self._address
        client = aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            protocol=_PROTOCOLS[self._protocol],
            max_inflight_messages=_IN_FLIGHT,
            keepalive=_KEEP_ALIVE_S,
            tls_context=address.tls_context(),
            logger=_MQTT_LOG,
        )
        client.pending_calls_threshold = _IN_FLIGHT
        return client

    async def _publish_in_turn(self, client: aiomqtt.Client) -> None:
        """One of several that take the next message, publish it and wait for its acknowledgement.

        From taking a message to handing it to the socket nothing is awaited, so messages leave
        in the order in which they are taken.
        """
        while (taken := await self._take()) is not None:
            number, message = taken
            # No time limit: `_watch` notices a lost connection, and a timer costs a task each.
            await client.publish(message.topic, message.payload, qos=1, timeout=math.inf)
            del self._in_flight[number]
            self._waits_s = iter(_RETRY_WAITS_S)
            self._score.acknowledge(message.kind)

    async def _take(self) -> tuple[int, Message] | None:
        async with self._turn:
            taken = self._again.popleft() if self._again else next(self._untaken, None)
            if taken is not None:
                number, message = taken
                self._in_flight[number] = message
                await self._pace.wait_for(message)
            return taken


async def _watch(client: aiomqtt.Client) -> None:
    """Wait until the connection is lost, which raises `aiomqtt.MqttError`."""
    async for _message in client.messages:
        pass  # nothing is subscribed
