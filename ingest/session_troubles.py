"""What befell the session at the broker that should befall none: lost, or taken by another. Pure.

Both cost heartbeats that the broker had acknowledged, and neither leaves another trace.
"""

from collections import Counter
from enum import StrEnum
from typing import Final

__all__ = ["SessionTrouble", "SessionTroubles"]

_FRESH_S: Final = 600.0
"""How long an ingester says that it is not well: until somebody has seen it."""


class SessionTrouble(StrEnum):
    """What happened."""

    LOST = "lost"
    """The broker has no session, though it promised to keep it."""
    TAKEN_OVER = "taken_over"
    """Somebody else connected with this client id."""


class SessionTroubles:
    """Counts them, and knows the last one for a while."""

    def __init__(self) -> None:
        """Begin with none."""
        self.counts: Counter[SessionTrouble] = Counter(dict.fromkeys(SessionTrouble, 0))
        self._last: tuple[SessionTrouble, float] | None = None

    def note(self, trouble: SessionTrouble, now_s: float) -> None:
        """One happened just now, by a clock that nobody sets, as `recent` has it."""
        self.counts[trouble] += 1
        self._last = trouble, now_s

    def recent(self, now_s: float) -> SessionTrouble | None:
        """The last one, if it was within ten minutes."""
        if self._last is None or now_s - self._last[1] > _FRESH_S:
            return None
        return self._last[0]
