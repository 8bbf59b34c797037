"""Small builders: a policy with some values changed, a case with a window, presence from hours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import numpy.typing as npt

from jieru.calendar import SHANGHAI, bit_index
from jieru.presence import BITS_PER_MONTH, BYTES_PER_MONTH
from tests.support.registry_files import uscc_of
from verifier.counting.activity import (
    END_OF_TIME,
    Assignments,
    Coverage,
    PresenceRows,
    Recorded,
)
from verifier.counting.backdating import microseconds_of
from verifier.counting.eligibility import Case
from verifier.counting.evidence import Evidence
from verifier.counting.live_days import LiveDays
from verifier.counting.registry import (
    Connection,
    Decision,
    DecisionKind,
    Enterprise,
    Platform,
    Recognition,
)
from verifier.counting.windows import ActiveDays, Window
from verifier.policy import ParameterValue, Policy, load_policy

__all__ = [
    "DeviceLife",
    "a_case",
    "a_decision",
    "a_platform",
    "a_window",
    "active_days_of",
    "an_enterprise",
    "evidence_of",
    "policy_with",
    "presence_of",
]

_PUTIAN = load_policy("putian-2026")


def policy_with(**values: ParameterValue) -> Policy:
    """The policy of Putian with some values changed."""
    return _PUTIAN.model_copy(
        update={
            name: getattr(_PUTIAN, name).model_copy(update={"value": value})
            for name, value in values.items()
        }
    )


def a_platform(code: str = "alpha", **changes: object) -> Platform:
    """A municipal platform since 2025."""
    recognitions = (Recognition("municipal", date(2025, 1, 1)),)
    return Platform(**{"code": code, "name": code, "recognitions": recognitions, **changes})  # type: ignore[arg-type]


def an_enterprise(number: int = 1, **changes: object) -> Enterprise:
    """A manufacturer in Licheng."""
    values = {"uscc": uscc_of(number), "name": f"E{number}", "district": "licheng"}
    return Enterprise(**{**values, "industry_code": "C1810", **changes})  # type: ignore[arg-type]


def a_window(first_day: date, days: int = 90) -> Window:
    """A window without a gap."""
    return Window(first_day, first_day + timedelta(days=days - 1), days, 0)


def a_case(connected_on: date | None = date(2026, 3, 2), **changes: object) -> Case:
    """An enterprise connected since 2026-01-01, with a window from `connected_on`."""
    values: dict[str, object] = {
        "platform": a_platform(),
        "enterprise": an_enterprise(),
        "connections": (Connection(date(2025, 1, 1), contract_no="1"),),
        "window": a_window(connected_on) if connected_on else None,
    }
    return Case(**{**values, **changes})  # type: ignore[arg-type]


def a_decision(
    kind: DecisionKind, criterion: str | None = None, value: int | None = None, number: int = 1
) -> Decision:
    """An open decision."""
    decided_at = datetime(2027, 1, 5, tzinfo=UTC)
    return Decision(number, kind, criterion, value, "seen on site", "Lin", decided_at)


def active_days_of(first: date, marks: str) -> ActiveDays:
    """One row of days from `first`: `#` is an active one."""
    active = np.array([[mark == "#" for mark in marks]], dtype=np.bool_)
    return ActiveDays(first.toordinal(), active.reshape(1, len(marks)))


@dataclass
class DeviceLife:
    """One device: when it was heard, and for whom it stood."""

    platform: str
    heard: Mapping[date, Iterable[int]]
    """Hours by civil day."""
    assigned: list[tuple[str, date, date | None]] = field(default_factory=list)
    """Uscc, first day, end (exclusive)."""
    live: Mapping[date, Iterable[int]] | None = None
    """Of the hours those heard live; None: all of them."""
    recorded: dict[tuple[str, date], date] = field(default_factory=dict)
    """By uscc and first day: the day on which the assignment was recorded, if not the first."""


def presence_of(devices: Iterable[DeviceLife]) -> list[PresenceRows]:
    """Presence as the database gives it, each device's months in a block of its own."""
    blocks = []
    for number, device in enumerate(devices, start=1):
        live = device.heard if device.live is None else device.live
        months = list(dict.fromkeys(day.year * 12 + day.month - 1 for day in device.heard))
        blocks.append(
            PresenceRows(
                np.full(len(months), number),
                np.array(months, dtype=np.int64),
                _packed(months, device.heard),
                _packed(months, live),
            )
        )
    return blocks


def _packed(
    months: list[int], heard: Mapping[date, Iterable[int]]
) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    rows = np.zeros((len(months), BITS_PER_MONTH), dtype=np.bool_)
    for day, hours in heard.items():
        row = months.index(day.year * 12 + day.month - 1)
        rows[row, [bit_index(day, hour) for hour in hours]] = True
    return np.packbits(rows, axis=1).reshape(len(months), BYTES_PER_MONTH)


def evidence_of(cases: list[Case], devices: list[DeviceLife]) -> Evidence:
    """What reading the registry gives for these cases and devices (numbered from 1)."""
    index = {(case.platform.code, case.enterprise.uscc): row for row, case in enumerate(cases)}
    spans = [
        (
            number,
            index[device.platform, uscc],
            first.toordinal(),
            _end(end),
            device.recorded.get((uscc, first), first).toordinal(),
        )
        for number, device in enumerate(devices, start=1)
        for uscc, first, end in device.assigned
        if (device.platform, uscc) in index
    ]
    assigned = np.array(spans, dtype=np.int64).reshape(-1, 5)
    served = np.array(
        [
            (
                row,
                each.from_date.toordinal(),
                _end(each.to_date),
                (each.recorded_on or each.from_date).toordinal(),
            )
            for row, case in enumerate(cases)
            for each in case.connections
        ],
        dtype=np.int64,
    ).reshape(-1, 4)
    return Evidence(
        is_simulation=False,
        platforms=tuple({case.platform.code: case.platform for case in cases}.values()),
        cases=tuple(cases),
        coverage=Coverage(
            served[:, 0], served[:, 1], served[:, 2], recorded=_recorded(served[:, 3])
        ),
        assignments=Assignments(
            assigned[:, 0],
            assigned[:, 1],
            assigned[:, 2],
            assigned[:, 3],
            recorded=_recorded(assigned[:, 4]),
        ),
        rules=(),
        live_days=LiveDays(((date.min.toordinal(), date.max.toordinal()),)),
        late_serials={number: f"d{number}" for number in range(1, len(devices) + 1)},
    )


def _recorded(day: npt.NDArray[np.int64]) -> Recorded:
    """Told at noon of these days."""
    noon = [
        microseconds_of(datetime.combine(date.fromordinal(each), time(12), SHANGHAI))
        for each in day.tolist()
    ]
    return Recorded(on=day, at=np.array(noon, dtype=np.int64))


def _end(day: date | None) -> int:
    return day.toordinal() if day else END_OF_TIME
