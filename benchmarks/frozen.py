"""What a frozen count of 10,000 enterprises takes: of the database, and of `jieru serve`.

The count is that of `benchmarks.freeze`, frozen twice: the second corrects the first. Then a server
is started anew, each request is made once, and the memory of the server and of the processes that
it starts is looked at every 20 ms. A last part plays all of them again and again for a while and
looks at what stays.
"""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory
from typing import Final

import httpx
import psycopg

from api.access.roles import Role
from api.access.users import create_user
from benchmarks.count import ENTERPRISES, YEAR, build
from benchmarks.freeze import AS_OF, NOW
from benchmarks.results import print_table, save
from jieru.audit import Actor, changing, command_actor
from jieru.database import connect
from tests.support.debian_packages import ensure_debian_packages
from tests.support.heard import vouch_for_evidence
from tests.support.people import session_of
from tests.support.procedure import KEY, TRUSTED, write_key
from tests.support.processes import free_port
from verifier.policy import load_policy
from verifier.procedure.drafting import draft_count
from verifier.procedure.freezing import freeze_count
from verifier.procedure.people import Act
from verifier.procedure.submitting import submit_count

__all__ = ["run"]

TARGET_PEAK_BYTES: Final = 400_000_000
TARGET_RESIDENT_BYTES: Final = 300_000_000
TARGET_STORED_BYTES: Final = 20_000_000
MIXED_S: Final = float(os.environ.get("JIERU_BENCHMARK_MIXED_S", "120"))
"""An hour: `JIERU_BENCHMARK_MIXED_S=3600`."""

_LOOK_S: Final = 0.02
_STORED: Final = """
    SELECT pg_total_relation_size('count_determinations')
         + pg_total_relation_size('count_documents')
"""
_SELECT_CASE: Final = """
    SELECT platform, uscc FROM count_determinations ORDER BY outcome, platform, uscc LIMIT 1
"""


def run(database_url: str) -> dict[str, object]:
    """Freeze a count twice, then ask a server for all that it shows of them.

    Args:
        database_url: an empty, migrated database.

    Returns:
        Figures as JSON has them, in seconds and bytes.
    """
    ensure_debian_packages("fonts-noto-cjk")
    with psycopg.connect(database_url, autocommit=True) as connection:
        build(connection)
    stored = [_frozen(database_url, revision) for revision in (1, 2)]
    with psycopg.connect(database_url) as connection:
        platform, uscc = connection.execute(_SELECT_CASE).fetchone() or ("", "")
    with connect(database_url) as connection:
        with changing(connection, command_actor()):
            create_user(connection, "wu", Role.VERIFIER, password=token_urlsafe())
        cookies = {"jieru_session": session_of(connection, "wu")}
    addresses = _addresses(platform, uscc)
    with (
        _server(database_url) as (address, pid),
        httpx.Client(base_url=address, cookies=cookies, timeout=600) as browser,
    ):
        began = _memory_of(pid)
        measured = {name: _measured(browser, pid, path) for name, path in addresses.items()}
        again = {name: _measured(browser, pid, path) for name, path in addresses.items()}
        requests = _mix(browser, list(addresses.values()))
        time.sleep(5)
        resident = _memory_of(pid)
    peak = max(each[1] for each in (*measured.values(), *again.values()))
    result: dict[str, object] = {
        "enterprises": ENTERPRISES,
        "stored_bytes_after_one": stored[0],
        "stored_bytes_after_two": stored[1],
        "resident_at_first_bytes": began,
        "resident_after_bytes": resident,
        "mixed_s": MIXED_S,
        "mixed_requests": requests,
        "requests": {
            name: {
                "first_s": round(first[0], 2),
                "first_peak_bytes": first[1],
                "again_s": round(again[name][0], 2),
                "again_peak_bytes": again[name][1],
            }
            for name, first in measured.items()
        },
        "is_within_target": peak <= TARGET_PEAK_BYTES
        and resident <= TARGET_RESIDENT_BYTES
        and max(stored[0], stored[1] - stored[0]) <= TARGET_STORED_BYTES,
    }
    print_table(
        f"a frozen count of {ENTERPRISES:,} enterprises",
        ("", "first, s", "peak, MB", "again, s", "peak, MB"),
        [
            (
                name,
                f"{first[0]:.2f}",
                f"{first[1] / 1e6:,.0f}",
                f"{again[name][0]:.2f}",
                f"{again[name][1] / 1e6:,.0f}",
            )
            for name, first in measured.items()
        ],
    )
    print(
        f"database: {stored[0] / 1e6:.1f} MB after one revision, {stored[1] / 1e6:.1f} after two; "
        f"resident {began / 1e6:.0f} MB at first, {resident / 1e6:.0f} after {requests} requests "
        f"in {MIXED_S:.0f} s"
    )
    save("frozen", result)
    return result


