"""Cases for people: the list, one case with its evidence, and the forms of its steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.cases.answers import NewCase, TakenCaseStep
from api.cases.evidence import read_evidence
from api.cases.queries import CaseFilter, StateName, WholeCase, list_cases, read_case
from api.cases.step_forms import STEP_FORMS, StepForm, inputs_of, step_of
from api.cases.steps import (
    CaseWorker,
    CurrentCaseWorker,
    CurrentHolidays,
    person_name,
)
from api.console.announcement import Done
from api.console.choices import platform_choices, word_choices
from api.console.forms import (
    Form,
    FormValues,
    Input,
    Mistakes,
    answer_form,
    form_page,
    read_form,
)
from api.console.listed import Filtered, query_of, render_list
from api.console.visit import CurrentVisit, Visit
from api.console.words import (
    CASE_CAUSE_WORDS,
    CASE_STATE_WORDS,
    CASE_STEP_WORDS,
    STRENGTH_WORDS,
    words,
)
from api.web.documents import FormFiles
from api.web.paging import RequestedPage
from api.web.policy import CurrentPolicy
from api.web.problems import Kind, Problem
from jieru.documents.store import NewDocument
from jieru.i18n import marked as _
from verifier.policy import Policy
from verifier.trust.cases.due_dates import days_left
from verifier.trust.cases.explanations import EXPLANATIONS, measured_text
from verifier.trust.cases.records import SeenSignal, taken
from verifier.trust.cases.states import CaseState, HoldBySignals, refusal_of
from verifier.trust.cases.taking import hold_by_signals
from verifier.trust.signal import Kind as SignalKind

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/cases"
_NEW: Final = "/cases/new"

OptionalState = Annotated[StateName | None, BeforeValidator(lambda value: value or None)]
"""A state, or nothing: a form sends an empty text for all that need an outcome."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The filter of the list."""

    state: OptionalState = None
    platform: Filtered = ""
    enterprise: Filtered = ""


class _SpokenSignal(NamedTuple):
    """A signal as the page explains it."""

    seen: SeenSignal
    strength: object
    title: str
    what: str
    innocent: str
    score: str
    threshold: str
    is_of_newest: bool


@router.get(_LIST)
def show_cases(
    visit: CurrentVisit,
    holidays: CurrentHolidays,
    policy: CurrentPolicy,
    page: RequestedPage,
    wanted: Annotated[_Wanted, Depends()],
) -> HTMLResponse:
    """The list, by due date and strength."""
    accepted = CaseFilter(wanted.platform or None, wanted.enterprise or None, wanted.state)
    with visit.database.snapshot() as connection:
        cases = list_cases(connection, accepted, page)
        platforms = platform_choices(connection, visit.caller)
    values = {
        "cases": [
            (
                each,
                words(each.state, CASE_STATE_WORDS, visit.translate),
                words(each.strength, STRENGTH_WORDS, visit.translate),
                [visit.translate(EXPLANATIONS[SignalKind(kind)].title) for kind in each.kinds]
                or [visit.translate(CASE_CAUSE_WORDS[each.cause])],
                days_left(visit.today, each.due_on, holidays) if each.due_on else None,
            )
            for each in cases.items
        ],
        "platforms": platforms,
        "states": [
            *word_choices(CaseState, CASE_STATE_WORDS, visit.translate),
            ("all", visit.translate(_("all"))),
        ],
        "wanted": wanted,
        "may_work": visit.may(Permission.WORK_ON_CASES),
        "is_on_trial": _is_on_trial(policy),
    }
    return render_list(visit, "cases", _LIST, query_of(wanted), page, cases.next_cursor, values)


@router.get(_NEW)
def show_new_case(
    visit: CurrentVisit, platform: Filtered = "", uscc: Filtered = ""
) -> HTMLResponse:
    """The form for a case without signals."""
    return _new_form(visit, {"platform": platform, "uscc": uscc})


@router.post(_NEW)
def take_new_case(visit: CurrentVisit, worker: CurrentCaseWorker, values: FormValues) -> Response:
    """Open a case."""
    return answer_form(
        visit,
        Done.CASE_OPENED,
        lambda: f"{_LIST}/{worker.open(read_form(NewCase, values))}",
        lambda mistakes: _new_form(visit, values, mistakes),
    )


@router.get("/cases/{case_id}")
def show_case(
    visit: CurrentVisit, policy: CurrentPolicy, holidays: CurrentHolidays, case_id: int
) -> HTMLResponse:
    """One case: what was seen, evidence, questions and answers, history."""
    with visit.database.snapshot() as connection:
        whole = read_case(connection, case_id)
        evidence = read_evidence(connection, whole, visit.today)
    case = whole.case
    may_work = visit.may(Permission.WORK_ON_CASES)
    return visit.render(
        "cases/case.html",
        {
            "case": case,
            "state": words(case.state, CASE_STATE_WORDS, visit.translate),
            "strength": words("hard" if case.is_hard else "soft", STRENGTH_WORDS, visit.translate),
            "cause": visit.translate(CASE_CAUSE_WORDS[case.cause]),
            "days_left": days_left(visit.today, case.due_on, holidays) if case.due_on else None,
            "signals": _spoken(visit, whole),
            "evidence": evidence,
            "steps": [(each, visit.translate(CASE_STEP_WORDS[each.step])) for each in whole.steps],
            "acts": _acts(visit, whole, policy) if may_work else [],
            "by_signals": _by_signals(whole, policy) if case.cause == "signals" else None,
        },
    )


