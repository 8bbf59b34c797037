"""Gateways for people: those of a platform, a new one, and where one stands."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.console.announcement import Done
from api.console.breadcrumbs import platform_breadcrumbs, platform_page_address
from api.console.forms import (
    Form,
    FormValues,
    Input,
    Mistakes,
    RecordForm,
    answer_form,
    answer_record_form,
    form_page,
    read_form,
)
from api.console.visit import CurrentVisit, Visit
from api.registry.gateways.answers import GatewayChange, GatewayRecord, NewGateway
from api.registry.gateways.listed import gateway_rows, gateways_address
from api.registry.gateways.queries import change_gateway, create_gateway, read_gateway
from api.registry.parents import parent_platform, parent_platform_name
from api.web.paging import RequestedPage
from jieru.i18n import marked as _
from registry.gateways import GatewayAddress

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_SITE: Final = Input(
    "site",
    _("Site"),
    hint=_("Where it stands, such as the enterprise and its workshop."),
    longest=200,
)


@router.get("/platforms/{platform}/gateways")
def show_gateways(visit: CurrentVisit, platform: str, page: RequestedPage) -> HTMLResponse:
    """The gateways of a platform: a page, or for htmx the rows that follow."""
    is_part = "hx-request" in visit.request.headers
    with visit.database.snapshot() as connection:
        name, ended_on = parent_platform(connection, visit.caller, platform)
        rows = gateway_rows(connection, visit, platform, page, ended_on=ended_on)
    return visit.render(
        "gateways/rows.html" if is_part else "gateways/list.html",
        {"breadcrumbs": platform_breadcrumbs(visit, platform, name), **rows},
    )


@router.get("/platforms/{platform}/gateways/new")
def show_new_gateway(visit: CurrentVisit, platform: str) -> HTMLResponse:
    """The form for a gateway of a platform."""
    return _new_form(visit, platform, {})


@router.post("/platforms/{platform}/gateways/new")
def take_new_gateway(visit: CurrentVisit, platform: str, values: FormValues) -> Response:
    """Register a gateway."""

    def act() -> str:
        new = read_form(NewGateway, {**values, "platform": platform})
        with visit.database.changing(visit.caller.actor) as connection:
            return _page_of(create_gateway(connection, visit.caller, new))

    return answer_form(
        visit, Done.REGISTERED, act, lambda mistakes: _new_form(visit, platform, values, mistakes)
    )


@router.get("/platforms/{platform}/gateways/{name}/edit")
def show_edit_form(visit: CurrentVisit, platform: str, name: str) -> HTMLResponse:
    """The form to change where a gateway stands."""
    return _edit_form(visit, GatewayAddress(platform, name)).show(visit)


@router.post("/platforms/{platform}/gateways/{name}/edit")
def take_edit(visit: CurrentVisit, platform: str, name: str, values: FormValues) -> Response:
    """Change where a gateway stands."""
    address = GatewayAddress(platform, name)
    return answer_record_form(
        visit,
        Done.SAVED,
        values,
        GatewayChange,
        lambda connection, change, expected: _page_of(
            change_gateway(connection, visit.caller, address, change, expected)
        ),
        lambda: _edit_form(visit, address),
    )


def _page_of(record: GatewayRecord) -> str:
    return platform_page_address(record.platform)


def _new_form(
    visit: Visit, code: str, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    with visit.database.reading() as connection:
        name = parent_platform_name(connection, visit.caller, code)
    inputs = [
        Input(
            "name",
            _("Name of the gateway"),
            is_required=True,
            hint=_(
                "1 to 64 letters, digits, dots, underscores and hyphens; part of its topics, and "
                "for good."
            ),
            longest=64,
        ),
        _SITE,
    ]
    action = f"{gateways_address(code)}/new"
    cancel = platform_page_address(code)
    return form_page(
        visit,
        visit.translate(_("New gateway")),
        Form(action, inputs, _("Register"), values, mistakes, cancel=cancel),
        platform_breadcrumbs(visit, code, name),
    )


def _edit_form(visit: Visit, address: GatewayAddress) -> RecordForm:
    with visit.database.snapshot() as connection:
        record = read_gateway(connection, visit.caller, address)
        platform = parent_platform_name(connection, visit.caller, address.platform)
    return RecordForm.to_change(
        _("Change the gateway"),
        f"{gateways_address(address.platform)}/{address.name}",
        record,
        [_SITE],
        platform_breadcrumbs(visit, address.platform, platform),
    )
