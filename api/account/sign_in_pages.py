"""The door for people: sign in, by password or through a provider, sign out, change a password."""

import base64
import binascii
import hmac
from functools import partial
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.access.access_log import note_access
from api.access.caller import Caller, CurrentCaller
from api.access.cookies import SecretCookie, derived, random_secret
from api.access.gate import FORM_TOKEN_FIELD, GatedRoute
from api.access.known_browsers import browser_of, remember_browser
from api.access.next_page import local_page
from api.access.oidc import OpenIdProvider, Secrets
from api.access.passwords import LONGEST_PASSWORD
from api.access.pending_sign_ins import (
    forget_pending_cookie,
    pending_cookie_of,
    set_pending_cookie,
)
from api.access.second_step import SecondStep
from api.access.sessions import (
    close_session,
    forget_session_cookie,
    session_cookie_of,
    set_session_cookie,
)
from api.access.signing_in import (
    Admitted,
    CodeWanted,
    Visitor,
    change_password,
    give_code,
    sign_in,
    sign_in_by_subject,
)
from api.access.turns import HashingTurns, ProviderTurns
from api.console.announcement import Done, go_on
from api.console.forms import Form as FormOfPage
from api.console.forms import Input, Mistakes, form_page, mistakes_of
from api.console.rendering import render
from api.console.visit import CurrentVisit, Visit
from api.web.clock import Now
from api.web.database import Database
from api.web.language import translator
from api.web.origin import origin_of
from api.web.problems import Kind, Problem, WrongField
from api.web.services import services_of
from jieru.access_entries import AccessKind
from jieru.errors import UserError, WorldError
from jieru.i18n import marked as _

