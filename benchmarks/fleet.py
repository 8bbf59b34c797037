"""What the ingest benchmarks share: the registered fleet, and a measured ingester process."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from benchmarks.replay import PLATFORM

__all__ = [
    "Commits",
    "LoadProcess",
    "Measured",
    "commits_of",
    "measured_process",
    "register_fleet",
    "status_port",
    "wait_for_commits",
]

_SAMPLE_S: Final = 0.25
_START_TIMEOUT_S: Final = 30
_POLL_S: Final = 0.02

_INSERT_PLATFORM = "INSERT INTO platforms (code, name) VALUES (%s, %s)"
_INSERT_DEVICES = """
    INSERT INTO devices (platform_id, serial)
    SELECT p.id, 'CNC-' || lpad(n::text, 6, '0')
    FROM platforms p, generate_series(0, %s - 1) n WHERE p.code = %s
"""


def register_fleet(database_url: str, devices: int) -> None:
    """Register the devices whose heartbeats `benchmarks.replay` makes."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_INSERT_PLATFORM, (PLATFORM, "Benchmark"))
        connection.execute(_INSERT_DEVICES, (devices, PLATFORM))
        connection.execute("VACUUM (ANALYZE) devices")


@dataclass(slots=True)
class Measured:
    """What a process used while it was watched."""

    process: "subprocess.Popen[bytes]"
    rss_bytes: list[int] = field(default_factory=list)
    cpu_s: float = 0.0

    @property
    def peak_mb(self) -> float:
        """The largest resident size seen."""
        return max(self.rss_bytes) / 1e6

    @property
    def growth_mb(self) -> float:
        """How much the process grew in the second half of its life."""
        half = self.rss_bytes[len(self.rss_bytes) // 2 :]
        return (max(half) - half[0]) / 1e6


@contextmanager
def measured_process(
    command: Sequence[str],
    environment: dict[str, str],
    log: Path,
    *,
    folder: Path | None = None,
    cores: set[int] | None = None,
) -> Iterator[Measured]:
    """Run a Python program, sampling its memory; SIGTERM at the end.

    Args:
        command: arguments of the interpreter.
        environment: settings besides ours.
        log: takes what it says.
        folder: where it runs; None: here.
        cores: those of the machine that it may use.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
    measured = Measured(process)
    watched = psutil.Process(process.pid)
    if cores is not None:
        watched.cpu_affinity(sorted(cores))
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(_SAMPLE_S):
            measured.rss_bytes.append(watched.memory_info().rss)
            times = watched.cpu_times()
            measured.cpu_s = times.user + times.system

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield measured
    finally:
        ended.set()
        sampler.join()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def status_port(log: Path) -> int:
    """The port of an ingester's status page, from its log."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        said = log.read_text()
        if '"subscribed"' in said and (found := re.search(r'"status_port": (\d+)', said)):
            return int(found[1])
        time.sleep(0.02)
    raise TimeoutError(f"the ingester did not start: {log.read_text()}")


@dataclass(frozen=True, slots=True)
class Commits:
    """Batches that an ingester has committed, and how long they took."""

    batches: int
    seconds: float
    """Of all together."""
    up_to: dict[float, int]
    """By seconds, how many took no longer."""

    def __sub__(self, earlier: "Commits") -> "Commits":
        up_to = {limit: count - earlier.up_to[limit] for limit, count in self.up_to.items()}
        return Commits(self.batches - earlier.batches, self.seconds - earlier.seconds, up_to)

    @property
    def mean_s(self) -> float:
        """Of a batch."""
        return self.seconds / self.batches

    @property
    def at_most_s(self) -> float:
        """The smallest known limit that every batch kept."""
        return min(limit for limit, count in self.up_to.items() if count == self.batches)


def commits_of(port: int) -> Commits:
    """What the ingester with this status port has committed so far."""
    page = _metrics(port)
    name = "jieru_ingest_commit_seconds"
    buckets = re.findall(rf'^{name}_bucket{{le="(\S+)"}} (\S+)', page, re.MULTILINE)
    return Commits(
        int(_metric(page, f"{name}_count")),
        _metric(page, f"{name}_sum"),
        {float(limit): int(float(count)) for limit, count in buckets},
    )


def _committed_by(port: int) -> int:
    return int(_metric(_metrics(port), "jieru_ingest_committed_total"))


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        page: bytes = answer.read()
    return page.decode()


def _metric(page: str, name: str) -> float:
    found = re.search(rf"^{name} (\S+)", page, re.MULTILINE)
    return float(found[1]) if found else 0.0


class LoadProcess:
    """`jieru simulate load` of the benchmark's fleet, in a process of its own."""

    def __init__(
        self, mqtt_url: str, *options: str, devices: int, cores: set[int] | None = None
    ) -> None:
        """Start it.

        Args:
            mqtt_url: the broker, as the platform's gateway.
            options: of the command, besides those that name the fleet.
            devices: of the fleet.
            cores: those of the machine that it may use.
        """
        fleet = ("--platform", PLATFORM, "--count", str(devices))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jieru", "simulate", "load", "--json", *fleet, *options],
            env={**os.environ, "JIERU_MQTT_URL": mqtt_url},
            stdout=subprocess.PIPE,
            text=True,
        )
        if cores is not None:
            psutil.Process(self._process.pid).cpu_affinity(sorted(cores))

    def finish(self) -> dict[str, Any]:
        """Wait for its end; what it says.

        Raises:
            RuntimeError: it failed.
        """
        output, _errors = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError("the load broke off")
        figures: dict[str, Any] = json.loads(output)
        return figures


def wait_for_commits(ports: Sequence[int], count: int) -> float:
    """Wait until ingesters have committed so many heartbeats together; the time of that."""
    while sum(map(_committed_by, ports)) < count:
        time.sleep(_POLL_S)
    return time.time()
