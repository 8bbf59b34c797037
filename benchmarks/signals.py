"""How long the signals take over 100,000 devices and twelve months, and how much memory.

The city is drawn (`benchmarks.drawn_city`): 10,000 enterprises of ten machines on 20 platforms,
honest but for a hundred pairs of which one shows the other's bank of machines: as it is, only after
a hundred days, some weeks later, with two hours of a hundred turned about, or for a hundred days.
Each of the pairs must be found, and nobody else. The first and the last day of each device are told
(`device_days`), and two thousand devices sent measured values on the last morning.

Seconds are those of this process's CPU, since others may use the machine; the database's own are
said beside them.
"""

import resource
import time
from collections.abc import Iterator
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import psycopg

from benchmarks.count import DEVICES, DEVICES_PER_ENTERPRISE, ENTERPRISES, build_registry
from benchmarks.cpu import postgres_cpu_s
from benchmarks.drawn_city import draw_packed
from benchmarks.results import print_table, save
from jieru.calendar import days_in_month, months_between
from jieru.database import connect
from jieru.presence import BITS_PER_MONTH, BYTES_PER_MONTH
from verifier.counting.reading import consistent_snapshot
from verifier.policy import load_policy
from verifier.trust.gathered import Gathered
from verifier.trust.reading import read_gathered
from verifier.trust.rhythm import Likeness, RhythmRules, find_alike
from verifier.trust.seeing import find_signals
from verifier.trust.signal import Kind

__all__ = ["run"]

PAIRS: Final = 100
RHYTHM_TARGET_S: Final = 60.0
OTHERS_TARGET_S: Final = 30.0
TARGET_BYTES: Final = 2_000_000_000

_FIRST: Final = date(2026, 1, 1)
_LAST: Final = date(2026, 12, 31)
_DAYS: Final = (_LAST - _FIRST).days + 1
_BYTES_PER_DAY: Final = 3
_RECORDED: Final = (
    "UPDATE connections SET recorded_at = from_date",
    "UPDATE assignments SET recorded_at = from_date",
)
_FILL_DAYS: Final = """
    INSERT INTO device_days (device_id, day, counter_first, counter_last, counter_step_max,
                             interval_s, second)
    SELECT id, day, id * 1000, id * 1000 + 900, 2, 60, id % 60
    FROM devices, unnest(ARRAY['2026-01-01', '2026-12-31']::date[]) AS day
"""
_FILL_HEARTBEATS: Final = """
    INSERT INTO heartbeats (device_id, "time", received_at, metrics)
    SELECT device, at, at, jsonb_build_object('temperature',
               round((60 + 20 * sin(minute / 40.0 + device) + random())::numeric, 1))
    FROM generate_series(1, 2000) AS device, generate_series(0, 179) AS minute,
         LATERAL (SELECT timestamptz '2026-12-31 01:00Z' + minute * interval '1 min' AS at) AS clock
"""
_COPY: Final = "COPY presence (device_id, month, hours, live_hours) FROM STDIN (FORMAT BINARY)"
_COPY_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER: Final = b"\xff\xff"
_ROW: Final = np.dtype(
    [
        ("fields", ">i2"),
        ("device_length", ">i4"),
        ("device", ">i4"),
        ("month_length", ">i4"),
        ("month", ">i4"),
        ("hours_length", ">i4"),
        ("bits", ">i4"),
        ("hours", "u1", BYTES_PER_MONTH),
        ("live_hours_length", ">i4"),
        ("live_bits", ">i4"),
        ("live_hours", "u1", BYTES_PER_MONTH),
    ]
)
_POSTGRES_EPOCH: Final = date(2000, 1, 1)

Packed = npt.NDArray[np.uint8]


