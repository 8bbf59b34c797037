"""Connection requests for people: an operator's own ones, and those that the bureau decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

import psycopg
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator
from starlette.responses import Response

from api.access.caller import Caller
from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.announcement import Done, go_on
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
from api.console.words import REQUEST_STATUS_WORDS, words
from api.registry.connection_requests.answers import ConnectionRequestRecord, RequestDecision
from api.registry.connection_requests.queries import (
    ConnectionRequestFilter,
    confirm_request,
    list_requests,
    read_request,
    refuse_request,
    withdraw_request,
)
from api.web.paging import RequestedPage
from jieru.i18n import marked as _
from registry.connection_requests import RequestStatus

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/connection-requests"

OptionalStatus = Annotated[RequestStatus | None, BeforeValidator(lambda value: value or None)]
"""A status, or nothing: a form sends an empty text for all of them."""
_Deciding = Callable[[psycopg.Connection, Caller, int, str], ConnectionRequestRecord]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The filter of the list."""

    status: OptionalStatus = None
    platform: Filtered = ""
    enterprise: Filtered = ""


@dataclass(frozen=True, slots=True)
class _Decision:
    """One of the two ways to decide a request, as its form says it."""

    step: str
    title: str
    submit: str
    explanation: str
    hint: str
    decide: _Deciding


_CONFIRMING: Final = _Decision(
    "confirm",
    _("Confirm the connection request"),
    _("Confirm"),
    _("The connection is registered as it was requested, and the platform reads the enterprise."),
    _("On what this rests, such as a contract that you have seen. The operator reads it."),
    confirm_request,
)
_REFUSING: Final = _Decision(
    "refuse",
    _("Refuse the connection request"),
    _("Refuse"),
    _("The platform learns nothing of the enterprise, and may ask again."),
    _("Why, and what is missing. The operator reads it."),
    refuse_request,
)


@router.get(_LIST)
def show_requests(
    visit: CurrentVisit, page: RequestedPage, wanted: Annotated[_Wanted, Depends()]
) -> HTMLResponse:
    """The list, in the order in which they came."""
    accepted = ConnectionRequestFilter(
        wanted.platform or None, wanted.enterprise or None, wanted.status
    )
    with visit.database.snapshot() as connection:
        requests = list_requests(connection, visit.caller, accepted, page)
        platforms = platform_choices(connection, visit.caller)
    is_operator = visit.caller.platform is not None
    values = {
        "requests": [
            (each, words(each.status, REQUEST_STATUS_WORDS, visit.translate))
            for each in requests.items
        ],
        "platforms": platforms,
        "statuses": word_choices(RequestStatus, REQUEST_STATUS_WORDS, visit.translate),
        "wanted": wanted,
        "is_operator": is_operator,
        "may_ask": is_operator and visit.may(Permission.CHANGE_REGISTRY),
        "may_decide": visit.may(Permission.CONFIRM_CONNECTIONS),
    }
    return render_list(
        visit,
        "connection-requests",
        _LIST,
        query_of(wanted),
        page,
        requests.next_cursor,
        values,
    )


@router.post("/connection-requests/{request_id}/withdraw")
def take_withdrawal(visit: CurrentVisit, request_id: int) -> Response:
    """Withdraw a request."""
    with visit.database.changing(visit.caller.actor) as connection:
        withdraw_request(connection, visit.caller, request_id)
    return go_on(_LIST, Done.WITHDRAWN)


@router.get("/connection-requests/{request_id}/confirm")
def show_confirmation_form(visit: CurrentVisit, request_id: int) -> HTMLResponse:
    """The form to confirm a request."""
    return _decision_form(visit, _CONFIRMING, request_id, {})


@router.post("/connection-requests/{request_id}/confirm")
def take_confirmation(visit: CurrentVisit, request_id: int, values: FormValues) -> Response:
    """Confirm a request."""
    return _take_decision(visit, _CONFIRMING, request_id, values, Done.CONFIRMED)


@router.get("/connection-requests/{request_id}/refuse")
def show_refusal_form(visit: CurrentVisit, request_id: int) -> HTMLResponse:
    """The form to refuse a request."""
    return _decision_form(visit, _REFUSING, request_id, {})


@router.post("/connection-requests/{request_id}/refuse")
def take_refusal(visit: CurrentVisit, request_id: int, values: FormValues) -> Response:
    """Refuse a request."""
    return _take_decision(visit, _REFUSING, request_id, values, Done.REFUSED)


def _take_decision(
    visit: Visit, decision: _Decision, request_id: int, values: Mapping[str, str], done: Done
) -> Response:
    def act() -> str:
        said = read_form(RequestDecision, values)
        with visit.database.changing(visit.caller.actor) as connection:
            decision.decide(connection, visit.caller, request_id, said.reason)
        return _LIST

    return answer_form(
        visit,
        done,
        act,
        lambda mistakes: _decision_form(visit, decision, request_id, values, mistakes),
    )


def _decision_form(
    visit: Visit,
    decision: _Decision,
    request_id: int,
    values: Mapping[str, str],
    mistakes: Mistakes | None = None,
) -> HTMLResponse:
    with visit.database.reading() as connection:
        request = read_request(connection, visit.caller, request_id)
    reason = Input("reason", _("Reason"), is_required=True, hint=decision.hint, longest=1_000)
    action = f"{_LIST}/{request_id}/{decision.step}"
    form = Form(action, [reason], decision.submit, values, mistakes, cancel=_LIST)
    return form_page(
        visit,
        visit.translate(decision.title),
        form,
        [(visit.translate(_("Connection requests")), _LIST)],
        f"{_in_words(visit, request)} {visit.translate(decision.explanation)}",
    )


def _in_words(visit: Visit, request: ConnectionRequestRecord) -> str:
    """What was asked, in one sentence."""
    sentence = (
        _(
            "The platform {platform} asks to connect {name} ({uscc}) from {from_date}, contract "
            "{contract}."
        )
        if request.to_date is None
        else _(
            "The platform {platform} asks to connect {name} ({uscc}) from {from_date} until "
            "{to_date} (exclusive), contract {contract}."
        )
    )
    contract = request.contract_no or "–"
    values = {**request.model_dump(), "name": request.enterprise_name, "contract": contract}
    return visit.translate(sentence).format(**values)
