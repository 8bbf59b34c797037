"""Objections to a published count: who says what, and what came of it."""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from jieru.errors import UserError
from verifier.procedure.names import required_text
from verifier.procedure.people import Act
from verifier.procedure.records import CountRecord
from verifier.procedure.signing import SigningKey
from verifier.procedure.statement_records import add_statement
from verifier.procedure.states import ObjectionOutcome, Step
from verifier.procedure.steps import take_step
from verifier.procedure.trusted_keys import TrustedKeys

__all__ = [
    "Objection",
    "list_objections",
    "record_objection",
    "resolve_objection",
]

_INSERT = """
    INSERT INTO objections (count_id, name, statement, recorded_by, recorded_at)
    VALUES (%s, %s, %s, %s, %s) RETURNING id
"""
_RESOLVE = """
    UPDATE objections SET outcome = %s, resolution = %s, resolved_by = %s, resolved_at = %s
    WHERE id = %s AND count_id = %s AND resolved_at IS NULL
"""
_SELECT = """
    SELECT o.id, o.name, o.statement, o.recorded_by, o.recorded_at, o.outcome, o.resolution,
           o.resolved_by, o.resolved_at, v.reason, v.proposed_by, v.proposed_at, v.confirmed_by,
           v.confirmed_at
    FROM objections o LEFT JOIN objection_overrides v
         ON v.objection_id = o.id AND v.withdrawn_at IS NULL
    WHERE o.count_id = %s ORDER BY o.id
"""


@dataclass(frozen=True, slots=True)
class Objection:
    """One objection."""

    id: int
    name: str
    """Who objects."""
    statement: str
    recorded_by: str
    recorded_at: datetime
    outcome: ObjectionOutcome | None
    """None while it is open, as the three that follow."""
    resolution: str | None
    resolved_by: str | None
    resolved_at: datetime | None
    override_reason: str | None
    """Why it is paid in spite of an objection that was upheld; None while nobody proposed that."""
    override_proposed_by: str | None
    override_proposed_at: datetime | None
    override_confirmed_by: str | None
    """None while nobody confirmed it, as what follows."""
    override_confirmed_at: datetime | None


def record_objection(
    connection: psycopg.Connection,
    record: CountRecord,
    act: Act,
    *,
    trusted: TrustedKeys,
    key: SigningKey,
    name: str,
    statement: str,
) -> int:
    """Record an objection, also one that comes after the notice; the caller commits.

    Returns:
        Its id, by which it is resolved.

    Raises:
        UserError: the count is not published or is payable already, or name or text is missing.
    """
    name, statement = required_text(name), required_text(statement)
    taken = take_step(
        connection, record, Step.OBJECT, act, trusted=trusted, note=f"{name}: {statement}"
    )
    values = (taken.id, name, statement, act.name, act.at)
    row = connection.execute(_INSERT, values).fetchone()
    if row is None:
        raise RuntimeError("INSERT ... RETURNING gave no row")
    objection_id: int = row[0]
    says = {"objection": objection_id, "name": name, "text": statement}
    add_statement(connection, taken, Step.OBJECT, act, key=key, trusted=trusted, says=says)
    return objection_id


def resolve_objection(
    connection: psycopg.Connection,
    record: CountRecord,
    objection_id: int,
    act: Act,
    *,
    trusted: TrustedKeys,
    key: SigningKey,
    outcome: ObjectionOutcome,
    resolution: str,
) -> None:
    """Say what came of an objection, once; the caller commits.

    An objection that is upheld leads to a correction, which is a count of its own, unless two
    people override it (`overrides`).

    Raises:
        UserError: there is no such open objection to this count, or nothing is said.
    """
    resolution = required_text(resolution)
    taken = take_step(
        connection,
        record,
        Step.RESOLVE,
        act,
        trusted=trusted,
        note=f"{objection_id}: {resolution}",
    )
    values = (outcome, resolution, act.name, act.at, objection_id, record.id)
    if not connection.execute(_RESOLVE, values).rowcount:
        raise UserError(
            "There is no open objection {id} to the count {count}.",
            id=objection_id,
            count=record.count_id,
        )
    says = {"objection": objection_id, "outcome": outcome, "reason": resolution}
    add_statement(connection, taken, Step.RESOLVE, act, key=key, trusted=trusted, says=says)


def list_objections(connection: psycopg.Connection, record: CountRecord) -> list[Objection]:
    """All objections to a count, the first one first."""
    return [Objection(*row) for row in connection.execute(_SELECT, (record.id,))]
