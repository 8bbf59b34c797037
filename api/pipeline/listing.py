"""Pages of the pipeline: a cursor stands after the last row seen, as in every other list."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from fastapi import Query

from api.pipeline.rows import Order, PipelineRow, Stage, following, matching, sort_key
from api.web.filters import PlatformFilter, TextFilter
from api.web.paging import PageRequest, cut_page, read_cursor
from jieru.i18n import marked as _
from verifier.counting.outlook import Result

__all__ = ["PageOfRows", "PipelineFilter", "page_of"]


@dataclass(frozen=True, slots=True)
class PipelineFilter:
    """Which enterprises the pipeline holds, and in which order; None: all."""

    platform: PlatformFilter = None
    result: Annotated[Result | None, Query(description=_("Where it stands; by default all."))] = (
        None
    )
    lacks: Annotated[
        Stage | None, Query(description=_("A stage that it has not passed; by default all."))
    ] = None
    text: TextFilter = None
    """Part of its uscc or name."""
    sort: Annotated[
        Order, Query(description=_("What the list is sorted by, what asks for something first."))
    ] = Order.URGENCY

    def of(self, rows: Iterable[PipelineRow]) -> list[PipelineRow]:
        """The rows that fit."""
        return matching(
            rows, platform=self.platform, result=self.result, lacks=self.lacks, text=self.text
        )


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
