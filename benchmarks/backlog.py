"""A day's backlog of a thousand devices that were cut off, flushed at once, by each way in.

Nothing may be lost, nothing be taken for a flood, and both ways must leave the same hours. What
came in another's format is then derived again from the kept messages (`jieru recheck --sources`).
"""

import os
import subprocess
import sys
import time
from typing import Final

import psycopg

from benchmarks.cpu import rss_mb_of
from benchmarks.results import print_table, save
from benchmarks.sources import WayIn, way_in
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot

__all__ = ["run"]

DEVICES: Final = 1_000
MINUTES: Final = 1_440
_BOOKS: Final = """
    SELECT (SELECT count(*) FROM heartbeats),
           (SELECT coalesce(sum(heartbeats), 0)::bigint FROM ingest_hours),
           (SELECT coalesce(sum(heartbeats), 0)::bigint FROM device_excess),
           (SELECT count(*) FROM messages_apart),
           (SELECT coalesce(sum(rejections), 0)::bigint FROM rejection_hours),
           (SELECT coalesce(sum(bit_count(hours)), 0)::bigint FROM presence)
"""


def run(server: DatabaseServer, root: DebianRoot) -> dict[str, object]:
    """Measure, print and save; the figures as JSON has them."""
    devices = int(os.environ.get("JIERU_BENCHMARK_DEVICES", DEVICES))
    heartbeats = devices * MINUTES
    ways: dict[str, dict[str, float]] = {}
    rechecked: dict[str, float] | None = None
    for name, is_native in (("native", True), ("sources", False)):
        with way_in(server, root, devices=devices, is_native=is_native) as way:
            way.publish(MINUTES)
            way.wait(heartbeats)
            ways[name] = _figures(way)
            if not is_native:
                rechecked = _recheck(way.url)
    result: dict[str, object] = {
        "devices": devices,
        "heartbeats": heartbeats,
        "ways": ways,
        "recheck": rechecked,
        "is_within_target": rechecked is not None
        and rechecked["exit_code"] == 0
        and all(_is_whole(way, devices) for way in ways.values()),
    }
    print_table(
        f"A day of {devices:,} devices at once, {heartbeats:,} heartbeats",
        ("", *ways),
        [
            (figure.replace("_", " "), *(f"{way[figure]:,}" for way in ways.values()))
            for figure in ways["native"]
        ],
    )
    print(f"recheck of all rows: {rechecked}")
    save("backlog", result)
    return result


def _figures(way: WayIn) -> dict[str, float]:
    with psycopg.connect(way.url) as connection:
        row = connection.execute(_BOOKS).fetchone()
    if row is None:
        raise RuntimeError("there are no figures")
    stored, counted, excess, apart, refused, hours = row
    return {
        "stored": stored,
        "counted": counted,
        "beyond_a_rate": excess,
        "set_apart": apart,
        "refused": refused,
        "hours_of_presence": hours,
        "seconds": round(way.seconds, 1),
        "a_second": round(stored / way.seconds),
        "ingester_us": round(way.ingester_s / stored * 1e6, 2),
        "ingester_mb": round(rss_mb_of(way.pid)),
    }


def _recheck(url: str) -> dict[str, float]:
    """How long it takes, with how much memory, and whether anything differs."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "jieru", "recheck", "--sources"],
        env={**os.environ, "JIERU_DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
    )
    _pid, status, usage = os.wait4(process.pid, 0)
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1e3),
        "exit_code": os.waitstatus_to_exitcode(status),
    }


def _is_whole(figures: dict[str, float], devices: int) -> bool:
    """All is stored and counted once, in the hours of a day and the one that it began in."""
    heartbeats = devices * MINUTES
    return (
        figures["stored"] == figures["counted"] == heartbeats
        and not (figures["beyond_a_rate"] or figures["set_apart"] or figures["refused"])
        and 24 * devices <= figures["hours_of_presence"] <= 25 * devices
    )
