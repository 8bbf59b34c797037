"""Results that are kept for some seconds and computed once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.web.recent import RecentResults


class HandClock:
    """A clock that a test turns by hand."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.now_s = 0.0

    def __call__(self) -> float:
        """The time now, in seconds."""
        return self.now_s


def test_a_result_is_given_again_while_it_is_recent_and_computed_again_afterwards() -> None:
    """Age counts from the end of the computation."""
    clock = HandClock()
    recent = RecentResults[str, int](5, clock=clock)
    values = iter(range(10))

    def compute() -> int:
        clock.now_s += 30  # longer than a result is kept
        return next(values)

    assert recent.get("a", compute) == 0
    clock.now_s += 4.9
    assert recent.get("a", compute) == 0
    clock.now_s += 0.1
    assert recent.get("a", compute) == 1


def test_other_keys_have_results_of_their_own() -> None:
    """A count of another year is another count."""
    recent = RecentResults[str, str](5)
    assert recent.get("a", lambda: "first") == "first"
    assert recent.get("b", lambda: "second") == "second"


def test_everyone_who_asks_meanwhile_waits_for_one_computation() -> None:
    """Eight readers at once cost one count."""
    recent = RecentResults[str, int](60)
    everyone_asked = threading.Barrier(8)
    computations = []

    def compute() -> int:
        computations.append(1)
        time.sleep(0.05)
        return 7

    def ask() -> int:
        everyone_asked.wait(5)
        return recent.get("a", compute)

    with ThreadPoolExecutor(8) as threads:
        results = [future.result() for future in [threads.submit(ask) for _ in range(8)]]
    assert results == [7] * 8
    assert len(computations) == 1


def test_a_failure_is_not_kept() -> None:
    """The next reader after a database restart gets a count, not yesterday's exception."""
    recent = RecentResults[str, int](60)

    def fail() -> int:
        raise RuntimeError("database away")

    with pytest.raises(RuntimeError, match="database away"):
        recent.get("a", fail)
    assert recent.get("a", lambda: 3) == 3


def test_a_failure_reaches_everyone_who_waited_for_it() -> None:
    """Nobody is left hanging."""
    recent = RecentResults[str, int](60)
    is_running, may_fail = threading.Event(), threading.Event()

    def fail_late() -> int:
        is_running.set()
        may_fail.wait(5)
        raise RuntimeError("database away")

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(recent.get, "a", fail_late)
        is_running.wait(5)
        second = threads.submit(recent.get, "a", lambda: 1)
        time.sleep(0.05)  # the second is waiting for the first by now
        may_fail.set()
        with pytest.raises(RuntimeError, match="database away"):
            first.result(5)
        with pytest.raises(RuntimeError, match="database away"):
            second.result(5)


def test_old_results_do_not_pile_up() -> None:
    """Whoever asks for a thousand dates does not fill the memory for good."""
    clock = HandClock()
    recent = RecentResults[int, int](5, clock=clock)
    for number in range(1_000):
        recent.get(number, lambda: 0)
        clock.now_s += 1
    assert len(recent._entries) <= 6


def test_a_computation_that_is_begun_goes_on_by_itself_once_however_many_begin_it() -> None:
    """Whoever began it may ask whether it is done, or wait for it."""
    recent = RecentResults[str, int](60)
    may_end = threading.Event()
    computations = []

    def compute() -> int:
        computations.append(1)
        assert may_end.wait(5)
        return 7

    first, second = recent.begin("a", compute), recent.begin("a", compute)
    assert not first.done()
    may_end.set()
    assert first.result(5) == second.result(5) == recent.get("a", compute) == 7
    assert len(computations) == 1


def test_a_computation_that_was_begun_and_fails_tells_those_who_hold_it() -> None:
    """And is begun anew by the next."""
    recent = RecentResults[str, int](60)

    def fail() -> int:
        raise LookupError("no such year")

    with pytest.raises(LookupError):
        recent.begin("a", fail).result(5)
    assert recent.begin("a", lambda: 7).result(5) == 7
