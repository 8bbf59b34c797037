"""All that a count rests on, read from one snapshot of the database.

The hundred thousands of assignments and the millions of presence rows travel as packed records of
a fixed size, so that numpy takes them as they are and Python looks at none of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Final, LiteralString, NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import IsolationLevel
from psycopg.rows import class_row

from jieru.calendar import civil_date
from jieru.database import read_installation
from jieru.presence import BITS_PER_MONTH, BYTES_PER_MONTH
from verifier.counting.activity import (
    END_OF_TIME,
    Assignments,
    Coverage,
    PresenceRows,
    Recorded,
    merge_publishers,
)
from verifier.counting.backdating import microseconds_of
from verifier.counting.eligibility import Case
from verifier.counting.evidence import Evidence, EvidenceRules
from verifier.counting.live_days import LiveDays, RecordedRule, live_days_of
from verifier.counting.registry import (
    Assignment,
    Confirmation,
    Connection,
    Decision,
    Enterprise,
    OpeningStock,
    Platform,
    Recognition,
)

__all__ = [
    "consistent_snapshot",
    "read_assignments",
    "read_evidence",
    "read_live_days",
    "read_presence",
]

_SELECT_PLATFORMS = 'SELECT id, code, name, operator_uscc FROM platforms ORDER BY code COLLATE "C"'
_SELECT_RECOGNITIONS = """
    SELECT platform_id, level, recognised_on, revoked_on FROM recognitions
    ORDER BY platform_id, recognised_on, level
"""
_SELECT_ENTERPRISES = """
    SELECT id, uscc, name, district, industry_code FROM enterprises
    WHERE %(uscc)s::text IS NULL OR uscc = %(uscc)s
"""
_SELECT_CONNECTIONS = """
    SELECT c.platform_id, c.enterprise_id, c.recorded_at, c.extended_from, c.extended_at,
           c.from_date, c.to_date, c.contract_no, c.signed_on,
           (c.recorded_at AT TIME ZONE 'Asia/Shanghai')::date
    FROM connections c
    JOIN platforms p ON p.id = c.platform_id
    JOIN enterprises e ON e.id = c.enterprise_id
    WHERE %(uscc)s::text IS NULL OR e.uscc = %(uscc)s
    ORDER BY p.code COLLATE "C", e.uscc COLLATE "C", c.from_date
"""
# The registry's own word on how a connection stands: a "yes" holds for the contract that was read.
_SELECT_CONFIRMATIONS = """
    SELECT c.platform_id, c.enterprise_id, c.from_date, standing.state,
           (standing.since AT TIME ZONE 'Asia/Shanghai')::date
    FROM connection_confirmations standing
    JOIN connections c ON c.id = standing.connection_id
    JOIN enterprises e ON e.id = c.enterprise_id
    WHERE standing.state IN ('confirmed', 'denied')
      AND (%(uscc)s::text IS NULL OR e.uscc = %(uscc)s)
    ORDER BY c.from_date
"""
# One that waits for a second person has no effect.
_SELECT_OPEN_DECISIONS = """
    SELECT platform_id, enterprise_id, id, kind, criterion, value, reason, decided_by, decided_at
    FROM decisions
    WHERE withdrawn_at IS NULL AND kind <> 'keep' AND (confirmed_at IS NOT NULL OR NOT needs_second)
    ORDER BY id
"""
_SELECT_OPENING_STOCKS = """
    SELECT o.id, p.code, stood_on, reason, decided_by, decided_at, confirmed_by
    FROM opening_stocks o LEFT JOIN platforms p ON p.id = o.platform_id
    WHERE withdrawn_at IS NULL AND (confirmed_at IS NOT NULL OR NOT needs_second)
    ORDER BY o.id
