"""A run of the signals: over what the database holds at one moment."""

from dataclasses import dataclass
from datetime import date, timedelta

import psycopg

from jieru.database import read_installation
from jieru.errors import UserError
from verifier.counting.reading import consistent_snapshot
from verifier.policy import Policy
from verifier.procedure.canonical import sha256_of
from verifier.trust.code_version import signals_code_version
from verifier.trust.reading import read_gathered
from verifier.trust.seeing import find_signals
from verifier.trust.signal import Signal

__all__ = ["Run", "first_day_of_run", "run_signals"]

_HALF_A_YEAR = timedelta(days=180)
_A_YEAR = timedelta(days=364)
"""To the first of so many days and one."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was found, in which days, by which rules and which program."""

    as_of: date
    from_on: date
    policy: str
    policy_sha256: str
    code_version: str
    is_simulation: bool
    signals: tuple[Signal, ...]

    def sha256(self) -> str:
        """Of the canonical JSON of what was found, and of what it was found in."""
        return sha256_of(
            {
                "as_of": self.as_of.isoformat(),
                "from_on": self.from_on.isoformat(),
                "policy_sha256": self.policy_sha256,
                "code_version": self.code_version,
                "signals": [each.to_canonical_object() for each in self.signals],
            }
        )

    def to_json_object(self) -> dict[str, object]:
        """As `jieru signals --json` prints it (design section 8)."""
        return {"signals": [each.to_json_object() for each in self.signals]}


def first_day_of_run(as_of: date) -> date:
    """The first day that is looked at unless another is named.

    Twelve months at least; and until the middle of the year all of the year before, whose count is
    being made then.
    """
    return min(as_of - _A_YEAR, (as_of - _HALF_A_YEAR).replace(month=1, day=1))


def run_signals(
    connection: psycopg.Connection, policy: Policy, as_of: date, from_on: date | None = None
) -> Run:
    """Find every signal, reading the database in one read-only snapshot.

    Args:
        connection: outside a transaction.
        policy: the thresholds, and what makes days active and windows effective.
        as_of: the last civil day whose evidence is used.
        from_on: the first day that is looked at; None: `first_day_of_run`.

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
        signals=tuple(find_signals(gathered, policy.signals)),
    )
