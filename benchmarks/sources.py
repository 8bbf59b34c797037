"""Messages in others' formats: what a heartbeat costs, format by format and on the whole way.

*Decode*: `decode_rows` alone on messages of a thousand heartbeats where the format holds so many,
in CPU of this process; *to heartbeats*: with everything that follows until there are heartbeats to
store. *Whole*: `jieru ingest --sources` behind Mosquitto, ThingsBoard gateway form, its CPU and
PostgreSQL's; beside it, turn by turn, the same heartbeats one by one to `jieru ingest`.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import psycopg

from benchmarks.cpu import cpu_s_of, postgres_cpu_s
from benchmarks.fleet import LoadProcess, measured_process, register_fleet, status_port
from benchmarks.replay import PLATFORM, device_serial
from benchmarks.results import print_table, save
from ingest.decode import Origin, TimeRules, decode_all
from ingest.message import Message
from ingest.source_rows import Known, read_rows
from jieru.publishers import CLOUD_ID
from jieru.schema import migrate
from jieru.sources.formats import compile_format
from jieru.sources.ready_made import ready_made
from jieru.sources.rows import decode_rows
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot
from tests.support.fleet import Publisher, wait_until
from tests.support.mosquitto import MosquittoBroker
from tests.support.source_samples import FIRST_MS, SAMPLES
from tests.support.sources import declare

__all__ = ["WayIn", "run", "way_in"]

ROWS: Final = 1_000
VALUES: Final = 20
"""Of the one heartbeat that Aliyun's property post holds: each has a time of its own."""
ROUNDS: Final = 30
TURNS: Final = 3
DEVICES: Final = 1_000
MINUTES: Final = 200
TARGET_US: Final = 1.0
_GATEWAY: Final = "thingsboard-gateway"
_MINUTE_MS: Final = 60_000
_COUNT: Final = "SELECT count(*) FROM heartbeats"
_WAIT_S: Final = 900


class _Cost(NamedTuple):
    """Microseconds of CPU a heartbeat."""

    rows: int
    decode_us: float
    to_heartbeats_us: float


class _Whole(NamedTuple):
    """Microseconds of CPU a heartbeat, and how many a second."""

    ingester_us: float
    postgres_us: float
    per_s: float


def run(server: DatabaseServer, root: DebianRoot) -> dict[str, object]:
    """Measure, print and save; the figures as JSON has them."""
    costs = {name: _cost(name) for name in SAMPLES}
    turns = [
        {
            "sources": _whole(server, root, is_native=False),
            "native": _whole(server, root, is_native=True),
        }
        for _turn in range(int(os.environ.get("JIERU_BENCHMARK_TURNS", TURNS)))
    ]
    whole = {
        name: _Whole(*(median(turn[name][place] for turn in turns) for place in range(3)))
        for name in ("sources", "native")
    }
    result: dict[str, object] = {
        "formats": {name: cost._asdict() for name, cost in costs.items()},
        "whole": {name: each._asdict() for name, each in whole.items()},
        "heartbeats": DEVICES * MINUTES,
        "is_within_target": costs[_GATEWAY].decode_us < TARGET_US,
    }
    print_table(
        "µs of CPU a heartbeat",
        ("format", "heartbeats in a message", "decode", "to heartbeats"),
        [
            (name, f"{cost.rows:,}", f"{cost.decode_us:.2f}", f"{cost.to_heartbeats_us:.2f}")
            for name, cost in costs.items()
        ],
    )
    print_table(
        f"{DEVICES * MINUTES:,} heartbeats behind Mosquitto, to committed",
        ("", "ingester, µs", "PostgreSQL, µs", "a second"),
        [
            (name, f"{each.ingester_us:.2f}", f"{each.postgres_us:.2f}", f"{each.per_s:,.0f}")
            for name, each in whole.items()
        ],
    )
    save("sources", result)
    return result


