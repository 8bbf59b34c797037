"""The procedure for people: years, review, comparison, reports, and a form for every step."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

import psycopg
from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.announcement import Done, go_on
from api.console.forms import Form, FormValues, Mistakes, mistakes_of
from api.console.visit import CurrentVisit, Visit
from api.counts.case_at_stake import CaseAtStake, cases_at_stake, said_by_number
from api.counts.downloads import ReportRequest, download
from api.counts.kept_steps import Ending
from api.counts.long_steps import Work
from api.counts.procedure_source import Procedure, ProcedureSource
from api.counts.procedure_view import (
    OfferInWords,
    hindrances_in_words,
    kept_in_words,
    later_in_words,
    offers_in_words,
    stale_in_words,
    state_words,
)
from api.counts.routes import Year
from api.counts.source import CurrentCounts
from api.counts.step_forms import DECISION_FORMS, STEP_FORMS, ActForm
from api.counts.steps import CurrentStepTaker
from api.counts.visible_counts import (
    compare_counts,
    faults_of,
    find_count_for_step,
    find_count_of,
    find_visible_count,
    named_count,
    person_name,
    visible_counts,
)
from api.counts.wording import outcome_words, progress_in_words
from api.counts.year_page import show_years, year_address
from api.web.civil import OptionalCivilDate
from api.web.problems import Kind, Problem
from verifier.counting.determination import Outcome
from verifier.procedure.names import is_same_person
from verifier.procedure.overview import offered_steps, review_queue
from verifier.procedure.payments import amounts_due, list_recoveries
from verifier.procedure.records import CountRecord
from verifier.procedure.states import Step
from verifier.procedure.words import CHANGE_WORDS, RECOVERY_WORDS, STEP_WORDS

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_SEE_OTHER: Final = 303
_LONGEST: Final = 100
_LONGEST_NUMBER: Final = 9
_REVIEWED: Final = ("waiting", "decided", "hold", "overlap", "pending")
_LISTED: Final = 500
"""Rows of a page at most; the API has all of them."""

StepName = Literal[
    "draft",
    "submit",
    "return",
    "discard",
    "freeze",
    "publish",
    "object",
    "resolve",
    "propose_override",
    "withdraw_override",
    "override",
    "approve_payment",
    "pay",
]
DecisionAct = Literal[
    "exclude", "hold", "waive", "backdate", "keep", "confirm", "withdraw", "close", "reopen"
]
_Short = Annotated[str, Query(max_length=_LONGEST, pattern=r"^[^\x00]*$")]
Revision = Annotated[int | None, Query()]


@router.get("/counts")
def show_every_year(
    visit: CurrentVisit,
    source: CurrentCounts,
    procedure: Procedure,
    year: int | None = None,
    as_of: OptionalCivilDate = None,
    *,
    discarded: bool = False,
) -> Response:
    """Every year's count; also the target of the form that chooses a year."""
    if year is not None:
        query = f"?{urlencode({'as_of': as_of})}" if as_of else ""
        return RedirectResponse(f"/counts/{year}{query}", _SEE_OTHER)
    return show_years(
        visit,
        default_year=source.default_year(),
        trusted=procedure.trusted,
        with_discarded=discarded,
    )


@router.get("/counts/compare")
def show_comparison(
    visit: CurrentVisit, source: Procedure, before: _Short = "", after: _Short = ""
) -> HTMLResponse:
    """What changed from one count to another."""
    translate = visit.translate
    with visit.database.snapshot() as connection:
        counts = [each for each in visible_counts(connection, visit.caller) if each.as_of]
        comparison, recoveries = None, []
        compared = [each for each in counts if each.count_id in {before, after}]
        found = faults_of(connection, compared, source.trusted)
        if before and after:
            comparison = compare_counts(connection, visit.caller, before, after)
            later = named_count(connection, visit.caller, after)
            recoveries = list_recoveries(connection, later)
    changes = [
        (
            each,
            translate(CHANGE_WORDS[each.kind]),
            outcome_words(Outcome(each.outcome_before), translate) if each.outcome_before else None,
            outcome_words(Outcome(each.outcome_after), translate) if each.outcome_after else None,
        )
        for each in (comparison.enterprises[:_LISTED] if comparison else ())
    ]
    return visit.render(
        "counts/compare.html",
        {
            "counts": counts,
            "faults": hindrances_in_words(found, translate),
            "before": before,
            "after": after,
            "comparison": comparison,
            "changes": changes,
            "differing": len(comparison.enterprises) if comparison else 0,
            "recoveries": recoveries,
            "recovery_words": {key: translate(word) for key, word in RECOVERY_WORDS.items()},
        },
    )


