"""Draws and visits for people: published lists, whom they drew, what was found."""

from collections.abc import Mapping
from typing import Annotated, Final

import psycopg
from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.announcement import Done
from api.console.choices import word_choices
from api.console.forms import (
    Form,
    FormValues,
    Input,
    Mistakes,
    answer_form,
    form_page,
    read_form,
)
from api.console.listed import Filtered
from api.console.visit import CurrentVisit, Visit
from api.console.words import PUBLISHER_WORDS, Words
from api.draws.answers import Drawing, NewVisit, Publication
from api.draws.files import FileOfVisit, files_of_visits
from api.draws.routes import list_response
from api.draws.steps import CurrentDrawer, find_draw
from api.web.documents import FILES_FIELD, CurrentStore, FormFiles, KeptFile
from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.trust.draws.bounds import SHARES_PERCENT, sample_sizes, upper_bound
from verifier.trust.draws.listing import list_of_kept_count
from verifier.trust.draws.records import (
    Draw,
    DrawnEnterprise,
    drawn_enterprises,
    list_draws,
    result_of_draw,
)
from verifier.trust.draws.results import Found, Result, finding_of
from verifier.trust.draws.saying import said_of
from verifier.trust.draws.visits import Visit as RecordedVisit
from verifier.trust.draws.visits import list_visits, visits_of_draw
from verifier.trust.draws.words import FOUND_WORDS

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_DRAWS: Final = "/draws"
_USUAL_LISTS: Final = (30, 60, 100, 150, 300)
_TONES: Final[Mapping[Found, str]] = {
    Found.AS_REGISTERED: "green",
    Found.DIFFERS: "amber",
    Found.NOT_FOUND: "red",
    Found.REFUSED: "red",
}
_FOUND_LABELS: Final[Mapping[str, str]] = {str(each): word for each, word in FOUND_WORDS.items()}
_PHOTOGRAPHS: Final = Input(
    FILES_FIELD,
    _("Photographs and files"),
    "files",
    hint=_(
        "At most five: PDF, JPEG, PNG, XLSX, DOCX or ZIP. Others get photographs without their "
        "position."
    ),
)
_DIGESTS: Final = Input(
    "documents",
    _("SHA-256 of photographs"),
    longest=2_000,
    hint=_("As sha256sum prints them, with spaces between; keep the files yourself."),
)
"""Where this installation keeps no files."""
_YearText = Annotated[str, Query(max_length=4, pattern=r"^[0-9]*$")]


@router.get(_DRAWS)
def show_draws(visit: CurrentVisit) -> HTMLResponse:
    """Every draw with its state, and how many visits tell how much."""
    with visit.database.snapshot() as connection:
        draws = list_draws(connection)
        results = [result_of_draw(each, drawn_enterprises(connection, each)) for each in draws]
    rows = [
        (draw, result, _state(visit, draw, result))
        for draw, result in zip(draws, results, strict=True)
    ]
    return visit.render(
        "draws/list.html",
        {
            "rows": rows,
            "may_publish": visit.may(Permission.ADVANCE_COUNTS),
            "may_visit": visit.may(Permission.DECIDE),
            **_sizes(()),
        },
    )


@router.get(f"{_DRAWS}/publish")
def show_publication_form(visit: CurrentVisit, year: _YearText = "") -> HTMLResponse:
    """The form to publish a list, under what so many visits would tell."""
    return _publication_form(visit, {"year": year})


@router.post(f"{_DRAWS}/publish")
def take_publication(visit: CurrentVisit, drawer: CurrentDrawer, values: FormValues) -> Response:
    """Publish a list."""

    def act() -> str:
        return f"{_DRAWS}/{drawer.publish(read_form(Publication, values)).id}"

    return answer_form(
        visit,
        Done.STEP_TAKEN,
        act,
        lambda mistakes: _publication_form(visit, values, mistakes),
    )


@router.get(f"{_DRAWS}/{{draw_id}}")
def show_draw(visit: CurrentVisit, draw_id: int) -> HTMLResponse:
    """One draw: what was published, whom it drew, and what was found."""
    with visit.database.snapshot() as connection:
        draw = find_draw(connection, draw_id)
        drawn = drawn_enterprises(connection, draw)
        visits = visits_of_draw(draw, drawn, list_visits(connection, draw.year))
        files = files_of_visits(connection, visits)
    result = result_of_draw(draw, drawn)
    said = said_of(result.to_json_object()) if result else None
    return visit.render(
        "draws/draw.html",
        {
            "draw": draw,
            "state": _state(visit, draw, result),
            "result": result,
            "said": _spoken(visit, said) if said else "",
            "strata": _strata(visit, draw, drawn),
            "drawn": [(each, _finding(visit, each)) for each in drawn],
            "visits": [_row(visit, each, files[each.id]) for each in visits],
            "bound_if_none": upper_bound(draw.listed, visited=draw.size, found=0),
            "is_due": visit.steps_today >= draw.announced_on,
            "may_draw": visit.may(Permission.ADVANCE_COUNTS),
            "may_visit": visit.may(Permission.DECIDE),
        },
    )


