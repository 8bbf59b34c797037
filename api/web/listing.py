"""Finding one page of a filtered list quickly, however many or few records match.

The database cannot know how many records a text or a status matches, and either plan is slow for
the other case. So we first look near, at some records in the list's order: enough where many
match. Where they are not, few do, and the whole table is read at once, without the detour over
its order. Both are bounded by the table, not by what was heard.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import psycopg
from psycopg.sql import SQL, Composable, Identifier, Placeholder

from api.web.paging import Key, KeyPart, PageRequest, read_cursor, write_cursor

__all__ = ["Found", "Search", "Where", "find_page"]

_NEAR: Final = 1_000
"""So many records in the list's order are looked at first."""

_SELECT_NEAR: Final = SQL("""
    SELECT {id}, {key} FROM (SELECT * FROM {table} WHERE {range} ORDER BY {key} LIMIT {near})
    AS {table} {joins} WHERE {conditions} ORDER BY {key} LIMIT {limit}
""")
_SELECT_FAR: Final = SQL("""
    WITH found AS MATERIALIZED
        (SELECT {id} AS record, {key} FROM {table} {joins} WHERE {range} AND {conditions})
    SELECT * FROM found ORDER BY {plain_key} LIMIT {limit}
""")
_AND: Final = SQL(" AND ")
_COMMA: Final = SQL(", ")


@dataclass(frozen=True, slots=True)
class Where:
    """One condition on the records of a list."""

    condition: Composable
    joins: tuple[Composable, ...] = ()
    """The tables that it speaks of, besides the list's own."""
    is_range: bool = False
    """Whether the index of the list's order answers it."""
    far: Composable | None = None
    """The condition in words that find the few among all; `condition` then is the one that is quick
    to tell of some records, one by one."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a list is looked up by."""

    table: str
    key: Mapping[str, type[KeyPart]]
    """The columns of the list's order, which an index of the table has in this order."""
    conditions: Sequence[Where]
    values: Mapping[str, object]
    """Of the statements' parameters."""


class Found(NamedTuple):
    """One page of a list."""

    ids: list[int]
    next_cursor: str | None


def find_page(connection: psycopg.Connection, search: Search, page: PageRequest) -> Found:
    """The ids of one page's records.

    Raises:
        Problem: the cursor is none of this list.
    """
    after = read_cursor(page.cursor, *search.key.values())
    near = [each.condition for each in search.conditions if not each.is_range]
    keys = _run(connection, _SELECT_NEAR, search, near, after, page.limit)
    if len(keys) <= page.limit:
        far = [each.far or each.condition for each in search.conditions if not each.is_range]
        keys = _run(connection, _SELECT_FAR, search, far, after, page.limit)
    if len(keys) <= page.limit:
        return Found([key[0] for key in keys], None)
    return Found([key[0] for key in keys[:-1]], write_cursor(keys[-2][1:]))


def _run(
    connection: psycopg.Connection,
    select: SQL,
    search: Search,
    conditions: Sequence[Composable],
    after: Key | None,
    limit: int,
) -> Sequence[Key]:
    key = _COMMA.join(Identifier(search.table, column) for column in search.key)
    bounds = [each.condition for each in search.conditions if each.is_range]
    values = dict(search.values)
    if after is not None:
        names = [f"after_{column}" for column in search.key]
        marks = _COMMA.join(Placeholder(name) for name in names)
        bounds.append(SQL("({}) > ({})").format(key, marks))
        values.update(zip(names, after, strict=True))
    statement = select.format(
        id=Identifier(search.table, "id"),
        key=key,
        plain_key=_COMMA.join(Identifier(column) for column in search.key),
        table=Identifier(search.table),
        joins=SQL(" ").join(_joins_of(search)),
        range=_AND.join(bounds or [SQL("true")]),
        conditions=_AND.join(conditions or [SQL("true")]),
        near=_NEAR,
        limit=limit + 1,
    )
    # A plan made for all values of the parameters would be the wrong one for most.
    return connection.execute(statement, values, prepare=False).fetchall()


def _joins_of(search: Search) -> Sequence[Composable]:
    """What its conditions speak of, each table once."""
    joins: list[Composable] = []
    for each in search.conditions:
        joins += [join for join in each.joins if join not in joins]
    return joins
