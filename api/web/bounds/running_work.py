"""Work that can be ended from outside: with it ends what it asks the database at that moment."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

import psycopg

from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = ["RunningWork", "WorkEndedError", "asking", "current_work", "doing", "is_heavy"]


class WorkEndedError(UserError):
    """This work was ended from outside: its client has gone, or its caller asked for that."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            _("This work was cancelled. Look whether it was stored before you begin it again.")
        )


class RunningWork:
    """One piece of work; any thread may end it."""

    def __init__(self) -> None:
        """It goes on."""
        self._lock = threading.Lock()
        self._connections: list[psycopg.Connection] = []
        self.is_ended = False
        self.is_begun = False
        self.done: float | None = None
        """The part that is done; None: not told."""

    def end(self) -> None:
        """Cancel the statements that run for it, and let it begin no other."""
        self.is_ended = True
        with self._lock:
            for connection in self._connections:
                with suppress(psycopg.Error):
                    connection.cancel()

    def tell(self, _phase: object, fraction: float) -> None:
        """Note how far it is, and go no further where it was ended.

        Raises:
            WorkEndedError: it was.
        """
        self.done = fraction
        self.go_on()

    def go_on(self) -> None:
        """Check that it was not ended.

        Raises:
            WorkEndedError: it was.
        """
        if self.is_ended:
            raise WorkEndedError

    @contextmanager
    def using(self, connection: psycopg.Connection) -> Iterator[None]:
        """Let the end of this work reach what is asked on a connection meanwhile.

        Raises:
            WorkEndedError: it did.
        """
        with self._lock:
            self._connections.append(connection)
        try:
            self.go_on()
            yield
        except psycopg.errors.QueryCanceled:
            self.go_on()
            raise
        finally:
            # Taken out under the lock: a connection that somebody else has now is not cancelled.
            with self._lock:
                self._connections.remove(connection)


_WORK: ContextVar[RunningWork | None] = ContextVar("work", default=None)


@contextmanager
def doing(work: RunningWork) -> Iterator[None]:
    """Do what follows, and what threads do for it, as this piece of work.

    Raises:
        WorkEndedError: it was ended before.
    """
    work.go_on()
    work.is_begun = True
    token = _WORK.set(work)
    try:
        yield
    finally:
        _WORK.reset(token)


def is_heavy() -> bool:
    """Whether what is being done here stands in the line of heavy work."""
    return _WORK.get() is not None


def current_work() -> RunningWork:
    """What is being done; something that nobody ends where nothing is known."""
    return _WORK.get() or RunningWork()


@contextmanager
def asking(connection: psycopg.Connection) -> Iterator[None]:
    """Let the end of the work at hand reach what is asked on this connection.

    Raises:
        WorkEndedError: it did.
    """
    with current_work().using(connection):
        yield
