"""The small city of today: devices that are heard, some late and some silent, and rejections."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Final

import psycopg

from jieru.calendar import SHANGHAI, bit_index
from jieru.presence import BITS_PER_MONTH
from tests.support.registry_builder import days_between
from tests.support.small_city import build_small_city

__all__ = ["SHOWN_DEVICE", "SHOWN_ENTERPRISE", "build_lively_city"]

SHOWN_ENTERPRISE: Final = 1
"""Number of an enterprise (`uscc_of`) whose devices have every kind of evidence."""
SHOWN_DEVICE: Final = "m1-0"
"""Serial of one of its devices, on xielian."""

_DEVICES: Final = """
    SELECT devices.id, serial, platform_id FROM devices JOIN platforms ON platforms.id = platform_id
    WHERE code IN ('xielian', 'guolian') ORDER BY devices.id
"""
_INSERT_STATE: Final = (
    "INSERT INTO device_states (device_id, last_seen_at, status) VALUES (%s, %s, %s)"
)
_INSERT_HEARTBEAT: Final = """
    INSERT INTO heartbeats (device_id, "time", received_at, seq, status, metrics)
    VALUES (%s, %s, %s, %s, %s, '{"temperature": 41.5, "spindle_rpm": 1200}')
"""
_INSERT_PRESENCE: Final = """
    INSERT INTO presence (device_id, month, hours, late_hours) VALUES (%s, %s, %s, %s)
    ON CONFLICT (device_id, month) DO UPDATE
    SET hours = excluded.hours, late_hours = excluded.late_hours
"""
_INSERT_HOUR: Final = """
    INSERT INTO ingest_hours (hour, platform_id, ingester, heartbeats, late)
    VALUES (%s, %s, 'tests', %s, %s)
"""
_INSERT_REJECTION: Final = """
    INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes)
    VALUES (%s, %s, %s, %s, %s)
"""
_INSERT_REJECTION_HOUR: Final = """
    INSERT INTO rejection_hours (hour, platform_id, reason, ingester, rejections)
    VALUES (%s, (SELECT id FROM platforms WHERE code = 'xielian'), %s, 'tests', %s)
"""

_INSERT_BROKER_EVENT: Final = """
    INSERT INTO broker_events (hour, kind, platform_id, username, is_user, client_id, address,
                               topic, detail, number, first_at, at)
    VALUES (%(hour)s, %(kind)s, (SELECT id FROM platforms WHERE code = 'xielian'), %(username)s,
            false, '', '203.0.113.7', %(topic)s, %(detail)s, 7, %(hour)s, %(hour)s)
"""
_INSERT_BROKER_SESSION: Final = """
    INSERT INTO broker_sessions (username, platform_id, client_id, is_connected, since, address,
                                 port, last_event)
    VALUES (%s, (SELECT id FROM platforms WHERE code = 'xielian'), '', %s, %s, '203.0.113.7', 4711,
            %s)
"""
_INSERT_EXCESS: Final = """
    INSERT INTO device_excess (hour, device_id, ingester, heartbeats) VALUES (%s, %s, 'tests', %s)
