"""The contact of an enterprise for people of the bureau: who it is, who it was, another one."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.announcement import Done
from api.console.breadcrumbs import enterprise_breadcrumbs, enterprise_page_address
from api.console.forms import (
    Form,
    FormValues,
    Input,
    Mistakes,
    answer_form,
    form_page,
    read_form,
)
from api.console.visit import CurrentVisit, Visit
from api.registry.contacts.answers import NewContactBody
from api.registry.contacts.queries import list_contacts, record_contact
from api.registry.parents import parent_enterprise_name
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_INPUTS: Final = (
    Input("name", _("Name of the person or office"), is_required=True, longest=100),
    Input(
        "email",
        _("Mail address"),
        hint=_("Questions about connections are sent there."),
        longest=200,
    ),
    Input("telephone", _("Telephone"), longest=30),
    Input("postal_address", _("Postal address"), hint=_("For letters."), longest=200),
)


@router.get("/enterprises/{uscc}/contact")
def show_contact(visit: CurrentVisit, uscc: str) -> HTMLResponse:
    """Who is asked, and who was before."""
    with visit.database.snapshot() as connection:
        name = parent_enterprise_name(connection, visit.caller, uscc)
        contacts = list_contacts(connection, visit.caller, uscc)
    return visit.render(
        "contacts/contact.html",
        {
            "breadcrumbs": enterprise_breadcrumbs(visit, uscc, name),
            "uscc": uscc,
            "contacts": contacts.items,
            "shared_with": contacts.shared_with,
            "may_change": visit.may(Permission.CHANGE_CONTACTS),
        },
    )


@router.get("/enterprises/{uscc}/contact/edit")
def show_contact_form(visit: CurrentVisit, uscc: str) -> HTMLResponse:
    """The form for a contact, with the one before in it."""
    with visit.database.reading() as connection:
        found = list_contacts(connection, visit.caller, uscc).items
    present = found[0].model_dump() if found else {}
    values = {each.name: str(present.get(each.name) or "") for each in _INPUTS}
    return _form(visit, uscc, values)


@router.post("/enterprises/{uscc}/contact/edit")
def take_contact(visit: CurrentVisit, uscc: str, values: FormValues) -> Response:
    """Enter a contact."""

    def act() -> str:
        new = read_form(NewContactBody, values)
        with visit.database.changing(visit.caller.actor) as connection:
            record_contact(connection, visit.caller, uscc, new)
        return f"{enterprise_page_address(uscc)}/contact"

    return answer_form(
        visit, Done.SAVED, act, lambda mistakes: _form(visit, uscc, values, mistakes)
    )


def _form(
    visit: Visit, uscc: str, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    with visit.database.reading() as connection:
        name = parent_enterprise_name(connection, visit.caller, uscc)
    page = f"{enterprise_page_address(uscc)}/contact"
    return form_page(
        visit,
        visit.translate(_("Enterprise's contact")),
        Form(f"{page}/edit", _INPUTS, _("Save"), values, mistakes, cancel=page),
        enterprise_breadcrumbs(visit, uscc, name),
        visit.translate(
            _(
                "From the bureau's own knowledge, such as the commercial register: never from the "
                "platform that is to be checked. Links sent to the contact before end."
            )
        ),
    )
