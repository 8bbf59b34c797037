"""Runs of signals put straight into a database, for tests of what comes of them."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

import psycopg

from verifier.policy import Policy
from verifier.trust.signal import STRENGTHS, Kind

__all__ = ["insert_run", "with_holds_proposed"]

_FROM: Final = date(2026, 3, 2)
_TO: Final = date(2026, 6, 30)
_INSERT_RUN: Final = """
    INSERT INTO signal_runs
        (as_of, from_on, run_by, code_version, policy, policy_sha256, signals, sha256)
    VALUES (%s, %s, 'command:tests', 'test', 'putian-2026', repeat('0', 64), %s, repeat('0', 64))
    RETURNING id
"""
_INSERT_SIGNAL: Final = """
    INSERT INTO signals (run_id, kind, platform_id, enterprise_id, strength, score, threshold,
                         from_on, to_on, serials, detail)
    SELECT %s, %s, p.id, e.id, %s, 3, 1, %s, %s, %s, %s
    FROM platforms p, enterprises e WHERE p.code = %s AND e.uscc = %s
"""


def insert_run(
    connection: psycopg.Connection,
    signals: Iterable[tuple[Kind, str, str]],
    *,
    serials: Iterable[str] = (),
    detail: Mapping[str, Any] | None = None,
) -> int:
    """A run that found these: kind, platform, uscc; its id, committed."""
    found = list(signals)
    row = connection.execute(_INSERT_RUN, (_TO, _FROM, len(found))).fetchone()
    assert row is not None
    for kind, platform, uscc in found:
        values = (row[0], kind, STRENGTHS[kind], _FROM, _TO, list(serials))
        connection.execute(_INSERT_SIGNAL, (*values, json.dumps(detail or {}), platform, uscc))
    connection.commit()
    run_id: int = row[0]
    return run_id


def with_holds_proposed(policy: Policy) -> Policy:
    """The same policy once its year of trial is over."""
    assert policy.signals is not None
    holds = policy.signals.holds.model_copy(update={"value": "propose"})
    signals = policy.signals.model_copy(update={"holds": holds})
    return policy.model_copy(update={"signals": signals})
