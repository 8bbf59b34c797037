"""One ingester behind a real Mosquitto, against `mosquitto_sub -q 1` in the same run.

Both are subscribed at the same time, so both get the same messages from the same broker under the
same load; what is compared is when each has had the last one: received there, committed here.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.fleet import committed_by, measured_process, register_fleet, status_port
from benchmarks.replay import PLATFORM
from benchmarks.results import print_table, save
from jieru.schema import migrate
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot
from tests.support.mosquitto import MosquittoBroker

__all__ = ["run"]

DEVICES: Final = 100_000
ROUNDS: Final = 12
SPACING_MS: Final = 300_000
"""Five minutes: twelve rounds are an hour, so each device costs one upsert of presence or two."""
WINDOW: Final = 1_000
TURNS: Final = 3
TARGET_RATIO: Final = 0.95
_POLL_S: Final = 0.02


def run(server: DatabaseServer, root: DebianRoot) -> dict[str, object]:
    """Measure, print and save; the figures as JSON has them."""
    turns = [_measure(server, root) for _turn in range(TURNS)]
    messages = DEVICES * ROUNDS
    ours = [messages / seconds for seconds, _other in turns]
    theirs = [messages / seconds for _own, seconds in turns]
    ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
    result: dict[str, object] = {
        "messages": messages,
        "committed_per_s": round(median(ours)),
        "committed_per_s_runs": [round(rate) for rate in ours],
        "mosquitto_sub_per_s": round(median(theirs)),
        "mosquitto_sub_per_s_runs": [round(rate) for rate in theirs],
        "ratio": round(ratio, 3),
        "is_within_target": ratio >= TARGET_RATIO,
    }
    print_table(
        "One ingester behind Mosquitto",
        ("", "messages/s", "ratio"),
        [
            ("jieru ingest, committed", f"{result['committed_per_s']:,}", str(result["ratio"])),
            ("mosquitto_sub -q 1, received", f"{result['mosquitto_sub_per_s']:,}", "1"),
            ("target", "", str(TARGET_RATIO)),
        ],
    )
    save("mosquitto", result)
    return result


def _measure(server: DatabaseServer, root: DebianRoot) -> tuple[float, float]:
    """Seconds until the last message was committed by us, and received by mosquitto_sub."""
    messages = DEVICES * ROUNDS
    with (
        server.database() as url,
        tempfile.TemporaryDirectory() as folder,
        MosquittoBroker(root, persistence=False) as broker,
    ):
        migrate(url)
        register_fleet(url, DEVICES)
        gateway_url = broker.add_user(PLATFORM)
        environment = {
            "JIERU_DATABASE_URL": url,
            "JIERU_MQTT_URL": broker.url(),
            "JIERU_INGEST_HTTP_PORT": "0",
        }
        log = Path(folder) / "ingester.log"
        subscribe = broker.client(
            "mosquitto_sub", "-q", "1", "-t", "jieru/v1/+/+/heartbeat", "-C", str(messages)
        )
        publish = [sys.executable, "-m", "benchmarks.load_publisher", gateway_url]
        publish += [str(number) for number in (DEVICES, ROUNDS, SPACING_MS, WINDOW)]
        with (
            measured_process(["-m", "jieru", "ingest"], environment, log),
            subprocess.Popen(subscribe, stdout=subprocess.DEVNULL) as subscriber,
            subprocess.Popen(
                publish, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as publisher,
        ):
            if publisher.stdin is None or publisher.stdout is None:
                raise RuntimeError("the publisher has no pipes")
            port = status_port(log)
            publisher.stdout.readline()
            time.sleep(1)  # mosquitto_sub says nothing when its subscription stands
            started = time.perf_counter()
            publisher.stdin.write("go\n")
            publisher.stdin.flush()
            committed_s, received_s = 0.0, 0.0
            while not (committed_s and received_s):
                time.sleep(_POLL_S)
                if not received_s and subscriber.poll() is not None:
                    received_s = time.perf_counter() - started
                if not committed_s and committed_by(port) >= messages:
                    committed_s = time.perf_counter() - started
    return committed_s, received_s
