"""All that signals are found in, read from one snapshot of the database.

Presence travels as packed records of a fixed size, as a count reads it; what is told of days and
gateways is added up by the database, so that Python sees a row for each device at most.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import zip_longest
from typing import Final

import numpy as np
import numpy.typing as npt
import psycopg

from jieru.calendar import SHANGHAI
from jieru.presence import BITS_PER_MONTH, BYTES_PER_MONTH
from verifier.counting.activity import (
    END_OF_TIME,
    Assignments,
    IntArray,
    PresenceRows,
    merge_publishers,
)
from verifier.counting.backdating import acceptances
from verifier.counting.evaluation import activity_of_cases
from verifier.counting.evidence import Evidence
from verifier.counting.reading import read_evidence, read_presence
from verifier.policy import Policy
from verifier.trust.fleet import Fleet, Stretch, gather_fleet
from verifier.trust.gateways import Served
from verifier.trust.gathered import Beat, Gateway, Gathered, InventedHours, Series, ToldByHeartbeats
from verifier.trust.registration import Registration
from verifier.trust.stops import Stop
from verifier.trust.windows import with_earliest_windows

__all__ = ["read_gathered"]

_PACK_HOURS: Final = """
    SELECT (SELECT string_agg(int4send(device_id) || date_send(month) || bit_send(hours)
                              || bit_send(live_hours), ''::bytea)
            FROM presence WHERE device_id BETWEEN first AND last AND month BETWEEN %s AND %s)
    FROM unnest(%s::integer[], %s::integer[]) AS block (first, last)
"""
_SELECT_SERIALS: Final = "SELECT id, serial FROM devices"
_SELECT_IDS: Final = """
    SELECT c.platform_id, c.enterprise_id
    FROM (SELECT DISTINCT platform_id, enterprise_id FROM connections) c
    JOIN platforms p ON p.id = c.platform_id
    JOIN enterprises e ON e.id = c.enterprise_id
    ORDER BY p.code COLLATE "C", e.uscc COLLATE "C"
"""
_SELECT_TOLD: Final = """
    SELECT t.device_id, a.end_on,
           min(t.day) FILTER (WHERE t.counter_first IS NOT NULL),
           (array_agg(t.counter_first ORDER BY t.day)
               FILTER (WHERE t.counter_first IS NOT NULL))[1],
           max(t.day) FILTER (WHERE t.counter_last IS NOT NULL),
           (array_agg(t.counter_last ORDER BY t.day DESC)
               FILTER (WHERE t.counter_last IS NOT NULL))[1],
           coalesce(max(t.counter_step_max), 0),
           coalesce(sum(t.counter_falls), 0),
           min(t.day) FILTER (WHERE t.counter_falls > 0),
           max(t.day) FILTER (WHERE t.counter_falls > 0),
           (array_agg(t.interval_s ORDER BY t.day) FILTER (WHERE t.second IS NOT NULL))[1],
           (array_agg(t.second ORDER BY t.day) FILTER (WHERE t.second IS NOT NULL))[1],
           (array_agg(t.interval_s ORDER BY t.day DESC) FILTER (WHERE t.second IS NOT NULL))[1],
           (array_agg(t.second ORDER BY t.day DESC) FILTER (WHERE t.second IS NOT NULL))[1]
    FROM device_days t
    JOIN (SELECT device_id, told.* FROM assignments,
          told_periods(from_date, to_date, recorded_at, extended_from, extended_at) AS told
         ) AS a ON a.device_id = t.device_id AND t.day >= a.first_on
               AND (a.end_on IS NULL OR t.day < a.end_on)
    WHERE t.day BETWEEN %s AND %s
    GROUP BY t.device_id, a.first_on, a.end_on
"""
# The last verification of each month speaks; what it found invented may have been put right since.
_SELECT_INVENTED: Final = """
    SELECT d.platform_id, a.enterprise_id, d.serial, f.invented_hours, f.from_on, f.to_on
    FROM (SELECT DISTINCT ON (month) id, month FROM evidence_verifications
          ORDER BY month, id DESC) v
    JOIN evidence_differences f ON f.verification_id = v.id
    JOIN devices d ON d.id = f.device_id
    JOIN assignments a ON a.device_id = f.device_id AND a.from_date <= f.to_on
                      AND (a.to_date IS NULL OR a.to_date > f.from_on)
    WHERE f.from_on <= %s AND f.to_on >= %s
    ORDER BY d.platform_id, a.enterprise_id, d.serial, f.from_on
