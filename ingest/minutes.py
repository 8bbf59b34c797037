"""What an ingester did in each minute, until that is stored. Pure; times are Unix seconds.

Operational figures, no evidence: they are kept in memory until written, and the oldest are
forgotten where the database is away for longer than the memory reaches.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["IngestMinutes", "Minute"]

_SECONDS_PER_MINUTE: Final = 60
_LIMIT: Final = 7 * 24 * 60
"""Minutes held at most: a week, some 3 MB."""
_LARGEST_INTEGER: Final = 2**31 - 1
"""Of the column that holds the longest commit: 24 days in milliseconds."""


@dataclass(slots=True)
class Minute:
    """The figures of one minute; names and units are the columns of `ingest_minutes`."""

    minute: int
    """Whole minutes since the Unix epoch."""
    received: int = 0
    committed: int = 0
    duplicates: int = 0
    late: int = 0
    rejected: int = 0
    batches: int = 0
    commit_ms_sum: int = 0
    commit_ms_max: int = 0
    behind_s_max: float = 0.0
    unacknowledged_max: int = 0
    session_troubles: int = 0


class IngestMinutes:
    """Gathers the minute that runs and holds those that have ended until they are dropped.

    A minute in which nothing came has its figures too, all zero: it tells an ingester that
    heard nothing from one that did not run.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        """Hold at most `limit` ended minutes."""
        self._ended: deque[Minute] = deque(maxlen=limit)
        self._running: Minute | None = None

    def receive(self, now_s: float, messages: int) -> None:
        """Count messages that the broker delivered."""
        self._at(now_s).received += messages

    def commit(
        self,
        now_s: float,
        *,
        heartbeats: int,
        duplicates: int,
        late: int,
        rejected: int,
        seconds: float,
    ) -> None:
        """Count a batch whose transaction was committed, `seconds` after the first try."""
        minute = self._at(now_s)
        commit_ms = min(round(seconds * 1000), _LARGEST_INTEGER)
        minute.batches += 1
        minute.committed += heartbeats
        minute.duplicates += duplicates
        minute.late += late
        minute.rejected += rejected
        minute.commit_ms_sum += commit_ms
        minute.commit_ms_max = max(minute.commit_ms_max, commit_ms)

    def sample(self, now_s: float, *, behind_s: float, unacknowledged: int) -> None:
        """Note where the ingester stands; asked for every second or so."""
        minute = self._at(now_s)
        minute.behind_s_max = max(minute.behind_s_max, behind_s)
        minute.unacknowledged_max = max(minute.unacknowledged_max, unacknowledged)

    def note_troubles(self, now_s: float, troubles: int) -> None:
        """Count so many more troubles of the session at the broker."""
        self._at(now_s).session_troubles += troubles

    def end(self) -> None:
        """End the running minute, though it may not be over: the ingester leaves."""
        if self._running is not None:
            self._ended.append(self._running)
            self._running = None

    def ended(self) -> list[Minute]:
        """The minutes that have ended and were not dropped yet, oldest first."""
        return list(self._ended)

    def drop(self, stored: Sequence[Minute]) -> None:
        """Forget minutes that `ended` gave out and that are stored now."""
        for minute in stored:
            # The oldest may have fallen out while they were being stored.
            if self._ended and self._ended[0] is minute:
                self._ended.popleft()

    def _at(self, now_s: float) -> Minute:
        number = int(now_s // _SECONDS_PER_MINUTE)
        if self._running is None or self._running.minute != number:
            self.end()
            self._running = Minute(number)
        return self._running
