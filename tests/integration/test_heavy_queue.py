"""The line of heavy work, with real databases: places are leases that several processes share."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import psycopg
import pytest

from api.web.bounds.admission import RefusedError
from api.web.bounds.heavy import HeavyPlaces, HeavyQueue
from api.web.bounds.running_work import WorkEndedError
from api.web.database import RequestDatabase
from jieru.database import connect, open_pool
from tests.support.fleet import wait_until
from tests.support.roles import API, as_role

_PATIENCE_S = 60
_STANDING = """
    SELECT count(*) FILTER (WHERE started_at IS NULL),
           count(*) FILTER (WHERE started_at IS NOT NULL)
    FROM heavy_work WHERE ended_at IS NULL
"""
_ORDER = "SELECT caller FROM heavy_work WHERE started_at IS NOT NULL ORDER BY started_at, id"


@contextmanager
def _queue(url: str, places: HeavyPlaces | None = None) -> Iterator[HeavyQueue]:
    """One of a process, under the role of the API."""
    with open_pool(as_role(url, API), size=4) as pool:
        yield HeavyQueue(RequestDatabase(pool).reading, places)


def _standing(url: str) -> tuple[int, int]:
    with connect(url) as connection:
        row = connection.execute(_STANDING).fetchone()
    assert row is not None
    return row[0], row[1]


def _stand(url: str, number: int) -> bool:
    return sum(_standing(url)) == number


class _Workers:
    """Threads that hold places until they are let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.most: dict[str, int] = {}
        self._inside: list[str] = []
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.errors: list[Exception] = []

    def begin(self, queue: HeavyQueue, caller: str) -> None:
        """Ask for a place in the line of large work."""
        thread = threading.Thread(target=self._work, args=(queue, caller))
        self._threads.append(thread)
        thread.start()

    def _work(self, queue: HeavyQueue, caller: str) -> None:
        try:
            with queue.place("large", caller, "test"):
                with self._lock:
                    self._inside.append(caller)
                    for name in (caller, "all"):
                        number = len(self._inside) if name == "all" else self._inside.count(name)
                        self.most[name] = max(self.most.get(name, 0), number)
                assert self.let_go.wait(_PATIENCE_S)
                with self._lock:
                    self._inside.remove(caller)
        except (RefusedError, WorkEndedError) as error:
            self.errors.append(error)

    def join(self) -> None:
        """Let all go, and wait for them."""
        self.let_go.set()
        for each in self._threads:
            each.join(_PATIENCE_S)
            assert not each.is_alive()


def test_two_processes_share_the_places_and_callers_take_turns(database_url: str) -> None:
    """Twelve pieces of one caller and one of another: one runs of each, and two in all (C2)."""
    workers = _Workers()
    with _queue(database_url) as one, _queue(database_url) as other:
        for number in range(12):
            workers.begin((one, other)[number % 2], "user:a")
            wait_until(partial(_stand, database_url, number + 1), "it stands there")
        workers.begin(other, "user:b")
        wait_until(lambda: _standing(database_url) == (11, 2), "the other one's turn has come")
        workers.begin(one, "user:c")
        wait_until(lambda: _standing(database_url)[0] == 12, "a third one waits")
        assert one.running + other.running == 2
        assert one.waiting + other.waiting == 12
        workers.join()
        with connect(database_url) as connection:
            order = [row[0] for row in connection.execute(_ORDER)]
    assert workers.errors == []
    assert workers.most == {"user:a": 1, "user:b": 1, "user:c": 1, "all": 2}
    assert order[:2] == ["user:a", "user:b"]
    assert order.index("user:c") < 4
    assert order.count("user:a") == 12


def test_small_work_does_not_wait_for_large_work(database_url: str) -> None:
    """It has a line of its own."""
    workers = _Workers()
    with _queue(database_url) as queue:
        for caller in ("user:a", "user:b", "user:c"):
            workers.begin(queue, caller)
        wait_until(lambda: _standing(database_url) == (1, 2), "both places are taken")
        with queue.place("small", "user:c", "test"):
            pass
        workers.join()


