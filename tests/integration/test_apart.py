"""What a batch cannot hold is set apart: others are stored at once, and nothing is lost."""

from collections.abc import AsyncIterator, Iterator, Sequence

import psycopg
import pytest

from ingest.decode import Heartbeat, Rejection, decode_all
from ingest.message import Message
from ingest.writer import Writer, Written
from jieru.wire import RejectionReason, encode_payload
from tests.support.fleet import register_devices
from tests.support.messages import NOON_MS, RULES, message, origins, topic_of

_DAY_MS = 86_400_000
_SECOND_MS = 1_000
_DEVICES = origins({topic_of("A"): 1, topic_of("B"): 2, topic_of("C"): 3})
_REFUSE = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE seen integer := coalesce(nullif(current_setting('tests.seen', true), ''), '0')::integer;
    BEGIN
        PERFORM set_config('tests.seen', (seen + 1)::text, true);
        IF {condition} THEN
            RAISE EXCEPTION 'refused' USING ERRCODE = '{sqlstate}';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON heartbeats FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A database with three devices, ids 1 to 3."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        register_devices(connection, ["A", "B", "C"])
        yield connection


def _messages(serial: str, *times_ms: int) -> list[Message]:
    return [
        message(encode_payload(each), topic=topic_of(serial), received_ms=NOON_MS)
        for each in times_ms
    ]


async def _decode(messages: Sequence[Message]) -> tuple[list[Heartbeat], list[Rejection]]:
    return decode_all(messages, _DEVICES, RULES)


async def _write(writer: Writer, messages: Sequence[Message]) -> Written:
    return await writer.write(*await _decode(messages))


async def _store_all(writer: Writer, *, turns: int = 200) -> list[Rejection]:
    """Turn after turn until none waits; the rejections that came of it."""
    refused: list[Rejection] = []
    for _ in range(turns):
        writer._next_apart_look_s = 0.0
        written = await writer.store_apart(_decode)
        if written is not None:
            refused += written.rejections
    return refused


def _stored(connection: psycopg.Connection) -> dict[int, int]:
    rows = connection.execute("SELECT device_id, count(*) FROM heartbeats GROUP BY 1").fetchall()
    return dict(rows)


def _waiting(connection: psycopg.Connection) -> int:
    (count,) = connection.execute("SELECT count(*) FROM messages_apart").fetchone() or (0,)
    return int(count)


@pytest.fixture
async def writer(database_url: str) -> AsyncIterator[Writer]:
    """A writer with a connection of its own."""
    writer = Writer(database_url, ingester="tests", state_interval_s=30, is_leaving=lambda: False)
    yield writer
    await writer.close()


def _refuse(connection: psycopg.Connection, condition: str, sqlstate: str) -> None:
    connection.execute(_REFUSE.format(condition=condition, sqlstate=sqlstate))


async def test_years_of_one_device_do_not_hold_up_the_heartbeat_of_another(
    connection: psycopg.Connection, writer: Writer
) -> None:
    """Each day is a chunk, and a transaction has locks for some hundreds (finding B1)."""
    years = _messages("A", *(NOON_MS - day * _DAY_MS for day in range(4, 604)))
    written = await _write(writer, [*years, *_messages("B", NOON_MS)])
    assert _stored(connection)[2] == 1
    assert written.apart == len(years) - 30
    assert _waiting(connection) == len(years) - 30
    await _store_all(writer)
    assert _stored(connection) == {1: len(years), 2: 1}
    assert _waiting(connection) == 0
    (months,) = connection.execute("SELECT count(*) FROM presence WHERE device_id = 1").fetchone()  # type: ignore[misc]
    assert months == 20


async def test_a_transaction_too_large_for_the_database_is_made_smaller(
    connection: psycopg.Connection, writer: Writer
) -> None:
    """Whoever sent most waits; the others do not."""
    _refuse(connection, "seen >= 100", "53200")
    many = _messages("A", *(NOON_MS - index * _SECOND_MS for index in range(300)))
    few = _messages("B", *(NOON_MS - index * _SECOND_MS for index in range(50)))
    written = await _write(writer, [*many, *few])
    assert _stored(connection) == {2: 50}
    assert written.apart == 300
    await _store_all(writer)
    assert _stored(connection) == {1: 300, 2: 50}
    assert _waiting(connection) == 0


@pytest.mark.parametrize("sqlstate", ["53200", "53400"])
async def test_what_can_be_stored_in_no_way_is_a_rejection_in_the_end(
    connection: psycopg.Connection, writer: Writer, sqlstate: str
) -> None:
    """After bounded tries, with its reason; the others are stored long before."""
    _refuse(connection, "NEW.device_id = 1", sqlstate)
    written = await _write(writer, [*_messages("A", NOON_MS), *_messages("B", NOON_MS)])
    assert (written.apart, _stored(connection)) == (1, {2: 1})
    refused: list[Rejection] = []
    for minute in range(1, 6):
        refused += await _store_all(writer, turns=20)
        await _write(writer, _messages("B", NOON_MS - minute * _SECOND_MS))
    assert [each.reason for each in refused] == [RejectionReason.UNSTORABLE]
    (reason, topic) = connection.execute("SELECT reason, topic FROM rejections").fetchone() or ()
    assert (reason, topic) == ("unstorable", topic_of("A"))
    assert _waiting(connection) == 0


@pytest.mark.parametrize("sqlstate", ["53200", "57014"])
async def test_a_database_that_takes_nothing_makes_no_rejections(
    connection: psycopg.Connection, writer: Writer, sqlstate: str
) -> None:
    """What was set apart waits until it does, however often it was tried meanwhile."""
    _refuse(connection, "true", sqlstate)
    beats = [*_messages("A", NOON_MS), *_messages("B", NOON_MS)]
    written = await _write(writer, beats)
    assert written.apart == 2
    assert await _store_all(writer) == []
    connection.execute("DROP TRIGGER refuse ON heartbeats")
    assert await _store_all(writer) == []
    assert _stored(connection) == {1: 1, 2: 1}
    assert _waiting(connection) == 0


async def test_many_rows_at_fault_are_not_all_looked_for_at_once(
    connection: psycopg.Connection, writer: Writer
) -> None:
    """A batch is taken to pieces so far and no farther; what is left ends as it would have."""
    _refuse(connection, "NEW.device_id = 1", "22000")
    bad = _messages("A", *(NOON_MS - index * _SECOND_MS for index in range(150)))
    good = _messages("B", *(NOON_MS - index * _SECOND_MS for index in range(150)))
    written = await _write(writer, [*bad, *good])
    assert written.apart > 90
    refused = await _store_all(writer)
    assert len(refused) + len(written.rejections) == 150
    assert {each.reason for each in refused} == {RejectionReason.MALFORMED_PAYLOAD}
    assert _stored(connection) == {2: 150}
    assert _waiting(connection) == 0


async def test_an_ingester_that_comes_back_stores_what_the_one_before_set_apart(
    database_url: str, connection: psycopg.Connection, writer: Writer
) -> None:
    """What was acknowledged is durable, whoever stops."""
    years = _messages("A", *(NOON_MS - day * _DAY_MS for day in range(4, 104)))
    await _write(writer, years)
    await writer.close()
    assert _waiting(connection) == 70
    next_one = Writer(database_url, ingester="next", state_interval_s=30, is_leaving=lambda: False)
    await _store_all(next_one, turns=5)
    assert _stored(connection) == {1: 100}
    await next_one.close()
