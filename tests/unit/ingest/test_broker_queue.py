"""The estimate of the broker's queue, held against a model of broker, ingester and fleet."""

import math
from collections import deque
from dataclasses import dataclass, field

import pytest

from ingest.broker_queue import BrokerQueue, QueueAlarm, QueueLimit

START_S = 1_772_424_000.0
WINDOW = 20_000
RATE = 2_000
LIMIT = QueueLimit(10_000_000, 0)


@dataclass
class Model:
    """A fleet's heartbeats, the broker that queues them, and an ingester with its window.

    It moves in steps of a second. `queued` is the truth that the estimate is compared with.
    """

    rate: int = RATE
    per_s: int = 30_000
    """What the ingester can take in a second."""
    clock_error_s: float = 0.0
    queue: BrokerQueue = field(default_factory=lambda: BrokerQueue(LIMIT, window=WINDOW))
    now_s: float = START_S
    is_storing: bool = True
    is_connected: bool = True
    waiting: "deque[tuple[float, int]]" = field(default_factory=deque)
    """Not stored yet, oldest first: the second of arrival, and how many came in it."""

    def arrive(self, count: int, sent_at_s: float | None = None) -> None:
        """Heartbeats reach the broker."""
        self.waiting.append((self.now_s if sent_at_s is None else sent_at_s, count))

    def run(self, seconds: int) -> None:
        """Let the time pass, with the fleet sending all along."""
        for _second in range(seconds):
            self.now_s += 1
            self.arrive(self.rate)
            if self.is_storing and self.is_connected:
                self._store()
            held = min(self.total, WINDOW) if self.is_connected else 0
            self.queue.tick(self.now_s, unacknowledged=held, is_connected=self.is_connected)

    def _store(self) -> None:
        # What came in the last tenth of a second is still on its way, so something always waits.
        room = min(self.per_s, self.total - self.rate // 10)
        while room > 0:
            sent_at_s, count = self.waiting.popleft()
            batch = min(count, room, 5_000)
            if batch < count:
                self.waiting.appendleft((sent_at_s, count - batch))
            room -= batch
            median_ms = round((sent_at_s + self.clock_error_s) * 1000)
            self.queue.commit(batch, median_ms=median_ms, payload_bytes=100)

    @property
    def total(self) -> int:
        """What waits at the broker or with the ingester."""
        return sum(count for _sent, count in self.waiting)

    @property
    def queued(self) -> int:
        """What waits at the broker."""
        return max(0, self.total - (WINDOW if self.is_connected else 0))


def assert_estimate(model: Model) -> None:
    """The estimate is the truth, but for a twentieth and for some seconds of arrivals.

    A backlog younger than clocks are ahead looks like none.
    """
    unseen = (5 + max(0.0, model.clock_error_s)) * model.rate
    assert model.queue.messages == pytest.approx(model.queued, rel=0.05, abs=unseen + WINDOW)


def test_nothing_is_known_at_first() -> None:
    """No rate, so no queue and no end to the time that is left."""
    queue = BrokerQueue(LIMIT, window=WINDOW)
    assert (queue.messages, queue.share, queue.arrivals_per_s) == (0, 0, 0)
    assert queue.seconds_left == math.inf


def test_in_quiet_operation_the_queue_is_empty_and_the_time_that_is_left_is_known() -> None:
    """Ten million places at 2,000 a second."""
    model = Model()
    model.run(1_200)
    assert model.queue.messages == 0
    assert model.queue.arrivals_per_s == pytest.approx(RATE, rel=0.01)
    assert model.queue.seconds_left == pytest.approx(5_000, rel=0.01)


@pytest.mark.parametrize("clock_error_s", [0.0, -8 * 3_600.0, 300.0])
def test_an_outage_fills_the_queue_and_catching_up_empties_it(clock_error_s: float) -> None:
    """Also where all the devices' clocks are wrong by the same: only their pace is used."""
    model = Model(clock_error_s=clock_error_s)
    model.run(1_200)
    model.is_storing = False
    for _look in range(10):
        model.run(240)
        assert_estimate(model)
    assert model.queue.share == pytest.approx(0.48, abs=0.02)
    model.is_storing = True
    while model.queued > WINDOW:
        model.run(20)
        assert_estimate(model)
    model.run(120)
    assert model.queue.messages == 0
    assert model.queue.arrivals_per_s == pytest.approx(RATE, rel=0.05)


def test_an_outage_before_the_last_one_is_made_good() -> None:
    """What the first has left counts for the second."""
    model = Model()
    model.run(1_200)
    for is_storing, seconds in ((False, 1_200), (True, 30), (False, 600), (True, 10), (False, 60)):
        model.is_storing = is_storing
        model.run(seconds)
        assert_estimate(model)


def test_a_broker_that_delivers_slowly_is_no_sign_of_an_empty_queue() -> None:
    """The ingester could hold more, and gets no more than the broker can send."""
    model = Model(per_s=6_000)
    model.run(1_200)
    model.is_storing = False
    model.run(1_800)
    model.is_storing = True
    for _look in range(4):
        model.run(120)
        truth = model.queued
        assert truth > 1_000_000
        assert_estimate(model)


def test_what_came_while_the_ingester_was_away_is_known_after_its_first_batches() -> None:
    """It has just been started, and the broker has kept three quarters of an hour."""
    model = Model()
    for second in range(2_700):
        model.arrive(RATE, START_S - 2_700 + second)
    model.run(5)
    assert_estimate(model)
    model.is_storing = False
    model.run(300)
    assert_estimate(model)


def test_a_connection_that_is_lost_fills_the_queue_too() -> None:
    """Nothing is held then, which does not mean that there is nothing."""
    model = Model()
    model.run(1_200)
    model.is_connected = False
    model.run(900)
    assert_estimate(model)
    model.is_connected = True
    model.is_storing = False
    model.run(60)
    assert_estimate(model)


def test_old_heartbeats_from_a_gateway_are_no_backlog() -> None:
    """A million of yesterday's, among those of today."""
    model = Model()
    model.run(1_200)
    model.arrive(1_000_000, START_S - 86_400)
    model.run(60)
    assert model.queue.messages == 0


def test_a_fleet_that_sends_at_the_full_minute_is_no_backlog() -> None:
    """Sixty seconds' worth at once, then nothing."""
    model = Model(rate=0)
    for _minute in range(30):
        model.arrive(60 * RATE)
        model.run(60)
        assert model.queue.messages == 0
    assert model.queue.arrivals_per_s == pytest.approx(RATE, rel=0.1)


def test_an_idle_ingester_knows_that_there_is_nothing() -> None:
    """Once a second time, for a broker found again may not have sent yet what it kept."""
    queue = BrokerQueue(LIMIT, window=WINDOW)
    for second in range(3):
        queue.commit(100, median_ms=round((START_S + second) * 1000), payload_bytes=100)
    queue.tick(START_S, unacknowledged=100, is_connected=False)
    queue.tick(START_S + 60, unacknowledged=0, is_connected=False)
    assert queue.messages > 0
    queue.tick(START_S + 61, unacknowledged=0, is_connected=True)
    assert queue.messages > 0
    queue.tick(START_S + 62, unacknowledged=0, is_connected=True)
    assert queue.messages == 0


@pytest.mark.parametrize("step_s", [86_400.0, -86_400.0])
def test_a_clock_that_is_set_changes_little(step_s: float) -> None:
    """A day's step is no day's worth of messages."""
    model = Model()
    model.run(1_200)
    model.is_storing = False
    model.run(600)
    model.now_s += step_s
    model.run(1)
    assert model.queue.messages == pytest.approx(model.queued, abs=70 * RATE)


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [
        (QueueLimit(1_000_000, 0), 500),
        (QueueLimit(0, 50_000_000), 250),
        (QueueLimit(1_000_000, 50_000_000), 250),
        (QueueLimit(0, 0), math.inf),
    ],
)
def test_whichever_limit_is_reached_first_counts(limit: QueueLimit, seconds: float) -> None:
    """Payloads have 100 bytes here."""
    model = Model(queue=BrokerQueue(limit, window=WINDOW))
    model.run(600)
    assert model.queue.seconds_left == pytest.approx(seconds, rel=0.05)


def looks(alarm: QueueAlarm, *shares: float) -> list[bool | None]:
    """What the alarm says to one share after the other, each looked at three times."""
    return [news for share in shares for news in {alarm.look(share) for _time in range(3)} - {None}]


def test_each_level_is_said_once_and_the_end_of_it() -> None:
    """However often the share goes up and down between."""
    alarm = QueueAlarm()
    assert looks(alarm, 0.1, 0.49) == []
    assert looks(alarm, 0.5, 0.6, 0.45, 0.6) == [True]
    assert looks(alarm, 0.76, 0.5, 0.76) == [True]
    assert looks(alarm, 0.95, 2.0) == [True]
    assert looks(alarm, 0.3) == []
    assert looks(alarm, 0.2, 0.1) == [False]
    assert looks(alarm, 0.95) == [True]


def test_a_level_that_is_reached_for_a_moment_is_not_said() -> None:
    """An estimate may be wrong for a second after a start."""
    alarm = QueueAlarm()
    assert [alarm.look(share) for share in (0.9, 0.9, 0.1, 0.9, 0.9, 0.1)] == [None] * 6
