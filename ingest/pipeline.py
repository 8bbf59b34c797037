"""One ingester: receive, decode, write, acknowledge; two batches on their way at a time.

While one batch is being committed the next is decoded, and the socket is read all along. There
is one writer, so acknowledgements leave in the order of receipt.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

import psycopg
import structlog

from ingest.decode import Heartbeat, Rejection, TimeRules, decode_all, unknown_topics
from ingest.device_rate import DeviceRate
from ingest.message import Batch, Message
from ingest.observations import Observations
from ingest.registry import DeviceRegistry
from ingest.rejection_sample import RejectionSample
from ingest.source_rows import SourceMessage
from ingest.subscriber import Subscriber
from ingest.writer import Writer, Written
from jieru.retry import is_worth_retrying

__all__ = ["BatchLimits", "FloodLimits", "Pipeline", "Reader", "Rows"]

_IDLE_S: Final = 1.0
"""How often a quiet ingester looks whether device states are due."""
_LOOK_INTERVAL_S: Final = 1.0
_APART_INTERVAL_S: Final = 1.0

_log = structlog.get_logger()

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A batch that is decoded; `batch` is None for a look at due device states only."""

    batch: Batch | None
    heartbeats: Sequence[Heartbeat]
    rejections: Sequence[Rejection]
    source_messages: Sequence[SourceMessage] = ()


class BatchLimits(NamedTuple):
    """When a batch is closed."""

    size: int
    """Messages at most."""
    age_s: float
    """After its first message."""


class FloodLimits(NamedTuple):
    """What of a flood is kept whole; all of it is counted."""

    sample: RejectionSample | None = None
    """Of rejections; None: all."""
    rate: DeviceRate | None = None
    """Of each device's heartbeats; None: all."""


class Rows(Protocol):
    """What messages hold, in the form of native ones."""

    @property
    def rows(self) -> Sequence[Message]:
        """Such as equipment of ours would have sent."""

    @property
    def kept(self) -> Sequence[SourceMessage]:
        """Messages that are kept whole."""

    @property
    def rejections(self) -> Sequence[Rejection]:
        """Of what is no row."""


class Reader(Protocol):
    """Makes native messages of what a subscriber delivers."""

    async def read(self, messages: Sequence[Message], *, is_leaving: Callable[[], bool]) -> Rows:
        """The rows of messages."""

    async def close(self) -> None:
        """Leave the database."""


