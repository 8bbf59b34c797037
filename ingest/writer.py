"""One batch, one transaction: heartbeats, presence, device states and rejections together."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Final, LiteralString

import psycopg
import structlog
from psycopg import AsyncConnection

from ingest.apart import Portion, forget, note_try, set_apart, take
from ingest.array_format import BigintArray, IntegerArray, register_arrays
from ingest.copy_format import encode_heartbeats
from ingest.decode import Heartbeat, Rejection
from ingest.device_rate import DeviceRate
from ingest.device_states import DeviceState, DeviceStates
from ingest.durable_hours import DurableHours, PresenceBit
from ingest.excess import without_excess
from ingest.hourly_counts import excess_hours, heard_hours, refused_hours
from ingest.message import Message
from ingest.receipt_hours import mark_receipt_hours
from ingest.refused_messages import insert_rejections, insert_source_messages
from ingest.rejection_sample import RejectionSample
from ingest.source_rows import SourceMessage
from jieru.publishers import CLOUD_ID
from jieru.retry import (
    SILENCE_S,
    backoff_delays,
    connect_patiently,
    hang_up_after,
    is_data_error,
    is_worth_retrying,
)
from jieru.wire import DeviceStatus, RejectionReason

__all__ = ["Writer", "Written"]

_COPY_HEARTBEATS: Final = """
    COPY heartbeats (device_id, "time", received_at, publisher_id, seq, status, boot, counter,
                     metrics)
    FROM STDIN (FORMAT BINARY)
"""
_CREATE_STAGING: Final = """
    CREATE TEMPORARY TABLE IF NOT EXISTS staged_heartbeats
        (LIKE heartbeats) ON COMMIT DELETE ROWS
"""
_COPY_STAGING: Final = """
    COPY staged_heartbeats (device_id, "time", received_at, publisher_id, seq, status, boot,
                            counter, metrics)
    FROM STDIN (FORMAT BINARY)
"""
# Sorted, so that two ingesters that were sent the same messages cannot deadlock.
_INSERT_STAGED: Final = """
    INSERT INTO heartbeats (device_id, "time", received_at, publisher_id, seq, status, boot,
                            counter, metrics)
    SELECT device_id, "time", received_at, publisher_id, seq, status, boot, counter, metrics
    FROM staged_heartbeats
    ORDER BY device_id, "time"
    ON CONFLICT (device_id, "time") DO NOTHING
    RETURNING device_id, (extract(epoch FROM "time") * 1000)::bigint,
              (extract(epoch FROM received_at) * 1000)::bigint
"""
_EMPTY_STAGING: Final = "TRUNCATE staged_heartbeats"
# Sorted by key by the caller; GROUP BY may not keep that order, so it is said again. `age` is that
# of `ingest.durable_hours`: 0 live, 1 in time, 2 late.
_UPSERT_PRESENCE: Final = """
    INSERT INTO presence AS p (device_id, month, hours, late_hours, live_hours)
    SELECT device_id, date '2000-01-01' + month_day,
           bit_or(CASE WHEN age < 2 THEN set_bit(0::bit(744), bit, 1) ELSE 0::bit(744) END),
           bit_or(CASE WHEN age = 2 THEN set_bit(0::bit(744), bit, 1) ELSE 0::bit(744) END),
           bit_or(CASE WHEN age = 0 THEN set_bit(0::bit(744), bit, 1) ELSE 0::bit(744) END)
    FROM unnest(%s::integer[], %s::integer[], %s::integer[], %s::integer[])
         AS heard (device_id, month_day, bit, age)
    GROUP BY device_id, month_day
    ORDER BY device_id, month_day
    ON CONFLICT (device_id, month) DO UPDATE
    SET hours = p.hours | excluded.hours, late_hours = p.late_hours | excluded.late_hours,
        live_hours = p.live_hours | excluded.live_hours
    WHERE (p.hours | excluded.hours, p.late_hours | excluded.late_hours,
           p.live_hours | excluded.live_hours)
          IS DISTINCT FROM (p.hours, p.late_hours, p.live_hours)
