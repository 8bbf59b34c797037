"""Messages set apart: durable in a table of their own, waiting to be stored behind all others.

A batch is one transaction. What would make it too large for the database (one device that sends
every day since 2020 touches thousands of chunks), or would have to be taken to pieces row by row,
is kept here with the others' heartbeats in the same transaction, acknowledged with them, and stored
in small portions afterwards. Nobody waits for it, and nothing is lost when the ingester stops.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from psycopg import AsyncConnection

from ingest.message import Message

__all__ = ["ApartMessage", "Portion", "forget", "note_try", "set_apart", "take"]

_INSERT: Final = """
    INSERT INTO messages_apart (received_at, topic, payload)
    SELECT to_timestamp(received_ms / 1000.0), topic, payload
    FROM unnest(%s::bigint[], %s::text[], %s::bytea[]) AS apart (received_ms, topic, payload)
"""
# Several ingesters may work through the table side by side.
_TAKE: Final = """
    SELECT id, tries, topic, payload, (extract(epoch FROM received_at) * 1000)::bigint
    FROM messages_apart ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_FORGET: Final = "DELETE FROM messages_apart WHERE id = ANY (%s::bigint[])"
# Behind all others: the next turn begins with somebody else.
_NOTE_TRY: Final = """
    WITH tried AS (
        DELETE FROM messages_apart
        WHERE id = (SELECT id FROM messages_apart ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING received_at, topic, payload, tries
    )
    INSERT INTO messages_apart (received_at, topic, payload, tries)
    SELECT received_at, topic, payload, tries + 1 FROM tried
"""

_FIRST_PORTION: Final = 64
_LARGEST_PORTION: Final = 2_048
_QUICK_S: Final = 0.1
_SLOW_S: Final = 0.3


class ApartMessage(NamedTuple):
    """One row of the table."""

    id: int
    tries: int
    message: Message


class Portion:
    """How many messages one transaction takes from the table: as many as keep it short."""

    def __init__(self) -> None:
        """Begin with few."""
        self.size = _FIRST_PORTION

    def took(self, seconds: float) -> None:
        """A transaction was committed after so many seconds."""
        if seconds < _QUICK_S:
            self.size = min(2 * self.size, _LARGEST_PORTION)
        elif seconds > _SLOW_S:
            self.shrink()

    def shrink(self) -> None:
        """A transaction was too large."""
        self.size = max(1, self.size // 2)


async def set_apart(connection: AsyncConnection, messages: Sequence[Message]) -> None:
    """Keep messages in the table, in a transaction of the caller's."""
    await connection.execute(
        _INSERT,
        (
            [message.received_ms for message in messages],
            [message.topic for message in messages],
            [message.payload for message in messages],
        ),
    )


async def take(connection: AsyncConnection, limit: int) -> list[ApartMessage]:
    """The messages that have waited longest, locked until the caller's transaction ends."""
    cursor = await connection.execute(_TAKE, (limit,))
    return [
        ApartMessage(id_, tries, Message(topic, payload, len(payload), received_ms, None))
        for id_, tries, topic, payload, received_ms in await cursor.fetchall()
    ]


async def forget(connection: AsyncConnection, taken: Sequence[ApartMessage]) -> None:
    """Take messages out of the table, in the transaction that stores them elsewhere."""
    await connection.execute(_FORGET, ([each.id for each in taken],))


async def note_try(connection: AsyncConnection) -> None:
    """Let the first message, which failed alone, wait behind all others."""
    await connection.execute(_NOTE_TRY)
