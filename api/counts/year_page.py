"""The pages of years: the list of all counts, and one year's count, of now or stored.

A count of now and a stored one are shown alike: figures, determinations, rules. The stored one has
its state, steps, reports and payments beside them.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

import psycopg
from fastapi.responses import HTMLResponse

from api.access.roles import Permission
from api.console.visit import Visit
from api.counts.cases import policy_of
from api.counts.kept_steps import find_news
from api.counts.late_view import late_rows, stored_late_rows
from api.counts.procedure_view import (
    SHEET_WORDS,
    hindrances_in_words,
    offers_in_words,
    stale_in_words,
    state_words,
    steps_in_words,
    year_rows,
)
from api.counts.source import CountSource, DatedCount
from api.counts.view import (
    ROWS_PER_PAGE,
    CountAddress,
    Filter,
    Page,
    chart_data,
    determinations_page,
    outcome_matrix,
    overlap_rows,
    page_of_rows,
    parameter_rows,
    stored_overlap_rows,
)
from api.counts.visible_counts import (
    DeterminationFilter,
    faults_of,
    visible_counts,
    visible_rows,
    visible_sheet,
    visible_summary,
)
from jieru.calendar import SHANGHAI
from verifier.counting.count import EARLIEST_YEAR
from verifier.counting.determination import Outcome
from verifier.counting.figures import Figures, figures_of_count
from verifier.policy import Policy
from verifier.procedure.overview import CountSheet, CountSummary
from verifier.procedure.records import CountRecord, UnreadableCountError
from verifier.procedure.statements import payments_said
from verifier.procedure.states import State, Step
from verifier.procedure.trusted_keys import TrustedKeys
from verifier.procedure.words import OBJECTION_WORDS, RECOVERY_WORDS, STEP_WORDS
from verifier.reports import SHEETS
from verifier.trust.draws.records import latest_draw
from verifier.trust.draws.saying import said_of, said_of_not_listed

__all__ = ["show_computed_count", "show_kept_count", "show_years", "year_address"]

_MAY_BE_PAID: Final = frozenset({State.PAYABLE})


def year_address(year: int, revision: int | None = None) -> str:
    """The address of a year's page."""
    return f"/counts/{year}" + (f"?revision={revision}" if revision else "")


def show_years(
    visit: Visit, *, default_year: int, trusted: TrustedKeys, with_discarded: bool
) -> HTMLResponse:
    """Every count with its state and totals, and how they compare year over year."""
    with visit.database.snapshot() as connection:
        seen = visible_counts(connection, visit.caller)
        counts = [each for each in seen if with_discarded or each.state is not State.DISCARDED]
        summaries = {each.id: _readable_summary(visit, connection, each) for each in counts}
        found = faults_of(connection, counts, trusted)
    return visit.render(
        "counts/years.html",
        {
            "rows": year_rows(counts, summaries, visit.translate),
            "years": range(max(visit.today.year, default_year), EARLIEST_YEAR - 1, -1),
            "default_year": default_year,
            "faults": hindrances_in_words(found, visit.translate),
            "with_discarded": with_discarded,
            "discarded": sum(each.state is State.DISCARDED for each in seen),
            "may_compare": visit.may(Permission.READ_PROCEDURE) and len(counts) > 1,
        },
    )


