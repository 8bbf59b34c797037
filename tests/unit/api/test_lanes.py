"""Lanes: what one sort of work takes no other sort waits for, and who finds no place is told so."""

import threading
import time
from contextlib import ExitStack

import pytest

from api.web.lanes import CONNECTIONS, SIZES, THREADS, Lane, Lanes
from api.web.problems import Kind, Problem

_DIVIDED = (Lane.PAGES, Lane.CHANGES, Lane.HEAVY)


def test_there_are_fewer_writers_than_connections() -> None:
    """Whatever is changed, pages can be read; and each that waits has a thread."""
    assert sum(SIZES[lane].at_once for lane in _DIVIDED) == CONNECTIONS
    assert SIZES[Lane.CHANGES].at_once < SIZES[Lane.PAGES].at_once
    assert sum(sum(SIZES[lane]) for lane in _DIVIDED) < THREADS


@pytest.mark.parametrize("full", _DIVIDED)
def test_a_full_lane_keeps_no_other_waiting(full: Lane) -> None:
    """All places of one are held; one of each other is had at once."""
    lanes = Lanes(CONNECTIONS, longest_wait_s=0.0)
    with ExitStack() as held:
        for _number in range(SIZES[full].at_once):
            held.enter_context(lanes.place(full))
        with pytest.raises(Problem) as refused, lanes.place(full):
            pass
        assert refused.value.kind is Kind.BUSY
        assert dict(refused.value.headers)["Retry-After"] == "5"
        for other in set(_DIVIDED) - {full}:
            with lanes.place(other):
                pass
    with lanes.place(full):
        pass


def test_only_so_many_wait() -> None:
    """Whoever comes after them is told at once; whoever waits gets a place when one is left."""
    lanes = Lanes(CONNECTIONS, longest_wait_s=30.0)
    size = SIZES[Lane.CHANGES]
    got = threading.Semaphore(0)

    def wait() -> None:
        with lanes.place(Lane.CHANGES):
            got.release()

    with ExitStack() as held:
        for _number in range(size.at_once):
            held.enter_context(lanes.place(Lane.CHANGES))
        threads = [threading.Thread(target=wait, daemon=True) for _number in range(size.waiting)]
        for thread in threads:
            thread.start()
        deadline_s = time.monotonic() + 30
        while lanes.waiting(Lane.CHANGES) < size.waiting and time.monotonic() < deadline_s:
            time.sleep(0.01)
        with pytest.raises(Problem), lanes.place(Lane.CHANGES):
            pass
    for _thread in threads:
        assert got.acquire(timeout=30)


def test_a_small_pool_is_not_divided() -> None:
    """Its few connections are everybody's."""
    lanes = Lanes(2, longest_wait_s=0.0)
    with (
        lanes.place(Lane.CHANGES),
        lanes.place(Lane.CHANGES),
        pytest.raises(Problem),
        lanes.place(Lane.CHANGES),
    ):
        pass