def _cost(name: str) -> _Cost:
    declared = compile_format(ready_made()[name].format)
    payload = SAMPLES[name](VALUES if name == "aliyun-property" else ROWS)
    serial = "CNC-00001"
    rows = len(decode_rows(payload, declared, serial).rows)
    topic = f"jieru/v1/{PLATFORM}/own/{serial}/in/things"
    if name in {_GATEWAY, "aliyun-batch", "iotda-gateway", "opcua-pubsub", "telegraf"}:
        topic = f"jieru/v1/{PLATFORM}/in/things"
    message = Message(topic, payload, len(payload), FIRST_MS + 10**7, 1)
    known = {(PLATFORM, "things"): Known(1, declared)}
    origins = {row.topic: Origin(1, CLOUD_ID) for row in read_rows([message], known).rows}
    rules = TimeRules.of_policy(
        max_delay_hours=72, max_clock_ahead_minutes=10, is_event_clock=False, live_within_minutes=60
    )
    times = max(ROUNDS, ROUNDS * ROWS // max(rows, 1) // 10)
    decode: list[float] = []
    whole: list[float] = []
    for _round in range(5):
        started = time.thread_time()
        for _time in range(times):
            decode_rows(payload, declared, serial)
        decode.append((time.thread_time() - started) / times / rows * 1e6)
        started = time.thread_time()
        for _time in range(times):
            decode_all(read_rows([message], known).rows, origins, rules)
        whole.append((time.thread_time() - started) / times / rows * 1e6)
    return _Cost(rows, median(decode), median(whole))


def _whole(server: DatabaseServer, root: DebianRoot, *, is_native: bool) -> _Whole:
    heartbeats = DEVICES * MINUTES
    with way_in(server, root, devices=DEVICES, is_native=is_native) as way:
        way.publish(MINUTES)
        way.wait(heartbeats)
    return _Whole(
        way.ingester_s / heartbeats * 1e6,
        way.postgres_s / heartbeats * 1e6,
        heartbeats / way.seconds,
    )


@dataclass(slots=True)
class WayIn:
    """An ingester behind Mosquitto, its fleet, and who publishes for it."""

    url: str
    pid: int
    gateway_url: str
    devices: int
    is_native: bool
    seconds: float = 0.0
    ingester_s: float = 0.0
    postgres_s: float = 0.0
    """Of CPU, as the seconds above, from the first message until the last heartbeat is stored."""

    def publish(self, minutes: int) -> None:
        """A heartbeat of each device and past minute, as fast as the broker takes them.

        Natively each by itself; else a thousand of one device in a message.
        """
        self.ingester_s, self.postgres_s = -cpu_s_of(self.pid), -postgres_cpu_s(self.url)
        self.seconds = -time.perf_counter()
        if self.is_native:
            LoadProcess(
                self.gateway_url,
                f"--messages={self.devices * minutes}",
                f"--spacing-ms={_MINUTE_MS}",
                devices=self.devices,
            ).finish()
            return
        publisher = Publisher(self.gateway_url)
        sent = 0
        for payload in _messages(self.devices, minutes):
            publisher.publish_raw(f"jieru/v1/{PLATFORM}/in/{_GATEWAY}", payload)
            sent += 1
        publisher.wait_until_acknowledged(sent)
        publisher.close()

    def wait(self, heartbeats: int) -> None:
        """Until as many are stored, or so many for certain that more will not come."""

        def is_stored() -> bool:
            with psycopg.connect(self.url) as connection:
                row = connection.execute(_COUNT).fetchone()
            return row is not None and row[0] >= heartbeats

        wait_until(is_stored, f"{heartbeats:,} heartbeats are stored", timeout_s=_WAIT_S)
        self.seconds += time.perf_counter()
        self.ingester_s += cpu_s_of(self.pid)
        self.postgres_s += postgres_cpu_s(self.url)


def _messages(devices: int, minutes: int) -> Iterator[bytes]:
    now_ms = time.time_ns() // 1_000_000
    for device in range(devices):
        rows = [
            {"ts": now_ms - _MINUTE_MS * minute, "values": {"rpm": 1480 + minute % 7, "load": 0.5}}
            for minute in range(minutes, 0, -1)
        ]
        for start in range(0, minutes, ROWS):
            content = {device_serial(device): rows[start : start + ROWS]}
            yield json.dumps(content, separators=(",", ":")).encode()


@contextmanager
def way_in(
    server: DatabaseServer, root: DebianRoot, *, devices: int, is_native: bool
) -> Iterator[WayIn]:
    """An ingester of one kind, subscribed, with nothing published yet."""
    with (
        server.database() as url,
        tempfile.TemporaryDirectory() as folder,
        MosquittoBroker(root, persistence=False) as broker,
    ):
        migrate(url)
        register_fleet(url, devices)
        with psycopg.connect(url) as connection:
            declare(connection, _GATEWAY, ready_made()[_GATEWAY].format, platform=PLATFORM)
        broker.add_user(PLATFORM)
        environment = {
            "JIERU_DATABASE_URL": url,
            "JIERU_MQTT_URL": broker.url(),
            "JIERU_INGEST_HTTP_PORT": "0",
        }
        log = Path(folder) / "ingester.log"
        command = ["-m", "jieru", "ingest", *([] if is_native else ["--sources"])]
        with measured_process(command, environment, log) as process:
            status_port(log)
            yield WayIn(url, process.process.pid, broker.local_url(PLATFORM), devices, is_native)
