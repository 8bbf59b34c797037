"""Followers of what arrives: one look a second for all of them, and none while nobody follows.

No follower holds a connection to the database, and none is followed for longer than its session.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

import psycopg
import structlog
from psycopg_pool import PoolTimeout
from starlette.concurrency import run_in_threadpool

from api.access.caller import Caller
from api.access.sessions import still_signed_in
from api.connect.answers import Arrival
from api.connect.arrivals import Arrived, look
from api.connect.subjects import Subject, newest_devices
from api.web.database import RequestDatabase
from api.web.problems import Kind, Problem
from jieru.i18n import Language
from jieru.i18n import marked as _

__all__ = ["OVERLAP", "Follower", "Following", "Parting"]

OVERLAP: Final = timedelta(seconds=60)
"""What was received this long before a look may have been stored after it."""
_EVERY_S: Final = 1.0
_LONGEST: Final = timedelta(minutes=30)
"""Who still looks then asks anew."""
_MOST: Final = 100
"""Followers of this process."""
_MOST_OF_A_PERSON: Final = 4
_UNREAD: Final = 60
"""Looks that wait for a reader who does not read."""
_LOOKS_TO_A_RENEWAL: Final = 10
"""After so many, what was registered meanwhile is followed too."""
_KNOWN: Final = 2_000
_RETRY_S: Final = 30

_log = structlog.get_logger()


class Parting(Enum):
    """Why following ended, as its reader is told."""

    SIGNED_OUT = _("Your session has ended: sign in to go on.")
    LONG_ENOUGH = _("Followed for half an hour; reload the page to go on.")
    STOPPING = _("The server restarts; reload the page in a moment.")
    FAILED = _("Following has failed; reload the page to go on.")
    UNREAD = _("The connection is too slow to follow; reload the page to go on.")


@dataclass(eq=False, slots=True)
class Follower:
    """Somebody who looks at what arrives of a subject. Belongs to the event loop."""

    subject: Subject
    language: Language
    caller: Caller
    token: str
    """Of the session, which is looked at again and again."""
    until: datetime
    _news: asyncio.Queue[list[Arrival] | Parting] = field(
        default_factory=lambda: asyncio.Queue(_UNREAD)
    )
    _known: dict[tuple[str, int], None] = field(default_factory=dict)
    _parting: Parting | None = None

    def tell(self, arrivals: list[Arrival]) -> None:
        """Take note of what is new among these."""
        new = [each for each in arrivals if each.version not in self._known]
        self._known.update(dict.fromkeys(each.version for each in new))
        while len(self._known) > _KNOWN:
            del self._known[next(iter(self._known))]
        if not new or self._parting is not None:
            return
        if self._news.full():
            self.part(Parting.UNREAD)
        else:
            self._news.put_nowait(new)

    def part(self, parting: Parting) -> None:
        """End it: nothing is told any more but why."""
        if self._parting is not None:
            return
        self._parting = parting
        while not self._news.empty():
            self._news.get_nowait()
        self._news.put_nowait(parting)

    async def news(self) -> AsyncIterator[list[Arrival] | Parting]:
        """What is new, time and again; at last why it ended."""
        while True:
            news = await self._news.get()
            yield news
            if isinstance(news, Parting):
                return


class Following:
    """All followers of this process. Belongs to the event loop, but for its looks."""

    def __init__(
        self,
        database: RequestDatabase,
        *,
        most: int = _MOST,
        most_of_a_person: int = _MOST_OF_A_PERSON,
    ) -> None:
        """Look through this database."""
        self._database = database
        self._most = most
        self._most_of_a_person = most_of_a_person
        self._followers: set[Follower] = set()
        self._looking: asyncio.Task[None] | None = None
        self._devices: dict[str, tuple[int, ...]] = {}
        self.looks = 0
        """How often the database was asked."""

    @contextmanager
    def entered(
        self, subject: Subject, language: Language, caller: Caller, token: str, *, now: datetime
    ) -> Iterator[Follower]:
        """Follow a subject until the block ends.

        Raises:
            Problem: this person, or all together, follow as much as may be followed.
        """
        self._require_room(caller)
        follower = Follower(subject, language, caller, token, now + _LONGEST)
        self._followers.add(follower)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_while_followed())
        try:
            yield follower
        finally:
            self._followers.discard(follower)
            if not self._followers and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    def _require_room(self, caller: Caller) -> None:
        own = sum(each.caller.user_id == caller.user_id for each in self._followers)
        if own >= self._most_of_a_person:
            raise Problem(
                Kind.TOO_MANY_ATTEMPTS,
                _("You follow {number} pages already: close one of them."),
                number=own,
            ).with_headers({"Retry-After": str(_RETRY_S)})
        if len(self._followers) >= self._most:
            raise Problem(
                Kind.TOO_MANY_ATTEMPTS,
                _("{number} people follow already: reload the page now and then instead."),
                number=len(self._followers),
            ).with_headers({"Retry-After": str(_RETRY_S)})

    async def _look_while_followed(self) -> None:
        try:
            await self._look_on()
        except Exception:
            for follower in self._followers:
                follower.part(Parting.FAILED)
            raise

    async def _look_on(self) -> None:
        loop = asyncio.get_running_loop()
        while self._followers:
            began = loop.time()
            followers = list(self._followers)
            now = datetime.now(UTC)
            try:
                signed_in, arrived = await run_in_threadpool(self._look, followers, now)
            except (psycopg.Error, PoolTimeout) as error:
                _log.warning("following_failed", error=str(error))
            else:
                for follower in followers:
                    self._tell(follower, signed_in, arrived, now)
            await asyncio.sleep(max(0.0, _EVERY_S - (loop.time() - began)))

    def _look(self, followers: list[Follower], now: datetime) -> tuple[frozenset[str], Arrived]:
        """In a thread: who is still signed in, and what is new for all of them."""
        self.looks += 1
        with self._database.reading() as connection:
            signed_in = still_signed_in(connection, {each.token: each.caller for each in followers})
            subjects = [each.subject for each in followers if each.token in signed_in]
            if self.looks % _LOOKS_TO_A_RENEWAL == 0:
                self._devices = newest_devices(connection, subjects)
            subjects = [self._renewed(each) for each in subjects]
            return signed_in, look(connection, subjects, now - OVERLAP, now=now)

    def _renewed(self, subject: Subject) -> Subject:
        """With the devices that its platform has by now."""
        name = subject.name
        if name.serial is not None or name.platform not in self._devices:
            return subject
        return subject._replace(device_ids=self._devices[name.platform])

    def _tell(
        self, follower: Follower, signed_in: frozenset[str], arrived: Arrived, now: datetime
    ) -> None:
        if follower.token not in signed_in:
            follower.part(Parting.SIGNED_OUT)
        elif now >= follower.until:
            follower.part(Parting.LONG_ENOUGH)
        else:
            subject = self._renewed(follower.subject)
            follower.tell(arrived.of(subject, follower.language))
