"""The clock of a demonstration: months of a count pass while somebody looks on."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Final

from api.web.clock import Clock
from jieru.calendar import civil_date

__all__ = ["LONGEST_MOVE_DAYS", "Demonstration"]

LONGEST_MOVE_DAYS: Final = 31
_LATEST: Final = date(2099, 12, 31)


class Demonstration:
    """By what time steps of a count are taken in a demonstration; only forwards."""

    def __init__(self, first_day: date) -> None:
        """Begin on a civil day, at the time of day that it is."""
        today = civil_date(datetime.now(UTC))
        self._ahead = max(first_day - today, timedelta())
        self._lock = threading.Lock()

    @property
    def clock(self) -> Clock:
        """The host's, but for steps."""
        return Clock(steps=self.now)

    @property
    def day(self) -> date:
        """The civil day."""
        return civil_date(self.now())

    def now(self) -> datetime:
        """The moment by which steps are taken."""
        return datetime.now(UTC) + self._ahead

    def move(self, days: int) -> None:
        """Let days pass, up to the last day that a step may name.

        Raises:
            ValueError: it would go back, or further than a month at once.
        """
        if not 1 <= days <= LONGEST_MOVE_DAYS:
            raise ValueError(f"{days} days")
        with self._lock:
            left = (_LATEST - self.day).days
            self._ahead += timedelta(days=min(days, left))
