"""Runs of the signals and what they found, as the database keeps them for good."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from jieru.errors import UserError
from verifier.trust.run import Run
from verifier.trust.signal import Kind, Signal

__all__ = [
    "RecordedRun",
    "latest_run",
    "list_runs",
    "sha256_of_run",
    "signals_of_run",
    "store_run",
]

_INSERT_RUN: Final = """
    INSERT INTO signal_runs (as_of, from_on, run_by, code_version, policy, policy_sha256, signals,
                             sha256)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
_INSERT_SIGNAL: Final = """
    INSERT INTO signals (run_id, kind, platform_id, enterprise_id, strength, score, threshold,
                         from_on, to_on, serials, detail)
    SELECT %s, %s, p.id, e.id, %s, %s, %s, %s, %s, %s, %s
    FROM platforms p, enterprises e WHERE p.code = %s AND e.uscc = %s
"""
_SELECT_RUNS: Final = """
    SELECT id, as_of, from_on, run_at, run_by, code_version, policy, policy_sha256, signals, sha256
    FROM signal_runs ORDER BY id DESC LIMIT %s
"""
_SELECT_RUN: Final = """
    SELECT id, as_of, from_on, run_at, run_by, code_version, policy, policy_sha256, signals, sha256
    FROM signal_runs WHERE id = %s
"""
_SELECT_SIGNALS: Final = """
    SELECT s.kind, p.code, e.uscc, s.score, s.threshold, s.from_on, s.to_on, s.serials, s.detail
    FROM signals s
    JOIN platforms p ON p.id = s.platform_id
    JOIN enterprises e ON e.id = s.enterprise_id
    WHERE s.run_id = %s ORDER BY s.id
"""


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run that was kept."""

    id: int
    as_of: date
    from_on: date
    run_at: datetime
    run_by: str
    code_version: str
    policy: str
    policy_sha256: str
    signals: int
    """How many it found."""
    sha256: str


def store_run(connection: psycopg.Connection, run: Run, *, by: str) -> int:
    """Keep a run and all that it found; the caller commits.

    Args:
        connection: to the database of which it is.
        run: what was found.
        by: who ran it.

    Returns:
        Its id.

    Raises:
        UserError: an enterprise or a platform of it is no longer there under its code.
    """
    values = (run.as_of, run.from_on, by, run.code_version, run.policy, run.policy_sha256)
    row = connection.execute(_INSERT_RUN, (*values, len(run.signals), run.sha256())).fetchone()
    if row is None:
        raise RuntimeError("INSERT ... RETURNING gave no row")
    run_id: int = row[0]
    if not run.signals:
        return run_id
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT_SIGNAL, [_row(run_id, each) for each in run.signals])
        if cursor.rowcount != len(run.signals):
            raise UserError("The registry was changed while signals were run; run the same again.")
    return run_id


def latest_run(connection: psycopg.Connection) -> RecordedRun | None:
    """The last run that was kept; None: there is none."""
    return next(iter(list_runs(connection, limit=1)), None)


def list_runs(connection: psycopg.Connection, *, limit: int) -> list[RecordedRun]:
    """Runs that were kept, the newest first."""
    with connection.cursor(row_factory=class_row(RecordedRun)) as cursor:
        return cursor.execute(_SELECT_RUNS, (limit,)).fetchall()


def signals_of_run(connection: psycopg.Connection, run_id: int) -> list[Signal]:
    """What a run found, in its order."""
    return [
        Signal(
            kind=Kind(kind),
            platform=platform,
            uscc=uscc,
            score=score,
            threshold=threshold,
            from_on=from_on,
            to_on=to_on,
            devices=tuple(serials),
            detail=detail,
        )
        for kind, platform, uscc, score, threshold, from_on, to_on, serials, detail in (
            connection.execute(_SELECT_SIGNALS, (run_id,))
        )
    ]


def sha256_of_run(connection: psycopg.Connection, run_id: int) -> str | None:
    """The digest of a run as its rows are now; None: there is no such run.

    Raises:
        ValueError: a row is of a kind that there is not.
    """
    with connection.cursor(row_factory=class_row(RecordedRun)) as cursor:
        kept = cursor.execute(_SELECT_RUN, (run_id,)).fetchone()
    if kept is None:
        return None
    run = Run(
        as_of=kept.as_of,
        from_on=kept.from_on,
        policy=kept.policy,
        policy_sha256=kept.policy_sha256,
        code_version=kept.code_version,
        is_simulation=False,  # which the digest does not say
        signals=tuple(signals_of_run(connection, run_id)),
    )
    return run.sha256()


def _row(run_id: int, signal: Signal) -> tuple[object, ...]:
    return (
        run_id,
        signal.kind.value,
        signal.strength.value,
        signal.score,
        signal.threshold,
        signal.from_on,
        signal.to_on,
        list(signal.devices),
        Jsonb(dict(signal.detail)),
        signal.platform,
        signal.uscc,
    )
