"""Results a few seconds old, each computed once however many ask for it at the same time.

A count of a large city takes seconds. Without this, every keystroke in a filter and every reader
would start another one; with a longer memory, a page would show evidence of the past.
"""

import contextlib
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
        entry, is_mine = self._entry(key)
        if is_mine:
            self._fill(key, entry, compute)
        return entry.future.result()

    def begin(self, key: Key, compute: Callable[[], Result]) -> Future[Result]:
        """Begin the computation in a thread of its own, and wait for nothing."""
        entry, is_mine = self._entry(key)
        if is_mine:
            threading.Thread(
                target=self._fill_apart, args=(key, entry, compute), name="computation", daemon=True
            ).start()
        return entry.future

    def _entry(self, key: Key) -> tuple[_Entry[Result], bool]:
        """What is kept under a key, and whether it is the caller's to fill."""
        with self._lock:
            self._forget_old()
            entry = self._entries.get(key)
            if entry is not None:
                return entry, False
            entry = self._entries[key] = _Entry(Future(), [])
            return entry, True

    def _fill_apart(self, key: Key, entry: _Entry[Result], compute: Callable[[], Result]) -> None:
        with contextlib.suppress(Exception):  # whoever holds the future is told
            self._fill(key, entry, compute)

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
