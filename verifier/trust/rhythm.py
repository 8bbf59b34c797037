"""Devices of different enterprises whose exceptions are alike: one bank of machines, shown twice.

Every machine has a rhythm, and honest ones share rhythms by the thousand: the shift begins at eight
in the whole street. What two machines hardly share is when each *departs* from its own rhythm. So a
device is compared by its exceptions, each weighed by how rare it is in the city at that hour:
holidays, a power cut, a typhoon weigh nothing. Pure.

For a device d (design section 11):

- template T(weekday, hour): heard in more than half of those hours within its own span; where it is
  heard in nearly all of every other week and hardly ever in between, as where every second Saturday
  is off (大小周), T tells the two weeks apart, or all such factories would be alike;
- deviation D(day, hour): heard otherwise than T says, but not in seven or more silent days on end;
- weight w = min(5, -ln P(D | T, day, hour)) over the city;
- likeness of two devices over the days on which both are there, at least `common_days_min`:
  J = G / (W_i + W_j - G), where G = sum sqrt(w_i w_j) D_i D_j and W = sum w D; nothing is said of
  two that depart together on fewer than twenty days.

A lag of whole weeks finds what was recorded at one place and played later at another.

All pairs of 100,000 devices are too many, so enterprises are compared first: the weighed
deviations of an enterprise's devices less what the city expects, added up, and each day's 24 hours
projected onto the four slowest cosines (DCT-II), for exceptions last some hours or all day. Sums of
one bank's parts correlate with the bank, others do not. The pairs that stand out are then compared
device by device.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from jieru.calendar import HOURS_PER_DAY
from verifier.counting.activity import IntArray
from verifier.trust.fleet import BYTES_PER_DAY, Fleet, heard_hours

__all__ = ["Likeness", "RhythmRules", "find_alike"]

_WEIGHT_MAX: Final = 5.0
_DAYS_PER_WEEK: Final = 7
_DAYS_PER_FORTNIGHT: Final = 14
_ALTERNATES: Final = 0.6
"""Share of an hour's even weeks in which it is heard, less that of its odd weeks."""
_AWAY_DAYS: Final = 7
"""Without a sound from a device: no rhythm has such a pause."""
_TOGETHER_DAYS_MIN: Final = 20
"""On which both depart from their rhythms in the same hour. A controller that is always on departs
from it in a power cut only, and is then like every other on the same line."""
_ALTERNATIONS_MIN: Final = 3
"""Of even and of odd weeks: of fewer nobody can tell."""
_MEMBERS_AT_ONCE: Final = 1_000
_CASES_AT_ONCE: Final = 1_000
_PROJECTED: Final = 4
_STANDS_OUT: Final = 0.2
"""Correlation of projections over the whole stretch: of a bank shown again at least 0.3 in drawn
cities, though the victim has more machines; of six pairs in a hundred that have only the city in
common more than 0.12."""
_STANDS_OUT_TOGETHER: Final = 0.18
"""The same while both are there: cheap to tell from the product over the whole stretch, since
whoever is not there deviates by nothing."""
_CORRELATED: Final = 0.4
"""While both are there: of a bank shown again at least 0.57. Chance is not small here: two
enterprises that each close on ten days of their own have one in common."""
_PAIRS_AT_ONCE: Final = 500
_CASES_SUMMED: Final = 100
_NOTHING: Final = 1e-30
"""In place of 0, by which nothing is divided."""

_T = TypeVar("_T")
FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RhythmRules:
    """From when on rhythms are called alike."""

    likeness_min: float = 0.5
    common_days_min: int = 45
    lags_days: tuple[int, ...] = (0, 7, 14, 21, 28)


class Likeness(NamedTuple):
    """Two devices of different enterprises that depart from their rhythms together."""

    member: int
    """In the fleet; the one that comes later where there is a lag."""
    other: int
    lag_days: int
    score: float
    """J, 0 to 1."""
    first_day: int
    """Ordinal of the first day on which both are compared, the member's."""
    days: int


class _Weights(NamedTuple):
    """What a deviation weighs at each hour, shape (2, days, 24): by what the template says."""

    root: FloatArray
    """Square root of w."""
    expected: FloatArray
    """Of `root` times the deviation, in the city."""


