"""What heartbeats and presence in the database say of a month, as packed records.

PostgreSQL reduces: two 64-bit numbers for each device, publisher and day (UTC, which is a chunk),
24 bits of hours on time and 24 late, 24 live and 24 perhaps live. So 28 bytes travel for a device's
day, however many heartbeats it had. Tried against it: binary COPY of every row into numpy takes
five times as long.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, LiteralString, NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg

from jieru.calendar import SHANGHAI, months_between
from jieru.presence import BITS_PER_MONTH, BYTES_PER_MONTH
from jieru.timescale import Edition, detect_edition
from verifier.evidence.hours import BYTES_PER_DAY, Heard, MonthOfPresence, digested_rows, keys_of

__all__ = [
    "Delays",
    "StoredBlock",
    "Stretch",
    "add_block",
    "first_byte_of",
    "is_older_heartbeat_stored",
    "month_bounds",
    "month_digests",
    "months_of_evidence",
    "read_block",
    "read_delays",
    "read_presence_of",
    "stretches_of",
]

# The session's time zone is UTC. Bit 23 - hour: so the low three bytes are as presence has them.
_REDUCE: Final[LiteralString] = """
    SELECT string_agg(int4send(device_id) || int4send(publisher_id) || date_send({outer})
                      || int8send(hours) || int8send(live), ''::bytea),
           coalesce(sum(heartbeats), 0)::bigint
    FROM (SELECT device_id, publisher_id, {inner} count(*) AS heartbeats,
                 bit_or(1::bigint << (CASE WHEN received_at - "time" > %(late)s THEN 47 ELSE 23 END
                                      - date_part('hour', "time")::integer)) AS hours,
                 bit_or(CASE WHEN received_at - "time" <= %(live_soon)s THEN 16777217::bigint
                             WHEN received_at - "time" <= %(live_late)s THEN 16777216::bigint
                             ELSE 0 END << (23 - date_part('hour', "time")::integer)) AS live
          FROM heartbeats
          WHERE "time" >= %(start)s AND "time" < %(end)s {only}
          GROUP BY device_id, publisher_id {group}) AS reduced
"""
# Of a single day the day needs no computing, which is a quarter of the time.
_REDUCE_DAY: Final[LiteralString] = (
    _REDUCE.replace("{outer}", "%(day)s::date").replace("{inner}", "").replace("{group}", "")
)
_REDUCE_DAYS: Final[LiteralString] = (
    _REDUCE.replace("{outer}", "day")
    .replace("{inner}", '"time"::date AS day,')
    .replace("{group}", ", day")
)
_CERTAIN: Final = 'AND (received_at - "time" <= %(soon)s OR received_at - "time" > %(late)s)'
_BETWEEN: Final = 'AND received_at - "time" > %(soon)s AND received_at - "time" <= %(late)s'
_PRESENCE: Final = """
    SELECT string_agg(int4send(device_id) || int4send(publisher_id)
                      || bit_send(hours) || bit_send(late_hours) || bit_send(live_hours),
                      ''::bytea)
    FROM presence WHERE month = %s
"""
_PRESENCE_OF_DEVICES: Final = """
    SELECT (SELECT string_agg(date_send(month) || int4send(device_id) || int4send(publisher_id)
                              || bit_send(hours), ''::bytea)
            FROM presence WHERE device_id BETWEEN first AND first + %s AND month BETWEEN %s AND %s)
    FROM generate_series(0, (SELECT max(device_id) FROM presence), %s) AS block (first)
"""
_MONTHS: Final = "SELECT min(month), max(month) FROM presence"
_CHUNKS: Final = """
    SELECT min(range_start), max(range_end) - interval '1 microsecond'
    FROM timescaledb_information.chunks WHERE hypertable_name = 'heartbeats'
"""
_TIMES: Final = 'SELECT min("time"), max("time") FROM heartbeats'
# What is late is never live (`ingest.decode`).
_DELAYS: Final = """
    SELECT min(max_delay_hours), max(max_delay_hours),
           min(least(live_within_minutes, 60 * max_delay_hours))
               FILTER (WHERE live_within_minutes IS NOT NULL),
           max(least(live_within_minutes, 60 * max_delay_hours))
               FILTER (WHERE live_within_minutes IS NOT NULL)
    FROM evidence_rules
