"""The bounds of one process: who asks too much is told so, and everybody else is let in in turn."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Final, TypeVar

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from api.web.bounds.admission import Admission, Limits, Reason, RefusedError
from api.web.bounds.heavy import HeavyQueue, Line
from api.web.bounds.running_work import RunningWork, WorkEndedError
from api.web.bounds.table import Cost
from api.web.problems import Kind, Problem

__all__ = ["Admitted", "Bounds", "LeavesAtTheEnd"]

Result = TypeVar("Result")

_KEY: Final = "jieru.admitted"

_log = structlog.get_logger()


class Admitted:
    """One request that was let in, until it leaves."""

    def __init__(self, admission: Admission, name: str, ticket: Future[None] | None) -> None:
        """Keep what it holds."""
        self._admission = admission
        self._name = name
        self._ticket = ticket

    def leave(self) -> None:
        """Make room for the next one; once is enough."""
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            self._admission.leave(self._name, ticket)


class Bounds:
    """What the application asks before it does anything for anybody."""

    def __init__(
        self,
        heavy: HeavyQueue,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let nobody wait yet.

        Args:
            heavy: the line of heavy work.
            limits: of what is asked in this process.
            clock: seconds that never go back.
        """
        self.heavy = heavy
        self.admission = Admission(limits or Limits(), clock=clock)
        self.refused: Counter[Reason] = Counter()

    async def admit(self, request: Request, name: str, cost: Cost) -> None:
        """Let a request in when its caller's turn has come; it leaves with the end of its answer.

        Raises:
            Problem: its caller asks for too much.
        """
        ticket: Future[None] | None = None
        with self.refusals():
            self.admission.charge(name, cost.value.units)
            if cost.value.takes_place:
                ticket = self.admission.enter(name)
        admitted = request.state.admitted = Admitted(self.admission, name, ticket)
        held = request.scope.get(_KEY)
        if held is not None:
            held.callback(admitted.leave)
        if ticket is not None:
            await _granted(ticket, admitted)

    async def heavily(
        self,
        request: Request,
        line: Line,
        caller: str,
        work: Callable[[], Awaitable[Result]],
    ) -> Result:
        """Do heavy work when its caller's turn has come, for as long as the client is there.

        Raises:
            Problem: too much of this caller waits, its turn does not come, or it was cancelled.
        """
        kind = f"{request.method} {request.scope['route'].path}"
        # What stands in this line takes nobody's place among light requests.
        request.state.admitted.leave()
        running = RunningWork()
        task = asyncio.ensure_future(self.heavy.run(line, caller, kind, work, running=running))
        with self.refusals():
            async with _ended_when_gone(request, task, running):
                return await task

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Let what is refused inside be answered, and counted.

        Raises:
            Problem: it was refused, or cancelled.
        """
        try:
            yield
        except RefusedError as error:
            self.refused[error.reason] += 1
            _log.warning("request_refused", reason=error.reason)
            raise Problem(Kind.TOO_MANY_REQUESTS, error.message).with_headers(
                {"Retry-After": str(error.retry_after_s)}
            ) from None
        except WorkEndedError as error:
            raise Problem(Kind.CONFLICT, error.message) from None


class LeavesAtTheEnd:
    """ASGI middleware: whatever a request holds it leaves with the end of its answer."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        async with AsyncExitStack() as held:
            await self._app({**scope, _KEY: held}, receive, send)


async def _granted(ticket: Future[None], admitted: Admitted) -> None:
    """Wait for one's turn; whoever does not wait any more leaves the line."""
    try:
        # Shielded: a future that its waiter has cancelled could not be granted.
        await asyncio.shield(asyncio.wrap_future(ticket))
    except BaseException:
        admitted.leave()
        raise


@asynccontextmanager
async def _ended_when_gone(
    request: Request, task: asyncio.Future[Result], running: RunningWork
) -> AsyncIterator[None]:
    """End a request's work when its client is gone, or nobody waits for it any more."""

    async def look() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        await run_in_threadpool(running.end)
        if not running.is_begun:
            task.cancel()

    # What is left of the body is read first: then only the client's going can come.
    with suppress(RuntimeError):  # it was read as a form
        await request.body()
    looking = asyncio.ensure_future(look())
    try:
        yield
    except asyncio.CancelledError:
        task.cancel()
        if running.is_ended:
            raise WorkEndedError from None
        raise
    finally:
        looking.cancel()
