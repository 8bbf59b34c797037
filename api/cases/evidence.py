"""What a case is about, read from presence and heartbeats, and drawn."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg

from api.cases.drawing import (
    BarChart,
    Calendar,
    DelayDay,
    DelayStrip,
    Life,
    bar_chart,
    calendars,
    delay_strip,
)
from api.cases.queries import WholeCase
from jieru.calendar import HOURS_PER_DAY, SHANGHAI, days_in_month
from verifier.trust.cases.records import SeenSignal
from verifier.trust.signal import Kind

__all__ = ["Evidence", "read_evidence"]

_DAYS_MAX: Final = 182
_DELAY_DAYS: Final = 31
_WITHOUT_SIGNALS: Final = 91
_DEVICES_MAX: Final = 20
_DELAY_DEVICES_MAX: Final = 10
_ALIKE: Final = (Kind.RHYTHM_ALIKE, Kind.METRICS_REPEAT)
_MOVED: Final = (Kind.HANDED_OVER, Kind.COUNTER_CONTINUED)

_SELECT_DEVICES: Final = """
    SELECT d.id, d.serial, a.from_date, a.to_date, e.name
    FROM assignments a
    JOIN devices d ON d.id = a.device_id
    JOIN platforms p ON p.id = d.platform_id
    JOIN enterprises e ON e.id = a.enterprise_id
    WHERE p.code = %s AND e.uscc = %s AND (%s::text[] IS NULL OR d.serial = ANY (%s))
    ORDER BY d.serial COLLATE "C", a.from_date LIMIT %s
"""
_SELECT_HOURS: Final = """
    SELECT device_id, month, substring(bit_send(hours) FROM 5)
    FROM device_presence
    WHERE device_id = ANY (%s) AND month BETWEEN %s AND %s
"""
_SELECT_DELAYS: Final = """
    SELECT (time AT TIME ZONE 'Asia/Shanghai')::date,
           width_bucket(extract(epoch FROM received_at - time)::double precision,
                        ARRAY[60, 3600, 86400, 259200]::double precision[]),
           count(*)
    FROM heartbeats WHERE device_id = ANY (%s) AND time >= %s AND time < %s
    GROUP BY 1, 2 ORDER BY 1, 2
"""


class _Assigned(NamedTuple):
    """A device in the hands of an enterprise."""

    id: int
    serial: str
    from_date: date
    to_date: date | None
    name: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Drawn; None: there is nothing to draw."""

    first: date
    last: date
    calendars: Sequence[Calendar]
    """One, or two that are alike."""
    lag_days: int
    delays: DelayStrip | None
    """None: no heartbeats of these days are in the database any more."""
    lives: BarChart | None


def read_evidence(connection: psycopg.Connection, whole: WholeCase, today: date) -> Evidence:
    """The evidence of a case in the days that its signals are about, half a year at most."""
    case, signals = whole.case, [each.signal for each in whole.signals]
    last = max((each.to_on for each in signals), default=today)
    begin = min((each.from_on for each in signals), default=last - timedelta(_WITHOUT_SIGNALS))
    first = max(begin, last - timedelta(days=_DAYS_MAX - 1))
    alike = _first_of(whole.signals, _ALIKE)
    serials = alike.signal.devices if alike is not None else ()
    own = _devices(connection, case.platform, case.uscc, serials)
    names, hours = [case.enterprise], [_hours(connection, own, first, last)]
    lag_days = 0
    if alike is not None:
        other = _of_detail(connection, alike)
        lag_days = int(alike.detail.get("lag_days") or 0)
        if other:
            names.append(other[0].name)
            hours.append(_hours(connection, other, first, last))
    return Evidence(
        first,
        last,
        calendars(names, hours, first, lag_days=lag_days),
        lag_days,
        _delays(connection, own, max(first, last - timedelta(days=_DELAY_DAYS - 1)), last),
        _lives(connection, whole),
    )


