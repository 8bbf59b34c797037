"""The second step of signing in, for the person whose account it is: set up, confirmed, ended."""

from functools import partial
from typing import Annotated, Final

import segno
from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from starlette.responses import Response

from api.access.access_log import note_access
from api.access.attempts import forget_failures
from api.access.delays import code_subject
from api.access.gate import GatedRoute
from api.access.known_browsers import is_browser_known
from api.access.pending_sign_ins import Pending
from api.access.second_factors import (
    begin_factor,
    confirm_factor,
    end_factor,
    enrolment_address,
    factor_of,
    set_up_already,
)
from api.access.second_step import ENROLMENT, SecondStep
from api.access.sessions import close_other_sessions, session_cookie_of
from api.access.signing_in import checked_code, confirmed_account, count_code, wrong_code
from api.access.totp_key import TotpKey
from api.access.turns import HashingTurns
from api.account.sign_in_pages import visitor_of
from api.console.announcement import Done, go_on
from api.console.forms import Form as FormOfPage
from api.console.forms import Input, Mistakes, mistakes_of
from api.console.visit import CurrentVisit, Visit
from api.web.problems import Kind, Problem, WrongField
from api.web.services import services_of
from jieru.access_entries import AccessKind
from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_CONFIRM: Final = f"{ENROLMENT}/confirm"
_END: Final = f"{ENROLMENT}/end"
_SELECT_ACCOUNT: Final = "SELECT id, password_hash IS NOT NULL FROM users WHERE name = %s"

_PASSWORD_INPUT: Final = Input(
    "password",
    _("Present password"),
    "password",
    is_required=True,
    autocomplete="current-password",
)
_CODE_INPUT: Final = Input(
    "code", _("One-time code"), is_required=True, longest=40, autocomplete="one-time-code"
)

Text = Annotated[str, Form()]


@router.get(ENROLMENT)
def show_second_step(visit: CurrentVisit) -> HTMLResponse:
    """What is set up, and the form that sets it up or ends it."""
    return _page(visit)


@router.post(ENROLMENT)
async def take_beginning(visit: CurrentVisit, password: Text = "") -> Response:
    """A new secret, shown this once, to be confirmed by a code of it."""
    work = partial(_begin, visit, password)
    return await services_of(visit.request).get(HashingTurns).take(work)


@router.post(_CONFIRM)
def take_confirmation(visit: CurrentVisit, code: Text = "") -> Response:
    """The recovery codes, shown this once; from now on a code is asked for.

    Sessions that were begun without one end, all but this.
    """
    key, (user_id, _has_password) = _key_of(visit), _account_of(visit)
    _is_known, subject = _counted_under(visit, user_id)
    origin = visitor_of(visit.request).origin
    try:
        count_code(visit.database.reading, origin, subject, now=visit.now)
    except Problem as problem:
        return _secret_page(visit, None, mistakes_of(visit.request, problem))
    with visit.database.changing(visit.caller.actor) as connection:
        codes = confirm_factor(connection, key, user_id, code, visit.now)
        if codes:
            close_other_sessions(connection, user_id, session_cookie_of(visit.request) or "")
            forget_failures(connection, subject, visit.now)
    if codes is None:
        return _page(visit, mistakes_of(visit.request, _expired()))
    if codes:
        return visit.render("account/recovery-codes.html", {"codes": codes})
    note_access(
        visit.database.reading,
        AccessKind.CODE_FAILED,
        actor=visit.caller.actor.name,
        origin=origin,
    )
    return _secret_page(visit, None, mistakes_of(visit.request, _about_code()))


@router.post(_END)
def take_end(visit: CurrentVisit, code: Text = "") -> Response:
    """No code is asked for any more."""
    user_id, _has_password = _account_of(visit)
    visitor, key = visitor_of(visit.request), services_of(visit.request).get(SecondStep).key
    reading = visit.database.reading
    is_known, subject = _counted_under(visit, user_id)
    pending = Pending(user_id, _name_of(visit), is_known)
    try:
        if not checked_code(reading, pending, code, key, visitor.origin, subject, now=visit.now):
            raise _about_code()
    except Problem as problem:
        return _page(visit, mistakes_of(visit.request, problem))
    with visit.database.changing(visit.caller.actor) as connection:
        end_factor(connection, user_id)
    return go_on(ENROLMENT, Done.SECOND_STEP_ENDED)


