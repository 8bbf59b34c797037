"""Devices that fell silent, without a storm: one notice a platform, one for a city that went dark.

A silence is told once, however long it lasts, and no device's more than once a day. Silences of
one cause begin at about the same time: they are gathered for ten minutes before anybody is told,
and what follows within the hour is told together at its end. While no ingester writes, nobody can
hear devices, and nothing is said of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import class_row

from jieru.calendar import SHANGHAI
from jieru.notices.kinds import Kind
from jieru.notices.telling import Notice, tell

__all__ = ["tell_silences"]

_GATHER: Final = timedelta(minutes=10)
_BETWEEN: Final = timedelta(hours=1)
_PLATFORMS_OF_A_CITY: Final = 3
_NAMED: Final = 3
"""Devices that a notice names."""

_IS_DEAF: Final = """
    SELECT coalesce(max(minute) < %(now)s - interval '5 min', false) FROM ingest_minutes
    WHERE minute > %(now)s - interval '7 days'
"""
# The same limit as that of `offline` (registry/device_status.py). A device that nobody has any more
# is not missed.
_NEWLY_SILENT: Final = """
    SELECT d.platform_id, p.code AS platform, d.id AS device_id, d.serial, s.last_seen_at,
           s.last_seen_at + (d.expected_interval_s * 5 + 30) * interval '1 s' AS silent_at
    FROM device_states s
    JOIN devices d ON d.id = s.device_id
    JOIN platforms p ON p.id = d.platform_id
    LEFT JOIN told_silences t ON t.device_id = d.id
    WHERE s.last_seen_at + (d.expected_interval_s * 5 + 30) * interval '1 s' < %(now)s
      AND s.last_seen_at + (d.expected_interval_s * 5 + 30) * interval '1 s' >= %(since)s
      AND (t.device_id IS NULL
           OR t.last_seen_at < s.last_seen_at AND t.told_at < %(now)s - interval '1 day')
      AND EXISTS (SELECT FROM assignments a
                  WHERE a.device_id = d.id AND a.from_date <= %(today)s
                    AND (a.to_date IS NULL OR a.to_date > %(today)s))
    ORDER BY d.platform_id, s.last_seen_at, d.serial
"""
_ONLINE: Final = """
    SELECT count(*) FROM device_states s JOIN devices d ON d.id = s.device_id
    WHERE s.last_seen_at >= %(now)s - (d.expected_interval_s * 5 + 30) * interval '1 s'
"""
_LAST_TOLD: Final = """
    SELECT max(told_at) FROM notices
    WHERE kind = %s AND platform_id IS NOT DISTINCT FROM %s AND told_at > %s
"""
_TOLD: Final = """
    INSERT INTO told_silences (device_id, last_seen_at, told_at)
    SELECT *, %s FROM unnest(%s::integer[], %s::timestamptz[])
    ON CONFLICT (device_id) DO UPDATE
        SET last_seen_at = excluded.last_seen_at, told_at = excluded.told_at
"""


@dataclass(frozen=True, slots=True)
class _Silence:
    platform_id: int
    platform: str
    device_id: int
    serial: str
    last_seen_at: datetime
    silent_at: datetime


def tell_silences(connection: psycopg.Connection, *, since: datetime, now: datetime) -> int:
    """Tell of devices that fell silent; how many notices that are.

    Args:
        connection: in a transaction in which no other follower does the same.
        since: silences that began before are history.
        now: the moment.
    """
    today = now.astimezone(SHANGHAI).date()
    moment = {"now": now, "since": since, "today": today}
    if connection.execute(_IS_DEAF, moment).fetchone() == (True,):
        return 0
    with connection.cursor(row_factory=class_row(_Silence)) as cursor:
        silences = cursor.execute(_NEWLY_SILENT, moment).fetchall()
    if not silences:
        return 0
    told = _tell_city(connection, silences, now)
    for group in _by_platform(silences):
        told += _tell_platform(connection, group, now)
    return told


def _by_platform(silences: Sequence[_Silence]) -> Iterator[list[_Silence]]:
    groups: dict[int, list[_Silence]] = {}
    for silence in silences:
        groups.setdefault(silence.platform_id, []).append(silence)
    yield from groups.values()


def _is_gathered(group: Sequence[_Silence], now: datetime) -> bool:
    return now - min(each.silent_at for each in group) >= _GATHER


def _was_told(
    connection: psycopg.Connection, kind: Kind, platform: int | None, now: datetime
) -> bool:
    row = connection.execute(_LAST_TOLD, (kind, platform, now - _BETWEEN)).fetchone()
    return row is not None and row[0] is not None


def _tell_city(connection: psycopg.Connection, silences: Sequence[_Silence], now: datetime) -> int:
    """One notice for those who answer for all platforms."""
    platforms = {each.platform_id for each in silences}
    (online,) = connection.execute(_ONLINE, {"now": now}).fetchone() or (0,)
    if (
        len(platforms) < _PLATFORMS_OF_A_CITY
        or len(silences) < online
        or not _is_gathered(silences, now)
        or _was_told(connection, Kind.CITY_SILENT, None, now)
    ):
        return 0
    since = min(each.last_seen_at for each in silences)
    said: dict[str, str | int] = {
        "number": len(silences),
        "platforms": len(platforms),
        "since": _moment(since),
    }
    notice = Notice(f"city_silent/{now:%Y%m%dT%H%M}", Kind.CITY_SILENT, since, "/devices", said)
    return tell(connection, notice, now=now)


def _tell_platform(connection: psycopg.Connection, group: Sequence[_Silence], now: datetime) -> int:
    platform_id = group[0].platform_id
    if not _is_gathered(group, now) or _was_told(connection, Kind.DEVICE_SILENT, platform_id, now):
        return 0
    since = min(each.last_seen_at for each in group)
    named = "、".join(each.serial for each in group[:_NAMED])
    more = "…" if len(group) > _NAMED else ""
    said: dict[str, str | int] = {
        "number": len(group),
        "devices": named + more,
        "since": _moment(since),
    }
    path = (
        f"/devices/{group[0].platform}/{group[0].serial}"
        if len(group) == 1
        else ("/devices?status=offline")
    )
    key = f"device_silent/{platform_id}/{group[0].device_id}/{now:%Y%m%dT%H%M}"
    notice = Notice(key, Kind.DEVICE_SILENT, since, path, said, platform_id)
    told = tell(connection, notice, now=now)
    devices = [each.device_id for each in group]
    connection.execute(_TOLD, (now, devices, [each.last_seen_at for each in group]))
    return told


def _moment(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