def find_alike(fleet: Fleet, rules: RhythmRules) -> list[Likeness]:
    """Every pair of devices of different cases whose exceptions are alike.

    Of two cases the best pair of each device is answered, at the lag at which it is best.

    Args:
        fleet: by case.
        rules: from when on two are alike.
    """
    if not len(fleet):
        return []
    fortnight = (fleet.stretch.first_day + np.arange(fleet.stretch.days)) % _DAYS_PER_FORTNIGHT
    templates = _templates(fleet, fortnight)
    counts = _counts_of_cases(fleet, templates, fortnight)
    weights = _weights(counts)
    sums = _sums_of_cases(fleet, counts, weights)
    del counts
    found: dict[tuple[int, int], Likeness] = {}

    def work(pair: tuple[int, int, int]) -> None:
        for each in _compare(fleet, templates, fortnight, weights, *pair, rules):
            key = (each.member, int(fleet.case[each.other]))
            with lock:
                found[key] = max(found.get(key, each), each, key=_by_score)

    lock = Lock()
    for lag in rules.lags_days:
        pairs = _candidates(sums, lag, rules.common_days_min)
        _everywhere(work, [(one, other, lag) for one, other in pairs])
    return sorted(found.values())


def _by_score(each: Likeness) -> tuple[float, int, int]:
    """The best first, and of equal ones always the same."""
    return each.score, -each.lag_days, -each.other


def _blocks(fleet: Fleet) -> list[slice]:
    """Members some at a time, no case in two blocks."""
    starts = np.flatnonzero(np.diff(fleet.case, prepend=-1))
    blocks, begun = [], 0
    for start in [*starts[1:].tolist(), len(fleet)]:
        if start - begun >= _MEMBERS_AT_ONCE or start == len(fleet):
            blocks.append(slice(begun, start))
            begun = start
    return blocks


def _alive(fleet: Fleet, members: slice | IntArray) -> BoolArray:
    """On which days each member is there, shape (members, days).

    A stop of some weeks is one event and not hundreds of hours: a factory that is shut for the
    season would be like every other that is shut at the time. So it counts as being away.
    """
    day = np.arange(fleet.stretch.days)
    alive: BoolArray = (day >= fleet.first[members, None]) & (day < fleet.end[members, None])
    heard = fleet.hours[members].reshape(-1, fleet.stretch.days, BYTES_PER_DAY).max(axis=2) > 0
    alive &= ~_in_long_silence(heard)
    return alive


def _in_long_silence(heard: BoolArray) -> BoolArray:
    """Days of runs without a sound of at least `_AWAY_DAYS`, shape (members, days)."""
    members, days = heard.shape
    away = np.zeros_like(heard)
    if days < _AWAY_DAYS:
        return away
    sounds = np.zeros((members, days + 1), dtype=np.int16)
    np.cumsum(heard, axis=1, out=sounds[:, 1:])
    begins = sounds[:, _AWAY_DAYS:] == sounds[:, :-_AWAY_DAYS]
    for later in range(_AWAY_DAYS):
        away[:, later : later + begins.shape[1]] |= begins
    return away


def _templates(fleet: Fleet, fortnight: IntArray) -> BoolArray:
    """Whether a member is heard as a rule, shape (members, 14, 24)."""
    templates = np.zeros((len(fleet), _DAYS_PER_FORTNIGHT, HOURS_PER_DAY), dtype=np.bool_)

    def work(block: slice) -> None:
        heard, alive = heard_hours(fleet, block), _alive(fleet, block)
        shape = (_DAYS_PER_FORTNIGHT, len(heard), HOURS_PER_DAY)
        several = np.zeros(shape, dtype=np.int16)
        of = np.zeros((*shape[:2], 1), dtype=np.int16)
        for each in range(_DAYS_PER_FORTNIGHT):
            chosen = fortnight == each
            several[each] = heard[:, chosen].sum(axis=1, dtype=np.int16)
            of[each] = alive[:, chosen].sum(axis=1, dtype=np.int16)[:, None]
        templates[block] = _majorities(several, of).transpose(1, 0, 2)

    _everywhere(work, _blocks(fleet))
    return templates


def _majorities(several: npt.NDArray[np.int16], of: npt.NDArray[np.int16]) -> BoolArray:
    """By weekday, and by week where the weeks alternate; both of shape (14, members, ...)."""
    other_week = np.roll(several, _DAYS_PER_WEEK, axis=0)
    of_other_week = np.roll(of, _DAYS_PER_WEEK, axis=0)
    share = several / np.maximum(of, 1)
    alternates = (
        (np.abs(share - np.roll(share, _DAYS_PER_WEEK, axis=0)) > _ALTERNATES)
        & (of >= _ALTERNATIONS_MIN)
        & (of_other_week >= _ALTERNATIONS_MIN)
    )
    majorities: BoolArray = np.where(
        alternates, 2 * several > of, 2 * (several + other_week) > of + of_other_week
    )
    return majorities


