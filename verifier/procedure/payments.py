"""Payments of a payable count, one order for each platform, and what is claimed back later."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

from jieru.calendar import civil_date
from jieru.errors import UserError
from verifier.procedure.balances import Due, dues_of, paid_up_to
from verifier.procedure.names import required_text
from verifier.procedure.people import Act
from verifier.procedure.records import CountRecord
from verifier.procedure.recovery import BalanceKey, RecoveryKind, RecoveryLine
from verifier.procedure.signing import SigningKey
from verifier.procedure.statement_records import add_statement
from verifier.procedure.states import Step
from verifier.procedure.steps import take_step
from verifier.procedure.trusted_keys import TrustedKeys

__all__ = [
    "Due",
    "Payment",
    "Recovery",
    "amounts_due",
    "approve_payment",
    "list_payments",
    "list_recoveries",
    "paid_before",
    "record_payment",
    "store_recoveries",
]

_SELECT_HEAD = "SELECT head FROM count_documents WHERE count_id = %s"
_INSERT_PAYMENT = """
    INSERT INTO count_payments
        (count_id, platform_id, clause, amount_yuan, paid_on, reference, recorded_by, recorded_at)
    SELECT %s, id, %s, %s, %s, %s, %s, %s FROM platforms WHERE code = %s
"""
_SELECT_PAYMENTS = """
    SELECT p.code, y.clause, y.amount_yuan, y.paid_on, y.reference, y.recorded_by, y.recorded_at
    FROM count_payments y JOIN platforms p ON p.id = y.platform_id
    WHERE y.count_id = %s ORDER BY p.code COLLATE "C", y.clause COLLATE "C"
"""
_INSERT_RECOVERY = """
    INSERT INTO recoveries (count_id, platform_id, clause, kind, uscc, amount_yuan)
    SELECT %s, id, %s, %s, %s, %s FROM platforms WHERE code = %s
"""
_SELECT_RECOVERIES = """
    SELECT p.code, r.clause, r.kind, r.uscc, e.name, r.amount_yuan
    FROM recoveries r
    JOIN platforms p ON p.id = r.platform_id
    LEFT JOIN enterprises e ON e.uscc = r.uscc
    WHERE r.count_id = %s ORDER BY r.id
"""


@dataclass(frozen=True, slots=True)
class Payment:
    """One line that was paid."""

    platform: str
    clause: str
    amount_yuan: int
    paid_on: date
    reference: str
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Recovery:
    """One line of what is claimed back; those of a platform and clause add up to the claim."""

    platform: str
    clause: str
    kind: RecoveryKind
    uscc: str | None
    name: str | None
    """The enterprise's, today."""
    amount_yuan: int


def approve_payment(
    connection: psycopg.Connection,
    record: CountRecord,
    act: Act,
    trusted: TrustedKeys,
    *,
    key: SigningKey,
) -> CountRecord:
    """Make a published count payable; the caller commits. Where nothing is due it is paid at once.

    Raises:
        UserError: it is not published, its notice runs, an objection is open, or the maker asks.
    """
    columns = {"payable_at": act.at, "payable_by": act.name}
    taken = take_step(
        connection, record, Step.APPROVE_PAYMENT, act, trusted=trusted, columns=columns
    )
    due = [each.to_json_object() for each in amounts_due(connection, taken)]
    add_statement(
        connection,
        taken,
        Step.APPROVE_PAYMENT,
        act,
        key=key,
        trusted=trusted,
        says={"due": due},
    )
    return _finish(connection, taken, act, trusted)


