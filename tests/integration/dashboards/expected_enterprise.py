"""What the panels of one enterprise on one platform must show."""

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from tests.integration.dashboards.truth import (
    Asked,
    Expectation,
    Rows,
    Truth,
    days_of,
    midnight,
)
from tests.support.procedure import POLICY
from verifier.counting.decisions import list_decisions
from verifier.procedure.closings import list_closings

__all__ = ["ENTERPRISE"]

_CONNECTIONS: Final = """
    SELECT contract_no, signed_on, from_date, to_date FROM connections
    WHERE platform_id = (SELECT id FROM platforms WHERE code = %s)
      AND enterprise_id = (SELECT id FROM enterprises WHERE uscc = %s) ORDER BY from_date
"""
_NOT_ASSIGNED, _SILENT, _ONLY_LATE, _TOO_FEW, _ENOUGH = range(5)
_HOURS: Final = range(24)


def _of_entry(key: str, other: str | None = None) -> Expectation:
    def expected(truth: Truth, asked: Asked) -> Rows:
        entry = truth.entry(asked)
        if entry is None:
            return []
        return [(entry[key] if entry[key] is not None or other is None else entry[other],)]

    return expected


def _as_of(truth: Truth, asked: Asked) -> Rows:
    record = truth.record(asked.year, asked.stage)
    return [(str(record.as_of),)] if record else []


def _criteria(truth: Truth, asked: Asked) -> Rows:
    entry = truth.entry(asked)
    words = {True: "met", False: "failed", None: "unmeasured"}
    return [
        (
            each["name"],
            words[each["is_met"]],
            _measure(truth, each["measured"]),
            _measure(truth, each["required"]),
            each["clause"],
            each["basis"],
            each["waiver_id"],
        )
        for each in (entry["criteria"] if entry else ())
    ]


def _measure(truth: Truth, value: object) -> str | None:
    """Several values as jsonb writes them, but for brackets and quotes."""
    if value is None or isinstance(value, str):
        return value
    text: str = truth.rows("SELECT %s::jsonb::text", json.dumps(value, ensure_ascii=False))[0][0]
    return re.sub(r'[\[\]{}"]', "", text)


def _required(truth: Truth, asked: Asked, criterion: str) -> int | None:
    """What the count requires of this enterprise, a waiver included."""
    if truth.record(asked.year, asked.stage) is None:
        return None
    entry = truth.entry(asked)
    own = [each for each in (entry["criteria"] if entry else ()) if each["name"] == criterion]
    if own:
        return int(own[0]["required"])
    value: int = getattr(POLICY, criterion).value
    return value


def _is_covered(truth: Truth, asked: Asked, day: date) -> bool:
    case = (asked.one("platform"), asked.one("enterprise"))
    return any(
        from_date <= day and (to_date is None or day < to_date)
        for _contract, _signed_on, from_date, to_date in truth.rows(_CONNECTIONS, *case)
    )


def _days(truth: Truth, asked: Asked) -> list[date]:
    """The days on which a window of the year can lie, up to today or the evidence's end."""
    record = truth.record(asked.year, asked.stage)
    window_days = _required(truth, asked, "window_days") if record else None
    last = date(asked.year, 12, 31) + timedelta(days=(window_days or 1) - 1)
    known = max(each for each in (truth.today, record.as_of if record else None) if each)
    return days_of(date(asked.year, 1, 1), min(last, known))


def _numbers(truth: Truth, asked: Asked, day: date) -> tuple[int | None, int]:
    """Devices active and devices heard on a day."""
    platform = asked.one("platform")
    hours = [
        len(truth.hours(platform, serial, day)[0])
        for serial in truth.assigned(platform, asked.one("enterprise"), day)
    ]
    least = _required(truth, asked, "active_hours_per_day_min")
    active = None if least is None else sum(each >= least for each in hours)
    return active, sum(each > 0 for each in hours)


def _active_devices(truth: Truth, asked: Asked) -> Rows:
    least = _required(truth, asked, "active_devices_min")
    return [
        (midnight(day), *_numbers(truth, asked, day), least)
        for day in _days(truth, asked)
        if asked.holds(midnight(day))
    ]


def _states(truth: Truth, asked: Asked) -> Rows:
    case = (asked.one("platform"), asked.one("enterprise"))
    serials = sorted(
        {each.serial for each in truth.assignments if (each.platform, each.uscc) == case}
        & set(asked.several("device"))
    )
    return [
        (midnight(day), serial, _state(truth, asked, serial, day))
        for day in asked.days
        if day <= truth.today
        for serial in serials
    ]


