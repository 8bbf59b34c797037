"""Whether a device is heard as often as it should be: told from one `now`, never stored. Pure.

The same rule twice: as a function, and as conditions on `device_states` and `devices` for lists. A
test holds them together.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, LiteralString

__all__ = ["CONDITIONS", "NEVER_HEARD", "STATUS", "Liveness", "liveness"]

_LATE_AFTER_INTERVALS: Final = 2
_OFFLINE_AFTER_INTERVALS: Final = 5
_WRITING_S: Final = 30
"""An ingester writes a device's last heartbeat at most so often (design section 6)."""


class Liveness(StrEnum):
    """How a device stands; what it says of itself (running, fault, ...) is another matter."""

    ONLINE = "online"
    LATE = "late"
    OFFLINE = "offline"
    NEVER = "never"
    """Not heard yet."""


def liveness(last_seen_at: datetime | None, expected_interval_s: int, now: datetime) -> Liveness:
    """How a device stands at one moment.

    Args:
        last_seen_at: the time stamp of its last heartbeat; it may be a little ahead of `now`.
        expected_interval_s: seconds between two of its heartbeats.
        now: the same moment for all devices of an answer.
    """
    if last_seen_at is None:
        return Liveness.NEVER
    silent = now - last_seen_at
    if silent <= _silence(_LATE_AFTER_INTERVALS, expected_interval_s):
        return Liveness.ONLINE
    if silent <= _silence(_OFFLINE_AFTER_INTERVALS, expected_interval_s):
        return Liveness.LATE
    return Liveness.OFFLINE


def _silence(intervals: int, expected_interval_s: int) -> timedelta:
    return timedelta(seconds=intervals * expected_interval_s + _WRITING_S)


STATUS: Final[LiteralString] = """
    CASE WHEN last_seen_at IS NULL THEN 'never'
         WHEN last_seen_at >= %(now)s - (expected_interval_s * 2 + 30) * interval '1 s'
             THEN 'online'
         WHEN last_seen_at >= %(now)s - (expected_interval_s * 5 + 30) * interval '1 s'
             THEN 'late'
         ELSE 'offline' END
"""
"""The status of a row of `devices` left-joined with `device_states`."""

# Each begins with a bound that holds for every device, so that most rows of device_states are
# passed over before they are joined: nobody is offline who was heard within five times the shortest
# interval of all. As a subquery it is computed once, not for each row.
_ONLINE: Final[LiteralString] = """(
    last_seen_at >= (SELECT %(now)s - (max(expected_interval_s) * 2 + 30) * interval '1 s'
                     FROM devices)
    AND last_seen_at >= %(now)s - (expected_interval_s * 2 + 30) * interval '1 s'
)"""
_LATE: Final[LiteralString] = """(
    last_seen_at < (SELECT %(now)s - (min(expected_interval_s) * 2 + 30) * interval '1 s'
                    FROM devices)
    AND last_seen_at >= (SELECT %(now)s - (max(expected_interval_s) * 5 + 30) * interval '1 s'
                         FROM devices)
    AND last_seen_at < %(now)s - (expected_interval_s * 2 + 30) * interval '1 s'
    AND last_seen_at >= %(now)s - (expected_interval_s * 5 + 30) * interval '1 s'
)"""
_OFFLINE: Final[LiteralString] = """(
    last_seen_at < (SELECT %(now)s - (min(expected_interval_s) * 5 + 30) * interval '1 s'
                    FROM devices)
    AND last_seen_at < %(now)s - (expected_interval_s * 5 + 30) * interval '1 s'
)"""

CONDITIONS: Final[dict[Liveness, LiteralString]] = {
    Liveness.ONLINE: _ONLINE,
    Liveness.LATE: _LATE,
    Liveness.OFFLINE: _OFFLINE,
    Liveness.NEVER: "last_seen_at IS NULL",
}
"""Whether a row of `devices` left-joined with `device_states` has a status at `%(now)s`."""

# Both tables in the order of their keys, for merging is half the work of hashing here; OFFSET 0
# keeps the planner from taking the subqueries apart.
NEVER_HEARD: Final[LiteralString] = """
    SELECT id FROM (SELECT id FROM devices ORDER BY id OFFSET 0) AS registered
    LEFT JOIN (SELECT device_id FROM device_states ORDER BY device_id OFFSET 0) AS heard
        ON heard.device_id = registered.id
    WHERE heard.device_id IS NULL
"""
"""The ids of all devices that were never heard."""
