"""Pages of the pipeline: a cursor stands after the last row seen, as in every other list."""

from typing import NamedTuple

from api.pipeline.rows import Order, PipelineRow, following, sort_key
from api.web.paging import PageRequest, cut_page, read_cursor

__all__ = ["PageOfRows", "page_of"]


class PageOfRows(NamedTuple):
    """Some rows and the cursor after them."""

    rows: list[PipelineRow]
    next_cursor: str | None


def page_of(rows: list[PipelineRow], order: Order, page: PageRequest) -> PageOfRows:
    """One page of rows in an order.

    Raises:
        Problem: the cursor is none of this list.
    """
    ordered = sorted(((sort_key(row, order), row) for row in rows), key=lambda each: each[0])
    keys = [key for key, _row in ordered]
    after = read_cursor(page.cursor, int, str, str, str)
    place = following(keys, after)
    cut, cursor = cut_page(keys[place : place + page.limit + 1], page.limit)
    return PageOfRows([row for _key, row in ordered[place : place + len(cut)]], cursor)
