"""A day of a hundred thousand devices, played fast: what grows, and what stays flat.

The ingester takes the devices' clocks for its own (a simulation), so that the day's hours come one
after another as fast as they are committed. After each hour: memory of the ingester, size of
`heartbeats` and of `presence` with their indexes, dead rows, updates that stayed within their page
(HOT), runs of autovacuum. In the end the day's chunks are dropped by their age.

`JIERU_BENCHMARK_DAY_INTERVAL_S` is the time between two heartbeats of a device (1800 unless set; at
300 a day is 28.8 million heartbeats), `JIERU_BENCHMARK_PRESENCE_FILLFACTOR` another fillfactor of
`presence` to try.
"""

import os
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, LiteralString

import psycopg
from psycopg import sql

from benchmarks.cpu import cpu_s_of, postgres_cpu_s, rss_mb_of
from benchmarks.fleet import measured_process, register_fleet, status_port
from benchmarks.results import print_table, save
from benchmarks.stub_broker import stub_broker
from jieru.calendar import civil_date, epoch_milliseconds
from jieru.schema import migrate
from jieru.timescale import drop_expired_heartbeats
from tests.support.databases import DatabaseServer
from tests.support.debian_root import DebianRoot

__all__ = ["run"]

DEVICES: Final = 100_000
HOURS: Final = 24
WINDOW: Final = 20_000
DEFAULT_INTERVAL_S: Final = 1_800
DAYS_AGO: Final = 40
RETENTION_DAYS: Final = 30
TARGET_GROWTH_MB: Final = 30
"""Of the ingester, from the third hour on: by then its memory of devices is full."""
_SETTLED_HOUR: Final = 3
_SHOWN_HOURS: Final = (1, 3, 6, 12, 18, 24)

_SELECT_HEARTBEATS: Final = """
    SELECT table_bytes + toast_bytes, index_bytes FROM hypertable_detailed_size('heartbeats')
"""
_SELECT_PRESENCE: Final = """
    SELECT pg_relation_size('presence'), pg_indexes_size('presence'),
           n_tup_upd, n_tup_hot_upd, n_dead_tup, autovacuum_count
    FROM pg_stat_user_tables WHERE relname = 'presence'
"""
_SELECT_CHUNKS: Final = "SELECT count(*) FROM show_chunks('heartbeats')"


@dataclass(frozen=True, slots=True)
class _Hour:
    """How things stand after one hour of the day."""

    hour: int
    seconds: float
    """That the hour took."""
    rss_mb: float
    heartbeats_mb: float
    heartbeats_index_mb: float
    presence_mb: float
    presence_index_mb: float
    presence_updates: int
    presence_hot_updates: int
    presence_dead_rows: int
    presence_autovacuums: int


def run(server: DatabaseServer, _root: DebianRoot) -> dict[str, object]:
    """Measure, print and save; the figures as JSON has them."""
    interval_s = int(os.environ.get("JIERU_BENCHMARK_DAY_INTERVAL_S", DEFAULT_INTERVAL_S))
    fillfactor = os.environ.get("JIERU_BENCHMARK_PRESENCE_FILLFACTOR")
    rounds = 3_600 // interval_s
    day = civil_date(datetime.now(UTC)) - timedelta(days=DAYS_AGO)
    with server.database() as url:
        migrate(url, simulation=True)
        register_fleet(url, DEVICES)
        with psycopg.connect(url, autocommit=True) as connection:
            if fillfactor is not None:
                connection.execute(
                    sql.SQL("ALTER TABLE presence SET (fillfactor = {})").format(
                        sql.Literal(int(fillfactor))
                    )
                )
            hours, ingester_s, postgres_s = _play(url, connection, day, rounds)
            chunks = _figures(connection, _SELECT_CHUNKS)[0]
            started = time.perf_counter()
            dropped = drop_expired_heartbeats(connection, retention_days=RETENTION_DAYS)
            drop_s = time.perf_counter() - started
    messages = DEVICES * HOURS * rounds
    million = messages / 1e6
    last, settled = hours[-1], hours[_SETTLED_HOUR - 1]
    growth_mb = last.rss_mb - settled.rss_mb
    result: dict[str, object] = {
        "devices": DEVICES,
        "interval_s": interval_s,
        "messages": messages,
        "fillfactor": fillfactor or "as migrated",
        "seconds": round(sum(hour.seconds for hour in hours), 1),
        "ingester_us_per_heartbeat": round(ingester_s / messages * 1e6, 2),
        "postgres_us_per_heartbeat": round(postgres_s / messages * 1e6, 2),
        "rss_growth_after_hour_3_mb": round(growth_mb, 1),
        "heartbeats_mb_per_million": round(last.heartbeats_mb / million, 1),
        "heartbeats_index_mb_per_million": round(last.heartbeats_index_mb / million, 1),
        "presence_bytes_per_device": round(
            (last.presence_mb + last.presence_index_mb) * 1e6 / DEVICES
        ),
        "presence_hot_share": round(last.presence_hot_updates / last.presence_updates, 3),
        "chunks": chunks,
        "chunks_dropped": dropped,
        "drop_s": round(drop_s, 3),
        "hours": [asdict(hour) for hour in hours],
        "is_within_target": growth_mb <= TARGET_GROWTH_MB and dropped == chunks,
    }
    print_table(
        f"A day of {DEVICES:,} devices, one heartbeat in {interval_s} s ({messages:,})",
        ("after", *(f"{hour} h" for hour in _SHOWN_HOURS)),
        _rows([hours[number - 1] for number in _SHOWN_HOURS]),
    )
    print(
        f"heartbeats {result['heartbeats_mb_per_million']} MB a million, index "
        f"{result['heartbeats_index_mb_per_million']} MB; presence "
        f"{result['presence_bytes_per_device']} bytes a device; {dropped} of {chunks} chunks "
        f"dropped in {drop_s:.2f} s; CPU a heartbeat: ingester "
        f"{result['ingester_us_per_heartbeat']} µs, PostgreSQL "
        f"{result['postgres_us_per_heartbeat']} µs"
    )
    save("day", result)
    return result


