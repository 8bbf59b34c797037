"""Committed heartbeats a second over HTTP, and a day's backlog of a thousand devices.

Batches of 100 by a few connections that stay open, from a process of its own, everything (sender,
ingester, PostgreSQL) on the machine's cores. The sender writes bytes that were made before, so that
what is measured is ours.
"""

import http.client
import multiprocessing
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.fleet import Measured, measured_process, register_fleet
from benchmarks.replay import PLATFORM
from benchmarks.results import print_table, save
from jieru.schema import migrate
from tests.support.credentials import issue_to
from tests.support.databases import DatabaseServer
from tests.support.processes import free_port

__all__ = ["run"]

_CONNECTIONS: Final = 8
_BATCH: Final = 100
_BATCHES: Final = 8_000
_DEVICES: Final = 10_000
_DAY_DEVICES: Final = 1_000
_DAY_MINUTES: Final = 24 * 60
_DAY_BATCH: Final = 1_000
_DAY_CONNECTIONS: Final = 4
_SPACING_MS: Final = 60_000
_TARGET_PER_S: Final = 10_000


def run(server: DatabaseServer) -> dict[str, object]:
    """Measure, print and save; the figures as JSON has them."""
    heartbeats = _BATCH * _BATCHES
    seconds, process = _measure(
        server, _DEVICES, _batches(heartbeats, _DEVICES, _BATCH), _CONNECTIONS
    )
    backlog = _DAY_DEVICES * _DAY_MINUTES
    day_s, _process = _measure(
        server,
        _DAY_DEVICES,
        _batches(backlog, _DAY_DEVICES, _DAY_BATCH),
        _DAY_CONNECTIONS,
    )
    rate = heartbeats / seconds
    result: dict[str, object] = {
        "heartbeats": heartbeats,
        "batch": _BATCH,
        "connections": _CONNECTIONS,
        "committed_per_s": round(rate),
        "cpu_us_per_heartbeat": round(process.cpu_s / heartbeats * 1e6, 1),
        "peak_mb": round(process.peak_mb),
        "backlog": backlog,
        "backlog_batch": _DAY_BATCH,
        "backlog_s": round(day_s, 1),
        "is_within_target": rate >= _TARGET_PER_S,
    }
    print_table(
        "Heartbeats over HTTP",
        ("", "heartbeats/s", "CPU µs each", "peak MB", "seconds"),
        [
            (
                f"batches of {_BATCH}",
                f"{rate:,.0f}",
                str(result["cpu_us_per_heartbeat"]),
                str(result["peak_mb"]),
                f"{seconds:.1f}",
            ),
            (
                f"a day of {_DAY_DEVICES:,} devices, batches of {_DAY_BATCH:,}",
                f"{backlog / day_s:,.0f}",
                "",
                "",
                f"{day_s:.1f}",
            ),
            ("target", f"{_TARGET_PER_S:,}", "", "", ""),
        ],
    )
    save("http", result)
    return result


def _batches(heartbeats: int, devices: int, size: int) -> Callable[[], list[bytes]]:
    """Bodies of consecutive rounds of all devices, the oldest first."""

    def made() -> list[bytes]:
        rounds = heartbeats // devices
        first_ms = time.time_ns() // 1_000_000 - rounds * _SPACING_MS
        rows = [
            b'{"serial":"CNC-%06d","ts":%d,"seq":%d,"status":"running","metrics":{"rpm":%d}}'
            % (number % devices, first_ms + number // devices * _SPACING_MS, number, number % 1500)
            for number in range(heartbeats)
        ]
        return [b"[" + b",".join(rows[at : at + size]) + b"]" for at in range(0, len(rows), size)]

    return made


def _measure(
    server: DatabaseServer, devices: int, make: Callable[[], list[bytes]], connections: int
) -> tuple[float, Measured]:
    port = free_port()
    with server.database() as url, tempfile.TemporaryDirectory() as folder:
        migrate(url)
        register_fleet(url, devices)
        with psycopg.connect(url) as connection:
            issued = issue_to(connection, PLATFORM)
        environment = {
            "JIERU_DATABASE_URL": url,
            "JIERU_INGEST_HTTP_PORT": "0",
            "JIERU_INGEST_POST_PORT": str(port),
            "JIERU_INGEST_DEVICE_RATE": "0",
        }
        bodies = make()
        with measured_process(
            ["-m", "jieru", "ingest", "--http"], environment, Path(folder) / "log"
        ) as process:
            token = b64encode(f"{issued.username}:{issued.secret}".encode()).decode()
            _wait_until_known(port, token)
            began = time.monotonic()
            _send_all(port, token, bodies, connections)
            seconds = time.monotonic() - began
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT count(*) FROM heartbeats").fetchone()
        expected = sum(body.count(b'"serial"') for body in bodies)
        if row != (expected,):
            raise RuntimeError(f"{expected} were promised, {row} are stored")
    return seconds, process


def _wait_until_known(port: int, token: str) -> None:
    while _post(http.client.HTTPConnection("127.0.0.1", port), token, b"[]") != 200:
        time.sleep(0.5)


def _send_all(port: int, token: str, bodies: Sequence[bytes], connections: int) -> None:
    """From another process, whose interpreter is its own."""
    sender = multiprocessing.get_context("fork").Process(
        target=_send, args=(port, token, bodies, connections)
    )
    sender.start()
    sender.join()
    if sender.exitcode:
        raise RuntimeError("a batch was not taken")


def _send(port: int, token: str, bodies: Sequence[bytes], connections: int) -> None:
    def send(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for body in bodies[number::connections]:
            while (status := _post(connection, token, body)) in (429, 503):
                time.sleep(0.05)
            if status != 200:
                raise RuntimeError(f"answered with {status}")

    threads = [threading.Thread(target=send, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _post(connection: http.client.HTTPConnection, token: str, body: bytes) -> int:
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    try:
        connection.request("POST", f"/ingest/v1/{PLATFORM}", body, headers)
        response = connection.getresponse()
    except ConnectionRefusedError:
        connection.close()
        return 0
    response.read()
    return response.status
