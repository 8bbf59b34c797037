"""Cases as those who work on them see them."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

import psycopg
from fastapi import Query
from psycopg.rows import dict_row
from psycopg.sql import SQL

from api.cases.answers import (
    CaseDetail,
    CasePage,
    CaseSignal,
    CaseSummary,
    StepRecord,
)
from api.web.documents import KeptFile
from api.web.filters import EnterpriseFilter, PlatformFilter
from api.web.listing import Search, Where, find_page
from api.web.paging import PageRequest
from api.web.problems import Kind, Problem
from api.web.records import is_record_id
from jieru.i18n import marked as _
from verifier.trust.cases.records import (
    Case,
    SeenSignal,
    TakenStep,
    find_case_record,
    read_signals,
    read_steps,
)
from verifier.trust.cases.states import CaseState
from verifier.trust.signal import Strength

__all__ = [
    "CaseFilter",
    "StateFilter",
    "WholeCase",
    "case_detail",
    "list_cases",
    "read_case",
]

_SELECT: Final = SQL("""
    SELECT case_states.id, platforms.code AS platform, uscc, enterprises.name AS enterprise_name,
           cause, CASE WHEN is_hard THEN 'hard' ELSE 'soft' END AS strength,
           ARRAY(SELECT DISTINCT kind FROM signals
                 WHERE signals.run_id = case_states.run_id
                   AND signals.platform_id = case_states.platform_id
                   AND signals.enterprise_id = case_states.enterprise_id ORDER BY kind) AS kinds,
           state, opened_at, due_on, concluded_at
    FROM case_states
    JOIN platforms ON platforms.id = case_states.platform_id
    JOIN enterprises ON enterprises.id = case_states.enterprise_id
    WHERE case_states.id = ANY (%(ids)s)
    ORDER BY due_key, softness, case_states.id
""")
_FILTERS: Final = {
    "platform": Where(
        SQL("case_states.platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)")
    ),
    "enterprise": Where(
        SQL("case_states.enterprise_id = (SELECT id FROM enterprises WHERE uscc = %(enterprise)s)")
    ),
}
_UNCONCLUDED: Final = Where(SQL("NOT case_states.is_concluded"))
_IN_STATE: Final = Where(SQL("case_states.state = %(state)s"))

StateName = Literal["open", "asked", "answered", "visited", "cleared", "upheld", "all"]
StateFilter = Annotated[
    StateName | None, Query(description=_("Where it stands; by default all that need an outcome."))
]


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases a list holds."""

    platform: PlatformFilter = None
    enterprise: EnterpriseFilter = None
    """By uscc."""
    state: StateFilter = None


@dataclass(frozen=True, slots=True)
class WholeCase:
    """A case with all that belongs to it."""

    case: Case
    signals: list[SeenSignal]
    steps: list[TakenStep]


def list_cases(connection: psycopg.Connection, wanted: CaseFilter, page: PageRequest) -> CasePage:
    """One page of cases, by due date and strength.

    Raises:
        Problem: the cursor is none of this list.
    """
    values = {name: getattr(wanted, name) for name in (*_FILTERS, "state")}
    conditions = [where for name, where in _FILTERS.items() if values[name] is not None]
    if wanted.state is None:
        conditions.append(_UNCONCLUDED)
    elif wanted.state != "all":
        conditions.append(_IN_STATE)
    key = {"due_key": int, "softness": int, "id": int}
    found = find_page(connection, Search("case_states", key, conditions, values), page)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT, {"ids": found.ids})
        items = [CaseSummary.model_validate(row) for row in rows]
    return CasePage(items=items, next_cursor=found.next_cursor)


def read_case(connection: psycopg.Connection, case_id: int) -> WholeCase:
    """One case with its signals and steps.

    Raises:
        Problem: there is no such case.
    """
    if not is_record_id(case_id) or not _exists(connection, case_id):
        raise Problem(Kind.NOT_FOUND, _("There is no case {id}."), id=case_id)
    case = find_case_record(connection, case_id)
    return WholeCase(case, read_signals(connection, case), read_steps(connection, case_id))


def case_detail(whole: WholeCase) -> CaseDetail:
    """A case as programs read it."""
    case = whole.case
    opened_by_signals = [each for each in whole.signals if each.run_id == case.run_id]
    return CaseDetail(
        id=case.id,
        platform=case.platform,
        uscc=case.uscc,
        enterprise_name=case.enterprise,
        cause=case.cause,
        strength=Strength.HARD if case.is_hard else Strength.SOFT,
        kinds=sorted({each.signal.kind.value for each in opened_by_signals or whole.signals}),
        state=CaseState(case.state),
        opened_at=case.opened_at,
        due_on=case.due_on,
        concluded_at=case.concluded_at,
        opened_by=case.opened_by,
        hold_proposed_by=case.proposed_by,
        signals=[
            CaseSignal(
                kind=each.signal.kind,
                strength=each.signal.strength,
                score=each.signal.score,
                threshold=each.signal.threshold,
                from_on=each.signal.from_on,
                to_on=each.signal.to_on,
                devices=list(each.signal.devices),
                run_id=each.run_id,
                detail=dict(each.detail),
            )
            for each in whole.signals
        ],
        steps=[
            StepRecord(
                id=each.id,
                step=each.step,
                taken_by=each.taken_by,
                taken_at=each.taken_at,
                text=each.text,
                due_on=each.due_on,
                visited_on=each.visited_on,
                documents=[KeptFile(**document) for document in each.documents],
                decision_id=each.decision_id,
            )
            for each in whole.steps
        ],
    )


def _exists(connection: psycopg.Connection, case_id: int) -> bool:
    return connection.execute("SELECT FROM cases WHERE id = %s", (case_id,)).rowcount == 1
