"""Visits as the database keeps them: who went where, and what they found."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final

import psycopg
from psycopg.rows import class_row

from jieru.calendar import civil_date
from jieru.errors import UserError
from verifier.trust.cases.records import open_case_unless_open
from verifier.trust.draws.records import Draw, DrawnEnterprise
from verifier.trust.draws.results import OPENS_CASE, Found

__all__ = ["Visit", "VisitReport", "list_visits", "record_visit", "visits_of_draw"]

_LONGEST_NAME: Final = 100
_LONGEST_NOTES: Final = 4_000
_SELECT: Final = """
    SELECT v.id, v.year, v.draw_id, p.code AS platform, p.name AS platform_name, e.uscc,
           e.name AS enterprise, v.visited_on, v.first_visitor, v.second_visitor, v.found, v.notes,
           v.documents, v.case_id, v.recorded_by, v.recorded_at
    FROM visits v
    JOIN platforms p ON p.id = v.platform_id
    JOIN enterprises e ON e.id = v.enterprise_id
    WHERE (%(year)s::integer IS NULL OR v.year = %(year)s)
      AND (%(id)s::integer IS NULL OR v.id = %(id)s)
    ORDER BY v.id
"""
# The last draw of the year that drew the enterprise until that day, if one did. A visit counts for
# every such draw (`drawn_enterprises`); whoever was visited before was not visited for a draw.
_SELECT_VISITED: Final = """
    SELECT p.id, e.id, (SELECT max(t.draw_id) FROM draw_entries t JOIN draws d ON d.id = t.draw_id
                        WHERE d.year = %(year)s AND t.platform_id = p.id AND t.enterprise_id = e.id
                          AND (d.drawn_at AT TIME ZONE 'Asia/Shanghai')::date <= %(on)s)
    FROM platforms p, enterprises e
    WHERE p.code = %(platform)s AND e.uscc = %(uscc)s
      AND EXISTS (SELECT FROM connections c WHERE c.platform_id = p.id AND c.enterprise_id = e.id)
"""
_SELECT_CASE: Final = """
    SELECT FROM cases WHERE id = %s AND platform_id = %s AND enterprise_id = %s
"""
_INSERT: Final = """
    INSERT INTO visits (year, draw_id, platform_id, enterprise_id, visited_on, first_visitor,
                        second_visitor, found, notes, documents, case_id, recorded_by, recorded_at)
    VALUES (%(year)s, %(draw_id)s, %(platform_id)s, %(enterprise_id)s, %(visited_on)s,
            %(first_visitor)s, %(second_visitor)s, %(found)s, %(notes)s, %(documents)s,
            %(case_id)s, %(by)s, %(at)s)
    RETURNING id
"""


@dataclass(frozen=True, slots=True)
class VisitReport:
    """What two people say of a visit."""

    year: int
    """Of the count that it is made for."""
    platform: str
    uscc: str
    visited_on: date
    first_visitor: str
    second_visitor: str
    found: Found
    notes: str
    documents: tuple[str, ...] = ()
    """SHA-256 of photographs and papers, in hexadecimal."""
    case_id: int | None = None
    """The case that it belongs to; None: a new one, where what was found opens one."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit on record."""

    id: int
    year: int
    draw_id: int | None
    platform: str
    platform_name: str
    uscc: str
    enterprise: str
    visited_on: date
    first_visitor: str
    second_visitor: str
    found: str
    notes: str
    documents: list[str]
    case_id: int | None
    recorded_by: str
    recorded_at: datetime

    def to_json_object(self) -> dict[str, object]:
        """For a program: dates and instants as ISO 8601."""
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in asdict(self).items()
        }


def list_visits(connection: psycopg.Connection, year: int | None = None) -> list[Visit]:
    """All visits, or those of one year, in the order in which they were recorded."""
    return _select(connection, year=year)


