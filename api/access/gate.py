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
from starlette.routing import BaseRoute

from api.access.api_keys import find_key_holder
from api.access.caller import Caller
from api.access.roles import GRANTS, Permission
from api.access.scopes import scope_of
from api.access.sessions import find_session_holder, session_cookie_of
from api.access.table import ROUTES, Public
from api.web.database import request_database
from api.web.language import LANGUAGE_QUERY
from api.web.origin import origin_of
from api.web.problems import Kind, Problem, WrongField
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
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


class GatedRoute(APIRoute):
    """A route that nobody passes whom `ROUTES` does not let in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler behind the gate."""
        handle = super().get_route_handler()
        known = {each.alias for each in get_flat_params(self.dependant)} | {LANGUAGE_QUERY}

        async def handle_if_allowed(request: Request) -> Response:
            needed = ROUTES.get((request.method, self.path_format))
            if needed is not Public:
                caller = await run_in_threadpool(_authenticated, request)
                request.state.caller = caller
                if not isinstance(needed, Permission):
                    raise Problem(Kind.FORBIDDEN)
                require_allowed(caller, needed)
                await _require_meant(request, caller)
            if self.include_in_schema:
                _require_known_query(request, known)
            return await handle(request)

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