def _addresses(platform: str, uscc: str) -> dict[str, str]:
    api = f"/api/v1/counts/{YEAR}"
    case = f"/counts/{YEAR}/{platform}/{uscc}?revision=2"
    report = f"{api}/report?revision=2&kind="
    return {
        "all counts": "/counts",
        "one count": f"/counts/{YEAR}?revision=2",
        "evidence of an enterprise": case,
        "determination, PDF": f"{report}enterprise&platform={platform}&uscc={uscc}",
        "comparison": f"/counts/compare?before={YEAR}-1&after={YEAR}-2",
        "signed file": f"{report}signed",
        "notice, PDF": f"{report}notice",
        "approval, PDF": f"{report}approval",
        "workbook": f"{report}workbook",
        "CSV of devices": f"{report}csv&table=devices",
        "JSON": f"{report}json",
    }


def _frozen(database_url: str, revision: int) -> int:
    """Bytes of the database after one more revision was frozen."""
    at = NOW + timedelta(days=20 * revision)
    maker, checker = (Act(Actor(f"user:{name}", "benchmark"), name, at) for name in ("lin", "chen"))
    with connect(database_url) as connection:
        record = draft_count(
            connection,
            maker,
            YEAR,
            as_of=AS_OF,
            policy=load_policy("putian-2026"),
            reason=None if revision == 1 else "again",
        )
        record = submit_count(connection, record, replace(maker, at=record.drafted_at or at))
        vouch_for_evidence(connection)
        freeze_count(connection, record, replace(checker, at=record.drafted_at or at), KEY, TRUSTED)
    with psycopg.connect(database_url) as connection:
        return int((connection.execute(_STORED).fetchone() or (0,))[0])


@contextmanager
def _server(database_url: str) -> Iterator[tuple[str, int]]:
    port = free_port()
    with TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "JIERU_DATABASE_URL": database_url,
            "JIERU_SIGNING_KEY_FILE": str(write_key(Path(folder, "key"))),
        }
        command = [sys.executable, "-m", "jieru", "serve", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        address = f"http://127.0.0.1:{port}"
        try:
            while not _answers(address):
                if process.poll() is not None:
                    raise RuntimeError("the server did not start")
                time.sleep(0.1)
            yield address, process.pid
        finally:
            process.terminate()
            process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz").is_success
    except httpx.TransportError:
        return False


def _measured(browser: httpx.Client, pid: int, path: str) -> tuple[float, int]:
    """Seconds and peak of memory of the server and its children."""
    peak, done = [_memory_of(pid)], threading.Event()

    def look() -> None:
        while not done.wait(_LOOK_S):
            peak.append(_memory_of(pid))

    watcher = threading.Thread(target=look)
    watcher.start()
    started = time.perf_counter()
    try:
        browser.get(path).raise_for_status()
    finally:
        seconds = time.perf_counter() - started
        done.set()
        watcher.join()
    return seconds, max(peak)


def _mix(browser: httpx.Client, paths: list[str]) -> int:
    chance, requests, end = random.Random(1), 0, time.monotonic() + MIXED_S  # noqa: S311 - a walk
    while time.monotonic() < end:
        browser.get(chance.choice(paths)).raise_for_status()
        requests += 1
    return requests


def _memory_of(pid: int) -> int:
    """Resident bytes of a process and its children, without what they share with files."""
    total = 0
    with suppress(OSError):
        total += _resident(pid)
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                for child in (task / "children").read_text().split():
                    with suppress(OSError):
                        total += _resident(int(child))
    return total


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0
