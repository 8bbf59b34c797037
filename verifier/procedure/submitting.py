"""Submitting: a draft is handed over for review, if a draft of this moment would say the same."""

from typing import Final

import psycopg

from jieru.audit import changing
from jieru.errors import UserError
from verifier.counting.progress import Progress, no_progress
from verifier.procedure.hindrance import require_no_hindrance
from verifier.procedure.hindrances import hindrances
from verifier.procedure.people import Act
from verifier.procedure.record_changes import has_changed_since
from verifier.procedure.records import CountRecord, count_by_id
from verifier.procedure.staleness import StaleDraftError, require_fresh, stale_for
from verifier.procedure.states import Step, require_step
from verifier.procedure.steps import take_step
from verifier.procedure.trusted_keys import NOBODY

__all__ = ["require_submittable", "submit_count"]

_ATTEMPTS: Final = 3


def submit_count(
    connection: psycopg.Connection,
    record: CountRecord,
    act: Act,
    *,
    note: str | None = None,
    progress: Progress = no_progress,
) -> CountRecord:
    """Hand a draft over for review; whoever does so is its maker.

    Where nothing can have changed since the draft, nothing is computed.

    Args:
        connection: outside a transaction; nothing is left to commit.
        record: the count, as it was read by whoever submits it.
        act: who submits it, and when.
        note: what the reviewers should know.
        progress: is told how far the computation is.

    Raises:
        StaleDraftError: it is older than a decision, a record of the registry or a heartbeat that
            touches it.
        UserError: it is not a draft, was not drafted yet, or was drafted anew meanwhile.
    """
    columns = {"submitted_at": act.at, "submitted_by": act.name}
    for _attempt in range(_ATTEMPTS):
        drafted = require_submittable(connection, record, act)
        known_up_to = require_fresh(connection, drafted, progress)
        with changing(connection, act.actor):
            if has_changed_since(connection, known_up_to):
                continue
            _require_the_same(count_by_id(connection, record.id), drafted)
            return take_step(
                connection, drafted, Step.SUBMIT, act, note=note or None, columns=columns
            )
    raise UserError(
        "Records of the registry are being changed, so {count} could not be submitted: "
        "try again when nobody changes them.",
        count=record.count_id,
    )


def require_submittable(
    connection: psycopg.Connection, record: CountRecord, act: Act
) -> CountRecord:
    """The count as it is now, if it may be submitted as far as that is known before it is computed.

    Raises:
        UserError: see `submit_count`.
    """
    with connection.transaction():
        fresh = count_by_id(connection, record.id)
        require_step(Step.SUBMIT, fresh.count_id, fresh.state)
        _require_the_same(fresh, record)
        stale = stale_for(connection, fresh)
        if stale:
            raise StaleDraftError(fresh, stale)
        require_no_hindrance(hindrances(connection, fresh, Step.SUBMIT, act.at, NOBODY))
    return fresh


def _require_the_same(fresh: CountRecord, read: CountRecord) -> None:
    if fresh.content_sha256 != read.content_sha256:
        raise UserError(
            "{count} was drafted anew meanwhile: look at it, then submit it.",
            count=fresh.count_id,
        )
