"""What the database tells of a frozen count since it was frozen, against what was signed of it.

Rows of counts, payments, objections and steps are what pages and steps read; the statements are
what the bureau signed. Each row that a step leaves is told here as one fact with its values, and so
is each statement; whatever one side says and the other does not is named.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from jieru.calendar import date_text
from jieru.i18n import marked
from verifier.procedure.balances import dues_of, paid_up_to
from verifier.procedure.document import Document
from verifier.procedure.hindrance import Hindrance
from verifier.procedure.outlines import read_outline
from verifier.procedure.records import CountRecord, count_by_id, list_steps
from verifier.procedure.recovery import recovery_lines
from verifier.procedure.signing import SignedStatement
from verifier.procedure.statements import SIGNED_STEPS, Said, said_by
from verifier.procedure.states import State, Step

__all__ = ["are_steps_signed", "differences"]

_SELECT_PAYMENTS: Final = """
    SELECT p.code, y.clause, y.amount_yuan, y.paid_on, y.reference, y.recorded_by, y.recorded_at
    FROM count_payments y JOIN platforms p ON p.id = y.platform_id WHERE y.count_id = %s
"""
_SELECT_OBJECTIONS: Final = """
    SELECT id, name, statement, recorded_by, recorded_at, outcome, resolution, resolved_by,
           resolved_at
    FROM objections WHERE count_id = %s
"""
_SELECT_OVERRIDES: Final = """
    SELECT v.objection_id, v.reason, v.proposed_by, v.proposed_at, v.confirmed_by, v.confirmed_at,
           v.withdrawn_reason, v.withdrawn_by, v.withdrawn_at
    FROM objection_overrides v JOIN objections o ON o.id = v.objection_id WHERE o.count_id = %s
    ORDER BY v.id
"""
_SELECT_RECOVERIES: Final = """
    SELECT p.code, r.clause, r.kind, r.uscc, r.amount_yuan
    FROM recoveries r JOIN platforms p ON p.id = r.platform_id WHERE r.count_id = %s
"""
_IS_SUPERSEDED: Final = """
    SELECT EXISTS (SELECT FROM counts s JOIN counts c ON c.id = s.supersedes_id AND c.year = s.year
                   WHERE c.id = %s AND s.frozen_at IS NOT NULL)
"""

_LINKS: Final = frozenset({"statement", "count_id", "digest", "number", "previous", "kind"})
"""Of a statement: what says where it belongs, and not what was done."""
_ABOUT: Final[Mapping[str, tuple[str, ...]]] = {
    Step.OBJECT.value: ("objection",),
    Step.RESOLVE.value: ("objection",),
    Step.PROPOSE_OVERRIDE.value: ("objection",),
    Step.WITHDRAW_OVERRIDE.value: ("objection",),
    Step.OVERRIDE.value: ("objection",),
    Step.PAY.value: ("platform", "clause"),
}
"""Which values of a step say what it was about; there may be one of each.

