"""What a heartbeat costs, in microseconds of CPU, stage by stage.

*Whole*: an ingester fed by the stub broker, its CPU and PostgreSQL's by the kernel's books, from
the first message on. *Split*: one more run under py-spy, whose samples are shared out by the module
at work and scaled to the whole. *Alone*: each pure stage by itself, batch by batch. *PostgreSQL*:
the same rows copied into ever more of what `heartbeats` is.

`JIERU_BENCHMARK_BEFORE` may name the folder of another version of Jieru; whole and split are then
measured for both, turn by turn. py-spy must be allowed to look into a process (as root it is).
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, LiteralString

import psycopg

from benchmarks.cpu import cpu_s_of, postgres_cpu_s
from benchmarks.fleet import measured_process, register_fleet, status_port
from benchmarks.replay import PLATFORM, device_serial, make_replay
from benchmarks.results import print_table, save
from benchmarks.stub_broker import stub_broker
from ingest.copy_format import encode_heartbeats
from ingest.decode import Heartbeat, Origin, TimeRules, decode_all
from ingest.device_rate import DeviceRate
from ingest.device_states import DeviceStates
from ingest.durable_hours import DurableHours
from ingest.hourly_counts import heard_hours
from ingest.message import Message
from ingest.mqtt5_packets import encode_pubacks, read_packets
from jieru.publishers import CLOUD_ID
from jieru.schema import migrate
from jieru.wire import DeviceAddress, DeviceStatus, heartbeat_topic
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot

__all__ = ["run"]

DEVICES: Final = 100_000
ROUNDS: Final = 15
SPACING_MS: Final = 300_000
WINDOW: Final = 20_000
BATCH: Final = 5_000
READ_BYTES: Final = 256 * 1024
ROUNDS_ALONE: Final = 13
"""An hour and five minutes: thirteen rounds, so that presence has its share as in life."""
COPIED_ROWS: Final = 200_000
TURNS: Final = 3
AS_IF_PER_S: Final = 60_000
"""Heartbeats a second for whatever goes by the clock, when stages run alone."""
TARGET_US: Final = 12.0

_HERE: Final = Path(__file__).parents[1]
_SAMPLES_PER_S: Final = "400"
_PROFILER_START_S: Final = 1.0

_STAGES: Final = {
    "ingest/mqtt5_subscriber.py": "socket and codec",
    "ingest/mqtt5_packets.py": "socket and codec",
    "ingest/inbox.py": "socket and codec",
    "ingest/decode.py": "decode and registry",
    "ingest/registry.py": "decode and registry",
    "ingest/device_rate.py": "device rate",
    "ingest/excess.py": "device rate",
    "ingest/copy_format.py": "COPY encoding",
    "ingest/durable_hours.py": "presence",
    "ingest/device_states.py": "device states",
    "ingest/hourly_counts.py": "hourly counts",
    "ingest/array_format.py": "parameters",
    "ingest/writer.py": "writer",
    "ingest/pipeline.py": "pipeline and metrics",
    "ingest/observations.py": "pipeline and metrics",
    "psycopg/": "psycopg",
    "asyncio/": "event loop",
    "selectors.py": "event loop",
}
"""By the innermost of these modules in a sample's stack; garbage is collected unseen in all."""
_ACKNOWLEDGING: Final = ("Mqtt5Subscriber.acknowledge", "encode_pubacks")

_PLAIN: Final = "CREATE TABLE copied (LIKE heartbeats)"
_KEY: Final = 'ALTER TABLE copied ADD PRIMARY KEY (device_id, "time")'
_CHUNKS: Final = """
    SELECT create_hypertable('copied', 'time', chunk_time_interval => INTERVAL '1 day',
                             create_default_indexes => false)
"""
_COPY_TARGETS: Final[dict[str, tuple[LiteralString, ...]]] = {
    "rows read, heap and WAL": (_PLAIN,),
    "and the index": (_PLAIN, _KEY),
    "and chunks": (_PLAIN, _KEY, _CHUNKS),
}
"""Each is what the one above is, and more."""
_COPY: Final = """
    COPY copied (device_id, "time", received_at, publisher_id, seq, status, boot, counter, metrics)
    FROM STDIN (FORMAT BINARY)
"""


@dataclass(frozen=True, slots=True)
class _Whole:
    """One run of an ingester; microseconds of CPU a heartbeat."""

    ingester_us: float
    postgres_us: float
    per_s: float
    split_us: dict[str, float]
    """By stage; empty without the profiler."""