def _state(truth: Truth, asked: Asked, serial: str, day: date) -> int:
    platform = asked.one("platform")
    if serial not in truth.assigned(platform, asked.one("enterprise"), day):
        return _NOT_ASSIGNED
    heard, late = truth.hours(platform, serial, day)
    least = _required(truth, asked, "active_hours_per_day_min")
    if least is not None and len(heard) >= least:
        return _ENOUGH
    if heard:
        return _TOO_FEW
    return _ONLY_LATE if late else _SILENT


def _hours_by_day(truth: Truth, asked: Asked) -> Rows:
    platform, uscc = asked.one("platform"), asked.one("enterprise")
    rows: Rows = []
    for day in asked.days:
        serials = set(truth.assigned(platform, uscc, day)) & set(asked.several("device"))
        heard = [truth.hours(platform, serial, day)[0] for serial in serials]
        if any(heard):
            rows.append((midnight(day), *(sum(hour in each for each in heard) for hour in _HOURS)))
    return rows


def _gaps(truth: Truth, asked: Asked) -> Rows:
    record = truth.record(asked.year, asked.stage)
    if record is None or record.as_of is None:
        return []
    least = _required(truth, asked, "active_devices_min")
    assert least is not None
    entry = truth.entry(asked)
    window = [entry[key] for key in ("connected_on", "window_last_day")] if entry else [None]
    rows: Rows = []
    run: list[date] = []
    for day in _days(truth, asked):
        if day > record.as_of:
            break
        active, _heard = _numbers(truth, asked, day)
        if (active or 0) >= least and _is_covered(truth, asked, day):
            rows += _gap(run, window)
            run = []
        else:
            run.append(day)
    return rows + _gap(run, window)


def _gap(run: list[date], window: list[str | None]) -> Rows:
    if not run:
        return []
    first, last = run[0].isoformat(), run[-1].isoformat()
    begins, ends = window[0], window[-1]
    touches = begins is not None and ends is not None and first <= ends and last >= begins
    most = POLICY.longest_gap_days_max.value
    return [(first, last, len(run), "yes" if touches else "no", most)]


def _assignments(truth: Truth, asked: Asked) -> Rows:
    case = (asked.one("platform"), asked.one("enterprise"))
    devices = {each.serial: each for each in truth.devices if each.platform == case[0]}
    rows: Rows = []
    for each in truth.assignments:
        if (each.platform, each.uscc) == case:
            device = devices[each.serial]
            to_on = each.to_on.isoformat() if each.to_on else None
            named = (each.serial, device.name, device.kind, each.from_on.isoformat(), to_on)
            rows.append((*named, truth.status(device), device.last_seen_at))
    return rows


def _connections(truth: Truth, asked: Asked) -> Rows:
    case = (asked.one("platform"), asked.one("enterprise"))
    return [
        (contract_no, *(str(day) if day else None for day in days))
        for contract_no, *days in truth.rows(_CONNECTIONS, *case)
    ]


def _decisions(truth: Truth, asked: Asked) -> Rows:
    found = list_decisions(truth.connection, asked.one("platform"), asked.one("enterprise"))
    return [
        (
            each.id,
            each.kind,
            each.criterion,
            each.value,
            each.reason,
            each.decided_by,
            each.decided_at,
            "waiting" if each.waits else "withdrawn" if each.withdrawn_at else "open",
            each.withdrawn_by,
            each.withdrawn_reason,
        )
        for each in (recorded.decision for recorded in found)
    ]


def _closings(truth: Truth, asked: Asked) -> Rows:
    return [
        (
            each.reason,
            each.closed_by,
            each.closed_at,
            "withdrawn" if each.withdrawn_at else "open",
            each.withdrawn_reason,
        )
        for each in list_closings(truth.connection, asked.year)
        if (each.platform_code, each.uscc) == (asked.one("platform"), asked.one("enterprise"))
    ]


ENTERPRISE: Final[Mapping[int, Expectation]] = {
    1: _of_entry("outcome"),
    2: _of_entry("connected_on"),
    3: _of_entry("window_last_day", "pending_until"),
    4: _of_entry("window_active_days"),
    5: _of_entry("window_longest_gap_days"),
    6: _as_of,
    10: _criteria,
    20: _active_devices,
    21: _states,
    22: _hours_by_day,
    30: _gaps,
    31: _assignments,
    32: _connections,
    40: _decisions,
    41: _closings,
}
