"""How long the first page of each list takes with 100,000 devices, under each filter.

The database holds 20 platforms, 500 enterprises, 100,000 devices with as many assignments and last
heartbeats, and 200,000 rejections. A few devices are late, offline or were never heard, and a few
texts are rare: the cases in which most records must be passed over. What is measured is the whole
request, from the API key to the JSON, in this process.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final, LiteralString

import httpx
import psycopg
from fastapi import FastAPI

from api.access.roles import Role
from api.app import create_app
from benchmarks.results import print_table, save
from jieru.database import open_pool
from jieru.settings import Settings
from tests.support.callers import bearer

__all__ = ["build", "run"]

PLATFORMS: Final = 20
ENTERPRISES: Final = 500
DEVICES: Final = 100_000
REJECTIONS: Final = 200_000
RUNS: Final = 21
TARGET_MS: Final = 50.0

_INSERT_PLATFORMS = """
    INSERT INTO platforms (code, name)
    SELECT 'p' || lpad(n::text, 3, '0'), 'Platform ' || n FROM generate_series(1, %(platforms)s) n
"""
# The check character plays no part in a list, so these are numbers with the right shape only.
_INSERT_ENTERPRISES = """
    INSERT INTO enterprises (uscc, name, district, industry_code)
    SELECT lpad(n::text, 18, '0'), '莆田市第' || n || '机械有限公司',
           (ARRAY['licheng', 'chengxiang', 'hanjiang', 'xiuyu', 'xianyou', 'meizhou', 'beian'])
               [1 + n %% 7], 'C1810'
    FROM generate_series(1, %(enterprises)s) n
"""
_INSERT_CONNECTIONS = """
    INSERT INTO connections (platform_id, enterprise_id, contract_no, signed_on, from_date)
    SELECT 1 + (id - 1) %% %(platforms)s, id, 'contract ' || id, '2025-12-01', '2026-01-01'
    FROM enterprises
"""
_INSERT_DEVICES = """
    INSERT INTO devices (platform_id, serial, kind, name, expected_interval_s)
    SELECT 1 + ((n - 1) / 200) %% %(platforms)s, 'CNC-' || lpad(n::text, 6, '0'), 'cnc',
           '数控机床 ' || n, (ARRAY[300, 300, 60, 3600])[1 + n %% 4]
    FROM generate_series(1, %(devices)s) n
"""
_INSERT_ASSIGNMENTS = """
    INSERT INTO assignments (device_id, enterprise_id, from_date)
    SELECT id, 1 + (id - 1) / 200, '2026-01-01' FROM devices
"""
# Heard in the last minute, but for a few that are late or offline, or were never heard.
_INSERT_STATES = """
    INSERT INTO device_states (device_id, last_seen_at, status)
    SELECT id, %(now)s - CASE WHEN id %% 5000 = 7 THEN interval '3 days'
                              WHEN id %% 1000 = 3 THEN expected_interval_s * 3 * interval '1 s'
                              ELSE (id %% 60) * interval '1 s' END, 'running'
    FROM devices WHERE id %% 10000 <> 1
"""
_INSERT_REJECTIONS = """
    INSERT INTO rejections (received_at, reason, topic, payload, payload_bytes)
    SELECT %(now)s - n * interval '1 s',
           CASE WHEN n %% 50000 = 1 THEN 'retained' ELSE 'unknown_device' END,
           'jieru/v1/p' || lpad((1 + n %% 19)::text, 3, '0') || '/X-' || n || '/heartbeat', '{}', 2
    FROM generate_series(1, %(rejections)s) n
