"""The page of a year's count as it is kept: state and steps, figures, enterprises, reports."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import psycopg
from fastapi.responses import HTMLResponse

from api.access.roles import Permission
from api.console.visit import Visit
from api.counts.cases import policy_of
from api.counts.kept_queries import (
    DeterminationFilter,
    visible_counts,
    visible_rows,
    visible_sheet,
)
from api.counts.kept_view import (
    SHEET_WORDS,
    RowInWords,
    chart_of,
    offers_in_words,
    outcome_matrix,
    rows_in_words,
    spoken_notices,
    state_words,
    steps_in_words,
    year_rows,
)
from api.counts.view import ROWS_PER_PAGE, Filter, page_links, parameter_rows
from verifier.counting.count import EARLIEST_YEAR
from verifier.counting.determination import Outcome
from verifier.procedure.overview import CountSummary, count_summary
from verifier.procedure.records import CountRecord
from verifier.procedure.states import State
from verifier.procedure.words import OBJECTION_WORDS, RECOVERY_WORDS
from verifier.reports import SHEETS

__all__ = ["show_kept_count", "show_years", "year_address"]

_NUL: Final = "\0"
"""PostgreSQL's text knows no such character."""
_MAY_BE_PAID: Final = frozenset({State.PAYABLE})


@dataclass(frozen=True, slots=True)
class _Rows:
    """One page of the enterprises of a count."""

    rows: list[RowInWords]
    number: int
    matching: int
    links: list[object]


def year_address(year: int, revision: int | None = None) -> str:
    """The address of a year's page."""
    return f"/counts/{year}" + (f"?revision={revision}" if revision else "")


def show_years(visit: Visit, *, default_year: int) -> HTMLResponse:
    """Every count with its state and totals, and how they compare year over year."""
    with visit.database.reading() as connection:
        counts = visible_counts(connection, visit.caller)
        summaries = {each.id: _own_summary(connection, visit, each) for each in counts}
    return visit.render(
        "counts/years.html",
        {
            "rows": year_rows(counts, summaries, visit.translate),
            "years": range(max(visit.today.year, default_year), EARLIEST_YEAR - 1, -1),
            "default_year": default_year,
            "may_compare": visit.may(Permission.READ_PROCEDURE) and len(counts) > 1,
        },
    )


def show_kept_count(
    visit: Visit, connection: psycopg.Connection, record: CountRecord, wanted: Filter, page: int
) -> HTMLResponse:
    """The page of one count; for htmx, only the enterprises that fit the filter."""
    sheet = visible_sheet(connection, visit.caller, record, visit.now)
    summary = sheet.summary
    values: dict[str, object] = {
        "notices": [],
        "record": record,
        "summary": summary,
        "filter": wanted,
    }
    values |= _rows(visit, connection, record, summary, wanted, page)
    if visit.wants_part("determinations"):
        response = visit.render("counts/rows.html", values)
        response.headers["HX-Push-Url"] = _address(record, wanted, page)
        return response
    translate = visit.translate
    others = visible_counts(connection, visit.caller, record.year)
    values |= {
        "state": state_words(record.state, translate),
        "revisions": others,
        "steps": steps_in_words(sheet.steps, translate),
        "offers": offers_in_words(sheet.offers, translate)
        if visit.may(Permission.ADVANCE_COUNTS)
        else [],
        "may_advance": visit.may(Permission.ADVANCE_COUNTS),
        "is_bureau": visit.may(Permission.READ_PROCEDURE),
        "objections": sheet.objections,
        "objection_words": {key: translate(word) for key, word in OBJECTION_WORDS.items()},
        "may_resolve": visit.may(Permission.ADVANCE_COUNTS) and record.state is State.PUBLISHED,
        "payments": sheet.payments,
        "due": sheet.due if record.state in _MAY_BE_PAID else [],
        "recoveries": sheet.recoveries,
        "recovery_words": {key: translate(word) for key, word in RECOVERY_WORDS.items()},
        "sheets": SHEETS,
        "sheet_words": {name: translate(word) for name, word in SHEET_WORDS.items()},
        "years": _year_over_year(visit, connection),
        "names": {each.platform: each.name for each in summary.platforms} if summary else {},
    }
    if summary:
        values |= {
            "notices": spoken_notices(summary, translate),
            "chart": chart_of(summary, visit.language, translate),
            "matrix": outcome_matrix(summary, translate),
            "counted": summary.outcomes[Outcome.COUNTED],
            "examined": summary.outcomes.total(),
            "parameters": parameter_rows(policy_of(connection, record), visit.language, translate),
        }
    return visit.render("counts/kept-year.html", values)


def _year_over_year(visit: Visit, connection: psycopg.Connection) -> list[object]:
    """The counts that stand, of each year one."""
    standing = [
        each
        for each in visible_counts(connection, visit.caller)
        if each.frozen_at is not None and each.state is not State.SUPERSEDED
    ]
    summaries = {each.id: _own_summary(connection, visit, each) for each in standing}
    return list(year_rows(standing, summaries, visit.translate))


def _own_summary(
    connection: psycopg.Connection, visit: Visit, record: CountRecord
) -> CountSummary | None:
    if visit.may(Permission.READ_PROCEDURE):
        return count_summary(connection, record)
    return visible_sheet(connection, visit.caller, record, visit.now).summary


def _rows(
    visit: Visit,
    connection: psycopg.Connection,
    record: CountRecord,
    summary: CountSummary | None,
    wanted: Filter,
    page: int,
) -> dict[str, object]:
    def fitting(number: int) -> tuple[list[RowInWords], int]:
        rows, matching = visible_rows(
            connection,
            visit.caller,
            record,
            DeterminationFilter(
                platform=wanted.platform.replace(_NUL, "") or None,
                outcome=Outcome(wanted.outcome) if wanted.outcome in set(Outcome) else None,
                text=wanted.text.strip().replace(_NUL, "") or None,
                limit=ROWS_PER_PAGE,
                offset=(number - 1) * ROWS_PER_PAGE,
            ),
        )
        return rows_in_words(rows, summary, visit.translate), matching

    rows, matching = fitting(page)
    if not rows and page > 1:
        page = 1
        rows, matching = fitting(page)
    last = max(1, -(-matching // ROWS_PER_PAGE))
    return {
        "page": _Rows(rows, page, matching, list(page_links(page, last))),
        "page_address": lambda number: _address(record, wanted, number),
    }


def _address(record: CountRecord, wanted: Filter, page: int) -> str:
    query = {"revision": str(record.revision), **wanted._asdict()}
    if page > 1:
        query["page"] = str(page)
    kept = {name: value for name, value in query.items() if value}
    return f"/counts/{record.year}?{urlencode(kept)}"