@router.get(f"{_DRAWS}/{{draw_id}}/list.csv")
def get_list_of_draw(visit: CurrentVisit, draw_id: int) -> Response:
    """The list as a file."""
    with visit.database.reading() as connection:
        return list_response(find_draw(connection, draw_id))


@router.get(f"{_DRAWS}/{{draw_id}}/draw")
def show_drawing_form(visit: CurrentVisit, draw_id: int) -> HTMLResponse:
    """The form to draw a published list."""
    return _drawing_form(visit, draw_id, {})


@router.post(f"{_DRAWS}/{{draw_id}}/draw")
def take_drawing(
    visit: CurrentVisit, drawer: CurrentDrawer, draw_id: int, values: FormValues
) -> Response:
    """Draw a published list."""

    def act() -> str:
        drawer.draw(draw_id, read_form(Drawing, values))
        return f"{_DRAWS}/{draw_id}"

    return answer_form(
        visit,
        Done.STEP_TAKEN,
        act,
        lambda mistakes: _drawing_form(visit, draw_id, values, mistakes),
    )


@router.get("/visits")
def show_visits(visit: CurrentVisit, year: _YearText = "") -> HTMLResponse:
    """Every visit, those of enterprises that were not drawn too."""
    with visit.database.snapshot() as connection:
        visits = list_visits(connection, int(year) if year else None)
        files = files_of_visits(connection, visits)
    return visit.render(
        "draws/visits.html",
        {
            "visits": [_row(visit, each, files[each.id]) for each in reversed(visits)],
            "may_visit": visit.may(Permission.DECIDE),
        },
    )


@router.get("/visits/new")
def show_visit_form(
    visit: CurrentVisit,
    store: CurrentStore,
    year: _YearText = "",
    platform: Filtered = "",
    uscc: Filtered = "",
) -> HTMLResponse:
    """The form of a visit."""
    typed = {"year": year or str(visit.today.year), "platform": platform, "uscc": uscc}
    return _visit_form(visit, typed, takes_files=store is not None)


@router.post("/visits/new")
def take_visit(
    visit: CurrentVisit, drawer: CurrentDrawer, values: FormValues, files: FormFiles
) -> Response:
    """Put a visit on record."""

    def act() -> str:
        recorded = drawer.record_visit(read_form(NewVisit, values), files)
        return f"{_DRAWS}/{recorded.draw_id}" if recorded.draw_id else "/visits"

    takes_files = drawer.store is not None
    return answer_form(
        visit,
        Done.STEP_TAKEN,
        act,
        lambda mistakes: _visit_form(visit, values, mistakes, takes_files=takes_files),
    )


