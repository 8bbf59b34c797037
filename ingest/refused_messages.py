"""Rejections, and messages in others' formats, into their tables, in the caller's transaction."""

import json
from collections.abc import Sequence
from typing import Final

from psycopg import AsyncConnection

from ingest.decode import Rejection
from ingest.source_rows import SourceMessage, SourceRow
from jieru.publishers import CLOUD_ID, ITSELF_ID
from jieru.refusals.said import Said
from jieru.wire import PAYLOAD_LIMIT_BYTES, PublisherKind

__all__ = ["insert_rejections", "insert_source_messages"]

_INSERT: Final = """
    INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes)
    SELECT to_timestamp(received_ms / 1000.0), reason, topic, payload, payload_bytes
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bytea[], %s::integer[])
         AS refused (received_ms, reason, topic, payload, payload_bytes)
"""
# A row that was refused when its message came first is not refused a second time. Sorted as below.
_INSERT_ROWS: Final = """
    INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes,
                            source_message_id, path, detail)
    SELECT to_timestamp(received_ms / 1000.0), reason, refused.topic, refused.payload,
           payload_bytes, kept.id, path, detail
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bytea[], %s::integer[],
                %s::integer[], %s::text[], %s::bytea[], %s::text[], %s::jsonb[])
         AS refused (received_ms, reason, topic, payload, payload_bytes,
                     source_id, message_topic, sha256, path, detail)
    LEFT JOIN source_messages AS kept
        ON kept.sha256 = refused.sha256 AND kept.source_id = refused.source_id
           AND kept.topic = refused.message_topic
    ORDER BY kept.id, path, reason
    ON CONFLICT (source_message_id, path, reason) WHERE source_message_id IS NOT NULL DO NOTHING
"""
# In the order of the unique key, so that two ingesters that were sent the same cannot deadlock.
_INSERT_MESSAGES: Final = """
    INSERT INTO source_messages
        (received_at, platform_id, source_id, publisher_id, topic, sha256, payload, birth_id)
    SELECT to_timestamp(received_us / 1000000.0), sources.platform_id, sources.id,
           coalesce(fixed_publisher, gateways.id), message.topic, message.sha256, message.payload,
           birth.id
    FROM unnest(%s::bigint[], %s::integer[], %s::integer[], %s::text[], %s::text[], %s::bytea[],
                %s::bytea[], %s::integer[], %s::text[], %s::bytea[])
         AS message (received_us, source_id, fixed_publisher, gateway, topic, sha256, payload,
                     birth_source_id, birth_topic, birth_sha256)
    LEFT JOIN source_messages AS birth
        ON birth.sha256 = message.birth_sha256 AND birth.source_id = message.birth_source_id
           AND birth.topic = message.birth_topic
    JOIN sources ON sources.id = message.source_id
    LEFT JOIN publishers AS gateways
        ON gateways.platform_id = sources.platform_id AND gateways.name = message.gateway
    ORDER BY message.sha256, sources.id, message.topic
    ON CONFLICT (sha256, source_id, topic) DO NOTHING
"""
_PLACES: Final = 400
"""Microseconds: less than would be another millisecond to whoever rounds."""
_FIXED: Final = {PublisherKind.CLOUD: CLOUD_ID, PublisherKind.DEVICE: ITSELF_ID}


async def insert_source_messages(
    connection: AsyncConnection, messages: Sequence[SourceMessage]
) -> None:
    """Keep messages whole; one that was kept before adds nothing."""
    # A birth first: what it names may have come in the same batch.
    for each in ([m for m in messages if m.birth is None], [m for m in messages if m.birth]):
        if each:
            await _insert_messages(connection, each)


async def _insert_messages(connection: AsyncConnection, messages: Sequence[SourceMessage]) -> None:
    births = [each.birth for each in messages]
    await connection.execute(
        _INSERT_MESSAGES,
        (
            # Of two births that came in one millisecond, the later one is the newer.
            [
                each.message.received_ms * 1_000 + min(place, _PLACES)
                for place, each in enumerate(messages)
            ],
            [each.source_id for each in messages],
            [_FIXED.get(each.publisher) for each in messages],
            [each.gateway for each in messages],
            [each.message.topic for each in messages],
            [each.sha256 for each in messages],
            [each.message.payload for each in messages],
            [birth.source_id if birth else None for birth in births],
            [birth.message.topic if birth else None for birth in births],
            [birth.sha256 if birth else None for birth in births],
        ),
    )


async def insert_rejections(connection: AsyncConnection, rejections: Sequence[Rejection]) -> None:
    """Store rejections; the messages that rows are of were kept before."""
    native = [each for each in rejections if not isinstance(each.message, SourceRow)]
    if native:
        await connection.execute(_INSERT, _columns(native))
    rows = [(each, each.message) for each in rejections if isinstance(each.message, SourceRow)]
    if rows:
        sources = [row.source for _each, row in rows]
        await connection.execute(
            _INSERT_ROWS,
            (
                *_columns([each for each, _row in rows]),
                [source.source_id if source else None for source in sources],
                [source.message.topic if source else None for source in sources],
                [source.sha256 if source else None for source in sources],
                [row.path for _each, row in rows],
                [_detail(row.said) for _each, row in rows],
            ),
        )


def _columns(rejections: Sequence[Rejection]) -> tuple[list[object], ...]:
    """When, why, topic, payload and its length."""
    messages = [rejection.message for rejection in rejections]
    return (
        [message.received_ms for message in messages],
        [rejection.reason.value for rejection in rejections],
        [message.topic.replace("\0", "\ufffd") for message in messages],
        [message.payload[:PAYLOAD_LIMIT_BYTES] for message in messages],
        [message.payload_bytes for message in messages],
    )


def _detail(said: Said | None) -> str | None:
    if said is None:
        return None
    return json.dumps({"message": said.message, "values": dict(said.values)})
