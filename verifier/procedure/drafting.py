"""Draft runs: a count computed and kept, until it is drafted anew or frozen."""

from dataclasses import dataclass
from datetime import date

import psycopg

from jieru.audit import changing
from verifier.counting.count import evaluate, require_countable_year
from verifier.counting.evidence import consistent_snapshot
from verifier.counting.progress import Phase, Progress, no_progress
from verifier.policy import Policy
from verifier.procedure.document import (
    Document,
    Freezing,
    Identity,
    content_sha256,
    count_document,
)
from verifier.procedure.grounds import read_grounds
from verifier.procedure.names import said
from verifier.procedure.people import Act
from verifier.procedure.records import (
    CountRecord,
    count_by_id,
    list_counts,
    record_step,
    running_count,
    standing_count,
    store_content,
)
from verifier.procedure.states import State, Step, require_step
from verifier.procedure.steps import take_step

__all__ = ["Computed", "compute_document", "draft_count", "open_count"]

_INSERT = """
    INSERT INTO counts (year, revision, supersedes_id, opened_at, opened_by)
    VALUES (%s, %s, %s, %s, %s) RETURNING id
"""
_SELECT_LAST_CHANGE = "SELECT number FROM audit_head"


@dataclass(frozen=True, slots=True)
class Computed:
    """A document, and up to which change of the records it knows them."""

    document: Document
    last_change: int
    """Number of the last audit entry it saw."""


def draft_count(
    connection: psycopg.Connection,
    act: Act,
    year: int,
    *,
    as_of: date,
    policy: Policy,
    reason: str | None = None,
    progress: Progress = no_progress,
) -> CountRecord:
    """Count a year and keep the result in its running count, which is opened if there is none.

    Args:
        connection: outside a transaction; nothing is left to commit.
        act: who drafts, and when.
        year: of the count.
        as_of: the last day whose evidence is used.
        policy: the rules.
        reason: why a year that is frozen already is counted again; needed then, and only then.
        progress: is told how far it is.

    Raises:
        UserError: the year cannot be counted, its count is in review, or a correction has no
            reason.
    """
    require_countable_year(year)
    with connection.transaction():
        running = running_count(connection, year)
        if running is not None:
            maker = running.submitted_by
            require_step(Step.DRAFT, running.count_id, running.state, maker, act.name)
        elif standing_count(connection, year) is not None:
            said(reason or "")
    computed = compute_document(
        connection, year, as_of=as_of, policy=policy, identity=None, progress=progress
    )
    progress(Phase.STORING, 0.0)
    with changing(connection, act.actor):
        record = running_count(connection, year) or open_count(connection, year, act, reason)
        document = {
            **computed.document,
            "count_id": record.count_id,
            "revision": record.revision,
            "supersedes": record.supersedes,
        }
        columns = {
            "policy_name": policy.name,
            "policy_sha256": policy.sha256,
            "as_of": as_of,
            "drafted_at": act.at,
            "drafted_by": act.name,
            "content_sha256": content_sha256(document),
        }
        drafted = take_step(connection, record, Step.DRAFT, act, columns=columns)
        store_content(connection, record.id, document)
    progress(Phase.STORING, 1.0)
    return drafted


def open_count(
    connection: psycopg.Connection, year: int, act: Act, reason: str | None
) -> CountRecord:
    """Open the first count of a year, or the correction of its frozen one; the caller commits.

    Raises:
        UserError: a correction has no reason.
    """
    standing = standing_count(connection, year)
    note = said(reason or "") if standing is not None else None
    revision = max((each.revision for each in list_counts(connection, year)), default=0) + 1
    values = (year, revision, standing.id if standing else None, act.at, act.name)
    row = connection.execute(_INSERT, values).fetchone()
    if row is None:
        raise RuntimeError("INSERT ... RETURNING gave no row")
    record_step(connection, row[0], Step.OPEN, State.DRAFT, act, note)
    return count_by_id(connection, row[0])


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
