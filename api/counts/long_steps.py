"""Long steps of a count: each runs in a thread of its own and tells how far it is.

One at a time for each year, however many `jieru serve` there are: a count is drafted or frozen by
one person, and everybody else sees that it happens. A process that dies leaves nothing half done:
each step ends in one transaction; that it began is kept, so that the next process can tell.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from typing import Final

import psycopg
import structlog
from psycopg_pool import ConnectionPool, PoolTimeout

from api.counts.kept_steps import (
    Ending,
    KeptStep,
    begin_kept,
    end_kept,
    find_newest,
    hear_kept,
    interrupt_kept,
    running_person,
)
from api.web.database import RequestDatabase
from api.web.problems import Kind, Problem
from jieru.errors import UserError, WorldError
from jieru.i18n import marked as _
from verifier.counting.progress import Phase, Progress
from verifier.procedure.records import CountRecord
from verifier.procedure.staleness import StaleDraftError
from verifier.procedure.states import Step

__all__ = ["Work", "Works"]

_DATABASE_WAS_AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)
_DATABASE_FAULT: Final = _(
    "The database could not be reached meanwhile: nothing was kept of this step. Begin it again."
)
_OWN_FAULT: Final = _(
    "The step ended in a fault of this program, whose log has the details; nothing was kept of it."
)

_HEARD_EVERY_S: Final = 2.0
"""So often the database is told that a step still runs; half a minute of silence is its end."""
_TELL_ENDING_TIMES: Final = 10
"""A database that is away when a step ends is told later; after that the silence tells."""

_log = structlog.get_logger()


class Work:
    """One step that runs in this process, or has ended."""

    def __init__(self, step: Step, person: str, number: int = 0) -> None:
        """Begin with nothing done.

        Args:
            step: which one.
            person: who takes it.
            number: under which the database keeps it.
        """
        self.step = step
        self.person = person
        self.number = number
        self.reached: tuple[Phase, float] = (Phase.REGISTRY, 0.0)
        self.future: Future[CountRecord] = Future()

    def tell(self, phase: Phase, fraction: float) -> None:
        """Take note of how far it is; a `Progress`."""
        self.reached = (phase, fraction)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return not self.future.done()

    @property
    def refusal(self) -> UserError | WorldError | None:
        """Why it was not done, in a sentence for whoever waits; None while it runs, and when done.

        A fault of that moment is no state: it is told as what it was, and the step can be begun
        again.
        """
        return _in_a_sentence(self.future.exception()) if self.future.done() else None

    def shown(self, kept: KeptStep) -> KeptStep:
        """What is kept of it, with what this process knows better."""
        if self.is_running:
            return replace(kept, reached=self.reached, ending=None, refusal=None)
        refusal = self.refusal
        if refusal is None:
            return replace(kept, ending=Ending.DONE, refusal=None)
        changes = refusal.found if isinstance(refusal, StaleDraftError) else ()
        return replace(kept, ending=Ending.FAILED, refusal=refusal, changes=changes)


class Works:
    """The long steps of each year: those of this process, and what the database keeps of all."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self._works: dict[int, Work] = {}

    def of_year(self, year: int) -> Work | None:
        """The step that runs in this process, or the last one that did."""
        return self._works.get(year)

    def newest(self, connection: psycopg.Connection, year: int) -> KeptStep | None:
        """The step of a year that was begun last, in whichever process."""
        kept, own = find_newest(connection, year), self._works.get(year)
        if kept is None or own is None or own.number != kept.number:
            return kept
        return own.shown(kept)

    def require_idle(self, database: RequestDatabase, year: int) -> None:
        """Refuse what must not happen while a long step runs.

        Raises:
            Problem: one does.
        """
        before = self._works.get(year)
        with database.reading() as connection:
            person = running_person(connection, year)
        if before is not None and before.is_running:
            person = before.person
        if person is not None:
            raise _busy(year, person)

    def begin(
        self,
        database: RequestDatabase,
        year: int,
        step: Step,
        person: str,
        do: Callable[[Progress], CountRecord],
    ) -> Work:
        """Take a step in a thread of its own.

        Raises:
            Problem: another one runs.
        """
        with self._lock:
            self.require_idle(database, year)
            # Autocommit: what a step leaves in the database is no audited change of a record.
            with database.reading() as connection, connection.transaction():
                number = begin_kept(connection, year, step, person)
                other = None if number else running_person(connection, year)
            if number is None:
                raise _busy(year, other or "?")
            work = self._works[year] = Work(step, person, number)
        threading.Thread(
            target=_run, args=(work, do, database), name=f"{step}-{year}", daemon=True
        ).start()
        return work

    def leave(self, pool: ConnectionPool) -> None:
        """Note that this process ends, and with it the steps that it takes."""
        running = [each.number for each in tuple(self._works.values()) if each.is_running]
        if running:
            with suppress(*_DATABASE_WAS_AWAY), pool.connection() as connection:
                interrupt_kept(connection, running)


def _busy(year: int, person: str) -> Problem:
    return Problem(
        Kind.CONFLICT,
        _("{name} is drafting or freezing the count of {year} at this moment."),
        name=person,
        year=year,
    )


def _in_a_sentence(error: BaseException | None) -> UserError | WorldError | None:
    if error is None or isinstance(error, UserError | WorldError):
        return error
    if isinstance(error, Problem):
        return WorldError(error.message, **error.values)
    if isinstance(error, _DATABASE_WAS_AWAY):
        return WorldError(_DATABASE_FAULT)
    return WorldError(_OWN_FAULT)


def _run(work: Work, do: Callable[[Progress], CountRecord], database: RequestDatabase) -> None:
    is_over = threading.Event()
    hearing = threading.Thread(
        target=_be_heard, args=(work, database, is_over), name="long-step-heard", daemon=True
    )
    hearing.start()
    record: CountRecord | None = None
    fault: Exception | None = None
    try:
        record = do(work.tell)
    except Exception as error:  # noqa: BLE001 - whoever asks for the result is told
        if not isinstance(error, UserError):
            _log.exception("count_step_failed", step=work.step.value)
        fault = error
    is_over.set()
    hearing.join()
    # Kept before it is told here: whoever sees it done may begin the next one at once.
    _keep_ending(work, _in_a_sentence(fault), database)
    if record is not None:
        work.future.set_result(record)
    else:
        work.future.set_exception(fault or RuntimeError("a step ended without a count"))


def _be_heard(work: Work, database: RequestDatabase, is_over: threading.Event) -> None:
    while not is_over.wait(_HEARD_EVERY_S):
        with suppress(*_DATABASE_WAS_AWAY, Problem), database.reading() as connection:
            hear_kept(connection, work.number, work.reached)


def _keep_ending(
    work: Work, refusal: UserError | WorldError | None, database: RequestDatabase
) -> None:
    """Keep how it ended, where the database is there within a while."""
    for _attempt in range(_TELL_ENDING_TIMES):
        try:
            with database.reading() as connection:
                end_kept(connection, work.number, refusal)
        except _DATABASE_WAS_AWAY:
            time.sleep(_HEARD_EVERY_S)
        except Problem:  # this process ends, which is told by itself
            return
        else:
            return
    _log.warning("count_step_ending_untold", step=work.step.value)
