"""Steps of a case, as they are taken: checked, written with their decision, never changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

import psycopg
from psycopg.types.json import Jsonb

from jieru.calendar import civil_date
from jieru.database import read_installation
from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.counting.decisions import list_decisions, record_decision
from verifier.policy import Policy
from verifier.procedure.holidays import Holidays
from verifier.procedure.names import checked_name, required_text
from verifier.trust.cases.due_dates import due_date
from verifier.trust.cases.records import (
    Case,
    another_is_open,
    find_case_record,
    read_signals,
    read_steps,
    taken,
)
from verifier.trust.cases.states import CaseStep, HoldBySignals, refusal_of
from verifier.trust.proposing import proposes_hold
from verifier.trust.signal import Signal

__all__ = ["NewStep", "Upholding", "hold_by_signals", "take_step"]

Upholding = Literal["exclude", "hold"]
"""What an upheld case leads to."""

_ASKING: Final = frozenset({CaseStep.ASKED_OPERATOR, CaseStep.ASKED_ENTERPRISE})
_WORKING_DAYS: Final = 10
"""Under a policy of before there were signals."""
_INSERT: Final = """
    INSERT INTO case_steps
        (case_id, step, taken_by, text, due_on, visited_on, documents, decision_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
_SELECT_TODAY: Final = "SELECT now()"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStep:
    """What somebody does in a case."""

    step: CaseStep
    by: str
    text: str
    """What is asked, answered, seen, or why."""
    working_days: int | None = None
    """Of a question: how long there is for the answer; None: as the policy has it."""
    visited_on: date | None = None
    """Of a visit, and only there."""
    leads_to: Upholding | None = None
    """Of an upheld case, and only there."""
    documents: Sequence[dict[str, str]] = field(default_factory=list)
    """Each with `sha256` and `name`, kept before."""


def take_step(
    connection: psycopg.Connection,
    case_id: int,
    new: NewStep,
    *,
    policy: Policy,
    holidays: Holidays,
) -> int:
    """Take a step of a case by the database's clock; the caller commits.

    A hold that is decided, and a case that is upheld, lead to the decision that `jieru decide`
    would record; where the same one stands already, to that.

    Returns:
        The step's id.

    Raises:
        UserError: there is no such case, it is not the time or the person for that step, or
            something is missing.
    """
    text, by = required_text(new.text), checked_name(new.by)
    case = find_case_record(connection, case_id)
    seen = [each.signal for each in read_signals(connection, case)]
    refusal = refusal_of(
        new.step,
        by,
        taken(read_steps(connection, case_id)),
        by_signals=hold_by_signals(case, seen, policy),
        one_name_suffices=read_installation(connection).is_simulation,
    )
    if refusal is not None:
        raise refusal
    today = _today(connection)
    due_on = None
    if new.step in _ASKING:
        due_on = due_date(today, new.working_days or _working_days(policy), holidays)
    visited_on = _visited_on(new, today)
    decision_id = _decided(connection, case, new, text, by, policy)
    values = (case_id, new.step.value, by, text, due_on, visited_on)
    written = (*values, Jsonb(list(new.documents)), decision_id)
    try:
        with connection.transaction():
            row = connection.execute(_INSERT, written).fetchone()
    except psycopg.errors.UniqueViolation:
        raise another_is_open(connection, case.platform_id, case.enterprise_id) from None
    if row is None:
        raise RuntimeError("INSERT ... RETURNING gave no row")
    step_id: int = row[0]
    return step_id


def hold_by_signals(case: Case, seen: Iterable[Signal], policy: Policy) -> HoldBySignals:
    """Whether a hold may rest on what opened the case, before anybody went there.

    Args:
        case: whatever opened it.
        seen: its signals, of the run that opened it and of the newest.
        policy: says whether signals are on trial.
    """
    if case.cause != "signals":
        return HoldBySignals.MAY
    if policy.signals is None or policy.signals.holds.value != "propose":
        return HoldBySignals.ON_TRIAL
    return HoldBySignals.MAY if proposes_hold(seen) else HoldBySignals.DO_NOT_SUFFICE


def _working_days(policy: Policy) -> int:
    return policy.signals.answer_working_days.value if policy.signals else _WORKING_DAYS


def _today(connection: psycopg.Connection) -> date:
    row = connection.execute(_SELECT_TODAY).fetchone()
    if row is None:
        raise RuntimeError("SELECT now() gave no row")
    return civil_date(row[0])


def _visited_on(new: NewStep, today: date) -> date | None:
    if new.step is not CaseStep.VISITED:
        return None
    if new.visited_on is None:
        raise UserError(_("Say on which day the enterprise was visited."))
    if new.visited_on > today:
        raise UserError(_("A visit is recorded once it was made, not for a day to come."))
    return new.visited_on


def _decided(
    connection: psycopg.Connection,
    case: Case,
    new: NewStep,
    text: str,
    by: str,
    policy: Policy,
) -> int | None:
    """The id of the decision to which a step leads; None: it leads to none.

    Raises:
        UserError: a case is upheld, and nobody says what follows.
    """
    if new.step is CaseStep.HOLD_DECIDED:
        kind: Upholding = "hold"
    elif new.step is CaseStep.UPHELD:
        if new.leads_to is None:
            raise UserError(
                _("Say what follows: the enterprise is excluded, or held until it is settled.")
            )
        kind = new.leads_to
    else:
        return None
    for each in list_decisions(connection, case.platform, case.uscc):
        if each.decision.kind == kind and each.decision.is_open:
            return each.decision.id
    return record_decision(
        connection,
        kind,
        case.platform,
        case.uscc,
        reason=text,
        decided_by=by,
        policy=policy,
        attachment=f"case {case.id}",
    )
