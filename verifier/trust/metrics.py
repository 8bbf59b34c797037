"""Measured values that nobody measured: they repeat, or each knows nothing of the one before. Pure.

A machine's temperature moves through its day and never twice in the same way. A script plays a
recording, whose values repeat figure by figure, or draws at random, whose values have no memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["SHINGLE", "Repetition", "has_variety", "is_count", "memory", "repetitions", "shingles"]

SHINGLE: Final = 8
"""So many values on end; of five every honest pair shares some, for gauges round."""
_DISTINCT_MIN: Final = 4
"""A shingle of fewer different values is a machine at rest."""

FloatArray = npt.NDArray[np.float64]


class Repetition(NamedTuple):
    """Two series of measured values that have long pieces in common."""

    one: int
    other: int
    """The same as `one` where a series repeats itself."""
    share: float
    """Of the shingles of the shorter one, 0 to 1."""


def shingles(values: FloatArray) -> list[bytes]:
    """Every run of eight values, in order, but those of a machine at rest."""
    if len(values) < SHINGLE:
        return []
    runs = np.lib.stride_tricks.sliding_window_view(values, SHINGLE)
    changes = np.diff(np.sort(runs, axis=1), axis=1) != 0
    return [run.tobytes() for run in runs[changes.sum(axis=1) + 1 >= _DISTINCT_MIN]]


def repetitions(series: Sequence[FloatArray], share_min: float) -> list[Repetition]:
    """Every pair of series, and every single one, of which a share of shingles comes twice.

    Between two series: |A and B| / min(|A|, |B|), over sets of shingles. Within one:
    1 - |A| / (shingles of it, counted), as a recording that is played again and again has.

    Args:
        series: measured values in order of time; at most some hundred thousand in all.
        share_min: from where on a pair is answered, above 0.
    """
    counted = [shingles(each) for each in series]
    own = [set(each) for each in counted]
    found = [
        Repetition(number, number, share)
        for number, (several, different) in enumerate(zip(counted, own, strict=True))
        if several and (share := 1 - len(different) / len(several)) >= share_min
    ]
    together: dict[tuple[int, int], int] = {}
    for holders in _holders(own).values():
        for place, one in enumerate(holders):
            for other in holders[place + 1 :]:
                together[one, other] = together.get((one, other), 0) + 1
    for (one, other), several in sorted(together.items()):
        share = several / min(len(own[one]), len(own[other]))
        if share >= share_min:
            found.append(Repetition(one, other, share))
    return found


def _holders(own: Iterable[set[bytes]]) -> Mapping[bytes, list[int]]:
    holders: dict[bytes, list[int]] = {}
    for number, each in enumerate(own):
        for shingle in each:
            holders.setdefault(shingle, []).append(number)
    return holders


def memory(values: FloatArray) -> float:
    """How much a value knows of the one before: the lag-1 autocorrelation, -1 to 1.

    r = sum (x_t - m)(x_{t+1} - m) / sum (x_t - m)^2, m the mean (Box and Jenkins 1970). 1 where the
    values do not vary: a gauge that stands still is no sign of anything.
    """
    centred = values - values.mean() if len(values) else values
    variance = float(centred @ centred)
    if variance <= 0:
        return 1.0
    return float(centred[:-1] @ centred[1:]) / variance


def has_variety(values: FloatArray, several: int) -> bool:
    """Whether there are enough values, and enough different ones, to say anything of them."""
    return len(values) >= several and len(np.unique(values)) >= SHINGLE


def is_count(values: FloatArray) -> bool:
    """Whether values only grow or only fall, as a number of pieces does: the same for many."""
    steps = np.diff(values)
    return bool((steps >= 0).all() or (steps <= 0).all())
