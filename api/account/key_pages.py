"""API keys for people: which there are, a new one shown once, and what ends with one."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Annotated, Final

from fastapi import APIRouter
from fastapi import Form as FormField
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission, Role
from api.access.scopes import NARROW, Scope
from api.account.answers import NewApiKey
from api.account.queries import create_key, grantable_roles, list_keys, revoke_key
from api.console.announcement import Done, go_on
from api.console.choices import platform_choices, word_choices
from api.console.forms import Form, FormValues, Input, Mistakes, form_page, mistakes_of, read_form
from api.console.visit import CurrentVisit, Visit
from api.console.words import ROLE_WORDS, SCOPE_WORDS
from api.web.problems import Problem, wrong_value
from jieru.calendar import SHANGHAI, parse_date
from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = ["router", "with_end_of_day"]

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
            "scopes": SCOPE_WORDS,
            "may_change": visit.may(Permission.CHANGE_KEYS),
        },
    )


@router.get(_NEW)
def show_key_form(visit: CurrentVisit) -> HTMLResponse:
    """The form for a new key."""
    last_day = visit.today + _USUAL_LIFE
    values = {"expires_at": str(last_day), "role": Role.OPERATOR.value}
    return _key_form(visit, values | {"scopes": " ".join(NARROW)})


@router.post(_NEW)
def take_key(
    visit: CurrentVisit, typed: FormValues, scopes: Annotated[Sequence[str], FormField()] = ()
) -> HTMLResponse:
    """The new key with its text, this once."""
    platform = visit.caller.platform
    said = {name: value for name, value in typed.items() if name != "scopes"}
    values = said | {"scopes": " ".join(scopes)}
    own = {"role": Role.OPERATOR.value, "platform": platform.code} if platform else {}
    try:
        wanted = _with_scopes(read_form(NewApiKey, {**with_end_of_day(said), **own}), scopes)
        with visit.database.changing(visit.caller.actor) as connection:
            key = create_key(connection, visit.caller, wanted, now=visit.now)
    except Problem as problem:
        return _key_form(visit, values, mistakes_of(visit.request, problem))
    return visit.render("account/new-key.html", {"key": key})


@router.post("/api-keys/{key_id}/revoke")
def take_revocation(
    visit: CurrentVisit, key_id: str, *, credentials: Annotated[bool, FormField()] = False
) -> Response:
    """The end of a key, and of all that it made; what ended is said where there is more."""
    with visit.database.changing(visit.caller.actor) as connection:
        revoked = revoke_key(connection, visit.caller, key_id, with_credentials=credentials)
    if len(revoked.ended) <= 1 and not revoked.credentials:
        return go_on(_LIST, Done.REVOKED)
    may_revoke = visit.may(Permission.CHANGE_CREDENTIALS)
    return visit.render(
        "account/key-ended.html", {"key": revoked, "may_revoke_credentials": may_revoke}
    )


def _with_scopes(wanted: NewApiKey, scopes: Sequence[str]) -> NewApiKey:
    """What was asked, with the boxes that were checked.

    Raises:
        Problem: none was, or one that is no scope.
    """
    if not scopes or not set(scopes) <= set(Scope):
        raise wrong_value("scopes", UserError("Choose at least one of them."))
    return wanted.model_copy(update={"scopes": list(map(Scope, scopes))})


def with_end_of_day(values: Mapping[str, str]) -> dict[str, str]:
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
    # Steps of a count and accounts are for people alone: no program has a use for those scopes.
    for_people = {Scope.PROCEDURE_WRITE, Scope.ACCOUNTS_WRITE}
    offered = [each for each in Scope if each in visit.caller.scopes - for_people]
    inputs = [
        Input("name", _("What it is for"), is_required=True, longest=100),
        Input(
            "scopes",
            _("What it may do"),
            "checkboxes",
            hint=_("As far as its role may, and no more than it needs."),
            choices=word_choices(offered, SCOPE_WORDS, visit.translate),
        ),
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