"""
_VACUUM = "VACUUM (ANALYZE)"

_ADMIN_LISTS: Final = (
    "platforms",
    "recognitions",
    "enterprises",
    "enterprises?district=xiuyu",
    "enterprises?text=第499",
    "enterprises?platform=p007",
    "connections",
    "connections?text=第499",
    "connections?state=ended",
    "devices",
    "devices?platform=p007",
    "devices?enterprise=000000000000000499",
    "devices?district=meizhou",
    "devices?district=atlantis",
    "devices?text=机床",
    "devices?text=c-099777",
    "devices?state=ended",
    "devices?status=online",
    "devices?status=late",
    "devices?status=offline",
    "devices?status=never",
    "devices?status=offline&district=beian&text=cnc",
    "assignments",
    "assignments?platform=p020",
    "assignments?enterprise=000000000000000499",
    "assignments?district=meizhou",
    "assignments?text=c-099777",
    "assignments?state=ended",
    "rejections",
    "rejections?reason=retained",
    "rejections?platform=p007",
    "rejections?topic_prefix=jieru/v1/p007/X-77",
)
_OPERATOR_LISTS: Final = (
    "enterprises",
    "devices",
    "devices?status=offline",
    "devices?text=c-099777",
    "assignments",
    "assignments?text=c-099777",
    "rejections",
)
_OPERATORS_PLATFORM: Final = "p020"
"""Whose topics no rejection names."""


def run(database_url: str) -> dict[str, object]:
    """Build the database's content and measure each list.

    Args:
        database_url: an empty, migrated database.

    Returns:
        Figures as JSON has them: sizes, and the median and the slowest of each list's requests.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        build(connection)
        admin = bearer(connection, Role.ADMIN)
        operator = bearer(connection, Role.OPERATOR, _OPERATORS_PLATFORM)
    asked = [(f"{each} (admin)", each, admin) for each in _ADMIN_LISTS]
    asked += [(f"{each} (operator)", each, operator) for each in _OPERATOR_LISTS]
    with open_pool(database_url, size=2) as pool:
        measured = asyncio.run(_measure(create_app(Settings(), pool), asked))
    medians = {name: median(seconds) * 1000 for name, seconds in measured.items()}
    result: dict[str, object] = {
        "devices": DEVICES,
        "enterprises": ENTERPRISES,
        "rejections": REJECTIONS,
        "median_ms": {name: round(value, 1) for name, value in medians.items()},
        "slowest_ms": {name: round(max(each) * 1000, 1) for name, each in measured.items()},
        "is_within_target": max(medians.values()) <= TARGET_MS,
    }
    rows = [(name, f"{value:.1f}", f"{TARGET_MS:g}") for name, value in medians.items()]
    print_table(f"first page of lists, {DEVICES:,} devices", ("", "median, ms", "target"), rows)
    save("lists", result)
    return result


def build(connection: psycopg.Connection) -> None:
    """Fill an empty database."""
    steps: tuple[LiteralString, ...] = (
        _INSERT_PLATFORMS,
        _INSERT_ENTERPRISES,
        _INSERT_CONNECTIONS,
        _INSERT_DEVICES,
        _INSERT_ASSIGNMENTS,
        _INSERT_STATES,
        _INSERT_REJECTIONS,
    )
    values = {
        "platforms": PLATFORMS,
        "enterprises": ENTERPRISES,
        "devices": DEVICES,
        "rejections": REJECTIONS,
        # Ahead, so that nobody falls silent while we measure.
        "now": datetime.now(UTC) + timedelta(minutes=1),
    }
    for step in steps:
        connection.execute(step, values)
    connection.execute(_VACUUM)


async def _measure(
    app: FastAPI, asked: list[tuple[str, str, dict[str, str]]]
) -> dict[str, list[float]]:
    """Seconds of every request, by list."""
    measured: dict[str, list[float]] = {name: [] for name, _path, _headers in asked}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://jieru.test") as client:
        # In turn, so that whatever else the machine does hits all lists alike.
        for _run in range(RUNS):
            for name, path, headers in asked:
                started = time.perf_counter()
                answer = await client.get(f"/api/v1/{path}", headers=headers)
                measured[name].append(time.perf_counter() - started)
                answer.raise_for_status()
    return measured