def _first_of(signals: Sequence[SeenSignal], kinds: Collection[Kind]) -> SeenSignal | None:
    return next((each for each in signals if each.signal.kind in kinds), None)


def _devices(
    connection: psycopg.Connection, platform: str, uscc: str, serials: Collection[str]
) -> list[_Assigned]:
    wanted = list(serials) or None
    values = (platform, uscc, wanted, wanted, _DEVICES_MAX)
    return [_Assigned(*row) for row in connection.execute(_SELECT_DEVICES, values)]


def _of_detail(connection: psycopg.Connection, seen: SeenSignal) -> list[_Assigned]:
    """The devices of the other enterprise that a signal names; none: it names no other."""
    detail: Any = seen.detail
    if not detail.get("platform") or not detail.get("uscc"):
        return []
    return _devices(connection, detail["platform"], detail["uscc"], detail.get("serials") or ())


def _hours(
    connection: psycopg.Connection, devices: Sequence[_Assigned], first: date, last: date
) -> npt.NDArray[np.bool_]:
    """When any of these was heard while it was assigned: shape (days, 24)."""
    days = (last - first).days + 1
    heard = np.zeros((days, HOURS_PER_DAY), dtype=np.bool_)
    by_device: dict[int, list[_Assigned]] = {}
    for each in devices:
        by_device.setdefault(each.id, []).append(each)
    rows = connection.execute(
        _SELECT_HOURS, (list(by_device), first.replace(day=1), last), binary=True
    )
    for device_id, month, packed in rows:
        bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8)).astype(np.bool_)
        of_month = bits.reshape(-1, HOURS_PER_DAY)[: days_in_month(month)]
        for assigned in by_device[device_id]:
            begin = max(first, month, assigned.from_date)
            end = min(
                last + timedelta(days=1),
                month + timedelta(days=len(of_month)),
                assigned.to_date or date.max,
            )
            if begin < end:
                heard[(begin - first).days : (end - first).days] |= of_month[
                    (begin - month).days : (end - month).days
                ]
    return heard


def _delays(
    connection: psycopg.Connection, devices: Sequence[_Assigned], first: date, last: date
) -> DelayStrip | None:
    ids = sorted({each.id for each in devices})[:_DELAY_DEVICES_MAX]
    begin = datetime.combine(first, time(), SHANGHAI)
    end = datetime.combine(last + timedelta(days=1), time(), SHANGHAI)
    found: dict[date, list[int]] = {}
    for day, late, number in connection.execute(_SELECT_DELAYS, (ids, begin, end)):
        found.setdefault(day, [0] * 5)[late] = number
    if not found:
        return None
    days = [DelayDay(day, tuple(numbers)) for day, numbers in sorted(found.items())]
    return delay_strip(days, first, last)


def _lives(connection: psycopg.Connection, whole: WholeCase) -> BarChart | None:
    """Devices that moved on, those of the giver and of the receiver; None: none did."""
    moved = _first_of(whole.signals, _MOVED)
    if moved is None:
        return None
    case = whole.case
    own = _devices(connection, case.platform, case.uscc, moved.signal.devices)
    lives = [
        life
        for devices, is_own in ((_of_detail(connection, moved), False), (own, True))
        for each in devices
        for life in _life(connection, each, is_own=is_own)
    ]
    return bar_chart(lives)


def _life(connection: psycopg.Connection, device: _Assigned, *, is_own: bool) -> list[Life]:
    """From its first to its last day with an hour, while it was assigned; none: never heard."""
    until = device.to_date or date.max
    days = [
        month + timedelta(days=int(day))
        for _id, month, packed in connection.execute(
            _SELECT_HOURS, ([device.id], device.from_date.replace(day=1), until), binary=True
        )
        for day in np.flatnonzero(
            np.frombuffer(packed, dtype=np.uint8).reshape(-1, HOURS_PER_DAY // 8).any(axis=1)
        )
    ]
    heard = [day for day in days if device.from_date <= day < until]
    if not heard:
        return []
    return [Life(device.name, device.serial, min(heard), max(heard), is_own)]
