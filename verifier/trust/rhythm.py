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
_CORRELATED: Final = 0.4
"""While both are there: of a bank shown again at least 0.57. Chance is not small here: two
enterprises that each close on ten days of their own have one in common."""
_PAIRS_AT_ONCE: Final = 500

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
    weights = _weights(fleet, templates, fortnight)
    sums = _sums_of_cases(fleet, templates, fortnight, weights)
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


def _weights(fleet: Fleet, templates: BoolArray, fortnight: IntArray) -> _Weights:
    """How rare a deviation is in the city, by hour and by what the template says."""
    shape = (2, fleet.stretch.days, HOURS_PER_DAY)
    blocks = _blocks(fleet)
    there = np.zeros((len(blocks), *shape), dtype=np.int32)
    deviate = np.zeros((len(blocks), *shape), dtype=np.int32)

    def work(numbered: tuple[int, slice]) -> None:
        number, block = numbered
        heard, alive = heard_hours(fleet, block), _alive(fleet, block)
        rule = templates[block][:, fortnight]
        rule &= alive[:, :, None]
        there[number, 1] = rule.sum(axis=0, dtype=np.int32)
        there[number, 0] = alive.sum(axis=0, dtype=np.int32)[:, None] - there[number, 1]
        as_the_rule = heard & rule
        deviate[number, 1] = there[number, 1] - as_the_rule.sum(axis=0, dtype=np.int32)
        deviate[number, 0] = (heard ^ as_the_rule).sum(axis=0, dtype=np.int32)

    _everywhere(work, list(enumerate(blocks)))
    # Half a deviation more, so that what nobody did yet has a probability.
    chance = (deviate.sum(axis=0) + 0.5) / (there.sum(axis=0) + 1.0)
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
    """Shape (cases, days, 4)."""
    square: npt.NDArray[np.float64]
    """Shape (cases, days + 1): sums of squares of `whole` up to before a day."""
    departs: FloatArray
    """Shape (cases, days): 1 on days on which any of its devices departs from its rhythm."""
    first: IntArray
    end: IntArray


def _sums_of_cases(
    fleet: Fleet, templates: BoolArray, fortnight: IntArray, weights: _Weights
) -> _Sums:
    cases, days = int(fleet.case.max()) + 1, fleet.stretch.days
    whole = np.zeros((cases, days, HOURS_PER_DAY), dtype=np.float32)
    departs = np.zeros((cases, days), dtype=np.float32)

    def work(block: slice) -> None:
        weighed, rule = _weighed(fleet, block, templates, fortnight, weights)
        case = fleet.case[block]
        starts = np.flatnonzero(np.diff(case, prepend=-1))
        departs[case[starts]] = np.maximum.reduceat(weighed.max(axis=2) > 0, starts, axis=0)
        expected = np.where(rule, weights.expected[1], weights.expected[0])
        expected *= _alive(fleet, block)[:, :, None]
        weighed -= expected
        whole[case[starts]] = np.add.reduceat(weighed, starts, axis=0)

    _everywhere(work, _blocks(fleet))
    square = np.zeros((cases, days + 1))
    np.cumsum(np.einsum("cdh,cdh->cd", whole, whole), axis=1, out=square[:, 1:])
    first = np.full(cases, days)
    np.minimum.at(first, fleet.case, fleet.first)
    end = np.zeros(cases, dtype=np.int64)
    np.maximum.at(end, fleet.case, fleet.end)
    return _Sums(whole, whole @ _waves(), square, departs, first, end)


def _candidates(sums: _Sums, lag: int, common_days_min: int) -> Iterator[tuple[int, int]]:
    """Pairs of cases that stand out; the first is the one that comes `lag` days later."""
    cases, days, _numbers = sums.projected.shape
    if days - lag < common_days_min:
        return
    later = sums.projected[:, lag:].reshape(cases, -1)
    earlier = sums.projected[:, : days - lag].reshape(cases, -1)
    norm = np.sqrt(np.einsum("cdk,cdk->c", sums.projected, sums.projected))
    for start in range(0, cases, _CASES_AT_ONCE):
        block = slice(start, min(start + _CASES_AT_ONCE, cases))
        # Without a lag a pair is the same either way round.
        others = slice(start if lag == 0 else 0, cases)
        product = later[block] @ earlier[others].T
        one, other = np.nonzero(product > (_STANDS_OUT * norm[block])[:, None] * norm[others])
        one, other = one + block.start, other + others.start
        kept = (one < other) if lag == 0 else (one != other)
        one, other = one[kept], other[kept]
        for part in range(0, len(one), _PAIRS_AT_ONCE):
            chosen = slice(part, part + _PAIRS_AT_ONCE)
            yield from _correlated(sums, one[chosen], other[chosen], lag, common_days_min)


def _correlated(
    sums: _Sums, one: IntArray, other: IntArray, lag: int, common_days_min: int
) -> Iterator[tuple[int, int]]:
    """Of some pairs, those that go together while both are there, whatever each did elsewhere."""
    days = sums.square.shape[1] - 1
    first = np.maximum(sums.first[one], sums.first[other] + lag)
    end = np.minimum(sums.end[one], sums.end[other] + lag)
    together = np.einsum("pd,pd->p", sums.departs[one, lag:], sums.departs[other, : days - lag])
    enough = np.minimum(end, days) - first >= common_days_min
    enough &= together >= _TOGETHER_DAYS_MIN
    one, other = one[enough], other[enough]
    first, end = first[enough], np.minimum(end[enough], days)
    product = np.einsum("pdh,pdh->p", sums.whole[one, lag:], sums.whole[other, : days - lag])
    own = sums.square[one, end] - sums.square[one, first]
    others_own = sums.square[other, end - lag] - sums.square[other, first - lag]
    correlated = product > _CORRELATED * np.sqrt(own * others_own)
    yield from zip(one[correlated].tolist(), other[correlated].tolist(), strict=True)


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
