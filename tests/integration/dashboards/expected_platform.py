"""What the panels of one platform must show."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from dashboards.words import REASON_LABELS
from jieru.calendar import civil_date
from registry.device_status import Liveness
from tests.integration.dashboards.expected_overview import award_of, months_beside, online
from tests.integration.dashboards.truth import (
    Asked,
    Expectation,
    Rows,
    Truth,
    midnight,
    milliseconds,
)
from tests.support.procedure import POLICY
from verifier.procedure.payments import list_payments, list_recoveries

__all__ = ["PLATFORM", "heard_by_day"]

_LEVELS: Final = ("national", "provincial", "municipal")
_WEEK: Final = timedelta(days=7)
_RECOGNITIONS: Final = """
    SELECT level, recognised_on, revoked_on FROM recognitions
    WHERE platform_id = (SELECT id FROM platforms WHERE code = %s) ORDER BY recognised_on
"""
_INGEST_HOURS: Final = """
    SELECT p.code, hour, heartbeats, late FROM ingest_hours JOIN platforms p ON p.id = platform_id
"""


def _level(truth: Truth, asked: Asked) -> Rows:
    valid = {
        level
        for level, recognised_on, revoked_on in truth.rows(_RECOGNITIONS, asked.one("platform"))
        if recognised_on <= truth.today and (revoked_on is None or revoked_on > truth.today)
    }
    return [(level,) for level in _LEVELS if level in valid][:1]


def _of_platform(figure: str) -> Expectation:
    def expected(truth: Truth, asked: Asked) -> Rows:
        return [(_figure(each, figure),) for each in truth.platforms(asked)]

    return expected


def _figure(platform: Mapping[str, Any], figure: str) -> int:
    if figure == "award":
        return award_of(platform)
    outcomes = Counter(entry["outcome"] for entry in platform["enterprises"])
    return outcomes.total() if figure == "listed" else outcomes[figure]


def _outcomes(truth: Truth, asked: Asked) -> Rows:
    found = Counter(entry["outcome"] for _platform, entry in truth.entries(asked))
    return sorted(found.items(), key=lambda row: (-row[1], row[0]))


def _enterprises(truth: Truth, asked: Asked) -> Rows:
    rows = [_row(asked, entry) for _platform, entry in truth.entries(asked)]
    return sorted(rows, key=lambda row: (row[3] is None, row[3] or "", row[1]))


def _row(asked: Asked, entry: Mapping[str, Any]) -> tuple[Any, ...]:
    first, last = (_day(entry[key]) for key in ("connected_on", "window_last_day"))
    begins = first - _WEEK if first else date(asked.year, 1, 1)
    ends = last + _WEEK + timedelta(days=1) if last else date(asked.year + 1, 1, 1)
    closing = entry["closing"]
    reasons = [REASON_LABELS[name].text.zh for name in entry["reasons"]]
    return (
        entry["name"],
        entry["uscc"],
        entry["outcome"],
        entry["connected_on"],
        entry["window_last_day"],
        entry["window_active_days"],
        entry["window_longest_gap_days"],
        entry["pending_until"],
        "、".join(reasons) or None,
        ", ".join(entry["contract_nos"]) or None,
        closing["reason"] if closing else None,
        asked.one("platform"),
        milliseconds(begins),
        milliseconds(ends),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _lines(truth: Truth, asked: Asked) -> Rows:
    cap = POLICY.award_cap_yuan
    return sorted(
        (
            line["clause"],
            line["count"],
            line["uncapped_yuan"],
            cap.value if line["clause"] == cap.clause else None,
            line["amount_yuan"],
        )
        for platform in truth.platforms(asked)
        for line in platform["lines"]
    )


def heard_by_day(truth: Truth, asked: Asked) -> dict[tuple[date, str], tuple[int, int]]:
    """Heartbeats and late ones by day of receipt and platform, of the hours in the span."""
    found: dict[tuple[date, str], tuple[int, int]] = {}
    for platform, hour, heartbeats, late in truth.rows(_INGEST_HOURS):
        if platform in asked.platforms and asked.holds(hour):
            key = (civil_date(hour), platform)
            before = found.get(key, (0, 0))
            found[key] = (before[0] + heartbeats, before[1] + late)
    return dict(sorted(found.items()))


def _heartbeats(truth: Truth, asked: Asked) -> Rows:
    return [
        (midnight(day), heartbeats)
        for (day, _platform), (heartbeats, _late) in heard_by_day(truth, asked).items()
    ]


def _late_share(truth: Truth, asked: Asked) -> Rows:
    return [
        (midnight(day), late / heartbeats)
        for (day, _platform), (heartbeats, late) in heard_by_day(truth, asked).items()
    ]


def _silent_devices(truth: Truth, asked: Asked) -> Rows:
    owners = {
        each.serial: each.enterprise
        for each in truth.assignments
        if each.platform == asked.one("platform") and each.covers(truth.today)
    }
    silent = [
        device
        for device in truth.devices
        if device.platform == asked.one("platform") and truth.status(device) != Liveness.ONLINE
    ]
    silent.sort(
        key=lambda each: (
            each.last_seen_at is not None,
            each.last_seen_at or truth.now,
            each.serial,
        )
    )
    return [
        (
            each.serial,
            each.name,
            each.kind,
            owners.get(each.serial),
            truth.status(each),
            each.last_seen_at,
        )
        for each in silent
    ]


def _recognitions(truth: Truth, asked: Asked) -> Rows:
    return [
        (level, recognised_on.isoformat(), revoked_on.isoformat() if revoked_on else None)
        for level, recognised_on, revoked_on in truth.rows(_RECOGNITIONS, asked.one("platform"))
    ]


def _payments(truth: Truth, asked: Asked) -> Rows:
    rows = [
        (
            record.count_id,
            each.clause,
            each.amount_yuan,
            each.paid_on.isoformat(),
            each.reference,
            each.recorded_by,
        )
        for record in truth.records(asked.year)
        for each in list_payments(truth.connection, record)
        if each.platform in asked.platforms
    ]
    return sorted(rows, key=lambda row: (row[3], row[1]))


def _recoveries(truth: Truth, asked: Asked) -> Rows:
    return sorted(
        (record.count_id, each.clause, each.kind, each.uscc, each.amount_yuan)
        for record in truth.records(asked.year)
        for each in list_recoveries(truth.connection, record)
        if each.platform in asked.platforms
    )


PLATFORM: Final[Mapping[int, Expectation]] = {
    1: _level,
    2: _of_platform("counted"),
    3: _of_platform("pending"),
    4: _of_platform("listed"),
    5: _of_platform("award"),
    6: online,
    10: _outcomes,
    11: _enterprises,
    12: _lines,
    20: months_beside(is_cumulative=False),
    21: months_beside(is_cumulative=True),
    30: _heartbeats,
    31: _late_share,
    32: _silent_devices,
    40: _recognitions,
    41: _payments,
    42: _recoveries,
}