def test_places_of_a_process_that_was_killed_are_taken_over(database_url: str) -> None:
    """Its leases run out: nobody renews them, and nobody hands out to it."""
    with connect(database_url) as connection:
        connection.execute("""
            INSERT INTO heavy_work (line, caller, kind, started_at, leased_until)
            SELECT 'large', 'user:' || number, 'test', clock_timestamp(),
                   clock_timestamp() + interval '1 second'
            FROM generate_series(1, 2) AS number
        """)
        connection.commit()
    with _queue(database_url) as queue, queue.place("large", "user:1", "test"):
        assert _standing(database_url) == (0, 1)


def test_a_lease_that_is_renewed_is_kept(database_url: str) -> None:
    """Work that takes longer than a lease keeps its place."""
    places = HeavyPlaces(at_once=1, lease=timedelta(seconds=3))
    workers = _Workers()
    with _queue(database_url, places) as one, _queue(database_url, places) as other:
        workers.begin(one, "user:a")
        wait_until(lambda: _standing(database_url) == (0, 1), "it runs")
        with connect(database_url) as connection:
            leased = "SELECT leased_until, clock_timestamp() FROM heavy_work WHERE ended_at IS NULL"
            first = connection.execute(leased).fetchone()
            assert first is not None
        workers.begin(other, "user:b")

        def is_over() -> bool:
            with connect(database_url) as connection:
                row = connection.execute("SELECT clock_timestamp() > %s", (first[0],)).fetchone()
            return row == (True,)

        wait_until(is_over, "the first lease would be over")
        assert _standing(database_url) == (1, 1)
        assert workers.most["all"] == 1
        workers.join()


def test_too_much_that_waits_is_refused_and_anothers_is_not(database_url: str) -> None:
    """However many processes it is sent to."""
    places = HeavyPlaces(waiting_of_caller=2)
    workers = _Workers()
    with _queue(database_url, places) as one, _queue(database_url, places) as other:
        for number in range(3):
            workers.begin(one, "user:a")
            wait_until(partial(_stand, database_url, number + 1), "it stands there")
            wait_until(lambda: _standing(database_url)[1] == 1, "one runs")
        with pytest.raises(RefusedError) as refused, other.place("large", "user:a", "test"):
            pass
        with other.place("large", "user:b", "test"):
            pass
        workers.join()
    assert refused.value.reason == "waiting"


def test_what_is_cancelled_ends_in_whichever_process_does_it(database_url: str) -> None:
    """Its statement too; another's is not found."""
    ended: list[Exception] = []

    def sleep(database: RequestDatabase, queue: HeavyQueue) -> None:
        try:
            with queue.place("large", "user:a", "test"), database.reading() as connection:
                connection.execute("SELECT pg_sleep(600)")
        except WorkEndedError as error:
            ended.append(error)

    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"
    with (
        open_pool(as_role(database_url, API), size=4) as pool,
        _queue(database_url) as other,
        psycopg.connect(database_url, autocommit=True) as looker,
    ):
        database = RequestDatabase(pool)
        queue = HeavyQueue(database.reading)
        thread = threading.Thread(target=sleep, args=(database, queue))
        thread.start()
        wait_until(lambda: looker.execute(sleeping).fetchone() == (1,), "it sleeps")
        (work,) = other.of_caller("user:a")
        assert (work.started_at is not None, work.ended_at, work.before) == (True, None, None)
        assert not other.cancel("user:b", work.id)
        assert other.cancel("user:a", work.id)
        thread.join(_PATIENCE_S)
        assert not thread.is_alive()
        (work,) = other.of_caller("user:a")
        assert work.ended_at is not None
    assert len(ended) == 1


async def test_what_waits_holds_no_thread_and_leaves_the_line_when_nobody_waits_for_it(
    database_url: str,
) -> None:
    """A request that is given up is not begun."""
    begun: list[str] = []

    async def work() -> None:
        begun.append("it")

    with _queue(database_url) as queue, queue.place("large", "user:a", "test"):
        task = asyncio.ensure_future(queue.run("large", "user:a", "test", work))
        await asyncio.to_thread(
            wait_until, lambda: _standing(database_url) == (1, 1), "it stands in the line"
        )
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert _standing(database_url) == (0, 1)
    assert begun == []
