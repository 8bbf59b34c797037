"""A count of one year, made of what the database holds at one moment."""

from datetime import date

import numpy as np
import psycopg

from jieru.errors import UserError
from verifier.counting.count import Count, require_countable_year
from verifier.counting.evaluation import Evaluation, activity_of_cases, evaluation_of
from verifier.counting.progress import Phase, Progress, no_progress, with_progress
from verifier.counting.reading import consistent_snapshot, read_evidence, read_presence
from verifier.policy import Policy

__all__ = ["count_year", "evaluate"]


def count_year(
    connection: psycopg.Connection,
    year: int,
    *,
    as_of: date,
    policy: Policy,
    platform: str | None = None,
    progress: Progress = no_progress,
) -> Count:
    """Count one year, reading the database in one read-only snapshot.

    Args:
        connection: outside a transaction.
        year: the year of the count, 2020 to 2100.
        as_of: the last civil day whose evidence is used.
        policy: the rules.
        platform: list this platform only; the others are evaluated all the same, because an
            enterprise may be connected to several.
        progress: is told how far the count is.

    Raises:
        UserError: the year is out of range, or there is no such platform.
    """
    with consistent_snapshot(connection):
        return evaluate(
            connection, year, as_of=as_of, policy=policy, platform=platform, progress=progress
        ).count


def evaluate(
    connection: psycopg.Connection,
    year: int,
    *,
    as_of: date,
    policy: Policy,
    platform: str | None = None,
    uscc: str | None = None,
    progress: Progress = no_progress,
) -> Evaluation:
    """Count one year and keep what the count was made of; see `count_year`.

    Args:
        connection: inside a consistent snapshot.
        year: see `count_year`, as of all that follow.
        as_of: the same.
        policy: the same.
        platform: the same.
        uscc: of the only enterprise to look at, on every platform; None: all.
        progress: the same.

    Raises:
        UserError: the year is out of range, or there is no such platform.
    """
    require_countable_year(year)
    progress(Phase.REGISTRY, 0.0)
    evidence = read_evidence(connection, uscc)
    codes = [each.code for each in evidence.platforms]
    if platform is not None and platform not in codes:
        raise UserError("There is no platform {platform}.", platform=platform)
    devices = np.unique(evidence.assignments.device)
    blocks = read_presence(
        connection, devices, as_of, with_live_hours=policy.live_share_min is not None
    )
    told = with_progress(blocks, devices, lambda done: progress(Phase.PRESENCE, done))
    activity = activity_of_cases(evidence, told, as_of, policy)
    progress(Phase.WINDOWS, 0.0)
    evaluation = evaluation_of(evidence, activity, year, as_of, policy, platform)
    progress(Phase.WINDOWS, 1.0)
    return evaluation
