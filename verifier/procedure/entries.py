"""Enterprises of a stored document, read back as the determinations that were written. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from verifier.counting.determination import Determination, Outcome
from verifier.counting.eligibility import Criterion, CriterionName
from verifier.counting.registry import Enterprise, Platform
from verifier.counting.windows import Window

__all__ = ["determination_of_entry"]


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
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
