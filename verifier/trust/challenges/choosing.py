"""Whom to challenge, and when: at random in working hours, those with signals more often. Pure.

Chance comes from outside; nobody shall foresee it.
"""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Final, NamedTuple, Protocol

from jieru.calendar import SHANGHAI
from verifier.procedure.holidays import Holidays

__all__ = ["RUNS_A_DAY", "Candidate", "chosen", "is_early_or_late_hour", "is_working_hour"]

_HOURS: Final = ((time(8, 30), time(11, 0)), (time(14, 0), time(16, 30)))
"""An hour after the last of each, everybody is still there."""
_EARLY_OR_LATE: Final = (time(7, 0), time(20, 0))
"""When somebody can still be asked whose machines are never heard in the hours above."""
RUNS_A_DAY: Final = 5
"""How often an hourly timer comes in these hours."""
_SIGNALS_MAX: Final = 4


class Candidate(NamedTuple):
    """A connection whose enterprise can be asked, and one of its machines that is heard now."""

    connection_id: int
    device_id: int
    signals: int
    """Of the last run."""

    @property
    def weight(self) -> int:
        """One for everybody, and one more for each signal, up to five."""
        return 1 + min(self.signals, _SIGNALS_MAX)


class Chance(Protocol):
    """Draws numbers, such as `secrets.SystemRandom`."""

    def random(self) -> float:
        """A number from 0 to 1, exclusive."""


def is_working_hour(moment: datetime, holidays: Holidays) -> bool:
    """Whether people are at work at a moment, and still will be an hour later."""
    local = moment.astimezone(SHANGHAI)
    if not holidays.is_working_day(local.date()):
        return False
    return any(first <= local.time() < last for first, last in _HOURS)


def is_early_or_late_hour(moment: datetime, holidays: Holidays) -> bool:
    """Whether those are asked whose machines are not heard in working hours, within reason."""
    local = moment.astimezone(SHANGHAI)
    first, last = _EARLY_OR_LATE
    is_day = holidays.is_working_day(local.date()) and first <= local.time() < last
    return is_day and not is_working_hour(moment, holidays)


def chosen(candidates: Sequence[Candidate], number: int, chance: Chance) -> list[Candidate]:
    """Some of the candidates, each once, by their weights.

    Args:
        candidates: at most one for each connection.
        number: how many at most.
        chance: where the randomness comes from.
    """
    # Each gets the key u^(1/weight); the largest keys are a weighted sample without replacement
    # (Efraimidis and Spirakis, 2006).
    keyed = [(chance.random() ** (1 / each.weight), each) for each in candidates]
    return [each for _key, each in sorted(keyed, reverse=True)[:number]]
