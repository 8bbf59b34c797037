"""Accepting, confirming and withdrawing an opening stock, as a person with a session does it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import psycopg
from fastapi import Depends

from api.access.caller import Caller, CurrentCaller
from api.access.people_only import require_person
from api.opening_stocks.answers import Acceptance
from api.web.database import Database, RequestDatabase
from api.web.problems import Kind, Problem
from api.web.records import is_record_id
from jieru.errors import UserError
from jieru.i18n import marked as _
from verifier.counting.opening_stocks import (
    RecordedStock,
    accept_opening_stock,
    confirm_opening_stock,
    list_opening_stocks,
    withdraw_opening_stock,
)
from verifier.procedure.names import checked_name

__all__ = ["CurrentStockTaker", "StockTaker", "find_stock"]


def find_stock(connection: psycopg.Connection, stock_id: int) -> RecordedStock:
    """One opening stock; there are a handful of them.

    Raises:
        Problem: there is none.
    """
    for each in list_opening_stocks(connection):
        if each.id == stock_id:
            return each
    raise Problem(Kind.NOT_FOUND, _("There is no opening stock {id}."), id=stock_id)


@dataclass(frozen=True, slots=True)
class StockTaker:
    """Somebody who answers for an opening stock; its instants are the database's."""

    caller: Caller
    database: RequestDatabase

    @property
    def name(self) -> str:
        """Under which it is recorded."""
        return checked_name(self.caller.actor.name)

    def accept(self, new: Acceptance) -> int:
        """Accept what was recorded by a day; another person confirms it. Its number."""
        with _refusals(), self.database.changing(self.caller.actor) as connection:
            return accept_opening_stock(
                connection,
                new.platform,
                new.stood_on,
                reason=new.reason,
                decided_by=self.name,
                attachment=new.attachment,
            )

    def confirm(self, stock_id: int) -> None:
        """Let one take effect that another person accepted."""
        _require_id(stock_id)
        with _refusals(), self.database.changing(self.caller.actor) as connection:
            find_stock(connection, stock_id)
            confirm_opening_stock(connection, stock_id, by=self.name)

    def withdraw(self, stock_id: int, reason: str) -> None:
        """Withdraw one; it stays on record."""
        _require_id(stock_id)
        with _refusals(), self.database.changing(self.caller.actor) as connection:
            find_stock(connection, stock_id)
            withdraw_opening_stock(connection, stock_id, reason=reason, by=self.name)


def _stock_taker(caller: CurrentCaller, database: Database) -> StockTaker:
    require_person(caller)
    return StockTaker(caller, database)


CurrentStockTaker = Annotated[StockTaker, Depends(_stock_taker)]
"""A person; a program is refused before its body is read."""


def _require_id(stock_id: int) -> None:
    if not is_record_id(stock_id):
        raise Problem(Kind.NOT_FOUND, _("There is no opening stock {id}."), id=stock_id)


@contextmanager
def _refusals() -> Iterator[None]:
    """Answer what is refused as a conflict, in its own words.

    Raises:
        Problem: it was refused.
    """
    try:
        yield
    except UserError as error:
        raise Problem(Kind.CONFLICT, error.message, **error.values) from None
