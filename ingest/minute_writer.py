"""Stores what an ingester did minute by minute, beside the path of the heartbeats.

Each write has a connection of its own, once a minute. Whatever goes wrong is logged and tried
again a minute later: no heartbeat waits for these figures, and none is lost for them.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import astuple
from typing import Final

import psycopg
import structlog
from psycopg import AsyncConnection

from ingest.minutes import IngestMinutes, Minute
from jieru.retry import SILENCE_S, connect_patiently, hang_up_after

__all__ = ["MinuteWriter", "delete_old_minutes"]

_INTERVAL_S: Final = 60.0
_DELAY_S: Final = 1.0
"""After the end of a minute, until it surely has ended for whoever counts it."""
_LEAVING_TIMEOUT_S: Final = 5.0

# Two processes may have run under this name in the same minute, so figures are added. The id of
# the transaction tells later whether it was committed, should its answer get lost.
_ADD: Final = """
    INSERT INTO ingest_minutes AS m (
        ingester, minute, received, committed, duplicates, late, rejected, batches,
        commit_ms_sum, commit_ms_max, behind_s_max, unacknowledged_max,
        session_troubles)
    VALUES (%s, to_timestamp(%s * 60.0), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (ingester, minute) DO UPDATE SET
        received = m.received + excluded.received,
        committed = m.committed + excluded.committed,
        duplicates = m.duplicates + excluded.duplicates,
        late = m.late + excluded.late,
        rejected = m.rejected + excluded.rejected,
        batches = m.batches + excluded.batches,
        commit_ms_sum = m.commit_ms_sum + excluded.commit_ms_sum,
        commit_ms_max = greatest(m.commit_ms_max, excluded.commit_ms_max),
        behind_s_max = greatest(m.behind_s_max, excluded.behind_s_max),
        unacknowledged_max = greatest(m.unacknowledged_max, excluded.unacknowledged_max),
        session_troubles = m.session_troubles + excluded.session_troubles
"""
_TRANSACTION: Final = "SELECT pg_current_xact_id()::text"
_OUTCOME: Final = "SELECT pg_xact_status(%s::xid8)"
_DELETE_OLD: Final = "SELECT delete_old_minutes()"

_log = structlog.get_logger()


class MinuteWriter:
    """Writes the minutes that have ended, each exactly once."""

    def __init__(self, database_url: str, minutes: IngestMinutes, *, ingester: str) -> None:
        """Connect only when there is something to write.

        Args:
            database_url: a PostgreSQL address.
            minutes: what is to be stored.
            ingester: the name under which this process counts.
        """
        self._database_url = database_url
        self._minutes = minutes
        self._ingester = ingester
        self._in_doubt: tuple[str, Sequence[Minute]] | None = None
        """A transaction whose commit nobody confirmed, and what it would have stored."""

    async def run(self) -> None:
        """Write once a minute until cancelled."""
        while True:
            await asyncio.sleep(_INTERVAL_S - time.time() % _INTERVAL_S + _DELAY_S)
            await self.write()

    async def leave(self) -> None:
        """Write the running minute too, if the database answers within some seconds."""
        self._minutes.end()
        try:
            async with asyncio.timeout(_LEAVING_TIMEOUT_S):
                await self.write()
        except TimeoutError:
            _log.warning("minutes_not_written", error="the database does not answer")

    async def write(self) -> None:
        """Try to store all minutes that have ended; a failure is logged."""
        try:
            async with await connect_patiently(self._database_url) as connection:
                with hang_up_after(connection, SILENCE_S):
                    if await self._is_settled(connection) and (minutes := self._minutes.ended()):
                        await self._store(connection, minutes)
        except psycopg.Error as error:
            _log.warning("minutes_not_written", error=str(error).strip())

    async def _store(self, connection: AsyncConnection, minutes: Sequence[Minute]) -> None:
        async with connection.transaction(), connection.cursor() as cursor:
            await cursor.execute(_TRANSACTION)
            row = await cursor.fetchone()
            await cursor.executemany(_ADD, [(self._ingester, *astuple(each)) for each in minutes])
            if row is not None:
                self._in_doubt = (row[0], minutes)
        self._in_doubt = None
        self._minutes.drop(minutes)

    async def _is_settled(self, connection: AsyncConnection) -> bool:
        """Whether it is known what became of the last transaction: nothing is added twice."""
        if self._in_doubt is None:
            return True
        transaction, minutes = self._in_doubt
        row = await (await connection.execute(_OUTCOME, (transaction,))).fetchone()
        if row == ("in progress",):  # the server has not noticed yet that we are gone
            return False
        if row == ("committed",):
            self._minutes.drop(minutes)
        self._in_doubt = None
        return True


def delete_old_minutes(connection: psycopg.Connection) -> int:
    """Delete the figures of minutes more than 400 days ago; how many there were."""
    (deleted,) = connection.execute(_DELETE_OLD).fetchone() or (0,)
    return int(deleted)
