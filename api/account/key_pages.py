"""API keys for people: which there are, a new one shown once, and its end."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission, Role
from api.account.answers import NewApiKey
from api.account.queries import create_key, grantable_roles, list_keys, revoke_key
from api.console.announcement import Done, go_on
from api.console.choices import platform_choices, word_choices
from api.console.forms import Form, FormValues, Input, Mistakes, form_page, mistakes_of, read_form
from api.console.visit import CurrentVisit, Visit
from api.console.words import ROLE_WORDS
from api.web.problems import Problem
from jieru.calendar import SHANGHAI, parse_date
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/api-keys"
_NEW: Final = "/api-keys/new"
_USUAL_LIFE: Final = timedelta(days=365)


@router.get(_LIST)
def show_keys(visit: CurrentVisit) -> HTMLResponse:
    """All keys that the reader may see."""
    with visit.database.reading() as connection:
        keys = list_keys(connection, visit.caller)
    return visit.render(
        "account/keys.html",
        {
            "keys": keys,
            "now": visit.now,
            "roles": ROLE_WORDS,
            "may_change": visit.may(Permission.CHANGE_KEYS),
        },
    )


@router.get(_NEW)
def show_key_form(visit: CurrentVisit) -> HTMLResponse:
    """The form for a new key."""
    last_day = visit.today + _USUAL_LIFE
    return _key_form(visit, {"expires_at": str(last_day), "role": Role.OPERATOR.value})


@router.post(_NEW)
def take_key(visit: CurrentVisit, values: FormValues) -> HTMLResponse:
    """The new key with its text, this once."""
    platform = visit.caller.platform
    own = {"role": Role.OPERATOR.value, "platform": platform.code} if platform else {}
    try:
        wanted = read_form(NewApiKey, {**_with_instant(values), **own})
        with visit.database.changing(visit.caller.actor) as connection:
            key = create_key(connection, visit.caller, wanted, now=visit.now)
    except Problem as problem:
        return _key_form(visit, values, mistakes_of(visit.request, problem))
    return visit.render("account/new-key.html", {"key": key})


@router.post("/api-keys/{key_id}/revoke")
def take_revocation(visit: CurrentVisit, key_id: str) -> Response:
    """The end of a key."""
    with visit.database.changing(visit.caller.actor) as connection:
        revoke_key(connection, visit.caller, key_id)
    return go_on(_LIST, Done.REVOKED)


def _with_instant(values: Mapping[str, str]) -> dict[str, str]:
    """The last day on which a key opens the door, as the instant of its end."""
    try:
        last = parse_date(values.get("expires_at", ""))
        end = datetime.combine(last + timedelta(days=1), time(), SHANGHAI)
    except (ValueError, OverflowError):
        return dict(values)
    return {**values, "expires_at": end.isoformat()}


def _key_form(
    visit: Visit, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    inputs = [
        Input("name", _("What it is for"), is_required=True, longest=100),
        Input("expires_at", _("Last day"), "date", is_required=True),
    ]
    if visit.caller.platform is None:
        with visit.database.reading() as connection:
            platforms = platform_choices(connection, visit.caller)
        roles = word_choices(grantable_roles(visit.caller), ROLE_WORDS, visit.translate)
        hint = _("For a platform operator's key only.")
        inputs[1:1] = [
            Input("role", _("Role"), "select", is_required=True, choices=roles),
            Input("platform", _("Platform"), "select", hint=hint, choices=platforms),
        ]
    return form_page(
        visit,
        visit.translate(_("New API key")),
        Form(_NEW, inputs, _("Create the key"), values, mistakes, cancel=_LIST),
        [(visit.translate(_("API keys")), _LIST)],
        visit.translate(_("Its text is shown once, on the next page.")),
    )
