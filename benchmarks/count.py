"""How long a count of 100,000 devices over a year takes, and how much memory.

The database holds 10,000 enterprises on 20 platforms, ten devices each, and twelve months of
presence of every device: 1.2 million rows, the same ones every time. What is measured is the whole
command, `jieru count 2026 --json`, from the start of its process to its end.
"""

import json
import os
import subprocess
import sys
import time
from datetime import date
from statistics import median
from tempfile import TemporaryFile
from typing import Final, LiteralString

import numpy as np
import numpy.typing as npt
import psycopg

from benchmarks.results import print_table, save
from jieru.calendar import months_between
from jieru.presence import BITS_PER_MONTH, BYTES_PER_MONTH

__all__ = ["build", "build_registry", "run"]

YEAR: Final = 2026
DEVICES: Final = 100_000
DEVICES_PER_ENTERPRISE: Final = 10
ENTERPRISES: Final = DEVICES // DEVICES_PER_ENTERPRISE
PLATFORMS: Final = 20
RUNS: Final = 5
TARGET_SECONDS: Final = 5.0
TARGET_BYTES: Final = 1_000_000_000

_INSERT_PLATFORMS = """
    INSERT INTO platforms (code, name)
    SELECT 'p' || lpad(n::text, 3, '0'), 'Platform ' || n FROM generate_series(1, %s) n
"""
_INSERT_RECOGNITIONS = """
    INSERT INTO recognitions (platform_id, level, recognised_on)
    SELECT id, 'municipal', '2025-01-01' FROM platforms
"""
# The check character plays no part in a count, so these are numbers with the right shape only.
_INSERT_ENTERPRISES = """
    INSERT INTO enterprises (uscc, name, district, industry_code)
    SELECT lpad(n::text, 18, '0'), 'Enterprise ' || n, 'licheng', 'C1810'
    FROM generate_series(1, %s) n
"""
_INSERT_CONNECTIONS = """
    INSERT INTO connections (platform_id, enterprise_id, contract_no, signed_on, from_date)
    SELECT 1 + (id - 1) %% %s, id, 'contract ' || id, '2025-12-01', '2026-01-01' FROM enterprises
"""
_INSERT_DEVICES = """
    INSERT INTO devices (platform_id, serial)
    SELECT 1 + ((n - 1) / %s) %% %s, 'd' || n FROM generate_series(1, %s) n
"""
_INSERT_ASSIGNMENTS = """
    INSERT INTO assignments (device_id, enterprise_id, from_date)
    SELECT id, 1 + (id - 1) / %s, '2026-01-01' FROM devices
"""
_COPY_PRESENCE = "COPY presence (device_id, month, hours) FROM STDIN (FORMAT BINARY)"
_ANALYZE = "VACUUM (ANALYZE) presence, assignments, devices, connections, enterprises"

_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("device_length", ">i4"),
        ("device", ">i4"),
        ("month_length", ">i4"),
        ("month", ">i4"),
        ("hours_length", ">i4"),
        ("bits", ">i4"),
        ("hours", "u1", BYTES_PER_MONTH),
    ]
)


def run(database_url: str) -> dict[str, object]:
    """Build the database's content and measure the count.

    Args:
        database_url: an empty, migrated database.

    Returns:
        Figures as JSON has them: sizes, median and every run's seconds, peak memory in bytes.
    """
    started = time.perf_counter()
    with psycopg.connect(database_url, autocommit=True) as connection:
        build(connection)
    build_s = time.perf_counter() - started
    runs = [_measure(database_url) for _run in range(RUNS)]
    seconds, peaks = [each[0] for each in runs], [each[1] for each in runs]
    result: dict[str, object] = {
        "devices": DEVICES,
        "enterprises": ENTERPRISES,
        "presence_rows": DEVICES * 12,
        "build_s": round(build_s, 1),
        "runs_s": [round(each, 2) for each in seconds],
        "median_s": round(median(seconds), 2),
        "peak_bytes": max(peaks),
        "counted": runs[0][2],
        "is_within_target": median(seconds) <= TARGET_SECONDS and max(peaks) <= TARGET_BYTES,
    }
    print_table(
        "jieru count, a year of presence",
        ("", "measured", "target"),
        (
            ("median of the whole command, s", f"{median(seconds):.2f}", f"{TARGET_SECONDS:g}"),
            ("peak memory, MB", f"{max(peaks) / 1e6:,.0f}", f"{TARGET_BYTES / 1e6:,.0f}"),
            ("devices", f"{DEVICES:,}", ""),
            ("enterprises", f"{ENTERPRISES:,}", ""),
            ("presence rows", f"{DEVICES * 12:,}", ""),
        ),
    )
    save("count", result)
    return result


