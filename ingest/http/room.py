"""What requests may hold in memory at once: all together, and each platform a part. Pure."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["FullError", "Hold", "Room"]

_SHARE: Final = 2
"""A platform has at most half, so that what it sends keeps nobody else out."""


class FullError(Exception):
    """There is no room now."""

    def __init__(self, *, is_own_share: bool) -> None:
        """Keep whether it is the platform's own part that is full."""
        super().__init__("own share" if is_own_share else "all")
        self.is_own_share = is_own_share


class Hold:
    """What one request holds, which only grows until it is given back."""

    def __init__(self, room: "Room", platform: str) -> None:
        """Hold nothing yet."""
        self._room = room
        self._platform = platform
        self._amount = 0

    def grow(self, amount: int) -> None:
        """Hold more.

        Raises:
            FullError: there is no room for it.
        """
        self._room.take(self._platform, amount)
        self._amount += amount

    def release(self) -> None:
        """Give all of it back."""
        self._room.give_back(self._platform, self._amount)
        self._amount = 0


class Room:
    """So much of something, bytes or rows."""

    def __init__(self, size: int) -> None:
        """Everything is free."""
        self._size = size
        self._by_platform: Counter[str] = Counter()
        self.held = 0

    def take(self, platform: str, amount: int) -> None:
        """Take some; the first of a platform, and of all, always fits.

        Raises:
            FullError: it does not fit.
        """
        own = self._by_platform[platform]
        if own and own + amount > self._size // _SHARE:
            raise FullError(is_own_share=True)
        if self.held and self.held + amount > self._size:
            raise FullError(is_own_share=False)
        self._by_platform[platform] = own + amount
        self.held += amount

    def give_back(self, platform: str, amount: int) -> None:
        """Give some back."""
        self.held -= amount
        self._by_platform[platform] -= amount
        if not self._by_platform[platform]:
            del self._by_platform[platform]

    @contextmanager
    def hold(self, platform: str) -> Iterator[Hold]:
        """Hold what one request needs, for the block's time."""
        hold = Hold(self, platform)
        try:
            yield hold
        finally:
            hold.release()
