"""Accounts of people: who has one, from where it is used, and changes that two people make."""

from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi import Form as FormField
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.access.people_only import require_person
from api.access.roles import Permission, Role
from api.access.users import disable_user, end_sessions, require_other_administrator
from api.administration.account_changes import (
    ChangeKind,
    Outcome,
    confirm_change,
    open_changes,
    propose_change,
    refusing,
    withdraw_change,
)
from api.administration.pages import HOME, PARTS
from api.administration.queries import list_accounts, list_sessions
from api.console.announcement import Done, go_on
from api.console.choices import platform_choices, word_choices
from api.console.forms import Form, FormValues, Input, Mistakes, form_page, mistakes_of, read_form
from api.console.visit import CurrentVisit, Visit
from api.console.words import ROLE_WORDS
from api.web.problems import Kind, Problem
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = f"{HOME}/accounts"
_NEW: Final = f"{_LIST}/new"
_CHANGES: Final = f"{HOME}/account-changes"
_KIND_WORDS: Final = {
    ChangeKind.ADD: _("New account"),
    ChangeKind.ROLE: _("Another role"),
    ChangeKind.RESET: _("Another password"),
    ChangeKind.SECOND_STEP: _("No second step until it is set up anew"),
}


def _people_only(caller: CurrentCaller) -> None:
    """Before anything is read of the request, so that a program learns nothing else."""
    require_person(caller)


_PEOPLE_ONLY: Final = [Depends(_people_only)]


class _Step(StrEnum):
    """What is done to one account."""

    DISABLE = "disable"
    END_SESSIONS = "end-sessions"
    RESET = "reset"
    SECOND_STEP = "second-step"
    ROLE = "role"


class _NewAccount(BaseModel):
    """What the form of a new account asks."""

    name: Annotated[str, Field(max_length=64)]
    display_name: Annotated[str, Field(max_length=200)] = ""
    role: Role
    platform: str | None = None


@router.get(_LIST)
def show_accounts(visit: CurrentVisit) -> HTMLResponse:
    """Who has an account, and which changes wait."""
    with visit.database.snapshot() as connection:
        accounts = list_accounts(connection)
        changes = open_changes(connection)
    own = visit.caller.actor.name
    return visit.render(
        "administration/accounts.html",
        {
            "parts": PARTS,
            "accounts": accounts,
            "names": {each.name: each.display_name for each in accounts},
            "roles": ROLE_WORDS,
            "changes": [
                (each, visit.translate(_KIND_WORDS[each.kind]), each.proposed_by == own)
                for each in changes
            ],
            "is_simulation_here": visit.database.is_simulation(),
            "may_change": visit.may(Permission.CHANGE_ACCOUNTS),
        },
    )


@router.get(_NEW)
def show_new_form(visit: CurrentVisit) -> HTMLResponse:
    """The form of a new account."""
    return _new_form(visit, {})


@router.post(_NEW, dependencies=_PEOPLE_ONLY)
def take_new(visit: CurrentVisit, typed: FormValues) -> Response:
    """A new account, proposed."""
    try:
        wanted = read_form(_NewAccount, typed)
        with visit.database.changing(visit.caller.actor) as connection, refusing():
            outcome = propose_change(
                connection,
                ChangeKind.ADD,
                wanted.name,
                by=visit.caller.actor.name,
                display_name=wanted.display_name,
                role=wanted.role,
                platform=wanted.platform,
            )
    except Problem as problem:
        return _new_form(visit, typed, mistakes_of(visit.request, problem))
    return _after(visit, outcome)


@router.get(f"{_LIST}/{{name}}")
def show_account(visit: CurrentVisit, name: str) -> HTMLResponse:
    """One account, from where it is used, and what may be done to it."""
    with visit.database.snapshot() as connection:
        accounts = list_accounts(connection, name)
        sessions = list_sessions(connection, name)
        platforms = platform_choices(connection, visit.caller)
    if not accounts:
        raise Problem(Kind.NOT_FOUND, _("There is no account {name}."), name=name)
    return visit.render(
        "administration/account.html",
        {
            "account": accounts[0],
            "sessions": sessions,
            "roles": ROLE_WORDS,
            "role_choices": word_choices(Role, ROLE_WORDS, visit.translate),
            "platforms": platforms,
            "breadcrumbs": [
                (visit.translate(_("Administration")), HOME),
                (visit.translate(_("Accounts")), _LIST),
            ],
            "may_change": visit.may(Permission.CHANGE_ACCOUNTS),
        },
    )


