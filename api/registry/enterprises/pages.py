"""Enterprises for people: the list, one enterprise with what was heard of it, and its changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.announcement import Done
from api.console.breadcrumbs import enterprise_breadcrumbs, enterprise_page_address
from api.console.choices import DistrictChoices, label_of, platform_choices, word_choices
from api.console.forms import (
    Choice,
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
from api.console.listed import Filtered, filter_of, list_address, query_of, render_list
from api.console.visit import CurrentVisit, Visit
from api.console.words import (
    DECLARATION_WORDS,
    DEVICE_STATUS_WORDS,
    STANDING_WORDS,
    STATE_WORDS,
    words,
)
from api.pipeline.enterprise_view import shown_years
from api.pipeline.source import CurrentPipelines
from api.registry.assignments.queries import ASSIGNMENTS, AssignmentFilter
from api.registry.connections.queries import CONNECTIONS, ConnectionFilter
from api.registry.declarations.queries import DeclarationFilter, list_declarations
from api.registry.enterprises.answers import EnterpriseChange, EnterpriseRecord, NewEnterprise
from api.registry.enterprises.calendar import calendar_weeks
from api.registry.enterprises.presence import read_enterprise_presence
from api.registry.enterprises.queries import (
    ENTERPRISES,
    EnterpriseFilter,
    change_enterprise,
    create_enterprise,
    end_enterprise,
    read_enterprise,
    reopen_enterprise,
)
from api.web.filters import State
from api.web.paging import PageRequest, RequestedPage
from api.web.records import Body, Ending
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/enterprises"
_NEW: Final = "/enterprises/new"
_HISTORY: Final = PageRequest(limit=200)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The filter of the list."""

    platform: Filtered = ""
    district: Filtered = ""
    state: State = State.OPEN
    text: Filtered = ""


@router.get(_LIST)
def show_enterprises(
    visit: CurrentVisit,
    page: RequestedPage,
    districts: DistrictChoices,
    wanted: Annotated[_Wanted, Depends()],
) -> HTMLResponse:
    """The list."""
    accepted = filter_of(EnterpriseFilter, wanted)
    with visit.database.snapshot() as connection:
        enterprises = ENTERPRISES.page(
            connection, visit.caller.platform_id, accepted, page, visit.now
        )
        platforms = platform_choices(connection, visit.caller)
    query = query_of(wanted)
    values = {
        "enterprises": [(each, label_of(districts, each.district)) for each in enterprises.items],
        "platforms": platforms,
        "districts": districts,
        "states": word_choices(State, STATE_WORDS, visit.translate),
        "wanted": wanted,
        "export_address": list_address("/api/v1/enterprises.csv", query),
        "may_change": visit.may(Permission.CHANGE_REGISTRY),
    }
    return render_list(visit, "enterprises", _LIST, query, page, enterprises.next_cursor, values)


@router.get(_NEW)
def show_new_enterprise(visit: CurrentVisit, districts: DistrictChoices) -> HTMLResponse:
    """The form for an enterprise."""
    return _new_form(visit, districts, {})


@router.post(_NEW)
def take_new_enterprise(
    visit: CurrentVisit, districts: DistrictChoices, values: FormValues
) -> Response:
    """Register an enterprise."""

    def act() -> str:
        new = read_form(NewEnterprise, values)
        known = [choice.value for choice in districts]
        with visit.database.changing(visit.caller.actor) as connection:
            return _page_of(
                create_enterprise(connection, visit.caller, new, districts=known, now=visit.now)
            )

    return answer_form(
        visit, Done.REGISTERED, act, lambda mistakes: _new_form(visit, districts, values, mistakes)
    )


@router.get("/enterprises/{uscc}")
def show_enterprise(
    visit: CurrentVisit, districts: DistrictChoices, pipelines: CurrentPipelines, uscc: str
) -> HTMLResponse:
    """One enterprise: where it stands, facts, connections, devices, calendar, assignments."""
    own_id = visit.caller.platform_id
    connected = ConnectionFilter(enterprise=uscc, state=State.ALL)
    assigned = AssignmentFilter(enterprise=uscc, state=State.ALL)
    with visit.database.snapshot() as connection:
        enterprise = read_enterprise(connection, visit.caller, uscc, now=visit.now)
        connections = CONNECTIONS.page(connection, own_id, connected, _HISTORY, visit.now)
        assignments = ASSIGNMENTS.page(connection, own_id, assigned, _HISTORY, visit.now)
        declarations = list_declarations(
            connection, visit.caller, DeclarationFilter(enterprise=uscc), _HISTORY
        )
        presence = read_enterprise_presence(
            connection, visit.caller, uscc, None, None, None, now=visit.now
        )
    may_change = visit.may(Permission.CHANGE_REGISTRY)
    own = visit.caller.platform
    return visit.render(
        "enterprises/enterprise.html",
        {
            "enterprise": enterprise,
            "years": shown_years(visit, pipelines, uscc) if own is not None else [],
            "district": label_of(districts, enterprise.district),
            "devices": [
                (words(status, DEVICE_STATUS_WORDS, visit.translate), number)
                for status, number in enterprise.devices.items()
            ],
            "connections": [
                (each, words(each.confirmation, STANDING_WORDS, visit.translate))
                for each in connections.items
            ],
            "may_read_contacts": visit.may(Permission.READ_CONTACTS),
            "assignments": assignments.items,
            "declarations": [
                (each, visit.translate(DECLARATION_WORDS[each.kind])) for each in declarations.items
            ],
            "may_declare": own is not None and visit.may(Permission.ANSWER_QUESTIONS),
            "may_confirm": visit.may(Permission.WORK_ON_CASES),
            "weeks": calendar_weeks(presence.days),
            "today": visit.today,
            "may_change": may_change,
            "may_edit": may_change and (own is None or enterprise.kept_by == own.code),
        },
    )


