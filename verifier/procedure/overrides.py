"""Overriding an objection that was upheld: two people answer for paying in spite of it.

One proposes it with a reason, another confirms it; neither of them drafted or submitted the count.
Until then whoever proposed it may withdraw it, and somebody may propose it anew. All is signed.
On a database made with `--simulation` one name suffices, as for every step there.
"""

import psycopg

from jieru.database import read_installation
from jieru.errors import UserError
from verifier.procedure.names import is_same_person, required_text
from verifier.procedure.people import Act
from verifier.procedure.records import CountRecord
from verifier.procedure.signing import SigningKey
from verifier.procedure.statement_records import add_statement
from verifier.procedure.states import Step
from verifier.procedure.steps import take_step
from verifier.procedure.trusted_keys import TrustedKeys

__all__ = ["confirm_override", "propose_override", "withdraw_override"]

_SELECT = """
    SELECT o.outcome, v.reason, v.proposed_by, v.confirmed_by
    FROM objections o LEFT JOIN objection_overrides v
         ON v.objection_id = o.id AND v.withdrawn_at IS NULL
    WHERE o.id = %s AND o.count_id = %s
"""
_INSERT = """
    INSERT INTO objection_overrides (objection_id, reason, proposed_by, proposed_at)
    VALUES (%s, %s, %s, %s)
"""
_CONFIRM = """
    UPDATE objection_overrides SET confirmed_by = %s, confirmed_at = %s
    WHERE objection_id = %s AND withdrawn_at IS NULL
"""
_WITHDRAW = """
    UPDATE objection_overrides SET withdrawn_reason = %s, withdrawn_by = %s, withdrawn_at = %s
    WHERE objection_id = %s AND withdrawn_at IS NULL
"""


def propose_override(
    connection: psycopg.Connection,
    record: CountRecord,
    objection_id: int,
    act: Act,
    *,
    trusted: TrustedKeys,
    key: SigningKey,
    reason: str,
) -> None:
    """Propose to pay in spite of an objection that was upheld; the caller commits.

    Args:
        connection: where to write.
        record: a published count that is not paid.
        objection_id: of the objection.
        act: who proposes it, and when.
        trusted: whose signature counts.
        key: signs the proposal.
        reason: why, for good.

    Raises:
        UserError: no such objection was upheld, an override was proposed already, whoever proposes
            it made the count, or no reason is given.
    """
    reason = required_text(reason)
    taken = take_step(
        connection,
        record,
        Step.PROPOSE_OVERRIDE,
        act,
        trusted=trusted,
        note=f"{objection_id}: {reason}",
    )
    _reason, proposer, _confirmer = _upheld(connection, taken, objection_id)
    if proposer is not None:
        raise UserError(
            "{name} has proposed to override objection {id} already: another person confirms it.",
            name=proposer,
            id=objection_id,
        )
    connection.execute(_INSERT, (objection_id, reason, act.name, act.at))
    says = {"objection": objection_id, "reason": reason}
    add_statement(
        connection, taken, Step.PROPOSE_OVERRIDE, act, key=key, trusted=trusted, says=says
    )


def confirm_override(
    connection: psycopg.Connection,
    record: CountRecord,
    objection_id: int,
    act: Act,
    *,
    trusted: TrustedKeys,
    key: SigningKey,
) -> None:
    """Confirm what another person proposed: the objection no longer stops payment.

    The caller commits. Arguments as for `propose_override`.

    Raises:
        UserError: nothing was proposed, it is confirmed already, or whoever confirms it proposed it
            or made the count.
    """
    taken = take_step(
        connection, record, Step.OVERRIDE, act, trusted=trusted, note=str(objection_id)
    )
    reason, proposer, confirmer = _upheld(connection, taken, objection_id)
    if proposer is None or confirmer is not None:
        raise UserError(
            "No override of objection {id} waits to be confirmed: propose one with a reason.",
            id=objection_id,
        )
    if is_same_person(proposer, act.name) and not _is_simulation(connection):
        raise UserError(
            "{name} proposed to override objection {id}: another person must confirm it.",
            name=act.name,
            id=objection_id,
        )
    connection.execute(_CONFIRM, (act.name, act.at, objection_id))
    says = {"objection": objection_id, "reason": reason}
    add_statement(connection, taken, Step.OVERRIDE, act, key=key, trusted=trusted, says=says)


def withdraw_override(
    connection: psycopg.Connection,
    record: CountRecord,
    objection_id: int,
    act: Act,
    *,
    trusted: TrustedKeys,
    key: SigningKey,
    reason: str,
) -> None:
    """Withdraw what one proposed and nobody confirmed; it stays on record.

    The caller commits. Arguments as for `propose_override`.

    Raises:
        UserError: nothing that was proposed waits, somebody else proposed it, or no reason is
            given.
    """
    reason = required_text(reason)
    taken = take_step(
        connection,
        record,
        Step.WITHDRAW_OVERRIDE,
        act,
        trusted=trusted,
        note=f"{objection_id}: {reason}",
    )
    _reason, proposer, confirmer = _upheld(connection, taken, objection_id)
    if proposer is None or confirmer is not None:
        raise UserError(
            "No override of objection {id} waits to be confirmed: there is nothing to withdraw.",
            id=objection_id,
        )
    if not is_same_person(proposer, act.name) and not _is_simulation(connection):
        raise UserError(
            "{name} proposed to override objection {id}, and nobody else withdraws that.",
            name=proposer,
            id=objection_id,
        )
    connection.execute(_WITHDRAW, (reason, act.name, act.at, objection_id))
    says = {"objection": objection_id, "reason": reason}
    add_statement(
        connection, taken, Step.WITHDRAW_OVERRIDE, act, key=key, trusted=trusted, says=says
    )


def _upheld(
    connection: psycopg.Connection, record: CountRecord, objection_id: int
) -> tuple[str | None, str | None, str | None]:
    """Reason, proposer and confirmer of what was proposed, each None where there is none.

    Raises:
        UserError: no such objection was upheld.
    """
    row = connection.execute(_SELECT, (objection_id, record.id)).fetchone()
    if row is None or row[0] != "upheld":
        raise UserError(
            "No objection {id} to the count {count} was upheld: there is nothing to override.",
            id=objection_id,
            count=record.count_id,
        )
    return row[1], row[2], row[3]


def _is_simulation(connection: psycopg.Connection) -> bool:
    return read_installation(connection).is_simulation
