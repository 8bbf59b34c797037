"""A run of the signals: over what the database holds at one moment."""

from datetime import date, timedelta

import psycopg

from jieru.database import read_installation
from jieru.errors import UserError
from verifier.counting.reading import consistent_snapshot
from verifier.policy import Policy
from verifier.trust.code_version import signals_code_version
from verifier.trust.reading import read_gathered
from verifier.trust.run import Run
from verifier.trust.seeing import find_signals

__all__ = ["first_day_of_run", "run_signals"]

_HALF_A_YEAR = timedelta(days=180)
_A_YEAR = timedelta(days=364)
"""To the first of so many days and one."""


def first_day_of_run(as_of: date) -> date:
    """The first day that is looked at unless another is named.

    Twelve months at least; and until the middle of the year all of the year before, whose count is
    being made then.
    """
    return min(as_of - _A_YEAR, (as_of - _HALF_A_YEAR).replace(month=1, day=1))


def run_signals(
    connection: psycopg.Connection,
    policy: Policy,
    as_of: date,
    from_on: date | None = None,
    *,
    failures: list[Exception] | None = None,
) -> Run:
    """Find every signal, reading the database in one read-only snapshot.

    Args:
        connection: outside a transaction.
        policy: the thresholds, and what makes days active and windows effective.
        as_of: the last civil day whose evidence is used.
        from_on: the first day that is looked at; None: `first_day_of_run`.
        failures: takes what goes wrong in some of the kinds (`find_signals`).

    Raises:
        UserError: the policy has no thresholds, or the first day comes after the last.
    """
    if policy.signals is None:
        raise UserError(
            "The policy {policy} is of before there were signals: it has no section “signals”.",
            policy=policy.name,
        )
    first = first_day_of_run(as_of) if from_on is None else from_on
    if first > as_of:
        raise UserError(
            "The first day ({first}) comes after the last one ({last}).",
            first=first.isoformat(),
            last=as_of.isoformat(),
        )
    with consistent_snapshot(connection):
        gathered = read_gathered(connection, policy, as_of=as_of, from_on=first)
        is_simulation = read_installation(connection).is_simulation
    return Run(
        as_of=as_of,
        from_on=first,
        policy=policy.name,
        policy_sha256=policy.sha256,
        code_version=signals_code_version(),
        is_simulation=is_simulation,
        signals=tuple(find_signals(gathered, policy.signals, failures)),
    )