def record_payment(
    connection: psycopg.Connection,
    record: CountRecord,
    platform: str,
    act: Act,
    *,
    trusted: TrustedKeys,
    key: SigningKey,
    reference: str,
    paid_on: date,
) -> CountRecord:
    """Record that all that is due to a platform was paid; the caller commits.

    Args:
        connection: where to write.
        record: a payable count.
        platform: code of the platform.
        act: who records it.
        trusted: whose signature counts.
        key: signs each line that is paid.
        reference: of the payment order.
        paid_on: the civil day of payment.

    Returns:
        The count, paid once nothing is due any more.

    Raises:
        UserError: the count is not payable, nothing is due to the platform, or the reference is
            missing.
    """
    reference = required_text(reference)
    taken = take_step(
        connection, record, Step.PAY, act, trusted=trusted, note=f"{platform}: {reference}"
    )
    _require_sensible_day(taken, act, paid_on)
    head = _head(connection, taken)
    due = [each for each in amounts_due(connection, taken) if each.platform == platform]
    if not due:
        raise UserError(
            "Nothing is due to the platform {platform} under the count {count}.",
            platform=platform,
            count=taken.count_id,
        )
    for each in due:
        connection.execute(
            _INSERT_PAYMENT,
            (
                taken.id,
                each.clause,
                each.amount_yuan,
                paid_on,
                reference,
                act.name,
                act.at,
                platform,
            ),
        )
        (payee,) = [one for one in head["platforms"] if one["platform"] == platform]
        add_statement(
            connection,
            taken,
            Step.PAY,
            act,
            key=key,
            trusted=trusted,
            says={
                "platform": platform,
                "clause": each.clause,
                "amount_yuan": each.amount_yuan,
                "payee_name": payee["name"],
                "payee_uscc": payee["operator_uscc"],
                "reference": reference,
                "paid_on": paid_on.isoformat(),
            },
        )
    return _finish(connection, taken, act, trusted)


def _require_sensible_day(record: CountRecord, act: Act, paid_on: date) -> None:
    """Check a day of payment: after the count was payable, and not in the future.

    Raises:
        UserError: it is another one.
    """
    today = civil_date(act.at)
    if paid_on > today or (
        record.payable_at is not None and paid_on < civil_date(record.payable_at)
    ):
        raise UserError(
            "A payment under {count} was made between {first} and {last}, and not on {day}.",
            count=record.count_id,
            first=civil_date(record.payable_at) if record.payable_at else today,
            last=today,
            day=paid_on,
        )


def amounts_due(connection: psycopg.Connection, record: CountRecord) -> list[Due]:
    """What a frozen count awards beyond what was paid under it and its earlier revisions."""
    paid = paid_up_to(connection, record.year, record.revision)
    return dues_of(_head(connection, record), paid)


def paid_before(connection: psycopg.Connection, record: CountRecord) -> dict[BalanceKey, int]:
    """Paid under the earlier revisions of a year's count, less what was claimed back; in yuan."""
    return paid_up_to(connection, record.year, record.revision - 1)


def list_payments(connection: psycopg.Connection, record: CountRecord) -> list[Payment]:
    """What was paid under a count, by platform and clause."""
    return [Payment(*row) for row in connection.execute(_SELECT_PAYMENTS, (record.id,))]


def store_recoveries(
    connection: psycopg.Connection, record: CountRecord, lines: list[RecoveryLine]
) -> None:
    """Keep what a correction claims back, for good."""
    with connection.cursor() as cursor:
        cursor.executemany(
            _INSERT_RECOVERY,
            [
                (record.id, each.clause, each.kind, each.uscc, each.amount_yuan, each.platform)
                for each in lines
            ],
        )


def list_recoveries(connection: psycopg.Connection, record: CountRecord) -> list[Recovery]:
    """What a correction claims back, line by line."""
    return [Recovery(*row) for row in connection.execute(_SELECT_RECOVERIES, (record.id,))]


def _head(connection: psycopg.Connection, record: CountRecord) -> dict[str, Any]:
    """The document without its enterprises; without platforms before the first draft."""
    row = connection.execute(_SELECT_HEAD, (record.id,)).fetchone()
    head: dict[str, Any] = row[0] if row else {"platforms": []}
    return head


def _finish(
    connection: psycopg.Connection, record: CountRecord, act: Act, trusted: TrustedKeys
) -> CountRecord:
    if amounts_due(connection, record):
        return record
    return take_step(connection, record, Step.FINISH_PAYMENT, act, trusted=trusted)
