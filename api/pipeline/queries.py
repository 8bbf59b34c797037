"""What stands ready of every enterprise a platform serves in a year, as the registry has it now.

Its cost grows with enterprises and devices, never with heartbeats.
"""

from datetime import date, datetime
from typing import Final

import psycopg
from psycopg.rows import class_row

from api.pipeline.readiness import Readiness
from jieru.calendar import civil_date
from registry.device_status import STATUS

__all__ = ["read_readiness", "read_stamp"]

_SELECT: Final = f"""
    WITH served AS MATERIALIZED (
        SELECT DISTINCT ON (platform_id, enterprise_id)
               id, platform_id, enterprise_id, from_date, to_date
        FROM connections
        WHERE from_date <= %(last)s AND (to_date IS NULL OR to_date > %(first)s)
          AND (%(own)s::integer IS NULL OR platform_id = %(own)s)
          AND (%(uscc)s::text IS NULL
               OR enterprise_id = (SELECT id FROM enterprises WHERE uscc = %(uscc)s))
        ORDER BY platform_id, enterprise_id, from_date DESC
    ), shared AS MATERIALIZED (
        SELECT DISTINCT platform_id FROM credentials
        WHERE revoked_at IS NULL AND device_id IS NULL
    ), own AS MATERIALIZED (
        SELECT DISTINCT device_id FROM credentials
        WHERE revoked_at IS NULL AND device_id IS NOT NULL
    ), seen AS MATERIALIZED (
        SELECT devices.platform_id, assignments.enterprise_id, last_seen_at,
               own.device_id IS NOT NULL AS has_own, {STATUS} AS status
        FROM served
        JOIN assignments USING (enterprise_id)
        JOIN devices ON devices.id = assignments.device_id
                    AND devices.platform_id = served.platform_id
        LEFT JOIN device_states ON device_states.device_id = devices.id
        LEFT JOIN own ON own.device_id = devices.id
        WHERE assignments.from_date <= %(today)s
          AND (assignments.to_date IS NULL OR assignments.to_date > %(today)s)
          AND (ended_on IS NULL OR ended_on > %(today)s)
    ), fleets AS MATERIALIZED (
        SELECT platform_id, enterprise_id, count(*) AS devices,
               count(last_seen_at) AS devices_heard,
               count(*) FILTER (WHERE has_own) AS devices_with_own,
               count(*) FILTER (WHERE status = 'offline') AS devices_silent,
               max(last_seen_at) FILTER (WHERE status = 'offline') AS silent_since,
               max(last_seen_at) AS last_heard_at
        FROM seen GROUP BY platform_id, enterprise_id
    )
    SELECT platforms.code AS platform, uscc, enterprises.name, district, industry_code,
           served.from_date, served.to_date, connection_confirmations.state AS confirmation,
           coalesce(fleets.devices, 0) AS devices,
           coalesce(CASE WHEN shared.platform_id IS NULL THEN devices_with_own ELSE devices END, 0)
               AS devices_with_credential,
           coalesce(devices_heard, 0) AS devices_heard,
           coalesce(devices_silent, 0) AS devices_silent,
           silent_since, last_heard_at
    FROM served
    JOIN platforms ON platforms.id = served.platform_id
    JOIN enterprises ON enterprises.id = served.enterprise_id
    LEFT JOIN connection_confirmations ON connection_id = served.id
    LEFT JOIN shared ON shared.platform_id = served.platform_id
    LEFT JOIN fleets ON fleets.platform_id = served.platform_id
                    AND fleets.enterprise_id = served.enterprise_id
"""  # noqa: S608 - our own text


def read_readiness(
    connection: psycopg.Connection,
    platform_id: int | None,
    year: int,
    now: datetime,
    uscc: str | None = None,
) -> list[Readiness]:
    """What stands ready of every enterprise served in a year.

    Args:
        connection: to a migrated database.
        platform_id: whose enterprises; None: everybody's.
        year: that their connections overlap.
        now: this moment.
        uscc: of the only enterprise to look at; None: all.
    """
    values = {
        "own": platform_id,
        "uscc": uscc,
        "first": date(year, 1, 1),
        "last": date(year, 12, 31),
        "now": now,
        "today": civil_date(now),
    }
    with connection.cursor(row_factory=class_row(Readiness)) as cursor:
        return cursor.execute(_SELECT, values, prepare=False).fetchall()


def read_stamp(connection: psycopg.Connection) -> int:
    """The number of the last audited change: where it is the same, registry and decisions are."""
    row = connection.execute("SELECT coalesce(max(number), 0) FROM audit_entries").fetchone()
    return int(row[0]) if row else 0
