"""Measured values that nobody measured: they repeat, or each knows nothing of the one before. Pure.

A machine's temperature moves through its day and never twice in the same way. A script plays a
recording, whose values repeat figure by figure, or draws at random, whose values have no memory.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["SHINGLE", "Repetition", "has_variety", "is_count", "memory", "repetitions", "shingles"]

SHINGLE: Final = 8
"""So many values on end; of five every honest pair shares some, for gauges round."""
_DISTINCT_MIN: Final = 4
"""A shingle of fewer different values is a machine at rest."""

_HOLDERS_MAX: Final = 32
"""Series of which every two are compared for a shingle that they have in common."""
_SHINGLES_AT_ONCE: Final = 4_000
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)

FloatArray = npt.NDArray[np.float64]
Shingles = npt.NDArray[np.uint64]


class Repetition(NamedTuple):
    """Two series of measured values that have long pieces in common."""

    one: int
    other: int
    """The same as `one` where a series repeats itself."""
    share: float
    """Of the shingles of the shorter one, 0 to 1."""


def shingles(values: FloatArray) -> Shingles:
    """Every run of eight values, in order, as a number; but those of a machine at rest."""
    if len(values) < SHINGLE:
        return np.zeros(0, dtype=np.uint64)
    runs = np.lib.stride_tricks.sliding_window_view(values, SHINGLE)
    changes = np.diff(np.sort(runs, axis=1), axis=1) != 0
    return _hashed(runs[changes.sum(axis=1) + 1 >= _DISTINCT_MIN])


def repetitions(series: Sequence[FloatArray], share_min: float) -> list[Repetition]:
    """Pairs of series, and single ones, of which a share of shingles comes twice.

    Between two series: |A and B| / min(|A|, |B|), over sets of shingles. Within one:
    1 - |A| / (shingles of it, counted), as a recording that is played again and again has.

    What more than 32 series have in common is one recording that is played everywhere, and is not
    compared in pairs, of which there would be too many: such a series is paired with the one that
    has most of it in common, by the share of its own shingles that so many hold.

    Args:
        series: measured values in order of time; at most a million in all.
        share_min: from where on a pair is answered, above 0.
    """
    counted = [shingles(each) for each in series]
    own = [np.unique(each) for each in counted]
    found = {
        (number, number): share
        for number, (several, different) in enumerate(zip(counted, own, strict=True))
        if len(several) and (share := 1 - len(different) / len(several)) >= share_min
    }
    sizes = np.array([len(each) for each in own], dtype=np.int64)
    if sizes.any():
        held = _Held.of(own, sizes)
        for (one, other), several in held.in_pairs():
            share = several / min(sizes[one], sizes[other])
            if share >= share_min:
                found[one, other] = float(share)
        for one, other, several in held.everywhere():
            share = several / sizes[one]
            pair = (min(one, other), max(one, other))
            if share >= share_min:
                found[pair] = max(found.get(pair, 0.0), float(share))
    return [Repetition(*pair, share) for pair, share in sorted(found.items(), key=_own_first)]


class _Held(NamedTuple):
    """Which series hold each shingle."""

    holders: npt.NDArray[np.int64]
    """Shingle by shingle, those of each in order."""
    starts: npt.NDArray[np.int64]
    """Of each shingle, the place of its first holder."""
    several: npt.NDArray[np.int64]
    """Of each shingle, how many hold it."""
    series: int

    @classmethod
    def of(cls, own: Sequence[Shingles], sizes: npt.NDArray[np.int64]) -> "_Held":
        """Of the different shingles of each series, and how many these are."""
        shingle = np.concatenate(own)
        holders = np.repeat(np.arange(len(own)), sizes)
        order = np.lexsort((holders, shingle))
        shingle = shingle[order]
        starts = np.flatnonzero(np.append(True, shingle[1:] != shingle[:-1]))
        several = np.diff(np.append(starts, len(shingle)))
        return cls(holders[order], starts, several, len(own))

    def in_pairs(self) -> Iterator[tuple[tuple[int, int], int]]:
        """Of every two series how many shingles they have in common that not too many hold."""
        codes, counts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for several in range(2, _HOLDERS_MAX + 1):
            starts = self.starts[self.several == several]
            one, other = np.triu_indices(several, 1)
            for begin in range(0, len(starts), _SHINGLES_AT_ONCE):
                chosen = starts[begin : begin + _SHINGLES_AT_ONCE]
                holders = self.holders[chosen[:, None] + np.arange(several)]
                code, count = np.unique(
                    holders[:, one] * self.series + holders[:, other], return_counts=True
                )
                codes.append(code)
                counts.append(count)
        code, place = np.unique(np.concatenate(codes), return_inverse=True)
        total = np.bincount(place, np.concatenate(counts), len(code)).astype(np.int64)
        for each, count in zip(code.tolist(), total.tolist(), strict=True):
            yield divmod(each, self.series), count

    def everywhere(self) -> Iterator[tuple[int, int, int]]:
        """Each series with shingles that too many hold, one that has most of them, and how many."""
        wide = self.several > _HOLDERS_MAX
        several = self.several[wide]
        holders = self.holders[np.repeat(wide, self.several)]
        first = np.repeat(self.holders[self.starts[wide]], several)
        second = np.repeat(self.holders[self.starts[wide] + 1], several)
        partner = np.where(first == holders, second, first)
        total = np.bincount(holders, minlength=self.series)
        code, count = np.unique(holders * self.series + partner, return_counts=True)
        best: dict[int, tuple[int, int]] = {}
        for each, number in zip(code.tolist(), count.tolist(), strict=True):
            one, other = divmod(each, self.series)
            best[one] = max(best.get(one, (0, 0)), (number, -other))
        for one, (_number, other) in sorted(best.items()):
            yield one, -other, int(total[one])


def _own_first(item: tuple[tuple[int, int], float]) -> tuple[bool, tuple[int, int]]:
    return item[0][0] != item[0][1], item[0]


def _hashed(runs: FloatArray) -> Shingles:
    """One number for the eight of each row."""
    words = np.ascontiguousarray(runs).view(np.uint64)
    mixed = np.zeros(len(words), dtype=np.uint64)
    for place in range(SHINGLE):
        mixed = (mixed ^ words[:, place]) * _ODD
        mixed ^= mixed >> np.uint64(29)
    return mixed


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
