"""Which of two banks of machines that are alike was at work first."""

import numpy as np
import numpy.typing as npt
import pytest

from tests.unit.verifier.trust.drawn_city import FIRST_DAY, fleet_of
from verifier.trust.precedence import came_later

_DAYS, _BANK = 200, 3
_SHELLS, _VICTIM = range(_BANK), range(_BANK, 2 * _BANK)


def _at_work(*spells: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """A bank that is heard all day, five days of seven, from a day on until another."""
    hours = np.zeros((_BANK, _DAYS, 24), dtype=np.bool_)
    for first, end in spells:
        hours[:, first:end] = True
    if spells and spells[-1][1] - spells[-1][0] > 14:
        hours[:, np.arange(_DAYS) % 7 >= 5] = False
    return hours


def _said(shells: npt.NDArray[np.bool_], victim: npt.NDArray[np.bool_]) -> tuple[str, str]:
    """Of the shells, and of their victim."""
    fleet = fleet_of(np.concatenate([shells, victim]), _BANK)
    first = FIRST_DAY.toordinal() + int(max(fleet.first[0], fleet.first[_BANK]))
    return (
        came_later(fleet, _SHELLS, _VICTIM, first),
        came_later(fleet, _VICTIM, _SHELLS, first),
    )


def test_whoever_copies_what_is_at_work_came_later() -> None:
    """And what both do afterwards, a pause of weeks too, changes nothing of it."""
    assert _said(_at_work((60, 200)), _at_work((0, 200))) == ("self", "other")
    assert _said(_at_work((60, 90), (130, 200)), _at_work((0, 90), (130, 200))) == ("self", "other")


@pytest.mark.parametrize("heard", [((0, 1),), ((0, 1), (20, 22), (40, 41)), ((0, 25),)])
def test_an_early_heartbeat_makes_nobody_the_first(heard: tuple[tuple[int, int], ...]) -> None:
    """Nor do some, nor a week of them that was long over when the other began."""
    shells = _at_work((95, 200))
    for first, end in heard:
        shells[:, first:end] = True
    assert _said(shells, _at_work((60, 200))) == ("self", "other")


def test_a_few_early_days_and_a_copy_from_the_first_day_on_blame_nobody() -> None:
    """Whoever knew when the other would begin could send some heartbeats just before."""
    shells = _at_work((60, 200))
    shells[:, 54:60] = True
    assert _said(shells, _at_work((60, 200))) == ("unknown", "unknown")


def test_of_two_that_begin_in_one_week_nobody_knows() -> None:
    """Nor of two that were there before anything was looked at, or never at work."""
    assert _said(_at_work((62, 200)), _at_work((60, 200))) == ("unknown", "unknown")
    assert _said(_at_work((0, 200)), _at_work((0, 200))) == ("unknown", "unknown")
    assert _said(_at_work((60, 63)), _at_work((60, 62))) == ("unknown", "unknown")


def test_one_machine_of_a_bank_does_not_put_it_to_work() -> None:
    """Most of it has to be heard."""
    shells = _at_work((95, 200))
    shells[0, :95] = True
    assert _said(shells, _at_work((60, 200))) == ("self", "other")
