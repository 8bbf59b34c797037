"""One kind of record as it is read: page by page, as a file, and one by its address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, LiteralString, Protocol, TypeVar

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from api.web.csv_export import Export
from api.web.filters import State, in_state, today_of
from api.web.listing import Search, Where, find_page
from api.web.paging import KeyPart, PageRequest
from api.web.problems import Kind, Problem
from registry.kinds import KindName

__all__ = ["Filters", "Records", "Row"]

Record = TypeVar("Record")
Listed = TypeVar("Listed")
Row = dict[str, Any]
Filters = Mapping[str, Where | Callable[[Any], Where]]
"""By field of the filter, what it says of a record whose value is the parameter of that name; a
function says it for one value."""

_OF_PAGE: Final = SQL(" WHERE {id} = ANY (%(ids)s) ORDER BY {order}")
_OF_ADDRESS: Final = SQL(" WHERE {address} AND (%(own)s::integer IS NULL OR {visible})")


class _Wanted(Protocol):
    """The filter of a list: a dataclass with a field for each thing that it may say."""

    @property
    def state(self) -> State: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Records(Generic[Record, Listed]):
    """How one kind of record is read, and which records an operator sees.

    `own` is everywhere the id of an operator's only platform; None: somebody who sees all. The
    statements know it as `%(own)s`, and the civil day and the moment as `%(today)s` and `%(now)s`.
    """

    table: str
    order: Mapping[str, type[KeyPart]]
    """The columns of the list's order, which an index of the table has in this order."""
    end: str
    """The column of the first day on which a record is none any more."""
    select: LiteralString
    """The rows that answers are made of, up to WHERE."""
    visible: Where
    """Of the operator whose platform's id is `own`."""
    address: LiteralString
    """The condition on the one record that an address names."""
    parts: Mapping[str, Callable[[Any], object]]
    """What each part of an address must be, to be one at all."""
    missing: str
    """The answer, in English, where an address names no record that the caller sees."""
    filters: Filters
    build: Callable[[Row, datetime], Record]
    """The answer about one row, at a moment."""
    listed: Callable[..., Listed]
    """The answer of one page."""
    export_kind: KindName
    """The kind of import file that the list can be exported to, ..."""
    export_select: LiteralString
    """... and its rows, for the records `ids`."""

    def page(
        self,
        connection: psycopg.Connection,
        own: int | None,
        wanted: _Wanted,
        page: PageRequest,
        now: datetime,
    ) -> Listed:
        """One page of the list.

        Raises:
            Problem: the cursor is none of this list.
        """
        found = find_page(connection, self._search(own, wanted, now), page)
        order = SQL(", ").join(Identifier(self.table, column) for column in self.order)
        of_page = _OF_PAGE.format(id=Identifier(self.table, "id"), order=order)
        values = {**_moment(own, now), "ids": found.ids}
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(SQL(self.select) + of_page, values)
            items = [self.build(row, now) for row in rows]
        return self.listed(items=items, next_cursor=found.next_cursor)

    def export(self, own: int | None, wanted: _Wanted, now: datetime) -> Export:
        """All pages of the list, as an import file."""
        return Export(self.export_kind, self._search(own, wanted, now), self.export_select)

    def one(
        self, connection: psycopg.Connection, own: int | None, now: datetime, **address: object
    ) -> Record:
        """One record.

        Raises:
            Problem: there is no such record, or not for this caller.
        """
        return self.build(self.row(connection, own, now, **address), now)

    def row(
        self, connection: psycopg.Connection, own: int | None, now: datetime, **address: object
    ) -> Row:
        """The row of one record.

        Raises:
            Problem: there is no such record, or not for this caller.
        """
        if all(self.parts[name](value) for name, value in address.items()):
            condition = _OF_ADDRESS.format(
                address=SQL(self.address), visible=self.visible.condition
            )
            with connection.cursor(row_factory=dict_row) as cursor:
                values = {**_moment(own, now), **address}
                row = cursor.execute(SQL(self.select) + condition, values).fetchone()
            if row is not None:
                return row
        raise Problem(Kind.NOT_FOUND, self.missing, **address)

    def _search(self, own: int | None, wanted: _Wanted, now: datetime) -> Search:
        conditions = [
            Where(condition) for condition in in_state(wanted.state, self.table, self.end)
        ]
        values = _moment(own, now)
        if own is not None:
            conditions.append(self.visible)
        for name, where in self.filters.items():
            value = getattr(wanted, name)
            if value is not None and value != "":
                conditions.append(where if isinstance(where, Where) else where(value))
                values[name] = value
        return Search(self.table, self.order, conditions, values)


def _moment(own: int | None, now: datetime) -> dict[str, object]:
    return {"own": own, "today": today_of(now), "now": now}