Of overrides one for each time that one of the objection was proposed.
"""
_OF_OVERRIDES: Final = frozenset({Step.PROPOSE_OVERRIDE, Step.WITHDRAW_OVERRIDE, Step.OVERRIDE})


@dataclass(frozen=True, slots=True)
class _Fact:
    what: str
    """For the reader: the step and what it was about."""
    values: Mapping[str, object]


def are_steps_signed(document: Mapping[str, Any]) -> bool:
    """Whether each step after the freezing of this document must have its signed statement."""
    return document.get("steps_are_signed") is True


def differences(
    connection: psycopg.Connection,
    record: CountRecord,
    document: Document,
    statements: Sequence[SignedStatement],
) -> Iterator[Hindrance]:
    """Whatever the rows beside a frozen count say otherwise than what was signed.

    Of a count that was frozen before steps were signed, rows without a statement are taken as they
    are.

    Args:
        connection: where to look.
        record: the count.
        document: its own, which was verified.
        statements: those of the count, which were verified.
    """
    said = [said_by(each) for each in statements]
    signed = dict(_signed_facts(said))
    told = dict(_told_facts(connection, record, document))
    has_all = are_steps_signed(document)
    for key in sorted(told.keys() | signed.keys()):
        if key not in signed:
            if has_all:
                yield _unsigned(record, told[key])
        elif key not in told:
            yield _missing(record, signed[key])
        else:
            yield from _of_values(record, told[key], signed[key])
    if has_all:
        yield from _of_the_state(connection, record, document, said)
        yield from _of_recoveries(connection, record, document)


def _signed_facts(said: Sequence[Said]) -> Iterator[tuple[tuple[str, ...], _Fact]]:
    proposed = Counter[str]()
    for each in said:
        values = {name: value for name, value in each.values.items() if name not in _LINKS}
        objection = str(values.get("objection"))
        if each.kind == Step.PROPOSE_OVERRIDE:
            proposed[objection] += 1
        yield _fact(each.kind, values, proposed[objection] if each.kind in _OF_OVERRIDES else 0)
        yield _step(each.kind, each.by, each.at)


def _told_facts(
    connection: psycopg.Connection, record: CountRecord, document: Document
) -> Iterator[tuple[tuple[str, ...], _Fact]]:
    if record.published_at is not None:
        yield _fact(
            Step.PUBLISH,
            {
                "by": record.published_by,
                "at": record.published_at,
                "notice_days": record.notice_days,
                "notice_ends_on": date_text(record.notice_ends_on),
            },
        )
    if record.payable_at is not None:
        paid_before = paid_up_to(connection, record.year, record.revision - 1)
        due = [each.to_json_object() for each in dues_of(document, paid_before)]
        yield _fact(
            Step.APPROVE_PAYMENT,
            {"by": record.payable_by, "at": record.payable_at, "due": due},
        )
    payees = {each["platform"]: each for each in document["platforms"]}
    for code, clause, yuan, paid_on, reference, by, at in connection.execute(
        _SELECT_PAYMENTS, (record.id,)
    ):
        payee = payees.get(code, {})
        yield _fact(
            Step.PAY,
            {
                "by": by,
                "at": at,
                "platform": code,
                "clause": clause,
                "amount_yuan": yuan,
                "paid_on": date_text(paid_on),
                "reference": reference,
                "payee_name": payee.get("name"),
                "payee_uscc": payee.get("operator_uscc"),
            },
        )
    yield from _objection_facts(connection, record)
    for step in list_steps(connection, record):
        if step.step in SIGNED_STEPS:
            yield _step(step.step, step.taken_by, step.taken_at)


def _objection_facts(
    connection: psycopg.Connection, record: CountRecord
) -> Iterator[tuple[tuple[str, ...], _Fact]]:
    objections = connection.execute(_SELECT_OBJECTIONS, (record.id,))
    for number, name, text, by, at, outcome, resolution, resolved_by, resolved_at in objections:
        values = {"by": by, "at": at, "objection": number, "name": name, "text": text}
        yield _fact(Step.OBJECT, values)
        if resolved_at is not None:
            values = {"by": resolved_by, "at": resolved_at, "objection": number}
            yield _fact(Step.RESOLVE, {**values, "outcome": outcome, "reason": resolution})
    overrides = connection.execute(_SELECT_OVERRIDES, (record.id,))
    proposed = Counter[int]()
    for (
        number,
        reason,
        by,
        at,
        confirmed_by,
        confirmed_at,
        why_not,
        taken_by,
        taken_at,
    ) in overrides:
        proposed[number] += 1
        values = {"by": by, "at": at, "objection": number, "reason": reason}
        yield _fact(Step.PROPOSE_OVERRIDE, values, proposed[number])
        if confirmed_at is not None:
            confirmed = {**values, "by": confirmed_by, "at": confirmed_at}
            yield _fact(Step.OVERRIDE, confirmed, proposed[number])
        if taken_at is not None:
            withdrawn = {"by": taken_by, "at": taken_at, "objection": number, "reason": why_not}
            yield _fact(Step.WITHDRAW_OVERRIDE, withdrawn, proposed[number])


def _fact(kind: str, values: Mapping[str, object], time: int = 0) -> tuple[tuple[str, ...], _Fact]:
    """What was done, by what it was about and which time that was."""
    about = [str(values.get(name)) for name in _ABOUT.get(kind, ())]
    plain = {name: _plain(name, value) for name, value in values.items()}
    return (str(kind), *about, str(time)), _Fact(" ".join([str(kind), *about]), plain)


def _step(kind: str, by: str, at: datetime | None) -> tuple[tuple[str, ...], _Fact]:
    moment = _moment(at) if at else "?"
    return ("step", str(kind), by, moment), _Fact(f"{kind} ({by}, {moment})", {})


def _plain(name: str, value: object) -> object:
    """A value as both sides write it."""
    if name != "at":
        return value
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value
    return _moment(at) if isinstance(at, datetime) and at.tzinfo else value


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _unsigned(record: CountRecord, fact: _Fact) -> Hindrance:
    return Hindrance(
        "unsigned",
        marked(
            "The database says of {count}: {what}; and nothing that was signed says so. It was put "
            "there behind the system's back, or its signed statement was removed: restore it from "
            "a backup."
        ),
        {"count": record.count_id, "what": fact.what},
    )


def _missing(record: CountRecord, fact: _Fact) -> Hindrance:
    return Hindrance(
        "signed_and_missing",
        marked(
            "What was signed says of {count}: {what}; and the database no longer does. Restore it "
            "from a backup."
        ),
        {"count": record.count_id, "what": fact.what},
    )


def _of_values(record: CountRecord, told: _Fact, signed: _Fact) -> Iterator[Hindrance]:
    for name in sorted(told.values.keys() | signed.values.keys()):
        if told.values.get(name) != signed.values.get(name):
            yield Hindrance(
                "statement_differs",
                marked(
                    "The database says of {count}, {what}, that its {field} is {stored}; what was "
                    "signed says {signed}. Restore it from a backup."
                ),
                {
                    "count": record.count_id,
                    "what": told.what,
                    "field": name,
                    "stored": told.values.get(name),
                    "signed": signed.values.get(name),
                },
            )


def _of_the_state(
    connection: psycopg.Connection, record: CountRecord, document: Document, said: Sequence[Said]
) -> Iterator[Hindrance]:
    """A count that is further, or less far, than the steps that were signed."""
    kinds = {each.kind for each in said}
    paid = paid_up_to(connection, record.year, record.revision)
    if Step.APPROVE_PAYMENT.value in kinds:
        # The last payment and the end of all payments are two steps, and this may look between.
        fits = {State.PAYABLE} if dues_of(document, paid) else {State.PAYABLE, State.PAID}
    elif Step.PUBLISH.value in kinds:
        fits = {State.PUBLISHED}
    else:
        fits = {State.FROZEN}
    if connection.execute(_IS_SUPERSEDED, (record.id,)).fetchone() == (True,):
        fits = {State.SUPERSEDED}
    said_to_be = min(fits)
    if record.state not in fits:
        yield Hindrance(
            "state_changed",
            marked(
                "The database says that {count} is {stored}; by what was signed it is {signed}. "
                "Restore it from a backup."
            ),
            {"count": record.count_id, "stored": record.state.value, "signed": said_to_be.value},
        )


def _of_recoveries(
    connection: psycopg.Connection, record: CountRecord, document: Document
) -> Iterator[Hindrance]:
    """What is claimed back follows from two signed documents and the payments between them."""
    expected = Counter[tuple[object, ...]]()
    if record.supersedes_id is not None:
        superseded = count_by_id(connection, record.supersedes_id)
        before = read_outline(connection, superseded).document
        paid_before = paid_up_to(connection, record.year, record.revision - 1)
        expected.update(
            (each.platform, each.clause, each.kind, each.uscc, each.amount_yuan)
            for each in recovery_lines(before, document, paid_before)
        )
    stored = Counter(connection.execute(_SELECT_RECOVERIES, (record.id,)).fetchall())
    for line in sorted((stored - expected) | (expected - stored), key=str):
        platform, clause, kind, uscc, yuan = line
        yield Hindrance(
            "recovery_changed",
            marked(
                "What {count} claims back of {platform} under clause {clause} is not what follows "
                "from the signed counts: {yuan} yuan ({kind} {uscc}) are recorded {stored} times, "
                "and not {expected}. Restore it from a backup."
            ),
            {
                "count": record.count_id,
                "platform": platform,
                "clause": clause,
                "yuan": yuan,
                "kind": kind,
                "uscc": uscc or "",
                "stored": stored[line],
                "expected": expected[line],
            },
        )