def _publication_form(
    visit: Visit, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    year = values.get("year", "")
    listed = 0
    if year.isascii() and year.isdigit() and len(year) == len("2026"):
        with visit.database.snapshot() as connection:
            listed = _listed(connection, int(year))
    inputs = [
        Input("year", _("Year of the count"), "number", is_required=True),
        Input(
            "size",
            _("To visit"),
            "number",
            is_required=True,
            hint=_("At least one of each platform; the table says how much so many visits tell."),
        ),
        Input(
            "announced_source",
            _("Source of the public value"),
            is_required=True,
            longest=200,
            hint=_("Something that nobody can choose, such as a lottery's round: name it exactly."),
        ),
        Input(
            "announced_on",
            _("The day on which the value comes to be"),
            "date",
            is_required=True,
            hint=_("Tomorrow at the earliest; nobody draws before that day."),
        ),
        Input(
            "value_form",
            _("How the value is spelled"),
            is_required=True,
            longest=200,
            hint=_(
                "With a 0 for each digit, such as 00 00 00 00 00 00 + 00, or an earlier value: the "
                "value can be written in this one way only. Say in the source in which order its "
                "numbers stand."
            ),
        ),
        Input(
            "commitment",
            _("SHA-256 of the sealed seed"),
            longest=64,
            hint=_(
                "The finance bureau keeps a file with a random line sealed until the draw, and "
                "tells its SHA-256 now. Without one the public value alone decides."
            ),
        ),
    ]
    form = Form(f"{_DRAWS}/publish", inputs, _("Publish the list"), values, mistakes, cancel=_DRAWS)
    return visit.render(
        "draws/publish.html",
        {"form": form, "year": year, "listed": listed, **_sizes((listed,) if listed else ())},
        status=mistakes.status if mistakes else 200,
    )


def _drawing_form(
    visit: Visit, draw_id: int, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    with visit.database.reading() as connection:
        draw = find_draw(connection, draw_id)
    inputs = [
        Input(
            "public_value",
            _("Public value"),
            is_required=True,
            longest=200,
            hint=visit.translate(
                _("As the source said it, spelled as {form} (each 0 is one digit).")
            ).format(form=draw.value_form),
        )
    ]
    if draw.commitment is not None:
        inputs.append(
            Input(
                "revealed",
                _("What was sealed"),
                is_required=True,
                longest=10_000,
                hint=_("The line in the file that the finance bureau opens now."),
            )
        )
    address = f"{_DRAWS}/{draw_id}"
    form = Form(f"{address}/draw", inputs, _("Draw for good"), values, mistakes, cancel=address)
    explanation = visit.translate(
        _("{size} of {listed} enterprises are drawn, by {source} of {day}.")
    ).format(
        size=draw.size,
        listed=draw.listed,
        source=draw.announced_source,
        day=draw.announced_on.isoformat(),
    )
    return form_page(
        visit,
        visit.translate(_("Draw")),
        form,
        [(visit.translate(_("Draws and visits")), _DRAWS), (_title(visit, draw), address)],
        explanation,
    )


def _visit_form(
    visit: Visit,
    values: Mapping[str, str],
    mistakes: Mistakes | None = None,
    *,
    takes_files: bool,
) -> HTMLResponse:
    inputs = [
        Input("year", _("Year of the count"), "number", is_required=True),
        Input("platform", _("Platform code"), is_required=True, longest=100),
        Input("uscc", _("Unified social credit code"), is_required=True, longest=100),
        Input("visited_on", _("Visited on"), "date", is_required=True),
        Input("first_visitor", _("Visitor"), is_required=True, longest=100),
        Input("second_visitor", _("Second visitor"), is_required=True, longest=100),
        Input(
            "found",
            _("Finding"),
            "select",
            is_required=True,
            choices=word_choices(Found, _FOUND_LABELS, visit.translate),
            hint=_("What is not as registered or not found opens a case."),
        ),
        Input(
            "notes",
            _("What they saw"),
            "lines",
            is_required=True,
            longest=4_000,
            hint=_("Which machines, whether they run, whose name is at the gate; kept for good."),
        ),
        _PHOTOGRAPHS if takes_files else _DIGESTS,
        Input("case_id", _("Case (number)"), "number", hint=_("Where it belongs to one already.")),
    ]
    form = Form("/visits/new", inputs, _("Record"), values, mistakes, cancel=_DRAWS)
    return form_page(
        visit,
        visit.translate(_("Record a visit")),
        form,
        [(visit.translate(_("Draws and visits")), _DRAWS)],
        visit.translate(_("Two people go together, unannounced. What is recorded stays.")),
    )


def _listed(connection: psycopg.Connection, year: int) -> int:
    found = list_of_kept_count(connection, year, is_submitted=False)
    return len(found.rows) if found else 0


def _sizes(lists: tuple[int, ...]) -> dict[str, object]:
    """The table of sizes: for these lists, or for usual ones."""
    return {"shares": SHARES_PERCENT, "sizes": sample_sizes(lists or _USUAL_LISTS)}


def _title(visit: Visit, draw: Draw) -> str:
    return visit.translate(_("Draw {id} of {year}")).format(id=draw.id, year=draw.year)


def _state(visit: Visit, draw: Draw, result: Result | None) -> Words:
    if result is None:
        is_due = visit.steps_today >= draw.announced_on
        said = _("to be drawn now") if is_due else _("waits for its value")
        return Words("published", visit.translate(said), "amber" if is_due else "info")
    if result.is_whole:
        return Words("visited", visit.translate(_("all visited")), "green")
    return Words("drawn", visit.translate(_("drawn, visits go on")), "info")


def _strata(
    visit: Visit, draw: Draw, drawn: list[DrawnEnterprise]
) -> list[tuple[Mapping[str, object], str, int]]:
    """What the bureau may know of each stratum: its facts, its publisher, how many were drawn."""
    return [
        (
            each,
            visit.translate(PUBLISHER_WORDS[each["publisher"]]),
            sum((one.platform, one.stratum) == (each["platform"], each["number"]) for one in drawn),
        )
        for each in draw.strata
    ]


def _finding(visit: Visit, drawn: DrawnEnterprise) -> Words | None:
    return _found_words(visit, finding_of(drawn.findings)) if drawn.found else None


def _row(
    visit: Visit, each: RecordedVisit, files: list[FileOfVisit]
) -> tuple[RecordedVisit, Words, list[KeptFile], list[str]]:
    """A visit with its files that are kept here, and the digests of those that are not."""
    kept = [known.file for known in files]
    here = {known.sha256 for known in kept}
    elsewhere = [digest for digest in each.documents if digest not in here]
    return each, _found_words(visit, Found(each.found)), kept, elsewhere


def _found_words(visit: Visit, found: Found) -> Words:
    return Words(found, visit.translate(FOUND_WORDS[found]), _TONES[found])


def _spoken(visit: Visit, said: UserError) -> str:
    return visit.translate(said.message).format(**said.values)