@router.post(f"{_LIST}/{{name}}/{{step}}", dependencies=_PEOPLE_ONLY)
def take_step(
    visit: CurrentVisit,
    name: str,
    step: _Step,
    *,
    role: Annotated[Role | None, FormField()] = None,
    platform: Annotated[str, FormField(max_length=64)] = "",
) -> Response:
    """What takes away is done at once; what gives is proposed."""
    by = visit.caller.actor.name
    with visit.database.changing(visit.caller.actor) as connection, refusing():
        if step is _Step.DISABLE:
            require_other_administrator(connection, name)
            disable_user(connection, name)
            return go_on(_LIST, Done.ACCOUNT_DISABLED)
        if step is _Step.END_SESSIONS:
            end_sessions(connection, name)
            return go_on(f"{_LIST}/{name}", Done.SESSIONS_ENDED)
        if step is _Step.ROLE:
            if role is None:
                raise Problem(Kind.REFUSED, _("Choose a role."))
            outcome = propose_change(
                connection,
                ChangeKind.ROLE,
                name,
                by=by,
                role=role,
                platform=platform if role is Role.OPERATOR else None,
            )
        else:
            kind = ChangeKind.RESET if step is _Step.RESET else ChangeKind.SECOND_STEP
            outcome = propose_change(connection, kind, name, by=by)
    return _after(visit, outcome)


@router.post(f"{_CHANGES}/{{change_id}}/confirm", dependencies=_PEOPLE_ONLY)
def take_confirmation(visit: CurrentVisit, change_id: int) -> Response:
    """What another administrator proposed, done."""
    with visit.database.changing(visit.caller.actor) as connection, refusing():
        outcome = confirm_change(connection, change_id, by=visit.caller.actor.name)
    return _after(visit, outcome)


@router.post(f"{_CHANGES}/{{change_id}}/withdraw", dependencies=_PEOPLE_ONLY)
def take_withdrawal(visit: CurrentVisit, change_id: int) -> Response:
    """A proposal that is dropped."""
    with visit.database.changing(visit.caller.actor) as connection, refusing():
        withdraw_change(connection, change_id, by=visit.caller.actor.name)
    return go_on(_LIST, Done.WITHDRAWN)


def _after(visit: Visit, outcome: Outcome) -> Response:
    if not outcome.is_done:
        return go_on(_LIST, Done.PROPOSED)
    if outcome.password is None:
        return go_on(f"{_LIST}/{outcome.name}", Done.ACCOUNT_CHANGED)
    return visit.render(
        "administration/password.html",
        {
            "name": outcome.name,
            "password": outcome.password,
            "breadcrumbs": [
                (visit.translate(_("Administration")), HOME),
                (visit.translate(_("Accounts")), _LIST),
            ],
        },
    )


def _new_form(
    visit: Visit, values: dict[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    with visit.database.reading() as connection:
        platforms = platform_choices(connection, visit.caller)
    inputs = [
        Input(
            "name",
            _("Account"),
            is_required=True,
            longest=64,
            hint=_("Lower-case letters and digits; what its person types to sign in."),
        ),
        Input("display_name", _("Name"), longest=200, hint=_("What pages call its person.")),
        Input(
            "role",
            _("Role"),
            "select",
            is_required=True,
            choices=word_choices(Role, ROLE_WORDS, visit.translate),
        ),
        Input(
            "platform",
            _("Platform"),
            "select",
            hint=_("For a platform operator's account only."),
            choices=platforms,
        ),
    ]
    return form_page(
        visit,
        visit.translate(_("New account")),
        Form(_NEW, inputs, _("Propose the account"), values, mistakes, cancel=_LIST),
        [
            (visit.translate(_("Administration")), HOME),
            (visit.translate(_("Accounts")), _LIST),
        ],
        visit.translate(_("Another administrator confirms it, and is shown its password once.")),
    )
