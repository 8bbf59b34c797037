"""Opening stocks, for programs that read, and for people's sessions that answer for them."""

from typing import Annotated, Final

import psycopg
from fastapi import APIRouter, Path

from api.access.gate import GatedRoute
from api.opening_stocks.answers import (
    Acceptance,
    OpeningStockAnswer,
    OpeningStockList,
    Withdrawal,
)
from api.opening_stocks.steps import CurrentStockTaker, find_stock
from api.web.database import Database
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _
from verifier.counting.opening_stocks import RecordedStock, list_opening_stocks

__all__ = ["StockId", "router"]

router = APIRouter(prefix="/api/v1/opening-stocks", tags=["procedure"], route_class=GatedRoute)

StockId = Annotated[int, Path(description=_("The opening stock's number."))]
_STEP: Final = problem_responses(
    Kind.NOT_FOUND, Kind.CONFLICT, Kind.TOO_LARGE, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
)


@router.get(
    "",
    summary="List the opening stocks",
    description=_("Withdrawn ones too, in the order in which they were recorded."),
    response_description=_("The opening stocks."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_stocks(database: Database) -> OpeningStockList:
    """All of them."""
    with database.reading() as connection:
        return OpeningStockList(items=[_answer(each) for each in list_opening_stocks(connection)])


@router.post(
    "",
    status_code=201,
    summary="Accept an opening stock",
    description=_(
        "Connections and assignments that were recorded by a day count from their first day, once "
        "another person confirmed it. Only a person's session may."
    ),
    response_description=_("The opening stock."),
    responses=_STEP,
)
def post_stock(taker: CurrentStockTaker, database: Database, new: Acceptance) -> OpeningStockAnswer:
    """Accept."""
    number = taker.accept(new)
    with database.reading() as connection:
        return _read(connection, number)


@router.post(
    "/{stock_id}/confirm",
    summary="Confirm an opening stock",
    description=_("It takes effect. Only a person's session may, and another's than accepted it."),
    response_description=_("The opening stock as it is now."),
    responses=_STEP,
)
def post_confirmation_of_stock(
    taker: CurrentStockTaker, database: Database, stock_id: StockId
) -> OpeningStockAnswer:
    """Confirm."""
    taker.confirm(stock_id)
    with database.reading() as connection:
        return _read(connection, stock_id)


@router.post(
    "/{stock_id}/withdraw",
    summary="Withdraw an opening stock",
    description=_("It stays on record. Only a person's session may."),
    response_description=_("The opening stock as it is now."),
    responses=_STEP,
)
def post_withdrawal_of_stock(
    taker: CurrentStockTaker, database: Database, stock_id: StockId, withdrawal: Withdrawal
) -> OpeningStockAnswer:
    """Withdraw."""
    taker.withdraw(stock_id, withdrawal.reason)
    with database.reading() as connection:
        return _read(connection, stock_id)


def _read(connection: psycopg.Connection, stock_id: int) -> OpeningStockAnswer:
    return _answer(find_stock(connection, stock_id))


def _answer(stock: RecordedStock) -> OpeningStockAnswer:
    return OpeningStockAnswer.model_validate({**stock.to_json_object(), "waits": stock.waits})
