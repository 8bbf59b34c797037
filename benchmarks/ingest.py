"""Committed heartbeats a second of one ingester, from a stub broker into TimescaleDB.

100,000 registered devices, registry and presence and device states and all, everything (stub
broker, ingester, PostgreSQL) on the machine's cores. In the same run, turn by turn, the plain
ingester of `benchmarks.baseline_ingester` over fewer messages, for the ratio.
"""

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

import psycopg

from benchmarks.fleet import Measured, measured_process, register_fleet
from benchmarks.results import print_table, save
from benchmarks.stub_broker import stub_broker
from jieru.schema import migrate
from tests.support.databases import DatabaseServer

__all__ = ["run"]

DEVICES: Final = 100_000
ROUNDS: Final = 15
SPACING_MS: Final = 300_000
"""Five minutes: the run crosses an hour, so presence is written, as in life, twelfth by twelfth."""
BASELINE_DEVICES: Final = 60_000
WINDOW: Final = 20_000
TURNS: Final = 3
TARGET_PER_S: Final = 40_000
TARGET_MB: Final = 300
TARGET_RATIO: Final = 5


def run(server: DatabaseServer) -> dict[str, object]:
    """Measure, print and save; the figures as JSON has them."""
    ours: list[float] = []
    plain: list[float] = []
    measured: list[Measured] = []
    for _turn in range(TURNS):
        rate, process = _measure(server, ["-m", "jieru", "ingest"], DEVICES, ROUNDS)
        ours.append(rate)
        measured.append(process)
        rate, _process = _measure(
            server, ["-m", "benchmarks.baseline_ingester"], BASELINE_DEVICES, 1
        )
        plain.append(rate)
    ratio = median(a / b for a, b in zip(ours, plain, strict=True))
    messages = DEVICES * ROUNDS
    result: dict[str, object] = {
        "devices": DEVICES,
        "messages": messages,
        "committed_per_s": round(median(ours)),
        "committed_per_s_runs": [round(rate) for rate in ours],
        "cpu_us_per_heartbeat": round(median(m.cpu_s for m in measured) / messages * 1e6, 1),
        "peak_mb": round(max(m.peak_mb for m in measured)),
        "growth_in_second_half_mb": round(max(m.growth_mb for m in measured), 1),
        "baseline_per_s": round(median(plain)),
        "baseline_per_s_runs": [round(rate) for rate in plain],
        "times_the_baseline": round(ratio, 1),
        "is_within_target": median(ours) >= TARGET_PER_S
        and max(m.peak_mb for m in measured) < TARGET_MB
        and ratio >= TARGET_RATIO,
    }
    print_table(
        "One ingester, stub broker to TimescaleDB",
        ("", "heartbeats/s", "CPU µs each", "peak MB", "growth MB", "ratio"),
        [
            (
                "jieru ingest",
                f"{result['committed_per_s']:,}",
                str(result["cpu_us_per_heartbeat"]),
                str(result["peak_mb"]),
                str(result["growth_in_second_half_mb"]),
                str(result["times_the_baseline"]),
            ),
            ("paho + executemany", f"{result['baseline_per_s']:,}", "", "", "", "1"),
            ("target", f"{TARGET_PER_S:,}", "", str(TARGET_MB), "", str(TARGET_RATIO)),
        ],
    )
    save("ingest", result)
    return result


def _measure(
    server: DatabaseServer, command: list[str], devices: int, rounds: int
) -> tuple[float, Measured]:
    first_ms = time.time_ns() // 1_000_000 - rounds * SPACING_MS
    with server.database() as url, tempfile.TemporaryDirectory() as folder:
        migrate(url)
        register_fleet(url, devices)
        with stub_broker(
            devices=devices, first_ms=first_ms, spacing_ms=SPACING_MS, window=WINDOW
        ) as broker:
            environment = {
                "JIERU_DATABASE_URL": url,
                "JIERU_MQTT_URL": f"mqtt://127.0.0.1:{broker.port}",
                "JIERU_INGEST_HTTP_PORT": "0",
                "JIERU_INGEST_RECEIVE_MAXIMUM": str(WINDOW),
            }
            with measured_process(command, environment, Path(folder) / "log") as process:
                seconds = broker.replay(rounds)
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT count(*) FROM heartbeats").fetchone()
        if row != (devices * rounds,):
            raise RuntimeError(f"{devices * rounds} were acknowledged, {row} are stored")
    return devices * rounds / seconds, process
