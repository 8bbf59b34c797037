"""What an operator is asked about its enterprises: the words of questions and answers, no more.

Neither the numbers of cases nor their signals reach an operator; a case is found by its enterprise.
"""

from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from api.access.caller import Caller
from api.cases.answers import (
    AnsweredQuestion,
    AskedQuestion,
    QuestionPage,
    QuestionRecord,
)
from api.web.documents import KeptFile
from api.web.paging import PageRequest, cut_page, read_cursor
from api.web.problems import Kind, Problem
from api.web.records import is_uscc
from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.procedure.names import checked_name
from verifier.trust.cases.states import CaseStep

__all__ = ["documents_of", "list_questions", "open_case_asked", "read_question"]

# Of each enterprise the last case in which its operator was asked: whether it waits for the answer.
_SELECT: Final = """
    WITH asked AS (
        SELECT DISTINCT ON (s.enterprise_id)
               s.id, s.enterprise_id, s.is_concluded,
               (SELECT min(q.due_on) FROM case_steps q
                WHERE NOT s.is_concluded AND q.case_id = s.id AND q.step = 'asked_operator'
                  AND NOT EXISTS (SELECT FROM case_steps a WHERE a.case_id = s.id
                                   AND a.step = 'operator_answered' AND a.id > q.id)) AS due_on
        FROM case_states s
        WHERE s.platform_id = %(own)s
          AND EXISTS (SELECT FROM case_steps q WHERE q.case_id = s.id
                                                 AND q.step = 'asked_operator')
        ORDER BY s.enterprise_id, s.id DESC
    ), ordered AS (
        SELECT asked.id, e.uscc, e.name AS enterprise_name, is_concluded, due_on,
               coalesce(due_on, date '9999-12-31') - date '2000-01-01' AS due_key,
               CASE WHEN due_on IS NOT NULL THEN 'waiting'
                    WHEN is_concluded THEN 'closed' ELSE 'answered' END AS state
        FROM asked JOIN enterprises e ON e.id = asked.enterprise_id
    )
    SELECT * FROM ordered
    WHERE (%(uscc)s::text IS NULL OR uscc = %(uscc)s)
      AND (%(after_key)s::integer IS NULL OR (due_key, uscc) > (%(after_key)s, %(after_uscc)s))
    ORDER BY due_key, uscc LIMIT %(limit)s
"""
_SELECT_STEPS: Final = """
    SELECT t.step, t.taken_by, t.taken_at, t.due_on, t.text, t.documents
    FROM case_steps t JOIN cases c ON c.id = t.case_id
    JOIN enterprises e ON e.id = c.enterprise_id
    WHERE c.platform_id = %s AND e.uscc = %s AND t.step IN ('asked_operator', 'operator_answered')
    ORDER BY t.id
"""


def list_questions(
    connection: psycopg.Connection, caller: Caller, page: PageRequest
) -> QuestionPage:
    """The enterprises of the caller's platform about which it was asked, those that wait first.

    Raises:
        Problem: the cursor is none of this list.
    """
    after = read_cursor(page.cursor, int, str)
    rows = _rows(connection, caller, limit=page.limit + 1, after=after)
    keys, next_cursor = cut_page([(row["due_key"], row["uscc"]) for row in rows], page.limit)
    shown = rows[: len(keys)]
    return QuestionPage(
        items=[_record(connection, caller, row) for row in shown], next_cursor=next_cursor
    )


def read_question(connection: psycopg.Connection, caller: Caller, uscc: str) -> QuestionRecord:
    """What the caller's platform was asked about an enterprise.

    Raises:
        Problem: nothing was.
    """
    return _record(connection, caller, _row(connection, caller, uscc))


def open_case_asked(connection: psycopg.Connection, caller: Caller, uscc: str) -> int:
    """The number of the case in which an answer about an enterprise stands.

    Raises:
        Problem: nothing was asked, or nothing more is needed.
    """
    row = _row(connection, caller, uscc)
    if row["is_concluded"]:
        reason = UserError(_("The bureau has concluded this: it takes no further answer."))
        raise Problem(Kind.CONFLICT, reason.message)
    case_id: int = row["id"]
    return case_id


def documents_of(
    connection: psycopg.Connection, caller: Caller, uscc: str
) -> list[tuple[str, dict[str, str]]]:
    """The files of questions and answers, each after the name of who handed it in."""
    _row(connection, caller, uscc)
    return [
        (step["taken_by"], document)
        for step in _steps(connection, caller, uscc)
        for document in step["documents"]
    ]


def _row(connection: psycopg.Connection, caller: Caller, uscc: str) -> dict[str, Any]:
    rows = _rows(connection, caller, uscc=uscc) if is_uscc(uscc) else []
    if not rows:
        raise Problem(Kind.NOT_FOUND, _("Your platform was asked nothing about {uscc}."), uscc=uscc)
    return rows[0]


def _rows(
    connection: psycopg.Connection,
    caller: Caller,
    *,
    uscc: str | None = None,
    limit: int = 1,
    after: tuple[Any, ...] | None = None,
) -> list[dict[str, Any]]:
    if caller.platform_id is None:
        raise Problem(Kind.FORBIDDEN)
    after_key, after_uscc = after or (None, None)
    values = {
        "own": caller.platform_id,
        "uscc": uscc,
        "limit": limit,
        "after_key": after_key,
        "after_uscc": after_uscc,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_SELECT, values).fetchall()


def _steps(connection: psycopg.Connection, caller: Caller, uscc: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_SELECT_STEPS, (caller.platform_id, uscc)).fetchall()


def _record(connection: psycopg.Connection, caller: Caller, row: dict[str, Any]) -> QuestionRecord:
    steps = _steps(connection, caller, row["uscc"])
    return QuestionRecord(
        uscc=row["uscc"],
        enterprise_name=row["enterprise_name"],
        state=row["state"],
        due_on=row["due_on"],
        questions=[
            AskedQuestion(
                asked_at=each["taken_at"],
                due_on=each["due_on"],
                text=each["text"],
                documents=[KeptFile(**document) for document in each["documents"]],
            )
            for each in steps
            if each["step"] == CaseStep.ASKED_OPERATOR
        ],
        answers=[
            AnsweredQuestion(
                answered_at=each["taken_at"],
                answered_by=checked_name(each["taken_by"]),
                text=each["text"],
                documents=[KeptFile(**document) for document in each["documents"]],
            )
            for each in steps
            if each["step"] == CaseStep.OPERATOR_ANSWERED
        ],
    )