"""
_UPSERT_PRESENCE_BY_OTHERS: Final = """
    INSERT INTO presence_by_others AS p
        (device_id, month, publisher_id, hours, late_hours, live_hours)
    SELECT device_id, date '2000-01-01' + month_day, publisher_id,
           bit_or(CASE WHEN age < 2 THEN set_bit(0::bit(744), bit, 1) ELSE 0::bit(744) END),
           bit_or(CASE WHEN age = 2 THEN set_bit(0::bit(744), bit, 1) ELSE 0::bit(744) END),
           bit_or(CASE WHEN age = 0 THEN set_bit(0::bit(744), bit, 1) ELSE 0::bit(744) END)
    FROM unnest(%s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::integer[])
         AS heard (device_id, month_day, bit, age, publisher_id)
    GROUP BY device_id, month_day, publisher_id
    ORDER BY device_id, month_day, publisher_id
    ON CONFLICT (device_id, month, publisher_id) DO UPDATE
    SET hours = p.hours | excluded.hours, late_hours = p.late_hours | excluded.late_hours,
        live_hours = p.live_hours | excluded.live_hours
    WHERE (p.hours | excluded.hours, p.late_hours | excluded.late_hours,
           p.live_hours | excluded.live_hours)
          IS DISTINCT FROM (p.hours, p.late_hours, p.live_hours)
"""
# A status travels as its place in the type, from 1; place 0 does not exist, which gives NULL.
_UPSERT_STATES: Final = """
    INSERT INTO device_states AS s (device_id, last_seen_at, status)
    SELECT device_id, to_timestamp(seen_ms / 1000.0),
           (enum_range(NULL::device_status))[status_place]
    FROM unnest(%s::integer[], %s::bigint[], %s::integer[])
         AS seen (device_id, seen_ms, status_place)
    ORDER BY device_id
    ON CONFLICT (device_id) DO UPDATE
    SET last_seen_at = excluded.last_seen_at, status = excluded.status
    WHERE s.last_seen_at < excluded.last_seen_at
"""
# A transaction that this process, or one before it under the same name, left open when its
# connection broke: while the server waits for the other end, what the batch was about to store
# stays locked. One that was begun just now may be about to end by itself.
_END_FORSAKEN: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user
          AND application_name = left(%s, 63) AND pid <> pg_backend_pid()
          AND xact_start < now() - interval '5 seconds'
"""
# A platform that a topic names and nobody has registered has no heartbeats, and rejections of none.
_COUNT_HEARTBEATS: Final = """
    INSERT INTO ingest_hours AS h (hour, platform_id, ingester, heartbeats, late)
    SELECT to_timestamp(heard.hour * 3600.0), platforms.id, %s, heard.heartbeats, heard.late
    FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[])
         AS heard (hour, code, heartbeats, late)
    JOIN platforms ON platforms.code = heard.code
    ORDER BY heard.hour, platforms.id
    ON CONFLICT (hour, platform_id, ingester) DO UPDATE
    SET heartbeats = h.heartbeats + excluded.heartbeats, late = h.late + excluded.late
"""
_COUNT_REJECTIONS: Final = """
    INSERT INTO rejection_hours AS h (hour, platform_id, reason, ingester, rejections)
    SELECT to_timestamp(refused.hour * 3600.0), platforms.id, refused.reason, %s,
           sum(refused.rejections)
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[])
         AS refused (hour, code, reason, rejections)
    LEFT JOIN platforms ON platforms.code = refused.code
    GROUP BY refused.hour, platforms.id, refused.reason
    ORDER BY refused.hour, platforms.id, refused.reason
    ON CONFLICT (hour, platform_id, reason, ingester) DO UPDATE
    SET rejections = h.rejections + excluded.rejections
"""
_COUNT_EXCESS: Final = """
    INSERT INTO device_excess AS e (device_id, hour, ingester, heartbeats)
    SELECT device_id, to_timestamp(beyond.hour * 3600.0), %s, beyond.heartbeats
    FROM unnest(%s::integer[], %s::bigint[], %s::bigint[]) AS beyond (device_id, hour, heartbeats)
    ORDER BY device_id, beyond.hour
    ON CONFLICT (device_id, hour, ingester) DO UPDATE
    SET heartbeats = e.heartbeats + excluded.heartbeats
"""

