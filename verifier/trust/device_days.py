"""What raw heartbeats said of a device's day that hours do not keep: filled before they expire.

Each night the days that became final since, of which nothing that counts can come any more, are
read once, some hundred devices at a time, and what
there is to tell goes into `device_days` (migration 0051): of a counter its first and last reading,
its largest step and its falls; how many starts; what was sent twice; and on the first and last day
of a spell the second at which the device usually sends. A day that was looked at is marked in
`device_days_filled`, in the same transaction, and is never looked at again: were it looked at the
night after it, whoever sends in the morning would never be seen.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, LiteralString, NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg

from jieru.calendar import HOURS_PER_DAY, SHANGHAI, civil_date
from jieru.database import read_installation
from verifier.evidence.stored_hours import months_of_evidence
from verifier.trust.device_day import DeviceDay, LastReading, Rhythm, device_day, rhythm_of

__all__ = ["SILENT_DAYS", "fill_device_days", "last_final_day"]

SILENT_DAYS: Final = 7
"""Days without anything heard that end a spell of a device, and after which another begins."""

_DEVICES_AT_A_TIME: Final = 500
"""A day of so many that send every minute is 40 MB."""
_LOOK_BACK_DAYS: Final = 31
"""So old the reading may be that the first one of a day is held against."""

_TO_ARRIVE: Final = timedelta(days=1)
"""For what was received in time and waits at the broker or in an ingester."""

# Of all ingesters that ever ran: which of them still runs is not known.
_LONGEST_DELAY: Final = "SELECT coalesce(max(max_delay_hours), 0) FROM evidence_rules"
_HOLD: Final = "SELECT pg_advisory_xact_lock(hashtext('jieru device days'))"
_LAST_FILLED: Final = "SELECT max(day) FROM device_days_filled"
_NOTE_FILLED: Final = "INSERT INTO device_days_filled (day, heartbeats) VALUES (%s, %s)"
_HEARD_ON: Final = """
    SELECT DISTINCT device_id FROM presence
    WHERE month = %s AND substring(hours | late_hours FROM %s FOR 24) <> 0::bit(24)
    ORDER BY device_id
"""
_LAST_READINGS: Final = """
    SELECT DISTINCT ON (device_id) device_id, counter_last, boot_last FROM device_days
    WHERE device_id = ANY (%s) AND day >= %s AND day < %s AND counter_last IS NOT NULL
    ORDER BY device_id, day DESC
"""
_COPY_DAY: Final[LiteralString] = """
    COPY (SELECT device_id, "time", coalesce(seq, -1), coalesce(boot, 0), boot IS NOT NULL,
                 coalesce(counter, 'NaN')
          FROM heartbeats WHERE device_id = ANY (%s) AND "time" >= %s AND "time" < %s
          ORDER BY device_id, "time") TO STDOUT (FORMAT BINARY)
"""
_COPY_IN: Final = """
    COPY device_days (device_id, day, counter_first, counter_last, counter_step_max, counter_falls,
                      boot_first, boot_last, boots, seq_repeats, interval_s, second)
    FROM STDIN
"""
_END_SPELL: Final = """
    INSERT INTO device_days AS d (device_id, day, interval_s, second) VALUES (%s, %s, %s, %s)
    ON CONFLICT (device_id, day) DO UPDATE
    SET interval_s = excluded.interval_s, second = excluded.second WHERE d.interval_s IS NULL