def _counted_under(visit: Visit, user_id: int) -> tuple[bool, str]:
    """Whether the person's browser is known, and what the person's codes are counted under."""
    browser = visitor_of(visit.request).browser
    with visit.database.reading() as connection:
        is_known = is_browser_known(connection, user_id, browser)
    return is_known, code_subject(user_id, browser if is_known else None)


def _expired() -> Problem:
    return Problem(
        Kind.INVALID_REQUEST,
        _("The code was not given within 15 minutes, so the secret has ended: set it up anew."),
    )


def _begin(visit: Visit, password: str) -> Response:
    key, (user_id, has_password) = _key_of(visit), _account_of(visit)
    with visit.database.reading() as connection:
        factor = factor_of(connection, user_id)
    if factor is not None and factor.confirmed_at is not None:
        raise set_up_already()
    if has_password:
        try:
            confirmed_account(
                visit.database,
                visit.caller,
                password,
                visitor_of(visit.request),
                now=visit.now,
                field=_PASSWORD_INPUT.name,
            )
        except Problem as problem:
            return _page(visit, mistakes_of(visit.request, problem))
    with visit.database.changing(visit.caller.actor) as connection:
        secret = begin_factor(connection, key, user_id)
    return _secret_page(visit, secret)


def _page(visit: Visit, mistakes: Mistakes | None = None) -> HTMLResponse:
    user_id, has_password = _account_of(visit)
    second_step = services_of(visit.request).get(SecondStep)
    with visit.database.reading() as connection:
        factor = factor_of(connection, user_id)
    if factor is not None and factor.confirmed_at is not None:
        form = FormOfPage(_END, (_CODE_INPUT,), _("End the second step"), mistakes=mistakes)
    else:
        factor = None
        inputs = (_PASSWORD_INPUT,) if has_password else ()
        form = FormOfPage(ENROLMENT, inputs, _("Set up the second step"), mistakes=mistakes)
    values = {
        "factor": factor,
        "form": form,
        "is_possible": second_step.key is not None,
        "is_required": second_step.must_be_set_up(visit.caller),
    }
    return visit.render(
        "account/second-step.html", values, status=mistakes.status if mistakes else 200
    )


def _secret_page(
    visit: Visit, secret: str | None, mistakes: Mistakes | None = None
) -> HTMLResponse:
    address = enrolment_address(secret, _name_of(visit)) if secret else ""
    values = {
        "secret": secret,
        "address": address,
        "picture": _qr_code(address) if address else "",
        "form": FormOfPage(_CONFIRM, (_CODE_INPUT,), _("Confirm"), mistakes=mistakes),
        "begin_address": ENROLMENT,
    }
    return visit.render(
        "account/second-step-secret.html", values, status=mistakes.status if mistakes else 200
    )


def _qr_code(text: str) -> Markup:
    """For a phone to read, dark on light whatever the page's colours."""
    picture = segno.make(text, micro=False).svg_inline(scale=4, dark="#000", light="#fff")
    return Markup(picture)  # noqa: S704 - written by segno, which knows squares only


def _about_code() -> Problem:
    problem = wrong_code()
    return problem.about([WrongField(_CODE_INPUT.name, UserError(problem.message))])


def _key_of(visit: Visit) -> TotpKey:
    key = services_of(visit.request).get(SecondStep).key
    if key is None:
        raise Problem(Kind.NOT_FOUND)
    return key


def _name_of(visit: Visit) -> str:
    return visit.caller.actor.name.removeprefix("user:")


def _account_of(visit: Visit) -> tuple[int, bool]:
    """The caller's account, and whether it has a password.

    Raises:
        Problem: the caller is a program with a key.
    """
    if visit.caller.form_token is None:
        raise Problem(Kind.NOT_FOUND)
    with visit.database.reading() as connection:
        row = connection.execute(_SELECT_ACCOUNT, (_name_of(visit),)).fetchone()
    assert row is not None  # noqa: S101 - accounts are for good
    return row[0], row[1]
