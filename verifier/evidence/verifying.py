"""Verifying evidence: a month of presence recomputed from raw heartbeats and archives.

All is read as it was at one moment, over two connections, while ingesters go on writing: heartbeats
and presence are of one transaction there, so that neither is ever ahead of the other. Whoever drops
heartbeats is kept from it meanwhile.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import sql

from archive.manifest import ArchivedFile
from archive.reading import archived_files, dropped_files, read_archived
from archive.records import hold_archive
from jieru.calendar import days_in_month
from jieru.database import connect
from jieru.errors import UserError
from verifier.counting.reading import read_live_days
from verifier.evidence.archived_hours import add_archived
from verifier.evidence.differences import Compared, compare
from verifier.evidence.hours import BYTES_PER_DAY, Bits, Heard, Keys, MonthOfPresence
from verifier.evidence.stored_hours import (
    Delays,
    StoredBlock,
    Stretch,
    add_block,
    is_older_heartbeat_stored,
    month_bounds,
    read_block,
    read_delays,
    read_presence_of,
    stretches_of,
)

__all__ = ["Source", "VerifiedMonth", "verify_month"]

_CONNECTIONS: Final = 2
_LOOK_S: Final = 0.2
_MORNING: Final = timedelta(hours=8)
"""Of a civil day: what is in the chunk of the day before."""
_EARLIEST: Final = datetime(1, 1, 1, tzinfo=UTC)
_WAITING_AT_MOST: Final = 4
"""Blocks that were read and not yet put together."""
_KEEP_RETENTION_OUT: Final = """
    SELECT pg_advisory_lock_shared(hashtext('jieru heartbeat retention'))
"""
_LET_RETENTION_IN: Final = """
    SELECT pg_advisory_unlock_shared(hashtext('jieru heartbeat retention'))
"""
# What the owner of the database said: a process could say of any heartbeat that it had to go.
_SELECT_KEPT: Final = "SELECT make_interval(days => heartbeats_days) FROM retention"
_SELECT_RECEIPT_HOURS: Final = """
    SELECT coalesce(sum(bit_count(hours)), 0)::bigint FROM receipt_hours WHERE month = %s
"""
_ONE_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_EXPORT: Final = "SELECT pg_export_snapshot(), clock_timestamp()"
_MEMORY: Final = "SET LOCAL work_mem = '128MB'"
_NO_WORKERS: Final = "SET LOCAL max_parallel_workers_per_gather = 0"


@dataclass(frozen=True, slots=True)
class Source:
    """Where heartbeats are, and by which rules they were taken."""

    database_url: str
    archive: Path | None
    """The folder; None: none is named."""
    max_delay_hours: int
    """Of the policy: used where no ingester has recorded its own rules."""


@dataclass(frozen=True, slots=True)
class VerifiedMonth:
    """What became of one month."""

    month: date
    at: datetime
    """By the database's clock."""
    presence_sha256: str
    heartbeats: int
    archives: tuple[ArchivedFile, ...]
    """Files that were read."""
    compared: Compared
    unverifiable_days: tuple[date, ...]
    """Whose heartbeats are gone, though something was heard on them."""
    receipt_hours: int
    """In which a heartbeat was given the time of its receipt: device hours."""

    @property
    def is_clean(self) -> bool:
        """Whether every bit stands on a heartbeat and every heartbeat has its bit."""
        return not self.compared.differences and not self.unverifiable_days


def verify_month(source: Source, month: date) -> VerifiedMonth:
    """Hold a month's presence against its heartbeats.

    Raises:
        UserError: an archive's folder is not named, or a file of it is missing or was changed.
        WorldError: the database or the archive cannot be reached, or an archive run goes on.
    """
    with _one_moment(source) as (connections, at):
        first = connections[0]
        delays = read_delays(first, source.max_delay_hours)
        presence = read_presence_of(first, month)
        files = dropped_files(first, *month_bounds(month))
        keys_of_presence = np.unique(presence.keys)
        certain, between = Heard(keys_of_presence), Heard(keys_of_presence)
        heartbeats = 0
        for block in _blocks(connections, stretches_of(first, month), delays):
            add_block(certain, block.certain, month)
            add_block(between, block.between, month)
            heartbeats += block.heartbeats
        heartbeats += _add_files(source, files, certain, between, month, delays)
        gone = _gone_days(first, at, month, presence, (certain, between))
        receipt_hours = first.execute(_SELECT_RECEIPT_HOURS, (month,)).fetchone()
        live_days = read_live_days(first).of_month(month.year * 12 + month.month - 1)
    either = None
    heard = certain.result()
    if delays.soon != delays.late:
        others = between.result()
        certain.add(others.keys, *_nothing(len(others.keys)))
        heard = certain.result()
        either = _aligned(heard.keys, others.keys, others.on_time)
        perhaps_live = heard.perhaps_live | _aligned(heard.keys, others.keys, others.perhaps_live)
        heard = heard._replace(perhaps_live=perhaps_live)
    return VerifiedMonth(
        month=month,
        at=at,
        presence_sha256=presence.sha256(),
        heartbeats=heartbeats,
        archives=tuple(files),
        compared=compare(presence, heard, either=either, gone_days=gone, live_days=live_days),
        unverifiable_days=tuple(month.replace(day=day) for day in gone),
        receipt_hours=receipt_hours[0] if receipt_hours else 0,
    )