class _Counts(NamedTuple):
    """For each case and hour, how many of its devices are there, and which of them are heard."""

    there: npt.NDArray[np.integer]
    """Shape (cases, days)."""
    ruled: npt.NDArray[np.integer]
    """Shape (cases, days, 24), here and below: those that are heard then as a rule."""
    heard: npt.NDArray[np.integer]
    as_ruled: npt.NDArray[np.integer]
    """Those that are heard then as a rule, and were."""


def _counts_of_cases(fleet: Fleet, templates: BoolArray, fortnight: IntArray) -> _Counts:
    cases, days = int(fleet.case.max()) + 1, fleet.stretch.days
    largest = int(np.bincount(fleet.case).max())
    # A byte each where it is enough, for there is a number for each case and hour.
    dtype = np.uint8 if largest <= np.iinfo(np.uint8).max else np.uint16
    counts = _Counts(
        np.zeros((cases, days), dtype=dtype),
        *(np.zeros((cases, days, HOURS_PER_DAY), dtype=dtype) for _number in range(3)),
    )

    def work(block: slice) -> None:
        case = fleet.case[block]
        starts = np.flatnonzero(np.diff(case, prepend=-1))
        heard, alive = heard_hours(fleet, block), _alive(fleet, block)
        rule = templates[block][:, fortnight]
        rule &= alive[:, :, None]
        parts = [alive, rule, heard, rule & heard]
        for target, part in zip(counts, parts, strict=True):
            ones = part.view(np.uint8)
            target[case[starts]] = np.add.reduceat(ones, starts, axis=0, dtype=dtype)

    _everywhere(work, _blocks(fleet))
    return counts


def _weights(counts: _Counts) -> _Weights:
    """How rare a deviation is in the city, by hour and by what the template says."""
    there, ruled, heard, as_ruled = (each.sum(axis=0, dtype=np.int64) for each in counts)
    several = np.stack([there[:, None] - ruled, ruled])
    deviate = np.stack([heard - as_ruled, ruled - as_ruled])
    # Half a deviation more, so that what nobody did yet has a probability.
    chance = (deviate + 0.5) / (several + 1.0)
    root = np.sqrt(np.minimum(_WEIGHT_MAX, -np.log(chance)))
    return _Weights(root.astype(np.float32), (root * chance).astype(np.float32))


def _weighed(
    fleet: Fleet,
    members: slice | IntArray,
    templates: BoolArray,
    fortnight: IntArray,
    weights: _Weights,
) -> tuple[FloatArray, BoolArray]:
    """The square roots of the weights of members' deviations, and what their templates say.

    Returns:
        Both of shape (members, days, 24).
    """
    rule = templates[members][:, fortnight]
    deviates = heard_hours(fleet, members) ^ rule
    deviates &= _alive(fleet, members)[:, :, None]
    weighed: FloatArray = np.where(rule, weights.root[1], weights.root[0])
    weighed *= deviates
    return weighed, rule


def _waves() -> FloatArray:
    """The slowest cosines of a day, shape (24, 4): orthonormal, as the DCT-II has them."""
    hour, wave = np.arange(HOURS_PER_DAY)[:, None] + 0.5, np.arange(_PROJECTED)
    waves: FloatArray = np.cos(np.pi / HOURS_PER_DAY * hour * wave).astype(np.float32)
    waves *= np.float32(np.sqrt(2 / HOURS_PER_DAY))
    waves[:, 0] /= np.float32(np.sqrt(2))
    return waves


class _Sums(NamedTuple):
    """For each case, what its devices deviate by beyond what the city does."""

    whole: FloatArray
    """Shape (cases, days, 24)."""
    projected: FloatArray
    """Shape (cases, days * 4), each row of length 1."""
    square: npt.NDArray[np.float64]
    """Shape (cases, days + 1): sums of squares of `whole` up to before a day."""
    square_projected: npt.NDArray[np.float64]
    """The same of `projected`, up to 1."""
    departs: FloatArray
    """Shape (cases, days): 1 on days on which any of its devices departs from its rhythm."""
    first: IntArray
    end: IntArray


