"""The pipeline: a row an enterprise, its stages and numbers; filtered and sorted. Pure."""

import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from api.pipeline.next_step import NextStep
from api.pipeline.readiness import Readiness
from verifier.counting.outlook import Outlook, Result

__all__ = [
    "Figures",
    "Order",
    "PipelineRow",
    "Stage",
    "Totals",
    "following",
    "matching",
    "sort_key",
    "totals",
]

_LAST: Final = 2**62
_URGENCY: Final = {
    Result.AT_RISK: 0,
    Result.NOT_YET: 1,
    None: 2,
    Result.PENDING: 3,
    Result.COUNTED: 4,
    Result.NOT_THIS_YEAR: 5,
}


class Stage(StrEnum):
    """What an enterprise passes on its way to being counted, in this order."""

    CONFIRMED = "confirmed"
    DEVICES = "devices"
    CREDENTIAL = "credential"
    HEARD = "heard"
    RUNNING = "running"
    COMPLETE = "complete"


class Order(StrEnum):
    """What the pipeline is sorted by: what asks for something first."""

    URGENCY = "urgency"
    NAME = "name"
    ACTIVE_DAYS = "active_days"
    """The most first."""
    GAP_LEFT = "gap_left"
    """The least first."""
    COMPLETE_ON = "complete_on"
    LAST_HEARD = "last_heard"
    """The longest silent first."""


@dataclass(frozen=True)
class PipelineRow:
    """One enterprise on one platform."""

    ready: Readiness
    outlook: Outlook | None
    """None: it is registered and not counted yet."""
    devices_min: int
    """That must be active on a day, waivers honoured."""
    next_step: NextStep

    @property
    def result(self) -> Result | None:
        """Where it stands; None: not counted yet."""
        return self.outlook.result if self.outlook else None

    @cached_property
    def passed(self) -> frozenset[Stage]:
        """The stages behind it, each by itself."""
        outlook, ready = self.outlook, self.ready
        is_complete = outlook is not None and outlook.determination.window is not None
        has = {
            Stage.CONFIRMED: ready.confirmation == "confirmed",
            Stage.DEVICES: ready.devices >= self.devices_min,
            # Whoever is heard may publish, whichever way it comes.
            Stage.CREDENTIAL: self.devices_min
            <= max(ready.devices_with_credential, ready.devices_heard),
            Stage.HEARD: ready.devices_heard > 0 or is_complete,
            Stage.RUNNING: is_complete or (outlook is not None and outlook.runs),
            Stage.COMPLETE: is_complete,
        }
        return frozenset(stage for stage, holds in has.items() if holds)

    @cached_property
    def searched(self) -> str:
        """What a search looks at: name and uscc, width and capitals told from nothing."""
        return _normal(f"{self.ready.name}\n{self.ready.uscc}")


@dataclass(frozen=True, slots=True)
class Totals:
    """How many enterprises stand where."""

    enterprises: int
    results: Mapping[Result, int]
    passed: Mapping[Stage, int]

    def lacking(self, stage: Stage) -> int:
        """How many have not passed a stage."""
        return self.enterprises - self.passed[stage]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a platform, or all of them together, earn in the year."""

    award_yuan: int
    """By what is counted now."""
    award_if_all_hold_yuan: int
    """If every running window is completed."""
    uncapped_if_all_hold_yuan: int
    cap_yuan: int
    platforms: int

    @property
    def left_yuan(self) -> int:
        """Under the cap, by what is counted now."""
        return max(self.cap_yuan - self.award_yuan, 0)


def totals(rows: Iterable[PipelineRow]) -> Totals:
    """How many enterprises stand where."""
    listed = list(rows)
    results = Counter(row.result for row in listed)
    passed = Counter(stage for row in listed for stage in row.passed)
    return Totals(
        len(listed),
        {result: results[result] for result in Result},
        {stage: passed[stage] for stage in Stage},
    )


def matching(
    rows: Iterable[PipelineRow],
    *,
    platform: str | None = None,
    result: Result | None = None,
    lacks: Stage | None = None,
    text: str | None = None,
) -> list[PipelineRow]:
    """The rows that fit a filter; None: whatever it is."""
    sought = _normal(text) if text else None
    return [
        row
        for row in rows
        if (platform is None or row.ready.platform == platform)
        and (result is None or row.result is result)
        and (lacks is None or lacks not in row.passed)
        and (sought is None or sought in row.searched)
    ]


def sort_key(row: PipelineRow, order: Order) -> tuple[int, str, str, str]:
    """Where a row stands in an order; what is not known comes last."""
    number, text = _KEYS[order](row)
    return _LAST if number is None else number, text, row.ready.uscc, row.ready.platform


def following(
    keys: Sequence[tuple[int, str, str, str]], after: tuple[int, str, str, str] | None
) -> int:
    """The place of the first key after another one."""
    return 0 if after is None else bisect_right(keys, after)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _urgency(row: PipelineRow) -> int:
    """By result; of one result, by what is left before it is too late."""
    place = _URGENCY[row.result] * 10_000_000
    outlook = row.outlook
    if outlook is None or outlook.complete_on is None:
        return place
    if outlook.result is Result.AT_RISK and outlook.gap_left_days is not None:
        return place + outlook.gap_left_days
    return place + outlook.complete_on.toordinal()


def _of_outlook(value: Callable[[Outlook], int | None]) -> Callable[[PipelineRow], int | None]:
    return lambda row: value(row.outlook) if row.outlook is not None else None


def _last_heard(row: PipelineRow) -> int | None:
    moment = row.ready.last_heard_at
    return int(moment.timestamp()) if moment is not None else None


_complete_on = _of_outlook(lambda each: each.complete_on.toordinal() if each.complete_on else None)
_active_days = _of_outlook(lambda each: -each.active_days)
_gap_left = _of_outlook(lambda each: each.gap_left_days)

_KEYS: Final[Mapping[Order, Callable[[PipelineRow], tuple[int | None, str]]]] = {
    Order.URGENCY: lambda row: (_urgency(row), ""),
    Order.NAME: lambda row: (0, row.ready.name),
    Order.ACTIVE_DAYS: lambda row: (_active_days(row), ""),
    Order.GAP_LEFT: lambda row: (_gap_left(row), ""),
    Order.COMPLETE_ON: lambda row: (_complete_on(row), ""),
    Order.LAST_HEARD: lambda row: (_last_heard(row), ""),
}
