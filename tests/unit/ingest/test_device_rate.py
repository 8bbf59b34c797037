"""How many heartbeats of a device are kept: never more than its rate for long, and every hour."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from ingest.decode import Heartbeat
from ingest.device_rate import DeviceRate
from ingest.durable_hours import DurableHours
from ingest.excess import without_excess
from tests.support.messages import NOON_MS, heartbeat

_HOUR_MS: Final = 3_600_000
_BETWEEN_LOOKS: Final = 1_000
"""So many heartbeats may pass before a device without an account is found out."""

_Step = tuple[float, dict[int, int]]
"""Seconds since the step before, and how many heartbeats of each device come then."""

_steps: Final = st.lists(
    st.tuples(
        st.floats(0, 150), st.dictionaries(st.integers(1, 4), st.integers(1, 900), max_size=4)
    ),
    max_size=25,
)


def _batch(counts: dict[int, int]) -> list[Heartbeat]:
    return [
        heartbeat(device_id, NOON_MS + number)
        for device_id, count in counts.items()
        for number in range(count)
    ]


def _devices(heartbeats: Iterable[Heartbeat]) -> Counter[int]:
    return Counter(each.device_id for each in heartbeats)


class _Model:
    """The formula of the documentation, heartbeat by heartbeat."""

    def __init__(self, rate: int, burst: int) -> None:
        self.rate, self.burst = rate, burst
        self.ends_s: float | None = None
        self.minute = 0
        self.accounts: Counter[int] = Counter()
        self.sent: Counter[int] = Counter()
        self.known: set[int] = set()
        """Devices that were found to exceed the rate before this minute began."""

    def kept(self, counts: dict[int, int], now_s: float) -> Counter[int]:
        """How many of each device are kept."""
        if self.ends_s is None or now_s >= self.ends_s:
            over_s = 0.0 if self.ends_s is None else now_s - self.ends_s
            for _minute in range(1 + int(over_s // 60)):
                over = {each for each in range(1, 5) if self.sent[each] > self.rate}
                for device_id in range(1, 5):
                    account = self.accounts[device_id] + self.sent[device_id] - self.rate
                    self.accounts[device_id] = min(self.burst, max(0, account))
                self.known = {each for each in range(1, 5) if self.accounts[each]} | over
                self.sent.clear()
            self.ends_s = now_s + 60
            self.minute += 1
        kept: Counter[int] = Counter()
        for device_id, count in counts.items():
            for _each in range(count):
                self.sent[device_id] += 1
                allowed = self.rate + self.burst - self.accounts[device_id]
                kept[device_id] += self.sent[device_id] <= allowed
        return kept


@given(_steps, st.integers(1, 200), st.integers(0, 800))
def test_a_device_is_kept_by_the_documented_formula(
    steps: list[_Step], rate: int, burst: int
) -> None:
    """Never less; and more only before it is found out, by no more than is said."""
    limit, model, now_s = DeviceRate(per_minute=rate, burst=burst), _Model(rate, burst), 1000.0
    more: Counter[tuple[int, int]] = Counter()
    for pause_s, counts in steps:
        now_s += pause_s
        batch = _batch(counts)
        within, beyond = limit.divide(batch, now_s)
        assert len(within) + len(beyond) == len(batch)
        expected = model.kept(counts, now_s)
        for device_id, kept in _devices(within).items():
            assert kept >= expected[device_id]
            more[model.minute, device_id] += kept - expected[device_id]
            assert device_id not in model.known or kept == expected[device_id]
        assert all(_devices(within)[device_id] >= expected[device_id] for device_id in counts)
    assert all(count < _BETWEEN_LOOKS for count in more.values())


def test_a_flood_that_goes_on_is_kept_at_the_rate() -> None:
    """Over many minutes; when it ends, an honest pace is kept at once."""
    limit, kept = DeviceRate(per_minute=60, burst=500), 0
    for second in range(20 * 60):
        within, _beyond = limit.divide(_batch({1: 50}), float(second))
        kept += len(within)
    assert kept <= 500 + 20 * 60 + _BETWEEN_LOOKS
    assert kept >= 500 + 20 * 60
    for second in range(20 * 60, 22 * 60):
        _within, beyond = limit.divide(_batch({1: 1}), float(second))
        assert not beyond


def test_one_batch_is_cut_where_the_device_had_enough() -> None:
    """In the order of receipt, and nobody else's is touched."""
    limit = DeviceRate(per_minute=60, burst=1_000)
    batch = _batch({1: 3_000, 2: 900})
    random.Random(7).shuffle(batch)  # noqa: S311 - an order
    within, beyond = limit.divide(batch, 0.0)
    flood = [each for each in batch if each.device_id == 1]
    assert [each for each in within if each.device_id == 1] == flood[:1_060]
    assert list(beyond) == flood[1_060:]