@router.get("/counts/{year}/review")
def show_review(
    visit: CurrentVisit, source: Procedure, year: Year, revision: Revision = None
) -> HTMLResponse:
    """What to look at before the count is frozen."""
    with visit.database.snapshot() as connection:
        record = find_count_of(connection, visit.caller, year, revision)
        items = review_queue(connection, record, visit.steps_today)
        found = faults_of(connection, [record], source.trusted)
    kinds = {kind: [each for each in items if each.kind == kind] for kind in _REVIEWED}
    if not kinds["waiting"]:
        del kinds["waiting"]  # rare, and in a simulation there is none ever
    return visit.render(
        "counts/review.html",
        {
            "record": record,
            "state": state_words(record.state, visit.translate),
            "faults": hindrances_in_words(found, visit.translate),
            "kinds": kinds,
            "later_in_words": lambda each: later_in_words(each, visit.translate),
            "kept_in_words": lambda each: kept_in_words(each, visit.translate),
            "listed": _LISTED,
            "may_decide": visit.may(Permission.DECIDE),
            "is_own": partial(is_same_person, person_name(visit.caller)),
        },
    )


@router.get("/counts/{year}/report")
def send_report(
    visit: CurrentVisit,
    source: Procedure,
    year: Year,
    wanted: Annotated[ReportRequest, Depends()],
    revision: Revision = None,
) -> Response:
    """A report to download."""
    return download(
        visit.database,
        visit.caller,
        source,
        lambda connection: find_count_of(connection, visit.caller, year, revision),
        wanted,
        visit.language,
    )


@router.get("/counts/{year}/work")
def show_work(visit: CurrentVisit, source: Procedure, year: Year) -> Response:
    """How far a draft run or a freezing is, wherever it runs; to the count once it is done."""
    with visit.database.reading() as connection:
        kept = source.works.newest(connection, year)
    if kept is None:
        return RedirectResponse(year_address(year), _SEE_OTHER)
    if kept.ending is Ending.DONE:
        done = go_on(year_address(year), Done.STEP_TAKEN)
        if visit.wants_part("work"):
            done.status_code = 200
            done.headers["HX-Redirect"] = year_address(year)
            del done.headers["location"]
        return done
    values = {
        "year": year,
        "named": kept.step.value,
        "person": kept.person,
        "started_at": kept.started_at,
        "step": visit.translate(STEP_WORDS[kept.step]),
        "refusal": visit.translate(kept.refusal.message).format(**kept.refusal.values)
        if kept.refusal
        else "",
        "may_begin": visit.may(Permission.ADVANCE_COUNTS),
        **stale_in_words(kept.changes, None, visit.translate),
        **progress_in_words(*kept.reached, visit.translate),
    }
    template = "counts/work-part.html" if visit.wants_part("work") else "counts/work.html"
    return visit.render(template, values)


@router.get("/counts/{year}/decision")
def show_decision_form(
    visit: CurrentVisit,
    source: Procedure,
    year: Year,
    act: DecisionAct,
    platform: _Short = "",
    uscc: _Short = "",
    number: _Short = "",
) -> HTMLResponse:
    """The form of a decision on an enterprise, or of its withdrawal."""
    values = {"platform": platform, "uscc": uscc, "number": number}
    return _form(visit, source, year, act, DECISION_FORMS[act], values)


@router.post("/counts/{year}/decision")
def take_decision(
    visit: CurrentVisit,
    source: Procedure,
    taker: CurrentStepTaker,
    year: Year,
    act: DecisionAct,
    values: FormValues,
) -> Response:
    """Record or withdraw a decision, and go back to the review queue."""
    form = DECISION_FORMS[act]
    try:
        form.act(taker, year, values)
    except Problem as problem:
        return _form(visit, source, year, act, form, values, _mistakes(visit, problem))
    with visit.database.snapshot() as connection:
        back = _page_of_decisions(visit, connection, year)
    return go_on(back, Done.STEP_TAKEN)


@router.get("/counts/{year}/{step}")
def show_step_form(
    visit: CurrentVisit,
    source: Procedure,
    counts: CurrentCounts,
    year: Year,
    step: StepName,
    platform: _Short = "",
    number: _Short = "",
    as_of: OptionalCivilDate = None,
) -> HTMLResponse:
    """The form of a step, with all that is still in its way."""
    values = {
        "platform": platform,
        "number": number,
        "as_of": str(as_of or counts.default_as_of()),
        "paid_on": str(visit.steps_today),
    }
    return _form(visit, source, year, step, STEP_FORMS[step], values)


