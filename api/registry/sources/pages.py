"""Sources for people: those of a platform, a new one or its next version, a sample tried."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.announcement import Done, go_on
from api.console.breadcrumbs import Breadcrumbs, platform_breadcrumbs, platform_page_address
from api.console.forms import (
    Choice,
    Form,
    FormValues,
    Input,
    Mistakes,
    answer_form,
    checked,
    form_page,
    mistakes_of,
)
from api.console.listed import list_address
from api.console.visit import CurrentVisit, Visit
from api.registry.parents import parent_platform, parent_platform_name
from api.registry.sources.answers import NewSource, SourceRecord, Trial, TriedSample
from api.registry.sources.queries import (
    SourceFilter,
    declare_source,
    end_source,
    list_sources,
    read_source,
)
from api.registry.sources.trials import try_sample
from api.web.paging import PageRequest, RequestedPage
from api.web.policy import CurrentPolicy
from api.web.problems import Kind, Problem, WrongField
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.sources.ready_made import ready_made
from registry.sources import SourceAddress

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_MOST_TO_CHOOSE: Final = PageRequest(limit=200)
_TYPED: Final = {"hex": "text", "base64": "text"}
"""Which input of the form says what the API has a field of its own for."""
_FORMAT: Final = Input(
    "format",
    _("Own format, in JSON"),
    "lines",
    hint=_("Only where no ready-made one fits; docs/connect.md describes it."),
)


def sources_address(platform: str) -> str:
    """Of the page of a platform's sources, under which their forms are."""
    return f"{platform_page_address(platform)}/sources"


@router.get("/platforms/{platform}/sources")
def show_sources(visit: CurrentVisit, platform: str, page: RequestedPage) -> HTMLResponse:
    """The sources of a platform, version by version."""
    with visit.database.snapshot() as connection:
        name, ended_on = parent_platform(connection, visit.caller, platform)
        found = list_sources(connection, visit.caller, SourceFilter(platform=platform), page)
    address, cursor = sources_address(platform), found.next_cursor
    return visit.render(
        "sources/list.html",
        {
            "breadcrumbs": platform_breadcrumbs(visit, platform, name),
            "sources": [(each, _shown_format(each)) for each in found.items],
            "sources_address": address,
            "next_address": list_address(address, {"cursor": cursor}) if cursor else None,
            "may_change": ended_on is None and visit.may(Permission.CHANGE_CREDENTIALS),
        },
    )


@router.get("/platforms/{platform}/sources/new")
def show_new_source(visit: CurrentVisit, platform: str, name: str = "") -> HTMLResponse:
    """The form for a source; for one that there is, with the version in force."""
    values = {"name": name}
    with visit.database.reading() as connection:
        try:
            present = read_source(connection, visit.caller, SourceAddress(platform, name))
        except Problem:  # there is none of this name yet
            present = None
    if present is not None:
        values["format"] = _shown_format(present)
    elif name in ready_made():
        values["ready_made"] = name
    return _new_form(visit, platform, values)


@router.post("/platforms/{platform}/sources/new")
def take_new_source(
    visit: CurrentVisit, policy: CurrentPolicy, platform: str, values: FormValues
) -> Response:
    """Declare a source, or its next version."""

    def act() -> str:
        said = {
            "platform": platform,
            "name": values.get("name", ""),
            "ready_made": values.get("ready_made") or None,
            "format": _typed_format(values),
        }
        new = checked(NewSource, said)
        with visit.database.changing(visit.caller.actor) as connection:
            declare_source(connection, visit.caller, new, policy)
        return sources_address(platform)

    return answer_form(
        visit,
        Done.SOURCE_DECLARED,
        act,
        lambda mistakes: _new_form(visit, platform, values, mistakes),
    )


@router.post("/platforms/{platform}/sources/{name}/end")
def take_end(visit: CurrentVisit, platform: str, name: str) -> Response:
    """End a source."""
    with visit.database.changing(visit.caller.actor) as connection:
        end_source(connection, visit.caller, SourceAddress(platform, name))
    return go_on(sources_address(platform), Done.SOURCE_ENDED)


@router.get("/platforms/{platform}/sources/try")
def show_trial(visit: CurrentVisit, platform: str, source: str = "") -> HTMLResponse:
    """The form to try a sample."""
    return _trial_page(visit, platform, {"source": source})


@router.post("/platforms/{platform}/sources/try")
def take_trial(
    visit: CurrentVisit, policy: CurrentPolicy, platform: str, values: FormValues
) -> HTMLResponse:
    """What is read in a sample; nothing of it is kept."""
    try:
        tried = try_sample(_trial_of(visit, platform, values), visit.language, policy)
    except Problem as problem:
        mistakes = mistakes_of(visit.request, problem)
        in_place = {_TYPED.get(name, name): said for name, said in mistakes.by_field.items()}
        return _trial_page(visit, platform, values, mistakes=replace(mistakes, by_field=in_place))
    return _trial_page(visit, platform, values, tried=tried)


