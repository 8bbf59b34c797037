"""Why an enterprise has its outcome, from what the database holds at one moment."""

from dataclasses import replace
from datetime import date

import numpy as np
import psycopg

from jieru.errors import UserError
from verifier.counting.count import require_countable_year
from verifier.counting.decisions import find_case, list_decisions
from verifier.counting.evaluation import activity_of_cases, evaluation_of
from verifier.counting.explanation import Explanation, explanation_of
from verifier.counting.measuring import measured_cases
from verifier.counting.reading import (
    consistent_snapshot,
    read_assignments,
    read_evidence,
    read_presence,
)
from verifier.counting.receipt_hours import read_receipt_hours
from verifier.policy import Policy

__all__ = ["explain", "explain_in_snapshot"]


def explain(
    connection: psycopg.Connection,
    year: int,
    platform: str,
    uscc: str,
    *,
    as_of: date,
    policy: Policy,
) -> Explanation:
    """Explain one determination of a year's count, by the same rules as `count_year`.

    Args:
        connection: outside a transaction.
        year: of the count.
        platform: its code.
        uscc: of the enterprise.
        as_of: the last day whose evidence is used.
        policy: the rules.

    Raises:
        UserError: the year is out of range, the platform or enterprise is unknown, or the count
            of this year does not list the two.
    """
    with consistent_snapshot(connection):
        return explain_in_snapshot(connection, year, platform, uscc, as_of=as_of, policy=policy)


def explain_in_snapshot(
    connection: psycopg.Connection,
    year: int,
    platform: str,
    uscc: str,
    *,
    as_of: date,
    policy: Policy,
) -> Explanation:
    """Explain one determination beside other things that are read at the same moment.

    Args:
        connection: inside a consistent snapshot.
        year: of the count.
        platform: its code.
        uscc: of the enterprise.
        as_of: the last day whose evidence is used.
        policy: the rules.

    Raises:
        UserError: the year is out of range, the platform or enterprise is unknown, or the count
            of this year does not list the two.
    """
    require_countable_year(year)
    find_case(connection, platform, uscc)
    evidence = read_evidence(connection, uscc)
    device_ids = np.unique(evidence.assignments.device)
    presence = list(
        read_presence(
            connection, device_ids, as_of, with_live_hours=policy.live_share_min is not None
        )
    )
    registered = read_assignments(connection, uscc)
    decisions = list_decisions(connection, platform, uscc)
    activity = activity_of_cases(evidence, presence, as_of, policy)
    evaluation = evaluation_of(evidence, activity, year, as_of, policy)
    for each in measured_cases(evaluation, presence, registered):
        if each.case.platform.code == platform:
            return _with_receipt_hours(
                connection, explanation_of(evaluation.count, each, decisions)
            )
    raise UserError(
        "The enterprise {uscc} has no connection with the platform {platform} in {year}.",
        uscc=uscc,
        platform=platform,
        year=year,
    )


def _with_receipt_hours(connection: psycopg.Connection, explanation: Explanation) -> Explanation:
    """The same, with how much of it rests on times of receipt."""
    hours = read_receipt_hours(
        connection,
        explanation.determination.platform.code,
        [each.serial for each in explanation.devices],
        explanation.period.first_day,
        explanation.period.last_day,
    )
    return replace(
        explanation,
        devices=tuple(
            replace(each, hours_by_receipt=hours.get(each.serial, 0))
            for each in explanation.devices
        ),
    )
