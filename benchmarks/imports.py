"""How long an import of 100,000 devices takes through the API, and how much memory.

A real server process on TimescaleDB; a registry of 20 platforms and 500 enterprises; a CSV file, a
workbook and the CSV file once more, for which there is nothing left to do. Each device comes with
its assignment, and every change is entered in the audit. The memory is that of the server's process
at its highest, start and all.
"""

import csv
import io
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import psycopg
import xlsxwriter

from api.access.roles import Role
from benchmarks.fleet import measured_process
from benchmarks.results import print_table, save
from jieru.schema import migrate
from tests.support.callers import bearer
from tests.support.databases import DatabaseServer
from tests.support.registry_files import header_of, uscc_of

__all__ = ["run"]

DEVICES: Final = 100_000
ENTERPRISES: Final = 500
PLATFORMS: Final = 20
TARGET_S: Final = 20.0
TARGET_MB: Final = 500
START_TIMEOUT_S: Final = 30
IMPORT_TIMEOUT_S: Final = 300

CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_INSERT_PLATFORMS = """
    INSERT INTO platforms (code, name)
    SELECT 'p' || lpad(n::text, 3, '0'), 'Platform ' || n FROM generate_series(0, %s - 1) n
"""
_INSERT_ENTERPRISES = """
    INSERT INTO enterprises (uscc, name, district)
    SELECT uscc, 'Enterprise ' || uscc, 'licheng' FROM unnest(%s::text[]) AS uscc
"""
_COUNT = "SELECT (SELECT count(*) FROM devices), (SELECT count(*) FROM assignments)"


def run(server: DatabaseServer) -> dict[str, object]:
    """Measure, print and save; the figures as JSON has them."""
    runs = {
        "CSV": _measure(server, [(CSV, _csv(DEVICES))]),
        "XLSX": _measure(server, [(XLSX, _xlsx(DEVICES))]),
        "CSV, twice": _measure(server, [(CSV, _csv(DEVICES))] * 2),
    }
    result: dict[str, object] = {
        "devices": DEVICES,
        "enterprises": ENTERPRISES,
        "runs": {
            name: {"seconds": [round(each, 1) for each in seconds], "peak_mb": round(peak_mb)}
            for name, (seconds, peak_mb) in runs.items()
        },
        "is_within_target": all(
            max(seconds) <= TARGET_S and peak_mb <= TARGET_MB for seconds, peak_mb in runs.values()
        ),
    }
    print_table(
        f"Import of {DEVICES:,} devices with assignments, API to TimescaleDB",
        ("", "seconds", "peak MB"),
        [
            (name, ", ".join(f"{each:.1f}" for each in seconds), f"{peak_mb:,.0f}")
            for name, (seconds, peak_mb) in runs.items()
        ]
        + [("target", f"{TARGET_S:g}", f"{TARGET_MB}")],
    )
    save("imports", result)
    return result


def _measure(server: DatabaseServer, uploads: list[tuple[str, bytes]]) -> tuple[list[float], float]:
    """Seconds of each upload, and the server's peak memory in MB."""
    with server.database() as url, tempfile.TemporaryDirectory() as folder:
        migrate(url)
        with psycopg.connect(url) as connection:
            connection.execute(_INSERT_PLATFORMS, (PLATFORMS,))
            usccs = [uscc_of(number) for number in range(ENTERPRISES)]
            connection.execute(_INSERT_ENTERPRISES, (usccs,))
            connection.commit()
            key = bearer(connection, Role.ADMIN)
        port = _free_port()
        environment = {"JIERU_DATABASE_URL": url, "JIERU_LANGUAGE": "en"}
        command = ["-m", "jieru", "serve", "--port", str(port)]
        log = Path(folder) / "server.log"
        with (
            measured_process(command, environment, log) as measured,
            httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers=key, timeout=IMPORT_TIMEOUT_S
            ) as client,
        ):
            _wait_until_ready(client, log)
            seconds = [_upload(client, media_type, content) for media_type, content in uploads]
        with psycopg.connect(url) as connection:
            if (found := connection.execute(_COUNT).fetchone()) != (DEVICES, DEVICES):
                raise RuntimeError(f"devices and assignments are {found}")
    return seconds, measured.peak_mb


def _upload(client: httpx.Client, media_type: str, content: bytes) -> float:
    started = time.perf_counter()
    answer = client.post(
        "/api/v1/imports/devices", content=content, headers={"content-type": media_type}
    )
    seconds = time.perf_counter() - started
    if answer.status_code != 200:
        raise RuntimeError(answer.text[:1_000])
    return seconds


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_until_ready(client: httpx.Client, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            if client.get("/healthz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"the server did not start: {log.read_text()}")
        time.sleep(0.1)


def _rows(devices: int) -> Iterator[list[str]]:
    for number in range(devices):
        yield [
            f"p{number % PLATFORMS:03d}",
            f"CNC-{number:06d}",
            uscc_of(number % ENTERPRISES),
            "数控车床",
            f"数控车床 {number} 号",
            "2026-01-01",
            "",
        ]


def _csv(devices: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header_of("devices"))
    writer.writerows(_rows(devices))
    return text.getvalue().encode()


def _xlsx(devices: int) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:  # shared strings, as spreadsheets save them
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, header_of("devices"))
        for number, row in enumerate(_rows(devices), 1):
            sheet.write_row(number, 0, row)
    return content.getvalue()
