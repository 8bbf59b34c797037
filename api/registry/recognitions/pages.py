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
    end_input,
    form_page,
    read_form,
    revision_of,
)
from api.console.visit import CurrentVisit, Visit
from api.console.words import LEVEL_WORDS
from api.registry.parents import parent_platform_name
from api.registry.recognitions.answers import NewRecognition
from api.registry.recognitions.queries import create_recognition, end_recognition, read_recognition
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
            create_recognition(connection, visit.caller, new)
        return platform_page_address(platform)

    return answer_form(
        visit, Done.REGISTERED, act, lambda mistakes: _new_form(visit, platform, values, mistakes)
    )


@router.get("/recognitions/{recognition_id}/end")
def show_end_form(visit: CurrentVisit, recognition_id: int) -> HTMLResponse:
    """The form to revoke a recognition."""
    return _end_form(visit, recognition_id, {"on": str(visit.today)})


@router.post("/recognitions/{recognition_id}/end")
def take_end(visit: CurrentVisit, recognition_id: int, values: FormValues) -> Response:
    """Revoke a recognition."""

    def act() -> str:
        on, expected = read_form(Ending, values).on, revision_of(values)
        with visit.database.changing(visit.caller.actor) as connection:
            record = end_recognition(connection, visit.caller, recognition_id, on, expected)
        return platform_page_address(record.platform)

    return answer_form(
        visit, Done.ENDED, act, lambda mistakes: _end_form(visit, recognition_id, values, mistakes)
    )


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


def _end_form(
    visit: Visit, recognition_id: int, typed: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    with visit.database.snapshot() as connection:
        record = read_recognition(connection, visit.caller, recognition_id)
        name = parent_platform_name(connection, visit.caller, record.platform)
    form = RecordForm(
        _("Revoke the recognition"),
        f"/recognitions/{recognition_id}/end",
        [end_input()],
        _("Record the end"),
        platform_breadcrumbs(visit, record.platform, name),
    )
    return form.show(visit, {"on": typed.get("on", "")}, record.revision, typed, mistakes)