_STATUS_PLACE: Final[dict[DeviceStatus | None, int]] = {
    None: 0,
    **{status: place for place, status in enumerate(DeviceStatus, start=1)},
}
"""In the order of the type `device_status` in the migration."""
_DAY_2000: Final = date(2000, 1, 1).toordinal()
_LONGEST_SILENCE_S: Final = 40.0
"""Shorter than whoever stops services waits for one to leave."""
_MILLISECONDS_PER_DAY: Final = 86_400_000
_LATE_DAYS: Final = 30
"""Days of late heartbeats in one transaction: each day is a chunk, and costs locks and time."""
_OF_THE_BATCH: Final = (
    "53200",  # out of memory, which that for locks is
    "53400",  # configuration limit exceeded
    "54",  # program limit exceeded
    "57014",  # cancelled: a statement timeout, most likely
)
"""Errors (PostgreSQL documentation, appendix A) that a smaller transaction may not meet."""
_CANCELLED: Final = "57014"
"""Once it may be the session that was set up so; the next one will not be."""
_TRIES: Final = 3
"""Of one message alone, between which others were stored."""
_FAILURES: Final = 64
"""Statements that may fail while a batch is taken to pieces."""
_APART_LOOK_S: Final = 30.0
_APART_PAUSE_S: Final = 1.0
_DEVICES_SHOWN: Final = 5

Decode = Callable[[Sequence[Message]], Awaitable[tuple[Sequence[Heartbeat], Sequence[Rejection]]]]
"""Reads messages once more, devices looked up."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Written:
    """What one transaction did."""

    heartbeats: Sequence[Heartbeat]
    rejections: Sequence[Rejection]
    """Those of the batch and those that only the database could find."""
    duplicates: int
    """Heartbeats that were stored before."""
    seconds: float
    """From the first try to the commit."""
    apart: int = 0
    """Messages that were set apart instead of being stored."""
    excess: Sequence[Heartbeat] = ()
    """Beyond their devices' rate: counted, and not kept."""
    new: Sequence[Heartbeat] = ()
    """Of the heartbeats, those that were not stored before."""


@dataclass(slots=True)
class _Inserted:
    """What became of heartbeats inside a transaction that is still open."""

    stored: list[Heartbeat] = field(default_factory=list)
    new: list[Heartbeat] = field(default_factory=list)
    """Of the stored ones, those that were not stored before."""
    refused: list[Rejection] = field(default_factory=list)
    apart: list[Heartbeat] = field(default_factory=list)
    """Too many to be taken to pieces in this transaction."""
    failures: int = 0

    @property
    def duplicates(self) -> int:
        return len(self.stored) - len(self.new)


