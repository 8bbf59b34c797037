"""Two ingesters in a shared subscription against one, everything pinned to a core.

Two cores cannot give each of broker, database and two ingesters one of their own. So an ingester
and the sessions it has with the database make a *node*, bound to one core. Fed by the stub broker,
one node has core 0 and the stub core 1; two nodes have a core each, and the stub what they leave of
core 1. What is shared nevertheless is what could spoil the ratio: PostgreSQL's locks and log, the
chunk, the index, the rows of presence. Whether it does is seen too in what a heartbeat costs both
of a node's parts: twice one node's capacity, by CPU, needs that two pay no more than one.

Behind Mosquitto, core 0 has the broker and the load generator that feeds it, core 1 the ingesters
and the database. Where core 0 is full, a second ingester has nothing to take.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from benchmarks.cpu import cpu_s_of, pin_backends, postgres_cpu_s
from benchmarks.fleet import (
    LoadProcess,
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
ROUNDS: Final = 24
"""Two whole hours, five minutes apart: one heartbeat in twelve is the first of its hour."""
MOSQUITTO_MESSAGES: Final = 400_000
SPACING_MS: Final = 300_000
WINDOW: Final = 20_000
TURNS: Final = 3
TARGET_RATIO: Final = 1.6
SATURATED: Final = 0.9
"""Of a core: so much means that a thread does nothing else."""

_FIRST, _SECOND = {0}, {1}
_SETTLING_S: Final = 2.5
"""Until an idle ingester has all its sessions with the database."""


@dataclass(frozen=True, slots=True)
class _Fed:
    """One run from the stub broker."""

    per_s: float
    cost_us: float
    """CPU of ingesters and database for a heartbeat."""


@dataclass(frozen=True, slots=True)
class _Behind:
    """One run behind Mosquitto."""

    per_s: float
    broker_share: float
    """Of core 0, what the broker computed."""
    load_share: float
    """Of core 0, what the load generator computed."""
    taking_share: float
    """Of core 1, what the ingesters and the database computed."""


def run(server: DatabaseServer, root: DebianRoot) -> dict[str, object]:
    """Measure, print and save; the figures as JSON has them."""
    stub = [[_from_stub(server, members) for members in (1, 2)] for _turn in range(TURNS)]
    behind = [[_behind_mosquitto(server, root, members) for members in (1, 2)] for _ in range(2)]
    ratio = median(two.per_s / one.per_s for one, two in stub)
    ratio_by_cpu = median(2 * one.cost_us / two.cost_us for one, two in stub)
    broker_ratio = median(two.per_s / one.per_s for one, two in behind)
    one_alone = [one for one, _two in behind]
    feeding = median(each.broker_share + each.load_share for each in one_alone)
    taking = median(each.taking_share for each in one_alone)
    result: dict[str, object] = {
        "messages": DEVICES * ROUNDS,
        "stub": {
            "one_per_s": round(median(one.per_s for one, _two in stub)),
            "two_per_s": round(median(two.per_s for _one, two in stub)),
            "runs_per_s": [[round(each.per_s) for each in turn] for turn in stub],
            "ratio": round(ratio, 2),
            "one_us": round(median(one.cost_us for one, _two in stub), 2),
            "two_us": round(median(two.cost_us for _one, two in stub), 2),
            "ratio_by_cpu": round(ratio_by_cpu, 2),
        },
        "mosquitto": {
            "messages": MOSQUITTO_MESSAGES,
            "one_per_s": round(median(one.per_s for one, _two in behind)),
            "two_per_s": round(median(two.per_s for _one, two in behind)),
            "ratio": round(broker_ratio, 2),
            "with_one": {
                "broker_share_of_core_0": round(median(e.broker_share for e in one_alone), 2),
                "load_share_of_core_0": round(median(e.load_share for e in one_alone), 2),
                "ingester_and_database_share_of_core_1": round(taking, 2),
            },
            "is_limited_by_broker": feeding >= SATURATED > taking,
        },
        "is_within_target": ratio >= TARGET_RATIO
        and (broker_ratio >= TARGET_RATIO or feeding >= SATURATED),
    }
    print_table(
        "Two ingesters in a shared subscription against one",
        ("", "one, heartbeats/s", "two, heartbeats/s", "ratio", "broker's core", "ours"),
        [
            (
                "stub broker, a core to each node",
                f"{median(one.per_s for one, _two in stub):,.0f}",
                f"{median(two.per_s for _one, two in stub):,.0f}",
                f"{ratio:.2f}",
                "",
                "",
            ),
            (
                "Mosquitto",
                f"{median(one.per_s for one, _two in behind):,.0f}",
                f"{median(two.per_s for _one, two in behind):,.0f}",
                f"{broker_ratio:.2f}",
                f"{feeding:.0%}",
                f"{taking:.0%}",
            ),
            ("target", "", "", f"{TARGET_RATIO}", "", ""),
        ],
    )
    one_us, two_us = (median(each.cost_us for each in kind) for kind in zip(*stub, strict=True))
    print(
        f"CPU of ingesters and database for a heartbeat: one {one_us:.2f} µs, two {two_us:.2f} µs; "
        f"by that the ratio is {ratio_by_cpu:.2f}"
    )
    save("two_ingesters", result)
    return result


@contextmanager
def _ingesters(
    database_url: str, broker_url: str, cores: Sequence[set[int]]
) -> Iterator[tuple[list[int], list[int]]]:
    """An ingester on each of these cores, with its sessions; their status ports and process ids."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        started: list[tuple[Path, int]] = []
        for number, core in enumerate(cores):
            environment = {
                "JIERU_DATABASE_URL": database_url,
                "JIERU_MQTT_URL": broker_url,
                "JIERU_INGEST_HTTP_PORT": "0",
                "JIERU_INGEST_RECEIVE_MAXIMUM": str(WINDOW),
                "JIERU_INGEST_GROUP": "bench",
                "JIERU_INGEST_CLIENT_ID": f"bench-{number}",
            }
            log = folder / f"{number}.log"
            process = stack.enter_context(
                measured_process(["-m", "jieru", "ingest"], environment, log, cores=core)
            )
            started.append((log, process.process.pid))
        ports = [status_port(log) for log, _pid in started]
        time.sleep(_SETTLING_S)
        for (_log, pid), core in zip(started, cores, strict=True):
            pin_backends(database_url, pid, core)
        yield ports, [pid for _log, pid in started]


