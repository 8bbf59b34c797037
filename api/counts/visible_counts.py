"""Counts as the procedure keeps them: what each caller may see of them.

The bureau sees every revision of every year. An operator sees what was published and still
stands, of the own platform alone, and no name of whoever worked on it.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Annotated, Final

import psycopg
from fastapi import Query

from api.access.caller import Caller
from api.access.roles import Permission
from api.console.words import Translate
from api.counts.own_notices import own_notices
from api.counts.procedure_answers import (
    CountDetail,
    CountList,
    CountRecordAnswer,
    DeterminationAnswer,
    DeterminationList,
    DueAnswer,
    HindranceAnswer,
    ObjectionAnswer,
    PaymentAnswer,
    PlatformPart,
    RecoveryAnswer,
    ReviewAnswer,
    StepOfferAnswer,
    StepTaken,
)
from api.web.filters import PlatformFilter, TextFilter
from api.web.problems import Kind, Problem, WrongField
from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.counting.count import EARLIEST_YEAR, LATEST_YEAR, determination_object
from verifier.counting.determination import Determination, Outcome
from verifier.procedure.comparison import Comparison
from verifier.procedure.freezing import export_count, require_frozen
from verifier.procedure.hindrance import Hindrance, require_no_hindrance
from verifier.procedure.names import checked_name
from verifier.procedure.objections import list_objections
from verifier.procedure.overview import (
    CountSheet,
    CountSummary,
    ReviewItem,
    StepOffer,
    count_summary,
    list_determinations,
    offered_steps,
    review_queue,
)
from verifier.procedure.payments import Payment, amounts_due, list_payments, list_recoveries
from verifier.procedure.records import (
    CountRecord,
    list_counts,
    list_steps,
)
from verifier.procedure.staleness import StaleDraftError, stale_for, waits_until
from verifier.procedure.statement_records import list_statements
from verifier.procedure.statements import payments_said, statement_object
from verifier.procedure.states import RULES, RUNNING, STANDING, State, Step
from verifier.procedure.stored_comparison import compare_stored
from verifier.procedure.trusted_keys import TrustedKeys
from verifier.procedure.verifying import faults

__all__ = [
    "DeterminationFilter",
    "answer_of",
    "compare_counts",
    "counts_answer",
    "detail_of",
    "determinations_of",
    "faults_of",
    "find_count_for_step",
    "find_count_of",
    "find_visible_count",
    "named_count",
    "person_name",
    "refusals",
    "require_as_signed",
    "review_answers",
    "signed_file_of",
    "visible_counts",
    "visible_rows",
    "visible_sheet",
    "visible_summary",
]

_PUBLISHED: Final = frozenset({State.PUBLISHED, State.PAYABLE, State.PAID})
_COUNT_ID: Final = re.compile(r"([0-9]{4})-([1-9][0-9]{0,3})")
_NAMED: Final = 100
"""Of what makes a draft stale; whoever drafts it again finds the rest."""
_NAMES: Final = (
    "opened_by",
    "drafted_by",
    "submitted_by",
    "frozen_by",
    "published_by",
    "payable_by",
)


@contextmanager
def refusals() -> Iterator[None]:
    """Answer what the procedure refuses as a conflict, in its own words.

    Raises:
        Problem: it was refused.
    """
    try:
        yield
    except StaleDraftError as error:
        raise Problem(Kind.STALE_DRAFT, error.message, **error.values).about(
            [
                WrongField(each.code, UserError(each.message, **each.values))
                for each in error.found[:_NAMED]
            ]
        ) from None
    except UserError as error:
        raise Problem(Kind.CONFLICT, error.message, **error.values) from None


def person_name(caller: Caller) -> str:
    """The name by which the procedure knows a caller."""
    return checked_name(caller.actor.name)


def visible_counts(
    connection: psycopg.Connection, caller: Caller, year: int | None = None
) -> list[CountRecord]:
    """The counts that a caller may see, the latest year and revision first."""
    counts = list_counts(connection, year)
    if caller.may(Permission.READ_PROCEDURE):
        return counts
    return [each for each in counts if each.state in _PUBLISHED]


def find_visible_count(
    connection: psycopg.Connection, caller: Caller, year: int, revision: int | None = None
) -> CountRecord | None:
    """The revision that is named, else the one in the making, else the one that stands.

    Nothing where there is none, or none that the caller may see.
    """
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        return None
    counts = visible_counts(connection, caller, year)
    if revision is not None:
        return next((each for each in counts if each.revision == revision), None)
    for states in (RUNNING, STANDING):
        for each in counts:
            if each.state in states:
                return each
    return next((each for each in counts if each.state is not State.DISCARDED), None)


def find_count_of(
    connection: psycopg.Connection, caller: Caller, year: int, revision: int | None = None
) -> CountRecord:
    """The count that is meant by a year and perhaps a revision, which must be there.

    Raises:
        Problem: it is not.
    """
    found = find_visible_count(connection, caller, year, revision)
    if found is None:
        raise Problem(Kind.NOT_FOUND)
    return found


def find_count_for_step(
    connection: psycopg.Connection, caller: Caller, year: int, step: Step
) -> CountRecord | None:
    """The count of a year that a step is about: the one in the making, or the one that stands."""
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        return None
    states = RUNNING if RULES[step].start <= RUNNING else STANDING
    counts = visible_counts(connection, caller, year)
    return next((each for each in counts if each.state in states), None)


def named_count(connection: psycopg.Connection, caller: Caller, count_id: str) -> CountRecord:
    """The count with an id such as `2026-1`.

    Raises:
        Problem: there is none that the caller may see.
    """
    match = _COUNT_ID.fullmatch(count_id)
    if match is None:
        raise Problem(Kind.NOT_FOUND)
    return find_count_of(connection, caller, int(match[1]), int(match[2]))


def visible_sheet(
    connection: psycopg.Connection,
    caller: Caller,
    record: CountRecord,
    now: datetime,
    trusted: TrustedKeys,
) -> CountSheet:
    """All that a caller may see of a count."""
    summary = count_summary(connection, record)
    found = faults_of(connection, [record], trusted)
    due, payments = amounts_due(connection, record), list_payments(connection, record)
    recoveries = list_recoveries(connection, record)
    statements = list_statements(connection, record)
    if caller.may(Permission.READ_PROCEDURE):
        offers = offered_steps(connection, record, person_name(caller), now, trusted)
        return CountSheet(
            record=record,
            summary=summary,
            steps=list_steps(connection, record),
            objections=list_objections(connection, record),
            payments=payments,
            due=due if record.state in {State.PAYABLE, State.PAID} else [],
            recoveries=recoveries,
            offers=offers,
            faults=found,
            statements=statements,
            stale=_stale(connection, record, offers),
            waits_until=waits_until(connection, record),
        )
    own = caller.platform_code
    return CountSheet(
        record=record,
        summary=_own_part(connection, summary, own) if summary else None,
        steps=[],
        objections=[],
        payments=[each for each in payments if each.platform == own],
        due=[],
        recoveries=[each for each in recoveries if each.platform == own],
        offers=[],
        faults=found,
        statements=statements,
    )


def _stale(
    connection: psycopg.Connection, record: CountRecord, offers: Sequence[StepOffer]
) -> Sequence[Hindrance]:
    """Why a draft is stale; where it may be submitted, that was found already."""
    for each in offers:
        if each.step is Step.SUBMIT:
            return each.hindrances
    return stale_for(connection, record)


def visible_summary(
    connection: psycopg.Connection, caller: Caller, record: CountRecord
) -> CountSummary | None:
    """A count at a glance, as far as the caller may see it."""
    summary = count_summary(connection, record)
    if summary is None or caller.may(Permission.READ_PROCEDURE):
        return summary
    return _own_part(connection, summary, caller.platform_code)


def faults_of(
    connection: psycopg.Connection, records: Iterable[CountRecord], trusted: TrustedKeys
) -> list[Hindrance]:
    """What of these counts is not as it was signed; those that are not frozen are not signed."""
    return [
        each
        for record in records
        if record.digest is not None
        for each in faults(connection, record, trusted)
    ]


def _own_part(
    connection: psycopg.Connection, summary: CountSummary, own: str | None
) -> CountSummary:
    return replace(
        summary,
        figures=summary.figures.of_platform(own),
        paid_yuan=0,
        overlaps=(),
        notices=own_notices(connection, summary.record, summary.notices, own),
    )


@dataclass(frozen=True, slots=True)
class DeterminationFilter:
    """Which enterprises of a count are wanted, and how many."""

    platform: PlatformFilter = None
    outcome: Annotated[Outcome | None, Query(description=_("Only this outcome."))] = None
    text: TextFilter = None
    limit: Annotated[int, Query(description=_("How many at most."), ge=1, le=1_000)] = 100
    offset: Annotated[
        int, Query(description=_("How many to leave out before."), ge=0, le=10_000_000)
    ] = 0


def visible_rows(
    connection: psycopg.Connection,
    caller: Caller,
    record: CountRecord,
    wanted: DeterminationFilter,
) -> tuple[list[Determination], int]:
    """Some enterprises of a count and how many fit; an operator sees the own platform alone.

    Raises:
        Problem: an operator asks for another platform.
    """
    own = caller.platform_code
    if own is not None and (wanted.platform or own) != own:
        raise Problem(Kind.NOT_FOUND)
    return list_determinations(
        connection,
        record,
        platform=own or wanted.platform or None,
        outcome=wanted.outcome,
        text=wanted.text,
        limit=wanted.limit,
        offset=wanted.offset,
    )


def compare_counts(
    connection: psycopg.Connection, caller: Caller, before: str, after: str
) -> Comparison:
    """What changed from one count to another, of one year or of two.

    Raises:
        Problem: one of them is not there, or was not drafted yet.
    """
    records = [named_count(connection, caller, each) for each in (before, after)]
    with refusals():
        return compare_stored(connection, *records)


def require_as_signed(
    connection: psycopg.Connection, record: CountRecord, trusted: TrustedKeys
) -> None:
    """Refuse a count that is not frozen, or not what was signed.

    Raises:
        Problem: it is not frozen, was changed behind the system's back, or nobody vouches for it.
    """
    with refusals():
        require_frozen(record)
        require_no_hindrance(faults_of(connection, [record], trusted))


def signed_file_of(
    connection: psycopg.Connection, record: CountRecord, trusted: TrustedKeys
) -> bytes:
    """The signed file of a frozen count.

    Raises:
        Problem: it is not frozen, was changed behind the system's back, or nobody vouches for it.
    """
    require_as_signed(connection, record, trusted)
    with refusals():
        return export_count(connection, record)


def answer_of(caller: Caller, record: CountRecord) -> CountRecordAnswer:
    """A count for programs."""
    return CountRecordAnswer.model_validate(_record_values(caller, record))


def counts_answer(
    connection: psycopg.Connection, caller: Caller, *, with_discarded: bool
) -> CountList:
    """Every count that the caller may see."""
    counts = [
        each
        for each in visible_counts(connection, caller)
        if with_discarded or each.state is not State.DISCARDED
    ]
    return CountList(items=[answer_of(caller, each) for each in counts])


def detail_of(
    caller: Caller, sheet: CountSheet, trusted: TrustedKeys, translate: Translate
) -> CountDetail:
    """One count with all that belongs to it, for programs."""
    summary = sheet.summary
    is_bureau = caller.may(Permission.READ_PROCEDURE)
    may_advance = caller.may(Permission.ADVANCE_COUNTS) and caller.form_token is not None
    return CountDetail.model_validate(
        {
            **_record_values(caller, sheet.record),
            "simulation": summary.is_simulation if summary else None,
            "total_yuan": summary.total_yuan if summary else None,
            "budget_yuan": summary.budget_yuan if summary and is_bureau else None,
            "paid_yuan": sum(each.amount_yuan for each in sheet.payments),
            "platforms": [
                PlatformPart.model_validate(each, from_attributes=True)
                for each in summary.platforms
            ]
            if summary
            else [],
            "overlaps": list(summary.overlaps) if summary else [],
            "steps": [StepTaken(**asdict(each)) for each in sheet.steps],
            "offers": [
                StepOfferAnswer(
                    step=each.step,
                    is_open=each.is_open and may_advance,
                    is_for_another=each.is_for_another,
                    for_another_because=translate(each.barred_by.message).format(
                        **each.barred_by.values
                    )
                    if each.barred_by
                    else None,
                    hindrances=_hindrance_answers(each.hindrances, translate),
                )
                for each in sheet.offers
            ],
            "objections": [ObjectionAnswer(**asdict(each)) for each in sheet.objections],
            "due": [DueAnswer(**asdict(each)) for each in sheet.due],
            "payments": [
                PaymentAnswer.model_validate(
                    {
                        **asdict(each),
                        "recorded_by": each.recorded_by if is_bureau else None,
                        **_signature_of(each, sheet, trusted),
                    }
                )
                for each in sheet.payments
            ],
            "statements": [
                statement_object(each, trusted) for each in (sheet.statements if is_bureau else ())
            ],
            "recoveries": [RecoveryAnswer(**asdict(each)) for each in sheet.recoveries],
            "faults": _hindrance_answers(sheet.faults, translate),
            "stale": _hindrance_answers(sheet.stale[:_NAMED], translate),
            "stale_until": sheet.waits_until,
        }
    )


def _signature_of(payment: Payment, sheet: CountSheet, trusted: TrustedKeys) -> dict[str, object]:
    """Which signed statement speaks of a payment, and whose it is."""
    said = payments_said(sheet.statements).get((payment.platform, payment.clause))
    if said is None:
        return dict.fromkeys(("statement", "signed_by", "signing_key"))
    return {
        "statement": said.number,
        "signed_by": trusted.name_of(said.public_key),
        "signing_key": base64.b64encode(said.public_key).decode(),
    }


def _hindrance_answers(found: Iterable[Hindrance], translate: Translate) -> list[HindranceAnswer]:
    return [
        HindranceAnswer(code=each.code, message=translate(each.message).format(**each.values))
        for each in found
    ]


def determinations_of(rows: Sequence[Determination], total: int) -> DeterminationList:
    """Some determinations for programs."""
    items = [
        DeterminationAnswer.model_validate(
            {
                **determination_object(each),
                "platform": each.platform.code,
                "district": each.enterprise.district,
            }
        )
        for each in rows
    ]
    return DeterminationList(total=total, items=items)


def review_answers(
    connection: psycopg.Connection, record: CountRecord, today: date
) -> list[ReviewAnswer]:
    """What to look at before a count is frozen, for programs."""
    items: list[ReviewItem] = review_queue(connection, record, today)
    return [
        ReviewAnswer.model_validate({**asdict(each), "is_settled": each.is_settled})
        for each in items
    ]


def _record_values(caller: Caller, record: CountRecord) -> dict[str, object]:
    values = asdict(record) | {
        "count_id": record.count_id,
        "supersedes": record.supersedes,
        "policy": record.policy_name,
        "public_key": base64.b64encode(record.public_key).decode() if record.public_key else None,
    }
    return values if caller.may(Permission.READ_PROCEDURE) else values | dict.fromkeys(_NAMES)