class Pipeline:
    """Moves batches from a subscriber to the database until told to stop."""

    def __init__(  # noqa: PLR0913 - the parts of one ingester
        self,
        subscriber: Subscriber,
        database_url: str,
        rules: TimeRules,
        observations: Observations,
        *,
        ingester: str,
        limits: BatchLimits,
        state_interval_s: float,
        flood: FloodLimits,
        sources: Reader | None = None,
        answer: Callable[[Batch, Written], None] | None = None,
    ) -> None:
        """Put the parts together; nothing runs yet.

        With `sources` the subscriber's messages are read by these, without they are native.
        `answer` is told of each batch once it is committed.
        """
        self.is_drained = False
        """Whether `drain` has reached its end."""
        self._subscriber = subscriber
        self._rules = rules
        self._observations = observations
        self._limits = limits
        self._next_apart_s = 0.0
        self._sources = sources
        self._answer = answer
        self._registry = DeviceRegistry(database_url)
        self._stopping = asyncio.Event()
        self._writer = Writer(
            database_url,
            ingester=ingester,
            state_interval_s=state_interval_s,
            is_leaving=self._stopping.is_set,
            sample=flood.sample,
            rate=flood.rate,
        )
        self._prepared: asyncio.Queue[_Prepared | None] = asyncio.Queue(maxsize=1)

    @property
    def is_writing(self) -> bool:
        """Whether the last write was done."""
        return self._writer.is_healthy

    def health(self) -> dict[str, object]:
        """Whether the broker is there, the session whole and the last write done: `/healthz`."""
        is_connected, is_writing = self._subscriber.is_connected, self._writer.is_healthy
        trouble = self._subscriber.troubles.recent(time.monotonic())
        return {
            "status": "ok" if is_connected and is_writing and trouble is None else "degraded",
            "session": "ok" if trouble is None else trouble.value,
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
        await self._run(is_draining=False)

    async def drain(self) -> None:
        """Run until the session is empty and ended, or until `stop`; raises what `run` does.

        The subscriber must be one that drains.
        """
        await self._run(is_draining=True)

    async def _run(self, *, is_draining: bool) -> None:
        await self._subscriber.start()
        follow = asyncio.create_task(self._registry.follow(), name="registry")
        prepare = asyncio.create_task(self._prepare_batches(is_draining), name="prepare")
        write = asyncio.create_task(self._write_batches(), name="write")
        look = asyncio.create_task(self._look(), name="look")
        try:
            # The writer ends last, and only when told to stop; the others never end unless
            # they fail or, for the preparer, were told to stop.
            running: set[asyncio.Task[None]] = {follow, prepare, write, look}
            while not write.done():
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        except psycopg.Error as error:
            if not (self._stopping.is_set() and is_worth_retrying(error)):
                raise
            _log.warning("left_while_database_away", unacknowledged=self._subscriber.unacknowledged)
        finally:
            for task in (follow, prepare, write, look):
                task.cancel()
            await asyncio.gather(follow, prepare, write, look, return_exceptions=True)
            await self._subscriber.close()
            await self._registry.close()
            if self._sources is not None:
                await self._sources.close()
            await self._writer.close()

    async def _prepare_batches(self, is_draining: bool) -> None:  # noqa: FBT001 - a task's only
        while not (self._stopping.is_set() or self.is_drained):
            batch = await self._unless_stopped(
                self._subscriber.receive(self._limits.size, self._limits.age_s, _IDLE_S)
            )
            prepared = _Prepared(None, (), ()) if batch is None else await self._prepare(batch)
            await self._prepared.put(prepared)
            if is_draining and batch is None:
                self.is_drained = bool(await self._unless_stopped(self._subscriber.end_if_empty()))
        await self._prepared.put(None)

    async def _unless_stopped(self, work: Coroutine[None, None, _Result]) -> _Result | None:
        """The result of some work; None when `stop` comes first, and the work is given up."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            return working.result()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return None

    async def _prepare(self, batch: Batch) -> _Prepared:
        self._observations.receive(batch)
        if self._sources is None:
            return _Prepared(batch, *await self._decode(batch.messages))
        read = await self._sources.read(batch.messages, is_leaving=self._stopping.is_set)
        heartbeats, rejections = await self._decode(read.rows)
        return _Prepared(batch, heartbeats, [*read.rejections, *rejections], read.kept)

    async def _decode(
        self, messages: Sequence[Message]
    ) -> tuple[Sequence[Heartbeat], Sequence[Rejection]]:
        origins = self._registry.origins
        heartbeats, rejections = decode_all(messages, origins, self._rules)
        unknown = unknown_topics(rejections)
        if unknown:
            await self._registry.look_up(unknown, is_leaving=self._stopping.is_set)
            if not unknown.isdisjoint(origins):
                heartbeats, rejections = decode_all(messages, origins, self._rules)
        return heartbeats, rejections

    async def _write_batches(self) -> None:
        while (prepared := await self._prepared.get()) is not None:
            await self._write(prepared)
            await self._store_apart()
        await self._writer.write((), (), all_states=True)

    async def _write(self, prepared: _Prepared) -> None:
        written = await self._writer.write(
            prepared.heartbeats,
            prepared.rejections,
            source_messages=prepared.source_messages,
        )
        if prepared.batch is None:
            return
        if not self._subscriber.acknowledge(prepared.batch):
            _log.info("batch_of_lost_connection", messages=len(prepared.batch.messages))
        if self._answer is not None:
            self._answer(prepared.batch, written)
        self._observations.commit(prepared.batch, written)

    async def _store_apart(self) -> None:
        """Store what was set apart: one portion a second, and more while there is nothing else."""
        if not self._prepared.empty() and time.monotonic() < self._next_apart_s:
            return
        while (written := await self._writer.store_apart(self._decode)) is not None:
            self._observations.store_apart(written)
            self._next_apart_s = time.monotonic() + _APART_INTERVAL_S
            if not self._prepared.empty() or self._stopping.is_set():
                return

    async def _look(self) -> None:
        while True:
            self._observations.look()
            await asyncio.sleep(_LOOK_INTERVAL_S)
