"""Which of two banks of machines that are alike was at work before the other. Pure.

A single heartbeat costs nothing: whoever means to copy somebody later could send one from each of
his inventions in January, and register them as early as he likes. So a bank came first only where
it was at work without the other on seven days of the weeks around the first day on which both were
heard, and the other hardly ever without it.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from verifier.trust.fleet import BYTES_PER_DAY, Fleet

__all__ = ["came_later"]

_AROUND: Final = timedelta(days=28).days
"""Before and after that day: a pause that both make later takes nothing from whoever came first."""
_ALONE_DAYS: Final = 7
_FAR_MORE: Final = 2


def came_later(fleet: Fleet, mine: Sequence[int], theirs: Sequence[int], first_day: int) -> str:
    """Who was at work later: `self`, `other`, or `unknown`.

    Args:
        fleet: the hours of both.
        mine: members of the fleet.
        theirs: members of another enterprise.
        first_day: ordinal of the first day on which they are compared.
    """
    day = first_day - fleet.stretch.first_day
    around = slice(max(day - _AROUND, 0), day + _AROUND)
    own, foreign = _at_work(fleet, mine, around), _at_work(fleet, theirs, around)
    own_alone, foreign_alone = int((own & ~foreign).sum()), int((foreign & ~own).sum())
    if foreign_alone >= max(_ALONE_DAYS, _FAR_MORE * own_alone):
        return "self"
    if own_alone >= max(_ALONE_DAYS, _FAR_MORE * foreign_alone):
        return "other"
    return "unknown"


def _at_work(fleet: Fleet, members: Sequence[int], days: slice) -> npt.NDArray[np.bool_]:
    """On which days most of a bank was heard."""
    hours = fleet.hours[list(members)].reshape(len(members), -1, BYTES_PER_DAY)[:, days]
    at_work: npt.NDArray[np.bool_] = 2 * hours.any(axis=2).sum(axis=0) >= len(members)
    return at_work
