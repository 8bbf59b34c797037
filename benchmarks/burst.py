"""A hundred thousand devices at the full hour, each for the first time in that hour.

Once from the stub broker, as fast as they are taken: a round before the hour, the round at the full
hour, of which every heartbeat costs an upsert of presence, and a round after it, of which none
does. And once from the load generator through Mosquitto, all due at one instant. What is asked: the
seconds until everything is committed, the ingester's memory at its peak, and whether the upserts
hold up heartbeats: how long each batch took, from its first try to its commit.
"""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.cpu import peak_mb_of
from benchmarks.fleet import (
    Commits,
    LoadProcess,
    commits_of,
    measured_process,
    register_fleet,
    status_port,
    wait_for_commits,
)
from benchmarks.replay import PLATFORM
from benchmarks.results import print_table, save
from benchmarks.stub_broker import stub_broker
from jieru.calendar import MILLISECONDS_PER_HOUR
from jieru.schema import migrate
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot
from tests.support.mosquitto import MosquittoBroker

__all__ = ["run"]

DEVICES: Final = 100_000
WINDOW: Final = 20_000
SPACING_MS: Final = 300_000
INTERVAL_S: Final = 10
"""Mosquitto's burst is due at the next full ten seconds, for nobody wants to wait for an hour."""
TURNS: Final = 3
TARGET_S: Final = 10.0
TARGET_MB: Final = 300
TARGET_BATCH_S: Final = 1.0

_ROUNDS: Final = ("before the hour", "at the full hour", "after it")


@dataclass(frozen=True, slots=True)
class _Burst:
    """What one burst took."""

    seconds: float
    commits: Commits
    peak_mb: float


def run(server: DatabaseServer, root: DebianRoot) -> dict[str, object]:
    """Measure, print and save; the figures as JSON has them."""
    stub = [_from_stub(server) for _turn in range(TURNS)]
    bursts = {
        f"stub broker, {name}": [turn[place] for turn in stub] for place, name in enumerate(_ROUNDS)
    }
    bursts["Mosquitto, at the full hour"] = [
        _behind_mosquitto(server, root) for _turn in range(TURNS)
    ]
    figures = {
        name: {
            "seconds": round(median(each.seconds for each in turns), 2),
            "seconds_runs": [round(each.seconds, 2) for each in turns],
            "mean_batch_s": round(median(each.commits.mean_s for each in turns), 3),
            "slowest_batch_at_most_s": max(each.commits.at_most_s for each in turns),
            "batches": round(median(each.commits.batches for each in turns)),
            "peak_mb": round(max(each.peak_mb for each in turns)),
        }
        for name, turns in bursts.items()
    }
    result: dict[str, object] = {
        "devices": DEVICES,
        "bursts": figures,
        "is_within_target": all(
            median(each.seconds for each in turns) <= TARGET_S
            and all(each.peak_mb < TARGET_MB for each in turns)
            and all(each.commits.at_most_s <= TARGET_BATCH_S for each in turns)
            for turns in bursts.values()
        ),
    }
    rows = [
        (
            name,
            f"{each['seconds']:.2f}",
            f"{each['mean_batch_s']:.3f}",
            f"{each['slowest_batch_at_most_s']:g}",
            f"{each['peak_mb']}",
        )
        for name, each in figures.items()
    ]
    rows.append(("target", f"{TARGET_S:g}", "", f"{TARGET_BATCH_S:g}", str(TARGET_MB)))
    print_table(
        f"{DEVICES:,} heartbeats at once",
        ("", "all committed after, s", "batch, s", "slowest batch, s, at most", "peak MB"),
        rows,
    )
    save("burst", result)
    return result


def _settings(database_url: str, broker_url: str) -> dict[str, str]:
    return {
        "JIERU_DATABASE_URL": database_url,
        "JIERU_MQTT_URL": broker_url,
        "JIERU_INGEST_HTTP_PORT": "0",
        "JIERU_INGEST_RECEIVE_MAXIMUM": str(WINDOW),
    }


def _from_stub(server: DatabaseServer) -> list[_Burst]:
    """The three rounds, one after another."""
    hour_ms = time.time_ns() // 1_000_000 // MILLISECONDS_PER_HOUR * MILLISECONDS_PER_HOUR
    first_ms = hour_ms - MILLISECONDS_PER_HOUR - SPACING_MS
    with (
        server.database() as url,
        tempfile.TemporaryDirectory() as folder,
        stub_broker(
            devices=DEVICES, first_ms=first_ms, spacing_ms=SPACING_MS, window=WINDOW
        ) as broker,
    ):
        migrate(url)
        register_fleet(url, DEVICES)
        log = Path(folder, "ingester.log")
        environment = _settings(url, f"mqtt://127.0.0.1:{broker.port}")
        with measured_process(["-m", "jieru", "ingest"], environment, log) as ingester:
            port = status_port(log)
            bursts = []
            for _round in _ROUNDS:
                before = commits_of(port)
                seconds = broker.replay(1)
                commits = commits_of(port) - before
                bursts.append(_Burst(seconds, commits, peak_mb_of(ingester.process.pid)))
    return bursts


def _behind_mosquitto(server: DatabaseServer, root: DebianRoot) -> _Burst:
    """A round of an hour ago, then the burst."""
    with (
        server.database() as url,
        tempfile.TemporaryDirectory() as folder,
        MosquittoBroker(root, persistence=False) as broker,
    ):
        migrate(url)
        register_fleet(url, DEVICES)
        broker.add_user(PLATFORM)
        gateway_url = broker.local_url(PLATFORM)
        log = Path(folder, "ingester.log")
        environment = _settings(url, broker.url())
        with measured_process(["-m", "jieru", "ingest"], environment, log) as ingester:
            port = status_port(log)
            count = f"--messages={DEVICES}"
            LoadProcess(gateway_url, count, devices=DEVICES).finish()
            wait_for_commits([port], DEVICES)
            before = commits_of(port)
            every = f"--every={INTERVAL_S}"
            load = LoadProcess(gateway_url, count, every, "--within=0", devices=DEVICES)
            ended_s = wait_for_commits([port], 2 * DEVICES)
            started_ms = load.finish()["started_ms"]
            due_s = -(-started_ms // (INTERVAL_S * 1000)) * INTERVAL_S
            commits = commits_of(port) - before
            return _Burst(ended_s - due_s, commits, peak_mb_of(ingester.process.pid))
