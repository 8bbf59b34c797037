"""One batch, one transaction: what is stored, what is refused, what a second delivery changes."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.decode import Heartbeat, Rejection
from ingest.durable_hours import Age
from ingest.writer import Writer, Written
from jieru.publishers import CLOUD_ID, ITSELF_ID
from jieru.wire import DeviceStatus, RejectionReason
from tests.support.fleet import register_devices, stored_presence
from tests.support.messages import NOON_MS, heartbeat, message, topic_of
from tests.support.registry_builder import RegistryBuilder
from tests.unit.verifier.builders import policy_with
from verifier.counting.run import count_year

_HOUR_MS = 3_600_000
_STORED = 'SELECT device_id, "time" FROM heartbeats ORDER BY 1, 2'
_PRESENT = """
    SELECT device_id, month, publisher_id, hours::text, late_hours::text, live_hours::text
    FROM presence ORDER BY 1, 2, 3
"""
_LIVE = """
    SELECT device_id, publisher_id, bit_count(hours), bit_count(live_hours),
           bit_count(live_hours & ~hours)
    FROM presence ORDER BY 1, 2
"""


def _writer(url: str) -> Writer:
    return Writer(url, ingester="tests", state_interval_s=30, is_leaving=lambda: False)


async def _write(
    url: str, *batches: Sequence[Heartbeat], rejections: Sequence[Rejection] = ()
) -> list[Written]:
    writer = _writer(url)
    try:
        return [await writer.write(batch, rejections) for batch in batches]
    finally:
        await writer.close()


async def _write_at_once(url: str, *ways: Sequence[Sequence[Heartbeat]]) -> None:
    """Each by an ingester of its own, side by side."""
    await asyncio.gather(*(_write(url, *way) for way in ways))


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a database with three devices, ids 1 to 3."""
    with psycopg.connect(database_url) as connection:
        register_devices(connection, ["A", "B", "C"])
        yield connection


def _count(connection: psycopg.Connection, table: str) -> int:
    connection.rollback()
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - test names
    assert row
    return int(row[0])


async def test_every_field_of_a_heartbeat_is_stored(
    database_url: str, connection: psycopg.Connection
) -> None:
    """The binary rows mean what they should, absent fields included."""
    full = heartbeat(
        1,
        NOON_MS + 123,
        received_ms=NOON_MS + 456,
        seq=2**63 - 1,
        status=DeviceStatus.MAINTENANCE,
        metrics='{"温度": 21.5}'.encode(),
        publisher_id=2**31 - 1,
        boot=-(2**63),
        counter=0.1,
    )
    counted = heartbeat(3, NOON_MS, status=DeviceStatus.RUNNING, counter=7.0)
    await _write(database_url, [full, heartbeat(2, NOON_MS, publisher_id=ITSELF_ID), counted])
    rows = connection.execute(
        "SELECT device_id, extract(epoch FROM time) * 1000, extract(epoch FROM received_at) * 1000,"
        " publisher_id, seq, status::text, boot, counter, metrics FROM heartbeats"
        " ORDER BY device_id"
    ).fetchall()
    assert rows == [
        (
            *(1, NOON_MS + 123, NOON_MS + 456, 2**31 - 1),
            *(2**63 - 1, "maintenance", -(2**63), 0.1, {"温度": 21.5}),
        ),
        (2, NOON_MS, NOON_MS, ITSELF_ID, None, None, None, None, None),
        (3, NOON_MS, NOON_MS, CLOUD_ID, None, "running", None, 7.0, None),
    ]