def show_computed_count(
    visit: Visit,
    source: CountSource,
    dated: DatedCount,
    wanted: Filter,
    page: int,
    *,
    kept: CountRecord | None,
) -> HTMLResponse:
    """The page of a count of now; for htmx, only the enterprises that fit the filter.

    Args:
        visit: who looks.
        source: where the count comes from.
        dated: the count, and when it was computed.
        wanted: the filter.
        page: the number of the page of enterprises, from 1 on.
        kept: the stored count of the year, if there is one.
    """
    count = dated.count
    address = CountAddress(count.year, {"as_of": count.as_of.isoformat()})
    rows = determinations_page(count, wanted, page, visit.translate)
    examined = sum(len(each.determinations) for each in count.platforms)
    if visit.wants_part("determinations"):
        return _determinations(visit, address, wanted, rows, examined)
    figures = figures_of_count(count)
    with visit.database.reading() as connection:
        news = _news(visit, connection, count.year)
    return visit.render(
        "counts/year.html",
        {
            **_shared(visit, address, wanted, rows, figures, count.policy),
            "year": count.year,
            "is_simulation": count.is_simulation,
            "policy_title": count.policy.title.spoken_in(visit.language),
            "policy": (count.policy.name, count.policy.sha256),
            "as_of": count.as_of,
            "computed_at": dated.computed_at.astimezone(SHANGHAI),
            "years_to_choose": _years_to_choose(source.default_as_of(), count.year),
            "notices": [
                visit.translate(each.message).format(**each.values) for each in count.notices
            ],
            "overlaps": overlap_rows(count.overlaps, _names(figures)),
            "visits": [],
            "late": late_rows(count, visit.translate),
            "record": None,
            "faults": [],
            **news,
            "kept": kept,
            "may_draft": kept is None and visit.may(Permission.ADVANCE_COUNTS),
        },
    )


def show_kept_count(
    visit: Visit,
    connection: psycopg.Connection,
    record: CountRecord,
    wanted: Filter,
    page: int,
    *,
    trusted: TrustedKeys,
) -> HTMLResponse:
    """The page of a stored count; for htmx, only the enterprises that fit the filter."""
    address = CountAddress(record.year, {"revision": str(record.revision)})
    sheet = visible_sheet(connection, visit.caller, record, visit.steps_now, trusted)
    summary = sheet.summary
    examined = summary.outcomes.total() if summary else 0
    rows = _stored_rows(visit, connection, record, wanted, page)
    if visit.wants_part("determinations"):
        return _determinations(visit, address, wanted, rows, examined)
    values: dict[str, object] = {
        "figures": None,
        "kept": None,
        "may_draft": False,
        "is_simulation": visit.database.is_simulation(),
        "year": record.year,
        "policy_title": "",
        "policy": (record.policy_name, record.policy_sha256),
        "as_of": record.as_of,
        "computed_at": record.drafted_at,
        "notices": [],
        "visits": [],
        "overlaps": [],
        "late": [],
        **_procedure(visit, connection, sheet, trusted),
        **_news(visit, connection, record.year),
    }
    if summary:
        names = _names(summary.figures)
        policy = policy_of(connection, record)
        values |= {
            **_shared(visit, address, wanted, rows, summary.figures, policy),
            "policy_title": policy.title.spoken_in(visit.language),
            "notices": [
                visit.translate(each["template"]).format(**each["values"])
                for each in summary.notices
            ],
            "visits": [
                visit.translate(said.message).format(**said.values)
                for said in (
                    *map(said_of, summary.visits),
                    *said_of_not_listed(summary.visits_not_listed),
                )
            ],
            "overlaps": stored_overlap_rows(summary.overlaps, names),
            "late": stored_late_rows(
                connection, record, visit.caller.platform_code, visit.translate
            ),
            "names": names,
        }
    return visit.render("counts/year.html", values)


def _shared(
    visit: Visit,
    address: CountAddress,
    wanted: Filter,
    rows: Page,
    figures: Figures,
    policy: Policy,
) -> dict[str, object]:
    """What the page shows of every count."""
    return {
        "address": address,
        "filter": wanted,
        "page": rows,
        "figures": figures,
        "examined": figures.outcomes.total(),
        "chart": chart_data(figures, visit.language, visit.translate),
        "matrix": outcome_matrix(figures, visit.translate),
        "parameters": parameter_rows(policy, visit.language, visit.translate),
    }


def _determinations(
    visit: Visit, address: CountAddress, wanted: Filter, rows: Page, examined: int
) -> HTMLResponse:
    values = {"address": address, "filter": wanted, "page": rows, "examined": examined}
    response = visit.render("counts/determinations.html", values)
    # The address bar follows the filter.
    response.headers["HX-Push-Url"] = address.page(wanted, rows.number)
    return response