def test_an_honest_backlog_of_three_days_passes_whole() -> None:
    """One heartbeat every 30 s, all at once, with the default settings."""
    limit = DeviceRate(per_minute=60, burst=10_000)
    backlog = _batch(dict.fromkeys(range(4), 72 * 120))
    for start in range(0, len(backlog), 5_000):
        _within, beyond = limit.divide(backlog[start : start + 5_000], 0.0)
        assert not beyond


def test_a_hundred_devices_below_the_rate_pass_whole_and_are_forgotten() -> None:
    """59 a minute each, for an hour, in batches of any size."""
    limit, rng = DeviceRate(per_minute=60, burst=0), random.Random(3)  # noqa: S311 - an order
    for minute in range(60):
        batch = _batch(dict.fromkeys(range(100), 59))
        rng.shuffle(batch)
        start = 0
        while start < len(batch):
            size = rng.randint(1, 900)
            now_s = 60.0 * minute + 59.0 * start / len(batch)
            _within, beyond = limit.divide(batch[start : start + size], now_s)
            assert not beyond
            start += size
    assert limit.devices_remembered == 0


def test_only_devices_that_exceed_the_rate_are_remembered() -> None:
    """Ten of a hundred thousand, and none once they have made up for it."""
    limit = DeviceRate(per_minute=60, burst=300)
    fleet = [heartbeat(device_id) for device_id in range(100_000)]
    limit.divide(fleet, 0.0)
    limit.divide(_batch(dict.fromkeys(range(10), 100)), 1.0)
    limit.divide(fleet, 60.0)
    assert limit.devices_remembered == 10
    limit.divide(fleet, 125.0)
    limit.divide(fleet, 190.0)
    assert limit.devices_remembered == 0


def test_a_long_silence_gives_the_burst_back() -> None:
    """Whole minutes without a heartbeat count as well."""
    limit = DeviceRate(per_minute=60, burst=600)
    limit.divide(_batch({1: 5_000}), 0.0)
    _within, beyond = limit.divide(_batch({1: 100}), 61.0)
    assert len(beyond) == 40, "the burst is used up"
    _within, beyond = limit.divide(_batch({1: 600}), 61.0 + 60 * 12)
    assert not beyond


def test_without_a_rate_everything_is_kept() -> None:
    """Zero is no limit."""
    batch = _batch({1: 50_000})
    assert DeviceRate(per_minute=0, burst=0).divide(batch, 0.0) == (batch, ())


def _hours(heartbeats: Iterable[Heartbeat]) -> set[tuple[int, int, int, bool]]:
    return {
        (each.device_id, each.publisher_id, each.ts_ms // _HOUR_MS, each.is_late)
        for each in heartbeats
    }


_heartbeats: Final = st.builds(
    lambda device_id, hour, publisher_id, is_late: heartbeat(
        device_id, NOON_MS + hour * _HOUR_MS, publisher_id=publisher_id, is_late=is_late
    ),
    st.integers(1, 3),
    st.integers(0, 40),
    st.integers(1, 3),
    st.booleans(),
)


@given(
    st.lists(st.lists(_heartbeats, max_size=40), max_size=12),
    st.integers(1, 5),
    st.integers(1, 6),
)
def test_no_hour_is_lost_whatever_the_order(
    batches: list[Sequence[Heartbeat]], rate: int, memory: int
) -> None:
    """On time and late, of each publisher, though memory is small and forgets."""
    limit, hours = DeviceRate(per_minute=rate, burst=0), DurableHours(limit=memory)
    limit.divide(_batch(dict.fromkeys((1, 2, 3), 1_000)), 0.0)  # all are over from here on
    kept: list[Heartbeat] = []
    for batch in batches:
        stored, excess = without_excess(batch, limit, hours, 1.0)
        assert Counter(map(id, [*stored, *excess])) == Counter(map(id, batch))
        hours.remember(hours.missing(stored))
        kept += stored
    assert _hours(kept) == _hours(each for batch in batches for each in batch)


def test_beyond_the_rate_only_the_first_of_an_hour_is_kept() -> None:
    """Once the hour is durable, nothing more of it."""
    limit, hours = DeviceRate(per_minute=1, burst=0), DurableHours()
    limit.divide(_batch({1: 1_000}), 0.0)
    batch = [heartbeat(1, NOON_MS + each // 100 * _HOUR_MS + each) for each in range(300)]
    stored, excess = without_excess(batch, limit, hours, 1.0)
    assert [each.ts_ms for each in stored] == [batch[place].ts_ms for place in (0, 100, 200)]
    assert len(excess) == 297
    again, _excess = without_excess(batch, limit, hours, 1.0)
    assert len(again) == 3, "not durable before its commit"
    hours.remember(hours.missing(stored))
    again, _excess = without_excess(batch, limit, hours, 1.0)
    assert not again