@router.get("/cases/{case_id}/{step}")
def show_step_form(visit: CurrentVisit, case_id: int, step: str) -> HTMLResponse:
    """The form of a step."""
    return _step_form(visit, case_id, step, {})


@router.post("/cases/{case_id}/{step}")
def take_step(
    visit: CurrentVisit,
    worker: CurrentCaseWorker,
    case_id: int,
    step: str,
    values: FormValues,
    files: FormFiles,
) -> Response:
    """Take a step."""
    form = _form_of(step)
    with visit.database.reading() as connection:
        read_case(connection, case_id)
    return answer_form(
        visit,
        Done.STEP_TAKEN,
        lambda: _take(worker, case_id, form, values, files),
        lambda mistakes: _step_form(visit, case_id, step, values, mistakes),
    )


def _take(
    worker: CaseWorker,
    case_id: int,
    form: StepForm,
    values: Mapping[str, str],
    files: Sequence[NewDocument],
) -> str:
    asked = {each.name for each in form.inputs}
    said = {name: value for name, value in values.items() if name in asked}
    worker.take(case_id, read_form(TakenCaseStep, {**said, "step": form.step}), files)
    return f"{_LIST}/{case_id}"


def _form_of(step: str) -> StepForm:
    form = STEP_FORMS.get(step)
    if form is None:
        raise Problem(Kind.NOT_FOUND)
    return form


def _step_form(
    visit: Visit,
    case_id: int,
    step: str,
    values: Mapping[str, str],
    mistakes: Mistakes | None = None,
) -> HTMLResponse:
    form = _form_of(step)
    with visit.database.snapshot() as connection:
        case = read_case(connection, case_id).case
    address = f"{_LIST}/{case_id}"
    title = visit.translate(form.title)
    return form_page(
        visit,
        title,
        Form(
            f"{address}/{step}",
            inputs_of(form, visit),
            form.submit,
            values,
            mistakes,
            cancel=address,
        ),
        [
            (visit.translate(_("Cases")), _LIST),
            (_case_title(visit, case_id, case.enterprise), address),
        ],
        visit.translate(form.explanation),
    )


def _new_form(
    visit: Visit, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    inputs = [
        Input("platform", _("Platform code"), is_required=True, longest=100),
        Input("uscc", _("Unified social credit code"), is_required=True, longest=100),
        Input("text", _("Reason"), "lines", is_required=True, longest=4_000),
    ]
    return form_page(
        visit,
        visit.translate(_("Open a case")),
        Form(_NEW, inputs, _("Open the case"), values, mistakes, cancel=_LIST),
        [(visit.translate(_("Cases")), _LIST)],
        visit.translate(
            _("For what no signal shows: a complaint, something seen on the way, a draw.")
        ),
    )


def _case_title(visit: Visit, case_id: int, enterprise: str) -> str:
    return visit.translate(_("Case {id}: {name}")).format(id=case_id, name=enterprise)


def _spoken(visit: Visit, whole: WholeCase) -> list[_SpokenSignal]:
    newest = max((each.run_id for each in whole.signals), default=0)
    spoken = []
    for each in whole.signals:
        signal, said = each.signal, EXPLANATIONS[each.signal.kind]
        spoken.append(
            _SpokenSignal(
                each,
                words(signal.strength, STRENGTH_WORDS, visit.translate),
                visit.translate(said.title),
                visit.translate(said.seen),
                visit.translate(said.innocent),
                measured_text(signal.kind, signal.score, signal.threshold),
                measured_text(signal.kind, signal.threshold, signal.score),
                each.run_id == newest,
            )
        )
    return spoken


def _acts(visit: Visit, whole: WholeCase, policy: Policy) -> list[tuple[str, str]]:
    """The steps that this reader may take now: last part of the address, and label."""
    name, steps = person_name(visit.caller), taken(whole.steps)
    return [
        (slug, visit.translate(form.title))
        for slug, form in STEP_FORMS.items()
        if refusal_of(
            step_of(form),
            name,
            steps,
            by_signals=_by_signals(whole, policy),
            one_name_suffices=visit.database.is_simulation(),
        )
        is None
    ]


def _by_signals(whole: WholeCase, policy: Policy) -> HoldBySignals:
    return hold_by_signals(whole.case, (each.signal for each in whole.signals), policy)


def _is_on_trial(policy: Policy) -> bool:
    return policy.signals is not None and policy.signals.holds.value == "shadow"
