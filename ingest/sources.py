"""The sources that platforms declared, asked for with each batch and read once for each version."""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import psycopg
import structlog
from psycopg import AsyncConnection

from ingest.births import Births
from ingest.message import Message
from ingest.source_rows import Known, RowsRead, read_rows, sources_named
from ingest.sparkplug_rows import (
    Birth,
    births_wanted,
    is_sparkplug,
    platforms_named,
    read_sparkplug,
)
from jieru.errors import UserError
from jieru.retry import backoff_delays, connect_patiently, hang_up_after, is_worth_retrying
from jieru.sources.formats import Format, compile_format, read_format
from jieru.sparkplug.topics import SPARKPLUG_SOURCE

__all__ = ["Sources"]

# The newest version says whether there is a source: where it has ended, those before read nothing.
_SELECT_IN_FORCE: Final = """
    SELECT p.code, wanted.name, newest.id
    FROM unnest(%s::text[], %s::text[]) AS wanted (code, name)
    JOIN platforms p ON p.code = wanted.code
    JOIN LATERAL (SELECT id, ended_at FROM sources s
                  WHERE s.platform_id = p.id AND s.name = wanted.name
                  ORDER BY version DESC LIMIT 1) AS newest ON newest.ended_at IS NULL
"""
_SELECT_FORMATS: Final = "SELECT id, format FROM sources WHERE id = ANY (%s::integer[])"
_LOOK_UP_S: Final = 5.0
"""Short, as of the registry: the batch waits for it."""

_log = structlog.get_logger()


class Sources:
    """Reads batches by the sources in force."""

    def __init__(self, database_url: str) -> None:
        """Connect at the first batch."""
        self._database_url = database_url
        self._formats: dict[int, Format | None] = {}
        """By version; a version never changes. None: this release cannot read it."""
        self._births = Births()
        self._connection: AsyncConnection | None = None

    async def read(
        self, messages: Sequence[Message], *, is_leaving: Callable[[], bool]
    ) -> RowsRead:
        """The rows of messages; waits for a database that is away.

        Raises:
            psycopg.Error: no waiting heals it, or the process was asked to stop meanwhile.
        """
        sparkplug = [each for each in messages if is_sparkplug(each)]
        others = [each for each in messages if not is_sparkplug(each)] if sparkplug else messages
        named = sources_named(others) | {
            (platform, SPARKPLUG_SOURCE) for platform in platforms_named(sparkplug)
        }
        known, births = await self._known(named, births_wanted(sparkplug), is_leaving)
        # In a thread, for a hostile document takes its time and the broker wants to hear of us.
        read = await asyncio.to_thread(read_rows, others, known)
        if sparkplug:
            await self._add_sparkplug(sparkplug, known, births, read)
        return read

    async def _add_sparkplug(
        self,
        messages: Sequence[Message],
        known: Mapping[tuple[str, str], Known],
        births: Mapping[str, Birth],
        read: RowsRead,
    ) -> None:
        found = await asyncio.to_thread(read_sparkplug, messages, known, births)
        self._births.remember(found.births)
        for topic, number in found.unknown_aliases.items():
            _log.warning("sparkplug_aliases_unknown", topic=topic, metrics=number)
        read.rows += found.read.rows
        read.kept += found.read.kept
        read.rejections += found.read.rejections

    async def close(self) -> None:
        """Leave the database."""
        if self._connection is not None:
            await self._connection.close()

    async def _known(
        self,
        named: Collection[tuple[str, str]],
        wanted: AbstractSet[str],
        is_leaving: Callable[[], bool],
    ) -> tuple[dict[tuple[str, str], Known], dict[str, Birth]]:
        """The sources of these names, and the births on these topics."""
        delays = backoff_delays(random.random)
        while named:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await connect_patiently(self._database_url)
                with hang_up_after(self._connection, _LOOK_UP_S):
                    known = await self._ask(self._connection, named)
                    return known, await self._births.newest(self._connection, wanted)
            except psycopg.Error as error:
                if not is_worth_retrying(error) or is_leaving():
                    raise
                _log.warning("source_look_up_failed", error=str(error).strip())
                await self.close()
                await asyncio.sleep(next(delays))
        return {}, {}

    async def _ask(
        self, connection: AsyncConnection, named: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], Known]:
        columns = ([code for code, _name in named], [name for _code, name in named])
        cursor = await connection.execute(_SELECT_IN_FORCE, columns)
        in_force = await cursor.fetchall()
        new = {id_ for _code, _name, id_ in in_force} - self._formats.keys()
        if new:
            cursor = await connection.execute(_SELECT_FORMATS, (list(new),))
            for id_, text in await cursor.fetchall():
                self._formats[id_] = _compiled(id_, text)
        known = {}
        for code, name, id_ in in_force:
            declared = self._formats.get(id_)
            if declared is not None:
                known[code, name] = Known(id_, declared)
        return known


def _compiled(source_id: int, text: str) -> Format | None:
    """What reads it; one of another release must not stop those of all other platforms."""
    try:
        return compile_format(read_format(text.encode()))
    except UserError as error:
        _log.error("source_unreadable", source_id=source_id, error=str(error))
        return None