"""

_COPY_HEADER_BYTES: Final = 19
_COPY_TRAILER_BYTES: Final = 2
_RECORD: Final = np.dtype(
    [
        ("fields", ">i2"),
        *(("device_bytes", ">i4"), ("device", ">i4")),
        *(("time_bytes", ">i4"), ("time", ">i8")),
        *(("seq_bytes", ">i4"), ("seq", ">i8")),
        *(("boot_bytes", ">i4"), ("boot", ">i8")),
        *(("has_boot_bytes", ">i4"), ("has_boot", "u1")),
        *(("counter_bytes", ">i4"), ("counter", ">f8")),
    ]
)
"""PostgreSQL documentation, COPY, "Binary Format"; the length of a value stands before it."""
_TO_1970_US: Final = 946_684_800_000_000

Devices = npt.NDArray[np.int64]


class _Beats(NamedTuple):
    """The heartbeats of one device on one day, in order of time."""

    device: int
    time_us: npt.NDArray[np.int64]
    """Since the Unix epoch."""
    rows: npt.NDArray[np.void]


def last_final_day(connection: psycopg.Connection, now: datetime) -> date:
    """The last civil day of which no heartbeat that counts can come any more.

    Heartbeats count for `max_delay_hours`, by the longest that any ingester had; and a day more.
    A simulation plays another time, and is over when it is looked at.
    """
    if read_installation(connection).is_simulation:
        return date.max
    ((hours,),) = connection.execute(_LONGEST_DELAY).fetchall()
    return civil_date(now - timedelta(hours=hours) - _TO_ARRIVE) - timedelta(days=1)


def fill_device_days(connection: psycopg.Connection, until_day: date, *, now: datetime) -> int:
    """Look at every final day that was not looked at, each in a transaction of its own.

    Args:
        connection: in autocommit mode.
        until_day: the last civil day.
        now: the moment, by which days are final; what is heard of them afterwards is not told.

    Returns:
        How many days were looked at.
    """
    filled = 0
    until_day = min(until_day, last_final_day(connection, now))
    heard = _HeardDays(connection)
    while True:
        with connection.transaction():
            connection.execute(_HOLD)
            day = _next_day(connection)
            if day is None or day > until_day:
                return filled
            _fill(connection, day, heard)
        filled += 1


def _next_day(connection: psycopg.Connection) -> date | None:
    """The day after the last that was looked at, or the first of which there is evidence."""
    row = connection.execute(_LAST_FILLED).fetchone()
    if row and row[0]:
        last: date = row[0]
        return last + timedelta(days=1)
    return min(months_of_evidence(connection), default=None)


class _HeardDays:
    """Which devices were heard on the last days that were asked for."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._days: deque[tuple[date, Devices]] = deque(maxlen=SILENT_DAYS + 1)

    def on(self, day: date) -> Devices:
        """Ids, ascending."""
        for known, devices in self._days:
            if known == day:
                return devices
        first_bit = (day.day - 1) * HOURS_PER_DAY + 1
        rows = self._connection.execute(_HEARD_ON, (day.replace(day=1), first_bit)).fetchall()
        devices = np.array([row[0] for row in rows], dtype=np.int64)
        self._days.append((day, devices))
        return devices

    def silent_between(self, devices: Devices, first: date, last: date) -> Devices:
        """Those of some devices that were heard on none of the days, both inclusive."""
        silent = devices
        for offset in range((last - first).days + 1):
            silent = np.setdiff1d(silent, self.on(first + timedelta(days=offset)))
        return silent


def _fill(connection: psycopg.Connection, day: date, heard: _HeardDays) -> None:
    one = timedelta(days=1)
    ended_on = day - SILENT_DAYS * one
    ended = heard.silent_between(heard.on(ended_on), ended_on + one, day)
    today = heard.on(day)
    begun = set(heard.silent_between(today, day - SILENT_DAYS * one, day - one).tolist())
    heartbeats = 0
    for block in _blocks(today):
        told, read = _told(connection, day, block, begun)
        heartbeats += read
        _store(connection, day, told)
    for block in _blocks(ended):
        for beats in _read(connection, ended_on, block):
            rhythm = rhythm_of(beats.time_us)
            if rhythm is not None:
                connection.execute(_END_SPELL, (beats.device, ended_on, *rhythm))
    connection.execute(_NOTE_FILLED, (day, heartbeats))


def _blocks(devices: Devices) -> Iterator[list[int]]:
    for start in range(0, len(devices), _DEVICES_AT_A_TIME):
        yield devices[start : start + _DEVICES_AT_A_TIME].tolist()


def _told(
    connection: psycopg.Connection, day: date, block: list[int], begun: set[int]
) -> tuple[list[tuple[int, DeviceDay, Rhythm | None]], int]:
    """What there is to tell of some devices, and how many heartbeats they had."""
    since = day - timedelta(days=_LOOK_BACK_DAYS)
    before = {
        device: LastReading(counter, boot)
        for device, counter, boot in connection.execute(_LAST_READINGS, (block, since, day))
    }
    told, heartbeats = [], 0
    for beats in _read(connection, day, block):
        heartbeats += len(beats.rows)
        rows = beats.rows
        found = device_day(
            counters=rows["counter"].astype(np.float64),
            boots=rows["boot"].astype(np.int64),
            has_boot=rows["has_boot"].astype(np.bool_),
            seqs=rows["seq"].astype(np.int64),
            before=before.get(beats.device),
        )
        rhythm = rhythm_of(beats.time_us) if beats.device in begun else None
        if found.is_worth_telling or rhythm is not None:
            told.append((beats.device, found, rhythm))
    return told, heartbeats


def _read(connection: psycopg.Connection, day: date, block: Sequence[int]) -> Iterator[_Beats]:
    """The heartbeats of a civil day, device by device."""
    start = datetime.combine(day, time(), tzinfo=SHANGHAI).astimezone(UTC)
    span = (list(block), start, start + timedelta(days=1))
    with connection.cursor() as cursor, cursor.copy(_COPY_DAY, span) as copy:
        content = b"".join(bytes(each) for each in copy)
    rows = np.frombuffer(content[_COPY_HEADER_BYTES:-_COPY_TRAILER_BYTES], dtype=_RECORD)
    if not len(rows):
        return
    devices = rows["device"].astype(np.int64)
    starts = np.flatnonzero(np.diff(devices, prepend=-1))
    for first, end in zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True):
        own = rows[first:end]
        yield _Beats(int(devices[first]), own["time"].astype(np.int64) + _TO_1970_US, own)


def _store(
    connection: psycopg.Connection, day: date, told: list[tuple[int, DeviceDay, Rhythm | None]]
) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY_IN) as copy:
        for device, found, rhythm in told:
            copy.write_row((device, day, *found, *(rhythm or (None, None))))
