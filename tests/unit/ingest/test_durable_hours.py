"""Which hours cost an upsert."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from ingest.durable_hours import Age, DurableHours, PresenceBit
from jieru.publishers import CLOUD_ID
from tests.support.messages import NOON_MS, heartbeat

_HOUR_MS = 3_600_000


def test_an_hour_is_missing_until_it_is_remembered() -> None:
    """Only the first heartbeat of an hour asks for an upsert."""
    hours, first = DurableHours(), [heartbeat(1, NOON_MS)]
    bits = hours.missing(first)
    assert bits == [PresenceBit(1, CLOUD_ID, date(2026, 3, 1), 24 + 12, Age.IN_TIME)]
    assert hours.missing(first) == bits, "not remembered before its commit"
    hours.remember(bits)
    assert hours.missing([heartbeat(1, NOON_MS + 59_000)]) == []
    assert len(hours.missing([heartbeat(1, NOON_MS + _HOUR_MS)])) == 1
    assert len(hours.missing([heartbeat(2, NOON_MS)])) == 1


def test_a_late_hour_is_remembered_apart_from_the_same_hour_in_time() -> None:
    """An hour that came late may still come in time from a second message."""
    hours, late = DurableHours(), [heartbeat(1, NOON_MS, is_late=True)]
    bits = hours.missing(late)
    assert bits == [PresenceBit(1, CLOUD_ID, date(2026, 3, 1), 36, Age.LATE)]
    hours.remember(bits)
    assert hours.missing(late) == []
    assert len(hours.missing([heartbeat(1, NOON_MS)])) == 1


def test_an_hour_is_asked_for_once_for_each_publisher() -> None:
    """Though two take turns."""
    hours = DurableHours()
    turns = [heartbeat(1, NOON_MS + turn, publisher_id=1 + turn % 2) for turn in range(4)]
    bits = hours.missing(turns)
    assert [bit.publisher_id for bit in bits] == [1, 2]
    hours.remember(bits)
    assert all(hours.missing([each]) == [] for each in turns * 2)


def test_a_full_memory_forgets_and_asks_again() -> None:
    """Forgetting costs an upsert that changes nothing; memory stays bounded."""
    hours = DurableHours(limit=2)
    for device_id in (1, 2, 3):
        beats = [heartbeat(device_id, NOON_MS)]
        hours.remember(hours.missing(beats))
    assert len(hours.missing([heartbeat(1, NOON_MS)])) == 1
    assert hours.missing([heartbeat(3, NOON_MS)]) == []


def test_an_older_hour_is_still_known_after_a_newer_one() -> None:
    """A device that mixes live and stored heartbeats does not repeat its upserts."""
    hours = DurableHours()
    for ts_ms in (NOON_MS, NOON_MS + _HOUR_MS):
        beats = [heartbeat(1, ts_ms)]
        hours.remember(hours.missing(beats))
    assert hours.missing([heartbeat(1, NOON_MS), heartbeat(1, NOON_MS + _HOUR_MS)]) == []


def test_an_hour_that_is_durable_and_not_live_costs_one_more_upsert_when_heard_live() -> None:
    """And then none, whether what comes is live or not."""
    hours, stale, live = DurableHours(), [heartbeat(1)], [heartbeat(1, is_live=True)]
    hours.remember(hours.missing(stale))
    assert hours.missing(stale) == []
    bits = hours.missing(live)
    assert bits == [PresenceBit(1, CLOUD_ID, date(2026, 3, 1), 36, Age.LIVE)]
    hours.remember(bits)
    assert hours.missing(live) == hours.missing(stale) == []


def test_an_hour_that_was_heard_live_was_heard_in_time() -> None:
    """Also where a later hour was heard since."""
    hours = DurableHours()
    for hour in (0, 1):
        hours.remember(hours.missing([heartbeat(1, NOON_MS + hour * _HOUR_MS, is_live=True)]))
    assert hours.missing([heartbeat(1), heartbeat(1, NOON_MS + _HOUR_MS)]) == []


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(0, 2000), st.sampled_from(Age), st.booleans()),
        max_size=40,
    )
)
def test_what_is_asked_for_is_exactly_what_was_never_committed(
    steps: list[tuple[int, int, Age, bool]],
) -> None:
    """Against a plain set, whatever the order and whichever transactions fail."""
    hours, committed = DurableHours(), set[tuple[int, int, Age]]()
    for device_id, hour, age, is_committed in steps:
        beats = [
            heartbeat(
                device_id,
                NOON_MS + hour * _HOUR_MS,
                is_late=age is Age.LATE,
                is_live=age is Age.LIVE,
            )
        ]
        bits = hours.missing(beats)
        assert (len(bits) == 0) is ((device_id, hour, age) in committed)
        if is_committed:
            hours.remember(bits)
            committed.add((device_id, hour, age))
            if age is Age.LIVE:
                committed.add((device_id, hour, Age.IN_TIME))


def test_two_heartbeats_of_one_hour_in_a_batch_ask_for_it_once() -> None:
    """In order of device and hour, whatever the order of receipt."""
    beats = [
        heartbeat(2, NOON_MS + 1_000),
        heartbeat(1, NOON_MS + _HOUR_MS),
        heartbeat(2, NOON_MS + 2_000),
        heartbeat(1, NOON_MS + 59_000),
    ]
    bits = DurableHours().missing(beats)
    assert [(bit.device_id, bit.bit) for bit in bits] == [(1, 36), (1, 37), (2, 36)]


def test_the_first_hour_of_a_month_is_missing_like_any_other() -> None:
    """Before anything of the month is known, and after another hour of it is."""
    hours, midnight = DurableHours(), [heartbeat(1, NOON_MS - 36 * _HOUR_MS)]
    expected = [PresenceBit(1, CLOUD_ID, date(2026, 3, 1), 0, Age.IN_TIME)]
    assert hours.missing(midnight) == expected
    hours.remember(hours.missing([heartbeat(1, NOON_MS)]))
    assert hours.missing(midnight) == expected