"""

_HEARD: Final = 60
"""Devices that are heard these days; the others fell silent, or never spoke."""
_REJECTED: Final = (
    ("unknown_device", "jieru/v1/xielian/m999-9/heartbeat", '{"ts": 1790000000000}'),
    ("malformed_payload", "jieru/v1/xielian/m2-1/heartbeat", '{"ts": "8 o\'clock"}'),
    ("future_timestamp", "jieru/v1/xielian/m3-0/heartbeat", '{"ts": 4102444800000}'),
    ("retained", "jieru/v1/guolian/m31-0/heartbeat", '{"ts": 1790000000000}'),
    ("bad_topic", "jieru/v1/xielian/机床 7/heartbeat", '{"ts": 1790000000000}'),
)
_TOLD: Final = (
    ("refused", "xielian/own/m2-1", "", "wrong_secret"),
    ("refused", "xielian/own/m2-l", "", "unknown_user"),
    ("denied", "xielian", "/jieru/v1/xielian/m2-1/heartbeat", ""),
    ("denied", "xielian", "jieru/v1/xielian/via/hall/m2-1/heartbeat", ""),
    ("connected", "xielian", "", ""),
)


def build_lively_city(connection: psycopg.Connection, *, now: datetime | None = None) -> None:
    """Fill a database that has our schema and nothing in it; `now` is when it is looked at."""
    now = now or datetime.now(UTC)
    build_small_city(connection)
    chance = random.Random("lively city")  # noqa: S311 - a city, not a secret
    hour = now.replace(minute=0, second=0, microsecond=0)
    for place, (device_id, _serial, _platform_id) in enumerate(
        connection.execute(_DEVICES).fetchall()
    ):
        if place >= 2 * _HEARD:
            continue
        silence = (
            timedelta(seconds=chance.randrange(10, 250))
            if place < _HEARD
            else timedelta(minutes=chance.choice([12, 14, 600, 4000, 60_000]))
        )
        status = chance.choice(["running", "running", "running", "idle", "fault", "maintenance"])
        connection.execute(_INSERT_STATE, (device_id, now - silence, status))
        if place < _HEARD:
            _add_presence(connection, device_id, now, chance)
        if place < 3:
            _add_heartbeats(connection, device_id, now - silence)
            for back in range(30):
                excess = (hour - timedelta(hours=back), device_id, 1_000 + 37 * back)
                connection.execute(_INSERT_EXCESS, excess)
    platforms = sorted({row[2] for row in connection.execute(_DEVICES).fetchall()})
    for back in range(26):
        at = hour - timedelta(hours=back)
        shift = 6 <= at.astimezone(SHANGHAI).hour < 22
        for platform_id in platforms:
            heard = chance.randrange(600, 720) if shift else chance.randrange(40, 90)
            connection.execute(_INSERT_HOUR, (at, platform_id, heard, heard // 50))
    for number in range(40):
        reason, topic, payload = _REJECTED[number % len(_REJECTED)]
        at = now - timedelta(minutes=number * number)
        body = payload.encode()
        connection.execute(_INSERT_REJECTION, (at, reason, topic, body, len(body)))
    for reason, _topic, _payload in _REJECTED:
        connection.execute(_INSERT_REJECTION_HOUR, (hour, reason, chance.randrange(3, 40)))
    _add_broker(connection, hour)
    connection.commit()


def _add_broker(connection: psycopg.Connection, hour: datetime) -> None:
    for kind, username, topic, detail in _TOLD:
        values = {"kind": kind, "username": username, "topic": topic, "detail": detail}
        connection.execute(_INSERT_BROKER_EVENT, values | {"hour": hour})
    for username, last in (("xielian", "connected"), ("xielian/own/m2-1", "lost")):
        connection.execute(_INSERT_BROKER_SESSION, (username, last == "connected", hour, last))


def _add_heartbeats(connection: psycopg.Connection, device_id: int, last: datetime) -> None:
    for back in range(60):
        at = last - timedelta(minutes=5 * back)
        status = "idle" if back % 7 == 3 else "running"
        received = at + timedelta(milliseconds=180)
        connection.execute(_INSERT_HEARTBEAT, (device_id, at, received, 9000 - back, status))


def _add_presence(
    connection: psycopg.Connection, device_id: int, now: datetime, chance: random.Random
) -> None:
    local = now.astimezone(SHANGHAI)
    today = local.date()
    first = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    months: dict[date, tuple[set[int], set[int]]] = {}
    for day in days_between(first, today):
        heard, late = months.setdefault(day.replace(day=1), (set(), set()))
        shift = range(8, 12 if day.weekday() == 6 else chance.randrange(17, 22))
        for hour in shift:
            if day < today or hour < local.hour:
                (late if chance.random() < 0.02 else heard).add(bit_index(day, hour))
        if day == today:
            heard.add(bit_index(day, local.hour))
    for month, (heard, late) in months.items():
        columns = [
            "".join("1" if bit in bits else "0" for bit in range(BITS_PER_MONTH))
            for bits in (heard, late)
        ]
        connection.execute(_INSERT_PRESENCE, (device_id, month, *columns))
