"""What the panels of integrity must show."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from jieru.calendar import SHANGHAI, civil_date
from tests.integration.dashboards.expected_platform import heard_by_day
from tests.integration.dashboards.truth import (
    Asked,
    Assignment,
    Device,
    Expectation,
    Rows,
    Truth,
    days_of,
    midnight,
    milliseconds,
)
from verifier.counting.decisions import list_decisions

__all__ = ["INTEGRITY", "chain"]

_LEAST_HOURS: Final = 40
_WEEK: Final = timedelta(days=7)
_ONE_DAY: Final = timedelta(days=1)
_A_YEAR: Final = timedelta(days=366)
_NOVEMBER: Final = 11

_REJECTION_HOURS: Final = """
    SELECT p.code, hour, reason, rejections
    FROM rejection_hours LEFT JOIN platforms p ON p.id = platform_id
"""
_REJECTIONS: Final = """
    SELECT received_at, reason, topic, payload_bytes FROM rejections
    ORDER BY received_at DESC, id DESC
"""
_LATE: Final = """
    SELECT p.code, e.name, e.uscc, late.* FROM (
        SELECT platform_id, enterprise_id, NULL AS serial, from_date, recorded_at FROM connections
        UNION ALL
        SELECT platform_id, enterprise_id, serial, from_date, recorded_at
        FROM assignments JOIN devices ON devices.id = device_id
    ) AS found
    CROSS JOIN LATERAL (
        SELECT found.serial, found.from_date, (found.recorded_at AT TIME ZONE 'Asia/Shanghai')::date
    ) AS late (serial, from_on, recorded_on)
    JOIN platforms p ON p.id = platform_id JOIN enterprises e ON e.id = enterprise_id
    WHERE recorded_on > from_on ORDER BY recorded_on - from_on DESC, p.code, e.uscc, serial
"""
_CONNECTIONS: Final = """
    SELECT p.code, from_date FROM connections JOIN platforms p ON p.id = platform_id
"""
_AUDIT: Final = """
    SELECT number, changed_at, actor, origin, action, record_kind, before, after, p.code
    FROM audit_entries LEFT JOIN platforms p ON p.id = platform_id ORDER BY number DESC
