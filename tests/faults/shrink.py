"""The least of a schedule that still fails. Pure: whether it does is for the caller to find out."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from tests.faults.schedule import Schedule

__all__ = ["shrink"]

_SHORTEST_S: Final = 0.5


def shrink(
    schedule: Schedule, is_failing: Callable[[Schedule], bool], *, limit: int = 16
) -> Schedule:
    """Leave out faults, then simplify and shorten those that are left, while it still fails.

    Args:
        schedule: one that has failed.
        is_failing: plays a schedule; what fails only sometimes may pass, and is then kept.
        limit: how many schedules are played at most.

    Returns:
        The smallest schedule that was seen to fail.
    """
    played: set[Schedule] = {schedule}
    while smaller := next(
        (each for each in _smaller(schedule) if _is_new(each, played, limit) and is_failing(each)),
        None,
    ):
        schedule = smaller
    return schedule


def _is_new(schedule: Schedule, played: set[Schedule], limit: int) -> bool:
    if schedule in played or len(played) > limit:
        return False
    played.add(schedule)
    return True


def _smaller(schedule: Schedule) -> Iterator[Schedule]:
    """Everything one step smaller, what takes away most first."""
    faults = schedule.faults
    if len(faults) > 1:
        yield schedule.with_faults(())
        middle = len(faults) // 2
        yield schedule.with_faults(faults[:middle])
        yield schedule.with_faults(faults[middle:])
    for index in range(len(faults)):
        yield schedule.with_faults(faults[:index] + faults[index + 1 :])
    if schedule.ingesters > 1:
        yield replace(schedule, ingesters=1, group="")
    for index, fault in enumerate(faults):
        if fault.for_s > _SHORTEST_S:
            shorter = replace(fault, for_s=max(_SHORTEST_S, round(fault.for_s / 2, 2)))
            yield schedule.with_faults((*faults[:index], shorter, *faults[index + 1 :]))
