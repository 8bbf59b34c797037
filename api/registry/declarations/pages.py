"""Declarations of stop and repair for people: their forms; an enterprise's page lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.announcement import Done
from api.console.breadcrumbs import enterprise_breadcrumbs, enterprise_page_address
from api.console.choices import platform_choices, word_choices
from api.console.forms import (
    Choice,
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
from api.console.words import DECLARATION_WORDS
from api.registry.declarations.answers import Confirmation, NewDeclarationBody
from api.registry.declarations.queries import (
    DeclarationFilter,
    confirm_declaration,
    declare,
    list_declarations,
    read_declaration,
)
from api.registry.declarations.routes import DeclarationId
from api.registry.parents import parent_enterprise_name
from api.web.paging import RequestedPage
from jieru.i18n import marked as _
from registry.declarations import DeclarationKind

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/declarations"
_STANDINGS: Final = {
    "no": _("not confirmed by the enterprise"),
    "yes": _("confirmed by the enterprise"),
    "all": _("all"),
}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The filter of the list."""

    confirmed: Literal["no", "yes", "all"] = "no"
    platform: Filtered = ""


_CONFIRMATION: Final = Input(
    "confirmation",
    _("How the enterprise confirmed it"),
    is_required=True,
    hint=_("Whom you asked, how, and what was said."),
    longest=1_000,
)


@router.get(_LIST)
def show_declarations(
    visit: CurrentVisit, page: RequestedPage, wanted: Annotated[_Wanted, Depends()]
) -> HTMLResponse:
    """The list, in the order in which they came; by default of those that nobody confirmed."""
    accepted = DeclarationFilter(
        platform=wanted.platform or None,
        confirmed=None if wanted.confirmed == "all" else wanted.confirmed,
    )
    with visit.database.snapshot() as connection:
        found = list_declarations(connection, visit.caller, accepted, page)
        platforms = platform_choices(connection, visit.caller)
    values = {
        "declarations": [
            (each, visit.translate(DECLARATION_WORDS[each.kind])) for each in found.items
        ],
        "platforms": platforms,
        "standings": [(value, visit.translate(label)) for value, label in _STANDINGS.items()],
        "wanted": wanted,
        "may_confirm": visit.may(Permission.WORK_ON_CASES),
    }
    query = query_of(wanted)
    return render_list(visit, "declarations", _LIST, query, page, found.next_cursor, values)


@router.get("/enterprises/{uscc}/declarations/new")
def show_new_declaration(visit: CurrentVisit, uscc: str) -> HTMLResponse:
    """The form for a declaration."""
    return _new_form(visit, uscc, {})


@router.post("/enterprises/{uscc}/declarations/new")
def take_new_declaration(visit: CurrentVisit, uscc: str, values: FormValues) -> Response:
    """Declare."""

    def act() -> str:
        new = read_form(NewDeclarationBody, {**values, "uscc": uscc})
        with visit.database.changing(visit.caller.actor) as connection:
            declare(connection, visit.caller, new)
        return enterprise_page_address(uscc)

    return answer_form(
        visit, Done.DECLARED, act, lambda mistakes: _new_form(visit, uscc, values, mistakes)
    )


@router.get("/declarations/{declaration_id}/confirm")
def show_confirmation_form(visit: CurrentVisit, declaration_id: DeclarationId) -> HTMLResponse:
    """The form that records a confirmation."""
    return _confirmation_form(visit, declaration_id, {})


@router.post("/declarations/{declaration_id}/confirm")
def take_confirmation(
    visit: CurrentVisit, declaration_id: DeclarationId, values: FormValues
) -> Response:
    """Confirm."""

    def act() -> str:
        said = read_form(Confirmation, values)
        with visit.database.changing(visit.caller.actor) as connection:
            found = confirm_declaration(connection, visit.caller, declaration_id, said.confirmation)
        return enterprise_page_address(found.uscc)

    return answer_form(
        visit,
        Done.SAVED,
        act,
        lambda mistakes: _confirmation_form(visit, declaration_id, values, mistakes),
    )


def _new_form(
    visit: Visit, uscc: str, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    with visit.database.reading() as connection:
        name = parent_enterprise_name(connection, visit.caller, uscc)
    kinds = [
        Choice("", ""),
        *word_choices(DeclarationKind, DECLARATION_WORDS, visit.translate),
    ]
    inputs = [
        Input("kind", _("What is declared"), "select", is_required=True, choices=kinds),
        Input(
            "serial",
            _("Serial"),
            hint=_("Of one device; left empty: all that the enterprise has on your platform."),
            longest=64,
        ),
        Input(
            "from_date",
            _("From"),
            "date",
            is_required=True,
            hint=_("Yesterday at the earliest."),
        ),
        Input("to_date", _("Last day, inclusive"), "date", is_required=True),
        Input("reason", _("Reason"), is_required=True, longest=1_000),
    ]
    return form_page(
        visit,
        visit.translate(_("Declare a stop or a repair")),
        Form(
            f"{enterprise_page_address(uscc)}/declarations/new",
            inputs,
            _("Declare"),
            values,
            mistakes,
            cancel=enterprise_page_address(uscc),
        ),
        enterprise_breadcrumbs(visit, uscc, name),
        visit.translate(_("What is declared stays, and a false declaration has consequences.")),
    )


def _confirmation_form(
    visit: Visit,
    declaration_id: int,
    values: Mapping[str, str],
    mistakes: Mistakes | None = None,
) -> HTMLResponse:
    with visit.database.reading() as connection:
        found = read_declaration(connection, visit.caller, declaration_id)
    sentence = visit.translate(
        _("{platform} declared for {name}: {kind}, {from_date} to {to_date}.")
    )
    return form_page(
        visit,
        visit.translate(_("Record the enterprise's confirmation")),
        Form(
            f"/declarations/{declaration_id}/confirm",
            [_CONFIRMATION],
            _("Record the confirmation"),
            values,
            mistakes,
            cancel=enterprise_page_address(found.uscc),
        ),
        enterprise_breadcrumbs(visit, found.uscc, found.enterprise_name),
        sentence.format(
            platform=found.platform,
            name=found.enterprise_name,
            kind=visit.translate(DECLARATION_WORDS[found.kind]),
            from_date=found.from_date,
            to_date=found.to_date,
        ),
    )
