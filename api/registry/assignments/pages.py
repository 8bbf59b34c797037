"""Assignments for people: hand a device over to an enterprise, or end its assignment."""

from collections.abc import Mapping

import psycopg
from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.console.announcement import Done
from api.console.breadcrumbs import device_breadcrumbs, device_page_address
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
from api.registry.assignments.answers import AssignmentRecord, NewAssignment
from api.registry.assignments.queries import (
    ASSIGNMENTS,
    AssignmentFilter,
    create_assignment,
    end_assignment,
)
from api.registry.late_forms import asking_twice, require_known_backdating
from api.registry.parents import require_parent_device
from api.web.filters import State
from api.web.paging import PageRequest
from api.web.policy import CurrentRegistryRules
from api.web.problems import Kind, Problem, WrongField
from api.web.records import Ending
from api.web.revisions import ExpectedRevision
from jieru.calendar import parse_date
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.wire import DeviceAddress

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)


@router.get("/devices/{platform}/{serial}/hand-over")
def show_hand_over(visit: CurrentVisit, platform: str, serial: str) -> HTMLResponse:
    """The form that hands a device over."""
    values = {"from_date": str(visit.today)}
    return _hand_over_form(visit, DeviceAddress(platform, serial), values)


@router.post("/devices/{platform}/{serial}/hand-over")
def take_hand_over(
    visit: CurrentVisit,
    rules: CurrentRegistryRules,
    platform: str,
    serial: str,
    values: FormValues,
) -> Response:
    """End the open assignment of a device, and begin the next one on the same day."""
    address = DeviceAddress(platform, serial)

    def act() -> str:
        require_known_backdating(visit, values, rules)
        new = read_form(NewAssignment, {**values, **address._asdict()})
        with visit.database.changing(visit.caller.actor) as connection:
            require_parent_device(connection, visit.caller, address)
            _end_open_assignment(connection, visit, address, new.from_date)
            return _page_of(create_assignment(connection, visit.caller, new, now=visit.now))

    return answer_form(
        visit,
        Done.HANDED_OVER,
        act,
        lambda mistakes: _hand_over_form(visit, address, values, mistakes),
    )


@router.get("/assignments/{assignment_id}/end")
def show_end_form(visit: CurrentVisit, assignment_id: int) -> HTMLResponse:
    """The form to end an assignment."""
    return _end_form(visit, assignment_id).show(visit)


@router.post("/assignments/{assignment_id}/end")
def take_end(visit: CurrentVisit, assignment_id: int, values: FormValues) -> Response:
    """End an assignment."""
    caller = visit.caller
    return answer_record_form(
        visit,
        Done.ENDED,
        values,
        Ending,
        lambda connection, ending, expected: _page_of(
            end_assignment(connection, caller, assignment_id, ending.on, expected, now=visit.now)
        ),
        lambda: _end_form(visit, assignment_id),
    )


def _end_open_assignment(
    connection: psycopg.Connection, visit: Visit, address: DeviceAddress, from_date: str
) -> None:
    """Make room for the next assignment; one that ends anyway stays as it is.

    Raises:
        Problem: the day is none, or not after the first day of the open assignment.
    """
    wanted = AssignmentFilter(address.platform, address.serial, state=State.OPEN)
    own = visit.caller.platform_id
    open_ones = ASSIGNMENTS.page(connection, own, wanted, PageRequest(), visit.now).items
    present = next((each for each in open_ones if each.to_date is None), None)
    if present is None:
        return
    try:
        on = parse_date(from_date)
    except ValueError:
        return  # the next assignment says best what is wrong with it
    if on <= present.from_date:
        reason = UserError(
            "The present assignment begins on {first}: choose a later day.",
            first=present.from_date.isoformat(),
        )
        raise Problem(Kind.INVALID_REQUEST, reason.message, **reason.values).about(
            [WrongField("from_date", reason)]
        )
    expected = ExpectedRevision.exactly(present.revision)
    end_assignment(connection, visit.caller, present.id, on, expected, now=visit.now)


def _hand_over_form(
    visit: Visit,
    address: DeviceAddress,
    values: Mapping[str, str],
    mistakes: Mistakes | None = None,
) -> HTMLResponse:
    with visit.database.reading() as connection:
        require_parent_device(connection, visit.caller, address)
    inputs = [
        Input("uscc", _("Enterprise's unified social credit code"), is_required=True, longest=18),
        Input("from_date", _("Assigned from"), "date", is_required=True),
        Input("to_date", _("Until (exclusive)"), "date"),
    ]
    page = device_page_address(address)
    return form_page(
        visit,
        visit.translate(_("Hand the device over")),
        asking_twice(
            Form(f"{page}/hand-over", inputs, _("Hand over"), values, mistakes, cancel=page)
        ),
        device_breadcrumbs(visit, address),
        visit.translate(_("The present assignment ends on the day on which the new one begins.")),
    )


def _end_form(visit: Visit, assignment_id: int) -> RecordForm:
    with visit.database.reading() as connection:
        own = visit.caller.platform_id
        record = ASSIGNMENTS.one(connection, own, visit.now, id=assignment_id)
    return RecordForm.to_end(
        _("End the assignment"),
        f"/assignments/{assignment_id}",
        record,
        device_breadcrumbs(visit, _device_of(record)),
        visit.today,
        _("What was heard until then stays and counts. Nothing is deleted."),
    )


def _page_of(record: AssignmentRecord) -> str:
    return device_page_address(_device_of(record))


def _device_of(record: AssignmentRecord) -> DeviceAddress:
    return DeviceAddress(record.platform, record.serial)