def visits_of_draw(
    draw: Draw, drawn: Iterable[DrawnEnterprise], visits: Iterable[Visit]
) -> list[Visit]:
    """Of the visits of a year those that count for a draw: to whom it drew, since it did."""
    if draw.drawn_at is None:
        return []
    drawn_on = civil_date(draw.drawn_at)
    sampled = {(each.platform, each.uscc) for each in drawn}
    return [
        each
        for each in visits
        if (each.platform, each.uscc) in sampled and each.visited_on >= drawn_on
    ]


def record_visit(
    connection: psycopg.Connection, report: VisitReport, *, by: str, at: datetime
) -> Visit:
    """Put a visit on record, for good; what was found amiss opens a case.

    Args:
        connection: in a transaction of the caller's changes.
        report: what the visitors say.
        by: who records it.
        at: when.

    Raises:
        UserError: there was no such connection, the day has not come, fewer than two people went,
            nothing is said of it, a digest is none, or the case is of somebody else.
    """
    values = {
        "year": report.year,
        "platform": report.platform,
        "uscc": report.uscc,
        "on": report.visited_on,
    }
    found = connection.execute(_SELECT_VISITED, values).fetchone()
    if found is None:
        raise UserError(
            "The enterprise {uscc} was never connected to the platform {platform}.",
            uscc=report.uscc,
            platform=report.platform,
        )
    if report.visited_on > civil_date(at):
        raise UserError(
            "A visit is recorded after it was made, and {day} is to come.", day=report.visited_on
        )
    platform_id, enterprise_id, draw_id = found
    case_id = _case_of(connection, report, platform_id, enterprise_id, by=by)
    row = connection.execute(
        _INSERT,
        {
            **asdict(report),
            "first_visitor": _name(report.first_visitor),
            "second_visitor": _second_name(report),
            "notes": _notes(report.notes),
            "documents": _documents(report.documents),
            "draw_id": draw_id,
            "platform_id": platform_id,
            "enterprise_id": enterprise_id,
            "case_id": case_id,
            "by": by,
            "at": at,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING gives one
    (recorded,) = _select(connection, visit_id=row[0])
    return recorded


def _case_of(
    connection: psycopg.Connection,
    report: VisitReport,
    platform_id: int,
    enterprise_id: int,
    *,
    by: str,
) -> int | None:
    """The case that a visit belongs to, opened where there is none and something was amiss."""
    if report.case_id is not None:
        known = connection.execute(_SELECT_CASE, (report.case_id, platform_id, enterprise_id))
        if known.fetchone() is None:
            raise UserError(
                "Case {id} is not of {uscc} on {platform}.",
                id=report.case_id,
                uscc=report.uscc,
                platform=report.platform,
            )
        return report.case_id
    if report.found not in OPENS_CASE:
        return None
    return open_case_unless_open(connection, platform_id, enterprise_id, cause="draw", by=by)


def _name(text: str) -> str:
    text = text.strip()
    if not text or len(text) > _LONGEST_NAME or "\0" in text:
        raise UserError("Two people visit together: both names are needed.")
    return text


def _second_name(report: VisitReport) -> str:
    second = _name(report.second_visitor)
    if second.casefold() == _name(report.first_visitor).casefold():
        raise UserError("Two people visit together: the second is another one than the first.")
    return second


def _notes(text: str) -> str:
    text = text.strip()
    if not text or len(text) > _LONGEST_NOTES or "\0" in text:
        raise UserError(
            "Say what was seen, in 1 to {longest} characters.", longest=f"{_LONGEST_NOTES:,}"
        )
    return text


def _documents(digests: tuple[str, ...]) -> list[str]:
    for each in digests:
        if len(each) != len("0" * 64) or not set(each) <= set("0123456789abcdef"):
            raise UserError(
                "A document is named by its SHA-256: 64 hexadecimal digits in lower case, as "
                "sha256sum prints them."
            )
    return list(dict.fromkeys(digests))


def _select(
    connection: psycopg.Connection, *, year: int | None = None, visit_id: int | None = None
) -> list[Visit]:
    with connection.cursor(row_factory=class_row(Visit)) as cursor:
        return cursor.execute(_SELECT, {"year": year, "id": visit_id}).fetchall()
