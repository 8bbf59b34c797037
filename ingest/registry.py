"""What a topic stands for, held in memory and kept fresh by asking once a second what changed.

Devices and gateways are only ever added, never renamed or deleted, so the memory never holds a
wrong answer; at worst it lacks a new one, for which a batch asks the database once. Of every device
it holds the topic of the platform's cloud; those of other publishers from their first heartbeat on.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping
from typing import Final

import psycopg
import structlog
from psycopg import AsyncConnection

from ingest.decode import Origin
from jieru.publishers import CLOUD_ID, ITSELF_ID
from jieru.retry import (
    SILENCE_S,
    backoff_delays,
    connect_patiently,
    hang_up_after,
    is_worth_retrying,
)
from jieru.wire import (
    DeviceAddress,
    HeartbeatTopic,
    PublisherKind,
    heartbeat_topic,
    parse_heartbeat_topic,
)

__all__ = ["DeviceRegistry"]

_SELECT_VERSION: Final = "SELECT version FROM change_versions WHERE kind = 'devices'"
_SELECT_NEW: Final = """
    SELECT d.id, p.code, d.serial FROM devices d JOIN platforms p ON p.id = d.platform_id
    WHERE d.id > %s
"""
_SELECT_NAMED: Final = """
    SELECT d.id, p.code, d.serial
    FROM unnest(%s::text[], %s::text[]) AS wanted (code, serial)
    JOIN platforms p ON p.code = wanted.code
    JOIN devices d ON d.platform_id = p.id AND d.serial = wanted.serial
"""
_SELECT_GATEWAYS: Final = """
    SELECT g.id, p.code, g.name
    FROM unnest(%s::text[], %s::text[]) AS wanted (code, name)
    JOIN platforms p ON p.code = wanted.code
    JOIN publishers g ON g.platform_id = p.id AND g.name = wanted.name
"""
_OVERLAP: Final = 10_000
"""Ids are given before they are committed, so a refresh looks back by this many."""
_LOOK_UP_S: Final = 5.0
"""Short, for the batch waits: this connection may have become half open while it was not needed,
at the same time as the broker's, which takes longer to find out."""
_REFRESH_S: Final = 60.0
"""For as many devices as there may be at the first time."""
_ASK_EVERY_S: Final = 1.0
"""How soon a new device is known; one whose heartbeat is sooner costs a look-up."""

_log = structlog.get_logger()


class DeviceRegistry:
    """The devices of the database, and who publishes for them, by topic."""

    def __init__(self, database_url: str) -> None:
        """Hold nothing until `follow` or `look_up` is called."""
        self._database_url = database_url
        self._origins: dict[str, Origin] = {}
        self._gateways: dict[tuple[str, str], int] = {}
        """By the platform's code and the gateway's name."""
        self._largest_id = 0
        self._connection: AsyncConnection | None = None

    @property
    def origins(self) -> Mapping[str, Origin]:
        """What each known heartbeat topic stands for; a live view."""
        return self._origins

    async def look_up(self, topics: Collection[str], *, is_leaving: Callable[[], bool]) -> None:
        """Find out about topics that are not known here; ask the database for all at once.

        Waits for a database that is away: to call a device unknown because nobody could be
        asked would refuse good heartbeats.

        Raises:
            psycopg.Error: no waiting heals it, or the process was asked to stop meanwhile.
        """
        wanted = {
            topic: named
            for topic in topics
            if (named := parse_heartbeat_topic(topic)) and not self._find(topic, named)
        }
        delays = backoff_delays(random.random)
        while wanted:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await connect_patiently(self._database_url)
                with hang_up_after(self._connection, _LOOK_UP_S):
                    await self._ask(self._connection, wanted.values())
            except psycopg.Error as error:
                if not is_worth_retrying(error) or is_leaving():
                    raise
                _log.warning("registry_look_up_failed", error=str(error).strip())
                if self._connection is not None:
                    await self._connection.close()
                await asyncio.sleep(next(delays))
            else:
                break
        for topic, named in wanted.items():
            self._find(topic, named)

    async def _ask(self, connection: AsyncConnection, wanted: Collection[HeartbeatTopic]) -> None:
        """Learn of the devices and gateways among these that the database has."""
        devices = {
            each.device for each in wanted if heartbeat_topic(each.device) not in self._origins
        }
        if devices:
            cursor = await connection.execute(_SELECT_NAMED, _columns(devices))
            self._add(await cursor.fetchall())
        gateways = {
            (each.device.platform, each.publisher.gateway)
            for each in wanted
            if each.publisher.gateway
        }
        if gateways:
            cursor = await connection.execute(_SELECT_GATEWAYS, _columns(gateways))
            for publisher_id, code, name in await cursor.fetchall():
                self._gateways[code, name] = publisher_id

    def _find(self, topic: str, named: HeartbeatTopic) -> bool:
        """Whether a topic is known, or can be told from what is; it is known from then on."""
        device = self._origins.get(heartbeat_topic(named.device))
        if device is None:
            return False
        publisher_id: int | None
        match named.publisher.kind:
            case PublisherKind.CLOUD:
                return True
            case PublisherKind.DEVICE:
                publisher_id = ITSELF_ID
            case PublisherKind.GATEWAY:
                key = (named.device.platform, named.publisher.gateway)
                publisher_id = self._gateways.get(key)
        if publisher_id is None:
            return False
        self._origins[topic] = Origin(device.device_id, publisher_id)
        return True

    async def close(self) -> None:
        """Leave the database."""
        if self._connection is not None:
            await self._connection.close()

    async def follow(self) -> None:
        """Refresh at every change of the registry until cancelled; reconnect when need be."""
        delays = backoff_delays(random.random)
        while True:
            try:
                async with await connect_patiently(self._database_url) as connection:
                    known: int | None = None
                    while True:
                        with hang_up_after(connection, SILENCE_S):
                            cursor = await connection.execute(_SELECT_VERSION)
                            row = await cursor.fetchone()
                        version = row[0] if row else None
                        if known is None or version != known:
                            await self._refresh(connection)
                            known = version
                            delays = backoff_delays(random.random)
                        await asyncio.sleep(_ASK_EVERY_S)
            except psycopg.Error as error:
                if not is_worth_retrying(error):
                    raise
                _log.warning("registry_connection_lost", error=str(error).strip())
            await asyncio.sleep(next(delays))

    async def _refresh(self, connection: AsyncConnection) -> None:
        """Read the devices that are new since the last time."""
        with hang_up_after(connection, _REFRESH_S):
            cursor = await connection.execute(_SELECT_NEW, (self._largest_id - _OVERLAP,))
            self._add(await cursor.fetchall())

    def _add(self, rows: Collection[tuple[int, str, str]]) -> None:
        for device_id, code, serial in rows:
            topic = heartbeat_topic(DeviceAddress(code, serial))
            self._origins[topic] = Origin(device_id, CLOUD_ID)
            self._largest_id = max(self._largest_id, device_id)


def _columns(pairs: Collection[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [first for first, _second in pairs], [second for _first, second in pairs]