async def test_an_hour_is_kept_for_each_of_its_publishers(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Also where the same heartbeat came twice, and the row is the first one's."""
    gateway = 7
    beats = [
        heartbeat(1, NOON_MS),
        heartbeat(1, NOON_MS, publisher_id=gateway),
        heartbeat(1, NOON_MS + 1, publisher_id=ITSELF_ID),
        heartbeat(1, NOON_MS + _HOUR_MS, publisher_id=gateway),
        heartbeat(1, NOON_MS + 2),
    ]
    await _write(database_url, beats[:2], beats[2:], beats)
    rows = connection.execute(
        "SELECT publisher_id, bit_count(hours) FROM presence WHERE device_id = 1 ORDER BY 1"
    ).fetchall()
    assert rows == [(CLOUD_ID, 1), (ITSELF_ID, 1), (gateway, 2)]
    row = connection.execute("SELECT publisher_id FROM heartbeats ORDER BY time").fetchone()
    assert row == (CLOUD_ID,)


async def test_an_hour_is_live_once_one_of_its_heartbeats_was(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Whoever published it, and in the same batch or in one after; a late hour never is."""
    gateway = 7
    batches = (
        [heartbeat(1), heartbeat(1, NOON_MS + _HOUR_MS), heartbeat(2, is_late=True)],
        [heartbeat(1, NOON_MS + 1, is_live=True), heartbeat(1, NOON_MS + 2)],
        [
            heartbeat(1, NOON_MS + 3, publisher_id=gateway),
            heartbeat(1, NOON_MS + 4, publisher_id=gateway, is_live=True),
        ],
    )
    await _write(database_url, *batches, *batches)
    rows = connection.execute(_LIVE).fetchall()
    assert rows == [(1, CLOUD_ID, 2, 1, 0), (1, gateway, 1, 1, 0), (2, CLOUD_ID, 0, 0, 0)]
    together = connection.execute(
        "SELECT device_id, bit_count(hours), bit_count(live_hours) FROM device_presence ORDER BY 1"
    ).fetchall()
    assert together == [(1, 2, 1), (2, 0, 0)]


async def test_an_hour_is_live_also_where_the_batch_comes_a_second_time(
    database_url: str, connection: psycopg.Connection
) -> None:
    """The row of a heartbeat that is there already stays as it is, and its hour is heard live."""
    await _write(database_url, [heartbeat(1)], [heartbeat(1, is_live=True)])
    assert connection.execute(_LIVE).fetchall() == [(1, CLOUD_ID, 1, 1, 0)]
    assert _count(connection, "heartbeats") == 1


async def test_a_second_delivery_changes_nothing_and_is_counted(
    database_url: str, connection: psycopg.Connection
) -> None:
    """The same batch again, and a batch that repeats within itself."""
    batch = [heartbeat(device, NOON_MS + minute) for device in (1, 2) for minute in range(5)]
    first, second, third = await _write(database_url, batch, batch, [*batch, *batch])
    assert (first.duplicates, second.duplicates, third.duplicates) == (0, 10, 20)
    assert _count(connection, "heartbeats") == 10
    assert stored_presence(connection) == {
        ("A", date(2026, 3, 1)): {36},
        ("B", date(2026, 3, 1)): {36},
    }


async def test_new_heartbeats_among_repeated_ones_are_stored(
    database_url: str, connection: psycopg.Connection
) -> None:
    """A redelivery that overlaps: the new ones must not be lost with the old."""
    old = [heartbeat(1, NOON_MS + minute) for minute in range(5)]
    _first, second = await _write(database_url, old, [*old, heartbeat(3, NOON_MS)])
    assert second.duplicates == 5
    assert _count(connection, "heartbeats") == 6


@pytest.mark.parametrize(
    "metrics",
    [rb'{"a": "\u0000"}', b'{"a": 1e200000}', rb'{"a": "\ud800"}'],
    ids=["NUL", "number too large", "half a surrogate pair"],
)
async def test_a_row_that_only_the_database_refuses_becomes_a_rejection(
    database_url: str, connection: psycopg.Connection, metrics: bytes
) -> None:
    """Halving finds the bad ones; every good one of the batch is kept."""
    batch = [heartbeat(1, NOON_MS + number) for number in range(50)]
    for place in (0, 17, 18, 49):
        batch[place] = heartbeat(2, NOON_MS + place, metrics=metrics)
    (written,) = await _write(database_url, batch)
    assert len(written.heartbeats) == 46
    assert [item.reason for item in written.rejections] == [RejectionReason.MALFORMED_PAYLOAD] * 4
    assert _count(connection, "heartbeats") == 46
    assert _count(connection, "rejections") == 4
    assert ("B", date(2026, 3, 1)) not in stored_presence(connection)


async def test_a_rejection_keeps_topic_reason_time_and_the_first_4096_bytes(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Stored with the good rows, in the same transaction."""
    refused = message(b"\xff" * 5000, topic="jieru/v1/xielian/'; DROP TABLE devices/heartbeat")
    await _write(
        database_url,
        [heartbeat(1)],
        rejections=[Rejection(RejectionReason.BAD_TOPIC, refused)],
    )
    rows = connection.execute(
        "SELECT reason, topic, payload, payload_bytes, extract(epoch FROM received_at) * 1000"
        " FROM rejections"
    ).fetchall()
    assert rows == [("bad_topic", refused.topic, b"\xff" * 4096, 5000, NOON_MS)]


async def test_a_late_heartbeat_sets_a_late_hour_which_does_not_count(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Kept as evidence of lateness, apart from the hours that count."""
    await _write(database_url, [heartbeat(1, is_late=True), heartbeat(1, NOON_MS + _HOUR_MS)])
    assert stored_presence(connection) == {("A", date(2026, 3, 1)): {37}}
    assert stored_presence(connection, late=True) == {("A", date(2026, 3, 1)): {36}}
    assert _count(connection, "heartbeats") == 2


async def test_the_newest_heartbeat_makes_the_devices_state(
    database_url: str, connection: psycopg.Connection
) -> None:
    """A stored heartbeat that comes late does not set the clock back."""
    newest = heartbeat(1, NOON_MS + 5000, status=DeviceStatus.FAULT)
    await _write(database_url, [newest])
    await _write(database_url, [heartbeat(1, NOON_MS, status=DeviceStatus.IDLE)])
    rows = connection.execute(
        "SELECT device_id, extract(epoch FROM last_seen_at) * 1000, status::text FROM device_states"
    ).fetchall()
    assert rows == [(1, NOON_MS + 5000, "fault")]


@pytest.mark.parametrize("status", [None, *DeviceStatus])
async def test_a_devices_state_has_the_status_it_said(
    database_url: str, connection: psycopg.Connection, status: DeviceStatus | None
) -> None:
    """Each status finds its place in the database's type; none is NULL."""
    await _write(database_url, [heartbeat(1, status=status)])
    rows = connection.execute("SELECT status::text FROM device_states").fetchall()
    assert rows == [(None if status is None else status.value,)]


async def test_a_cut_connection_costs_nothing(
    database_url: str, connection: psycopg.Connection
) -> None:
    """The batch is tried again through a new connection."""
    writer = _writer(database_url)
    await writer.write([heartbeat(1)], [])
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    connection.commit()
    written = await writer.write([heartbeat(2)], [])
    await writer.close()
    assert len(written.heartbeats) == 1
    assert writer.is_healthy
    assert _count(connection, "heartbeats") == 2


async def test_two_writers_of_the_same_batches_end_with_one_copy(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Two ingesters were sent the same messages, each in its own order: no deadlock, no loss."""
    beats = [heartbeat(device, NOON_MS + n * 600_000) for device in (1, 2, 3) for n in range(300)]

    async def write_shuffled(seed: int) -> None:
        shuffled = random.Random(seed).sample(beats, len(beats))  # noqa: S311 - an order
        await _write(database_url, *(shuffled[start : start + 90] for start in range(0, 900, 90)))

    await asyncio.gather(*(write_shuffled(seed) for seed in range(4)))
    assert _count(connection, "heartbeats") == 900
    assert {
        serial: len(bits) for (serial, _month), bits in stored_presence(connection).items()
    } == {
        "A": 50,
        "B": 50,
        "C": 50,
    }


async def test_a_heartbeat_is_counted_once_in_its_hour_of_receipt(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Delivered twice in a batch or in two, and whatever hour it speaks of."""
    first = [heartbeat(1), heartbeat(2, is_late=True, received_ms=NOON_MS + 1)]
    later = heartbeat(1, NOON_MS + 1000, received_ms=NOON_MS + _HOUR_MS)
    await _write(database_url, first, [*first, later, later], [later], first)
    assert _counted_heartbeats(connection) == [
        (NOON_MS, "xielian", "tests", 2, 1),
        (NOON_MS + _HOUR_MS, "xielian", "tests", 1, 0),
    ]


async def test_rejections_are_counted_by_hour_platform_and_reason(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Under no platform where the topic names none that is registered."""
    rejections = [
        Rejection(RejectionReason.UNKNOWN_DEVICE, message(topic=topic_of("X"))),
        Rejection(RejectionReason.UNKNOWN_DEVICE, message(topic=topic_of("Y"))),
        Rejection(RejectionReason.UNKNOWN_DEVICE, message(topic=topic_of("X", "nobody"))),
        Rejection(RejectionReason.BAD_TOPIC, message(topic="\0/wrong")),
    ]
    await _write(database_url, [], [], rejections=rejections)
    connection.rollback()
    rows = connection.execute(
        "SELECT extract(epoch FROM hour)::bigint * 1000, code, reason, ingester, rejections"
        " FROM rejection_hours LEFT JOIN platforms ON platforms.id = platform_id"
        " ORDER BY code, reason"
    ).fetchall()
    assert rows == [
        (NOON_MS, "xielian", "unknown_device", "tests", 4),
        (NOON_MS, None, "bad_topic", "tests", 2),
        (NOON_MS, None, "unknown_device", "tests", 2),
    ]


def _counted_heartbeats(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    connection.rollback()
    return connection.execute(
        "SELECT extract(epoch FROM hour)::bigint * 1000, code, ingester, heartbeats, late"
        " FROM ingest_hours JOIN platforms ON platforms.id = platform_id ORDER BY hour"
    ).fetchall()


_POLICY = policy_with(
    window_days=5,
    active_days_min=3,
    longest_gap_days_max=2,
    active_hours_per_day_min=2,
    active_devices_min=1,
)
_AS_OF = date(2026, 3, 14)
_OF_TWO_WEEKS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(0, 10 * 24),
        st.sampled_from(Age),
        st.sampled_from([CLOUD_ID, ITSELF_ID]),
    ),
    min_size=60,
    max_size=160,
)


@given(beats=_OF_TWO_WEEKS, data=st.data())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_order_repetition_and_batching_do_not_change_evidence_or_count(
    embedded_database_url: str, beats: list[tuple[int, int, Age, int]], data: st.DataObject
) -> None:
    """Whatever way the same heartbeats come in, and to whichever of two ingesters.

    Presence is the same, its live hours are among its hours, and the count is the same.
    """
    stream = [
        heartbeat(
            device,
            NOON_MS + hours * _HOUR_MS,
            is_late=age is Age.LATE,
            is_live=age is Age.LIVE,
            publisher_id=publisher,
        )
        for device, hours, age, publisher in beats
    ]
    again = data.draw(st.lists(st.sampled_from(stream), max_size=20))
    shuffled = data.draw(st.permutations([*stream, *again]))
    cuts = data.draw(st.lists(st.integers(0, len(shuffled)), max_size=5))
    edges = [0, *sorted(cuts), len(shuffled)]
    batches = [shuffled[start:end] for start, end in pairwise(edges)]
    with psycopg.connect(embedded_database_url, autocommit=True) as connection:
        if connection.execute("SELECT count(*) FROM platforms").fetchone() == (0,):
            builder = RegistryBuilder(connection)
            uscc = builder.enterprise()
            builder.connection(builder.platform(), uscc)
            for number in (1, 2, 3):
                assert builder.device("alpha", f"m{number}", uscc) == number
        outcomes = []
        for ways in ([[stream]], [batches], [batches[::2], batches[1::2]]):
            connection.execute("TRUNCATE heartbeats, presence, device_states")
            asyncio.run(_write_at_once(embedded_database_url, *ways))
            assert all(beyond == 0 for *_rest, beyond in connection.execute(_LIVE))
            outcomes.append(
                (
                    connection.execute(_STORED).fetchall(),
                    connection.execute(_PRESENT).fetchall(),
                    count_year(connection, 2026, as_of=_AS_OF, policy=_POLICY).to_json_object(),
                )
            )
    assert outcomes[0] == outcomes[1] == outcomes[2]


async def test_a_session_that_could_not_be_prepared_is_not_used(
    database_url: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk there is no room for its staging table, which a second delivery needs."""
    with monkeypatch.context() as full_disk:
        full_disk.setattr(
            "ingest.writer._CREATE_STAGING",
            "DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = 'disk_full'; END $$",
        )
        writer = _writer(database_url)
        writing = asyncio.create_task(writer.write([heartbeat(1)], []))
        async with asyncio.timeout(30):
            while writer.is_healthy:  # noqa: ASYNC110 - it has no event for that
                await asyncio.sleep(0.01)
    await writing
    again = await writer.write([heartbeat(1)], [])
    await writer.close()
    assert again.duplicates == 1
    assert _count(connection, "heartbeats") == 1
