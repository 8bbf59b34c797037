"""Connections for people: a new one of an enterprise, its contract, its end."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.console.announcement import Done
from api.console.breadcrumbs import enterprise_breadcrumbs, enterprise_page_address
from api.console.choices import platform_choices
from api.console.forms import (
    Form,
    FormValues,
    Input,
    Mistakes,
    RecordForm,
    answer_form,
    end_input,
    form_page,
    read_form,
    revision_of,
)
from api.console.visit import CurrentVisit, Visit
from api.registry.connections.answers import ConnectionChange, ConnectionRecord, NewConnection
from api.registry.connections.queries import (
    change_connection,
    create_connection,
    end_connection,
    read_connection,
)
from api.registry.parents import parent_enterprise_name
from api.web.records import Ending
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_CONTRACT: Final = (
    Input("contract_no", _("Contract"), longest=100),
    Input("signed_on", _("Signed on"), "date"),
)


@router.get("/enterprises/{uscc}/connections/new")
def show_new_connection(visit: CurrentVisit, uscc: str) -> HTMLResponse:
    """The form for a connection of an enterprise."""
    return _new_form(visit, uscc, {"from_date": str(visit.today)})


@router.post("/enterprises/{uscc}/connections/new")
def take_new_connection(visit: CurrentVisit, uscc: str, values: FormValues) -> Response:
    """Register a connection."""
    own = {"platform": visit.caller.platform.code} if visit.caller.platform else {}

    def act() -> str:
        new = read_form(NewConnection, {**values, **own, "uscc": uscc})
        with visit.database.changing(visit.caller.actor) as connection:
            create_connection(connection, visit.caller, new)
        return enterprise_page_address(uscc)

    return answer_form(
        visit, Done.REGISTERED, act, lambda mistakes: _new_form(visit, uscc, values, mistakes)
    )


@router.get("/connections/{connection_id}/edit")
def show_edit_form(visit: CurrentVisit, connection_id: int) -> HTMLResponse:
    """The form to change a connection."""
    return _edit_form(visit, connection_id)


@router.post("/connections/{connection_id}/edit")
def take_edit(visit: CurrentVisit, connection_id: int, values: FormValues) -> Response:
    """Change a connection."""

    def act() -> str:
        change, expected = read_form(ConnectionChange, values), revision_of(values)
        with visit.database.changing(visit.caller.actor) as connection:
            record = change_connection(connection, visit.caller, connection_id, change, expected)
        return enterprise_page_address(record.uscc)

    return answer_form(
        visit, Done.SAVED, act, lambda mistakes: _edit_form(visit, connection_id, values, mistakes)
    )


@router.get("/connections/{connection_id}/end")
def show_end_form(visit: CurrentVisit, connection_id: int) -> HTMLResponse:
    """The form to end a connection."""
    return _end_form(visit, connection_id, {"on": str(visit.today)})


@router.post("/connections/{connection_id}/end")
def take_end(visit: CurrentVisit, connection_id: int, values: FormValues) -> Response:
    """End a connection."""

    def act() -> str:
        on, expected = read_form(Ending, values).on, revision_of(values)
        with visit.database.changing(visit.caller.actor) as connection:
            record = end_connection(connection, visit.caller, connection_id, on, expected)
        return enterprise_page_address(record.uscc)

    return answer_form(
        visit, Done.ENDED, act, lambda mistakes: _end_form(visit, connection_id, values, mistakes)
    )


def _read(visit: Visit, connection_id: int) -> ConnectionRecord:
    with visit.database.reading() as connection:
        return read_connection(connection, visit.caller, connection_id)


def _new_form(
    visit: Visit, uscc: str, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    inputs = [
        Input("from_date", _("From"), "date", is_required=True),
        Input("to_date", _("Until (exclusive)"), "date"),
        *_CONTRACT,
    ]
    with visit.database.snapshot() as connection:
        name = parent_enterprise_name(connection, visit.caller, uscc)
        if visit.caller.platform is None:
            choices = platform_choices(connection, visit.caller)
            inputs.insert(
                0, Input("platform", _("Platform"), "select", is_required=True, choices=choices)
            )
    page = enterprise_page_address(uscc)
    action = f"{page}/connections/new"
    return form_page(
        visit,
        visit.translate(_("New connection")),
        Form(action, inputs, _("Register"), values, mistakes, cancel=page),
        enterprise_breadcrumbs(visit, uscc, name),
    )


def _edit_form(
    visit: Visit,
    connection_id: int,
    typed: Mapping[str, str] | None = None,
    mistakes: Mistakes | None = None,
) -> HTMLResponse:
    record = _read(visit, connection_id)
    fresh = {
        "contract_no": record.contract_no or "",
        "signed_on": str(record.signed_on or ""),
    }
    form = RecordForm(
        _("Change the connection"),
        f"/connections/{connection_id}/edit",
        _CONTRACT,
        _("Save"),
        enterprise_breadcrumbs(visit, record.uscc, record.enterprise_name),
    )
    return form.show(visit, fresh, record.revision, typed or {}, mistakes)


def _end_form(
    visit: Visit, connection_id: int, typed: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    record = _read(visit, connection_id)
    form = RecordForm(
        _("End the connection"),
        f"/connections/{connection_id}/end",
        [end_input()],
        _("Record the end"),
        enterprise_breadcrumbs(visit, record.uscc, record.enterprise_name),
        _("What was heard until then stays and counts. Nothing is deleted."),
    )
    return form.show(visit, {"on": typed.get("on", "")}, record.revision, typed, mistakes)
