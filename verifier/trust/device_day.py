"""What the heartbeats of one device on one day say beside their hours. Pure."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["DeviceDay", "LastReading", "Rhythm", "device_day", "rhythm_of"]

_US_PER_SECOND: Final = 1_000_000
_FEW: Final = 3
"""Heartbeats of which no usual interval is told."""


class LastReading(NamedTuple):
    """The last reading of a counter before a day, and the start that it came from."""

    counter: float
    boot: int | None


class DeviceDay(NamedTuple):
    """The columns of `device_days` that are told of any day."""

    counter_first: float | None
    counter_last: float | None
    counter_step_max: float | None
    counter_falls: int
    boot_first: int | None
    boot_last: int | None
    boots: int
    seq_repeats: int

    @property
    def is_worth_telling(self) -> bool:
        """Whether anything was sent that could tell something, or was sent twice."""
        return self.counter_first is not None or self.boots > 0 or self.seq_repeats > 0


class Rhythm(NamedTuple):
    """When a device usually sends."""

    interval_s: int
    second: int
    """Of the interval."""


def device_day(
    *,
    counters: npt.NDArray[np.float64],
    boots: npt.NDArray[np.int64],
    has_boot: npt.NDArray[np.bool_],
    seqs: npt.NDArray[np.int64],
    before: LastReading | None,
) -> DeviceDay:
    """What a day's heartbeats say, all in order of time.

    Args:
        counters: NaN where none was sent.
        boots: without meaning where none was sent.
        has_boot: where one was.
        seqs: -1 where none was sent.
        before: what the first reading is held against; None: there was none.
    """
    sent = boots[has_boot]
    first, last, step, falls = _of_counter(counters, boots, has_boot, before)
    return DeviceDay(
        counter_first=first,
        counter_last=last,
        counter_step_max=step,
        counter_falls=falls,
        boot_first=int(sent[0]) if len(sent) else None,
        boot_last=int(sent[-1]) if len(sent) else None,
        boots=len(np.unique(sent)),
        seq_repeats=_repeats(seqs, boots, has_boot),
    )


def _of_counter(
    counters: npt.NDArray[np.float64],
    boots: npt.NDArray[np.int64],
    has_boot: npt.NDArray[np.bool_],
    before: LastReading | None,
) -> tuple[float | None, float | None, float | None, int]:
    """First, last, the largest rise from one to the next, and falls under the same boot."""
    read = np.flatnonzero(~np.isnan(counters))
    if not len(read):
        return None, None, None, 0
    values, starts, known = counters[read], boots[read], has_boot[read]
    steps = np.diff(values)
    is_same_boot = (known[1:] == known[:-1]) & (~known[1:] | (starts[1:] == starts[:-1]))
    falls = int(((steps < 0) & is_same_boot).sum())
    if before is not None:
        boot = int(starts[0]) if known[0] else None
        falls += int(values[0] < before.counter and boot == before.boot)
    step = float(max(steps.max(), 0.0)) if len(steps) else None
    return float(values[0]), float(values[-1]), step, falls


def _repeats(
    seqs: npt.NDArray[np.int64], boots: npt.NDArray[np.int64], has_boot: npt.NDArray[np.bool_]
) -> int:
    counted = seqs >= 0
    if not counted.any():
        return 0
    columns = (seqs[counted], has_boot[counted], np.where(has_boot, boots, 0)[counted])
    order = np.lexsort(columns)
    same = np.ones(len(order) - 1, dtype=np.bool_)
    for column in columns:
        same &= column[order][1:] == column[order][:-1]
    return int(same.sum())


def rhythm_of(time_us: npt.NDArray[np.int64]) -> Rhythm | None:
    """The interval of at least half of the heartbeats, and the second at which half of them stand.

    Args:
        time_us: in order, microseconds since the Unix epoch.

    Returns:
        None: too few heartbeats, or they keep no beat.
    """
    if len(time_us) < _FEW:
        return None
    intervals = np.rint(np.diff(time_us) / _US_PER_SECOND).astype(np.int64)
    interval = _usual(intervals)
    if not interval:
        return None
    second = _usual(time_us // _US_PER_SECOND % interval)
    return None if second is None else Rhythm(interval, second)


def _usual(values: npt.NDArray[np.int64]) -> int | None:
    """The value that at least half of them have; of two the smaller."""
    found, several = np.unique(values, return_counts=True)
    place = several.argmax()
    return int(found[place]) if 2 * several[place] >= len(values) else None