class Writer:
    """Writes batches one after another through a connection of its own, renewed when lost."""

    def __init__(
        self,
        database_url: str,
        *,
        ingester: str,
        state_interval_s: float,
        is_leaving: Callable[[], bool],
        sample: RejectionSample | None = None,
        rate: DeviceRate | None = None,
    ) -> None:
        """Connect at the first batch.

        Args:
            database_url: a PostgreSQL address.
            ingester: the name under which this process counts; no other counts under it.
            state_interval_s: seconds between two writes of one device's state.
            is_leaving: whether the process was asked to stop, so that retrying must end.
            sample: which rejections are kept whole; None: all.
            rate: how many heartbeats of each device are kept; None: all.
        """
        self._database_url = database_url
        self._ingester = ingester
        self._is_leaving = is_leaving
        self._connection: AsyncConnection | None = None
        self._hours = DurableHours()
        self._states = DeviceStates(state_interval_s)
        self._expects_duplicates = False
        self._portion = Portion()
        self._sample = sample or RejectionSample(per_topic=0, per_platform=0)
        self._kept: list[Rejection] = []
        """Of the rejections that are being written, however often that is tried."""
        self._source_messages: Sequence[SourceMessage] = ()
        """Of the batch that is being written, however often that is tried."""
        self._rate = rate or DeviceRate(per_minute=0, burst=0)
        self._excess: Sequence[Heartbeat] = ()
        """Of the batch that is being written, however often that is tried."""
        self._next_apart_look_s = 0.0
        self._has_stored_since_failure = False
        """Heartbeats, since a message that was set apart failed alone."""
        self._silence_s = SILENCE_S
        """How long a batch may take before its connection is given up; longer after each such
        time, so that a database that is slow and not gone has its way in the end."""
        self.is_healthy = True
        """False from a failed try until the next commit."""

    async def connection(self) -> AsyncConnection:
        """The open connection, made anew if the last one broke.

        Raises:
            psycopg.Error: the database cannot be reached now.
        """
        if self._connection is None or self._connection.closed:
            connection = await connect_patiently(
                self._database_url, application_name=self._ingester
            )
            register_arrays(connection)
            self._connection = connection
            with hang_up_after(connection, SILENCE_S):
                await connection.execute(_END_FORSAKEN, (self._ingester,))
                await connection.execute(_CREATE_STAGING)
        return self._connection

    async def close(self) -> None:
        """Leave the database."""
        if self._connection is not None:
            await self._connection.close()

    async def write(
        self,
        heartbeats: Sequence[Heartbeat],
        rejections: Sequence[Rejection],
        *,
        source_messages: Sequence[SourceMessage] = (),
        all_states: bool = False,
    ) -> Written:
        """Store a batch durably; when the database is away, try again until it is back.

        Args:
            heartbeats: good ones, in order of receipt.
            rejections: those that decoding refused.
            source_messages: messages in others' formats that these are rows of, to be kept whole.
            all_states: also write the device states that are not due yet (before leaving).

        Raises:
            psycopg.Error: of a kind that no waiting heals (a bug, a broken schema), or the
                process was asked to stop while the database is away: the batch is not stored.
        """
        started = time.monotonic()
        delays = backoff_delays(random.random)
        kept, self._excess = without_excess(heartbeats, self._rate, self._hours, started)
        batch, apart = _without_distant_days(kept)
        self._kept = self._sample.of(rejections)
        self._source_messages = source_messages
        is_cancelled = False
        while True:
            began = time.monotonic()
            try:
                connection = await self.connection()
                began = time.monotonic()
                with self._hanging_up(connection) as heard:
                    written = await self._try_to_write(
                        connection, batch, rejections, apart, started, all_states, heard
                    )
            except psycopg.Error as error:
                self.is_healthy = False
                if not is_worth_retrying(error) or self._is_leaving():
                    raise
                is_patience_over = (
                    error.sqlstate is None and time.monotonic() - began >= _LONGEST_SILENCE_S
                )
                was_cancelled, is_cancelled = is_cancelled, error.sqlstate == _CANCELLED
                is_of_the_session = is_cancelled and not was_cancelled
                if batch and (
                    (_is_of_the_batch(error) and not is_of_the_session) or is_patience_over
                ):
                    batch, too_much = _smaller(batch)
                    apart = [*apart, *too_much]
                    _log.warning(
                        "batch_divided",
                        error=str(error).strip(),
                        sqlstate=error.sqlstate,
                        apart=len(too_much),
                        remaining=len(batch),
                    )
                    await self.close()
                    continue
                delay = next(delays)
                _log.warning(
                    "write_failed", error=str(error).strip(), retry_seconds=round(delay, 2)
                )
                # A session in doubt is not used again, nor one whose settings may be what failed.
                await self.close()
                await asyncio.sleep(delay)
            else:
                self.is_healthy = True
                return written

    @contextmanager
    def _hanging_up(self, connection: AsyncConnection) -> Iterator[Callable[[], None]]:
        """Give up a connection that keeps silent; see `hang_up_after`."""
        began = time.monotonic()
        try:
            with hang_up_after(connection, self._silence_s) as heard:
                yield heard
        except psycopg.Error:
            if time.monotonic() - began >= self._silence_s:
                self._silence_s = min(2 * self._silence_s, _LONGEST_SILENCE_S)
            raise
        self._silence_s = SILENCE_S

    async def _try_to_write(
        self,
        connection: AsyncConnection,
        heartbeats: Sequence[Heartbeat],
        rejections: Sequence[Rejection],
        apart: Sequence[Heartbeat],
        started: float,
        all_states: bool,  # noqa: FBT001 - private, named at its only call
        heard: Callable[[], None],
    ) -> Written:
        bits: list[PresenceBit] = []
        states: list[DeviceState] = []
        inserted = _Inserted()
        if not self._expects_duplicates:
            try:
                async with connection.transaction():
                    await _copy(connection, _COPY_HEARTBEATS, heartbeats)
                    inserted.stored.extend(heartbeats)
                    inserted.new.extend(heartbeats)
                    bits, states = await self._write_rest(
                        connection, inserted, rejections, apart, all_states=all_states
                    )
            except psycopg.Error as error:
                if not is_data_error(error):
                    raise
                inserted = _Inserted()
                self._expects_duplicates = True
        if self._expects_duplicates:
            async with connection.transaction():
                await _insert_carefully(connection, heartbeats, inserted, heard)
                apart = [*apart, *inserted.apart]
                bits, states = await self._write_rest(
                    connection, inserted, rejections, apart, all_states=all_states
                )
            # Where one comes again, more do: a redelivery. The first clean batch ends it.
            self._expects_duplicates = inserted.duplicates > 0
        return self._committed(inserted, rejections, bits, states, started, apart=len(apart))

    def _committed(
        self,
        inserted: _Inserted,
        rejections: Sequence[Rejection],
        bits: Sequence[PresenceBit],
        states: Sequence[DeviceState],
        started: float,
        *,
        apart: int,
    ) -> Written:
        self._hours.remember(bits)
        self._states.remember(states, time.monotonic())
        self._has_stored_since_failure |= bool(inserted.stored)
        if inserted.refused:
            devices = [each.message.topic for each in inserted.refused[:_DEVICES_SHOWN]]
            _log.info("rows_refused", rows=len(inserted.refused), topics=devices)
        if apart:
            self._next_apart_look_s = 0.0
        return Written(
            inserted.stored,
            [*rejections, *inserted.refused],
            inserted.duplicates,
            time.monotonic() - started,
            apart,
            self._excess,
            inserted.new,
        )

    async def store_apart(self, decode: Decode) -> Written | None:
        """Store some of the messages that were set apart.

        Args:
            decode: reads messages once more.

        Returns:
            None when none waits, or none can be stored now.

        Raises:
            psycopg.Error: of a kind that no waiting heals: a bug, or a broken schema.
        """
        began = time.monotonic()
        if began < self._next_apart_look_s:
            return None
        tries = 0
        try:
            connection = await self.connection()
            inserted = _Inserted()
            with self._hanging_up(connection) as heard:
                async with connection.transaction():
                    taken = await take(connection, self._portion.size)
                    if not taken:
                        self._next_apart_look_s = began + _APART_LOOK_S
                        return None
                    tries = taken[0].tries + 1
                    heartbeats, rejections = await decode([each.message for each in taken])
                    if tries > _TRIES:
                        rejections = [
                            *rejections,
                            *(
                                Rejection(RejectionReason.UNSTORABLE, each.message)
                                for each in heartbeats
                            ),
                        ]
                        heartbeats = ()
                    await _insert_carefully(connection, heartbeats, inserted, heard)
                    self._kept = list(rejections)
                    self._source_messages = ()  # kept when they came
                    self._excess = ()  # their devices' rate was minded when they came
                    bits, states = await self._write_rest(
                        connection, inserted, rejections, (), all_states=False
                    )
                    left = {id(each.message) for each in inserted.apart}
                    await forget(
                        connection, [each for each in taken if id(each.message) not in left]
                    )
        except psycopg.Error as error:
            await self._could_not_store_apart(error, tries)
            return None
        self._portion.took(time.monotonic() - began)
        if inserted.apart:
            self._portion.shrink()
        return self._committed(inserted, rejections, bits, states, began, apart=0)

    async def _could_not_store_apart(self, error: psycopg.Error, tries: int) -> None:
        if not is_worth_retrying(error):
            raise error
        await self.close()
        _log.warning(
            "apart_failed",
            error=str(error).strip(),
            sqlstate=error.sqlstate,
            portion=self._portion.size,
        )
        self._next_apart_look_s = time.monotonic() + _APART_PAUSE_S
        if not tries or not _is_of_the_batch(error):
            return
        if self._portion.size > 1:
            self._portion.shrink()
            return
        # Whether it is the message or the database shows in what else was stored meanwhile; and a
        # statement's time is the database's, however small the statement is.
        if error.sqlstate == _CANCELLED or not self._has_stored_since_failure:
            return
        self._has_stored_since_failure = False
        with suppress(psycopg.Error):  # it is tried again then
            await note_try(await self.connection())

    async def _write_rest(
        self,
        connection: AsyncConnection,
        inserted: _Inserted,
        rejections: Sequence[Rejection],
        apart: Sequence[Heartbeat],
        *,
        all_states: bool,
    ) -> tuple[list[PresenceBit], list[DeviceState]]:
        if apart:
            await set_apart(connection, [each.message for each in apart])
        self._states.observe(inserted.stored)
        self._states.observe(self._excess)
        bits = self._hours.missing(inserted.stored)
        states = self._states.due(time.monotonic(), everything=all_states)
        await _upsert_presence(connection, bits)
        if states:
            await connection.execute(
                _UPSERT_STATES,
                (
                    IntegerArray.of([state.device_id for state in states]),
                    BigintArray.of([state.seen_ms for state in states]),
                    IntegerArray.of([_STATUS_PLACE[state.status] for state in states]),
                ),
            )
        refused = [*rejections, *inserted.refused]
        if self._source_messages:
            await insert_source_messages(connection, self._source_messages)
            await mark_receipt_hours(connection, [*inserted.new, *apart])
        await insert_rejections(connection, [*self._kept, *inserted.refused])
        await self._count(connection, inserted.new, refused)
        return bits, states

    async def _count(
        self, connection: AsyncConnection, new: Sequence[Heartbeat], refused: Sequence[Rejection]
    ) -> None:
        """Add to the hours' counts what this transaction stores."""
        if new:
            hours, codes, heartbeats, late = zip(*heard_hours(new), strict=True)
            await connection.execute(
                _COUNT_HEARTBEATS,
                (self._ingester, list(hours), list(codes), list(heartbeats), list(late)),
            )
        if refused:
            hours, codes, reasons, rejections = zip(*refused_hours(refused), strict=True)
            await connection.execute(
                _COUNT_REJECTIONS,
                (self._ingester, list(hours), list(codes), list(reasons), list(rejections)),
            )
        if self._excess:
            devices, hours, heartbeats = zip(*excess_hours(self._excess), strict=True)
            await connection.execute(
                _COUNT_EXCESS, (self._ingester, list(devices), list(hours), list(heartbeats))
            )


