"""What the panels of operations must show."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from tests.integration.dashboards.expected_integrity import chain
from tests.integration.dashboards.truth import Asked, Expectation, Rows, Truth

__all__ = ["NOT_COMPARED_EXACTLY", "OPERATIONS"]

NOT_COMPARED_EXACTLY: Final = {2: 0, 22: 2}
"""Panels with a column of seconds since something: it goes on while we look."""

_MINUTES: Final = """
    SELECT ingester, minute, received, committed, duplicates, late, rejected, batches,
           commit_ms_sum, commit_ms_max, behind_s_max, unacknowledged_max
    FROM ingest_minutes ORDER BY minute, ingester
"""
_REJECTION_HOURS: Final = "SELECT hour, reason, rejections FROM rejection_hours"
_BROKER_EVENTS: Final = "SELECT hour, kind, number FROM broker_events"
_RULES: Final = """
    SELECT applied_at, policy, max_delay_hours, max_clock_ahead_minutes, clock
    FROM evidence_rules ORDER BY applied_at DESC
"""
_VERIFIED = """
    SELECT to_char(month, 'YYYY-MM'), verified_at, differences, cardinality(unverifiable_days),
           heartbeats
    FROM evidence_verifications v
    WHERE NOT EXISTS (SELECT FROM evidence_verifications l WHERE l.month = v.month AND l.id > v.id)
    ORDER BY month DESC
"""
_CHECKPOINTS = """
    SELECT number, written_at, occasion, findings, cosigned, witnesses FROM checkpoints
    ORDER BY written_at DESC, number DESC
"""
_BROKER_FILES = "SELECT kind, vanished_at, back_at FROM broker_files ORDER BY kind"
_ARCHIVE = """
    SELECT (SELECT verified_at FROM archive_verifications ORDER BY id DESC LIMIT 1),
           (SELECT findings FROM archive_verifications ORDER BY id DESC LIMIT 1),
           count(*), min(archived_at)
    FROM heartbeat_archives
"""
_SIGNAL_RUNS = """
    SELECT id, run_at, from_on::text, as_of::text, signals, run_by, code_version FROM signal_runs
    ORDER BY id DESC
