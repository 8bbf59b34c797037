"""Builders of small cities: one platform, one habit, and the connections a test is about."""

from datetime import date, timedelta
from typing import Any

from simulators.beats import Beat, beats_of_fleet
from simulators.expectation import ExpectedDetermination, expect
from simulators.fleet import Fleet, build_fleet
from simulators.scenario import Scenario

__all__ = [
    "AS_OF",
    "MONDAY",
    "beats",
    "city",
    "connection",
    "enterprise",
    "fault",
    "mirror_of",
    "outcome_of",
    "scenario",
    "works",
]

MONDAY = date(2026, 3, 2)
AS_OF = date(2026, 12, 31)
_FIVE_HOURS = {"starts_at": [8], "hours_per_shift": 5}
_MUNICIPAL = {"level": "municipal", "recognised_on": date(2025, 1, 1)}

Table = dict[str, Any]


def fault(kind: str, **keys: object) -> Table:
    """One fault as it stands in a file."""
    return {"kind": kind, **keys}


def connection(**keys: object) -> Table:
    """A connection to `xielian` from Monday 2026-03-02 on, with three devices."""
    return {"platform": "xielian", "from_date": MONDAY, "habit": "five-hours"} | keys


def mirror_of(key: str, platform: str = "haichuang") -> Table:
    """A connection that shows another enterprise's machines again."""
    return {"platform": platform, "from_date": MONDAY, "mirrors": key}


def works(days: int, from_date: date = MONDAY) -> Table:
    """A period of work."""
    return {"from_date": from_date, "to_date": from_date + timedelta(days=days)}


def enterprise(key: str = "one", *connections: Table, **keys: object) -> Table:
    """An enterprise in scope with the given connections, or one."""
    return {
        "key": key,
        "district": "licheng",
        "industry_code": "C1953",
        "connections": list(connections) or [connection()],
    } | keys


def scenario(*enterprises: Table, habit: Table | None = None, **keys: object) -> Scenario:
    """A scenario with the given enterprises, or one."""
    return Scenario.model_validate(
        {
            "title": "test",
            "year": 2026,
            "as_of": AS_OF,
            "seed": 1,
            "habits": {"five-hours": habit or _FIVE_HOURS},
            "platforms": [
                {"code": "xielian", "name": "协联", "recognitions": [_MUNICIPAL]},
                {"code": "haichuang", "name": "海创", "recognitions": [_MUNICIPAL]},
            ],
            "enterprises": list(enterprises) or [enterprise()],
        }
        | keys
    )


def city(*enterprises: Table, habit: Table | None = None, **keys: object) -> Fleet:
    """The same, worked out."""
    return build_fleet(scenario(*enterprises, habit=habit, **keys))


def beats(*faults: Table, days: int = 10, heartbeats_per_hour: int = 1) -> list[Beat]:
    """What one device with these faults sends within some days."""
    served = connection(devices=1, works=[works(days)], faults=list(faults))
    return list(
        beats_of_fleet(city(enterprise("one", served), heartbeats_per_hour=heartbeats_per_hour))
    )


def outcome_of(fleet: Fleet, key: str = "one", platform: str = "xielian") -> ExpectedDetermination:
    """What an enterprise of a city is expected to come to, by the clock `event`."""
    uscc = next(company.uscc for company in fleet.companies if company.key == key)
    return expect(fleet, clock="event").determinations[platform, uscc]