"""
_NAMES: Final = {"platforms": "code", "enterprises": "uscc", "devices": "serial"}


def _late_share(truth: Truth, asked: Asked) -> Rows:
    return [
        (midnight(day), platform, late / heartbeats)
        for (day, platform), (heartbeats, late) in heard_by_day(truth, asked).items()
    ]


def _rejections_by_day(truth: Truth, asked: Asked) -> Rows:
    found: Counter[tuple[date, str]] = Counter()
    for platform, hour, reason, rejections in truth.rows(_REJECTION_HOURS):
        if asked.holds(hour) and (platform is None or platform in asked.platforms):
            found[civil_date(hour), reason] += rejections
    return [(midnight(day), reason, number) for (day, reason), number in sorted(found.items())]


def _rejections(truth: Truth, asked: Asked) -> Rows:
    rows: Rows = []
    for received_at, reason, topic, payload_bytes in truth.rows(_REJECTIONS):
        parts = topic.split("/")
        named = parts[2:4] if topic.startswith("jieru/v1/") and len(parts) > 3 else (None, None)
        if asked.holds(received_at) and (named[0] is None or named[0] in asked.platforms):
            rows.append((received_at, reason, *named, topic, payload_bytes))
    return rows[:200]


def _handed_over(truth: Truth, asked: Asked) -> Rows:
    rows: Rows = []
    for first in truth.assignments:
        for then in truth.assignments:
            is_same_device = first[:2] == then[:2] and first.uscc != then.uscc
            if not is_same_device or first.to_on is None or then.from_on < first.to_on:
                continue
            year = then.from_on.year
            if year != asked.year or first.platform not in asked.platforms:
                continue
            if then.from_on - first.to_on >= _A_YEAR:
                continue
            before = days_of(then.from_on - _A_YEAR, then.from_on - _ONE_DAY)
            after = days_of(then.from_on, then.from_on + _A_YEAR - _ONE_DAY)
            heard = [_is_heard(truth, first, before), _is_heard(truth, then, after)]
            rows.append(
                (
                    first.serial,
                    first.platform,
                    first.enterprise,
                    first.uscc,
                    first.from_on.isoformat(),
                    first.to_on.isoformat(),
                    then.enterprise,
                    then.uscc,
                    then.from_on.isoformat(),
                    then.to_on.isoformat() if then.to_on else None,
                    "yes" if all(heard) else "no",
                )
            )
    return sorted(rows, key=lambda row: (row[10] != "yes", row[1], row[0], row[8]))


def _is_heard(truth: Truth, assignment: Assignment, days: Iterable[date]) -> bool:
    return any(
        assignment.covers(day) and any(truth.hours(assignment.platform, assignment.serial, day))
        for day in days
    )


def _late_records(truth: Truth, asked: Asked) -> Rows:
    found = [row for row in truth.rows(_LATE) if row[0] in asked.platforms]
    return [
        (*row[:4], row[4].isoformat(), row[5].isoformat(), (row[5] - row[4]).days, None, None)
        for row in found
        if row[5] >= date(asked.year, 1, 1)
    ]


def _overlaps(truth: Truth, asked: Asked) -> Rows:
    document = truth.document(asked.year, asked.stage)
    rows = [
        (entry["name"], entry["uscc"], platform["platform"], entry)
        for platform in (document["platforms"] if document else ())
        for entry in platform["enterprises"]
        if entry["outcome"] == "counted"
    ]
    times = Counter(row[1] for row in rows)
    return sorted(
        (
            (
                *named,
                entry["connected_on"],
                milliseconds(date.fromisoformat(entry["connected_on"]) - _WEEK),
                milliseconds(
                    date.fromisoformat(entry["window_last_day"]) + _WEEK + timedelta(days=1)
                ),
            )
            for *named, entry in rows
            if times[named[1]] > 1
        ),
        key=lambda row: (row[1], row[3], row[2]),
    )


class _Rhythm(NamedTuple):
    """Devices that were heard in the same hours of a month."""

    name: str
    hours_heard: int
    devices: list[Device]
    owners: list[tuple[str, str] | None]
    """For each device: uscc and name of the enterprise it stood for last in the month."""


def _rhythms(truth: Truth, asked: Asked) -> list[_Rhythm]:
    if not asked.one("month"):
        return []
    month = date.fromisoformat(f"{asked.one('month')}-01")
    by_bits: dict[str, list[Device]] = {}
    for device in truth.devices:
        bits = truth.bits(device, month)
        if bits is not None and bits.count("1") >= _LEAST_HOURS:
            by_bits.setdefault(bits, []).append(device)
    return [
        _Rhythm(
            hashlib.sha256(_sent(bits)).hexdigest()[:12],
            bits.count("1"),
            devices,
            [_owner(truth, device, month) for device in devices],
        )
        for bits, devices in by_bits.items()
    ]


def _sent(bits: str) -> bytes:
    """Bits as PostgreSQL sends them: how many, then eight to a byte."""
    return len(bits).to_bytes(4) + int(bits, 2).to_bytes(len(bits) // 8)


def _name_of(bits: str) -> str:
    """The beginning of the SHA-256 of the bits as PostgreSQL sends them: how many, then they."""
    sent = len(bits).to_bytes(4) + int(bits, 2).to_bytes(len(bits) // 8)
    return hashlib.sha256(sent).hexdigest()[:12]


def _owner(truth: Truth, device: Device, month: date) -> tuple[str, str] | None:
    after = (month + timedelta(days=31)).replace(day=1)
    owners = [
        each
        for each in truth.assignments
        if each[:2] == device[:2]
        and each.from_on < after
        and (each.to_on is None or each.to_on > month)
    ]
    if not owners:
        return None
    last = max(owners, key=lambda each: each.from_on)
    return last.uscc, last.enterprise


def _same_rhythms(truth: Truth, asked: Asked) -> Rows:
    rows = [
        (
            each.hours_heard,
            len(each.devices),
            len({owner for owner in each.owners if owner}),
            len({device.platform for device in each.devices}),
            each.name,
        )
        for each in _rhythms(truth, asked)
        if len(each.devices) > 1
    ]
    rows.sort(key=lambda row: (-row[2], -row[1], row[4]))
    return [(name[:8], *numbers, name) for *numbers, name in rows]


def _devices_of_rhythm(truth: Truth, asked: Asked) -> Rows:
    return sorted(
        (
            (
                device.platform,
                device.serial,
                owner[1] if owner else None,
                owner[0] if owner else None,
            )
            for each in _rhythms(truth, asked)
            if each.name == asked.one("rhythm")
            for device, owner in zip(each.devices, each.owners, strict=True)
        ),
        key=lambda row: (row[3] or "", row[0], row[1]),
    )


def _registrations(truth: Truth, asked: Asked) -> Rows:
    begun = [each for each in truth.rows(_CONNECTIONS) if each[0] in asked.platforms]
    assigned = [each for each in truth.assignments if each.platform in asked.platforms]
    devices = [each for each in truth.devices if each.platform in asked.platforms]
    windows = [
        date.fromisoformat(entry["connected_on"])
        for _platform, entry in truth.entries(asked, "counted")
    ]

    def number(days: list[date], month: int) -> int:
        return sum((day.year, day.month) == (asked.year, month) for day in days)

    return [
        (
            f"{month} 月",
            number([day for _platform, day in begun], month),
            number([each.from_on for each in assigned], month),
            number([civil_date(each.registered_at) for each in devices], month),
            sum(day.month == month for day in windows),
        )
        for month in range(1, 13)
    ]


def _late_in_year(truth: Truth, asked: Asked) -> Rows:
    months: dict[str, list[int]] = {}
    for platform, entry in truth.entries(asked, "counted"):
        month = date.fromisoformat(entry["connected_on"]).month
        months.setdefault(platform["platform"], []).append(month)
    rows = [
        (code, len(found), sum(each >= _NOVEMBER for each in found))
        for code, found in months.items()
    ]
    shares = [(*row, row[2] / row[1]) for row in rows]
    return sorted(shares, key=lambda row: (-row[3], row[0]))


def chain(_truth: Truth, _asked: Asked) -> Rows:
    """Nobody touched the audit."""
    return [("whole",)]


def _last_checked(truth: Truth, _asked: Asked) -> Rows:
    found = truth.rows("SELECT max(checked_at) FROM audit_checks")[0][0]
    return [(_minutes(found),)]


def _minutes(moment: datetime | None) -> str | None:
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") if moment else None


def _decisions(accepts: Callable[[Asked, Any], bool]) -> Callable[[Truth, Asked], list[Any]]:
    def found(truth: Truth, asked: Asked) -> list[Any]:
        return [
            each
            for each in list_decisions(truth.connection)
            if each.platform_code in asked.platforms and accepts(asked, each.decision)
        ]

    return found


def _open_decisions(truth: Truth, asked: Asked) -> Rows:
    found = _decisions(lambda _asked, decision: decision.is_open and not decision.waits)(
        truth, asked
    )
    kinds = Counter(each.decision.kind for each in found)
    shown = ("exclude", "hold", "waive", "keep", "backdate")
    return [tuple(kinds[each] for each in shown)]


def _decisions_of_span(truth: Truth, asked: Asked) -> Rows:
    found = _decisions(lambda asked, decision: asked.holds(decision.decided_at))(truth, asked)
    rows = [
        (
            each.decision.decided_at,
            each.decision.id,
            (
                each.decision.decided_at,
                each.decision.kind,
                each.platform_code,
                each.enterprise_name,
                each.uscc,
                each.decision.reason,
                each.decision.decided_by,
                "waiting"
                if each.decision.waits
                else "open"
                if each.decision.is_open
                else "withdrawn",
            ),
        )
        for each in found
    ]
    return [row for _at, _id, row in sorted(rows, reverse=True)]


def _changes(truth: Truth, asked: Asked) -> Rows:
    rows: Rows = []
    for number, changed_at, actor, origin, action, kind, before, after, platform in truth.rows(
        _AUDIT
    ):
        if not asked.holds(changed_at) or platform not in {None, *asked.platforms}:
            continue
        changed = sorted(
            name
            for name in {**(before or {}), **after}
            if before is not None and name != "revision" and before.get(name) != after.get(name)
        )
        name = after.get(_NAMES[kind]) if kind in _NAMES else None
        fields = ", ".join(changed) or None
        rows.append((number, changed_at, actor, origin, action, kind, name, platform, fields))
    return rows[:200]


INTEGRITY: Final[Mapping[int, Expectation]] = {
    1: _late_share,
    2: _rejections_by_day,
    3: _rejections,
    10: _handed_over,
    11: _overlaps,
    12: _same_rhythms,
    14: _late_records,
    13: _devices_of_rhythm,
    20: _registrations,
    21: _late_in_year,
    30: chain,
    31: _last_checked,
    32: _open_decisions,
    33: _decisions_of_span,
    34: _changes,
}
