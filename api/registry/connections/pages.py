"""Connections for people: a new one of an enterprise, its contract, its end."""

from collections.abc import Mapping
from typing import Final

import psycopg
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.console.announcement import Done, go_on
from api.console.breadcrumbs import enterprise_breadcrumbs, enterprise_page_address
from api.console.choices import platform_choices
from api.console.forms import (
    Form,
    FormValues,
    Input,
    Mistakes,
    RecordForm,
    answer_form,
    answer_record_form,
    form_page,
    mistakes_of,
    read_form,
)
from api.console.visit import CurrentVisit, Visit
from api.registry.connection_requests.answers import ConnectionRequestRecord
from api.registry.connections.answers import ConnectionChange, ConnectionRecord, NewConnection
from api.registry.connections.queries import (
    CONNECTIONS,
    change_connection,
    create_connection,
    end_connection,
)
from api.registry.late_forms import asking_twice, require_known_backdating
from api.registry.parents import parent_enterprise_name
from api.web.policy import CurrentRegistryRules
from api.web.problems import Problem
from api.web.records import Ending
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_CONTRACT: Final = (
    Input("contract_no", _("Contract"), longest=100),
    Input("signed_on", _("Signed on"), "date"),
)
_BY_CODE: Final = Input(
    "uscc",
    _("Enterprise's unified social credit code"),
    is_required=True,
    hint=_("Of a registered enterprise. One that is not registered yet is registered first."),
    longest=18,
)
_REQUESTS: Final = "/connection-requests"


@router.get("/connections/new")
def show_new_connection_by_code(visit: CurrentVisit) -> HTMLResponse:
    """The form for a connection of an enterprise that is named by its code."""
    return _form_by_code(visit, {"from_date": str(visit.today)})


@router.post("/connections/new")
def take_new_connection_by_code(
    visit: CurrentVisit, rules: CurrentRegistryRules, values: FormValues
) -> Response:
    """Register a connection or, of another platform's enterprise, request it."""
    own = {"platform": visit.caller.platform.code} if visit.caller.platform else {}
    try:
        require_known_backdating(visit, values, rules)
        new = read_form(NewConnection, {**values, **own})
        with visit.database.changing(visit.caller.actor) as connection:
            made = create_connection(connection, visit.caller, new, now=visit.now)
    except Problem as problem:
        return _form_by_code(visit, values, mistakes_of(visit.request, problem))
    if isinstance(made, ConnectionRequestRecord):
        return go_on(_REQUESTS, Done.REQUESTED)
    return go_on(_page_of(made), Done.REGISTERED)


@router.get("/enterprises/{uscc}/connections/new")
def show_new_connection(visit: CurrentVisit, uscc: str) -> HTMLResponse:
    """The form for a connection of an enterprise."""
    return _new_form(visit, uscc, {"from_date": str(visit.today)})


@router.post("/enterprises/{uscc}/connections/new")
def take_new_connection(
    visit: CurrentVisit, rules: CurrentRegistryRules, uscc: str, values: FormValues
) -> Response:
    """Register a connection."""
    own = {"platform": visit.caller.platform.code} if visit.caller.platform else {}

    def act() -> str:
        require_known_backdating(visit, values, rules)
        new = read_form(NewConnection, {**values, **own, "uscc": uscc})
        with visit.database.changing(visit.caller.actor) as connection:
            # Whoever sees the enterprise need not ask for it.
            parent_enterprise_name(connection, visit.caller, uscc)
            create_connection(connection, visit.caller, new, now=visit.now)
        return enterprise_page_address(uscc)

    return answer_form(
        visit, Done.REGISTERED, act, lambda mistakes: _new_form(visit, uscc, values, mistakes)
    )


@router.get("/connections/{connection_id}/edit")
def show_edit_form(visit: CurrentVisit, connection_id: int) -> HTMLResponse:
    """The form to change a connection."""
    return _edit_form(visit, connection_id).show(visit)


@router.post("/connections/{connection_id}/edit")
def take_edit(visit: CurrentVisit, connection_id: int, values: FormValues) -> Response:
    """Change a connection."""
    caller = visit.caller
    return answer_record_form(
        visit,
        Done.SAVED,
        values,
        ConnectionChange,
        lambda connection, change, expected: _page_of(
            change_connection(connection, caller, connection_id, change, expected, now=visit.now)
        ),
        lambda: _edit_form(visit, connection_id),
    )


@router.get("/connections/{connection_id}/end")
def show_end_form(visit: CurrentVisit, connection_id: int) -> HTMLResponse:
    """The form to end a connection."""
    return _end_form(visit, connection_id).show(visit)


@router.post("/connections/{connection_id}/end")
def take_end(visit: CurrentVisit, connection_id: int, values: FormValues) -> Response:
    """End a connection."""
    caller = visit.caller
    return answer_record_form(
        visit,
        Done.ENDED,
        values,
        Ending,
        lambda connection, ending, expected: _page_of(
            end_connection(connection, caller, connection_id, ending.on, expected, now=visit.now)
        ),
        lambda: _end_form(visit, connection_id),
    )


def _read(visit: Visit, connection_id: int) -> ConnectionRecord:
    with visit.database.reading() as connection:
        return CONNECTIONS.one(connection, visit.caller.platform_id, visit.now, id=connection_id)


def _page_of(record: ConnectionRecord) -> str:
    return enterprise_page_address(record.uscc)


def _form_by_code(
    visit: Visit, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    with visit.database.snapshot() as connection:
        inputs = [_BY_CODE, *_asked_of_new(connection, visit)]
    return form_page(
        visit,
        visit.translate(_("Connect an enterprise")),
        asking_twice(
            Form("/connections/new", inputs, _("Connect"), values, mistakes, cancel=_REQUESTS)
        ),
        [(visit.translate(_("Connection requests")), _REQUESTS)],
        visit.translate(
            _("An enterprise that another platform keeps or serves waits for the bureau's word.")
        ),
    )


def _asked_of_new(connection: psycopg.Connection, visit: Visit) -> list[Input]:
    inputs = [
        Input("from_date", _("From"), "date", is_required=True),
        Input("to_date", _("Until (exclusive)"), "date"),
        *_CONTRACT,
    ]
    if visit.caller.platform is None:
        choices = platform_choices(connection, visit.caller)
        inputs.insert(
            0, Input("platform", _("Platform"), "select", is_required=True, choices=choices)
        )
    return inputs


def _new_form(
    visit: Visit, uscc: str, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    with visit.database.snapshot() as connection:
        name = parent_enterprise_name(connection, visit.caller, uscc)
        inputs = _asked_of_new(connection, visit)
    page = enterprise_page_address(uscc)
    action = f"{page}/connections/new"
    return form_page(
        visit,
        visit.translate(_("New connection")),
        asking_twice(Form(action, inputs, _("Register"), values, mistakes, cancel=page)),
        enterprise_breadcrumbs(visit, uscc, name),
    )


def _edit_form(visit: Visit, connection_id: int) -> RecordForm:
    record = _read(visit, connection_id)
    return RecordForm.to_change(
        _("Change the connection"),
        f"/connections/{connection_id}",
        record,
        _CONTRACT,
        enterprise_breadcrumbs(visit, record.uscc, record.enterprise_name),
    )


def _end_form(visit: Visit, connection_id: int) -> RecordForm:
    record = _read(visit, connection_id)
    return RecordForm.to_end(
        _("End the connection"),
        f"/connections/{connection_id}",
        record,
        enterprise_breadcrumbs(visit, record.uscc, record.enterprise_name),
        visit.today,
        _("What was heard until then stays and counts. Nothing is deleted."),
    )