"""
_SELECT_SERVED: Final = """
    SELECT o.publisher_id, d.platform_id, a.enterprise_id, e.district,
           min(greatest(o.month, a.from_date, %(first)s)),
           max(least((o.month + interval '1 month')::date - 1, a.to_date - 1, %(last)s)),
           array_agg(DISTINCT d.serial)
    FROM presence_by_others o
    JOIN publishers p ON p.id = o.publisher_id AND p.kind = 'gateway'
    JOIN devices d ON d.id = o.device_id
    JOIN assignments a ON a.device_id = o.device_id AND a.from_date < o.month + interval '1 month'
                      AND (a.to_date IS NULL OR a.to_date > o.month)
    JOIN enterprises e ON e.id = a.enterprise_id
    WHERE o.month BETWEEN date_trunc('month', %(first)s::timestamp) AND %(last)s
      AND o.hours <> 0::bit(744)
    GROUP BY o.publisher_id, d.platform_id, a.enterprise_id, e.district
    HAVING min(greatest(o.month, a.from_date, %(first)s)) <= %(last)s
    ORDER BY 1, 2, 3
"""
_SELECT_GATEWAYS: Final = """
    SELECT g.id, p.code, g.name, g.site
    FROM publishers g JOIN platforms p ON p.id = g.platform_id WHERE g.kind = 'gateway'
"""
_SELECT_STOPS: Final = """
    SELECT platform_id, enterprise_id, device_id, from_date, to_date FROM declarations
    WHERE kind = 'stop' AND from_date <= %s AND to_date >= %s ORDER BY id