def _without_distant_days(
    heartbeats: Sequence[Heartbeat],
) -> tuple[Sequence[Heartbeat], Sequence[Heartbeat]]:
    """Heartbeats for one transaction, and those of the oldest days where there are too many."""
    late = [each for each in heartbeats if each.is_late]
    if len(late) <= _LATE_DAYS:
        return heartbeats, ()
    days = sorted({each.ts_ms // _MILLISECONDS_PER_DAY for each in late})
    if len(days) <= _LATE_DAYS:
        return heartbeats, ()
    begins_ms = days[-_LATE_DAYS] * _MILLISECONDS_PER_DAY
    return (
        [each for each in heartbeats if not each.is_late or each.ts_ms >= begins_ms],
        [each for each in late if each.ts_ms < begins_ms],
    )


def _smaller(
    batch: Sequence[Heartbeat],
) -> tuple[Sequence[Heartbeat], Sequence[Heartbeat]]:
    """What of a batch is tried again, and what is set apart, being more likely at fault.

    Late heartbeats first, which touch chunks that nobody else does; then the devices that sent the
    most, up to half of the batch and at least one of them.
    """
    if late := [each for each in batch if each.is_late]:
        return [each for each in batch if not each.is_late], late
    suspects: set[int] = set()
    held = 0
    for device_id, sent in Counter(each.device_id for each in batch).most_common():
        if suspects and held + sent > len(batch) // 2:
            break
        suspects.add(device_id)
        held += sent
    return (
        [each for each in batch if each.device_id not in suspects],
        [each for each in batch if each.device_id in suspects],
    )


def _is_of_the_batch(error: psycopg.Error) -> bool:
    """Whether a transaction failed for what it held, and not because the database is away."""
    return (error.sqlstate or "").startswith(_OF_THE_BATCH)


async def _copy(
    connection: AsyncConnection, statement: LiteralString, heartbeats: Sequence[Heartbeat]
) -> None:
    if not heartbeats:
        return
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(encode_heartbeats(heartbeats))


async def _upsert_presence(connection: AsyncConnection, bits: Sequence[PresenceBit]) -> None:
    """Set hours, those of the platforms' clouds in one table and those of others in another."""
    by_clouds = [bit for bit in bits if bit.publisher_id == CLOUD_ID]
    by_others = [bit for bit in bits if bit.publisher_id != CLOUD_ID]
    if by_clouds:
        await connection.execute(_UPSERT_PRESENCE, _columns(by_clouds))
    if by_others:
        publishers = IntegerArray.of([bit.publisher_id for bit in by_others])
        await connection.execute(_UPSERT_PRESENCE_BY_OTHERS, (*_columns(by_others), publishers))


def _columns(bits: Sequence[PresenceBit]) -> tuple[IntegerArray, ...]:
    """Device, month as a day since 2000, bit, age."""
    return (
        IntegerArray.of([bit.device_id for bit in bits]),
        IntegerArray.of([bit.month.toordinal() - _DAY_2000 for bit in bits]),
        IntegerArray.of([bit.bit for bit in bits]),
        IntegerArray.of([bit.age for bit in bits]),
    )


async def _insert_carefully(
    connection: AsyncConnection,
    heartbeats: Sequence[Heartbeat],
    into: _Inserted,
    heard: Callable[[], None],
) -> None:
    """Insert what is new; halve on a data error until the bad row stands alone and is refused.

    After too many failures what is left is set apart.
    """
    if not heartbeats:
        return
    if into.failures >= _FAILURES:
        into.apart.extend(heartbeats)
        return
    heard()  # many bad rows take many statements
    try:
        async with connection.transaction():
            await _copy(connection, _COPY_STAGING, heartbeats)
            cursor = await connection.execute(_INSERT_STAGED)
            new = set(await cursor.fetchall())
            await connection.execute(_EMPTY_STAGING)
    except psycopg.Error as error:
        if not is_data_error(error):
            raise
        into.failures += 1
        if len(heartbeats) == 1:
            into.refused.append(Rejection(RejectionReason.MALFORMED_PAYLOAD, heartbeats[0].message))
            return
        middle = len(heartbeats) // 2
        await _insert_carefully(connection, heartbeats[:middle], into, heard)
        await _insert_carefully(connection, heartbeats[middle:], into, heard)
    else:
        into.stored.extend(heartbeats)
        for heartbeat in heartbeats:
            key = (heartbeat.device_id, heartbeat.ts_ms, heartbeat.received_ms)
            if key in new:
                new.remove(key)  # once, though the batch may hold it twice
                into.new.append(heartbeat)
