"""A few schedules of faults, and ingesters broken on purpose, which must be found out."""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.faults.run import play
from tests.faults.schedule import Fault, Kind, Schedule, schedule_of
from tests.faults.seeds import EVERY_RUN
from tests.faults.shrink import shrink
from tests.faults.stage import Servers
from tests.support.debian_root import DebianRoot
from tests.support.mosquitto import MosquittoBroker
from tests.support.plain_names import PLAIN_NAMES

_ACKNOWLEDGES_TOO_EARLY: Final = """
from ingest.pipeline import Pipeline
_write = Pipeline._write
async def _acknowledge_and_write(self, prepared):
    if prepared.batch is not None:
        self._subscriber.acknowledge(prepared.batch)
    await _write(self, prepared)
Pipeline._write = _acknowledge_and_write
"""
_ANSWERS_TOO_EARLY: Final = """
from ingest.http.post import Outcome
from ingest.http.posts import Posts
_put = Posts.put
def _answer_and_put(self, post):
    post.answer.set_result(Outcome())
    _put(self, post)
Posts.put = _answer_and_put
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


@pytest.mark.timeout(1_800)  # a failure is shrunken
@pytest.mark.parametrize("seed", EVERY_RUN)
def test_whatever_breaks_nothing_is_lost_and_nothing_counts_twice(
    servers: Servers, seed: int
) -> None:
    """Each message that the broker took is stored as if nothing had happened."""
    schedule = schedule_of(seed)
    outcome = play(servers, schedule)
    if outcome.findings:
        smallest = shrink(schedule, lambda each: bool(play(servers, each).findings))
        pytest.fail(f"{outcome}\n{outcome.log}\nshrunken to:\n{smallest}", pytrace=False)
    assert all(outcome.deeds.values()), f"a hostile client came to nothing: {outcome.deeds}"


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


_TOO_EARLY: Final = _company(Kind.RESTART_BROKER)
_GIVEN_UP: Final = _company(Kind.CUT_DATABASE_LINK)


def _acknowledged_too_early(servers: Servers, schedule: Schedule) -> bool:
    findings = play(servers, schedule, prelude=_ACKNOWLEDGES_TOO_EARLY).findings
    return any("acknowledged by an ingester" in finding for finding in findings)


def _gave_up_a_batch(servers: Servers, schedule: Schedule) -> bool:
    return bool(play(servers, schedule, prelude=_GIVES_UP_BATCHES).findings)


@pytest.mark.timeout(600)
def test_an_ingester_that_acknowledges_before_it_commits_is_found_out(servers: Servers) -> None:
    """By the proxy that notes each acknowledgement, whatever breaks."""
    assert _acknowledged_too_early(servers, _TOO_EARLY)


@pytest.mark.timeout(600)
def test_an_answer_of_200_before_the_commit_is_found_out(servers: Servers) -> None:
    """By the moment of the answer, and by what is missing."""
    findings = play(servers, _TOO_EARLY, http_prelude=_ANSWERS_TOO_EARLY).findings
    assert any("acknowledged by an ingester" in finding for finding in findings)


@pytest.mark.timeout(600)
def test_an_ingester_that_gives_up_a_batch_is_found_out(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the books, since nobody else knows what is missing; nobody waits long for what is lost."""
    monkeypatch.setattr("tests.faults.run._PATIENCE_S", 15.0)
    assert _gave_up_a_batch(servers, _GIVEN_UP)


_UNDER_ITS_NAME: Final = Schedule(1, "5", 1, "", (Fault(Kind.HOSTILE_NAMES, 0.5, 2.0, "clean"),))
_IN_ITS_GROUP: Final = Schedule(
    1, "5", 2, "jieru", (Fault(Kind.HOSTILE_NAMES, 0.5, 2.0, "persistent"),)
)
_DAMAGE: Final = re.compile(r"\d+ (not stored|acknowledged by the broker, and lost)")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("schedule", "without"),
    [(_UNDER_ITS_NAME, "use_username_as_clientid"), (_IN_ITS_GROUP, None)],
    ids=["client id", "group"],
)
def test_a_hostile_client_that_knows_the_names_is_found_out(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, schedule: Schedule, without: str | None
) -> None:
    """By the books, where ingesters have plain names and the broker binds no client id."""
    monkeypatch.setattr("tests.faults.run._PATIENCE_S", 4.0)
    root = servers._root
    monkeypatch.setattr(servers, "broker", lambda: MosquittoBroker(root, without=without))
    findings = play(servers, schedule, prelude=PLAIN_NAMES).findings
    assert any(_DAMAGE.match(each) for each in findings), findings


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_broker_that_takes_huge_packets_is_found_out(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the hostile client itself, which nobody has cut off."""
    root, limit = servers._root, {"max_packet_size": "268435455"}
    monkeypatch.setattr(servers, "broker", lambda: MosquittoBroker(root, settings=limit))
    fault = Fault(Kind.HOSTILE_MESSAGES, 0.5, 2.0, "beyond_packets")
    findings = play(servers, Schedule(1, "5", 1, "", (fault,))).findings
    assert any("took a packet" in each for each in findings), findings


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_what_fails_without_any_fault_is_shrunken_to_none(servers: Servers) -> None:
    """An ingester that acknowledges too early needs nothing that breaks."""
    smallest = shrink(_TOO_EARLY, lambda each: _acknowledged_too_early(servers, each), limit=2)
    assert smallest.faults == ()


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_what_fails_by_one_fault_is_shrunken_to_that_one(servers: Servers) -> None:
    """The fault that makes an ingester give up its batch is all that is left."""
    smallest = shrink(_GIVEN_UP, lambda each: _gave_up_a_batch(servers, each), limit=8)
    assert smallest.kinds == {Kind.CUT_DATABASE_LINK}