@router.post("/counts/{year}/{step}")
def take_step_of_count(
    visit: CurrentVisit,
    source: Procedure,
    taker: CurrentStepTaker,
    year: Year,
    step: StepName,
    values: FormValues,
) -> Response:
    """Take a step, and go back to the count."""
    form = STEP_FORMS[step]
    try:
        taken = form.act(taker, year, values)
    except Problem as problem:
        return _form(visit, source, year, step, form, values, _mistakes(visit, problem))
    if isinstance(taken, Work):
        return RedirectResponse(f"/counts/{year}/work", _SEE_OTHER)
    return go_on(year_address(year), Done.STEP_TAKEN)


def _page_of_decisions(visit: Visit, connection: psycopg.Connection, year: int) -> str:
    """The review queue, where there is a count to review."""
    record = find_visible_count(connection, visit.caller, year)
    return year_address(year) if record is None else f"/counts/{year}/review"


def _mistakes(visit: Visit, problem: Problem) -> Mistakes:
    """Why a step was refused; what hinders it is listed above its form anyway."""
    if problem.kind is Kind.CHANGED_MEANWHILE:
        raise problem  # who pressed the button must look at the count again
    if problem.kind in {Kind.CONFLICT, Kind.STALE_DRAFT}:
        message = visit.translate(problem.message).format(**problem.values)
        return Mistakes(message, status=Kind.CONFLICT.value.status)
    return mistakes_of(visit.request, problem)


def _form(
    visit: Visit,
    source: ProcedureSource,
    year: int,
    act: str,
    form: ActForm,
    values: Mapping[str, str],
    mistakes: Mistakes | None = None,
) -> HTMLResponse:
    translate = visit.translate
    with visit.database.snapshot() as connection:
        record, offer = None, None
        platform = values.get("platform", "")
        if form.step is not None:
            record = find_count_for_step(connection, visit.caller, year, form.step)
        if record is not None:
            offers = offered_steps(
                connection, record, person_name(visit.caller), visit.steps_now, source.trusted
            )
            found = [each for each in offers if each.step is form.step]
            offer = next(iter(offers_in_words(found, translate, with_all=True)), None)
        due = (
            [each for each in amounts_due(connection, record) if each.platform == platform]
            if record is not None and form.step is Step.PAY
            else []
        )
        is_decision = form.step is None
        cases, withdrawn = (
            _at_stake(visit, connection, year, act, values) if is_decision else ([], [])
        )
        back = _page_of_decisions(visit, connection, year) if is_decision else year_address(year)
    chosen = form.choices(visit, source.policy) if form.choices else {}
    is_out_of_turn = _is_out_of_turn(record, offer, form)
    outlook = form.outlook(visit, source) if form.outlook and not is_out_of_turn else None
    address = (
        f"/counts/{year}/decision?{urlencode({'act': act})}"
        if is_decision
        else f"/counts/{year}/{act}"
    )
    shown = Form(
        address,
        [replace(each, choices=chosen.get(each.name, each.choices)) for each in form.inputs],
        form.submit,
        {
            "content_sha256": (record and record.content_sha256) or "",
            **values,
            **(outlook.values if outlook else {}),
        },
        mistakes,
        cancel=back,
    )
    return visit.render(
        "counts/step.html",
        {
            "title": translate(form.title),
            "explanation": translate(form.explanation),
            "form": shown,
            "record": record,
            "year": year,
            "offer": offer,
            "is_out_of_turn": is_out_of_turn,
            "outlook": outlook,
            "due": due,
            "cases": cases,
            "withdrawn": withdrawn,
            "about": "" if cases else " ".join(filter(None, (platform, values.get("uscc", "")))),
            "back": back,
        },
        status=mistakes.status if mistakes else 200,
    )


def _at_stake(
    visit: Visit, connection: psycopg.Connection, year: int, act: str, values: Mapping[str, str]
) -> tuple[list[CaseAtStake], list[str]]:
    """Whom a decision is about, and which one is withdrawn, before it is confirmed."""
    platform, uscc = values.get("platform", ""), values.get("uscc", "")
    withdrawn: list[str] = []
    number = values.get("number", "")
    if number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER:
        platform, uscc, withdrawn = said_by_number(
            connection, act, int(number), year, visit.translate
        )
    record = find_visible_count(connection, visit.caller, year)
    return cases_at_stake(connection, record, platform, uscc, visit.translate), withdrawn


def _is_out_of_turn(record: CountRecord | None, offer: OfferInWords | None, form: ActForm) -> bool:
    """Whether the count is not where the step begins; a draft run opens one where there is none."""
    return form.step not in {None, Step.DRAFT} and (record is None or offer is None)
