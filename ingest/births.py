"""The newest birth of each of Sparkplug's devices: what was received last, or the database has."""

from collections import OrderedDict, deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from psycopg import AsyncConnection

from ingest.message import Message
from ingest.source_rows import SourceMessage
from ingest.sparkplug_rows import Birth
from jieru.sparkplug.births import names_of_birth
from jieru.wire import PublisherKind

__all__ = ["Births"]

_SELECT_NEWEST: Final = r"""
    SELECT wanted.topic, newest.id, (extract(epoch FROM newest.received_at) * 1000)::bigint
    FROM unnest(%s::text[]) AS wanted (topic)
    JOIN LATERAL (SELECT id, received_at FROM source_messages
                  WHERE topic = wanted.topic AND topic ~ '^spBv1\.0/[^/]+/[ND]BIRTH/'
                  ORDER BY received_at DESC, id DESC LIMIT 1) AS newest ON true
"""
_SELECT_MESSAGES: Final = """
    SELECT id, source_id, topic, payload FROM source_messages WHERE id = ANY (%s::bigint[])
"""
_BATCHES: Final = 8
"""Whose births are remembered: at most three are on their way to the database at a time."""
_KNOWN: Final = 256
"""Births of the database that are held; the names of one may be a hundred kilobytes."""


class Births:
    """Knows the newest births, those included that are on their way to the database."""

    def __init__(self) -> None:
        """Know none."""
        self._recent: deque[Mapping[str, Birth]] = deque(maxlen=_BATCHES)
        self._known: OrderedDict[int, Birth] = OrderedDict()

    def remember(self, births: Mapping[str, Birth]) -> None:
        """Take in what came with a batch; each batch is told, also one that had none."""
        self._recent.append(births)

    async def newest(
        self, connection: AsyncConnection, topics: AbstractSet[str]
    ) -> dict[str, Birth]:
        """The newest birth on each of these topics on which there was one.

        Another ingester may have stored one that is newer than what this one received.
        """
        newest: dict[str, Birth] = {}
        if not topics:
            return newest
        cursor = await connection.execute(_SELECT_NEWEST, (list(topics),))
        stored = await cursor.fetchall()
        await self._learn(connection, {id_ for _topic, id_, _received_ms in stored})
        for topic, id_, received_ms in stored:
            birth = self._known[id_]
            ours = self._received_last(topic)
            is_ours = ours is not None and ours.message.message.received_ms >= received_ms
            newest[topic] = ours if ours is not None and is_ours else birth
        for topic in set(topics) - newest.keys():
            ours = self._received_last(topic)
            if ours is not None:
                newest[topic] = ours
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return newest

    def _received_last(self, topic: str) -> Birth | None:
        return next((each[topic] for each in reversed(self._recent) if topic in each), None)

    async def _learn(self, connection: AsyncConnection, ids: AbstractSet[int]) -> None:
        for id_ in ids & self._known.keys():
            self._known.move_to_end(id_)
        new = ids - self._known.keys()
        if not new:
            return
        cursor = await connection.execute(_SELECT_MESSAGES, (list(new),))
        for id_, source_id, topic, payload in await cursor.fetchall():
            # Of a message that is stored, what names it is all that is looked at.
            message = Message(topic, payload, len(payload), 0, None)
            stored = SourceMessage(source_id, PublisherKind.CLOUD, "", message)
            self._known[id_] = Birth(stored, names_of_birth(payload))
