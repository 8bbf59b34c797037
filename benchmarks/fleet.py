"""What the ingest benchmarks share: the registered fleet, and a measured ingester process."""

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
from typing import Final

import psutil
import psycopg

from benchmarks.replay import PLATFORM

__all__ = ["Measured", "committed_by", "measured_process", "register_fleet", "status_port"]

_SAMPLE_S: Final = 0.25
_START_TIMEOUT_S: Final = 30

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
    command: Sequence[str], environment: dict[str, str], log: Path
) -> Iterator[Measured]:
    """Run a Python program, sampling its memory; SIGTERM at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
    measured = Measured(process)
    watched = psutil.Process(process.pid)
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


def committed_by(port: int) -> int:
    """How many heartbeats the ingester has committed so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        found = re.search(rb"^jieru_ingest_committed_total (\S+)", answer.read(), re.MULTILINE)
    return int(float(found[1])) if found else 0
