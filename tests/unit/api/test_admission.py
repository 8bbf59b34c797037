"""Who is let in: few at once of each caller, in turn between callers."""

from concurrent.futures import Future
from contextlib import AbstractContextManager

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from api.access.table import ROUTES
from api.web.bounds.admission import Admission, Limits, RefusedError
from api.web.bounds.bounds import Bounds
from api.web.bounds.heavy import HeavyQueue
from api.web.bounds.metrics import BoundsMetrics
from api.web.bounds.table import COSTS

_Ticket = Future[None]


def never_asked() -> AbstractContextManager[psycopg.Connection]:
    """No database is needed where nothing is heavy."""
    raise AssertionError


class _Door:
    """An admission whose clock stands still until it is turned, and who was let in, in order."""

    def __init__(self, limits: Limits) -> None:
        self.now_s = 0.0
        self.admission = Admission(limits, clock=lambda: self.now_s)
        self.order: list[str] = []
        self.tickets: dict[str, _Ticket] = {}

    def knock(self, caller: str, name: str) -> None:
        """Ask to be let in under a name of its own."""
        ticket = self.tickets[name] = self.admission.enter(caller)
        ticket.add_done_callback(lambda _ticket: self.order.append(name))


def test_metrics_tell_what_waits_runs_and_was_refused() -> None:
    """By reason, each also before it happens."""
    bounds = Bounds(HeavyQueue(never_asked))
    bounds.refused["waiting"] += 2
    bounds.admission.enter("key:a")
    registry = CollectorRegistry()
    registry.register(BoundsMetrics(bounds))
    assert registry.get_sample_value("jieru_api_refused_total", {"reason": "waiting"}) == 2
    assert registry.get_sample_value("jieru_api_refused_total", {"reason": "at_once"}) == 0
    assert registry.get_sample_value("jieru_api_running") == 1
    assert registry.get_sample_value("jieru_api_waiting") == 0
    assert registry.get_sample_value("jieru_api_heavy_running") == 0
    assert registry.get_sample_value("jieru_api_heavy_waiting") == 0


def test_every_route_has_a_cost() -> None:
    """And nothing else has."""
    assert COSTS.keys() == ROUTES.keys()


def test_a_caller_with_64_requests_is_let_in_as_one_among_others() -> None:
    """The other callers' requests follow at once, and not after the 64 (finding C11)."""
    door = _Door(Limits(at_once=6, at_once_of_caller=4))
    for number in range(64):
        door.knock("key:a", f"a{number}")
    door.knock("user:b", "b0")
    door.knock("user:c", "c0")
    assert door.order == ["a0", "a1", "a2", "a3", "b0", "c0"]
    assert door.admission.waiting == 60


def test_where_all_places_are_taken_callers_take_turns() -> None:
    """One request of each, however many each has sent."""
    door = _Door(Limits(at_once=1, at_once_of_caller=1))
    for name in ("a0", "a1", "a2", "b0", "c0", "b1"):
        door.knock(name[0], name)
    for number in range(5):
        name = door.order[number]
        door.admission.leave(name[0], door.tickets[name])
    assert door.order == ["a0", "a1", "b0", "c0", "a2", "b1"]


def test_whoever_does_not_wait_any_more_keeps_no_place() -> None:
    """One that leaves the line is not let in later."""
    door = _Door(Limits(at_once=1, at_once_of_caller=1))
    for name in ("a0", "a1", "a2"):
        door.knock("a", name)
    door.admission.leave("a", door.tickets["a1"])
    door.admission.leave("a", door.tickets["a0"])
    assert door.order == ["a0", "a2"]
    door.admission.leave("a", door.tickets["a2"])
    assert door.admission.inside == door.admission.waiting == 0


def test_too_many_that_wait_are_refused_and_nobody_elses() -> None:
    """With a time after which to ask again."""
    door = _Door(Limits(at_once_of_caller=1, waiting_of_caller=2))
    for name in ("a0", "a1", "a2"):
        door.knock("a", name)
    with pytest.raises(RefusedError) as refused:
        door.knock("a", "a3")
    assert refused.value.reason == "at_once"
    assert refused.value.retry_after_s > 0
    door.knock("b", "b0")
    assert door.order == ["a0", "b0"]


def test_what_is_asked_in_a_minute_is_bounded_by_its_cost_and_comes_back_with_time() -> None:
    """Each caller has its own budget, and Retry-After says when it suffices."""
    door = _Door(Limits(cost_per_minute=60))
    door.admission.charge("a", 40)
    door.admission.charge("a", 20)
    with pytest.raises(RefusedError) as refused:
        door.admission.charge("a", 10)
    assert (refused.value.reason, refused.value.retry_after_s) == ("per_minute", 10)
    door.admission.charge("b", 60)
    door.now_s += 10
    door.admission.charge("a", 10)
    with pytest.raises(RefusedError):
        door.admission.charge("a", 1)
    door.now_s += 3_600
    door.admission.charge("a", 60)
    with pytest.raises(RefusedError):
        door.admission.charge("a", 1)
