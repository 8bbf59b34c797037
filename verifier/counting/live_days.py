"""Of which days it is known which hours were heard live. Pure.

Hours of before ingesters knew the rule are not "not live": nobody looked (docs/decisions/0038). So
a share of live hours is of days on which every ingester told them apart.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from jieru.calendar import SHANGHAI
from jieru.presence import DAYS_PER_ROW

__all__ = ["LiveDays", "RecordedRule", "live_days_of"]

_TO_FOLLOW: Final = timedelta(days=2)
"""From the first ingester's rule on: a whole day in which the others are replaced, too."""
_TO_ARRIVE: Final = timedelta(days=1)
"""A live heartbeat is a day old at most when it arrives (`live_within_minutes`)."""


class RecordedRule(NamedTuple):
    """A row of `evidence_rules`."""

    applied_at: datetime
    live_within_minutes: int | None
    """None: an ingester that told live hours from others by no rule."""


@dataclass(frozen=True, slots=True)
class LiveDays:
    """Stretches of civil days, in order."""

    stretches: tuple[tuple[int, int], ...] = ()
    """Ordinals: the first day, and the first no more."""

    def of_month(self, month: int) -> npt.NDArray[np.bool_]:
        """Shape (31,): which days of a month are known, which is `year * 12 + month - 1`."""
        days = date(month // 12, month % 12 + 1, 1).toordinal() + np.arange(DAYS_PER_ROW)
        return self._among(days)

    def among(self, first_day: date, days: int) -> npt.NDArray[np.bool_]:
        """Shape (days,): which of so many days from the first on are known."""
        return self._among(first_day.toordinal() + np.arange(days))

    def _among(self, days: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        known = np.zeros(len(days), dtype=np.bool_)
        for first, end in self.stretches:
            known |= (days >= first) & (days < end)
        return known


_ALWAYS: Final = LiveDays(((date.min.toordinal(), date.max.toordinal()),))


def live_days_of(rules: Iterable[RecordedRule], *, is_simulation: bool) -> LiveDays:
    """On which days every ingester told live hours from others.

    A simulation plays years in minutes, so when a rule was recorded says nothing of its days: all
    of them are known where each of its ingesters had the rule, else none.

    Args:
        rules: in the order in which they were recorded.
        is_simulation: of the database.
    """
    recorded = list(rules)
    if is_simulation:
        has_rule = [each.live_within_minutes is not None for each in recorded]
        return _ALWAYS if has_rule and all(has_rule) else LiveDays()
    stretches: list[tuple[int, int]] = []
    since: date | None = None
    for each in recorded:
        day = each.applied_at.astimezone(SHANGHAI).date()
        if each.live_within_minutes is None and since is not None:
            stretches.append((since.toordinal(), (day - _TO_ARRIVE).toordinal()))
            since = None
        elif each.live_within_minutes is not None and since is None:
            since = day + _TO_FOLLOW
    if since is not None:
        stretches.append((since.toordinal(), date.max.toordinal()))
    return LiveDays(tuple((first, end) for first, end in stretches if first < end))
