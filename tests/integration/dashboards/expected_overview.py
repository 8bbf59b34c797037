"""What the panels of the overview must show."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from registry.device_status import Liveness
from tests.integration.dashboards.truth import Asked, Expectation, Rows, Truth
from tests.support.procedure import POLICY
from verifier.procedure.overview import count_summary
from verifier.procedure.payments import list_recoveries

__all__ = ["OVERVIEW", "award_of", "counted_by_month", "months_beside", "online", "statuses"]


def award_of(platform: Mapping[str, Any]) -> int:
    """All lines together."""
    return sum(line["amount_yuan"] for line in platform["lines"])


def _number(platform: Mapping[str, Any], outcome: str) -> int:
    return sum(entry["outcome"] == outcome for entry in platform["enterprises"])


def _state(truth: Truth, asked: Asked) -> Rows:
    record = truth.record(asked.year, asked.stage)
    return [(record.state,)] if record else []


def _sum(outcome: str) -> Expectation:
    def expected(truth: Truth, asked: Asked) -> Rows:
        platforms = truth.platforms(asked)
        return [(sum(_number(each, outcome) for each in platforms) if platforms else None,)]

    return expected


def _awards(truth: Truth, asked: Asked) -> Rows:
    platforms = truth.platforms(asked)
    return [(sum(map(award_of, platforms)) if platforms else None,)]


def _left(truth: Truth, asked: Asked) -> Rows:
    document = truth.document(asked.year, asked.stage)
    if document is None:
        return []
    return [(POLICY.annual_budget_yuan.value - sum(map(award_of, document["platforms"])),)]


def _results(truth: Truth, asked: Asked) -> Rows:
    rows = [
        (
            each["name"],
            each["platform"],
            _number(each, "counted"),
            _number(each, "pending"),
            len(each["enterprises"]),
            award_of(each),
        )
        for each in truth.platforms(asked)
    ]
    return sorted(rows, key=lambda row: (-row[2], row[1]))


def _cap_shares(truth: Truth, asked: Asked) -> Rows:
    cap = POLICY.award_cap_yuan
    rows = [
        (each["name"], line["uncapped_yuan"] / cap.value, each["platform"])
        for each in truth.platforms(asked)
        for line in each["lines"]
        if line["clause"] == cap.clause
    ]
    return [row[:2] for row in sorted(rows, key=lambda row: (-row[1], row[2]))]


def _budget(truth: Truth, asked: Asked) -> Rows:
    record = truth.record(asked.year, asked.stage)
    summary = count_summary(truth.connection, record) if record else None
    if record is None or summary is None:
        return []
    claimed = sum(each.amount_yuan for each in list_recoveries(truth.connection, record))
    return [(POLICY.annual_budget_yuan.value, summary.total_yuan, summary.paid_yuan, claimed)]


def counted_by_month(truth: Truth, asked: Asked, year: int, stage: str) -> dict[int, int]:
    """Counted enterprises by the month in which their window begins; no month after `as_of`."""
    document = truth.document(year, stage)
    if document is None:
        return {}
    as_of = date.fromisoformat(document["as_of"])
    months = dict.fromkeys((n for n in range(1, 13) if date(year, n, 1) <= as_of), 0)
    for platform in document["platforms"]:
        for entry in platform["enterprises"]:
            if platform["platform"] in asked.platforms and entry["outcome"] == "counted":
                months[date.fromisoformat(entry["connected_on"]).month] += 1
    return months


def months_beside(*, is_cumulative: bool) -> Expectation:
    """Each month of the year beside that of the year before."""

    def expected(truth: Truth, asked: Asked) -> Rows:
        years = [
            counted_by_month(truth, asked, asked.year, asked.stage),
            counted_by_month(truth, asked, asked.year - 1, "standing"),
        ]
        if is_cumulative:
            years = [
                {n: sum(months[m] for m in months if m <= n) for n in months} for months in years
            ]
        return [
            (f"{n} 月", *(months.get(n) for months in years))
            for n in range(1, 13)
            if any(n in months for months in years) and asked.platforms
        ]

    return expected


def _status_numbers(truth: Truth, platform: str) -> dict[Liveness, int]:
    found = [
        truth.status(each)
        for each in truth.devices
        if each.platform == platform and (each.ended_on is None or each.ended_on > truth.today)
    ]
    return {status: found.count(status) for status in Liveness if status in found}


_STATUSES: Final = (Liveness.ONLINE, Liveness.LATE, Liveness.OFFLINE, Liveness.NEVER)


def statuses(truth: Truth, asked: Asked) -> Rows:
    """Devices of each platform by status; of a status that none has there is nothing."""
    numbers = {code: _status_numbers(truth, code) for code in sorted(asked.platforms)}
    return [
        (code, *(found.get(status) for status in _STATUSES))
        for code, found in numbers.items()
        if found
    ]


def online(truth: Truth, asked: Asked) -> Rows:
    """Devices of the chosen platforms that are online."""
    numbers = [_status_numbers(truth, code) for code in asked.platforms]
    return [(sum(each.get(Liveness.ONLINE, 0) for each in numbers),)]


OVERVIEW: Final[Mapping[int, Expectation]] = {
    1: _state,
    2: lambda _truth, _asked: [("evidence",)],
    3: _sum("counted"),
    4: _sum("pending"),
    5: _awards,
    6: _left,
    10: _results,
    11: _cap_shares,
    12: _budget,
    20: months_beside(is_cumulative=False),
    21: months_beside(is_cumulative=True),
    30: statuses,
    31: online,
}
