"""The gate before every route: who is it, may they, and did they really mean it (CSRF).

It runs before the request's body is read, so that nobody who may not send one keeps us busy.
"""

import hmac
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, Final

from fastapi import Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute

from api.access.access_log import RECORDED, note_access
from api.access.api_keys import find_key_holder
from api.access.askers import Askers
from api.access.caller import Caller
from api.access.roles import GRANTS, Permission
from api.access.scopes import scope_of
from api.access.second_step import ENROLMENT, SecondStep
from api.access.sessions import find_session_holder, session_cookie_of
from api.access.table import ROUTES, Public
from api.web.bounds.bounds import Bounds
from api.web.bounds.table import cost_of
from api.web.database import request_database
from api.web.language import LANGUAGE_QUERY
from api.web.origin import origin_of
from api.web.problems import Kind, Problem, WrongField
from api.web.services import services_of
from api.web.text_gate import wrong_texts
from jieru.access_entries import AccessKind, write_access_entry
from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = [
    "FORM_TOKEN_FIELD",
    "FORM_TOKEN_HEADER",
    "GatedRoute",
    "recognise_caller",
    "require_allowed",
    "require_every_route_gated",
]

FORM_TOKEN_FIELD: Final = "form_token"  # noqa: S105 - a name
FORM_TOKEN_HEADER: Final = "X-Form-Token"  # noqa: S105 - a name
_CHANGES_NOTHING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SCHEME: Final = "bearer "
_REFUSED: Final = 400
_NOT_FOUND: Final = 404
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


class GatedRoute(APIRoute):
    """A route that nobody passes whom `ROUTES` does not let in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler behind the gate."""
        handle = super().get_route_handler()
        known = {each.alias for each in get_flat_params(self.dependant)} | {LANGUAGE_QUERY}

        async def handle_if_allowed(request: Request) -> Response:
            name = (request.method, self.path_format)
            needed, recorded = ROUTES.get(name), RECORDED.get(name)
            cost = cost_of(*name)
            askers = services_of(request).get(Askers)
            bounds = services_of(request).get(Bounds)
            await bounds.admit(request, askers.name_of(request), cost)
            if needed is not Public:
                caller = await run_in_threadpool(_authenticated, request)
                request.state.caller = caller
                askers.know(request, caller)
                if not isinstance(needed, Permission):
                    raise Problem(Kind.FORBIDDEN)
                require_allowed(caller, needed)
                if needed is not Permission.USE_OWN_SESSION and _must_enrol(request, caller):
                    return _led_to_enrolment(request)
                await _require_meant(request, caller)
            if self.include_in_schema:
                _require_known_query(request, known)
            _require_texts(request, may_be_nothing=_NOT_FOUND in self.responses)
            if recorded is AccessKind.SECRET:
                await run_in_threadpool(_enter_access, request, recorded)
            if cost.value.line is None or needed is Public:
                response = await handle(request)
            else:
                response = await bounds.heavily(
                    request, cost.value.line, request.state.caller.sender, lambda: handle(request)
                )
            if recorded not in {None, AccessKind.SECRET} and response.status_code < _REFUSED:
                await run_in_threadpool(_note_access, request, recorded)
            return response

        return handle_if_allowed


def recognise_caller(request: Request) -> None:
    """Let a page that is open to everyone know who is signed in, where somebody is."""
    token = session_cookie_of(request)
    if token is not None:
        database = request_database(request)
        request.state.caller = find_session_holder(database, token, origin_of(request))


def require_allowed(caller: Caller, permission: Permission) -> None:
    """Let nobody go on who lacks a permission.

    Raises:
        Problem: the caller does; a key is told which scope it would need, if its role has it.
    """
    if caller.may(permission):
        return
    scope = scope_of(permission)
    if permission in GRANTS[caller.role] and scope is not None:
        raise Problem(
            Kind.FORBIDDEN,
            _("This API key may not do that: it lacks the scope {scope}."),
            scope=scope.value,
        )
    raise Problem(Kind.FORBIDDEN)