@router.get("/enterprises/{uscc}/edit")
def show_edit_form(visit: CurrentVisit, districts: DistrictChoices, uscc: str) -> HTMLResponse:
    """The form to change an enterprise."""
    return _edit_form(visit, districts, uscc).show(visit)


@router.post("/enterprises/{uscc}/edit")
def take_edit(
    visit: CurrentVisit, districts: DistrictChoices, uscc: str, values: FormValues
) -> Response:
    """Change an enterprise."""
    known, caller = [choice.value for choice in districts], visit.caller
    return answer_record_form(
        visit,
        Done.SAVED,
        values,
        EnterpriseChange,
        lambda connection, change, expected: _page_of(
            change_enterprise(
                connection, caller, uscc, change, expected, districts=known, now=visit.now
            )
        ),
        lambda: _edit_form(visit, districts, uscc),
    )


@router.get("/enterprises/{uscc}/end")
def show_end_form(visit: CurrentVisit, uscc: str) -> HTMLResponse:
    """The form to end an enterprise."""
    return _end_form(visit, uscc).show(visit)


@router.post("/enterprises/{uscc}/end")
def take_end(visit: CurrentVisit, uscc: str, values: FormValues) -> Response:
    """End an enterprise."""
    return answer_record_form(
        visit,
        Done.ENDED,
        values,
        Ending,
        lambda connection, ending, expected: _page_of(
            end_enterprise(connection, visit.caller, uscc, ending.on, expected, now=visit.now)
        ),
        lambda: _end_form(visit, uscc),
    )


@router.get("/enterprises/{uscc}/reopen")
def show_reopening_form(visit: CurrentVisit, uscc: str) -> HTMLResponse:
    """The form to take back the end of an enterprise."""
    return _reopening_form(visit, uscc).show(visit)


@router.post("/enterprises/{uscc}/reopen")
def take_reopening(visit: CurrentVisit, uscc: str, values: FormValues) -> Response:
    """Take back the end of an enterprise."""
    return answer_record_form(
        visit,
        Done.REOPENED,
        values,
        Body,
        lambda connection, _nothing, expected: _page_of(
            reopen_enterprise(connection, visit.caller, uscc, expected, now=visit.now)
        ),
        lambda: _reopening_form(visit, uscc),
    )


def _read(visit: Visit, uscc: str) -> EnterpriseRecord:
    with visit.database.reading() as connection:
        return ENTERPRISES.one(connection, visit.caller.platform_id, visit.now, uscc=uscc)


def _page_of(record: EnterpriseRecord) -> str:
    return enterprise_page_address(record.uscc)


def _describing(districts: Sequence[Choice]) -> list[Input]:
    return [
        Input("name", _("Name"), is_required=True, longest=200),
        Input("district", _("District"), "select", is_required=True, choices=districts),
        Input(
            "industry_code",
            _("Industry code (GB/T 4754)"),
            hint=_("The section's letter and up to four digits, such as C3311."),
            longest=5,
        ),
    ]


def _new_form(
    visit: Visit,
    districts: Sequence[Choice],
    values: Mapping[str, str],
    mistakes: Mistakes | None = None,
) -> HTMLResponse:
    uscc = Input("uscc", _("Unified social credit code"), is_required=True, longest=18)
    inputs = [uscc, *_describing(districts)]
    return form_page(
        visit,
        visit.translate(_("New enterprise")),
        Form(_NEW, inputs, _("Register"), values, mistakes, cancel=_LIST),
        [(visit.translate(_("Enterprises")), _LIST)],
    )


def _edit_form(visit: Visit, districts: Sequence[Choice], uscc: str) -> RecordForm:
    enterprise = _read(visit, uscc)
    return RecordForm.to_change(
        _("Change the enterprise"),
        enterprise_page_address(uscc),
        enterprise,
        _describing(districts),
        enterprise_breadcrumbs(visit, uscc, enterprise.name),
    )


def _end_form(visit: Visit, uscc: str) -> RecordForm:
    enterprise = _read(visit, uscc)
    return RecordForm.to_end(
        _("End the enterprise"),
        enterprise_page_address(uscc),
        enterprise,
        enterprise_breadcrumbs(visit, uscc, enterprise.name),
        visit.today,
        _("Only after its connections and assignments have ended. Nothing is deleted."),
    )


def _reopening_form(visit: Visit, uscc: str) -> RecordForm:
    enterprise = _read(visit, uscc)
    return RecordForm.to_reopen(
        _("Take back the enterprise's end"),
        enterprise_page_address(uscc),
        enterprise,
        enterprise_breadcrumbs(visit, uscc, enterprise.name),
        _("For an end that was recorded by mistake. Connections and assignments stay ended."),
    )