def run(database_url: str) -> dict[str, object]:
    """Draw a city, fill a database with it, and find its signals.

    Args:
        database_url: an empty, migrated database.

    Returns:
        Figures as JSON has them.
    """
    started = time.perf_counter()
    with psycopg.connect(database_url, autocommit=True) as connection:
        build_registry(connection)
        _fill(connection)
    built_s = time.perf_counter() - started
    policy = load_policy("putian-2026")
    if policy.signals is None:
        raise AssertionError("a policy without signals")
    before = postgres_cpu_s(database_url)
    with connect(database_url) as connection, consistent_snapshot(connection):
        reading = _Watch()
        gathered = read_gathered(connection, policy, as_of=_LAST, from_on=_FIRST)
        reading.stop()
    postgres_s = postgres_cpu_s(database_url) - before
    rhythm = _Watch()
    alike = find_alike(gathered.fleet, RhythmRules())
    rhythm.stop()
    everything = _Watch()
    signals = find_signals(gathered, policy.signals)
    everything.stop()
    others_s = reading.cpu_s + max(everything.cpu_s - rhythm.cpu_s, 0)
    found = _pairs(alike, gathered)
    expected = {(each, ENTERPRISES - 1 - each) for each in range(PAIRS)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    by_kind = {kind.value: sum(each.kind is kind for each in signals) for kind in Kind}
    result: dict[str, object] = {
        "devices": DEVICES,
        "enterprises": ENTERPRISES,
        "days": _DAYS,
        "built_s": round(built_s, 1),
        "rhythm_cpu_s": round(rhythm.cpu_s, 1),
        "rhythm_wall_s": round(rhythm.wall_s, 1),
        "others_cpu_s": round(others_s, 1),
        "reading_cpu_s": round(reading.cpu_s, 1),
        "reading_wall_s": round(reading.wall_s, 1),
        "database_cpu_s": round(postgres_s, 1),
        "peak_bytes": peak,
        "pairs_found": len(found & expected),
        "pairs_of_honest": len(found - expected),
        "signals": by_kind,
        "is_within_target": (
            rhythm.cpu_s <= RHYTHM_TARGET_S
            and others_s <= OTHERS_TARGET_S
            and peak <= TARGET_BYTES
            and found == expected
        ),
    }
    print_table(
        f"signals, {DEVICES:,} devices, {_DAYS} days",
        ("", "measured", "target"),
        (
            ("rhythm, CPU s", f"{rhythm.cpu_s:.1f}", f"{RHYTHM_TARGET_S:g}"),
            ("all others with reading, CPU s", f"{others_s:.1f}", f"{OTHERS_TARGET_S:g}"),
            ("  of these reading", f"{reading.cpu_s:.1f}", ""),
            ("the database meanwhile, CPU s", f"{postgres_s:.1f}", ""),
            ("peak memory, MB", f"{peak / 1e6:,.0f}", f"{TARGET_BYTES / 1e6:,.0f}"),
            ("pairs found", f"{len(found & expected)}", f"{PAIRS}"),
            ("pairs of honest enterprises", f"{len(found - expected)}", "0"),
            *((f"  {kind}", f"{several:,}", "") for kind, several in by_kind.items() if several),
        ),
    )
    save("signals", result)
    return result


class _Watch:
    """How long something takes, by the CPU of this process and by the clock."""

    def __init__(self) -> None:
        self.cpu_s, self.wall_s = -time.process_time(), -time.perf_counter()

    def stop(self) -> None:
        """It is over."""
        self.cpu_s += time.process_time()
        self.wall_s += time.perf_counter()


def _pairs(alike: list[Likeness], gathered: Gathered) -> set[tuple[int, int]]:
    """Places of enterprises, from 0 by their number, which is their code too."""
    fleet, found = gathered.fleet, set()
    for each in alike:
        places = [
            int(gathered.cases[int(fleet.case[member])].enterprise.uscc) - 1
            for member in (each.member, each.other)
        ]
        found.add((min(places), max(places)))
    return found


def _fill(connection: psycopg.Connection) -> None:
    for query in _RECORDED:
        connection.execute(query)
    hours = draw_packed(
        ENTERPRISES, DEVICES_PER_ENTERPRISE, _DAYS, first_day=_FIRST.toordinal(), seed=_FIRST.year
    )
    _copy_some(hours)
    with connection.cursor().copy(_COPY) as copy:
        copy.write(_COPY_HEADER)
        for rows in _rows(hours):
            copy.write(rows.tobytes())
        copy.write(_COPY_TRAILER)
    connection.execute(_FILL_DAYS)
    connection.execute(_FILL_HEARTBEATS)
    connection.execute("VACUUM (ANALYZE) presence, assignments, devices, connections, device_days")


def _copy_some(hours: Packed) -> None:
    """Let a hundred enterprises show what others do, each in one of five ways."""
    for pair in range(PAIRS):
        own = hours[_machines(pair)]
        copied = own.copy()
        weeks = (1 + pair // 5 % 4) * 7 * _BYTES_PER_DAY
        if pair % 5 == 1:
            copied[:, : 100 * _BYTES_PER_DAY] = 0
        elif pair % 5 == 2:
            copied[:, weeks:] = own[:, :-weeks]
            copied[:, :weeks] = 0
        elif pair % 5 == 3:
            noise = np.random.default_rng(pair).random((len(own), _DAYS * 24)) < 0.02
            copied ^= np.packbits(noise, axis=1)
        elif pair % 5 == 4:
            copied[:, 100 * _BYTES_PER_DAY :] = 0
        hours[_machines(ENTERPRISES - 1 - pair)] = copied


def _machines(enterprise: int) -> slice:
    return slice(enterprise * DEVICES_PER_ENTERPRISE, (enterprise + 1) * DEVICES_PER_ENTERPRISE)


def _rows(hours: Packed) -> Iterator[npt.NDArray[np.void]]:
    """Records of a binary COPY, a month of all devices at a time."""
    for month in months_between(_FIRST, _LAST):
        begin = (month - _FIRST).days * _BYTES_PER_DAY
        length = days_in_month(month) * _BYTES_PER_DAY
        rows = np.zeros(len(hours), dtype=_ROW)
        rows["fields"], rows["device_length"], rows["month_length"] = 4, 4, 4
        rows["hours_length"] = rows["live_hours_length"] = 4 + BYTES_PER_MONTH
        rows["device"] = np.arange(1, len(hours) + 1)
        rows["month"] = (month - _POSTGRES_EPOCH).days
        rows["bits"] = rows["live_bits"] = BITS_PER_MONTH
        rows["hours"][:, :length] = hours[:, begin : begin + length]
        rows["live_hours"] = rows["hours"]
        yield rows
