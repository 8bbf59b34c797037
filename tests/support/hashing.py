"""Passwords whose verifications are counted, and held up where a test wants it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from argon2 import PasswordHasher

from api.access import passwords

__all__ = ["CountingHasher", "counting_hasher"]


class CountingHasher(PasswordHasher):
    """A light hasher that counts what it verifies."""

    def __init__(self) -> None:
        """Count from nothing; hold nobody up."""
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.verified = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self.begun = threading.Event()
        self._lock = threading.Lock()

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002
        """As ever, once it may go on."""
        with self._lock:
            self.verified += 1
        self.begun.set()
        self.go_on.wait()
        return super().verify(hash, password)


@contextmanager
def counting_hasher() -> Iterator[CountingHasher]:
    """The hasher of the application until the block ends."""
    hasher = CountingHasher()
    passwords._hash_of_nobody()  # it is made once, by a hash and not by a verification
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", hasher)
        try:
            yield hasher
        finally:
            hasher.go_on.set()
