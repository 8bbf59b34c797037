"""Recognitions for people: a new one of a platform, and its end."""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.console.announcement import Done
from api.console.breadcrumbs import platform_breadcrumbs, platform_page_address
from api.console.choices import word_choices
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
from api.console.words import LEVEL_WORDS
from api.registry.parents import parent_platform_name
from api.registry.recognitions.answers import NewRecognition, RecognitionRecord
from api.registry.recognitions.queries import RECOGNITIONS, create_recognition, end_recognition
from api.web.records import Ending
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)


@router.get("/platforms/{platform}/recognitions/new")
def show_new_recognition(visit: CurrentVisit, platform: str) -> HTMLResponse:
    """The form for a recognition of a platform."""
    return _new_form(visit, platform, {"recognised_on": str(visit.today)})


@router.post("/platforms/{platform}/recognitions/new")
def take_new_recognition(visit: CurrentVisit, platform: str, values: FormValues) -> Response:
    """Register a recognition."""

    def act() -> str:
        new = read_form(NewRecognition, {**values, "platform": platform})
        with visit.database.changing(visit.caller.actor) as connection:
            return _page_of(create_recognition(connection, visit.caller, new, now=visit.now))

    return answer_form(
        visit, Done.REGISTERED, act, lambda mistakes: _new_form(visit, platform, values, mistakes)
    )


@router.get("/recognitions/{recognition_id}/end")
def show_end_form(visit: CurrentVisit, recognition_id: int) -> HTMLResponse:
    """The form to revoke a recognition."""
    return _end_form(visit, recognition_id).show(visit)


@router.post("/recognitions/{recognition_id}/end")
def take_end(visit: CurrentVisit, recognition_id: int, values: FormValues) -> Response:
    """Revoke a recognition."""
    caller = visit.caller
    return answer_record_form(
        visit,
        Done.ENDED,
        values,
        Ending,
        lambda connection, ending, expected: _page_of(
            end_recognition(connection, caller, recognition_id, ending.on, expected, now=visit.now)
        ),
        lambda: _end_form(visit, recognition_id),
    )


def _page_of(record: RecognitionRecord) -> str:
    return platform_page_address(record.platform)


def _new_form(
    visit: Visit, code: str, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    with visit.database.reading() as connection:
        name = parent_platform_name(connection, visit.caller, code)
    levels = word_choices(LEVEL_WORDS, LEVEL_WORDS, visit.translate)
    inputs = [
        Input("level", _("Level"), "select", is_required=True, choices=levels),
        Input("recognised_on", _("Recognised on"), "date", is_required=True),
    ]
    page = platform_page_address(code)
    action = f"{page}/recognitions/new"
    return form_page(
        visit,
        visit.translate(_("New recognition")),
        Form(action, inputs, _("Register"), values, mistakes, cancel=page),
        platform_breadcrumbs(visit, code, name),
    )


def _end_form(visit: Visit, recognition_id: int) -> RecordForm:
    with visit.database.snapshot() as connection:
        own = visit.caller.platform_id
        record = RECOGNITIONS.one(connection, own, visit.now, id=recognition_id)
        name = parent_platform_name(connection, visit.caller, record.platform)
    return RecordForm.to_end(
        _("Revoke the recognition"),
        f"/recognitions/{recognition_id}",
        record,
        platform_breadcrumbs(visit, record.platform, name),
        visit.today,
    )
