"""Cases in the database: opened by a run's signals or by somebody, and read with their steps."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, LiteralString

import psycopg
from psycopg.rows import dict_row

from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.trust.cases.opening import Known, Of, Opening, to_open
from verifier.trust.cases.states import CaseState, CaseStep, Taken
from verifier.trust.signal import Kind, Signal

__all__ = [
    "Case",
    "CaseCause",
    "SeenSignal",
    "TakenStep",
    "another_is_open",
    "find_case_record",
    "open_case",
    "open_case_unless_open",
    "open_cases_of_run",
    "read_signals",
    "read_steps",
    "taken",
]

CaseCause = Literal["signals", "challenge", "draw", "verifier", "confirmation"]

_SELECT_CASE: Final = """
    SELECT s.id, p.code AS platform, e.uscc, e.name AS enterprise, s.platform_id, s.enterprise_id,
           s.opened_at, s.opened_by, s.cause, s.run_id, s.state, s.due_on, s.concluded_at,
           s.proposed_by, s.is_hard
    FROM case_states s
    JOIN platforms p ON p.id = s.platform_id
    JOIN enterprises e ON e.id = s.enterprise_id
    WHERE s.id = %s
"""
_SELECT_STEPS: Final = """
    SELECT id, step, taken_by, taken_at, text, due_on, visited_on, documents, decision_id
    FROM case_steps WHERE case_id = %s ORDER BY id
"""
_INSERT_CASE: Final = """
    INSERT INTO cases (platform_id, enterprise_id, opened_by, cause, run_id)
    VALUES (%s, %s, %s, %s, %s) RETURNING id
"""
_SELECT_OPEN: Final = """
    SELECT id FROM case_states
    WHERE platform_id = %s AND enterprise_id = %s AND NOT is_concluded
"""
_SIGNAL_COLUMNS: Final[LiteralString] = """
    g.run_id, r.run_at, g.kind, p.code AS platform, e.uscc, g.score, g.threshold, g.from_on,
    g.to_on, g.serials, g.detail
    FROM signals g
    JOIN signal_runs r ON r.id = g.run_id
    JOIN platforms p ON p.id = g.platform_id
    JOIN enterprises e ON e.id = g.enterprise_id
"""
_SELECT_OF_RUN: Final[LiteralString] = f"""
    SELECT {_SIGNAL_COLUMNS} WHERE g.run_id = %s ORDER BY g.id
"""
# Of each enterprise that the run speaks of the case that is open, which may be an old one that was
# opened anew, or else the last one.
_SELECT_LAST_CASES: Final = """
    SELECT DISTINCT ON (s.platform_id, s.enterprise_id)
           p.code, e.uscc, s.platform_id, s.enterprise_id, NOT s.is_concluded, s.concluded_at
    FROM case_states s
    JOIN platforms p ON p.id = s.platform_id
    JOIN enterprises e ON e.id = s.enterprise_id
    WHERE EXISTS (SELECT FROM signals g WHERE g.run_id = %s AND g.platform_id = s.platform_id
                                          AND g.enterprise_id = s.enterprise_id)
    ORDER BY s.platform_id, s.enterprise_id, s.is_concluded, s.id DESC
"""
_SELECT_BEFORE: Final[LiteralString] = f"""
    SELECT {_SIGNAL_COLUMNS}
    WHERE g.platform_id = %s AND g.enterprise_id = %s AND r.run_at <= %s ORDER BY g.id
"""
# What opened the case, and what the newest run says of the same enterprise.
_SELECT_OF_CASE: Final[LiteralString] = f"""
    SELECT {_SIGNAL_COLUMNS}
    WHERE g.platform_id = %(platform_id)s AND g.enterprise_id = %(enterprise_id)s
      AND (g.run_id = %(run_id)s OR g.run_id = (SELECT max(id) FROM signal_runs))
    ORDER BY g.run_id DESC, g.strength, g.kind, g.id
"""  # noqa: S608 - put together from constants
_SELECT_IDS: Final = """
    SELECT p.id, e.id FROM platforms p, enterprises e WHERE p.code = %s AND e.uscc = %s
