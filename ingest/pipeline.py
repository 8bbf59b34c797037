"""One ingester: receive, decode, write, acknowledge; two batches on their way at a time.

While one batch is being committed the next is decoded, and the socket is read all along. There
is one writer, so acknowledgements leave in the order of receipt.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
import structlog

from ingest.decode import Heartbeat, Rejection, TimeRules, decode
from ingest.message import Batch
from ingest.metrics import Metrics
from ingest.registry import DeviceRegistry
from ingest.subscriber import Subscriber
from ingest.writer import Writer, Written
from jieru.retry import is_worth_retrying

__all__ = ["Pipeline"]

_IDLE_S: Final = 1.0
"""How often a quiet ingester looks whether device states are due."""
_SAMPLE: Final = 101
"""Heartbeats of a batch whose age is taken: enough for a median."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A batch that is decoded; `batch` is None for a look at due device states only."""

    batch: Batch | None
    heartbeats: Sequence[Heartbeat]
    rejections: Sequence[Rejection]


class Pipeline:
    """Moves batches from a subscriber to the database until told to stop."""

    def __init__(
        self,
        subscriber: Subscriber,
        database_url: str,
        rules: TimeRules,
        metrics: Metrics,
        *,
        ingester: str,
        batch_size: int,
        batch_age_s: float,
        state_interval_s: float,
    ) -> None:
        """Put the parts together; nothing runs yet."""
        self._subscriber = subscriber
        self._rules = rules
        self._metrics = metrics
        self._batch_size = batch_size
        self._batch_age_s = batch_age_s
        self._registry = DeviceRegistry(database_url)
        self._stopping = asyncio.Event()
        self._writer = Writer(
            database_url,
            ingester=ingester,
            state_interval_s=state_interval_s,
            is_leaving=self._stopping.is_set,
        )
        self._prepared: asyncio.Queue[_Prepared | None] = asyncio.Queue(maxsize=1)
        self._committed_up_to_s = time.time()
        metrics.unacknowledged.set_function(lambda: subscriber.unacknowledged)
        metrics.seconds_behind.set_function(self._seconds_behind)

    def health(self) -> dict[str, object]:
        """Whether the broker is connected and the last write succeeded, for `/healthz`."""
        is_connected, is_writing = self._subscriber.is_connected, self._writer.is_healthy
        return {
            "status": "ok" if is_connected and is_writing else "degraded",
            "broker": "connected" if is_connected else "away",
            "database": "ok" if is_writing else "away",
            "unacknowledged": self._subscriber.unacknowledged,
        }

    def stop(self) -> None:
        """Take no further batch; write and acknowledge what was taken, then let `run` return."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until `stop`.

        Raises:
            UserError: the broker refuses what no waiting heals.
            psycopg.Error: the database refuses what no waiting heals.
        """
        await self._subscriber.start()
        follow = asyncio.create_task(self._registry.follow(), name="registry")
        prepare = asyncio.create_task(self._prepare_batches(), name="prepare")
        write = asyncio.create_task(self._write_batches(), name="write")
        try:
            # The writer ends last, and only when told to stop; the others never end unless
            # they fail or, for the preparer, were told to stop.
            running: set[asyncio.Task[None]] = {follow, prepare, write}
            while not write.done():
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        except psycopg.Error as error:
            if not (self._stopping.is_set() and is_worth_retrying(error)):
                raise
            _log.warning("left_while_database_away", unacknowledged=self._subscriber.unacknowledged)
        finally:
            for task in (follow, prepare, write):
                task.cancel()
            await asyncio.gather(follow, prepare, write, return_exceptions=True)
            await self._subscriber.close()
            await self._registry.close()
            await self._writer.close()

    async def _prepare_batches(self) -> None:
        while not self._stopping.is_set():
            batch = await self._receive()
            prepared = _Prepared(None, (), ()) if batch is None else await self._prepare(batch)
            await self._prepared.put(prepared)
        await self._prepared.put(None)

    async def _receive(self) -> Batch | None:
        """The next batch; None after an idle second or at `stop`."""
        receiving = asyncio.create_task(
            self._subscriber.receive(self._batch_size, self._batch_age_s, _IDLE_S)
        )
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([receiving, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if receiving.done():
            return receiving.result()
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
        return None

    async def _prepare(self, batch: Batch) -> _Prepared:
        ids = self._registry.ids
        unknown = {message.topic for message in batch.messages if message.topic not in ids}
        if unknown:
            await self._registry.look_up(unknown, is_leaving=self._stopping.is_set)
        heartbeats: list[Heartbeat] = []
        rejections: list[Rejection] = []
        rules = self._rules
        for message in batch.messages:
            result = decode(message, ids, rules)
            if isinstance(result, Heartbeat):
                heartbeats.append(result)
            else:
                rejections.append(result)
        self._metrics.received.inc(len(batch.messages))
        return _Prepared(batch, heartbeats, rejections)

    async def _write_batches(self) -> None:
        while (prepared := await self._prepared.get()) is not None:
            await self._write(prepared)
        await self._writer.write((), (), all_states=True)

    async def _write(self, prepared: _Prepared) -> None:
        written = await self._writer.write(prepared.heartbeats, prepared.rejections)
        if prepared.batch is None:
            return
        if not self._subscriber.acknowledge(prepared.batch):
            _log.info("batch_of_lost_connection", messages=len(prepared.batch.messages))
        self._observe(prepared.batch, written)

    def _observe(self, batch: Batch, written: Written) -> None:
        metrics = self._metrics
        metrics.committed.inc(len(written.heartbeats))
        metrics.duplicates.inc(written.duplicates)
        metrics.late.inc(sum(heartbeat.is_late for heartbeat in written.heartbeats))
        for rejection in written.rejections:
            metrics.rejected.labels(rejection.reason.value).inc()
        metrics.batch_size.observe(len(batch.messages))
        metrics.commit_seconds.observe(written.seconds)
        if written.heartbeats:
            step = max(1, len(written.heartbeats) // _SAMPLE)
            median_ms = statistics.median(item.ts_ms for item in written.heartbeats[::step])
            self._committed_up_to_s = median_ms / 1000

    def _seconds_behind(self) -> float:
        if self._subscriber.unacknowledged == 0:
            return 0.0
        return max(0.0, time.time() - self._committed_up_to_s)