"""


class _Minute(NamedTuple):
    ingester: str
    minute: datetime
    received: int
    committed: int
    duplicates: int
    late: int
    rejected: int
    batches: int
    commit_ms_sum: int
    commit_ms_max: int
    behind_s_max: float
    unacknowledged_max: int


def _minutes(truth: Truth, asked: Asked) -> list[_Minute]:
    found = (_Minute(*row) for row in truth.rows(_MINUTES))
    return [each for each in found if each.ingester in asked.several("ingester")]


def _last(truth: Truth, asked: Asked, minutes: int) -> list[_Minute]:
    since = truth.now - timedelta(minutes=minutes)
    return [each for each in _minutes(truth, asked) if each.minute >= since]


def _rate(truth: Truth, asked: Asked) -> Rows:
    this_minute = truth.now.replace(second=0, microsecond=0)
    since = this_minute - timedelta(minutes=5)
    found = [each for each in _minutes(truth, asked) if since <= each.minute < this_minute]
    return [(sum(each.committed for each in found) / 300,)]


def _silence(truth: Truth, asked: Asked) -> Rows:
    last = max(each.minute for each in _minutes(truth, asked))
    return [((truth.now - last).total_seconds(),)]


def _behind(truth: Truth, asked: Asked) -> Rows:
    return [(max(each.behind_s_max for each in _last(truth, asked, 5)),)]


def _rejected_share(truth: Truth, asked: Asked) -> Rows:
    found = _last(truth, asked, 60)
    return [(sum(each.rejected for each in found) / sum(each.received for each in found),)]


def _database_size(truth: Truth, _asked: Asked) -> Rows:
    return truth.rows("SELECT pg_database_size(current_database())")


def _grouped(
    truth: Truth, asked: Asked, *, by_ingester: bool = True
) -> dict[tuple[Any, ...], list[_Minute]]:
    seconds = asked.interval.total_seconds()
    groups: dict[tuple[Any, ...], list[_Minute]] = {}
    for each in _minutes(truth, asked):
        if asked.holds(each.minute):
            begins = each.minute.timestamp() // seconds * seconds
            key = (begins, each.ingester) if by_ingester else (begins,)
            groups.setdefault(key, []).append(each)
    return dict(sorted(groups.items()))


def _by_ingester(figure: Callable[[Asked, list[_Minute]], float]) -> Expectation:
    def expected(truth: Truth, asked: Asked) -> Rows:
        groups = _grouped(truth, asked)
        return [(*key, figure(asked, found)) for key, found in groups.items()]

    return expected


def _rates(asked: Asked, found: Iterable[_Minute]) -> float:
    return sum(each.committed for each in found) / asked.interval.total_seconds()


def _rejections_by_hour(truth: Truth, asked: Asked) -> Rows:
    found: Counter[tuple[datetime, str]] = Counter()
    for hour, reason, rejections in truth.rows(_REJECTION_HOURS):
        if asked.holds(hour):
            found[hour, reason] += rejections
    return [(*key, number) for key, number in sorted(found.items())]


def _refused_by_the_broker(truth: Truth, asked: Asked) -> Rows:
    found: Counter[tuple[datetime, str]] = Counter()
    for hour, kind, number in truth.rows(_BROKER_EVENTS):
        if asked.holds(hour) and kind in ("refused", "denied"):
            found[hour, kind] += number
    return [(*key, number) for key, number in sorted(found.items())]


def _twice_and_late(truth: Truth, asked: Asked) -> Rows:
    groups = _grouped(truth, asked, by_ingester=False)
    return [
        (*key, sum(each.duplicates for each in found), sum(each.late for each in found))
        for key, found in groups.items()
    ]


def _commit_times(truth: Truth, asked: Asked) -> Rows:
    groups = _grouped(truth, asked, by_ingester=False)
    return [
        (
            *key,
            sum(each.commit_ms_sum for each in found) / sum(each.batches for each in found),
            max(each.commit_ms_max for each in found),
        )
        for key, found in groups.items()
    ]


def _ingesters(truth: Truth, asked: Asked) -> Rows:
    last = {each.ingester: each for each in _minutes(truth, asked)}
    return [
        (
            name,
            each.minute,
            (truth.now - each.minute).total_seconds(),
            each.behind_s_max,
            each.received,
            each.committed,
            each.rejected,
        )
        for name, each in sorted(last.items())
    ]


def _storage(truth: Truth, _asked: Asked) -> Rows:
    sizes = truth.rows(
        """
        SELECT relname::text, pg_total_relation_size(oid) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'heartbeats'
        """
    )
    ours = [("database", _database_size(truth, _asked)[0][0], None)]
    ours += [(name, size, None) for name, size in sizes]
    chunks = truth.rows("SELECT inhrelid FROM pg_inherits WHERE inhparent = 'heartbeats'::regclass")
    heartbeats = truth.rows("SELECT pg_total_relation_size('heartbeats'::regclass)")[0][0]
    heartbeats += sum(
        truth.rows("SELECT pg_total_relation_size(%s::oid)", chunk)[0][0] for (chunk,) in chunks
    )
    rows = [*ours, ("heartbeats", heartbeats, len(chunks))]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


OPERATIONS: Final[Mapping[int, Expectation]] = {
    1: _rate,
    2: _silence,
    3: _behind,
    4: _rejected_share,
    5: chain,
    6: _database_size,
    10: _by_ingester(_rates),
    11: _by_ingester(lambda _asked, found: max(each.behind_s_max for each in found)),
    12: _rejections_by_hour,
    13: _twice_and_late,
    14: _refused_by_the_broker,
    20: _commit_times,
    21: _by_ingester(lambda _asked, found: max(each.unacknowledged_max for each in found)),
    22: _ingesters,
    30: _storage,
    31: lambda truth, _asked: truth.rows(_RULES),
    40: lambda truth, _asked: truth.rows(_VERIFIED),
    41: lambda truth, _asked: truth.rows(_CHECKPOINTS),
    42: lambda truth, _asked: truth.rows(_SIGNAL_RUNS),
    43: lambda truth, _asked: truth.rows(_ARCHIVE),
    44: lambda truth, _asked: truth.rows(_BROKER_FILES),
}