"""
_IS_OLDER: Final = 'SELECT EXISTS (SELECT FROM heartbeats WHERE "time" < %s)'

_REDUCED: Final = np.dtype(
    [
        ("device", ">i4"),
        ("publisher", ">i4"),
        ("day", ">i4"),
        ("unused", "u1", 2),
        ("late", "u1", BYTES_PER_DAY),
        ("on_time", "u1", BYTES_PER_DAY),
        ("unused_too", "u1", 2),
        ("perhaps_live", "u1", BYTES_PER_DAY),
        ("live", "u1", BYTES_PER_DAY),
    ]
)
_PACKED: Final = np.dtype(
    [
        ("device", ">i4"),
        ("publisher", ">i4"),
        ("bits", ">i4"),
        ("hours", "u1", BYTES_PER_MONTH),
        ("late_bits", ">i4"),
        ("late_hours", "u1", BYTES_PER_MONTH),
        ("live_bits", ">i4"),
        ("live_hours", "u1", BYTES_PER_MONTH),
    ]
)
_PACKED_HOURS: Final = np.dtype(
    [
        ("month", ">i4"),
        ("device", ">i4"),
        ("publisher", ">i4"),
        ("bits", ">i4"),
        ("hours", "u1", BYTES_PER_MONTH),
    ]
)
_DEVICES_AT_A_TIME: Final = 5_000
_DAY_2000: Final = date(2000, 1, 1).toordinal()
_BYTES_BEFORE: Final = 1
"""UTC begins its day eight hours after Asia/Shanghai."""


_NEVER: Final = timedelta(days=-36_500)


class Delays(NamedTuple):
    """By which rules ingesters told late from on time: the shortest delay and the longest."""

    soon: timedelta
    """Up to here every one of them took a heartbeat as in time."""
    late: timedelta
    """Beyond it, as late."""
    live_soon: timedelta = _NEVER
    """Up to here each of them that had a rule took it as live; none had one: nothing is."""
    live_late: timedelta = _NEVER
    """Beyond it, none of them."""


class Stretch(NamedTuple):
    """A part of a month that is read at once."""

    start: datetime
    end: datetime
    """Exclusive."""


class StoredBlock(NamedTuple):
    """What the heartbeats of a stretch give."""

    certain: npt.NDArray[np.void]
    between: npt.NDArray[np.void]
    """Of heartbeats that were late by one rule and in time by another."""
    heartbeats: int


def month_bounds(month: date) -> Stretch:
    """From when to when a civil month is."""
    after = (month + timedelta(days=31)).replace(day=1)
    start, end = (
        datetime.combine(day, time(), tzinfo=SHANGHAI).astimezone(UTC) for day in (month, after)
    )
    return Stretch(start, end)


def stretches_of(connection: psycopg.Connection, month: date) -> list[Stretch]:
    """A month in parts: by chunk, or as a whole where heartbeats are a plain table."""
    start, end = month_bounds(month)
    if detect_edition(connection) is Edition.MISSING:
        return [Stretch(start, end)]
    found = []
    at = start
    while at < end:
        midnight = datetime.combine(at.date() + timedelta(days=1), time(), tzinfo=UTC)
        found.append(Stretch(at, min(midnight, end)))
        at = midnight
    return found


def read_block(connection: psycopg.Connection, stretch: Stretch, delays: Delays) -> StoredBlock:
    """Reduce the heartbeats of a stretch.

    Args:
        connection: inside the snapshot; its session speaks UTC.
        stretch: of a month.
        delays: of all ingesters there were.
    """
    is_day = stretch.end - stretch.start <= timedelta(days=1)
    statement = _REDUCE_DAY if is_day else _REDUCE_DAYS
    values = {"day": stretch.start.date(), **stretch._asdict(), **delays._asdict()}
    if delays.soon == delays.late:
        certain, heartbeats = _reduce(connection, statement.replace("{only}", ""), values)
        return StoredBlock(certain, certain[:0], heartbeats)
    certain, heartbeats = _reduce(connection, statement.replace("{only}", _CERTAIN), values)
    between, more = _reduce(connection, statement.replace("{only}", _BETWEEN), values)
    return StoredBlock(certain, between, heartbeats + more)


def add_block(heard: Heard, rows: npt.NDArray[np.void], month: date) -> None:
    """Put the hours of a block where they belong."""
    heard.add(
        keys_of(rows["device"].astype(np.int64), rows["publisher"].astype(np.int64)),
        first_byte_of(rows["day"].astype(np.int64) + _DAY_2000, month),
        rows["on_time"],
        rows["late"],
        rows["live"],
        rows["perhaps_live"],
    )


def first_byte_of(utc_days: npt.NDArray[np.int64], month: date) -> npt.NDArray[np.int64]:
    """Where in a month's row the hours of days in UTC (proleptic ordinals) begin."""
    return (utc_days - month.toordinal()) * BYTES_PER_DAY + _BYTES_BEFORE


