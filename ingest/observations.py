"""What an ingester notes of its own work: for Prometheus, for panels, and for its own alarm."""

import statistics
import time
from typing import Final

import structlog

from ingest.broker_queue import BrokerQueue, QueueAlarm
from ingest.excess_news import ExcessNews
from ingest.message import Batch
from ingest.metrics import Metrics
from ingest.minutes import IngestMinutes
from ingest.subscriber import Subscriber
from ingest.writer import Written

__all__ = ["Observations"]

_SAMPLE: Final = 101
"""Messages of a batch that are looked at: enough for a median."""

_log = structlog.get_logger()


class Observations:
    """Told of each batch and looked at every second; changes nothing of what is stored."""

    def __init__(
        self, subscriber: Subscriber, queue: BrokerQueue, *, is_event_clock: bool = False
    ) -> None:
        """Begin at nothing.

        Args:
            subscriber: asked for what it holds.
            queue: the estimate of what the broker holds.
            is_event_clock: the devices' clocks are a simulation's, and tell nothing of delays.
        """
        self.metrics = Metrics()
        self.minutes = IngestMinutes()
        self._subscriber = subscriber
        self._queue = queue
        self._alarm = QueueAlarm()
        self._excess_news = ExcessNews()
        self._window: int | None = None
        self._troubles = 0
        self._is_event_clock = is_event_clock
        self._committed_up_to_s = time.time()
        self.metrics.unacknowledged.set_function(lambda: subscriber.unacknowledged)
        self.metrics.seconds_behind.set_function(self._seconds_behind)
        self.metrics.broker_queue.set_function(lambda: queue.messages)
        self.metrics.broker_queue_share.set_function(lambda: queue.share)
        self.metrics.broker_queue_seconds_left.set_function(lambda: queue.seconds_left)

    def receive(self, batch: Batch) -> None:
        """A batch was received."""
        self.metrics.received.inc(len(batch.messages))
        self.minutes.receive(time.time(), len(batch.messages))

    def commit(self, batch: Batch, written: Written) -> None:
        """A batch is stored."""
        self._note(written)
        self.metrics.set_apart.inc(written.apart)
        self.metrics.batch_size.observe(len(batch.messages))
        self.metrics.commit_seconds.observe(written.seconds)
        median_ms: int | None = None
        if heard := written.heartbeats or written.excess:
            step = max(1, len(heard) // _SAMPLE)
            median_ms = statistics.median_low(item.ts_ms for item in heard[::step])
            self._committed_up_to_s = median_ms / 1000
        step = max(1, len(batch.messages) // _SAMPLE)
        self._queue.commit(
            len(batch.messages),
            median_ms=None if self._is_event_clock else median_ms,
            payload_bytes=statistics.fmean(item.payload_bytes for item in batch.messages[::step]),
        )

    def store_apart(self, written: Written) -> None:
        """Messages that were set apart are stored; their age tells nothing of the queue."""
        self._note(written)

    def _note(self, written: Written) -> None:
        late = sum(heartbeat.is_late for heartbeat in written.heartbeats)
        metrics = self.metrics
        metrics.committed.inc(len(written.heartbeats))
        metrics.duplicates.inc(written.duplicates)
        metrics.late.inc(late)
        metrics.excess.inc(len(written.excess))
        self._excess_news.note(written.excess)
        for rejection in written.rejections:
            metrics.rejected.labels(rejection.reason.value).inc()
        self.minutes.commit(
            time.time(),
            heartbeats=len(written.heartbeats),
            duplicates=written.duplicates,
            late=late,
            rejected=len(written.rejections),
            seconds=written.seconds,
        )

    def look(self) -> None:
        """Note where the ingester stands, and say so when the broker's queue fills."""
        unacknowledged = self._subscriber.unacknowledged
        self.minutes.sample(
            time.time(), behind_s=self._seconds_behind(), unacknowledged=unacknowledged
        )
        queue = self._queue
        queue.tick(
            time.time(),
            unacknowledged=unacknowledged,
            is_connected=self._subscriber.is_connected,
            window=self._subscriber.window,
        )
        if self._subscriber.window != self._window:
            self._window = self._subscriber.window
            if self._window is not None:
                _log.warning("broker_sends_few_at_a_time", unacknowledged_at_most=self._window)
        troubles = self._subscriber.troubles.counts
        for trouble, count in troubles.items():
            self.metrics.session_troubles.labels(trouble.value).set(count)
        if more := troubles.total() - self._troubles:
            self.minutes.note_troubles(time.time(), more)
            self._troubles += more
        self.metrics.window.set(self._window or 0)
        if over := self._excess_news.look(time.monotonic()):
            _log.warning("device_over_rate", devices=over.devices, topics=over.topics)
        news = self._alarm.look(queue.share)
        if news is None:
            return
        log = _log.warning if news else _log.info
        log(
            "broker_queue_filling" if news else "broker_queue_relieved",
            share=round(queue.share, 3),
            messages=round(queue.messages),
            arrivals_per_second=round(queue.arrivals_per_s, 1),
            seconds_left=round(queue.seconds_left),
        )

    def _seconds_behind(self) -> float:
        if self._subscriber.unacknowledged == 0:
            return 0.0
        return max(0.0, time.time() - self._committed_up_to_s)
