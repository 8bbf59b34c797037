"""Rejections are kept for a time, and of a flood a sample; how many there were stays."""

from collections.abc import Iterator

import psycopg
import pytest

from ingest.decode import Rejection
from ingest.rejection_retention import delete_old_rejections, delete_old_source_messages
from ingest.rejection_sample import RejectionSample
from ingest.writer import Writer
from jieru.wire import RejectionReason
from tests.support.fleet import register_devices
from tests.support.messages import NOON_MS, message, topic_of
from tests.support.roles import INGEST, as_role
from tests.support.sources import declare_ready_made

_INSERT = """
    INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes)
    SELECT now() - days * interval '1 day', 'bad_topic', 't', '', 0
    FROM unnest(%s::integer[]) AS days
"""

_INSERT_MESSAGES = """
    INSERT INTO source_messages (received_at, platform_id, source_id, topic, sha256, payload)
    SELECT now() - days * interval '1 day', platform_id, id, 't',
           sha256(convert_to(days::text, 'UTF8')), convert_to(days::text, 'UTF8')
    FROM sources, unnest(%s::integer[]) AS days
"""

_INSERT_NAMED = """
    INSERT INTO source_messages
        (received_at, platform_id, source_id, topic, sha256, payload, birth_id)
    SELECT now() - %s * interval '1 day', platform_id, id, 'spBv1.0/p1/DBIRTH/e/d',
           sha256(convert_to(%s, 'UTF8')), convert_to(%s, 'UTF8'), %s
    FROM sources RETURNING id
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A database with one device."""
    with psycopg.connect(database_url) as connection:
        register_devices(connection, ["A"])
        yield connection


def test_old_rejections_are_deleted(connection: psycopg.Connection) -> None:
    """However many there are; younger ones stay."""
    connection.execute(_INSERT, ([91] * 45_000 + [89, 1],))
    connection.commit()
    assert delete_old_rejections(connection, retention_days=90) == 45_000
    assert connection.execute("SELECT count(*) FROM rejections").fetchone() == (2,)


def test_messages_of_sources_are_deleted_as_heartbeats_are(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Not before what `jieru migrate` noted, whatever the settings of an ingester say."""
    declare_ready_made(connection, "telegraf")
    connection.execute(_INSERT_MESSAGES, ([*range(2_000, 4_500), 400, 1],))
    connection.commit()
    with psycopg.connect(as_role(database_url, INGEST)) as ingester:
        assert delete_old_source_messages(ingester, retention_days=30) == 2_500
    assert delete_old_source_messages(connection, retention_days=30) == 1
    assert connection.execute("SELECT count(*) FROM source_messages").fetchone() == (1,)


def test_a_birth_is_kept_as_long_as_what_it_names(connection: psycopg.Connection) -> None:
    """However old it is; and no longer, nor one that names nothing."""
    declare_ready_made(connection, "sparkplug-b")
    named, lonely = (_keep(connection, days=400, text=text) for text in ("named", "lonely"))
    data = [_keep(connection, days=days, text=f"data {days}", birth=named) for days in (200, 1)]
    connection.commit()

    def left() -> list[int]:
        delete_old_source_messages(connection, retention_days=30)
        connection.rollback()
        return [row[0] for row in connection.execute("SELECT id FROM source_messages ORDER BY id")]

    assert lonely not in left()
    assert left() == [named, data[1]]
    connection.execute("DELETE FROM source_messages WHERE id = %s", (data[1],))
    connection.commit()
    assert left() == []


def _keep(connection: psycopg.Connection, *, days: int, text: str, birth: int | None = None) -> int:
    row = connection.execute(_INSERT_NAMED, (days, text, text, birth)).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_flood_is_counted_whole_and_kept_as_a_sample(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Three of five hundred are there to be looked at, and five hundred are counted."""
    writer = Writer(
        database_url,
        ingester="tests",
        state_interval_s=30,
        is_leaving=lambda: False,
        sample=RejectionSample(per_topic=3, per_platform=100),
    )
    refused = Rejection(
        RejectionReason.MALFORMED_PAYLOAD,
        message(b"{}", topic=topic_of("A"), received_ms=NOON_MS),
    )
    for _batch in range(5):
        await writer.write([], [refused] * 100)
    await writer.close()
    assert connection.execute("SELECT count(*) FROM rejections").fetchone() == (3,)
    counted = connection.execute("SELECT sum(rejections) FROM rejection_hours").fetchone()
    assert counted == (500,)
