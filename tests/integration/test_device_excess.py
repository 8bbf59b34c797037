"""One device that floods among others: its rows, its hours, and the books of what was not kept."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from ingest.decode import Heartbeat
from ingest.device_rate import DeviceRate
from ingest.writer import Writer, Written
from tests.support.fleet import Sent, bits_of, register_devices, stored_presence
from tests.support.messages import NOON_MS, heartbeat

_HOUR_MS = 3_600_000
_BATCH = 2_000
_BURST, _RATE = 1_000, 60
_BETWEEN_LOOKS = 1_000
_KEPT = _BURST + _RATE + 1
"""Of a flood in one batch: the last one stands for the hour, which is not durable until then."""
_SERIALS = [f"CNC-{number:02}" for number in range(51)]
_STORED = "SELECT device_id, count(*) FROM heartbeats GROUP BY device_id"
_EXCESS = """
    SELECT device_id, (extract(epoch FROM hour) / 3600)::bigint, ingester, heartbeats
    FROM device_excess ORDER BY 1, 2, 3
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a database with 51 devices."""
    with psycopg.connect(database_url) as connection:
        register_devices(connection, _SERIALS)
        yield connection


def _writer(url: str, ingester: str = "tests") -> Writer:
    return Writer(
        url,
        ingester=ingester,
        state_interval_s=30,
        is_leaving=lambda: False,
        rate=DeviceRate(per_minute=_RATE, burst=_BURST),
    )


def _stored(connection: psycopg.Connection) -> Counter[int]:
    connection.rollback()
    return Counter(dict(connection.execute(_STORED).fetchall()))


def _excess(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    connection.rollback()
    return connection.execute(_EXCESS).fetchall()


def _total(connection: psycopg.Connection) -> int:
    return sum(int(str(row[3])) for row in _excess(connection))


def _flood(device_id: int, count: int, *, hours: int = 1) -> list[Heartbeat]:
    """Of so many hours in turn, all received at noon."""
    return [
        heartbeat(device_id, NOON_MS - each % hours * _HOUR_MS + each // hours, received_ms=NOON_MS)
        for each in range(count)
    ]


async def test_a_flood_fills_no_disk_and_loses_no_hour(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Twenty thousand of one device in a second, among fifty others (finding S8)."""
    flood = _flood(1, 20_000, hours=60)
    others = [
        heartbeat(device_id, NOON_MS + each, received_ms=NOON_MS)
        for device_id in range(2, 52)
        for each in range(40)
    ]
    sent = [*flood, *others]
    random.Random(8).shuffle(sent)  # noqa: S311 - an order
    writer = _writer(database_url)
    written = [
        await writer.write(sent[start : start + _BATCH], [])
        for start in range(0, len(sent), _BATCH)
    ]
    await writer.write([], [], all_states=True)
    await writer.close()

    stored = _stored(connection)
    assert {stored[device_id] for device_id in range(2, 52)} == {40}, "the others' are all stored"
    # The hours beyond the rate have a heartbeat each, of which the rate's own may hold some.
    assert _BURST + _RATE <= stored[1] <= _BURST + _RATE + _BETWEEN_LOOKS + 60
    present = {key: bits for key, bits in stored_presence(connection).items() if key[0] == "CNC-00"}
    assert present == bits_of(Sent("CNC-00", each.ts_ms) for each in flood)
    assert _excess(connection) == [(1, NOON_MS // _HOUR_MS, "tests", 20_000 - stored[1])]
    assert sum(len(each.excess) for each in written) == _total(connection)
    assert sum(len(each.heartbeats) for each in written) == stored.total()
    seen = connection.execute(
        "SELECT (extract(epoch FROM last_seen_at) * 1000)::bigint FROM device_states"
        " WHERE device_id = 1"
    ).fetchone()
    assert seen == (max(each.ts_ms for each in flood),), "its state minds all that came"


async def test_each_hour_beyond_the_rate_is_one_heartbeat(
    database_url: str, connection: psycopg.Connection
) -> None:
    """In time, late, and of each publisher; what stands for it is the first of its kind."""
    writer = _writer(database_url)
    await writer.write(_flood(1, 3_000), [])
    before = _stored(connection)[1]
    beyond = [
        heartbeat(
            1,
            NOON_MS - (1 + hour) * _HOUR_MS + publisher_id * 100 + is_late * 10 + again,
            received_ms=NOON_MS,
            publisher_id=publisher_id,
            is_late=is_late,
        )
        for hour in range(3)
        for publisher_id in (1, 2)
        for is_late in (False, True)
        for again in range(5)
    ]
    first = await writer.write(beyond, [])
    second = await writer.write(beyond, [])
    await writer.close()
    assert (len(first.heartbeats), len(first.excess)) == (12, 48)
    assert (len(second.heartbeats), len(second.excess)) == (0, 60), "durable by now"
    assert _stored(connection)[1] - before == 12
    rows = connection.execute(
        "SELECT publisher_id, bit_count(hours), bit_count(late_hours) FROM presence"
        " WHERE device_id = 1 ORDER BY 1"
    ).fetchall()
    assert rows == [(1, 4, 3), (2, 3, 3)]


async def test_a_batch_that_is_tried_again_is_counted_once(
    database_url: str, connection: psycopg.Connection
) -> None:
    """The connection broke before the commit; the account is not charged twice either."""
    writer = _writer(database_url)
    await writer.write(_flood(1, _BURST), [])
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    connection.commit()
    written = await writer.write(_flood(1, 3 * _BURST)[_BURST:], [])
    again = await writer.write([], [])
    await writer.close()
    assert len(written.excess) == 2 * _BURST - _RATE == _total(connection)
    assert not again.excess
    assert _stored(connection)[1] == _BURST + _RATE


async def test_a_transaction_that_fails_leaves_no_count(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Rows and counts are one transaction; the next try writes both."""
    connection.execute(
        "CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        "  IF nextval('tries') = 1 THEN RAISE 'disk full' USING ERRCODE = '53100'; END IF;"
        "  RETURN NULL; END $$"
    )
    connection.execute("CREATE SEQUENCE tries")
    connection.execute(
        "CREATE TRIGGER fail_once AFTER INSERT OR UPDATE ON device_excess"
        " FOR EACH STATEMENT EXECUTE FUNCTION fail_once()"
    )
    connection.commit()
    writer = _writer(database_url)
    written = await writer.write(_flood(1, 5_000), [])
    await writer.close()
    assert (len(written.heartbeats), len(written.excess)) == (_KEPT, 5_000 - _KEPT)
    assert _total(connection) == 5_000 - _KEPT
    assert _stored(connection)[1] == _KEPT


async def test_a_batch_of_excess_alone_is_written(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Nothing is copied, and everything is counted."""
    writer = _writer(database_url)
    await writer.write(_flood(1, 2_000), [])
    written = await writer.write(_flood(1, 500), [])
    await writer.close()
    assert (len(written.heartbeats), len(written.excess)) == (0, 500)
    assert _total(connection) == 2_000 - _KEPT + 500


async def test_each_ingester_counts_the_excess_that_it_met(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Two at once do not wait for one another, and no number is lost."""

    async def write(ingester: str) -> list[Written]:
        writer = _writer(database_url, ingester)
        try:
            return [await writer.write(_flood(device_id, 2_060), []) for device_id in (1, 2, 1)]
        finally:
            await writer.close()

    await asyncio.gather(write("first"), write("second"))
    hour = NOON_MS // _HOUR_MS
    assert _excess(connection) == [
        (device_id, hour, ingester, 2_060 - _KEPT + 2_060 * (device_id == 1))
        for device_id in (1, 2)
        for ingester in ("first", "second")
    ]