def _nothing(rows: int) -> "tuple[npt.NDArray[np.int64], *tuple[Bits, ...]]":
    silence = np.zeros((rows, BYTES_PER_DAY), dtype=np.uint8)
    return np.zeros(rows, dtype=np.int64), silence, silence, silence, silence


def _aligned(keys: Keys, own: Keys, hours: Bits) -> Bits:
    """Hours of some keys, as rows beside those of all keys."""
    rows = np.zeros((len(keys), hours.shape[1]), dtype=np.uint8)
    rows[np.searchsorted(keys, own)] = hours
    return rows


@contextmanager
def _one_moment(source: Source) -> Iterator[tuple[list[psycopg.Connection], datetime]]:
    """Connections that all see one moment, and when that is."""
    with ExitStack() as stack:
        holder = stack.enter_context(connect(source.database_url, autocommit=True))
        stack.enter_context(hold_archive(holder, is_shared=True))
        holder.execute(_KEEP_RETENTION_OUT)
        stack.callback(_let_retention_in, holder)
        connections = [holder]
        stack.enter_context(holder.transaction())
        holder.execute(_ONE_MOMENT)
        row = holder.execute(_EXPORT).fetchone()
        if row is None:
            raise TypeError("a function gives one row")
        snapshot, at = row
        for _number in range(_CONNECTIONS - 1):
            other = stack.enter_context(connect(source.database_url, autocommit=True))
            stack.enter_context(other.transaction())
            other.execute(_ONE_MOMENT)
            other.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
            connections.append(other)
        for each in connections:
            each.execute(_MEMORY)
            each.execute(_NO_WORKERS)  # the connections are the workers
        yield connections, at


def _let_retention_in(holder: psycopg.Connection) -> None:
    with suppress(psycopg.Error):  # a connection that was lost holds nothing any more
        holder.execute(_LET_RETENTION_IN)


def _blocks(
    connections: list[psycopg.Connection], stretches: list[Stretch], delays: Delays
) -> Iterator[StoredBlock]:
    """Each stretch reduced, in whatever order they are ready; few are held at a time."""
    left: queue.SimpleQueue[Stretch] = queue.SimpleQueue()
    for stretch in stretches:
        left.put(stretch)
    ready: queue.Queue[StoredBlock] = queue.Queue(_WAITING_AT_MOST)
    is_over = threading.Event()

    def read(connection: psycopg.Connection) -> None:
        while not is_over.is_set():
            try:
                stretch = left.get_nowait()
            except queue.Empty:
                return
            block = read_block(connection, stretch, delays)
            while not is_over.is_set():
                with suppress(queue.Full):
                    ready.put(block, timeout=_LOOK_S)
                    break

    with ThreadPoolExecutor(len(connections)) as pool:
        working = [pool.submit(read, each) for each in connections]
        try:
            yield from _as_they_come(ready, lambda: all(each.done() for each in working))
        finally:
            is_over.set()
        for each in working:
            each.result()


def _as_they_come(
    ready: "queue.Queue[StoredBlock]", is_done: Callable[[], bool]
) -> Iterator[StoredBlock]:
    while True:
        # Asked first: what was put before all were done is then there.
        was_done = is_done()
        try:
            yield ready.get(timeout=0 if was_done else _LOOK_S)
        except queue.Empty:
            if was_done:
                return


def _add_files(
    source: Source,
    files: list[ArchivedFile],
    certain: Heard,
    between: Heard,
    month: date,
    delays: Delays,
) -> int:
    if not files:
        return 0
    if source.archive is None:
        raise UserError(
            "Heartbeats of {month} are in the archive: set JIERU_ARCHIVE_DIR.",
            month=f"{month:%Y-%m}",
        )
    within = month_bounds(month)
    return sum(
        add_archived(certain, between, rows, within, month, delays)
        for each in files
        for rows in read_archived(source.archive, each)
    )


def _gone_days(
    connection: psycopg.Connection,
    at: datetime,
    month: date,
    presence: MonthOfPresence,
    heard: tuple[Heard, ...],
) -> tuple[int, ...]:
    """Days (1 to 31) with hours whose heartbeats had to go for their age, to no archive.

    What goes that way goes from the oldest on, a day of UTC at a time: so nothing older than the
    morning of such a day is in the database or in an archive.
    """
    unproved = np.bitwise_or.reduce(presence.hours | presence.late_hours, axis=0, initial=0)
    row = connection.execute(_SELECT_KEPT).fetchone()
    if row is None:
        raise TypeError("there is one row of retention")
    kept: timedelta = row[0]
    for each in heard:
        found = each.result()
        unproved = unproved & ~np.bitwise_or.reduce(found.on_time | found.late, axis=0, initial=0)
    gone = []
    for day in range(1, days_in_month(month) + 1):
        if not unproved[(day - 1) * BYTES_PER_DAY : day * BYTES_PER_DAY].any():
            continue
        start = month_bounds(month).start + timedelta(days=day - 1)
        morning_over = start + _MORNING
        if (
            start + timedelta(days=1) <= at - kept
            and not is_older_heartbeat_stored(connection, morning_over)
            and not archived_files(connection, _EARLIEST, morning_over)
        ):
            gone.append(day)
    return tuple(gone)