def read_presence_of(connection: psycopg.Connection, month: date) -> MonthOfPresence:
    """What presence says of a month, all publishers."""
    with connection.cursor(binary=True) as cursor:
        row = cursor.execute(_PRESENCE, (month,)).fetchone()
    rows = np.frombuffer((row and row[0]) or b"", dtype=_PACKED)
    if any((rows[name] != BITS_PER_MONTH).any() for name in ("bits", "late_bits", "live_bits")):
        raise ValueError(f"presence is not bit({BITS_PER_MONTH})")
    keys = keys_of(rows["device"].astype(np.int64), rows["publisher"].astype(np.int64))
    order = np.argsort(keys, kind="stable")
    return MonthOfPresence(
        keys[order], rows["hours"][order], rows["late_hours"][order], rows["live_hours"][order]
    )


def month_digests(connection: psycopg.Connection, months: Iterable[date]) -> dict[date, str]:
    """`MonthOfPresence.sha256` of several months, in one pass over presence and little memory."""
    digests = {month: hashlib.sha256() for month in sorted(months)}
    if not digests:
        return {}
    span = (_DEVICES_AT_A_TIME - 1, min(digests), max(digests), _DEVICES_AT_A_TIME)
    with connection.cursor(binary=True) as cursor:
        for (packed,) in cursor.stream(_PRESENCE_OF_DEVICES, span):
            rows = np.frombuffer(packed or b"", dtype=_PACKED_HOURS)
            for month, digest in digests.items():
                of_month = rows[rows["month"] == month.toordinal() - _DAY_2000]
                devices, publishers = (
                    of_month[name].astype(np.int64) for name in ("device", "publisher")
                )
                order = np.argsort(keys_of(devices, publishers), kind="stable")
                digest.update(
                    digested_rows(devices[order], publishers[order], of_month["hours"][order])
                )
    return {month: digest.hexdigest() for month, digest in digests.items()}


def months_of_evidence(connection: psycopg.Connection) -> list[date]:
    """Every month from the first to the last of which there is presence or a heartbeat."""
    is_plain = detect_edition(connection) is Edition.MISSING
    found: list[date] = []
    for query in (_MONTHS, _TIMES if is_plain else _CHUNKS):
        row = connection.execute(query).fetchone()
        found.extend(_as_days(row or ()))
    return months_between(min(found), max(found)) if found else []


def read_delays(connection: psycopg.Connection, default_hours: int) -> Delays:
    """The rules of all ingesters there were; the policy's, where none ran yet."""
    row = connection.execute(_DELAYS).fetchone()
    shortest, longest, *live = row if row and row[0] is not None else (default_hours,) * 2
    return Delays(
        timedelta(hours=shortest),
        timedelta(hours=longest),
        *(timedelta(minutes=each) for each in live if each is not None),
    )


def is_older_heartbeat_stored(connection: psycopg.Connection, start: datetime) -> bool:
    """Whether the database holds any heartbeat from before."""
    return connection.execute(_IS_OLDER, (start,)).fetchone() == (True,)


def _reduce(
    connection: psycopg.Connection, statement: LiteralString, values: dict[str, object]
) -> tuple[npt.NDArray[np.void], int]:
    with connection.cursor(binary=True) as cursor:
        row = cursor.execute(statement, values).fetchone()
    packed, heartbeats = row or (None, 0)
    return np.frombuffer(packed or b"", dtype=_REDUCED), heartbeats


def _as_days(row: tuple[object, ...]) -> Iterator[date]:
    for each in row:
        if isinstance(each, datetime):
            yield each.astimezone(SHANGHAI).date()
        elif isinstance(each, date):
            yield each
