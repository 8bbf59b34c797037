"""The document of a year's count, computed from what the database holds at one moment."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import psycopg

from verifier.counting.activity import PresenceRows
from verifier.counting.count import determination_object
from verifier.counting.decisions import list_decisions
from verifier.counting.evaluation import Evaluation, activity_of_cases, evaluation_of
from verifier.counting.measuring import measured_cases
from verifier.counting.progress import Phase, Progress, no_progress, with_progress
from verifier.counting.reading import (
    consistent_snapshot,
    read_assignments,
    read_evidence,
    read_presence,
)
from verifier.counting.registry import RecordedDecision
from verifier.counting.run import evaluate
from verifier.policy import Policy
from verifier.procedure.closings import list_closings
from verifier.procedure.document import (
    Document,
    Freezing,
    Identity,
    count_document,
    entry_object,
)
from verifier.procedure.grounds import Grounds, grounds_of
from verifier.procedure.presence_digest import device_digests

__all__ = ["Computed", "compute_document", "compute_entries", "compute_entry", "read_grounds"]

_SELECT_LAST_CHANGE = "SELECT number FROM audit_head"


@dataclass(frozen=True, slots=True)
class Computed:
    """A document, and up to which change of the records it knows them."""

    document: Document
    last_change: int
    """Number of the last audit entry it saw."""


def _decisions_of_counts(
    connection: psycopg.Connection, uscc: str | None = None
) -> list[RecordedDecision]:
    """Every decision but those which only say that something was looked at."""
    found = list_decisions(connection, uscc=uscc)
    return [each for each in found if each.decision.kind != "keep"]


def compute_document(
    connection: psycopg.Connection,
    year: int,
    *,
    as_of: date,
    policy: Policy,
    identity: Identity | None,
    freezing: Freezing | None = None,
    progress: Progress = no_progress,
) -> Computed:
    """The document of a year's count as the database is now, read in one snapshot.

    Args:
        connection: outside a transaction.
        year: of the count.
        as_of: the last day whose evidence is used.
        policy: the rules.
        identity: None where it is not known yet.
        freezing: None for a draft.
        progress: is told how far it is.
    """
    with consistent_snapshot(connection):
        head = connection.execute(_SELECT_LAST_CHANGE).fetchone()
        evaluation = evaluate(connection, year, as_of=as_of, policy=policy, progress=progress)
        grounds = read_grounds(connection, evaluation, progress)
    document = count_document(
        evaluation.count, grounds, identity or Identity(year, 1, None), freezing
    )
    return Computed(document, head[0] if head else 0)


def compute_entry(
    connection: psycopg.Connection,
    year: int,
    platform: str,
    uscc: str,
    *,
    as_of: date,
    policy: Policy,
) -> dict[str, Any] | None:
    """One enterprise as a document of today would have it; None where it would not be listed.

    Args:
        connection: inside a consistent snapshot.
        year: of the count.
        platform: its code.
        uscc: of the enterprise.
        as_of: the last day whose evidence is used.
        policy: the rules.
    """
    return compute_entries(connection, year, uscc, as_of=as_of, policy=policy).get(platform)


def compute_entries(
    connection: psycopg.Connection, year: int, uscc: str, *, as_of: date, policy: Policy
) -> dict[str, dict[str, Any]]:
    """One enterprise as a document of today would have it, by the platforms that would list it."""
    evidence = read_evidence(connection, uscc)
    devices = np.unique(evidence.assignments.device)
    has_live_share = policy.live_share_min is not None
    presence = list(read_presence(connection, devices, as_of, with_live_hours=has_live_share))
    activity = activity_of_cases(evidence, presence, as_of, policy)
    evaluation = evaluation_of(evidence, activity, year, as_of, policy)
    digests: dict[int, str] = {}
    for block in presence:
        digests |= device_digests(block, as_of)
    found = grounds_of(
        measured_cases(evaluation, presence, read_assignments(connection, uscc)),
        digests,
        _decisions_of_counts(connection, uscc),
        list_closings(connection, year),
        year=year,
        as_of=as_of,
    )
    return {
        each.case.platform.code: entry_object(determination_object(each.determination), each)
        for each in found
    }


def read_grounds(
    connection: psycopg.Connection, evaluation: Evaluation, progress: Progress = no_progress
) -> list[Grounds]:
    """The grounds of every determination of a count, by platform code and uscc.

    Args:
        connection: inside the snapshot in which the count was evaluated.
        evaluation: the count, of all platforms.
        progress: is told how far it is.
    """
    count = evaluation.count
    progress(Phase.CRITERIA, 0.0)
    devices = np.unique(evaluation.evidence.assignments.device)
    blocks = read_presence(connection, devices, count.as_of)
    watched = with_progress(blocks, devices, lambda done: progress(Phase.CRITERIA, done))
    registered = read_assignments(connection)
    digests: dict[int, str] = {}
    measured = measured_cases(evaluation, _digested(watched, count.as_of, digests), registered)
    return grounds_of(
        measured,
        digests,
        _decisions_of_counts(connection),
        list_closings(connection, count.year),
        year=count.year,
        as_of=count.as_of,
    )


def _digested(
    blocks: Iterable[PresenceRows], as_of: date, digests: dict[int, str]
) -> Iterator[PresenceRows]:
    """Presence block by block; the digests of its devices are noted as it passes."""
    for block in blocks:
        digests.update(device_digests(block, as_of))
        yield block
