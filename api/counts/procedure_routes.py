"""Counts as a procedure, for programs that read, and for people's sessions that take steps."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.counts.downloads import DOWNLOAD_RESPONSE, ReportRequest, download
from api.counts.procedure_answers import (
    ComparisonAnswer,
    CountDetail,
    CountList,
    CountRecordAnswer,
    DeterminationList,
    NumberAnswer,
    ReviewList,
)
from api.counts.procedure_source import Procedure
from api.counts.routes import Year
from api.counts.source import CurrentCounts
from api.counts.step_bodies import (
    Drafting,
    Freezing,
    NewClosing,
    NewDecision,
    NewObjection,
    NewPayment,
    Publishing,
    Reasoned,
    Resolution,
    Submission,
)
from api.counts.steps import CurrentStepTaker
from api.counts.visible_counts import (
    DeterminationFilter,
    answer_of,
    compare_counts,
    counts_answer,
    detail_of,
    determinations_of,
    find_count_of,
    review_answers,
    visible_rows,
    visible_sheet,
)
from api.web.clock import StepsNow
from api.web.database import Database
from api.web.filters import today_of
from api.web.language import language_of
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _
from jieru.i18n import translations

__all__ = ["Revision", "router"]

router = APIRouter(prefix="/api/v1/counts", tags=["procedure"], route_class=GatedRoute)

Revision = Annotated[
    int | None,
    Query(
        description=_("Which revision; by default the one in the making, else the one that stands.")
    ),
]
_DecisionId = Annotated[int, Path(description=_("The decision's number."))]
_ClosingId = Annotated[int, Path(description=_("The closing's number."))]
_ObjectionId = Annotated[int, Path(description=_("The objection's number."))]

_READ = problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY)
_STEP = problem_responses(
    Kind.NOT_FOUND,
    Kind.CONFLICT,
    Kind.CHANGED_MEANWHILE,
    Kind.TOO_LARGE,
    Kind.INVALID_REQUEST,
    Kind.DATABASE_AWAY,
)


@router.get(
    "",
    summary="List the counts",
    description=_(
        "Every revision of every year, the latest first. An operator sees what is published."
    ),
    response_description=_("The counts."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_counts(
    caller: CurrentCaller,
    database: Database,
    *,
    discarded: Annotated[bool, Query(description=_("With those that were discarded."))] = False,
) -> CountList:
    """Every count."""
    with database.snapshot() as connection:
        return counts_answer(connection, caller, with_discarded=discarded)


@router.get(
    "/compare",
    summary="Compare two counts",
    description=_("What changed from one to the other: revisions of one year, or of two years."),
    response_description=_("The differences, enterprise by enterprise."),
    responses=_READ | problem_responses(Kind.CONFLICT),
)
def get_comparison(
    caller: CurrentCaller,
    database: Database,
    before: Annotated[str, Query(description=_("A count's id, such as `2026-1`."), max_length=20)],
    after: Annotated[str, Query(description=_("A count's id, such as `2026-2`."), max_length=20)],
) -> ComparisonAnswer:
    """What changed from one count to another."""
    with database.snapshot() as connection:
        found = compare_counts(connection, caller, before, after)
    return ComparisonAnswer.model_validate(found.to_json_object())


@router.post(
    "/decisions",
    status_code=201,
    summary="Record a decision",
    description=_(
        "Excludes, holds, waives a criterion, lets what was recorded late count from its first "
        "day (`backdate`), or notes that all stays as it is (`keep`); the same one twice is "
        "refused. Only a person's session may."
    ),
    response_description=_("The decision's number."),
    responses=_STEP,
)
def post_decision(taker: CurrentStepTaker, new: NewDecision) -> NumberAnswer:
    """Record a decision."""
    return NumberAnswer(id=taker.decide(new))


@router.post(
    "/decisions/{decision_id}/confirm",
    summary="Confirm a decision",
    description=_(
        "A waiver or a `backdate` has no effect before another person than the one who decided "
        "confirmed it; only a person's session may."
    ),
    response_description=_("The decision's number."),
    responses=_STEP,
)
def post_decision_confirmation(taker: CurrentStepTaker, decision_id: _DecisionId) -> NumberAnswer:
    """Confirm a decision."""
    taker.confirm_decision(decision_id)
    return NumberAnswer(id=decision_id)


@router.post(
    "/decisions/{decision_id}/withdraw",
    summary="Withdraw a decision",
    description=_("It stays on record with the reason; only a person's session may."),
    response_description=_("The decision's number."),
    responses=_STEP,
)
def post_decision_withdrawal(
    taker: CurrentStepTaker, decision_id: _DecisionId, reasoned: Reasoned
) -> NumberAnswer:
    """Withdraw a decision."""
    taker.withdraw_decision(decision_id, reasoned.reason)
    return NumberAnswer(id=decision_id)


@router.post(
    "/closings/{closing_id}/withdraw",
    summary="Withdraw a closing",
    description=_("The count waits for the enterprise again; only a person's session may."),
    response_description=_("The closing's number."),
    responses=_STEP,
)
def post_closing_withdrawal(
    taker: CurrentStepTaker, closing_id: _ClosingId, reasoned: Reasoned
) -> NumberAnswer:
    """Withdraw a closing."""
    taker.withdraw_closing(closing_id, reasoned.reason)
    return NumberAnswer(id=closing_id)


@router.get(
    "/{year}/procedure",
    summary="A year's count as it is kept",
    description=_("Figures, steps that were taken, steps that may come next and what is missing."),
    response_description=_("The count."),
    responses=_READ,
)
def get_procedure(
    caller: CurrentCaller,
    request: Request,
    database: Database,
    source: Procedure,
    now: StepsNow,
    year: Year,
    revision: Revision = None,
) -> CountDetail:
    """One count with all that belongs to it."""
    with database.snapshot() as connection:
        record = find_count_of(connection, caller, year, revision)
        sheet = visible_sheet(connection, caller, record, now, source.trusted)
    return detail_of(caller, sheet, source.trusted, translations(language_of(request)).gettext)


@router.get(
    "/{year}/determinations",
    summary="Enterprises of a year's count as it is kept",
    description=_("By platform and unified social credit code."),
    response_description=_("Some of the enterprises, and how many there are."),
    responses=_READ,
)
def get_determinations(
    caller: CurrentCaller,
    database: Database,
    year: Year,
    wanted: Annotated[DeterminationFilter, Depends()],
    revision: Revision = None,
) -> DeterminationList:
    """Some enterprises of a stored count."""
    with database.snapshot() as connection:
        record = find_count_of(connection, caller, year, revision)
        rows, total = visible_rows(connection, caller, record, wanted)
    return determinations_of(rows, total)


@router.get(
    "/{year}/review",
    summary="What to look at before freezing",
    description=_(
        "What was decided since the draft, decisions that wait for a second person, holds, "
        "enterprises that count on several platforms, and pending ones."
    ),
    response_description=_("The review queue of the last draft."),
    responses=_READ,
)
def get_review(
    caller: CurrentCaller, database: Database, now: StepsNow, year: Year, revision: Revision = None
) -> ReviewList:
    """The review queue."""
    with database.snapshot() as connection:
        record = find_count_of(connection, caller, year, revision)
        return ReviewList(items=review_answers(connection, record, today_of(now)))


@router.get(
    "/{year}/report",
    summary="A report of a frozen count",
    description=_(
        "PDF (notice, approval, enterprise), workbook, CSV, JSON, or the signed file. An operator "
        "gets the notice, and the determinations of own enterprises."
    ),
    response_description=_("The file."),
    response_class=Response,
    responses=DOWNLOAD_RESPONSE | _READ | problem_responses(Kind.CONFLICT),
)
def get_report(
    caller: CurrentCaller,
    request: Request,
    database: Database,
    source: Procedure,
    year: Year,
    wanted: Annotated[ReportRequest, Depends()],
    revision: Revision = None,
) -> Response:
    """A report of a frozen count."""
    return download(
        database,
        caller,
        source,
        lambda connection: find_count_of(connection, caller, year, revision),
        wanted,
        language_of(request),
    )


@router.post(
    "/{year}/draft",
    summary="Draft a count",
    description=_(
        "Counts the year and keeps the result for review; only a person's session may. The answer "
        "comes when it is done."
    ),
    response_description=_("The count."),
    responses=_STEP,
)
def post_draft(
    taker: CurrentStepTaker, source: CurrentCounts, year: Year, drafting: Drafting
) -> CountRecordAnswer:
    """Draft a count."""
    as_of = drafting.as_of or source.default_as_of()
    return answer_of(taker.caller, taker.draft(year, drafting, as_of))


@router.post(
    "/{year}/submit",
    summary="Submit a draft",
    description=_("Hands it over for review: its maker may not check it. Only a person may."),
    response_description=_("The count."),
    responses=_STEP,
)
def post_submission(
    taker: CurrentStepTaker, year: Year, submission: Submission
) -> CountRecordAnswer:
    """Submit a draft."""
    return answer_of(taker.caller, taker.submit(year, submission))


@router.post(
    "/{year}/return",
    summary="Return a count",
    description=_("Sends a count in review back to be drafted anew. Only a person may."),
    response_description=_("The count."),
    responses=_STEP,
)
def post_return(taker: CurrentStepTaker, year: Year, reasoned: Reasoned) -> CountRecordAnswer:
    """Return a count."""
    return answer_of(taker.caller, taker.send_back(year, reasoned.reason))


@router.post(
    "/{year}/discard",
    summary="Discard a draft",
    description=_(
        "Gives up a count that is not frozen; it stays on record, and the year can be drafted "
        "afresh. Only a person may."
    ),
    response_description=_("The count."),
    responses=_STEP,
)
def post_discard(taker: CurrentStepTaker, year: Year, reasoned: Reasoned) -> CountRecordAnswer:
    """Discard a draft."""
    return answer_of(taker.caller, taker.discard(year, reasoned.reason))


@router.post(
    "/{year}/freeze",
    summary="Freeze a count",
    description=_(
        "Computes the reviewed count once more, finds the same, signs and keeps it for good. "
        "Another person than its makers, by a session."
    ),
    response_description=_("The count."),
    responses=_STEP,
)
def post_freezing(taker: CurrentStepTaker, year: Year, freezing: Freezing) -> CountRecordAnswer:
    """Freeze a count."""
    return answer_of(taker.caller, taker.freeze(year, freezing))


@router.post(
    "/{year}/publish",
    summary="Publish a count",
    description=_(
        "Its public notice begins on the day after. Where the public holidays are not known yet, "
        "weekends alone are days off, unless the last day is named. Only a person may."
    ),
    response_description=_("The count."),
    responses=_STEP,
)
def post_publication(
    taker: CurrentStepTaker, year: Year, publishing: Publishing
) -> CountRecordAnswer:
    """Publish a count."""
    return answer_of(taker.caller, taker.publish(year, publishing))


@router.post(
    "/{year}/objections",
    status_code=201,
    summary="Record an objection",
    description=_("To the published count of a year. Only a person may."),
    response_description=_("The objection's number."),
    responses=_STEP,
)
def post_objection(taker: CurrentStepTaker, year: Year, new: NewObjection) -> NumberAnswer:
    """Record an objection."""
    return NumberAnswer(id=taker.record_objection(year, new))


@router.post(
    "/{year}/objections/{objection_id}/resolve",
    summary="Resolve an objection",
    description=_("Says what came of it, once. Only a person may."),
    response_description=_("The objection's number."),
    responses=_STEP,
)
def post_resolution(
    taker: CurrentStepTaker, year: Year, objection_id: _ObjectionId, resolution: Resolution
) -> NumberAnswer:
    """Resolve an objection."""
    taker.resolve_objection(year, objection_id, resolution)
    return NumberAnswer(id=objection_id)


@router.post(
    "/{year}/objections/{objection_id}/override",
    summary="Propose to override an objection",
    description=_(
        "To pay in spite of an objection that was upheld, with a reason; another person confirms "
        "it. Neither made the count. Only a person may."
    ),
    response_description=_("The objection's number."),
    responses=_STEP,
)
def post_override(
    taker: CurrentStepTaker, year: Year, objection_id: _ObjectionId, reasoned: Reasoned
) -> NumberAnswer:
    """Propose to override an objection."""
    taker.propose_override(year, objection_id, reasoned.reason)
    return NumberAnswer(id=objection_id)


@router.post(
    "/{year}/objections/{objection_id}/override/withdraw",
    summary="Withdraw the proposal to override an objection",
    description=_(
        "By whoever proposed it, with a reason, while nobody confirmed it; it stays on record. "
        "Only a person may."
    ),
    response_description=_("The objection's number."),
    responses=_STEP,
)
def post_override_withdrawal(
    taker: CurrentStepTaker, year: Year, objection_id: _ObjectionId, reasoned: Reasoned
) -> NumberAnswer:
    """Withdraw the proposal to override an objection."""
    taker.withdraw_override(year, objection_id, reasoned.reason)
    return NumberAnswer(id=objection_id)


@router.post(
    "/{year}/objections/{objection_id}/override/confirm",
    summary="Confirm the override of an objection",
    description=_(
        "What another person proposed; the objection no longer stops payment. Only a person may."
    ),
    response_description=_("The objection's number."),
    responses=_STEP,
)
def post_override_confirmation(
    taker: CurrentStepTaker, year: Year, objection_id: _ObjectionId
) -> NumberAnswer:
    """Confirm the override of an objection."""
    taker.confirm_override(year, objection_id)
    return NumberAnswer(id=objection_id)


@router.post(
    "/{year}/approve-payment",
    summary="Approve payment",
    description=_(
        "After the notice, when no objection is open. Another person than its makers, by a session."
    ),
    response_description=_("The count."),
    responses=_STEP,
)
def post_approval(taker: CurrentStepTaker, year: Year) -> CountRecordAnswer:
    """Make a count payable."""
    return answer_of(taker.caller, taker.approve_payment(year))


@router.post(
    "/{year}/payments",
    summary="Record a payment",
    description=_(
        "All that is due to one platform. Only a person may, who neither froze the count nor "
        "approved its payment."
    ),
    response_description=_("The count, paid once nothing is due any more."),
    responses=_STEP,
)
def post_payment(taker: CurrentStepTaker, year: Year, new: NewPayment) -> CountRecordAnswer:
    """Record a payment."""
    return answer_of(taker.caller, taker.record_payment(year, new))


@router.post(
    "/{year}/closings",
    status_code=201,
    summary="Close a pending enterprise",
    description=_("The count of the year does not wait for its window. Only a person may."),
    response_description=_("The closing's number."),
    responses=_STEP,
)
def post_closing(taker: CurrentStepTaker, year: Year, new: NewClosing) -> NumberAnswer:
    """Close a pending enterprise."""
    return NumberAnswer(id=taker.close_pending(year, new))