def _rows(hours: list[_Hour]) -> list[tuple[str, ...]]:
    return [
        ("seconds that it took", *(f"{hour.seconds:.1f}" for hour in hours)),
        ("ingester, MB", *(f"{hour.rss_mb:.0f}" for hour in hours)),
        ("heartbeats, MB", *(f"{hour.heartbeats_mb:,.0f}" for hour in hours)),
        ("their index, MB", *(f"{hour.heartbeats_index_mb:,.0f}" for hour in hours)),
        ("presence, MB", *(f"{hour.presence_mb:.0f}" for hour in hours)),
        ("its index, MB", *(f"{hour.presence_index_mb:.1f}" for hour in hours)),
        ("its updates, HOT", *(_share(hour) for hour in hours)),
        ("its dead rows", *(f"{hour.presence_dead_rows:,}" for hour in hours)),
        ("its autovacuums", *(str(hour.presence_autovacuums) for hour in hours)),
    ]


def _share(hour: _Hour) -> str:
    if not hour.presence_updates:
        return "-"
    return f"{hour.presence_hot_updates / hour.presence_updates:.0%}"


def _play(
    url: str, connection: psycopg.Connection, day: date, rounds: int
) -> tuple[list[_Hour], float, float]:
    """Every hour; and the seconds of CPU of the ingester and of PostgreSQL."""
    with (
        tempfile.TemporaryDirectory() as folder,
        stub_broker(
            devices=DEVICES,
            first_ms=epoch_milliseconds(day),
            spacing_ms=3_600_000 // rounds,
            window=WINDOW,
        ) as broker,
    ):
        environment = {
            "JIERU_DATABASE_URL": url,
            "JIERU_MQTT_URL": f"mqtt://127.0.0.1:{broker.port}",
            "JIERU_INGEST_HTTP_PORT": "0",
            "JIERU_INGEST_RECEIVE_MAXIMUM": str(WINDOW),
            "JIERU_INGEST_CLOCK": "event",
        }
        log = Path(folder, "ingester.log")
        with measured_process(["-m", "jieru", "ingest"], environment, log) as ingester:
            status_port(log)
            pid = ingester.process.pid
            ours, theirs = cpu_s_of(pid), postgres_cpu_s(url)
            hours = [
                _look(connection, pid, hour, broker.replay(rounds)) for hour in range(1, HOURS + 1)
            ]
            return hours, cpu_s_of(pid) - ours, postgres_cpu_s(url) - theirs


def _look(connection: psycopg.Connection, pid: int, hour: int, seconds: float) -> _Hour:
    heartbeats, heartbeats_index = _figures(connection, _SELECT_HEARTBEATS)
    presence, index, *rest = _figures(connection, _SELECT_PRESENCE)
    return _Hour(
        hour,
        round(seconds, 2),
        round(rss_mb_of(pid), 1),
        heartbeats / 1e6,
        heartbeats_index / 1e6,
        presence / 1e6,
        index / 1e6,
        *rest,
    )


def _figures(connection: psycopg.Connection, query: LiteralString) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    if row is None:
        raise RuntimeError("there are no figures")
    return tuple(map(int, row))