def _from_stub(server: DatabaseServer, members: int) -> _Fed:
    """So many nodes."""
    with (
        server.database() as url,
        stub_broker(
            devices=DEVICES,
            first_ms=_whole_hours_ago(),
            spacing_ms=SPACING_MS,
            window=WINDOW,
            members=members,
            cores=_SECOND,
        ) as broker,
    ):
        migrate(url)
        register_fleet(url, DEVICES)
        cores = [_FIRST, _SECOND][:members]
        with _ingesters(url, f"mqtt://127.0.0.1:{broker.port}", cores) as (_ports, pids):
            taken_s = _taking_s(url, pids)
            seconds = broker.replay(ROUNDS)
            taken_s = _taking_s(url, pids) - taken_s
    messages = DEVICES * ROUNDS
    return _Fed(messages / seconds, taken_s / messages * 1e6)


def _whole_hours_ago() -> int:
    """A full hour so long ago that all rounds lie in the past, in milliseconds since the epoch."""
    hours = -(-ROUNDS * SPACING_MS // MILLISECONDS_PER_HOUR)
    return (time.time_ns() // 1_000_000 // MILLISECONDS_PER_HOUR - hours) * MILLISECONDS_PER_HOUR


def _behind_mosquitto(server: DatabaseServer, root: DebianRoot, members: int) -> _Behind:
    """The same behind a real broker, fed by the load generator."""
    with server.database() as url, MosquittoBroker(root, persistence=False) as broker:
        migrate(url)
        register_fleet(url, DEVICES)
        broker.add_user(PLATFORM)
        gateway_url = broker.local_url(PLATFORM)
        pid = int((broker.log.parent / "broker.pid").read_text())
        psutil.Process(pid).cpu_affinity(sorted(_FIRST))
        with _ingesters(url, broker.url(), [_SECOND] * members) as (ports, pids):
            brokers_s, takers_s = cpu_s_of(pid), _taking_s(url, pids)
            options = (f"--messages={MOSQUITTO_MESSAGES}", f"--spacing-ms={SPACING_MS}")
            load = LoadProcess(gateway_url, *options, devices=DEVICES, cores=_FIRST)
            ended_s = wait_for_commits(ports, MOSQUITTO_MESSAGES)
            brokers_s, takers_s = cpu_s_of(pid) - brokers_s, _taking_s(url, pids) - takers_s
            figures = load.finish()
    seconds = ended_s - figures["started_ms"] / 1000
    return _Behind(
        MOSQUITTO_MESSAGES / seconds,
        brokers_s / seconds,
        figures["cpu_us_per_message"] / 1e6 * MOSQUITTO_MESSAGES / seconds,
        takers_s / seconds,
    )


def _taking_s(database_url: str, pids: Sequence[int]) -> float:
    return sum(map(cpu_s_of, pids)) + postgres_cpu_s(database_url)
