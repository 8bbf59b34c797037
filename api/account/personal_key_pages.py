"""Personal keys for their people: which there are, a new one shown once, and its end."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.personal_keys import (
    LONGEST_PERSONAL_LIFE,
    issue_personal_key,
    list_personal_keys,
    revoke_personal_key,
)
from api.account.key_pages import with_end_of_day
from api.console.announcement import Done, go_on
from api.console.forms import Form, FormValues, Input, Mistakes, form_page, mistakes_of, read_form
from api.console.visit import CurrentVisit, Visit
from api.web.problems import Kind, Problem
from api.web.text_gate import GatedTexts
from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/account/personal-keys"
_NEW: Final = "/account/personal-keys/new"
_USUAL_LIFE: Final = timedelta(days=30)


class _NewPersonalKey(GatedTexts):
    """What is said of a key that shall be made."""

    name: str
    expires_at: AwareDatetime


@router.get(_LIST)
def show_personal_keys(visit: CurrentVisit) -> HTMLResponse:
    """The reader's own."""
    user_id = _person(visit)
    with visit.database.reading() as connection:
        keys = list_personal_keys(connection, user_id)
    return visit.render("account/personal-keys.html", {"keys": keys, "now": visit.now})


@router.get(_NEW)
def show_personal_key_form(visit: CurrentVisit) -> HTMLResponse:
    """The form for a new key."""
    _person(visit)
    return _key_form(visit, {"expires_at": str(visit.today + _USUAL_LIFE)})


@router.post(_NEW)
def take_personal_key(visit: CurrentVisit, values: FormValues) -> HTMLResponse:
    """The new key with its text, this once."""
    user_id = _person(visit)
    try:
        wanted = read_form(_NewPersonalKey, with_end_of_day(values))
        with visit.database.changing(visit.caller.actor) as connection:
            key = issue_personal_key(
                connection,
                user_id,
                made_by=visit.caller.actor.name,
                name=wanted.name,
                expires_at=wanted.expires_at,
                now=visit.now,
            )
    except (Problem, UserError) as error:
        return _key_form(visit, values, mistakes_of(visit.request, _problem(error)))
    return visit.render("account/new-personal-key.html", {"key": key, "wanted": wanted})


@router.post("/account/personal-keys/{key_id}/revoke")
def take_end_of_personal_key(visit: CurrentVisit, key_id: str) -> Response:
    """The end of a key."""
    user_id = _person(visit)
    with visit.database.changing(visit.caller.actor) as connection:
        if not revoke_personal_key(connection, user_id, key_id):
            raise Problem(Kind.NOT_FOUND)
    return go_on(_LIST, Done.REVOKED)


def _problem(error: Problem | UserError) -> Problem:
    if isinstance(error, Problem):
        return error
    return Problem(Kind.INVALID_REQUEST, error.message, **error.values)


def _person(visit: Visit) -> int:
    """Whose account it is.

    Raises:
        Problem: the caller is a program with a key.
    """
    if visit.caller.key is not None or visit.caller.user_id is None:
        raise Problem(Kind.NOT_FOUND)
    return visit.caller.user_id


def _key_form(
    visit: Visit, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    inputs = [
        Input("name", _("What it is for"), is_required=True, longest=100),
        Input("expires_at", _("Last day"), "date", is_required=True),
    ]
    explanation = visit.translate(
        _("It stands for you at the command line, for {days} days at most.")
    )
    return form_page(
        visit,
        visit.translate(_("New personal key")),
        Form(_NEW, inputs, _("Create the key"), values, mistakes, cancel=_LIST),
        [(visit.translate(_("Personal keys")), _LIST)],
        explanation.format(days=LONGEST_PERSONAL_LIFE.days - 1),
    )
