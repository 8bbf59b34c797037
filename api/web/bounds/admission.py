"""Who is let in at this moment: few at once of each caller, in turn between callers.

Nothing here waits: whoever does holds a future, and no thread.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from math import ceil
from typing import Final, Literal

from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = ["Admission", "Limits", "Reason", "RefusedError"]

_MINUTE_S: Final = 60.0
_CALLERS_KEPT: Final = 20_000
"""Beyond, those are forgotten who asked for nothing longest."""
_SOON_S: Final = 2

Reason = Literal["at_once", "per_minute", "waiting", "heavy_waiting"]


_SENTENCES: Final[dict[Reason, str]] = {
    "at_once": _("Too many requests of yours are being answered at once. Ask again in a moment."),
    "per_minute": _(
        "You have asked for more within a minute than one caller may. Ask again when Retry-After "
        "says so."
    ),
    "waiting": _(
        "Too much heavy work of yours waits already, such as counts, reports, exports or imports. "
        "Wait for it, then ask again."
    ),
    "heavy_waiting": _(
        "Much heavy work is being done just now, and your turn has not come. Ask again in a moment."
    ),
}


class RefusedError(UserError):
    """A caller asks for too much."""

    def __init__(self, reason: Reason, retry_after_s: int) -> None:
        """Say which bound it is, and when to ask again."""
        super().__init__(_SENTENCES[reason])
        self.reason: Reason = reason
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is let in."""

    at_once: int = 32
    """Of all callers together: under the 40 threads in which they are answered."""
    at_once_of_caller: int = 4
    """Fewer than the connections to the database, so that one caller alone never takes them all."""
    waiting_of_caller: int = 100
    """Whoever has more of them out is a program that does not wait for answers."""
    cost_per_minute: int = 4_000
    """Twenty times what somebody asks who clicks twice a second for a minute; saved up for one."""


@dataclass(slots=True)
class _Caller:
    budget: float
    """What may still be asked; less than nothing never."""
    looked_at_s: float
    inside: int = 0
    line: deque[Future[None]] = field(default_factory=deque)


class Admission:
    """Bounds in the memory of one process; any thread may ask."""

    def __init__(self, limits: Limits, *, clock: Callable[[], float]) -> None:
        """Let nobody wait yet; `clock` gives seconds that never go back."""
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._callers: OrderedDict[str, _Caller] = OrderedDict()
        self._turns: OrderedDict[str, None] = OrderedDict()
        """Callers who wait, the one whose turn is next first."""
        self.inside = 0

    @property
    def waiting(self) -> int:
        """How many requests wait to be let in."""
        with self._lock:
            return sum(len(self._callers[name].line) for name in self._turns)

    def charge(self, name: str, cost: int) -> None:
        """Take the cost of a request from what its caller may ask in a minute.

        Raises:
            RefusedError: that is used up.
        """
        per_s = self._limits.cost_per_minute / _MINUTE_S
        with self._lock:
            caller = self._caller(name)
            now = self._clock()
            saved = caller.budget + (now - caller.looked_at_s) * per_s
            caller.budget = min(saved, self._limits.cost_per_minute)
            caller.looked_at_s = now
            if caller.budget < cost:
                raise RefusedError("per_minute", max(1, ceil((cost - caller.budget) / per_s)))
            caller.budget -= cost

    def enter(self, name: str) -> Future[None]:
        """Ask to be let in; the future is done when one is.

        Raises:
            RefusedError: too many of this caller wait already.
        """
        ticket: Future[None] = Future()
        with self._lock:
            caller = self._caller(name)
            if len(caller.line) >= self._limits.waiting_of_caller:
                raise RefusedError("at_once", _SOON_S)
            caller.line.append(ticket)
            self._turns.setdefault(name)
            self._let_in()
        return ticket

    def leave(self, name: str, ticket: Future[None]) -> None:
        """Make room, whether one was let in or still waits."""
        with self._lock:
            caller = self._callers[name]
            if ticket in caller.line:
                caller.line.remove(ticket)
                if not caller.line:
                    del self._turns[name]
                return
            caller.inside -= 1
            self.inside -= 1
            self._let_in()

    def _caller(self, name: str) -> _Caller:
        caller = self._callers.get(name)
        if caller is None:
            caller = _Caller(self._limits.cost_per_minute, self._clock())
            self._callers[name] = caller
            self._forget()
        self._callers.move_to_end(name)
        return caller

    def _forget(self) -> None:
        if len(self._callers) > _CALLERS_KEPT:
            idle = (
                name for name, each in self._callers.items() if not each.inside + len(each.line)
            )
            del self._callers[next(idle)]

    def _let_in(self) -> None:
        """Go round the callers who wait, one request of each, while there is room."""
        passed = 0
        while passed < len(self._turns) and self.inside < self._limits.at_once:
            name = next(iter(self._turns))
            caller = self._callers[name]
            if caller.inside >= self._limits.at_once_of_caller:
                self._turns.move_to_end(name)
                passed += 1
                continue
            passed = 0
            caller.inside += 1
            self.inside += 1
            ticket = caller.line.popleft()
            if caller.line:
                self._turns.move_to_end(name)
            else:
                del self._turns[name]
            ticket.set_result(None)