"""
_SELECT_LATE_SERIALS = """
    SELECT coalesce(array_agg(device_id), '{}'), coalesce(array_agg(serial), '{}')
    FROM assignments JOIN devices ON devices.id = device_id
    WHERE (recorded_at >= (from_date + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'
           OR extended_from <> '{}')
      AND (%(uscc)s::text IS NULL
           OR enterprise_id = (SELECT id FROM enterprises WHERE uscc = %(uscc)s))
"""
_SELECT_EVIDENCE_RULES = """
    SELECT DISTINCT max_delay_hours, max_clock_ahead_minutes, clock FROM evidence_rules
    ORDER BY max_delay_hours, max_clock_ahead_minutes, clock
"""
_PACK_ASSIGNMENTS = """
    SELECT string_agg(int4send(a.device_id) || int4send(d.platform_id)
                      || int4send(a.enterprise_id) || date_send(a.from_date)
                      || date_send(coalesce(a.to_date, 'infinity'))
                      || date_send((a.recorded_at AT TIME ZONE 'Asia/Shanghai')::date)
                      || timestamptz_send(a.recorded_at), ''::bytea)
    FROM (
        SELECT device_id, enterprise_id, from_date, to_date, recorded_at
        FROM assignments WHERE extended_from = '{}'
        UNION ALL
        SELECT device_id, enterprise_id, first_on, end_on, told_at
        FROM assignments, told_periods(from_date, to_date, recorded_at, extended_from, extended_at)
        WHERE extended_from <> '{}'
    ) AS a
    JOIN devices d ON d.id = a.device_id
    JOIN enterprises e ON e.id = a.enterprise_id
    WHERE %(uscc)s::text IS NULL OR e.uscc = %(uscc)s
"""
_SELECT_LIVE_RULES = "SELECT applied_at, live_within_minutes FROM evidence_rules ORDER BY id"
_PACK_PRESENCE: Final[LiteralString] = """
    SELECT (SELECT string_agg(int4send(device_id) || date_send(month) || bit_send(hours){live},
                              ''::bytea)
            FROM presence WHERE device_id BETWEEN first AND last AND month <= %s),
           EXISTS (SELECT FROM presence_by_others WHERE device_id BETWEEN first AND last)
    FROM unnest(%s::integer[], %s::integer[]) AS block (first, last)
"""

_SELECT_ASSIGNMENTS = """
    SELECT a.device_id, d.serial, d.kind, d.name, a.from_date, a.to_date
    FROM (
        SELECT device_id, enterprise_id, first_on AS from_date, end_on AS to_date
        FROM assignments, told_periods(from_date, to_date, recorded_at, extended_from, extended_at)
    ) AS a
    JOIN devices d ON d.id = a.device_id
    JOIN enterprises e ON e.id = a.enterprise_id
    WHERE %(uscc)s::text IS NULL OR e.uscc = %(uscc)s
"""

_DEVICES_AT_A_TIME: Final = 2_000
"""A year of so many devices is a block of 2.5 MB."""
_ID_GAP: Final = 1_000
"""Ids further apart go into blocks of their own, lest those in between be read for nothing."""
_POSTGRES_EPOCH: Final = date(2000, 1, 1).toordinal()

_EPOCHS_APART_DAYS: Final = _POSTGRES_EPOCH - date(1970, 1, 1).toordinal()

_PACKED_ASSIGNMENT = np.dtype(
    [
        ("device", ">i4"),
        ("platform", ">i4"),
        ("enterprise", ">i4"),
        ("first", ">i4"),
        ("end", ">i4"),
        ("recorded_on", ">i4"),
        ("recorded_at", ">i8"),
    ]
)
_LIVE: Final = " || bit_send(live_hours)"
_PACKED_PRESENCE = np.dtype(
    [("device", ">i4"), ("month", ">i4"), ("bits", ">i4"), ("hours", "u1", BYTES_PER_MONTH)]
)
_PACKED_LIVE_PRESENCE = np.dtype(
    [
        *_PACKED_PRESENCE.descr,
        ("live_bits", ">i4"),
        ("live_hours", "u1", BYTES_PER_MONTH),
    ]
)


class _Told(NamedTuple):
    """A period that a connection covers, and when the server was told of it."""

    first: date
    end: date | None
    at: datetime


@contextmanager
def consistent_snapshot(connection: psycopg.Connection) -> Iterator[None]:
    """A read-only transaction in which every query sees the same moment.

    Raises:
        psycopg.ProgrammingError: the connection is inside a transaction already.
    """
    before = connection.isolation_level, connection.read_only
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    try:
        with connection.transaction():
            yield
    finally:
        if not connection.closed:  # then there is nothing to set back, and psycopg would complain
            connection.isolation_level, connection.read_only = before


def read_evidence(connection: psycopg.Connection, uscc: str | None = None) -> Evidence:
    """Everything but presence.

    Args:
        connection: inside a consistent snapshot.
        uscc: read the cases of this enterprise only.
    """
    only = {"uscc": uscc}
    platforms = _platforms(connection)
    enterprises = {
        row[0]: Enterprise(*row[1:]) for row in connection.execute(_SELECT_ENTERPRISES, only)
    }
    decisions: dict[tuple[int, int], list[Decision]] = {}
    for row in connection.execute(_SELECT_OPEN_DECISIONS):
        decisions.setdefault((row[0], row[1]), []).append(Decision(*row[2:]))
    connections: dict[tuple[int, int], list[Connection]] = {}
    told: dict[tuple[int, int], list[_Told]] = {}
    for platform_id, enterprise_id, *when_and_what in connection.execute(_SELECT_CONNECTIONS, only):
        case = platform_id, enterprise_id
        served = Connection(*when_and_what[3:])
        connections.setdefault(case, []).append(served)
        told.setdefault(case, []).extend(_told(served, *when_and_what[:3]))
    confirmations: dict[tuple[int, int], list[Confirmation]] = {}
    for row in connection.execute(_SELECT_CONFIRMATIONS, only):
        confirmations.setdefault((row[0], row[1]), []).append(Confirmation(*row[2:]))
    return Evidence(
        is_simulation=read_installation(connection).is_simulation,
        platforms=tuple(platforms.values()),
        cases=tuple(
            Case(
                platform=platforms[platform_id],
                enterprise=enterprises[enterprise_id],
                connections=tuple(served),
                decisions=tuple(decisions.get((platform_id, enterprise_id), ())),
                confirmations=tuple(confirmations.get((platform_id, enterprise_id), ())),
            )
            for (platform_id, enterprise_id), served in connections.items()
        ),
        coverage=_coverage(list(told.values())),
        assignments=_assignments(connection, list(connections), uscc),
        rules=_rules(connection),
        live_days=read_live_days(connection),
        opening_stocks=tuple(
            OpeningStock(*row) for row in connection.execute(_SELECT_OPENING_STOCKS)
        ),
        late_serials=_late_serials(connection, uscc),
    )


def read_live_days(connection: psycopg.Connection) -> LiveDays:
    """Of which days it is known which hours were heard live."""
    rules = [RecordedRule(*row) for row in connection.execute(_SELECT_LIVE_RULES)]
    return live_days_of(rules, is_simulation=read_installation(connection).is_simulation)


def read_presence(
    connection: psycopg.Connection,
    device_ids: npt.NDArray[np.int64],
    as_of: date,
    *,
    with_live_hours: bool = False,
) -> Iterator[PresenceRows]:
    """The presence of some devices up to the month of `as_of`, in blocks of bounded size.

    Args:
        connection: inside a consistent snapshot.
        device_ids: sorted, without repetition.
        as_of: the last day whose evidence is wanted.
        with_live_hours: read these, too.
    """
    if not len(device_ids):
        return
    place = np.arange(len(device_ids))
    begins = (place % _DEVICES_AT_A_TIME == 0) | (np.diff(device_ids, prepend=0) > _ID_GAP)
    firsts = np.flatnonzero(begins)
    lasts = np.append(firsts[1:], len(device_ids)) - 1
    blocks = (device_ids[firsts].tolist(), device_ids[lasts].tolist())
    statement = _PACK_PRESENCE.replace("{live}", _LIVE if with_live_hours else "")
    packing = _PACKED_LIVE_PRESENCE if with_live_hours else _PACKED_PRESENCE
    with connection.cursor(binary=True) as cursor:
        # Streamed: the server packs the next block while numpy works on this one.
        for packed, is_by_others in cursor.stream(statement, (as_of, *blocks)):
            rows = _presence_rows(np.frombuffer(packed or b"", dtype=packing))
            yield merge_publishers(rows) if is_by_others else rows


def read_assignments(
    connection: psycopg.Connection, uscc: str | None = None
) -> dict[tuple[int, date], Assignment]:
    """Every assignment by the id of its device and its first day.

    Args:
        connection: inside a consistent snapshot.
        uscc: read those to this enterprise only.
    """
    rows = connection.execute(_SELECT_ASSIGNMENTS, {"uscc": uscc})
    found = ((row[0], Assignment(*row[1:])) for row in rows)
    return {(device_id, each.from_date): each for device_id, each in found}


def _presence_rows(rows: npt.NDArray[np.void]) -> PresenceRows:
    if (rows["bits"] != BITS_PER_MONTH).any():
        raise ValueError(f"presence.hours is not bit({BITS_PER_MONTH})")
    month_firsts = _EPOCHS_APART_DAYS + rows["month"].astype(np.int64)
    months = month_firsts.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return PresenceRows(
        device=rows["device"].astype(np.int64),
        month=months + 1970 * 12,  # numpy counts months from 1970
        hours=rows["hours"],
        live_hours=rows["live_hours"] if rows.dtype == _PACKED_LIVE_PRESENCE else None,
    )


def _platforms(connection: psycopg.Connection) -> dict[int, Platform]:
    recognitions: dict[int, list[Recognition]] = {}
    for row in connection.execute(_SELECT_RECOGNITIONS):
        recognitions.setdefault(row[0], []).append(Recognition(*row[1:]))
    return {
        platform_id: Platform(code, name, operator, tuple(recognitions.get(platform_id, ())))
        for platform_id, code, name, operator in connection.execute(_SELECT_PLATFORMS)
    }


def _told(
    served: Connection,
    recorded_at: datetime,
    extended_from: list[date],
    extended_at: list[datetime],
) -> Iterator[_Told]:
    """What the server was told of a connection, and when: at first, and of a period that goes on.

    What was over and goes on is two periods that touch, the second told later; as the function
    `told_periods` of the database has it.
    """
    firsts, ends = [served.from_date, *extended_from], [*extended_from, date.max]
    end = served.to_date or date.max
    for first, until, at in zip(firsts, ends, [recorded_at, *extended_at], strict=True):
        part = max(first, served.from_date), min(until, end)
        if at is recorded_at or part[0] < part[1]:
            yield _Told(part[0], None if part[1] == date.max else part[1], at)


def _coverage(told: list[list[_Told]]) -> Coverage:
    spans = [
        (
            case,
            each.first.toordinal(),
            each.end.toordinal() if each.end else END_OF_TIME,
            civil_date(each.at).toordinal(),
            microseconds_of(each.at),
        )
        for case, periods in enumerate(told)
        for each in periods
    ]
    columns = np.array(spans, dtype=np.int64).reshape(-1, 5)
    return Coverage(
        case=columns[:, 0],
        first=columns[:, 1],
        end=columns[:, 2],
        recorded=Recorded(on=columns[:, 3], at=columns[:, 4]),
    )


def _late_serials(connection: psycopg.Connection, uscc: str | None) -> dict[int, str]:
    with connection.cursor(binary=True) as cursor:
        row = cursor.execute(_SELECT_LATE_SERIALS, {"uscc": uscc}).fetchone()
    return dict(zip(*row, strict=True)) if row else {}


def _assignments(
    connection: psycopg.Connection, cases: list[tuple[int, int]], uscc: str | None
) -> Assignments:
    """Assignments of devices to the cases; those to enterprises never connected are left out."""
    with connection.cursor(binary=True) as cursor:
        row = cursor.execute(_PACK_ASSIGNMENTS, {"uscc": uscc}).fetchone()
    rows = np.frombuffer((row and row[0]) or b"", dtype=_PACKED_ASSIGNMENT)
    ids = np.array(cases, dtype=np.int64).reshape(-1, 2)
    case_keys = (ids[:, 0] << 32) | ids[:, 1]
    by_key = np.argsort(case_keys)
    keys = (rows["platform"].astype(np.int64) << 32) | rows["enterprise"]
    place = np.searchsorted(case_keys[by_key], keys)
    is_connected = np.append(case_keys[by_key], -1)[place] == keys
    rows, place = rows[is_connected], place[is_connected]
    order = np.lexsort((rows["first"], rows["device"]))
    rows, place = rows[order], place[order]
    first, end, recorded_on = (
        rows[name].astype(np.int64) + _POSTGRES_EPOCH for name in ("first", "end", "recorded_on")
    )
    return Assignments(
        device=rows["device"].astype(np.int64),
        case=by_key[place],
        first=first,
        end=np.minimum(end, END_OF_TIME),
        recorded=Recorded(on=recorded_on, at=rows["recorded_at"].astype(np.int64)),
    )


def _rules(connection: psycopg.Connection) -> tuple[EvidenceRules, ...]:
    with connection.cursor(row_factory=class_row(EvidenceRules)) as cursor:
        return tuple(cursor.execute(_SELECT_EVIDENCE_RULES))
