"""Machines that are always on, told apart by the hours in which each stood still by itself."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest

from verifier.trust.fleet import Fleet, Stretch
from verifier.trust.interruptions import find_interrupted_alike
from verifier.trust.rhythm import Likeness, RhythmRules

_DAYS: Final = 200
_FIRST_DAY: Final = 739_000
_RULES: Final = RhythmRules(0.4, 45)
_LINE: Final = (500, 900, 1700, 2600)
"""Hours at which the line is dark for three."""

Hours = npt.NDArray[np.bool_]


def _machine(
    breakdowns: Iterable[int] = (), *, line: Iterable[int] = _LINE, hours: int = 5
) -> Hours:
    """On from the first day to the last, but for some breakdowns and what befell the line."""
    on = np.ones(_DAYS * 24, dtype=np.bool_)
    for start in line:
        on[start : start + 3] = False
    for start in breakdowns:
        on[start : start + hours] = False
    return on


def _bank(*breakdowns: Iterable[int], line: Iterable[int] = _LINE) -> list[Hours]:
    return [_machine(each, line=line) for each in breakdowns]


def _later(machines: list[Hours], days: int) -> list[Hours]:
    """The same, shown some days later."""
    shown = []
    for machine in machines:
        hours = np.zeros_like(machine)
        hours[days * 24 :] = machine[: len(machine) - days * 24]
        shown.append(hours)
    return shown


def _found(*banks: list[Hours]) -> list[Likeness]:
    rows = np.array([machine for bank in banks for machine in bank])
    heard = np.asarray(rows.reshape(len(rows), _DAYS, 24).any(axis=2))
    fleet = Fleet(
        stretch=Stretch(_FIRST_DAY, _DAYS),
        device=np.arange(len(rows)),
        case=np.repeat(np.arange(len(banks)), [len(bank) for bank in banks]),
        hours=np.packbits(rows, axis=1),
        first=heard.argmax(axis=1),
        end=_DAYS - heard[:, ::-1].argmax(axis=1),
    )
    return find_interrupted_alike(fleet, _RULES)


_VICTIM: Final = _bank((1000, 3000), (1400,), (2000, 4000))
_OTHER: Final = _bank((1100, 2900), (1500,), (2100, 3900))


def test_a_copy_of_machines_that_are_always_on_is_found_machine_by_machine() -> None:
    """By breakdowns at the same hours, though no line was cut."""
    found = _found(_VICTIM, _VICTIM)
    assert [(each.member, each.other, each.lag_days) for each in found] == [
        (0, 3, 0),
        (1, 4, 0),
        (2, 5, 0),
    ]
    assert {(each.score, each.first_day, each.days) for each in found} == {(1, _FIRST_DAY, _DAYS)}


@pytest.mark.parametrize("days", [7, 14, 21, 28])
def test_a_recording_that_is_played_weeks_later_is_found(days: int) -> None:
    """The later one is named first, with the days by which it is later."""
    found = _found(_VICTIM, _later(_VICTIM, days))
    assert [(each.member, each.other) for each in found] == [(3, 0), (4, 1), (5, 2)]
    assert {each.lag_days for each in found} == {days}
    assert {each.first_day for each in found} == {_FIRST_DAY + days}


def test_a_machine_that_never_broke_down_belongs_to_the_bank_of_those_that_did() -> None:
    """Since the line's cuts are the same as well."""
    found = _found(_bank((1000, 3000), (2000,), ()), _bank((1000, 3000), (2000,), ()))
    assert [(each.member, each.other) for each in found] == [(0, 3), (1, 4), (2, 5)]


def test_two_on_one_line_are_not_alike() -> None:
    """What befalls all machines of an enterprise is not its machines' own."""
    assert _found(_VICTIM, _OTHER) == []
    assert _found(_bank((), (), ()), _bank((), (), ())) == []


def test_one_breakdown_in_common_is_chance() -> None:
    """As are some among many others."""
    assert _found(_bank((1000,), (), ()), _bank((1000,), (), ())) == []
    mine = range(1000, 4000, 100)
    theirs = [1000, 1100, *range(1250, 4000, 100)]
    assert _found(_bank(mine, (), ()), _bank(theirs, (), ())) == []


def test_of_one_machine_nobody_can_tell_its_own_interruptions_from_the_lines() -> None:
    """So nothing is said of it."""
    assert _found([_machine()], [_machine()]) == []


def test_what_many_enterprises_have_is_nobodys_own() -> None:
    """A storm that lasted longer at one machine of each."""
    alike = [_bank((1000, 3000), (1200,), ()) for _enterprise in range(9)]
    assert _found(*alike) == []
    assert _found(*alike[:8]) != []


def test_machines_with_a_shift_are_left_to_their_rhythm() -> None:
    """They have one."""
    shift = np.tile(np.arange(24) < 12, _DAYS)
    bank = [machine & shift for machine in _VICTIM]
    assert _found(bank, bank) == []


def test_an_empty_city_has_none() -> None:
    """No machine, no likeness."""
    assert _found([_machine()]) == []