def build_registry(connection: psycopg.Connection) -> None:
    """Platforms, enterprises and devices for an empty database."""
    steps: list[tuple[LiteralString, tuple[int, ...]]] = [
        (_INSERT_PLATFORMS, (PLATFORMS,)),
        (_INSERT_RECOGNITIONS, ()),
        (_INSERT_ENTERPRISES, (ENTERPRISES,)),
        (_INSERT_CONNECTIONS, (PLATFORMS,)),
        (_INSERT_DEVICES, (DEVICES_PER_ENTERPRISE, PLATFORMS, DEVICES)),
        (_INSERT_ASSIGNMENTS, (DEVICES_PER_ENTERPRISE,)),
    ]
    for query, parameters in steps:
        connection.execute(query, parameters)


def build(connection: psycopg.Connection) -> None:
    """Fill an empty database: registry and a year of presence."""
    build_registry(connection)
    random = np.random.default_rng(YEAR)
    with connection.cursor().copy(_COPY_PRESENCE) as copy:
        copy.write(_COPY_HEADER)
        for first in range(1, DEVICES + 1, 1_000):
            copy.write(_presence_rows(np.arange(first, first + 1_000), random).tobytes())
        copy.write(_COPY_TRAILER)
    connection.execute(_ANALYZE)


def _presence_rows(
    devices: npt.NDArray[np.int64], random: np.random.Generator
) -> npt.NDArray[np.void]:
    """A year of some devices: heard 06:00 to 21:59 on most days, at random hours on others."""
    months = months_between(date(YEAR, 1, 1), date(YEAR, 12, 31))
    hour = np.arange(BITS_PER_MONTH) % 24
    shift = (hour >= 6) & (hour < 22)
    rows = np.zeros((len(devices), len(months)), dtype=_ROW)
    rows["fields"], rows["bits"] = 3, BITS_PER_MONTH
    rows["device_length"], rows["month_length"] = 4, 4
    rows["hours_length"] = 4 + BYTES_PER_MONTH
    rows["device"] = devices[:, None]
    rows["month"] = [(month - date(2000, 1, 1)).days for month in months]
    for index, month in enumerate(months):
        days = (date(month.year + month.month // 12, month.month % 12 + 1, 1) - month).days
        works = np.repeat(random.random((len(devices), 31)) < 0.8, 24, axis=1)
        heard = works & shift & (np.arange(BITS_PER_MONTH) < days * 24)
        rows["hours"][:, index] = np.packbits(heard, axis=1)
    return rows.reshape(-1)


def _measure(database_url: str) -> tuple[float, int, int]:
    """One run of the command: seconds, peak memory in bytes, enterprises counted."""
    command = [sys.executable, "-m", "jieru", "count", str(YEAR)]
    environment = {**os.environ, "JIERU_DATABASE_URL": database_url}
    arguments = ("--as-of", f"{YEAR + 1}-03-31", "--json")
    with TemporaryFile() as output, TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, *arguments], stdout=output, stderr=said, env=environment
        )
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said.seek(0)
        if process.returncode != 0:
            raise RuntimeError(f"jieru count failed: {said.read().decode()}")
        count = json.load(output)
    return seconds, usage.ru_maxrss * 1024, sum(each["counted"] for each in count["platforms"])