"""


@dataclass(frozen=True, slots=True)
class Case:
    """One enterprise on one platform under review."""

    id: int
    platform: str
    uscc: str
    enterprise: str
    platform_id: int
    enterprise_id: int
    opened_at: datetime
    opened_by: str
    cause: CaseCause
    run_id: int | None
    """Of signals; None: something else opened it."""
    state: CaseState
    due_on: date | None
    """The last day for an answer that is still missing."""
    concluded_at: datetime | None
    proposed_by: str | None
    """Whose proposal of a hold waits for another person."""
    is_hard: bool


@dataclass(frozen=True, slots=True)
class TakenStep:
    """What was done in a case."""

    id: int
    step: CaseStep
    taken_by: str
    taken_at: datetime
    text: str
    due_on: date | None
    visited_on: date | None
    documents: Sequence[Mapping[str, str]]
    """Each with `sha256` and `name`."""
    decision_id: int | None


@dataclass(frozen=True, slots=True)
class SeenSignal:
    """A signal, by which run, and what it says besides."""

    signal: Signal
    run_id: int
    run_at: datetime
    detail: Mapping[str, Any]


def open_cases_of_run(connection: psycopg.Connection, run_id: int, by: str) -> list[int]:
    """Open the cases that the signals of a run call for; the caller commits.

    Returns:
        Their ids, by platform and uscc; none where all that was found is known.
    """
    seen = [each.signal for each in _signals(connection, _SELECT_OF_RUN, (run_id,))]
    known = _last_cases(connection, run_id)
    return [
        open_case(connection, *_ids(connection, each), cause="signals", by=by, run_id=run_id)
        for each in to_open(seen, known)
    ]


def open_case(
    connection: psycopg.Connection,
    platform_id: int,
    enterprise_id: int,
    *,
    cause: CaseCause,
    by: str,
    run_id: int | None = None,
) -> int:
    """Open a case; the caller commits.

    Args:
        connection: where to write.
        platform_id: on which platform.
        enterprise_id: of which enterprise.
        cause: why.
        by: who, or which program.
        run_id: with `signals`, and only there: whose they are.

    Raises:
        UserError: there is one that is not concluded; it is named.
    """
    case = (platform_id, enterprise_id)
    try:
        with connection.transaction():
            row = connection.execute(_INSERT_CASE, (*case, by, cause, run_id)).fetchone()
    except psycopg.errors.UniqueViolation:
        raise another_is_open(connection, *case) from None
    if row is None:
        raise RuntimeError("INSERT ... RETURNING gave no row")
    case_id: int = row[0]
    return case_id


def open_case_unless_open(
    connection: psycopg.Connection,
    platform_id: int,
    enterprise_id: int,
    *,
    cause: CaseCause,
    by: str,
) -> int:
    """The case of an enterprise that is not concluded, opened where there is none."""
    found = connection.execute(_SELECT_OPEN, (platform_id, enterprise_id)).fetchone()
    if found is not None:
        case_id: int = found[0]
        return case_id
    return open_case(connection, platform_id, enterprise_id, cause=cause, by=by)


def another_is_open(
    connection: psycopg.Connection, platform_id: int, enterprise_id: int
) -> UserError:
    """Why no second case is opened: the one that is not concluded yet, by its number."""
    found = connection.execute(_SELECT_OPEN, (platform_id, enterprise_id)).fetchone()
    return UserError(
        _("Case {id} of this enterprise on this platform is open: go on with that one."),
        id=found[0] if found else "?",
    )


def find_case_record(connection: psycopg.Connection, case_id: int) -> Case:
    """One case.

    Raises:
        UserError: there is none.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_SELECT_CASE, (case_id,)).fetchone()
    if row is None:
        raise UserError(_("There is no case {id}."), id=case_id)
    return Case(**{**row, "state": CaseState(row["state"])})


def read_steps(connection: psycopg.Connection, case_id: int) -> list[TakenStep]:
    """The steps of a case, the first one first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT_STEPS, (case_id,)).fetchall()
    return [TakenStep(**{**row, "step": CaseStep(row["step"])}) for row in rows]


def taken(steps: Iterable[TakenStep]) -> list[Taken]:
    """Steps as the rules look at them."""
    return [Taken(each.step, each.taken_by) for each in steps]


def read_signals(connection: psycopg.Connection, case: Case) -> list[SeenSignal]:
    """What opened a case and what the newest run found, newest and hard first; each kind once."""
    values = {
        "platform_id": case.platform_id,
        "enterprise_id": case.enterprise_id,
        "run_id": case.run_id,
    }
    rows = _signals(connection, _SELECT_OF_CASE, values)
    newest = max((each.run_id for each in rows), default=None)
    kinds: Collection[Kind] = {each.signal.kind for each in rows if each.run_id == newest}
    return [each for each in rows if each.run_id == newest or each.signal.kind not in kinds]


def _last_cases(connection: psycopg.Connection, run_id: int) -> dict[Of, Known]:
    known: dict[Of, Known] = {}
    rows = connection.execute(_SELECT_LAST_CASES, (run_id,)).fetchall()
    for code, uscc, platform_id, enterprise_id, is_open, concluded_at in rows:
        values = (platform_id, enterprise_id, concluded_at)
        before = [] if is_open else _signals(connection, _SELECT_BEFORE, values)
        known[Of(code, uscc)] = Known(is_open, [each.signal for each in before])
    return known


def _signals(
    connection: psycopg.Connection,
    select: LiteralString,
    values: Sequence[object] | Mapping[str, object],
) -> list[SeenSignal]:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(select, values).fetchall()
    return [
        SeenSignal(
            Signal(
                kind=Kind(row["kind"]),
                platform=row["platform"],
                uscc=row["uscc"],
                score=row["score"],
                threshold=row["threshold"],
                from_on=row["from_on"],
                to_on=row["to_on"],
                devices=tuple(row["serials"]),
                detail=row["detail"],  # a likeness is hard or soft by what it says there
            ),
            row["run_id"],
            row["run_at"],
            row["detail"],
        )
        for row in rows
    ]


def _ids(connection: psycopg.Connection, opening: Opening) -> tuple[int, int]:
    row = connection.execute(_SELECT_IDS, tuple(opening.of)).fetchone()
    if row is None:
        raise RuntimeError(f"a signal speaks of {opening.of}, which is not registered")
    return row[0], row[1]
