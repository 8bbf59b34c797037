"""One ingester behind a real Mosquitto, against `mosquitto_sub -q 1` in the same run.

Both are subscribed at the same time, so both get the same messages from the same broker under the
same load; what is compared is when each has had the last one: received there, committed here.
"""

import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.fleet import (
    LoadProcess,
    measured_process,
    register_fleet,
    status_port,
    wait_for_commits,
)
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
        broker.add_user(PLATFORM)
        gateway_url = broker.local_url(PLATFORM)
        environment = {
            "JIERU_DATABASE_URL": url,
            "JIERU_MQTT_URL": broker.url(),
            "JIERU_INGEST_HTTP_PORT": "0",
        }
        log = Path(folder) / "ingester.log"
        subscribe = broker.client(
            "mosquitto_sub", "-q", "1", "-t", "jieru/v1/+/+/heartbeat", "-C", str(messages)
        )
        with (
            measured_process(["-m", "jieru", "ingest"], environment, log),
            subprocess.Popen(subscribe, stdout=subprocess.DEVNULL) as subscriber,
        ):
            port = status_port(log)
            time.sleep(1)  # mosquitto_sub says nothing when its subscription stands
            load = LoadProcess(
                gateway_url,
                f"--messages={messages}",
                f"--spacing-ms={SPACING_MS}",
                f"--window={WINDOW}",
                devices=DEVICES,
            )
            with ThreadPoolExecutor() as watchers:
                committing = watchers.submit(wait_for_commits, [port], messages)
                subscriber.wait()
                received_s = time.time()
                committed_s = committing.result()
            started_s = load.finish()["started_ms"] / 1000
    return committed_s - started_s, received_s - started_s
