"""Enterprises of a stored document, read back as what was written: nothing of today. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from verifier.counting.active_calendar import CalendarMonth
from verifier.counting.backdated import Backdated
from verifier.counting.determination import Determination, Outcome
from verifier.counting.eligibility import Criterion, CriterionName
from verifier.counting.explanation import DeviceActivity, Explanation
from verifier.counting.measures import CriterionRow, Period
from verifier.counting.registry import (
    Connection,
    Decision,
    Enterprise,
    Platform,
    RecordedDecision,
)
from verifier.counting.windows import Window
from verifier.policy import Policy

__all__ = ["determination_of_entry", "explanation_of_entry"]


def determination_of_entry(platform: Platform, entry: Mapping[str, Any]) -> Determination:
    """One determination as it was found; criteria that this version does not know are left out."""
    first_day = _day(entry["window_first_day"])
    return Determination(
        platform=platform,
        enterprise=Enterprise(
            entry["uscc"], entry["name"], entry["district"], entry["industry_code"]
        ),
        outcome=Outcome(entry["outcome"]),
        window=Window(
            first_day,
            date.fromisoformat(entry["window_last_day"]),
            entry["window_active_days"],
            entry["window_longest_gap_days"],
        )
        if first_day
        else None,
        year_counted=entry["year_counted"],
        pending_until=_day(entry["pending_until"]),
        criteria=tuple(
            Criterion(
                name=CriterionName(each["name"]),
                is_met=each["is_met"],
                measured=each["measured"],
                required=each["required"],
                clause=each["clause"],
                basis=each["basis"],
            )
            for each in entry["criteria"]
            if each["name"] in set(CriterionName)
        ),
        backdated=tuple(Backdated.of_json_object(each) for each in entry["backdated"])
        if "backdated" in entry
        else None,
    )


def explanation_of_entry(
    platform: Platform,
    entry: Mapping[str, Any],
    *,
    year: int,
    policy: Policy,
    as_of: date,
    is_simulation: bool,
) -> Explanation:
    """The explanation that a document of version 2 holds of one enterprise."""
    return Explanation(
        year=year,
        policy=policy,
        as_of=as_of,
        is_simulation=is_simulation,
        determination=determination_of_entry(platform, entry),
        connections=tuple(
            Connection(
                from_date=date.fromisoformat(each["from_date"]),
                to_date=_day(each["to_date"]),
                contract_no=each["contract_no"],
                signed_on=_day(each["signed_on"]),
            )
            for each in entry["connections"]
        ),
        period=Period(
            entry["period"]["kind"],
            date.fromisoformat(entry["period"]["first_day"]),
            date.fromisoformat(entry["period"]["last_day"]),
        ),
        criteria=tuple(CriterionRow(**each) for each in entry["criteria"]),
        devices=_devices(entry["devices"]),
        calendar=tuple(
            CalendarMonth(date.fromisoformat(f"{month}-01"), days)
            for month, days in sorted(entry["calendar"].items())
        ),
        decisions=tuple(_decision(platform.code, entry, each) for each in entry["decisions"]),
    )


def _devices(assignments: Iterable[Mapping[str, Any]]) -> tuple[DeviceActivity, ...]:
    """Each device once, however often it was assigned."""
    by_serial: dict[str, list[Mapping[str, Any]]] = {}
    for each in assignments:
        by_serial.setdefault(each["serial"], []).append(each)
    return tuple(_device(own) for own in by_serial.values())


def _device(own: Sequence[Mapping[str, Any]]) -> DeviceActivity:
    hours = [each.get("hours_heard") for each in own]
    return DeviceActivity(
        serial=own[0]["serial"],
        kind=own[0]["kind"],
        name=own[0]["name"],
        assigned=tuple(
            (date.fromisoformat(each["assigned_from"]), _day(each["assigned_to"])) for each in own
        ),
        active_days=sum(each["active_days"] for each in own),
        hours_heard=None if None in hours else sum(filter(None, hours)),
        first_active_on=min(
            filter(None, (_day(each["first_active_on"]) for each in own)), default=None
        ),
        last_active_on=max(
            filter(None, (_day(each["last_active_on"]) for each in own)), default=None
        ),
    )


def _decision(code: str, entry: Mapping[str, Any], decision: Mapping[str, Any]) -> RecordedDecision:
    withdrawn_at, confirmed_at = decision["withdrawn_at"], decision.get("confirmed_at")
    return RecordedDecision(
        platform_code=code,
        uscc=entry["uscc"],
        enterprise_name=entry["name"],
        decision=Decision(
            **{
                **decision,
                "decided_at": datetime.fromisoformat(decision["decided_at"]),
                "withdrawn_at": datetime.fromisoformat(withdrawn_at) if withdrawn_at else None,
                "confirmed_at": datetime.fromisoformat(confirmed_at) if confirmed_at else None,
            }
        ),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