def run(server: DatabaseServer, _root: DebianRoot) -> dict[str, object]:
    """Measure, print and save; the figures as JSON has them."""
    versions = {"now": _HERE}
    if before := os.environ.get("JIERU_BENCHMARK_BEFORE"):
        versions = {"before": Path(before), **versions}
    turns = [
        {name: _whole(server, folder) for name, folder in versions.items()} for _ in range(TURNS)
    ]
    splits = {name: _whole(server, folder, is_split=True) for name, folder in versions.items()}
    figures = {
        name: {
            "ingester_us": round(median(turn[name].ingester_us for turn in turns), 2),
            "ingester_us_runs": [round(turn[name].ingester_us, 2) for turn in turns],
            "postgres_us": round(median(turn[name].postgres_us for turn in turns), 2),
            "committed_per_s": round(median(turn[name].per_s for turn in turns)),
            "split_us": _scaled(
                splits[name].split_us, median(turn[name].ingester_us for turn in turns)
            ),
        }
        for name in versions
    }
    alone, postgres = _alone(), _postgres(server)
    result: dict[str, object] = {
        "messages": DEVICES * ROUNDS,
        "whole": figures,
        "alone_us": alone,
        "postgres_us": postgres,
        "is_within_target": median(turn["now"].ingester_us for turn in turns) <= TARGET_US,
    }
    if len(versions) > 1:
        ratio = median(turn["before"].ingester_us / turn["now"].ingester_us for turn in turns)
        result["times_less_cpu_than_before"] = round(ratio, 2)
    names = list(versions)
    stages = sorted(splits["now"].split_us, key=lambda stage: -splits["now"].split_us[stage])
    whole_rows = [
        ("ingester, whole", *(f"{figures[name]['ingester_us']:.2f}" for name in names)),
        *(
            (f"  {stage}", *(f"{_of(figures[name], stage):.2f}" for name in names))
            for stage in stages
        ),
        ("PostgreSQL, whole", *(f"{figures[name]['postgres_us']:.2f}" for name in names)),
    ]
    print_table("µs of CPU a heartbeat", ("", *names), whole_rows)
    rows = [(stage, f"{us:.2f}") for stage, us in alone.items()]
    print_table("Pure stages alone, µs of CPU a heartbeat", ("", "now"), rows)
    rows = [(stage, f"{us:.2f}") for stage, us in postgres.items()]
    print_table("PostgreSQL, COPY alone, µs of CPU a row", ("", "now"), rows)
    save("stages", result)
    return result


def _of(figures: dict[str, object], stage: str) -> float:
    split = figures["split_us"]
    return float(split.get(stage, 0.0)) if isinstance(split, dict) else 0.0


def _scaled(split: dict[str, float], whole_us: float) -> dict[str, float]:
    total = sum(split.values())
    return {stage: round(share / total * whole_us, 2) for stage, share in split.items()}


