"""An expectation as a JSON file, in the shape of `jieru count --json` (design section 8)."""

from pathlib import Path
from typing import Final

import msgspec

from simulators.expectation import Expectation
from simulators.fleet import Fleet

__all__ = ["FILE_NAME", "expectation_as_dict", "write_expectation"]

FILE_NAME: Final = "expectation.json"


def expectation_as_dict(fleet: Fleet, expectation: Expectation) -> dict[str, object]:
    """The expectation for programs, with the decisions that it assumes to be recorded."""
    names = {company.uscc: company.name for company in fleet.companies}
    return {
        "scenario": fleet.scenario.title,
        "year": expectation.year,
        "as_of": expectation.as_of.isoformat(),
        "clock": expectation.clock,
        "total_yuan": sum(award.award_yuan for award in expectation.awards.values()),
        "platforms": [
            {
                "platform": platform,
                "counted": award.counted,
                "award_yuan": award.award_yuan,
                "amounts_yuan": {
                    "1.1": award.national_title_yuan,
                    "1.2": award.enterprises_yuan,
                },
                "enterprises": [
                    {
                        "uscc": uscc,
                        "name": names[uscc],
                        "outcome": determination.outcome,
                        "connected_on": determination.connected_on,
                    }
                    for (code, uscc), determination in expectation.determinations.items()
                    if code == platform
                ],
            }
            for platform, award in expectation.awards.items()
        ],
        "decisions": [
            {"uscc": recorded.uscc} | recorded.decision.model_dump(exclude={"enterprise"})
            for recorded in fleet.decisions
        ],
        "signals": [
            {"platform": platform, "uscc": uscc, "at_least_one_of": sorted(kinds)}
            for (platform, uscc), kinds in expectation.signals.items()
        ],
        "messages": {
            "sent": expectation.messages.sent,
            "heartbeats": expectation.messages.heartbeats,
            "duplicates": expectation.messages.duplicates,
            "late": expectation.messages.late,
            "rejections": dict(expectation.messages.rejections),
        },
    }


def write_expectation(fleet: Fleet, expectation: Expectation, folder: Path) -> Path:
    """Write the expectation into a folder that exists; returns the file's path."""
    path = folder / FILE_NAME
    encoded = msgspec.json.encode(expectation_as_dict(fleet, expectation))
    path.write_bytes(msgspec.json.format(encoded, indent=2) + b"\n")
    return path
