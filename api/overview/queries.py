"""What an overview shows, from the registry, device states and hourly counters.

Its cost grows with enterprises and devices, never with heartbeats or rejections.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import psycopg

from jieru.calendar import civil_date
from registry.device_status import STATUS, Liveness

__all__ = ["HourOfHeartbeats", "Overview", "read_overview"]

_HOURS: Final = 24
_BEST_FIRST: Final = (Liveness.ONLINE, Liveness.LATE, Liveness.OFFLINE, Liveness.NEVER)

_SELECT_STATUSES: Final = f"""
    WITH seen AS MATERIALIZED (
        SELECT devices.id, platform_id, array_position(%(statuses)s::text[], {STATUS}) AS place
        FROM devices LEFT JOIN device_states ON device_id = devices.id
        WHERE (ended_on IS NULL OR ended_on > %(today)s)
          AND (%(own)s::integer IS NULL OR platform_id = %(own)s)
    ), best AS (
        SELECT platform_id, enterprise_id, min(place) AS place
        FROM seen JOIN assignments ON device_id = seen.id
        WHERE from_date <= %(today)s AND (to_date IS NULL OR to_date > %(today)s)
        GROUP BY platform_id, enterprise_id
    )
    SELECT 'devices', place, count(*) FROM seen GROUP BY place
    UNION ALL
    SELECT 'enterprises', coalesce(place, %(never)s) AS best_place, count(*)
    FROM connections LEFT JOIN best USING (platform_id, enterprise_id)
    WHERE from_date <= %(today)s AND (to_date IS NULL OR to_date > %(today)s)
      AND (%(own)s::integer IS NULL OR platform_id = %(own)s)
    GROUP BY best_place
"""  # noqa: S608 - our own text
_SELECT_HEARTBEATS: Final = """
    SELECT hour, sum(heartbeats)::bigint, sum(late)::bigint FROM ingest_hours
    WHERE hour >= %(first_hour)s AND hour <= %(now)s
      AND (%(own)s::integer IS NULL OR platform_id = %(own)s)
    GROUP BY hour
"""
_SELECT_REJECTIONS: Final = """
    SELECT reason, sum(rejections)::bigint FROM rejection_hours
    WHERE hour >= %(first_hour)s AND hour <= %(now)s
      AND (%(own)s::integer IS NULL OR platform_id = %(own)s)
    GROUP BY reason ORDER BY 2 DESC, reason
"""


class HourOfHeartbeats(NamedTuple):
    """How many heartbeats were received in an hour."""

    hour: datetime
    """When it began."""
    heartbeats: int
    late: int
    """Of these, those that came too late to count."""


@dataclass(frozen=True, slots=True)
class Overview:
    """How things stand at one moment, for one platform or for all."""

    at: datetime
    enterprises: Mapping[Liveness, int]
    """Open connections by the best status of the enterprise's devices on that platform."""
    devices: Mapping[Liveness, int]
    hours: list[HourOfHeartbeats]
    """The last 24 that have begun, the present one last."""
    rejections: Mapping[str, int]
    """Of these hours, by reason, the most frequent first."""

    @property
    def heartbeats(self) -> int:
        """Received in all of the hours."""
        return sum(hour.heartbeats for hour in self.hours)


def read_overview(
    connection: psycopg.Connection, platform_id: int | None, now: datetime
) -> Overview:
    """How things stand.

    Args:
        connection: to a migrated database.
        platform_id: whose records; None: everybody's.
        now: this moment.
    """
    present_hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [present_hour - timedelta(hours=ago) for ago in reversed(range(_HOURS))]
    values = {
        "own": platform_id,
        "now": now,
        "today": civil_date(now),
        "first_hour": hours[0],
        "statuses": [status.value for status in _BEST_FIRST],
        "never": len(_BEST_FIRST),
    }
    counted: dict[str, dict[Liveness, int]] = {
        subject: dict.fromkeys(_BEST_FIRST, 0) for subject in ("enterprises", "devices")
    }
    for subject, place, count in connection.execute(_SELECT_STATUSES, values, prepare=False):
        counted[subject][_BEST_FIRST[place - 1]] = count
    heard = {row[0]: row[1:] for row in connection.execute(_SELECT_HEARTBEATS, values)}
    return Overview(
        at=now,
        enterprises=counted["enterprises"],
        devices=counted["devices"],
        hours=[HourOfHeartbeats(hour, *heard.get(hour, (0, 0))) for hour in hours],
        rejections=dict(connection.execute(_SELECT_REJECTIONS, values).fetchall()),
    )