def _sums_of_cases(fleet: Fleet, counts: _Counts, weights: _Weights) -> _Sums:
    """From the counts, for all devices of a case have the same weights.

    sum over devices of (sqrt(w) D - what is expected of it) = root_1 (ruled - as_ruled)
    + root_0 (heard - as_ruled) - expected_1 ruled - expected_0 (there - ruled).
    """
    cases, days = counts.there.shape
    whole = np.zeros((cases, days, HOURS_PER_DAY), dtype=np.float32)
    square = np.zeros((cases, days + 1))
    waves = _waves()
    projected = np.zeros((cases, days, _PROJECTED), dtype=np.float32)
    departs = np.zeros((cases, days), dtype=np.float32)

    def work(start: int) -> None:
        block = slice(start, start + _CASES_SUMMED)
        there, ruled, heard, as_ruled = (each[block].astype(np.float32) for each in counts)
        total = ruled * (weights.root[1] - weights.expected[1] + weights.expected[0])
        total += heard * weights.root[0]
        total -= as_ruled * (weights.root[0] + weights.root[1])
        total -= there[:, :, None] * weights.expected[0]
        whole[block] = total
        np.cumsum(np.einsum("cdh,cdh->cd", total, total), axis=1, out=square[block, 1:])
        projected[block] = total @ waves
        departs[block] = (heard + ruled > 2 * as_ruled).any(axis=2)

    _everywhere(work, list(range(0, cases, _CASES_SUMMED)))
    rows = projected.reshape(cases, -1)
    rows /= np.maximum(np.sqrt(np.einsum("ck,ck->c", rows, rows)), _NOTHING)[:, None]
    square_projected = np.zeros_like(square)
    of_day = np.einsum("cdk,cdk->cd", projected, projected)
    np.cumsum(of_day, axis=1, dtype=np.float64, out=square_projected[:, 1:])
    first = np.full(cases, days)
    np.minimum.at(first, fleet.case, fleet.first)
    end = np.zeros(cases, dtype=np.int64)
    np.maximum.at(end, fleet.case, fleet.end)
    return _Sums(whole, rows, square, square_projected, departs, first, end)


def _candidates(sums: _Sums, lag: int, common_days_min: int) -> Iterator[tuple[int, int]]:
    """Pairs of cases that stand out; the first is the one that comes `lag` days later."""
    cases = len(sums.projected)
    days = sums.square.shape[1] - 1
    if days - lag < common_days_min:
        return
    later = sums.projected[:, lag * _PROJECTED :]
    earlier = sums.projected[:, : (days - lag) * _PROJECTED]
    for start in range(0, cases, _CASES_AT_ONCE):
        block = slice(start, min(start + _CASES_AT_ONCE, cases))
        # Without a lag a pair is the same either way round.
        others = slice(start if lag == 0 else 0, cases)
        product = later[block] @ earlier[others].T
        one, other = np.nonzero(product > _STANDS_OUT)
        kept = (one < other) if lag == 0 else (one + start != other)
        one, other = one[kept], other[kept]
        pairs = _Pairs.of(sums, one + start, other + others.start, lag)
        stand_out = (pairs.end - pairs.first >= common_days_min) & (
            product[one, other] > _STANDS_OUT_TOGETHER * pairs.lengths(sums.square_projected)
        )
        yield from _correlated(sums, pairs.chosen(stand_out))


