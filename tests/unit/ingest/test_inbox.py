"""Batches by size and age, epochs, and when reading must pause."""

import asyncio

from ingest.inbox import Inbox
from tests.support.messages import message


def _inbox(limit: int = 100) -> tuple[Inbox, list[str]]:
    calls: list[str] = []
    inbox = Inbox(limit=limit, on_room=lambda: calls.append("room"))
    inbox.begin_epoch()
    return inbox, calls


async def test_a_full_batch_is_given_out_at_once() -> None:
    """Size is reached, so age does not matter."""
    inbox, _calls = _inbox()
    inbox.put([message(packet_id=number) for number in range(1, 6)])
    batch = await inbox.take(3, age_s=60, idle_s=60)
    assert batch is not None
    assert [item.packet_id for item in batch.messages] == [1, 2, 3]
    assert len(inbox) == 2
    assert inbox.unacknowledged == 5


async def test_a_batch_that_is_not_full_is_given_out_when_it_is_old() -> None:
    """A quiet city does not wait for 5,000 messages."""
    inbox, _calls = _inbox()
    inbox.put([message()])
    batch = await inbox.take(3, age_s=0.01, idle_s=60)
    assert batch is not None
    assert len(batch.messages) == 1


async def test_messages_that_come_while_waiting_are_taken_in() -> None:
    """The waiter wakes when the size is reached."""
    inbox, _calls = _inbox()
    taking = asyncio.create_task(inbox.take(2, age_s=60, idle_s=60))
    await asyncio.sleep(0)
    inbox.put([message(packet_id=1)])
    await asyncio.sleep(0)
    inbox.put([message(packet_id=2)])
    batch = await taking
    assert batch is not None
    assert len(batch.messages) == 2


async def test_an_idle_time_gives_none() -> None:
    """So that the ingester can do what is due without messages."""
    inbox, _calls = _inbox()
    assert await inbox.take(1, age_s=60, idle_s=0.01) is None


async def test_a_new_connection_empties_the_inbox_and_disowns_old_batches() -> None:
    """Packet ids are used again after a reconnect: acknowledging an old batch would lose mail."""
    inbox, _calls = _inbox()
    inbox.put([message(), message()])
    batch = await inbox.take(1, age_s=0, idle_s=1)
    assert batch is not None
    inbox.begin_epoch()
    assert len(inbox) == inbox.unacknowledged == 0
    assert not inbox.settle(batch)
    assert inbox.unacknowledged == 0


async def test_room_is_announced_when_a_full_inbox_is_emptied() -> None:
    """The connection reads on."""
    inbox, calls = _inbox(limit=2)
    inbox.put([message(), message()])
    assert inbox.is_full
    batch = await inbox.take(1, age_s=0, idle_s=1)
    assert calls == ["room"]
    assert batch is not None
    assert inbox.settle(batch)
    assert inbox.unacknowledged == 1


async def _batch_of(inbox: Inbox, count: int, age_s: float) -> int:
    """A broker sends so many and no more until they are acknowledged; what a batch then holds."""
    inbox.put([message()] * count)
    batch = await inbox.take(1_000, age_s=age_s, idle_s=1)
    assert batch is not None
    assert inbox.settle(batch)
    return len(batch.messages)


async def test_a_batch_closes_where_the_broker_always_stops() -> None:
    """A window smaller than ours is learned; no batch waits for what cannot come (B2)."""
    inbox, _calls = _inbox(limit=10_000)
    for _ in range(3):
        assert inbox.window is None
        assert await _batch_of(inbox, 20, age_s=0.02) == 20
    assert inbox.window == 20
    async with asyncio.timeout(5):
        assert await _batch_of(inbox, 20, age_s=60) == 20


async def test_a_window_counts_what_an_earlier_batch_holds() -> None:
    """While one batch is written the broker sends only the rest of its window."""
    inbox, _calls = _inbox(limit=10_000)
    for _ in range(3):
        await _batch_of(inbox, 20, age_s=0.02)
    inbox.put([message()] * 20)
    first = await inbox.take(15, age_s=60, idle_s=1)
    assert first is not None
    async with asyncio.timeout(5):
        second = await inbox.take(15, age_s=60, idle_s=1)
    assert second is not None
    assert len(second.messages) == 5


async def test_a_window_that_was_wrong_is_forgotten() -> None:
    """More came than was thought possible, so batches grow old again as they should."""
    inbox, _calls = _inbox(limit=10_000)
    for _ in range(3):
        await _batch_of(inbox, 20, age_s=0.02)
    assert await _batch_of(inbox, 21, age_s=0.02) == 21
    assert inbox.window is None


async def test_a_smaller_window_takes_the_place_of_a_larger_one() -> None:
    """The broker was set up anew."""
    inbox, _calls = _inbox(limit=10_000)
    for count in (20, 20, 20, 10, 10, 10):
        await _batch_of(inbox, count, age_s=0.02)
    assert inbox.window == 10


def test_a_stream_that_does_not_stand_still_teaches_no_window() -> None:
    """Messages that come until the batch is old are only slow."""
    inbox, _calls = _inbox(limit=10_000)
    for _ in range(4):
        inbox.put([message()])
        inbox._note_stall(age_s=1_000)  # of which the last message came in the later half
        inbox.unacknowledged = 0
    assert inbox.window is None