"""
# What operators send decides how much there is to read: so few names of a message and values of a
# name are taken, others on another day, and no number that a double cannot hold.
_SELECT_SERIES: Final = """
    SELECT h.device_id, value.key,
           (array_agg(CASE WHEN value.number = 0 OR abs(value.number) BETWEEN 1e-300 AND 1e300
                           THEN value.number::double precision ELSE 0 END
                      ORDER BY h."time"))[:%(values)s]
    FROM heartbeats h CROSS JOIN LATERAL (
        SELECT every.key, (every.value #>> '{}')::numeric AS number
        FROM jsonb_each(CASE jsonb_typeof(h.metrics) WHEN 'object' THEN h.metrics END) AS every
        WHERE jsonb_typeof(every.value) = 'number'
        ORDER BY md5(every.key || %(turn)s), every.key LIMIT %(names)s) AS value
    WHERE h.device_id = ANY (%(devices)s) AND h."time" >= %(begin)s AND h."time" < %(end)s
    GROUP BY h.device_id, value.key
    HAVING count(*) <= %(most)s
    ORDER BY md5(h.device_id || %(turn)s), h.device_id, value.key
"""

_DEVICES_AT_A_TIME: Final = 2_000
_ID_GAP: Final = 1_000
_EPOCHS_APART_DAYS: Final = (date(2000, 1, 1) - date(1970, 1, 1)).days
_PACKED_HOURS: Final = np.dtype(
    [
        ("device", ">i4"),
        ("month", ">i4"),
        ("bits", ">i4"),
        ("hours", "u1", BYTES_PER_MONTH),
        ("live_bits", ">i4"),
        ("live_hours", "u1", BYTES_PER_MONTH),
    ]
)
_MEASURED_FROM: Final = time(9)
_MEASURED_FOR: Final = timedelta(hours=3)
_MEASURED_DEVICES: Final = 2_000
"""Whose measured values are looked at in one run; of a larger city others on the next day."""
_NAMES_MAX: Final = 6
"""Of one heartbeat."""
_SENT_MAX: Final = 11_000
"""Of one device and name: one a second. Of whoever sends more nothing is said."""
_VALUES_MAX: Final = 1_080
"""Of one device and name: one in ten seconds."""
_VALUES_IN_ALL_MAX: Final = 1_000_000
"""Comparing so many takes seconds and some 300 MB."""


def read_gathered(
    connection: psycopg.Connection, policy: Policy, *, as_of: date, from_on: date
) -> Gathered:
    """Everything signals are found in.

    Args:
        connection: inside a consistent snapshot.
        policy: by whose criteria days are active and windows effective.
        as_of: the last civil day of evidence.
        from_on: the first one that is looked at; windows begin where they begin.
    """
    evidence = read_evidence(connection)
    places = _places(connection)
    devices = np.unique(evidence.assignments.device)
    activity = activity_of_cases(evidence, read_presence(connection, devices, as_of), as_of, policy)
    days = activity.days
    fleet, live_hours = _fleet(
        connection, evidence, Stretch(from_on.toordinal(), (as_of - from_on).days + 1)
    )
    serials: dict[int, str] = dict(connection.execute(_SELECT_SERIALS).fetchall())
    members = _members(evidence, fleet)
    measured = _measured_members(fleet, as_of)
    return Gathered(
        policy=policy,
        cases=with_earliest_windows(evidence.cases, days, as_of, policy),
        days=days,
        fleet=fleet,
        live_hours=live_hours,
        live_known=evidence.live_days.among(from_on, (as_of - from_on).days + 1),
        serials=serials,
        days_if_accepted=None if activity.late is None else activity.late.whole,
        registrations=tuple(_registrations(evidence, serials)),
        told=_told(connection, members, from_on, as_of),
        invented=_invented(connection, places, from_on, as_of),
        served=_served(connection, places, from_on, as_of),
        gateways={number: Gateway(*row) for number, *row in connection.execute(_SELECT_GATEWAYS)},
        stops=_stops(connection, places, from_on, as_of),
        series=_series(connection, fleet, measured, as_of),
        series_on=as_of if len(measured) else None,
    )


_Places = dict[tuple[int, int], int]
"""Place of a case by ids of its platform and enterprise."""
_Members = dict[tuple[int, date | None], int]
"""Member of the fleet by id of the device and end of the assignment, of which it has one each."""


def _places(connection: psycopg.Connection) -> _Places:
    """Cases are in the order in which `read_evidence` has them."""
    rows = connection.execute(_SELECT_IDS).fetchall()
    return {(platform, enterprise): number for number, (platform, enterprise) in enumerate(rows)}


def _members(evidence: Evidence, fleet: Fleet) -> _Members:
    """Members are in the order in which `gather_fleet` puts assignments."""
    order = np.argsort(evidence.assignments.case, kind="stable")
    ends = evidence.assignments.end[order].tolist()
    return {
        (device, None if end == END_OF_TIME else date.fromordinal(end)): member
        for member, (device, end) in enumerate(zip(fleet.device.tolist(), ends, strict=True))
    }


def _fleet(
    connection: psycopg.Connection, evidence: Evidence, stretch: Stretch
) -> tuple[Fleet, npt.NDArray[np.uint8]]:
    devices = np.unique(evidence.assignments.device)
    gathered = []
    for is_live in (False, True):
        blocks = _hours(connection, devices, stretch, is_live=is_live)
        gathered.append(gather_fleet(blocks, evidence.assignments, stretch))
    return gathered[0], gathered[1].hours


def _hours(
    connection: psycopg.Connection, devices: IntArray, stretch: Stretch, *, is_live: bool
) -> Iterator[PresenceRows]:
    if not len(devices):
        return
    place = np.arange(len(devices))
    begins = (place % _DEVICES_AT_A_TIME == 0) | (np.diff(devices, prepend=0) > _ID_GAP)
    firsts = np.flatnonzero(begins)
    lasts = np.append(firsts[1:], len(devices)) - 1
    blocks = (devices[firsts].tolist(), devices[lasts].tolist())
    months = (
        date.fromordinal(stretch.first_day).replace(day=1),
        date.fromordinal(stretch.first_day + stretch.days - 1),
    )
    with connection.cursor(binary=True) as cursor:
        for (packed,) in cursor.stream(_PACK_HOURS, (*months, *blocks)):
            rows = np.frombuffer(packed or b"", dtype=_PACKED_HOURS)
            if (rows["bits"] != BITS_PER_MONTH).any() or (
                rows["live_bits"] != BITS_PER_MONTH
            ).any():
                raise ValueError(f"hours of presence are not bit({BITS_PER_MONTH})")
            day = _EPOCHS_APART_DAYS + rows["month"].astype(np.int64)
            month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
            yield merge_publishers(
                PresenceRows(
                    device=rows["device"].astype(np.int64),
                    month=month + 1970 * 12,
                    hours=rows["live_hours" if is_live else "hours"],
                )
            )


def _registrations(evidence: Evidence, serials: Mapping[int, str]) -> Iterator[Registration]:
    """Connections and assignments of cases; one that was over and went on is two."""
    for periods in (evidence.coverage, evidence.assignments):
        if periods.recorded is None:
            continue
        devices = periods.device.tolist() if isinstance(periods, Assignments) else []
        for case, first, recorded, is_accepted, device in zip_longest(
            periods.case.tolist(),
            periods.first.tolist(),
            periods.recorded.on.tolist(),
            acceptances(periods, evidence).is_accepted.tolist(),
            devices,
        ):
            yield Registration(
                case,
                None if device is None else serials[device],
                date.fromordinal(first),
                date.fromordinal(recorded),
                is_accepted,
            )


def _told(
    connection: psycopg.Connection, members: _Members, from_on: date, as_of: date
) -> dict[int, ToldByHeartbeats]:
    found = {}
    for row in connection.execute(_SELECT_TOLD, (from_on, as_of)):
        member = members.get((row[0], row[1]))
        if member is not None:
            found[member] = _told_by(row[2:])
    return found


def _told_by(row: tuple[object, ...]) -> ToldByHeartbeats:
    first_on, first, last_on, last, step, falls, fell_first, fell_last, *beats = row
    return ToldByHeartbeats(
        counter_first=_read(first_on, first),
        counter_last=_read(last_on, last),
        counter_step=float(str(step)),
        falls=int(str(falls)),
        fell_first_day=fell_first.toordinal() if isinstance(fell_first, date) else 0,
        fell_last_day=fell_last.toordinal() if isinstance(fell_last, date) else 0,
        beat_first=_beat(beats[0], beats[1]),
        beat_last=_beat(beats[2], beats[3]),
    )


def _read(day: object, counter: object) -> tuple[int, float] | None:
    if isinstance(day, date) and isinstance(counter, float):
        return day.toordinal(), counter
    return None


def _beat(interval_s: object, second: object) -> Beat | None:
    if isinstance(interval_s, int) and isinstance(second, int):
        return Beat(interval_s, second)
    return None


def _invented(
    connection: psycopg.Connection, places: _Places, from_on: date, as_of: date
) -> tuple[InventedHours, ...]:
    rows = connection.execute(_SELECT_INVENTED, (as_of, from_on)).fetchall()
    return tuple(
        InventedHours(places[platform, enterprise], *rest)
        for platform, enterprise, *rest in rows
        if (platform, enterprise) in places
    )


def _served(
    connection: psycopg.Connection, places: _Places, from_on: date, as_of: date
) -> tuple[Served, ...]:
    span = {"first": from_on, "last": as_of}
    return tuple(
        Served(
            gateway,
            places[platform, enterprise],
            district,
            first.toordinal(),
            max(first, last).toordinal(),
            tuple(serials),
        )
        for gateway, platform, enterprise, district, first, last, serials in connection.execute(
            _SELECT_SERVED, span
        )
        if (platform, enterprise) in places
    )


def _stops(
    connection: psycopg.Connection, places: _Places, from_on: date, as_of: date
) -> tuple[Stop, ...]:
    return tuple(
        Stop(places[platform, enterprise], device, first.toordinal(), last.toordinal())
        for platform, enterprise, device, first, last in connection.execute(
            _SELECT_STOPS, (as_of, from_on)
        )
        if (platform, enterprise) in places
    )


def _measured_members(fleet: Fleet, as_of: date) -> IntArray:
    """Of those heard on the last day at most so many, in a turn that is the same for everybody."""
    end = fleet.stretch.days
    alive = np.flatnonzero((fleet.end == end) & (fleet.first < end))
    if len(alive) <= _MEASURED_DEVICES:
        return alive
    turns = -(-len(alive) // _MEASURED_DEVICES)
    return alive[as_of.toordinal() % turns :: turns]


def _series(
    connection: psycopg.Connection, fleet: Fleet, members: IntArray, as_of: date
) -> tuple[Series, ...]:
    by_device = dict(zip(fleet.device[members].tolist(), members.tolist(), strict=True))
    begin = datetime.combine(as_of, _MEASURED_FROM, SHANGHAI)
    values = {
        "devices": list(by_device),
        "begin": begin,
        "end": begin + _MEASURED_FOR,
        "names": _NAMES_MAX,
        "most": _SENT_MAX,
        "values": _VALUES_MAX,
        "turn": as_of.isoformat(),
    }
    left = _VALUES_IN_ALL_MAX
    found = []
    with connection.cursor() as cursor:
        for device, name, measured in cursor.stream(_SELECT_SERIES, values):
            left -= len(measured)
            if left >= 0:
                found.append(Series(by_device[device], name, np.array(measured, np.float64)))
    return tuple(sorted(found, key=lambda each: each[:2]))