def _whole(server: DatabaseServer, folder: Path, *, is_split: bool = False) -> _Whole:
    """Run the ingester of a version over all messages."""
    messages = DEVICES * ROUNDS
    first_ms = time.time_ns() // 1_000_000 - ROUNDS * SPACING_MS
    with (
        server.database() as url,
        tempfile.TemporaryDirectory() as scratch,
        stub_broker(
            devices=DEVICES, first_ms=first_ms, spacing_ms=SPACING_MS, window=WINDOW
        ) as broker,
    ):
        environment = {
            "JIERU_DATABASE_URL": url,
            "JIERU_MQTT_URL": f"mqtt://127.0.0.1:{broker.port}",
            "JIERU_INGEST_HTTP_PORT": "0",
            "JIERU_INGEST_RECEIVE_MAXIMUM": str(WINDOW),
            "PYTHONPATH": str(folder),
        }
        subprocess.run(
            [sys.executable, "-m", "jieru", "migrate"],
            cwd=folder,
            env={**os.environ, **environment},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        register_fleet(url, DEVICES)
        log, stacks = Path(scratch, "ingester.log"), Path(scratch, "stacks")
        command = ["-m", "jieru", "ingest"]
        with measured_process(command, environment, log, folder=folder) as process:
            status_port(log)
            pid = process.process.pid
            with _profiled(pid, stacks) if is_split else nullcontext():
                ours, theirs = cpu_s_of(pid), postgres_cpu_s(url)
                seconds = broker.replay(ROUNDS)
                ours, theirs = cpu_s_of(pid) - ours, postgres_cpu_s(url) - theirs
        split = _split(stacks) if is_split else {}
    return _Whole(ours / messages * 1e6, theirs / messages * 1e6, messages / seconds, split)


@contextmanager
def _profiled(pid: int, stacks: Path) -> Iterator[None]:
    spy = subprocess.Popen(
        [
            *(str(Path(sys.executable).parent / "py-spy"), "record", "--pid", str(pid)),
            *("--format", "raw", "--rate", _SAMPLES_PER_S, "--output", str(stacks)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(_PROFILER_START_S)
    try:
        yield
    finally:
        spy.send_signal(signal.SIGINT)
        spy.wait()


def _split(stacks: Path) -> dict[str, float]:
    """Samples by stage, of the thread that does the work."""
    samples: Counter[str] = Counter()
    for line in stacks.read_text().splitlines():
        stack, count = line.rsplit(" ", 1)
        if "run_forever" in stack:
            samples[_stage(stack.split(";"))] += int(count)
    return {stage: float(count) for stage, count in samples.items()}


def _stage(frames: list[str]) -> str:
    """Of the innermost frame that is of a module with a stage."""
    for frame in reversed(frames):
        if frame.startswith(_ACKNOWLEDGING):
            return "acknowledgement"
        for module, stage in _STAGES.items():
            if f"({module}" in frame or f"/{module}" in frame:
                return stage
    return "event loop"


def _alone() -> dict[str, float]:
    """Each pure stage by itself, batch by batch as in life; microseconds of CPU a heartbeat."""
    replay = make_replay(
        DEVICES,
        range(ROUNDS_ALONE),
        WINDOW,
        first_ms=time.time_ns() // 1_000_000 - ROUNDS_ALONE * SPACING_MS,
        spacing_ms=SPACING_MS,
    )
    packets = bytes(replay.packets)
    origins = {
        heartbeat_topic(DeviceAddress(PLATFORM, device_serial(number))): Origin(number, CLOUD_ID)
        for number in range(DEVICES)
    }
    rules = TimeRules.of_policy(
        max_delay_hours=72, max_clock_ahead_minutes=10, is_event_clock=False, live_within_minutes=60
    )
    now_ms = time.time_ns() // 1_000_000
    hours, states = DurableHours(), DeviceStates(30)
    rate = DeviceRate(per_minute=60, burst=10_000)
    used: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def counted(stage: str) -> Iterator[None]:
        started = time.thread_time()
        yield
        used[stage] += time.thread_time() - started

    done, position = 0, 0
    waiting: list[Message] = []
    while position < len(packets) or waiting:
        while len(waiting) < BATCH and position < len(packets):
            data = packets[position : position + READ_BYTES]
            with counted("codec"):
                size, messages, _others = read_packets(data, now_ms)
                waiting += messages
            position += size
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        with counted("decode and registry"):
            heartbeats, _rejections = decode_all(batch, origins, rules)
        with counted("device rate"):
            rate.divide(heartbeats, done / AS_IF_PER_S)
        with counted("COPY encoding"):
            encode_heartbeats(heartbeats)
        with counted("presence"):
            hours.remember(hours.missing(heartbeats))
        done += len(heartbeats)
        now_s = done / AS_IF_PER_S
        with counted("device states"):
            states.observe(heartbeats)
            states.remember(states.due(now_s), now_s)
        with counted("hourly counts"):
            heard_hours(heartbeats)
        with counted("acknowledgement"):
            encode_pubacks([message.packet_id or 0 for message in batch])
    return {stage: round(seconds / done * 1e6, 3) for stage, seconds in used.items()}


def _postgres(server: DatabaseServer) -> dict[str, float]:
    """What PostgreSQL computes to copy the same rows; microseconds of its CPU a row."""
    now_ms = time.time_ns() // 1_000_000
    message = Message("", b"", 0, received_ms=now_ms, packet_id=None)
    rows = [
        Heartbeat(
            place % DEVICES,
            CLOUD_ID,
            now_ms + place // DEVICES * SPACING_MS,
            now_ms,
            is_late=False,
            seq=place,
            status=DeviceStatus.RUNNING,
            metrics=b'{"spindle_rpm":1480,"temperature_c":21.5}',
            message=message,
        )
        for place in range(COPIED_ROWS)
    ]
    batches = [
        encode_heartbeats(rows[start : start + BATCH]) for start in range(0, COPIED_ROWS, BATCH)
    ]
    used: dict[str, float] = {}
    for name, statements in _COPY_TARGETS.items():
        with server.database() as url, psycopg.connect(url, autocommit=True) as connection:
            migrate(url)
            for statement in statements:
                connection.execute(statement)
            before_s = cpu_s_of(connection.info.backend_pid)
            for batch in batches:
                with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                    copy.write(batch)
            seconds = cpu_s_of(connection.info.backend_pid) - before_s
        used[name] = round(seconds / COPIED_ROWS * 1e6, 2)
    return used
