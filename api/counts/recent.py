"""Results a few seconds old, each computed once however many ask for it at the same time.

A count of a large city takes seconds. Without this, every keystroke in a filter and every reader
would start another one; with a longer memory, a page would show evidence of the past.
"""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, NamedTuple, TypeVar

__all__ = ["RecentResults"]

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


class _Entry(NamedTuple, Generic[Result]):
    future: Future[Result]
    done_at_s: list[float]
    """Empty while the computation runs, then the one instant at which it ended."""


class RecentResults(Generic[Key, Result]):
    """Keeps results for `seconds` after each was computed; threads that ask meanwhile wait."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty; `clock` gives seconds that never go back."""
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[Key, _Entry[Result]] = {}

    def get(self, key: Key, compute: Callable[[], Result]) -> Result:
        """The result under this key, computed now unless a recent one is there.

        An exception of `compute` goes to everyone who waits for it and is then forgotten.
        """
        with self._lock:
            self._forget_old()
            entry = self._entries.get(key)
            is_mine = entry is None
            if entry is None:
                entry = self._entries[key] = _Entry(Future(), [])
        if is_mine:
            self._fill(key, entry, compute)
        return entry.future.result()

    def _fill(self, key: Key, entry: _Entry[Result], compute: Callable[[], Result]) -> None:
        try:
            result = compute()
        except BaseException as error:
            with self._lock:
                del self._entries[key]
            entry.future.set_exception(error)
            raise
        with self._lock:
            entry.done_at_s.append(self._clock())
        entry.future.set_result(result)

    def _forget_old(self) -> None:
        oldest = self._clock() - self._seconds
        for key, entry in list(self._entries.items()):
            if entry.done_at_s and entry.done_at_s[0] <= oldest:
                del self._entries[key]