def _procedure(
    visit: Visit, connection: psycopg.Connection, sheet: CountSheet, trusted: TrustedKeys
) -> dict[str, object]:
    """What the page shows of a stored count alone: where it stands, and all that was done."""
    record, translate = sheet.record, visit.translate
    may_advance = visit.may(Permission.ADVANCE_COUNTS)
    return {
        "record": record,
        "faults": hindrances_in_words(sheet.faults, visit.translate),
        **stale_in_words(sheet.stale, sheet.waits_until, visit.translate),
        "summary": sheet.summary,
        "state": state_words(record.state, translate),
        "revisions": visible_counts(connection, visit.caller, record.year),
        "steps": steps_in_words(sheet.steps, translate),
        "offers": offers_in_words(sheet.offers, translate) if may_advance else [],
        "may_advance": may_advance,
        "draw": latest_draw(connection, record.year) if may_advance else None,
        "pay_refusal": _pay_refusal(sheet, visit) if may_advance else "",
        "is_bureau": visit.may(Permission.READ_PROCEDURE),
        "objections": sheet.objections,
        "objection_words": {key: translate(word) for key, word in OBJECTION_WORDS.items()},
        "may_override": may_advance and record.state in {State.PUBLISHED, State.PAYABLE},
        "payments_said": payments_said(sheet.statements),
        "trusted": trusted,
        "may_resolve": may_advance and record.state is State.PUBLISHED,
        "payments": sheet.payments,
        "due": sheet.due if record.state in _MAY_BE_PAID else [],
        "recoveries": sheet.recoveries,
        "recovery_words": {key: translate(word) for key, word in RECOVERY_WORDS.items()},
        "sheets": SHEETS,
        "sheet_words": {name: translate(word) for name, word in SHEET_WORDS.items()},
        "years": _year_over_year(visit, connection),
        "names": {},
    }


def _pay_refusal(sheet: CountSheet, visit: Visit) -> str:
    """Why another person must record the payments, where one must."""
    for each in sheet.offers:
        if each.step is Step.PAY and each.barred_by is not None:
            return hindrances_in_words([each.barred_by], visit.translate)[0]
    return ""


def _news(visit: Visit, connection: psycopg.Connection, year: int) -> dict[str, object]:
    """The long step of the year that runs, or was not done, for those who take such steps."""
    step = find_news(connection, year) if visit.may(Permission.READ_PROCEDURE) else None
    return {
        "long_step": step,
        "long_step_words": visit.translate(STEP_WORDS[step.step]) if step else "",
    }


def _names(figures: Figures) -> Mapping[str, str]:
    return {each.platform: each.name for each in figures.platforms}


def _years_to_choose(latest_evidence: date, year: int) -> range:
    return range(max(latest_evidence.year, year), EARLIEST_YEAR - 1, -1)


def _year_over_year(visit: Visit, connection: psycopg.Connection) -> list[object]:
    """The counts that stand, of each year one."""
    standing = [
        each
        for each in visible_counts(connection, visit.caller)
        if each.frozen_at is not None and each.state is not State.SUPERSEDED
    ]
    summaries = {each.id: _readable_summary(visit, connection, each) for each in standing}
    return list(year_rows(standing, summaries, visit.translate))


def _readable_summary(
    visit: Visit, connection: psycopg.Connection, record: CountRecord
) -> CountSummary | None:
    """A count at a glance in a list, where one that cannot be read must not hide the others."""
    try:
        return visible_summary(connection, visit.caller, record)
    except UnreadableCountError:
        return None


def _stored_rows(
    visit: Visit, connection: psycopg.Connection, record: CountRecord, wanted: Filter, number: int
) -> Page:
    """One page of a stored count's enterprises; the first for one too far."""

    def on_page(number: int) -> Page:
        found, matching = visible_rows(
            connection,
            visit.caller,
            record,
            DeterminationFilter(
                platform=wanted.platform or None,
                outcome=Outcome(wanted.outcome) if wanted.outcome in set(Outcome) else None,
                text=wanted.text.strip() or None,
                limit=ROWS_PER_PAGE,
                offset=(number - 1) * ROWS_PER_PAGE,
            ),
        )
        return page_of_rows(found, number, matching, visit.translate)

    page = on_page(number)
    return page if page.rows or number == 1 else on_page(1)
