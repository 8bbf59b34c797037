"""Long steps of a count: each runs in a thread of its own and tells how far it is.

One at a time for each year: a count is drafted or frozen by one person, and everybody else sees
that it happens. A process that dies leaves nothing half done: both steps end in one transaction.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from api.web.problems import Kind, Problem
from jieru.errors import UserError, WorldError
from jieru.i18n import marked as _
from verifier.counting.progress import Phase, Progress
from verifier.procedure.records import CountRecord
from verifier.procedure.states import Step

__all__ = ["Work", "Works"]

_DATABASE_WAS_AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)
_DATABASE_FAULT: Final = _(
    "The database could not be reached meanwhile: nothing was kept of this step. Begin it again."
)
_OWN_FAULT: Final = _(
    "The step ended in a fault of this program, whose log has the details; nothing was kept of it."
)

_log = structlog.get_logger()


class Work:
    """One step that runs, or has ended."""

    def __init__(self, step: Step, person: str) -> None:
        """Begin with nothing done."""
        self.step = step
        self.person = person
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
        error = self.future.exception() if self.future.done() else None
        if error is None or isinstance(error, UserError | WorldError):
            return error
        if isinstance(error, _DATABASE_WAS_AWAY):
            return WorldError(_DATABASE_FAULT)
        return WorldError(_OWN_FAULT)


class Works:
    """The last long step of each year, in this process."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self._works: dict[int, Work] = {}

    def of_year(self, year: int) -> Work | None:
        """The step that runs, or the last one that did."""
        return self._works.get(year)

    def require_idle(self, year: int) -> None:
        """Refuse what must not happen while a long step runs.

        Raises:
            Problem: one does.
        """
        before = self._works.get(year)
        if before is not None and before.is_running:
            raise Problem(
                Kind.CONFLICT,
                _("{name} is drafting or freezing the count of {year} at this moment."),
                name=before.person,
                year=year,
            )

    def begin(
        self, year: int, step: Step, person: str, do: Callable[[Progress], CountRecord]
    ) -> Work:
        """Take a step in a thread of its own.

        Raises:
            Problem: another one runs.
        """
        with self._lock:
            self.require_idle(year)
            work = self._works[year] = Work(step, person)
        threading.Thread(target=_run, args=(work, do), name=f"{step}-{year}", daemon=True).start()
        return work


def _run(work: Work, do: Callable[[Progress], CountRecord]) -> None:
    try:
        record = do(work.tell)
    except Exception as error:  # noqa: BLE001 - whoever asks for the result is told
        if not isinstance(error, UserError):
            _log.exception("count_step_failed", step=work.step.value)
        work.future.set_exception(error)
    else:
        work.future.set_result(record)
