"""Lists on a page: their filter, and the addresses of their pages and of their export."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, ClassVar, Protocol, TypeVar
from urllib.parse import urlencode

from fastapi import Query
from fastapi.responses import HTMLResponse
from pydantic import AfterValidator

from api.console.visit import Visit
from api.web.paging import PageRequest
from jieru.text import read_as_meant

__all__ = [
    "Filtered",
    "Wanted",
    "filter_of",
    "list_address",
    "page_addresses",
    "query_of",
    "render_list",
]

Filter = TypeVar("Filter")

Filtered = Annotated[
    str, Query(max_length=100, pattern=r"^[^\x00]*$"), AfterValidator(read_as_meant)
]
"""One value of a filter; a form sends an empty text for a field that was left empty."""


class Wanted(Protocol):
    """The filter of a page's list, a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


def query_of(wanted: Wanted) -> dict[str, object]:
    """A filter as the address says it: what is as it is by default is not said."""
    return {
        each.name: None if value == each.default else value
        for each in fields(wanted)
        for value in [getattr(wanted, each.name)]
    }


def filter_of(model: type[Filter], wanted: Wanted) -> Filter:
    """The filter of the API's list that says the same; a field left empty says nothing."""
    return model(**{each.name: getattr(wanted, each.name) or None for each in fields(wanted)})


def list_address(path: str, wanted: Mapping[str, object]) -> str:
    """The address of a filtered list, without what was left empty."""
    query = urlencode({name: str(value) for name, value in wanted.items() if value})
    return f"{path}?{query}" if query else path


def page_addresses(
    path: str, wanted: Mapping[str, object], page: PageRequest, next_cursor: str | None
) -> dict[str, str | None]:
    """Where the first and the next page of a list are, as the templates name them."""
    following = {**wanted, "cursor": next_cursor}
    return {
        "first_address": list_address(path, wanted) if page.cursor else None,
        "next_address": list_address(path, following) if next_cursor else None,
    }


def render_list(
    visit: Visit,
    name: str,
    path: str,
    wanted: Mapping[str, object],
    page: PageRequest,
    next_cursor: str | None,
    values: Mapping[str, object],
) -> HTMLResponse:
    """A list with its filter; for htmx, only its rows.

    Args:
        visit: who asks.
        name: of the folder of its templates, `list.html` and `rows.html`, and id of the part that
            a filter changes.
        path: of the page.
        wanted: the filter, as the address says it.
        page: which is shown.
        next_cursor: of the page after it.
        values: what the templates show.
    """
    is_part = visit.wants_part(name)
    response = visit.render(
        f"{name}/{'rows' if is_part else 'list'}.html",
        {**values, **page_addresses(path, wanted, page, next_cursor)},
    )
    if is_part:
        # The address bar follows the filter, without what was left empty.
        response.headers["HX-Push-Url"] = list_address(path, {**wanted, "cursor": page.cursor})
    return response