def _trial_of(visit: Visit, platform: str, values: Mapping[str, str]) -> Trial:
    """What the form says: a source of the platform, a ready-made format, or one that was typed."""
    kind, __, name = values.get("source", "").partition(":")
    declared = _typed_format(values)
    ready_made_name = name if kind == "ready-made" else None
    if kind == "declared" and declared is None:
        with visit.database.reading() as connection:
            declared = read_source(connection, visit.caller, SourceAddress(platform, name)).format
    said = {
        "ready_made": ready_made_name,
        "format": declared,
        _written_as(values): _typed_sample(values),
        "serial_of_topic": values.get("serial_of_topic") or None,
    }
    return checked(Trial, said)


def _written_as(values: Mapping[str, str]) -> str:
    """How the sample was typed."""
    written = values.get("written", "")
    return written if written in {"hex", "base64"} else "text"


def _typed_sample(values: Mapping[str, str]) -> str:
    """The sample; bytes may be typed on several lines."""
    text = values.get("text", "")
    return text if _written_as(values) == "text" else "".join(text.split())


def _typed_format(values: Mapping[str, str]) -> dict[str, object] | None:
    """The format that was typed; None: none was.

    Raises:
        Problem: it is no JSON object.
    """
    text = values.get("format", "")
    if not text:
        return None
    try:
        declared = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong_format(_("It is not JSON: {error}."), error=str(error)) from None
    if not isinstance(declared, dict):
        raise _wrong_format(_("It must be a JSON object."))
    return declared


def _wrong_format(message: str, **values: object) -> Problem:
    reason = UserError(message, **values)
    return Problem(Kind.INVALID_REQUEST).about([WrongField("format", reason)])


def _shown_format(record: SourceRecord) -> str:
    return json.dumps(record.format, ensure_ascii=False, indent=2)


def _ready_made_choices(visit: Visit) -> list[Choice]:
    return [
        Choice(name, each.title.zh if visit.language == "zh" else each.title.en)
        for name, each in ready_made().items()
    ]


def _new_form(
    visit: Visit, code: str, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    with visit.database.reading() as connection:
        name = parent_platform_name(connection, visit.caller, code)
    none = Choice("", visit.translate(_("none: the one below")))
    inputs = [
        Input(
            "name",
            _("Name of the source"),
            is_required=True,
            hint=_(
                "2 to 32 lower-case letters, digits and hyphens; the last part of its topic. Of a "
                "source that there is, this becomes the next version."
            ),
            longest=32,
        ),
        Input(
            "ready_made",
            _("Ready-made format"),
            "select",
            choices=[none, *_ready_made_choices(visit)],
        ),
        _FORMAT,
    ]
    address = sources_address(code)
    return form_page(
        visit,
        visit.translate(_("Declare a source")),
        Form(f"{address}/new", inputs, _("Declare"), values, mistakes, cancel=address),
        _breadcrumbs(visit, code, name),
    )


def _trial_page(
    visit: Visit,
    code: str,
    values: Mapping[str, str],
    *,
    mistakes: Mistakes | None = None,
    tried: TriedSample | None = None,
) -> HTMLResponse:
    with visit.database.snapshot() as connection:
        name = parent_platform_name(connection, visit.caller, code)
        declared = list_sources(
            connection, visit.caller, SourceFilter(platform=code), _MOST_TO_CHOOSE
        )
    choices = [
        Choice("", visit.translate(_("none: the one below"))),
        *(
            Choice(f"declared:{each.name}", each.name)
            for each in declared.items
            if each.is_in_force
        ),
        *(Choice(f"ready-made:{each.value}", each.label) for each in _ready_made_choices(visit)),
    ]
    inputs = [
        Input("source", _("Source or ready-made format"), "select", choices=choices),
        _FORMAT,
        Input(
            "text",
            _("A message, as it is sent"),
            "lines",
            is_required=True,
            hint=_("Nothing of it is kept."),
        ),
        Input(
            "written",
            _("Written as"),
            "select",
            choices=[
                Choice("text", visit.translate(_("text"))),
                Choice("hex", visit.translate(_("bytes in hexadecimal"))),
                Choice("base64", visit.translate(_("bytes in Base64"))),
            ],
            hint=_("Sparkplug B and compressed messages are bytes."),
        ),
        Input(
            "serial_of_topic",
            _("Last part of its topic"),
            hint=_("For a source that reads the serial there."),
            longest=64,
        ),
    ]
    address = sources_address(code)
    form = Form(f"{address}/try", inputs, _("Try"), values, mistakes, cancel=address)
    return visit.render(
        "sources/try.html",
        {
            "title": visit.translate(_("Try a sample")),
            "breadcrumbs": _breadcrumbs(visit, code, name),
            "form": form,
            "tried": tried,
        },
        status=mistakes.status if mistakes else 200,
    )


def _breadcrumbs(visit: Visit, code: str, name: str) -> Breadcrumbs:
    above = platform_breadcrumbs(visit, code, name)
    return [*above, (visit.translate(_("Sources")), sources_address(code))]
