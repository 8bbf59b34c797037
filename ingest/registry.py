"""Which device a topic stands for, held in memory and kept fresh by LISTEN/NOTIFY.

Devices are only ever added, never renamed or deleted, so the memory never holds a wrong answer;
at worst it lacks a new one, for which a batch asks the database once.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping
from typing import Final

import psycopg
import structlog
from psycopg import AsyncConnection

from jieru.retry import (
    SILENCE_S,
    backoff_delays,
    connect_patiently,
    hang_up_after,
    is_worth_retrying,
)
from jieru.wire import DeviceAddress, heartbeat_topic, parse_heartbeat_topic

__all__ = ["DeviceRegistry"]

_LISTEN: Final = "LISTEN jieru_registry"
_PING: Final = "SELECT 1"
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
_OVERLAP: Final = 10_000
"""Ids are given before they are committed, so a refresh looks back by this many."""
_LOOK_UP_S: Final = 5.0
"""Short, for the batch waits: this connection may have become half open while it was not needed,
at the same time as the broker's, which takes longer to find out."""
_REFRESH_S: Final = 60.0
"""For as many devices as there may be at the first time."""
_QUIET_S: Final = 30.0
"""After so long without a change the database is asked whether it is there still."""

_log = structlog.get_logger()


class DeviceRegistry:
    """The devices of the database by their heartbeat topic."""

    def __init__(self, database_url: str) -> None:
        """Hold nothing until `follow` or `look_up` is called."""
        self._database_url = database_url
        self._ids: dict[str, int] = {}
        self._largest_id = 0
        self._connection: AsyncConnection | None = None

    @property
    def ids(self) -> Mapping[str, int]:
        """From heartbeat topic to device id; a live view."""
        return self._ids

    async def look_up(self, topics: Collection[str], *, is_leaving: Callable[[], bool]) -> None:
        """Ask the database for topics that are not known here, all at once.

        Waits for a database that is away: to call a device unknown because nobody could be
        asked would refuse good heartbeats.

        Raises:
            psycopg.Error: no waiting heals it, or the process was asked to stop meanwhile.
        """
        addresses = [address for topic in topics if (address := parse_heartbeat_topic(topic))]
        if not addresses:
            return
        parameters = ([a.platform for a in addresses], [a.serial for a in addresses])
        delays = backoff_delays(random.random)
        while True:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await connect_patiently(self._database_url)
                with hang_up_after(self._connection, _LOOK_UP_S):
                    cursor = await self._connection.execute(_SELECT_NAMED, parameters)
                    self._add(await cursor.fetchall())
            except psycopg.Error as error:
                if not is_worth_retrying(error) or is_leaving():
                    raise
                _log.warning("registry_look_up_failed", error=str(error).strip())
                if self._connection is not None:
                    await self._connection.close()
                await asyncio.sleep(next(delays))
            else:
                return

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
                    with hang_up_after(connection, SILENCE_S):
                        await connection.execute(_LISTEN)
                    await self._refresh(connection)  # what changed while nobody listened
                    delays = backoff_delays(random.random)
                    while True:
                        is_changed = False
                        # It holds the connection until it has stopped: one at a time.
                        async for _notification in connection.notifies(
                            timeout=_QUIET_S, stop_after=1
                        ):
                            is_changed = True
                        if is_changed:
                            await self._refresh(connection)
                        else:
                            with hang_up_after(connection, SILENCE_S):
                                await connection.execute(_PING)
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
            self._ids[heartbeat_topic(DeviceAddress(code, serial))] = device_id
            self._largest_id = max(self._largest_id, device_id)
