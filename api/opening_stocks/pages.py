"""Opening stocks for people: the list, and the forms to accept, confirm and withdraw one."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.announcement import Done
from api.console.choices import platform_choices
from api.console.forms import (
    Form,
    FormValues,
    Input,
    Mistakes,
    answer_form,
    form_page,
    read_form,
)
from api.console.visit import CurrentVisit, Visit
from api.console.words import Words
from api.opening_stocks.answers import Acceptance, Withdrawal
from api.opening_stocks.routes import StockId
from api.opening_stocks.steps import CurrentStockTaker, find_stock
from jieru.i18n import marked as _
from verifier.counting.opening_stocks import RecordedStock, list_opening_stocks
from verifier.procedure.names import checked_name, is_same_person

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/opening-stocks"
_NEW: Final = f"{_LIST}/new"
_REASON: Final = Input(
    "reason", _("Reason"), "lines", is_required=True, hint=_("Kept for good."), longest=2_000
)


@router.get(_LIST)
def show_stocks(visit: CurrentVisit) -> HTMLResponse:
    """All of them, the latest first."""
    with visit.database.reading() as connection:
        stocks = list_opening_stocks(connection)
    return visit.render(
        "opening-stocks/list.html",
        {
            "stocks": [(each, _state(visit, each)) for each in reversed(stocks)],
            "may_decide": visit.may(Permission.DECIDE),
            "is_own": partial(is_same_person, checked_name(visit.caller.actor.name)),
        },
    )


@router.get(_NEW)
def show_acceptance_form(visit: CurrentVisit) -> HTMLResponse:
    """The form to accept what was recorded by a day."""
    return _acceptance_form(visit, {})


@router.post(_NEW)
def take_acceptance(visit: CurrentVisit, taker: CurrentStockTaker, values: FormValues) -> Response:
    """Accept."""

    def act() -> str:
        taker.accept(read_form(Acceptance, values))
        return _LIST

    return answer_form(
        visit, Done.STEP_TAKEN, act, lambda mistakes: _acceptance_form(visit, values, mistakes)
    )


@router.get(f"{_LIST}/{{stock_id}}/confirm")
def show_confirmation_of_stock(visit: CurrentVisit, stock_id: StockId) -> HTMLResponse:
    """The form of the second person."""
    return _confirmation_form(visit, stock_id)


@router.post(f"{_LIST}/{{stock_id}}/confirm")
def take_confirmation_of_stock(
    visit: CurrentVisit, taker: CurrentStockTaker, stock_id: StockId
) -> Response:
    """Confirm."""

    def act() -> str:
        taker.confirm(stock_id)
        return _LIST

    return answer_form(
        visit, Done.STEP_TAKEN, act, lambda mistakes: _confirmation_form(visit, stock_id, mistakes)
    )


@router.get(f"{_LIST}/{{stock_id}}/withdraw")
def show_withdrawal_of_stock(visit: CurrentVisit, stock_id: StockId) -> HTMLResponse:
    """The form to withdraw one."""
    return _withdrawal_form(visit, stock_id, {})


@router.post(f"{_LIST}/{{stock_id}}/withdraw")
def take_withdrawal_of_stock(
    visit: CurrentVisit, taker: CurrentStockTaker, stock_id: StockId, values: FormValues
) -> Response:
    """Withdraw."""

    def act() -> str:
        taker.withdraw(stock_id, read_form(Withdrawal, values).reason)
        return _LIST

    return answer_form(
        visit,
        Done.WITHDRAWN,
        act,
        lambda mistakes: _withdrawal_form(visit, stock_id, values, mistakes),
    )


def _acceptance_form(
    visit: Visit, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    with visit.database.reading() as connection:
        platforms = platform_choices(connection, visit.caller)
    inputs = (
        Input(
            "stood_on",
            _("Recorded until"),
            "date",
            is_required=True,
            hint=_("What was recorded later, or after you send this, is not accepted by it."),
        ),
        Input(
            "platform",
            _("Platform"),
            "select",
            choices=platforms,
            hint=_("Left empty: of all platforms."),
        ),
        _REASON,
        Input(
            "attachment",
            _("Attachment"),
            hint=_("Where the document behind it is kept, such as a file number."),
            longest=2_000,
        ),
    )
    return form_page(
        visit,
        visit.translate(_("Accept an opening stock")),
        Form(_NEW, inputs, _("Accept"), values, mistakes, cancel=_LIST),
        _breadcrumbs(visit),
        visit.translate(
            _(
                "Connections and machines that were registered by this day count from their first "
                "day, however late they were recorded. Another person must confirm it; neither of "
                "you may then check a count that rests on it."
            )
        ),
    )


def _confirmation_form(
    visit: Visit, stock_id: int, mistakes: Mistakes | None = None
) -> HTMLResponse:
    action = f"{_LIST}/{stock_id}/confirm"
    return form_page(
        visit,
        visit.translate(_("Confirm the opening stock")),
        Form(action, (), _("Confirm"), {}, mistakes, cancel=_LIST),
        _breadcrumbs(visit),
        _told(visit, stock_id),
    )


def _withdrawal_form(
    visit: Visit, stock_id: int, values: Mapping[str, str], mistakes: Mistakes | None = None
) -> HTMLResponse:
    action = f"{_LIST}/{stock_id}/withdraw"
    return form_page(
        visit,
        visit.translate(_("Withdraw the opening stock")),
        Form(action, (_REASON,), _("Withdraw"), values, mistakes, cancel=_LIST),
        _breadcrumbs(visit),
        _told(visit, stock_id),
    )


def _told(visit: Visit, stock_id: int) -> str:
    """Which one a form is about, in one sentence."""
    with visit.database.reading() as connection:
        stock = find_stock(connection, stock_id)
    if stock.platform is None:
        sentence = _(
            "Opening stock {id}: what was recorded by {stood_on} on all platforms counts from its "
            "first day. {by} accepted it: {reason}"
        )
    else:
        sentence = _(
            "Opening stock {id}: what was recorded by {stood_on} on {platform} counts from its "
            "first day. {by} accepted it: {reason}"
        )
    return visit.translate(sentence).format(
        id=stock.id,
        stood_on=stock.stood_on,
        platform=stock.platform,
        by=stock.decided_by,
        reason=stock.reason,
    )


def _breadcrumbs(visit: Visit) -> Sequence[tuple[str, str]]:
    return [(visit.translate(_("Opening stocks")), _LIST)]


def _state(visit: Visit, stock: RecordedStock) -> Words:
    if stock.withdrawn_at is not None:
        return Words("withdrawn", visit.translate(_("withdrawn")), "grey")
    if stock.waits:
        return Words("waits", visit.translate(_("waits for a second person")), "amber")
    return Words("stands", visit.translate(_("in effect")), "green")