def require_every_route_gated(routes: Sequence[BaseRoute]) -> None:
    """Check that each route stands in the table and each line of the table is a route.

    Raises:
        RuntimeError: one does not (a bug).
    """
    ours = [
        each for each in iter_route_contexts(routes) if isinstance(each.original_route, APIRoute)
    ]
    ungated = [each.path_format for each in ours if not isinstance(each.original_route, GatedRoute)]
    if ungated:
        raise RuntimeError(f"not behind the gate: {ungated}")
    found = {(method, each.path_format) for each in ours for method in each.methods or ()}
    if found ^ ROUTES.keys():
        raise RuntimeError(
            f"routes and api/access/table.py differ: {sorted(found ^ ROUTES.keys())}"
        )


def _authenticated(request: Request) -> Caller:
    database = request_database(request)
    origin = origin_of(request)
    authorization = request.headers.get("authorization", "")
    if authorization:
        key = authorization[len(_SCHEME) :].strip()
        caller = (
            find_key_holder(database, key, origin)
            if authorization[: len(_SCHEME)].lower() == _SCHEME
            else None
        )
        if caller is None:
            raise Problem(Kind.UNAUTHENTICATED, _("This API key is unknown, expired or revoked."))
        return caller
    token = session_cookie_of(request)
    caller = find_session_holder(database, token, origin) if token else None
    if caller is None:
        raise Problem(Kind.UNAUTHENTICATED)
    return caller


def _must_enrol(request: Request, caller: Caller) -> bool:
    second_step = services_of(request).find(SecondStep)
    return second_step is not None and second_step.must_be_set_up(caller)


def _led_to_enrolment(request: Request) -> Response:
    """Where somebody is sent who must set up a second step before anything else.

    Raises:
        Problem: it is no page that was asked for.
    """
    is_page = (
        request.method == "GET"
        and "text/html" in request.headers.get("accept", "")
        and "hx-request" not in request.headers
        and not request.url.path.startswith("/api/")
    )
    if not is_page:
        raise Problem(
            Kind.FORBIDDEN,
            _("Set up the second step of your sign-in first, on the page {page}."),
            page=ENROLMENT,
        )
    return RedirectResponse(ENROLMENT, 303)


def _enter_access(request: Request, kind: AccessKind) -> None:
    with request_database(request).reading() as connection:
        write_access_entry(connection, kind, **_of_request(request))


def _note_access(request: Request, kind: AccessKind) -> None:
    note_access(request_database(request).reading, kind, **_of_request(request))


def _of_request(request: Request) -> dict[str, str]:
    caller: Caller = request.state.caller
    query = f"?{request.url.query}" if request.url.query else ""
    return {
        "actor": caller.actor.name,
        "origin": caller.actor.origin,
        "record": request.url.path + query,
    }


def _require_known_query(request: Request, known: Collection[str]) -> None:
    """Refuse what would go unread: a filter with a slip in its name would show everything."""
    times = Counter(name for name, _value in request.query_params.multi_items())
    wrong = [
        WrongField(name, UserError("is not a parameter of this request"), "query")
        for name in times
        if name not in known
    ] + [
        WrongField(name, UserError("may be given once only"), "query")
        for name, number in times.items()
        if name in known and number > 1
    ]
    if wrong:
        message = _("The query has a parameter that is unknown here or stands there twice.")
        raise Problem(Kind.INVALID_REQUEST, message).about(wrong)


def _require_texts(request: Request, *, may_be_nothing: bool) -> None:
    """Refuse an address that holds what no text may; what is in a body, its model refuses.

    Under such a path nothing can be kept, which is the answer of routes that know it.
    """
    path = {name: text for name, text in request.path_params.items() if isinstance(text, str)}
    wrong = wrong_texts(path.items(), "path")
    is_nothing = bool(wrong) and may_be_nothing
    wrong += wrong_texts(request.query_params.multi_items(), "query")
    if wrong:
        reason = wrong[0].reason
        kind = Kind.NOT_FOUND if is_nothing else Kind.INVALID_REQUEST
        raise Problem(kind, reason.message, **reason.values).about(wrong)


async def _require_meant(request: Request, caller: Caller) -> None:
    """Refuse a change that another site's page may have made a browser send."""
    if request.method in _CHANGES_NOTHING or caller.form_token is None:
        return
    token = request.headers.get(FORM_TOKEN_HEADER, "")
    if not token and request.headers.get("content-type", "").startswith(_FORMS):
        token = str((await request.form()).get(FORM_TOKEN_FIELD, ""))
    if not hmac.compare_digest(token.encode(), caller.form_token.encode()):
        raise Problem(
            Kind.FORBIDDEN,
            _("This form is no longer valid. Go back, reload the page and send it again."),
        )
