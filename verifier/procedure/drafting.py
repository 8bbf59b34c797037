"""Draft runs: a count computed and kept, until it is drafted anew or frozen."""

from datetime import date

import psycopg

from jieru.audit import changing
from jieru.calendar import civil_date
from jieru.database import read_installation
from jieru.errors import UserError
from verifier.counting.count import require_countable_year
from verifier.counting.progress import Phase, Progress, no_progress
from verifier.policy import Policy
from verifier.procedure.computing import compute_document
from verifier.procedure.document import content_sha256
from verifier.procedure.names import required_text
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

__all__ = ["draft_count", "open_count"]

_INSERT = """
    INSERT INTO counts (year, revision, supersedes_id, opened_at, opened_by)
    VALUES (%s, %s, %s, %s, %s) RETURNING id
"""


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
        UserError: the year cannot be counted, the last day of evidence is still to come, its count
            is in review, or a correction has no reason.
    """
    require_countable_year(year)
    if year > civil_date(act.at).year:
        raise UserError("The year {year} has not begun: it cannot be counted yet.", year=year)
    with connection.transaction():
        if as_of > civil_date(act.at) and not read_installation(connection).is_simulation:
            raise UserError(
                "The evidence of {as_of} is still to come: draft the count as of {today} at the "
                "latest.",
                as_of=as_of.isoformat(),
                today=civil_date(act.at).isoformat(),
            )
        running = running_count(connection, year)
        if running is not None:
            require_step(Step.DRAFT, running.count_id, running.state)
        elif standing_count(connection, year) is not None:
            required_text(reason or "")
    computed = compute_document(
        connection, year, as_of=as_of, policy=policy, identity=None, progress=progress
    )
    progress(Phase.STORING, 0.0)
    with changing(connection, act.actor):
        record = running_count(connection, year)
        if running is not None and (record is None or record.id != running.id):
            raise UserError(
                "While {count} was drafted anew it was discarded or frozen: look at it, then "
                "draft the year again.",
                count=running.count_id,
            )
        record = record or open_count(connection, year, act, reason)
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
            "drafted_change": computed.last_change,
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
    note = required_text(reason or "") if standing is not None else None
    revision = max((each.revision for each in list_counts(connection, year)), default=0) + 1
    values = (year, revision, standing.id if standing else None, act.at, act.name)
    row = connection.execute(_INSERT, values).fetchone()
    if row is None:
        raise RuntimeError("INSERT ... RETURNING gave no row")
    record_step(connection, row[0], Step.OPEN, State.DRAFT, act, note)
    return count_by_id(connection, row[0])