__all__ = ["router", "visitor_of"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_SEE_OTHER: Final = 303
_STALE: Final = 400
_UNKNOWN_PERSON: Final = 422
_AWAY: Final = 503
_PROVIDER_PATIENCE_S: Final = 600

# Before there is a session: the form to sign in has a token as every form has, so that no other
# site can sign a person in under a name of its choice.
_FORM_COOKIE: Final = SecretCookie("jieru_sign_in")
_OIDC_COOKIE: Final = SecretCookie("jieru_oidc", max_age_s=_PROVIDER_PATIENCE_S)

_CODE: Final = "/sign-in/code"
_PASSWORD: Final = "/account/password"  # noqa: S105 - an address
_PASSWORD_INPUTS: Final = (
    Input(
        "old",
        _("Present password"),
        "password",
        is_required=True,
        autocomplete="current-password",
    ),
    Input(
        "new",
        _("New password"),
        "password",
        is_required=True,
        hint=_("At least 12 characters."),
        longest=LONGEST_PASSWORD,
        autocomplete="new-password",
    ),
    Input(
        "again",
        _("New password, again"),
        "password",
        is_required=True,
        longest=LONGEST_PASSWORD,
        autocomplete="new-password",
    ),
)

NextPage = Annotated[str, Query(alias="next")]
Text = Annotated[str, Form()]


@router.get("/sign-in")
def show_sign_in(request: Request, next_page: NextPage = "/") -> Response:
    """The form."""
    return _sign_in_form(request, next_page)


@router.post("/sign-in")
async def take_sign_in(
    request: Request,
    database: Database,
    now: Now,
    name: Text = "",
    password: Text = "",
    form_token: Annotated[str, Form(alias=FORM_TOKEN_FIELD)] = "",
    next_page: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    """A new session, the question for a code, or the form again with what was wrong."""
    if not _is_own_form(request, form_token):
        message = _("This form was open for too long. Send it again.")
        return _sign_in_form(request, next_page, UserError(message), status=_STALE, name=name)
    work = partial(sign_in, database, name, password, visitor_of(request), now=now)
    try:
        admitted = await services_of(request).get(HashingTurns).take(work)
    except Problem as problem:
        response = _sign_in_form(
            request,
            next_page,
            UserError(problem.message, **problem.values),
            status=problem.kind.value.status,
            name=name,
        )
        response.headers.update(problem.headers)
        return response
    return await run_in_threadpool(_go_on, request, database, admitted, next_page)


@router.get(_CODE)
def show_code_form(request: Request, next_page: NextPage = "/") -> Response:
    """The question for a code, to whoever has given a password."""
    if pending_cookie_of(request) is None:
        return RedirectResponse(_door(next_page), _SEE_OTHER)
    return _code_form(request, next_page)


@router.post(_CODE)
def take_code(
    request: Request,
    database: Database,
    now: Now,
    code: Text = "",
    form_token: Annotated[str, Form(alias=FORM_TOKEN_FIELD)] = "",
    next_page: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    """A new session, or the question again with what was wrong."""
    token = pending_cookie_of(request)
    if not _is_own_form(request, form_token):
        token = None
    key = services_of(request).get(SecondStep).key
    admitted = None
    try:
        if token is not None:
            admitted = give_code(database, token, code, visitor_of(request), key, now=now)
    except Problem as problem:
        mistake = UserError(problem.message, **problem.values)
        response = _code_form(request, next_page, mistake, status=problem.kind.value.status)
        response.headers.update(problem.headers)
        return response
    except UserError as error:
        return _code_form(request, next_page, error, status=_AWAY)
    if admitted is None:
        message = _("You were asked for the code too long ago. Sign in again.")
        return _sign_in_form(request, next_page, UserError(message), status=_STALE)
    return _let_in(request, database, admitted, next_page)


@router.get("/sign-in/oidc")
async def go_to_provider(request: Request, next_page: NextPage = "/") -> Response:
    """Off to the provider, with what will tell this browser from another when it is back."""
    provider, secret, page = _provider(request), random_secret(), local_page(next_page)
    work = partial(
        provider.authorization_address,
        _callback(request),
        state=_state(secret, page),
        secrets=_secrets(secret),
    )
    try:
        address = await services_of(request).get(ProviderTurns).take(work)
    except WorldError as error:
        return _sign_in_form(request, page, error, status=_AWAY)
    response = RedirectResponse(address, _SEE_OTHER)
    _OIDC_COOKIE.set(request, response, secret)
    return response


@router.get("/sign-in/oidc/callback")
async def come_back_from_provider(
    request: Request, database: Database, state: str = "", code: str = "", iss: str | None = None
) -> Response:
    """A new session for whom the provider vouches, if they have an account here."""
    work = partial(_come_back, request, database, state, code, iss)
    response = await services_of(request).get(ProviderTurns).take(work)
    _OIDC_COOKIE.forget(request, response)
    return response


@router.post("/sign-out")
def take_sign_out(request: Request, database: Database, caller: CurrentCaller) -> Response:
    """The end of the session, here and in the database."""
    token = session_cookie_of(request)
    if token is not None:
        with database.reading() as connection:
            close_session(connection, token)
    actor, origin = caller.actor.name, caller.actor.origin
    note_access(database.reading, AccessKind.SIGN_OUT, actor=actor, origin=origin)
    response = RedirectResponse("/sign-in", _SEE_OTHER)
    forget_session_cookie(request, response)
    return response


@router.get(_PASSWORD)
def show_password_form(visit: CurrentVisit) -> Response:
    """The form for another password."""
    _require_person(visit.caller)
    return _password_form(visit)


@router.post(_PASSWORD)
async def take_password(
    visit: CurrentVisit, old: Text = "", new: Text = "", again: Text = ""
) -> Response:
    """Another password; every other session of the account ends."""
    _require_person(visit.caller)
    work = partial(_take_password, visit, old, new, again)
    return await services_of(visit.request).get(HashingTurns).take(work)


def _take_password(visit: Visit, old: str, new: str, again: str) -> Response:
    try:
        if new != again:
            reason = UserError("The two new passwords differ.")
            raise Problem(Kind.INVALID_REQUEST, reason.message).about([WrongField("again", reason)])
        change_password(
            visit.database,
            visit.caller,
            old,
            new,
            visitor_of(visit.request),
            session_token=session_cookie_of(visit.request) or "",
            now=visit.now,
        )
    except Problem as problem:
        return _password_form(visit, mistakes_of(visit.request, problem))
    return go_on(_PASSWORD, Done.PASSWORD_CHANGED)


def _come_back(
    request: Request, database: Database, state: str, code: str, iss: str | None
) -> Response:
    provider, secret = _provider(request), _OIDC_COOKIE.read(request)
    page = _page_in(state)
    if secret is None or not _is_same(state, _state(secret, page)):
        message = _("This sign-in was begun elsewhere or too long ago. Try again.")
        return _sign_in_form(request, "/", UserError(message), status=_STALE)
    refusal = UserError(
        "{provider} did not confirm who you are. Try again.", provider=provider.name
    )
    if not code or iss not in (None, provider.issuer):
        return _sign_in_form(request, page, refusal, status=_STALE)
    try:
        subject = provider.subject(_callback(request), code=code, secrets=_secrets(secret))
    except UserError as error:
        return _sign_in_form(request, page, error, status=_STALE)
    except WorldError as error:
        return _sign_in_form(request, page, error, status=_AWAY)
    admitted = sign_in_by_subject(database, provider.issuer, subject, visitor_of(request))
    if admitted is None:
        unknown = UserError(
            "{provider} calls you {subject}, and no account here belongs to that name. Give it "
            "to the administrator.",
            provider=provider.name,
            subject=subject,
        )
        return _sign_in_form(request, page, unknown, status=_UNKNOWN_PERSON)
    return _go_on(request, database, admitted, page)


def _go_on(
    request: Request, database: Database, admitted: Admitted | CodeWanted, next_page: str
) -> Response:
    """Let somebody in, or ask for a code."""
    if isinstance(admitted, Admitted):
        return _let_in(request, database, admitted, next_page)
    query = urlencode({"next": local_page(next_page)})
    response = RedirectResponse(f"{_CODE}?{query}", _SEE_OTHER)
    set_pending_cookie(request, response, admitted.token)
    return response


def _let_in(request: Request, database: Database, admitted: Admitted, next_page: str) -> Response:
    """Go on with a session that nobody can have planted; the one before ends."""
    before = session_cookie_of(request)
    if before is not None:
        with database.reading() as connection:
            close_session(connection, before)
    response = RedirectResponse(local_page(next_page), _SEE_OTHER)
    set_session_cookie(request, response, admitted.session)
    remember_browser(request, response, admitted.browser)
    forget_pending_cookie(request, response)
    _FORM_COOKIE.forget(request, response)
    return response


def _is_own_form(request: Request, form_token: str) -> bool:
    secret = _FORM_COOKIE.read(request)
    return secret is not None and _is_same(form_token, derived(secret, "form"))


def _door(next_page: str) -> str:
    page = local_page(next_page)
    return "/sign-in" if page == local_page("") else f"/sign-in?{urlencode({'next': page})}"


def _code_form(
    request: Request, next_page: str, mistake: UserError | None = None, *, status: int = 200
) -> Response:
    secret = _FORM_COOKIE.read(request) or random_secret()
    page = local_page(next_page)
    response = render(
        request,
        "account/code.html",
        {
            "sign_in_token": derived(secret, "form"),
            "next": page,
            "next_query": urlencode({"next": page}),
            "mistake": _spoken(request, mistake),
        },
        status=status,
    )
    _FORM_COOKIE.set(request, response, secret)
    return response


def _spoken(request: Request, mistake: UserError | WorldError | None) -> str | None:
    if mistake is None:
        return None
    return translator(request)(mistake.message).format(**mistake.values)


def _sign_in_form(
    request: Request,
    next_page: str,
    mistake: UserError | WorldError | None = None,
    *,
    status: int = 200,
    name: str = "",
) -> Response:
    secret = _FORM_COOKIE.read(request) or random_secret()
    page = local_page(next_page)
    provider = services_of(request).find(OpenIdProvider)
    response = render(
        request,
        "account/sign-in.html",
        {
            "sign_in_token": derived(secret, "form"),
            "next": page,
            "name": name,
            "mistake": _spoken(request, mistake),
            "provider": provider,
            "provider_address": f"/sign-in/oidc?{urlencode({'next': page})}",
        },
        status=status,
    )
    _FORM_COOKIE.set(request, response, secret)
    return response


def _password_form(visit: Visit, mistakes: Mistakes | None = None) -> Response:
    return form_page(
        visit,
        visit.translate(_("Change password")),
        FormOfPage(_PASSWORD, _PASSWORD_INPUTS, _("Change password"), mistakes=mistakes),
        breadcrumbs=[],
        explanation=visit.translate(
            _("All other sessions of your account end, and all its personal keys.")
        ),
    )


def _require_person(caller: Caller) -> None:
    """Only people have passwords.

    Raises:
        Problem: the caller is a program with a key.
    """
    if caller.form_token is None:
        raise Problem(Kind.NOT_FOUND)


def visitor_of(request: Request) -> Visitor:
    """Who is at the door."""
    return Visitor(origin_of(request), request.headers.get("user-agent", ""), browser_of(request))


def _provider(request: Request) -> OpenIdProvider:
    provider = services_of(request).find(OpenIdProvider)
    if provider is None:
        raise Problem(Kind.NOT_FOUND)
    return provider


def _callback(request: Request) -> str:
    return str(request.url_for("come_back_from_provider"))


def _secrets(secret: str) -> Secrets:
    return Secrets(nonce=derived(secret, "nonce"), verifier=derived(secret, "verifier"))


def _state(secret: str, page: str) -> str:
    """What the provider hands back: proof of the same browser, and where its user wanted to go."""
    wanted = base64.urlsafe_b64encode(page.encode()).decode()
    return f"{derived(secret, f'state {page}')}.{wanted}"


def _page_in(state: str) -> str:
    try:
        return local_page(base64.urlsafe_b64decode(state.partition(".")[2]).decode())
    except (binascii.Error, ValueError):
        return "/"


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
