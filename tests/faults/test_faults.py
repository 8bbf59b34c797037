"""A dozen schedules of faults, and ingesters broken on purpose, which must be found out."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.faults.run import play
from tests.faults.schedule import LONGEST_S, Fault, Kind, Schedule, schedule_of
from tests.faults.shrink import shrink
from tests.faults.stage import Servers
from tests.support.debian_root import DebianRoot

_SEEDS: Final = (84, 104, 129, 173, 193, 215, 226, 296, 308, 361, 395, 397)
"""Chosen so that together they break everything, and for being short."""
_SUSPENSIONS: Final = {Kind.SUSPEND_INGESTER, Kind.SUSPEND_DATABASE, Kind.SUSPEND_BROKER}

_ACKNOWLEDGES_TOO_EARLY: Final = """
from ingest.pipeline import Pipeline
_write = Pipeline._write
async def _acknowledge_and_write(self, prepared):
    if prepared.batch is not None:
        self._subscriber.acknowledge(prepared.batch)
    await _write(self, prepared)
Pipeline._write = _acknowledge_and_write
"""
_GIVES_UP_BATCHES: Final = """
import psycopg, time
from ingest.writer import Writer, Written
async def _write_once(self, heartbeats, rejections, *, all_states=False):
    try:
        connection = await self.connection()
        with self._hanging_up(connection) as heard:
            return await self._try_to_write(
                connection, heartbeats, rejections, time.monotonic(), all_states, heard
            )
    except psycopg.OperationalError:
        await self.close()
        return Written((), (), 0, 0.0)
Writer.write = _write_once
"""


@pytest.fixture(scope="module")
def servers(debian_root: DebianRoot) -> Iterator[Servers]:
    """The servers that all these schedules break, one after the other."""
    with Servers(debian_root) as servers:
        yield servers


def test_the_schedules_break_everything() -> None:
    """Each kind of fault, half a minute of standing still, every kind of ingester."""
    schedules = [schedule_of(seed) for seed in _SEEDS]
    assert {kind for each in schedules for kind in each.kinds} == set(Kind)
    assert any(
        fault.kind in _SUSPENSIONS and fault.for_s == LONGEST_S
        for each in schedules
        for fault in each.faults
    )
    assert {(each.protocol, each.ingesters, bool(each.group)) for each in schedules} == {
        ("5", 1, False),
        ("5", 2, False),
        ("5", 2, True),
        ("3.1.1", 1, False),
        ("3.1.1", 2, False),
    }


@pytest.mark.timeout(1_800)  # a failure is shrunken
@pytest.mark.parametrize("seed", _SEEDS)
def test_whatever_breaks_nothing_is_lost_and_nothing_counts_twice(
    servers: Servers, seed: int
) -> None:
    """Each message that the broker took is stored as if nothing had happened."""
    schedule = schedule_of(seed)
    outcome = play(servers, schedule)
    if outcome.findings:
        smallest = shrink(schedule, lambda each: bool(play(servers, each).findings))
        pytest.fail(f"{outcome}\n{outcome.log}\nshrunken to:\n{smallest}", pytrace=False)


def _company(kind: Kind) -> Schedule:
    """A fault in the company of others that have nothing to do with it."""
    return Schedule(
        1,
        "5",
        1,
        "",
        (
            Fault(Kind.CLOCK_JUMP, 0.5, 0.5, "300s"),
            Fault(kind, 0.6, 0.5),
            Fault(Kind.REJECTION_FLOOD, 0.7, 0.0),
        ),
    )


@pytest.mark.timeout(600)
def test_an_ingester_that_acknowledges_before_it_commits_is_found_out(servers: Servers) -> None:
    """Without any fault, so that nothing is left of the schedule."""
    schedule = _company(Kind.RESTART_BROKER)

    def is_failing(each: Schedule) -> bool:
        findings = play(servers, each, prelude=_ACKNOWLEDGES_TOO_EARLY).findings
        return any("acknowledged by an ingester" in finding for finding in findings)

    assert is_failing(schedule)
    assert shrink(schedule, is_failing, limit=2).faults == ()


@pytest.mark.timeout(600)
def test_an_ingester_that_gives_up_a_batch_is_found_out(servers: Servers) -> None:
    """The fault that makes it do so is all that is left of the schedule."""
    schedule = _company(Kind.CUT_DATABASE_LINK)

    def is_failing(each: Schedule) -> bool:
        return bool(play(servers, each, prelude=_GIVES_UP_BATCHES).findings)

    assert is_failing(schedule)
    assert shrink(schedule, is_failing, limit=8).kinds == {Kind.CUT_DATABASE_LINK}
