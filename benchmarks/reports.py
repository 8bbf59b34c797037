"""How long the reports of a large count take, and how much memory.

The signed file holds 10,000 counted enterprises on 20 platforms, ten devices each. What is measured
is the whole command, `jieru report FILE --kind ...`, from the start of its process to its end, the
check of the signature among it.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.results import print_table, save
from tests.support.databases import DatabaseServer
from tests.support.debian_packages import ensure_debian_packages
from tests.support.debian_root import DebianRoot
from tests.support.signed_counts import (
    a_device_object,
    a_document,
    a_platform_object,
    an_enterprise_object,
    signed_file,
)

__all__ = ["large_signed_file", "run"]

PLATFORMS: Final = 20
ENTERPRISES: Final = 10_000
DEVICES_PER_ENTERPRISE: Final = 10
RUNS: Final = 3
TARGET_SECONDS: Final = {"notice": 30.0, "workbook": 10.0, "csv": 10.0, "json": 10.0}


def run(_server: DatabaseServer, _root: DebianRoot) -> dict[str, object]:
    """Write the signed file and measure each report that grows with it.

    Returns:
        Figures as JSON has them: of each report the seconds of every run and their median, its
        size and the peak memory in bytes.
    """
    ensure_debian_packages("fonts-noto-cjk")
    with TemporaryDirectory() as folder:
        file = Path(folder, "count.json")
        file.write_bytes(large_signed_file())
        reports = {kind: _measured(kind, file) for kind in TARGET_SECONDS}
        size = file.stat().st_size
    result: dict[str, object] = {
        "enterprises": ENTERPRISES,
        "devices": ENTERPRISES * DEVICES_PER_ENTERPRISE,
        "signed_file_bytes": size,
        "reports": reports,
        "is_within_target": all(each["is_within_target"] for each in reports.values()),
    }
    print_table(
        f"jieru report, {ENTERPRISES:,} enterprises",
        ("", "median, s", "target, s", "computing, s", "peak memory, MB", "size, MB"),
        [
            (
                kind,
                f"{each['median_s']:.1f}",
                f"{TARGET_SECONDS[kind]:g}",
                f"{each['median_cpu_s']:.1f}",
                f"{each['peak_bytes'] / 1e6:,.0f}",
                f"{each['report_bytes'] / 1e6:,.1f}",
            )
            for kind, each in reports.items()
        ],
    )
    save("reports", result)
    return result


def large_signed_file() -> bytes:
    """The signed file of a large count."""
    per_platform = ENTERPRISES // PLATFORMS
    devices = [a_device_object(number) for number in range(DEVICES_PER_ENTERPRISE)]
    platforms = [
        a_platform_object(
            f"p{index:03}",
            [
                an_enterprise_object(index * per_platform + number, devices=devices)
                for number in range(per_platform)
            ],
            name=f"第{index}工业互联网平台",
        )
        for index in range(PLATFORMS)
    ]
    return signed_file(a_document(platforms))


def _measured(kind: str, file: Path) -> dict[str, float]:
    output = file.with_name(kind)
    runs = [_run(kind, file, output) for _run_number in range(RUNS)]
    seconds = median(each[0] for each in runs)
    return {
        "median_s": round(seconds, 2),
        "slowest_s": round(max(each[0] for each in runs), 2),
        "median_cpu_s": round(median(each[1] for each in runs), 2),
        "peak_bytes": max(each[2] for each in runs),
        "report_bytes": output.stat().st_size,
        "is_within_target": seconds <= TARGET_SECONDS[kind],
    }


def _run(kind: str, file: Path, output: Path) -> tuple[float, float, int]:
    """One run of the command: seconds, seconds of computing, peak memory in bytes."""
    command = [sys.executable, "-m", "jieru", "report", str(file), "--kind", kind]
    options = ["--output", str(output), "--table", "devices"]
    started = time.perf_counter()
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
    _pid, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"jieru report --kind {kind} failed")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