class _Pairs(NamedTuple):
    """Pairs of cases, and the days on which both are there."""

    one: IntArray
    other: IntArray
    lag: int
    first: IntArray
    """Counted as `one` has them; `other` has them `lag` earlier."""
    end: IntArray

    @classmethod
    def of(cls, sums: _Sums, one: IntArray, other: IntArray, lag: int) -> "_Pairs":
        """Some pairs, the first of each `lag` days later."""
        first = np.maximum(sums.first[one], sums.first[other] + lag)
        end = np.minimum(sums.end[one], sums.end[other] + lag)
        end = np.clip(end, lag, sums.square.shape[1] - 1)
        return cls(one, other, lag, np.minimum(first, end), end)

    def chosen(self, chosen: BoolArray | slice) -> "_Pairs":
        """Some of them."""
        return _Pairs(
            self.one[chosen], self.other[chosen], self.lag, self.first[chosen], self.end[chosen]
        )

    def lengths(self, square: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The product of the lengths of both within those days, by the sums of their squares."""
        own = square[self.one, self.end] - square[self.one, self.first]
        end, first = self.end - self.lag, self.first - self.lag
        lengths: npt.NDArray[np.float64] = np.sqrt(
            own * (square[self.other, end] - square[self.other, first])
        )
        return lengths


def _correlated(sums: _Sums, pairs: _Pairs) -> Iterator[tuple[int, int]]:
    """Of some pairs, those that go together while both are there, whatever each did elsewhere."""
    days = sums.square.shape[1] - 1
    for start in range(0, len(pairs.one), _PAIRS_AT_ONCE):
        part = pairs.chosen(slice(start, start + _PAIRS_AT_ONCE))
        later = sums.whole[part.one, part.lag :]
        earlier = sums.whole[part.other, : days - part.lag]
        product = np.einsum("pdh,pdh->p", later, earlier)
        correlated = product > _CORRELATED * part.lengths(sums.square)
        both_depart = (
            sums.departs[part.one, part.lag :] * sums.departs[part.other, : days - part.lag]
        )
        correlated &= both_depart.sum(axis=1) >= _TOGETHER_DAYS_MIN
        yield from zip(part.one[correlated].tolist(), part.other[correlated].tolist(), strict=True)


def _compare(
    fleet: Fleet,
    templates: BoolArray,
    fortnight: IntArray,
    weights: _Weights,
    one: int,
    other: int,
    lag: int,
    rules: RhythmRules,
) -> Iterator[Likeness]:
    """Of two cases, the device of the other that each device of the one is most alike."""
    mine, theirs = _members_of(fleet, one), _members_of(fleet, other)
    days = fleet.stretch.days
    own, _rule = _weighed(fleet, mine, templates, fortnight, weights)
    foreign, _rule = _weighed(fleet, theirs, templates, fortnight, weights)
    own = own[:, lag:].reshape(len(own), -1)
    foreign = foreign[:, : days - lag].reshape(len(foreign), -1)
    together = own @ foreign.T
    first = np.maximum(fleet.first[mine, None] - lag, fleet.first[None, theirs])
    end = np.minimum(fleet.end[mine, None] - lag, fleet.end[None, theirs])
    first, end = np.clip(first, 0, days - lag), np.clip(end, 0, days - lag)
    end = np.maximum(first, end)
    weight, weight_of_other = (
        _weight_between(own, first, end),
        _weight_between(foreign.copy(), first.T, end.T).T,
    )
    union = weight + weight_of_other - together
    score = np.where(
        (end - first >= rules.common_days_min) & (union > 0), together / np.maximum(union, 1e-9), 0
    )
    best = score.argmax(axis=1)
    for number, place in enumerate(best.tolist()):
        if (
            score[number, place] >= rules.likeness_min
            and _days_together(own[number], foreign[place]) >= _TOGETHER_DAYS_MIN
        ):
            yield Likeness(
                mine.start + number,
                theirs.start + place,
                lag,
                round(float(score[number, place]), 4),
                fleet.stretch.first_day + int(first[number, place]) + lag,
                int(end[number, place] - first[number, place]),
            )


def _days_together(own: FloatArray, foreign: FloatArray) -> int:
    """Days on which two devices depart from their rhythms in the same hour."""
    together = (own > 0) & (foreign > 0)
    return int(together.reshape(-1, HOURS_PER_DAY).any(axis=1).sum())


def _members_of(fleet: Fleet, case: int) -> slice:
    return slice(*np.searchsorted(fleet.case, (case, case + 1)).tolist())


def _weight_between(weighed: FloatArray, first: IntArray, end: IntArray) -> npt.NDArray[np.float64]:
    """The weight of each row's deviations between two days, for each column of `first`."""
    rows, _hours = weighed.shape
    by_day = np.square(weighed).reshape(rows, -1, HOURS_PER_DAY).sum(axis=2, dtype=np.float64)
    until = np.zeros((rows, by_day.shape[1] + 1))
    np.cumsum(by_day, axis=1, out=until[:, 1:])
    row = np.arange(rows)[:, None]
    between: npt.NDArray[np.float64] = until[row, end] - until[row, first]
    return between


def _everywhere(work: Callable[[_T], None], parts: list[_T]) -> None:
    """Do some work for each part, on as many cores as there are; numpy lets go of Python's lock."""
    with ThreadPoolExecutor() as pool:
        for _done in pool.map(work, parts):
            pass
